//! Names of things: a file inside a project, the key of its jobs, the hash of its content.
//!
//! A path comes from a job's input, so from outside: it is a plain relative one or it is refused. Nothing here follows a link.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// A file's path inside its project: relative, with `/`, without `..`, no control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RelPath(String);

/// A text that is no path inside a project.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no plain relative path inside a project")]
pub struct InvalidPath(pub String);

impl RelPath {
    /// Longest path, in bytes.
    pub const MAX_LEN: usize = 4096;

    /// Checks a text.
    ///
    /// # Errors
    /// [`InvalidPath`] for an empty or absolute path, one with `.`, `..` or an empty part, with a backslash or a control
    /// character.
    pub fn new(text: &str) -> Result<Self, InvalidPath> {
        let plain = |part: &str| !part.is_empty() && part != "." && part != "..";
        let ok = text.len() <= Self::MAX_LEN
            && text.split('/').all(plain)
            && !text.chars().any(|letter| letter.is_control() || letter == '\\');
        if ok { Ok(Self(text.to_owned())) } else { Err(InvalidPath(text.chars().take(200).collect())) }
    }

    /// The path of `full` inside `root`; none where it is outside, or not text.
    #[must_use]
    pub fn inside(root: &Path, full: &Path) -> Option<Self> {
        Self::new(full.strip_prefix(root).ok()?.to_str()?).ok()
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where it is below a root.
    #[must_use]
    pub fn under(&self, root: &Path) -> PathBuf {
        root.join(&self.0)
    }

    /// As an argument of a command: never taken for an option, whatever it begins with.
    #[must_use]
    pub fn argument(&self) -> String {
        format!("./{}", self.0)
    }

    /// The last part of the name behind a dot; empty where there is none.
    #[must_use]
    pub fn extension(&self) -> &str {
        Path::new(&self.0).extension().and_then(|extension| extension.to_str()).unwrap_or("")
    }

    /// The folders that it is in, the nearest first, down to the project's own (empty).
    pub fn folders(&self) -> impl Iterator<Item = &str> {
        let mut rest = Some(self.as_str());
        std::iter::from_fn(move || {
            let path = rest.filter(|path| !path.is_empty())?;
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            rest = Some(folder);
            Some(folder)
        })
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for RelPath {
    type Error = InvalidPath;

    fn try_from(text: String) -> Result<Self, InvalidPath> {
        Self::new(&text)
    }
}

impl From<RelPath> for String {
    fn from(path: RelPath) -> Self {
        path.0
    }
}

/// The key of a file's jobs: always the same for one path, so that only one of them lives at a time. Its beginning is for
/// people, its end tells files apart.
#[must_use]
pub fn job_key(project: &str, file: &RelPath) -> String {
    const SHOWN: usize = 60;
    let digest = blake3::hash(format!("{project}\0{file}").as_bytes()).to_hex();
    let plain = |letter: char| {
        if letter.is_ascii_alphanumeric() || "._-".contains(letter) { letter } else { '_' }
    };
    let shown: String = file.as_str().chars().map(plain).collect();
    let shown = &shown[shown.len().saturating_sub(SHOWN)..];
    format!("{project}.{shown}.{}", &digest[..12])
}

/// BLAKE3 of a content, hexadecimal.
#[must_use]
pub fn content_hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::{RelPath, job_key};

    #[test]
    fn a_path_stays_inside_its_project() {
        for wrong in ["", "/etc/passwd", "../x", "a/../b", "a//b", "./a", "a\nb", "a\\b", "a/"] {
            assert!(RelPath::new(wrong).is_err(), "{wrong:?}");
        }
        let path = RelPath::new("-rf; $(touch x) 'ä'/b.rs").expect("an odd one, but inside");
        assert_eq!(path.argument(), "./-rf; $(touch x) 'ä'/b.rs");
        assert_eq!(path.extension(), "rs");
    }

    #[test]
    fn folders_go_from_the_nearest_to_the_projects_own() {
        let path = RelPath::new("a/b/c.rs").expect("a path");
        assert_eq!(path.folders().collect::<Vec<_>>(), ["a/b", "a", ""]);
        assert_eq!(RelPath::new("c.rs").expect("a path").folders().collect::<Vec<_>>(), [""]);
    }

    #[test]
    fn a_key_tells_paths_apart_that_look_alike() {
        let key = |text: &str| job_key("demo", &RelPath::new(text).expect("a path"));
        assert_eq!(key("src/a.rs"), key("src/a.rs"));
        assert_ne!(key("src/a.rs"), key("src_a.rs"));
        let long = key(&format!("{}/a b.rs", "x".repeat(3000)));
        assert!(long.len() < 128 && !long.contains(['/', ' ']), "{long}");
    }
}
