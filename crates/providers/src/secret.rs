//! Keys of paid endpoints: named in the configuration by where they are, read when they are needed, never shown.

use std::{fmt, path::PathBuf};

use serde::Deserialize;

use crate::error::ProviderError;

/// A key. It has no `Display`, and its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    /// The key itself, for the header that carries it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// Returns a text in which the key does not stand, whatever a server quotes.
    pub(crate) fn hidden_in(&self, text: &str) -> String {
        text.replace(&self.0, "…")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

/// Where a key is. Neither: the endpoint needs none, as servers on one's own machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct KeySource {
    /// The environment variable that holds it.
    pub key_env: Option<String>,
    /// The file that holds it, as container secrets are given.
    pub key_file: Option<PathBuf>,
}

impl KeySource {
    /// Reads the key for `provider`. A file is read each time, so that a key can be changed without a restart.
    ///
    /// # Errors
    /// [`ProviderError::Misconfigured`] where a place is named and no key is there.
    pub(crate) fn read(&self, provider: &str) -> Result<Option<Secret>, ProviderError> {
        let wrong = |message: String| ProviderError::Misconfigured { provider: provider.to_owned(), message };
        let key = match (&self.key_env, &self.key_file) {
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => return Err(wrong("name key_env or key_file, not both".to_owned())),
            (Some(variable), None) => std::env::var(variable)
                .map_err(|_| wrong(format!("the environment variable {variable} of its key is not set")))?,
            (None, Some(file)) => std::fs::read_to_string(file)
                .map_err(|error| wrong(format!("the file {} of its key: {error}", file.display())))?,
        };
        let key = key.trim();
        // It goes into a header; what cannot stand there would be an error that quotes it.
        if key.is_empty() || !key.chars().all(|letter| letter.is_ascii_graphic()) {
            return Err(wrong("its key is empty, or has letters that no key has".to_owned()));
        }
        Ok(Some(Secret(key.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_from_its_file_and_never_shown() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("key");
        std::fs::write(&file, "sk-very-secret\n").expect("written");
        let source = KeySource { key_file: Some(file.clone()), key_env: None };
        let key = source.read("chat").expect("read").expect("there");
        assert_eq!(key.reveal(), "sk-very-secret");
        assert!(!format!("{key:?}").contains("very"));
        assert_eq!(key.hidden_in("wrong key sk-very-secret!"), "wrong key …!");

        std::fs::write(&file, "two words").expect("written");
        let error = source.read("chat").unwrap_err();
        assert!(!error.to_string().contains("words"), "{error}");
    }

    #[test]
    fn a_key_that_is_not_there_is_a_setting_to_mend() {
        assert_eq!(KeySource::default().read("chat"), Ok(None));
        let source =
            KeySource { key_env: Some("SEGUE_TEST_KEY_THAT_NOBODY_SETS".to_owned()), key_file: None };
        let error = source.read("chat").unwrap_err();
        assert_eq!(error.code(), "provider-misconfigured");
        assert!(error.to_string().contains("SEGUE_TEST_KEY_THAT_NOBODY_SETS"), "{error}");
    }
}
