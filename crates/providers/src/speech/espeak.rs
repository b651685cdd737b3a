//! espeak-ng: a process for each utterance (about 10 ms), text in through a pipe, WAV out through another. A process and not
//! a library, because linking it would put this program under its licence.

use std::process::Stdio;

use super::{Speech, Voice, VoiceRole, Voices, Wav, chosen, program::Program};
use crate::{answer::Answer, error::ProviderError, language::Language};

/// Words a minute at natural speed.
const NATURAL_WORDS: f64 = 160.0;

/// The installed espeak-ng.
#[derive(Debug, Clone)]
pub struct Espeak {
    program: Program,
    version: Option<String>,
    voices: Voices,
}

impl Espeak {
    /// Uses `program`, asking it for its version. One that is missing is reported when something is to be said.
    #[must_use]
    pub fn new(program: &str, voices: Voices) -> Self {
        let told = std::process::Command::new(program).arg("--version").stdin(Stdio::null()).output();
        let version = told.ok().and_then(|told| version_in(&String::from_utf8_lossy(&told.stdout)));
        let program =
            Program { provider: "espeak-ng", name: program.to_owned(), install: "apt-get install espeak-ng" };
        Self { program, version, voices }
    }

    async fn spoken(&self, text: &str, voice: &Voice, speed: f64) -> Result<Wav, ProviderError> {
        let words = format!("{:.0}", NATURAL_WORDS * speed.clamp(0.25, 4.0));
        let sound = self.program.run(&["-v", &voice.name, "-s", &words, "--stdout", "--", text], "").await?;
        Wav::read(&sound).map_err(|error| self.program.rejected(error.to_string()))
    }
}

impl Speech for Espeak {
    fn name(&self) -> String {
        format!("espeak-ng {}", self.version.as_deref().unwrap_or("of unknown version"))
    }

    fn voice(&self, language: &str, role: VoiceRole) -> Result<Voice, ProviderError> {
        let name = match chosen(&self.voices, language, role) {
            Some(name) => name.to_owned(),
            None => {
                let base = Language::find(language)?.espeak.ok_or_else(|| ProviderError::UnknownVoice {
                    provider: "espeak-ng".to_owned(),
                    voice: language.to_owned(),
                    message: "it has none for this language; name one in the option `voices`".to_owned(),
                })?;
                match role {
                    VoiceRole::Target1 => format!("{base}+f2"),
                    VoiceRole::Target2 => format!("{base}+m3"),
                    VoiceRole::Source | VoiceRole::Presentation => base.to_owned(),
                }
            }
        };
        Ok(Voice { language: language.to_owned(), name })
    }

    fn speak<'a>(&'a self, text: &'a str, voice: &'a Voice, speed: f64) -> Answer<'a, Wav> {
        Box::pin(self.spoken(text, voice, speed))
    }
}

/// `eSpeak NG text-to-speech: 1.51  Data at: …`
fn version_in(told: &str) -> Option<String> {
    let (_, after) = told.split_once(": ")?;
    after.split_whitespace().next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_two_target_voices_differ_and_a_users_choice_goes_first() {
        let chosen = BTreeMap::from([("target1".to_owned(), "es-419+f5".to_owned())]);
        let engine = Espeak::new("espeak-ng", BTreeMap::from([("spa".to_owned(), chosen)]));
        let name = |role| engine.voice("spa", role).map(|voice| voice.name);
        assert_eq!(name(VoiceRole::Target1), Ok("es-419+f5".to_owned()));
        assert_eq!(name(VoiceRole::Target2), Ok("es+m3".to_owned()));
        assert_eq!(engine.voice("qqq", VoiceRole::Target1).unwrap_err().code(), "unsupported-language");
        assert_eq!(engine.voice("bre", VoiceRole::Target1).unwrap_err().code(), "unknown-voice");
    }

    #[tokio::test]
    async fn a_missing_program_is_named_with_what_installs_it() {
        let engine = Espeak::new("espeak-that-is-not-there", Voices::new());
        let voice = engine.voice("spa", VoiceRole::Target1).expect("a voice");
        let error = engine.speak("hola", &voice, 0.7).await.unwrap_err();
        assert_eq!(error.code(), "provider-missing");
        assert!(error.to_string().contains("apt-get install espeak-ng"), "{error}");
    }

    #[tokio::test]
    async fn slow_is_longer_and_a_text_is_never_an_option() {
        let engine = Espeak::new("espeak-ng", Voices::new());
        let voice = engine.voice("spa", VoiceRole::Target1).expect("a voice");
        let natural = engine.speak("--version quiero hablar", &voice, 1.0).await.expect("spoken");
        let slow = engine.speak("--version quiero hablar", &voice, 0.7).await.expect("spoken");
        assert!(
            slow.samples.len() * 10 > natural.samples.len() * 12,
            "{} {}",
            slow.samples.len(),
            natural.samples.len()
        );
    }

    #[test]
    fn the_version_is_read_from_what_the_program_says() {
        assert_eq!(version_in("eSpeak NG text-to-speech: 1.51  Data at: /usr/lib"), Some("1.51".to_owned()));
    }
}
