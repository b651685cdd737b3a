//! espeak-ng as an engine: a process for each utterance (about 10 ms), text in as an argument, WAV out through a pipe.
//! A process and not a library, because linking it would put this program under its licence.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::clip::Clip;
use super::engine::{Engine, Said, SayError, Utterance};
use crate::manifest::ids::role_name;
use crate::model::{Cadence, Role};

/// Words a minute at natural cadence.
const NATURAL_WORDS: f64 = 160.0;
/// The slow cadence, of natural speed.
const SLOW: f64 = 0.7;
/// No utterance takes this long unless something is wrong.
const LONGEST: Duration = Duration::from_secs(30);

/// ISO 639-3 to the names that espeak-ng has for its languages.
const LANGUAGES: [(&str, &str); 50] = [
    ("ara", "ar"),
    ("ben", "bn"),
    ("bul", "bg"),
    ("cat", "ca"),
    ("ces", "cs"),
    ("cmn", "cmn"),
    ("cym", "cy"),
    ("dan", "da"),
    ("deu", "de"),
    ("ell", "el"),
    ("eng", "en-gb"),
    ("epo", "eo"),
    ("est", "et"),
    ("eus", "eu"),
    ("fas", "fa"),
    ("fin", "fi"),
    ("fra", "fr-fr"),
    ("gla", "gd"),
    ("gle", "ga"),
    ("heb", "he"),
    ("hin", "hi"),
    ("hrv", "hr"),
    ("hun", "hu"),
    ("ind", "id"),
    ("isl", "is"),
    ("ita", "it"),
    ("jpn", "ja"),
    ("kor", "ko"),
    ("lat", "la"),
    ("lav", "lv"),
    ("lit", "lt"),
    ("msa", "ms"),
    ("nld", "nl"),
    ("nob", "nb"),
    ("pol", "pl"),
    ("por", "pt"),
    ("ron", "ro"),
    ("rus", "ru"),
    ("slk", "sk"),
    ("slv", "sl"),
    ("spa", "es"),
    ("srp", "sr"),
    ("swa", "sw"),
    ("swe", "sv"),
    ("tam", "ta"),
    ("tel", "te"),
    ("tur", "tr"),
    ("ukr", "uk"),
    ("urd", "ur"),
    ("vie", "vi"),
];

/// Voices by language (ISO 639-3), then by role's name: what the user prefers to our choice.
pub type Voices = BTreeMap<String, BTreeMap<String, String>>;

/// The installed espeak-ng.
#[derive(Debug, Clone)]
pub struct Espeak {
    program: String,
    version: Option<String>,
    voices: Voices,
}

impl Espeak {
    /// Uses `program`, asking it for its version. A program that is missing is reported when something is to be said.
    #[must_use]
    pub fn new(program: &str, voices: Voices) -> Self {
        let told = std::process::Command::new(program).arg("--version").stdin(Stdio::null()).output();
        let version = told.ok().and_then(|told| version_in(&String::from_utf8_lossy(&told.stdout)));
        Self { program: program.to_owned(), version, voices }
    }

    fn missing(&self) -> SayError {
        SayError::Hopeless {
            code: "speech-program-missing".to_owned(),
            message: format!("`{}` is not installed; `apt install espeak-ng`", self.program),
        }
    }

    async fn spoken(&self, utterance: Utterance<'_>) -> Result<Clip, SayError> {
        let voice = self.voice(utterance.language, utterance.role)?;
        let speed = match utterance.cadence {
            Cadence::Natural => NATURAL_WORDS,
            Cadence::Slow => NATURAL_WORDS * SLOW,
        };
        let mut command = Command::new(&self.program);
        command.args(["-v", &voice, "-s", &format!("{speed:.0}"), "--stdout", "--", utterance.text]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let output = tokio::time::timeout(LONGEST, command.output())
            .await
            .map_err(|_| SayError::Transient(format!("{} did not end within {LONGEST:?}", self.program)))?
            .map_err(|error| match error.kind() {
                ErrorKind::NotFound => self.missing(),
                ErrorKind::InvalidInput => SayError::Failed(format!("the text cannot be passed on: {error}")),
                _ => SayError::Transient(format!("{} could not be run: {error}", self.program)),
            })?;
        if !output.status.success() {
            let said: String = String::from_utf8_lossy(&output.stderr).chars().take(300).collect();
            return Err(SayError::Failed(format!("{} ended with {}: {said}", self.program, output.status)));
        }
        wav(&output.stdout).ok_or_else(|| SayError::Failed(format!("{} gave no sound", self.program)))
    }
}

impl Engine for Espeak {
    fn name(&self) -> String {
        format!("espeak-ng {}", self.version.as_deref().unwrap_or("of unknown version"))
    }

    fn voice(&self, language: &str, role: Role) -> Result<String, SayError> {
        if let Some(voice) = self.voices.get(language).and_then(|voices| voices.get(role_name(role))) {
            return Ok(voice.clone());
        }
        let known = LANGUAGES.iter().find(|(code, _)| *code == language);
        let (_, base) = known.ok_or_else(|| SayError::Hopeless {
            code: "no-voice".to_owned(),
            message: format!("espeak-ng has no voice for '{language}'; name one in the option `voices`"),
        })?;
        Ok(match role {
            Role::Target1 => format!("{base}+f2"),
            Role::Target2 => format!("{base}+m3"),
            Role::Source | Role::Presentation => (*base).to_owned(),
        })
    }

    fn say<'a>(&'a self, utterance: Utterance<'a>) -> Said<'a> {
        Box::pin(self.spoken(utterance))
    }
}

/// `eSpeak NG text-to-speech: 1.51  Data at: …`
fn version_in(told: &str) -> Option<String> {
    let (_, after) = told.split_once(": ")?;
    after.split_whitespace().next().map(str::to_owned)
}

/// Reads 16-bit mono WAV as it comes through a pipe: the lengths in its header are not to be believed.
fn wav(bytes: &[u8]) -> Option<Clip> {
    if !bytes.starts_with(b"RIFF") {
        return None;
    }
    let rate = u32::from_le_bytes(bytes.get(24..28)?.try_into().ok()?);
    let data = bytes.windows(4).position(|name| name == b"data")?;
    let samples: Vec<f32> = bytes
        .get(data + 8..)?
        .chunks_exact(2)
        .map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32_768.0)
        .collect();
    (rate > 0 && !samples.is_empty()).then_some(Clip { rate, samples })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_target_voices_differ_and_a_users_choice_goes_first() {
        let chosen = BTreeMap::from([("target1".to_owned(), "es-419+f5".to_owned())]);
        let engine = Espeak::new("espeak-ng", BTreeMap::from([("spa".to_owned(), chosen)]));
        assert_eq!(engine.voice("spa", Role::Target1), Ok("es-419+f5".to_owned()));
        assert_eq!(engine.voice("spa", Role::Target2), Ok("es+m3".to_owned()));
        assert!(matches!(engine.voice("qqq", Role::Target1), Err(SayError::Hopeless { .. })));
    }

    #[tokio::test]
    async fn a_missing_program_is_named_and_nothing_is_tried_again() {
        let engine = Espeak::new("espeak-that-is-not-there", Voices::new());
        let utterance =
            Utterance { text: "hola", language: "spa", role: Role::Target1, cadence: Cadence::Slow };
        assert_eq!(engine.say(utterance).await, Err(engine.missing()));
    }

    #[test]
    fn the_version_is_read_from_what_the_program_says() {
        assert_eq!(version_in("eSpeak NG text-to-speech: 1.51  Data at: /usr/lib"), Some("1.51".to_owned()));
    }
}
