//! Piper: neural voices, a process for each utterance (it loads its model each time, one to two seconds). GPL, so never linked.
//!
//! Its noise is turned off: the same text is then the same sound, and a recording that is made again is the same file.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;

use super::{Speech, Voice, VoiceRole, Voices, Wav, chosen, program::Program};
use crate::{answer::Answer, error::ProviderError, language::Language};

/// Where Piper and its voices are.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PiperSettings {
    /// The folder with voices: `NAME.onnx` and `NAME.onnx.json` for each.
    pub folder: PathBuf,
    /// The program.
    #[serde(default = "program")]
    pub program: String,
}

fn program() -> String {
    "piper".to_owned()
}

/// The installed Piper.
#[derive(Debug, Clone)]
pub struct Piper {
    program: Program,
    folder: PathBuf,
    voices: Voices,
}

impl Piper {
    /// Uses the voices of a folder. What is missing is reported when something is to be said.
    #[must_use]
    pub fn new(settings: PiperSettings, voices: Voices) -> Self {
        let PiperSettings { folder, program } = settings;
        let program =
            Program { provider: "piper", name: program, install: "python3 -m pip install piper-tts" };
        Self { program, folder, voices }
    }

    /// Names of the voices in the folder whose names begin with one of `prefixes`, in order.
    fn models(&self, prefixes: &[String]) -> Vec<String> {
        let Ok(files) = std::fs::read_dir(&self.folder) else { return Vec::new() };
        let names = files.filter_map(|file| file.ok()?.file_name().into_string().ok());
        let names = names.filter_map(|name| name.strip_suffix(".onnx").map(str::to_owned));
        let mut names: Vec<String> =
            names.filter(|name| prefixes.iter().any(|prefix| name.starts_with(prefix))).collect();
        names.sort();
        names
    }

    /// Samples a second of a voice, from the file beside its model.
    fn rate(&self, model: &str) -> Result<u32, ProviderError> {
        let file = self.folder.join(format!("{model}.onnx.json"));
        let text =
            std::fs::read_to_string(&file).map_err(|_| self.no_voice(model, &file.display().to_string()))?;
        let told: Option<Value> = serde_json::from_str(&text).ok();
        let rate = told.as_ref().and_then(|told| told.pointer("/audio/sample_rate")?.as_u64());
        let rate = rate.and_then(|rate| u32::try_from(rate).ok()).filter(|rate| *rate > 0);
        rate.ok_or_else(|| self.no_voice(model, &format!("no sample rate in {}", file.display())))
    }

    fn no_voice(&self, voice: &str, what: &str) -> ProviderError {
        let message = format!(
            "{what}; voices are got by: python3 -m piper.download_voices --download-dir {} VOICE, and named in the \
             option `voices`",
            self.folder.display()
        );
        ProviderError::UnknownVoice { provider: "piper".to_owned(), voice: voice.to_owned(), message }
    }

    async fn spoken(&self, text: &str, voice: &Voice, speed: f64) -> Result<Wav, ProviderError> {
        let (model, speaker) = voice.name.split_once('#').unwrap_or((&voice.name, "0"));
        let rate = self.rate(model)?;
        let file = self.folder.join(format!("{model}.onnx")).display().to_string();
        let length = format!("{:.3}", 1.0 / speed.clamp(0.25, 4.0));
        let arguments = [
            "--model",
            file.as_str(),
            "--speaker",
            speaker,
            "--length_scale",
            length.as_str(),
            "--noise_scale",
            "0",
            "--noise_w",
            "0",
            "--output_raw",
        ];
        // A line is an utterance of its own.
        let line: String =
            text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
        let sound = self.program.run(&arguments, &format!("{line}\n")).await?;
        let samples: Vec<i16> =
            sound.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
        if samples.is_empty() {
            return Err(self.program.rejected("it gave no sound".to_owned()));
        }
        Ok(Wav { rate, samples })
    }
}

impl Speech for Piper {
    fn name(&self) -> String {
        "piper".to_owned()
    }

