//! Apertium: rules and dictionaries, offline, the same answer every time. GPL programs that run as processes of their own,
//! one pipe for each pair of languages, kept running between sentences.
//!
//! Where no pair is direct the text goes by way of a third language. Marks of doubt are looked for after every pair: the
//! next one would take a word that is marked for a name and hide the mark.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::{
    Translation, Translator,
    packages::packages,
    sentence::{bare, dressed, end, parts},
};
use crate::{
    answer::{Answer, unless_cancelled},
    error::ProviderError,
    language::{LANGUAGES, Language, LanguagePair},
    pipe::{Pipe, escape, marked, programs, unescape},
};

/// Our name for it.
const NAME: &str = "apertium";
/// Where its packages put what they can translate.
const MODES: &str = "/usr/share/apertium/modes";
/// No sentence takes this long, even where the programs have to be started first.
const DEADLINE: Duration = Duration::from_secs(20);
/// The language that most pairs go to or from.
const HUB: &str = "spa";

/// Apertium as it is installed.
#[derive(Debug)]
pub struct Apertium {
    modes: PathBuf,
    /// By mode; several courses share them.
    pipes: Mutex<BTreeMap<String, Arc<Pipe>>>,
}

impl Default for Apertium {
    fn default() -> Self {
        Self::new(MODES)
    }
}

impl Apertium {
    /// Uses the pairs whose `.mode` files are in a folder. Starts nothing yet.
    #[must_use]
    pub fn new(modes: impl Into<PathBuf>) -> Self {
        Self { modes: modes.into(), pipes: Mutex::default() }
    }

    /// Returns the pairs that are here without a third language between, as courses name them: `spa_for_eng`.
    ///
    /// # Errors
    /// [`ProviderError::Missing`] where Apertium is not installed.
    pub fn pairs(&self) -> Result<Vec<String>, ProviderError> {
        Ok(supported(&self.installed()?))
    }

    /// Names of the modes that are here.
    fn installed(&self) -> Result<BTreeSet<String>, ProviderError> {
        let missing = || ProviderError::Missing {
            provider: NAME.to_owned(),
            what: self.modes.display().to_string(),
            install: "apt-get install apertium apertium-eng-spa".to_owned(),
        };
        let files = std::fs::read_dir(&self.modes).map_err(|_| missing())?;
        let names = files.filter_map(|file| file.ok()?.file_name().into_string().ok());
        Ok(names.filter_map(|name| name.strip_suffix(".mode").map(str::to_owned)).collect())
    }

    /// The modes to go through, one after the other.
    fn route(&self, pair: &LanguagePair) -> Result<Vec<String>, ProviderError> {
        let installed = self.installed()?;
        route(&installed, pair).ok_or_else(|| {
            let (from, to) = (pair.known.code, pair.target.code);
            let hint = match packages(from, to) {
                Some(packages) => format!("apt-get install {}", packages.join(" ")),
                None => {
                    "Debian has no package for it: name another translator, or give translations".to_owned()
                }
            };
            ProviderError::UnsupportedPair {
                provider: NAME.to_owned(),
                pair: pair.to_string(),
                supported: supported(&installed),
                hint,
            }
        })
    }

    fn pipe(&self, mode: &str) -> Result<Arc<Pipe>, ProviderError> {
        if let Some(pipe) = self.pipes.lock().get(mode) {
            return Ok(Arc::clone(pipe));
        }
        let rejected = |message: String| ProviderError::Rejected { provider: NAME.to_owned(), message };
        let text = read_mode(&self.modes, mode)
            .map_err(|error| rejected(format!("{mode}.mode cannot be read: {error}")))?;
        let programs = programs(&text).map_err(|error| rejected(format!("{mode}.mode: {error}")))?;
        let install = "apt-get install apertium apertium-lex-tools apertium-separable apertium-anaphora cg3";
        let pipe = Arc::new(Pipe::new(NAME, install, programs, DEADLINE));
        Ok(Arc::clone(self.pipes.lock().entry(mode.to_owned()).or_insert(pipe)))
    }

    /// Ids of the programs that run for a mode now, for tests that end them.
    #[cfg(test)]
    async fn processes(&self, mode: &str) -> Vec<u32> {
        let pipe = self.pipes.lock().get(mode).cloned();
        match pipe {
            Some(pipe) => pipe.processes().await,
            None => Vec::new(),
        }
    }

    async fn sentence(
        &self,
        text: &str,
        pair: &LanguagePair,
        route: &[String],
    ) -> Result<Translation, ProviderError> {
        let mut made = Vec::new();
        for part in parts(text) {
            let mut line = bare(part).to_owned();
            for mode in route {
                let (answer, marks) = match self.ask(mode, &line, end(part)).await? {
                    Ok(answer) => answer,
                    Err(reason) => return Ok(untranslated(String::new(), reason)),
                };
                if !marks.is_empty() {
                    return Ok(untranslated(answer, format!("not translated: {}", marks.join(", "))));
                }
                line = bare(&answer).to_owned();
            }
            made.push(dressed(part, &line, pair.target.code));
        }
        let text = made.join(" ");
        if !text.chars().any(char::is_alphanumeric) {
            return Ok(untranslated(text, "nothing came out".to_owned()));
        }
        // An English word that passes unchanged and unmarked for lack of a better one.
        if pair.known.code == "eng" && text.split(|c: char| !c.is_alphanumeric()).any(|word| word == "I") {
            return Ok(untranslated(text, "the English I was left in it".to_owned()));
        }
        Ok(Translation::Done { text, by: NAME.into() })
    }

    /// What a line comes to and which words of it are marked; the reason where this line breaks programs that can do others.
    async fn ask(
        &self,
        mode: &str,
        line: &str,
        end: Option<char>,
    ) -> Result<Result<(String, Vec<String>), String>, ProviderError> {
        let pipe = self.pipe(mode)?;
        let end = end.unwrap_or('.');
        match pipe.ask(&format!("{}{end}", escape(line))).await {
            Ok(answer) => Ok(Ok((unescape(&answer).trim().to_owned(), marked(&answer)))),
            Err(error) if error.is_retryable() => {
                pipe.ask("a.").await?;
                Ok(Err(error.to_string()))
            }
            Err(error) => Err(error),
        }
    }
}

impl Translator for Apertium {
    fn name(&self) -> Arc<str> {
        NAME.into()
    }

    fn fingerprint(&self, pair: &LanguagePair) -> String {
        let modes = self.route(pair).unwrap_or_default();
        let told = modes.iter().map(|mode| format!("{mode} {}", age(&self.modes, mode)));
        format!("{NAME} {}", told.collect::<Vec<_>>().join(" "))
    }

    fn supports(&self, pair: &LanguagePair) -> Result<bool, ProviderError> {
        match self.route(pair) {
            Ok(_) => Ok(true),
            Err(ProviderError::UnsupportedPair { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn translate<'a>(
        &'a self,
        texts: &'a [String],
        pair: &'a LanguagePair,
        cancel: &'a CancellationToken,
    ) -> Answer<'a, Vec<Translation>> {
        let work = async move {
            let route = self.route(pair)?;
            let mut made = Vec::with_capacity(texts.len());
            for text in texts {
                made.push(self.sentence(text, pair, &route).await?);
            }
            Ok(made)
        };
        Box::pin(unless_cancelled(cancel, work))
    }
}

fn untranslated(candidate: String, reason: String) -> Translation {
    Translation::Untranslated { candidate, reason, by: NAME.into() }
}

fn read_mode(folder: &Path, mode: &str) -> std::io::Result<String> {
    std::fs::read_to_string(folder.join(format!("{mode}.mode")))
}

/// When the newest of a mode's files was made, in seconds: another package translates otherwise.
fn age(folder: &Path, mode: &str) -> u64 {
    let programs = read_mode(folder, mode).ok().and_then(|text| programs(&text).ok()).unwrap_or_default();
    let times = programs.iter().flatten().filter(|word| word.contains('/')).filter_map(|file| {
        let made = std::fs::metadata(file).ok()?.modified().ok()?;
        Some(made.duration_since(UNIX_EPOCH).ok()?.as_secs())
    });
    times.max().unwrap_or_default()
}

/// The mode from one language to another, if it is here.
fn direct(installed: &BTreeSet<String>, from: &Language, to: &Language) -> Option<String> {
    let names =
        from.apertium.iter().flat_map(|from| to.apertium.iter().map(move |to| format!("{from}-{to}")));
    names.into_iter().find(|name| installed.contains(name))
}

fn route(installed: &BTreeSet<String>, pair: &LanguagePair) -> Option<Vec<String>> {
    if let Some(mode) = direct(installed, pair.known, pair.target) {
        return Some(vec![mode]);
    }
    let mut thirds: Vec<&Language> = LANGUAGES.iter().collect();
    thirds.sort_by_key(|language| language.code != HUB);
    thirds.into_iter().find_map(|third| {
        Some(vec![direct(installed, pair.known, third)?, direct(installed, third, pair.target)?])
    })
}

/// Direct pairs that are here, as courses name them.
fn supported(installed: &BTreeSet<String>) -> Vec<String> {
    let code = |name: &str| Some(LANGUAGES.iter().find(|language| language.apertium.contains(&name))?.code);
    let pair = |mode: &String| {
        let (from, to) = mode.split_once('-')?;
        Some(format!("{}_for_{}", code(to)?, code(from)?))
    };
    installed.iter().filter_map(pair).collect::<BTreeSet<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests;