    /// A voice's name is its model's file, with `#3` for the third speaker of a model that has several.
    fn voice(&self, language: &str, role: VoiceRole) -> Result<Voice, ProviderError> {
        if let Some(name) = chosen(&self.voices, language, role) {
            return Ok(Voice { language: language.to_owned(), name: name.to_owned() });
        }
        let known = Language::find(language)?;
        let espeak = known.espeak.and_then(|name| name.split('-').next());
        let prefixes: Vec<String> =
            known.apertium.iter().copied().chain(espeak).map(|code| format!("{code}_")).collect();
        let models = self.models(&prefixes);
        let wanted = usize::from(role == VoiceRole::Target2);
        let Some(name) = models.get(wanted) else {
            let what = format!("{} has {} voices for {}", self.folder.display(), models.len(), known.name);
            return Err(self.no_voice(role.name(), &what));
        };
        Ok(Voice { language: language.to_owned(), name: name.clone() })
    }

    fn speak<'a>(&'a self, text: &'a str, voice: &'a Voice, speed: f64) -> Answer<'a, Wav> {
        Box::pin(self.spoken(text, voice, speed))
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs, path::Path};

    use super::*;

    fn piper(folder: &Path, voices: Voices) -> Piper {
        for model in ["es_ES-one-medium", "es_MX-two-high", "en_GB-three-low"] {
            fs::write(folder.join(format!("{model}.onnx")), "").expect("written");
            let about = r#"{"audio": {"sample_rate": 22050}}"#;
            fs::write(folder.join(format!("{model}.onnx.json")), about).expect("written");
        }
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/piper-stand-in").to_owned();
        Piper::new(PiperSettings { folder: folder.to_owned(), program }, voices)
    }

    #[test]
    fn voices_are_found_by_language_and_the_second_is_another_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let chosen = BTreeMap::from([("source".to_owned(), "en_GB-three-low#4".to_owned())]);
        let piper = piper(folder.path(), BTreeMap::from([("eng".to_owned(), chosen)]));
        let name = |language, role| piper.voice(language, role).map(|voice| voice.name);
        assert_eq!(name("spa", VoiceRole::Target1).as_deref(), Ok("es_ES-one-medium"));
        assert_eq!(name("spa", VoiceRole::Target2).as_deref(), Ok("es_MX-two-high"));
        assert_eq!(name("eng", VoiceRole::Source).as_deref(), Ok("en_GB-three-low#4"));
        assert_eq!(name("eng", VoiceRole::Presentation).as_deref(), Ok("en_GB-three-low"));
        let error = name("eng", VoiceRole::Target2).unwrap_err();
        assert!(error.to_string().contains("1 voices for English"), "{error}");
        assert!(name("cym", VoiceRole::Target1).unwrap_err().to_string().contains("piper.download_voices"));
    }

    #[tokio::test]
    async fn a_voice_speaks_one_line_at_a_speed_without_noise() {
        let folder = tempfile::tempdir().expect("a folder");
        let piper = piper(folder.path(), Voices::new());
        let voice = Voice { language: "eng".to_owned(), name: "en_GB-three-low#4".to_owned() };
        let wav = piper.speak("Two\nlines", &voice, 0.5).await.expect("sound");
        assert_eq!(wav.rate, 22_050);
        let bytes: Vec<u8> = wav.samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        let told = String::from_utf8(bytes).expect("what the stand-in was given");
        assert!(
            told.contains("en_GB-three-low.onnx --speaker 4 --length_scale 2.000 --noise_scale 0"),
            "{told}"
        );
        assert!(told.contains("| Two lines"), "{told}");
    }

    #[tokio::test]
    async fn what_is_missing_is_named_with_what_installs_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut piper = piper(folder.path(), Voices::new());
        piper.program.name = "piper-that-is-not-there".to_owned();
        let voice = piper.voice("spa", VoiceRole::Target1).expect("a voice");
        let error = piper.speak("hola", &voice, 1.0).await.unwrap_err();
        assert_eq!(error.code(), "provider-missing");
        assert!(error.to_string().contains("pip install piper-tts"), "{error}");
        let nobody = Voice { language: "spa".to_owned(), name: "es_ES-nobody".to_owned() };
        assert_eq!(piper.speak("hola", &nobody, 1.0).await.unwrap_err().code(), "unknown-voice");
    }
}
