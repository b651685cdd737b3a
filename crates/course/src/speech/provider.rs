//! A provider of speech as an engine: its voices by role, its sound as a clip, its errors by what the phase does about them.

use std::sync::Arc;

use providers::{ProviderError, Speech, VoiceRole};

use super::clip::Clip;
use super::engine::{Engine, Said, SayError, Utterance};
use crate::model::{Cadence, Role};

/// The slow cadence, of natural speed.
const SLOW: f64 = 0.7;

/// A provider that speaks for a course.
#[derive(Debug, Clone)]
pub struct ProvidedEngine(Arc<dyn Speech>);

impl ProvidedEngine {
    /// Speaks with a provider.
    #[must_use]
    pub fn new(speech: Arc<dyn Speech>) -> Self {
        Self(speech)
    }

    async fn said(&self, utterance: Utterance<'_>) -> Result<Clip, SayError> {
        let voice = self.0.voice(utterance.language, voice_role(utterance.role)).map_err(say_error)?;
        let speed = match utterance.cadence {
            Cadence::Natural => 1.0,
            Cadence::Slow => SLOW,
        };
        let wav = self.0.speak(utterance.text, &voice, speed).await.map_err(say_error)?;
        let samples = wav.samples.iter().map(|sample| f32::from(*sample) / 32_768.0).collect();
        Ok(Clip { rate: wav.rate, samples })
    }
}

impl Engine for ProvidedEngine {
    fn name(&self) -> String {
        self.0.name()
    }

    fn voice(&self, language: &str, role: Role) -> Result<String, SayError> {
        self.0.voice(language, voice_role(role)).map(|voice| voice.name).map_err(say_error)
    }

    fn say<'a>(&'a self, utterance: Utterance<'a>) -> Said<'a> {
        Box::pin(self.said(utterance))
    }
}

const fn voice_role(role: Role) -> VoiceRole {
    match role {
        Role::Target1 => VoiceRole::Target1,
        Role::Target2 => VoiceRole::Target2,
        Role::Source => VoiceRole::Source,
        Role::Presentation => VoiceRole::Presentation,
    }
}

// By value, because that is what `map_err` hands over.
fn say_error(error: ProviderError) -> SayError {
    let message = error.to_string();
    match error {
        error if error.is_retryable() => SayError::Transient(message),
        error if error.is_about_this_text() => SayError::Refused(message),
        ProviderError::Rejected { .. } | ProviderError::Cancelled => SayError::Failed(message),
        error => SayError::Hopeless { code: error.code().to_owned(), message },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use providers::{Espeak, Voices};

    use super::*;

    #[test]
    fn what_cannot_get_better_ends_the_phase_and_what_may_is_tried_again() {
        let provider = || "speech".to_owned();
        let hopeless = [
            ProviderError::Missing { provider: provider(), what: "x".to_owned(), install: "y".to_owned() },
            ProviderError::Misconfigured { provider: provider(), message: String::new() },
            ProviderError::Unauthorized { provider: provider(), status: 401, message: String::new() },
        ];
        for error in hopeless {
            assert!(matches!(say_error(error.clone()), SayError::Hopeless { .. }), "{error}");
        }
        let busy = ProviderError::TimedOut { provider: provider(), after: Duration::ZERO };
        assert!(matches!(say_error(busy), SayError::Transient(_)));
        let refused = ProviderError::Refused { provider: provider(), message: String::new() };
        assert!(matches!(say_error(refused), SayError::Refused(_)));
    }

    #[tokio::test]
    async fn espeak_speaks_through_it() {
        let engine = ProvidedEngine::new(Arc::new(Espeak::new("espeak-ng", Voices::new())));
        let (role, cadence) = (Role::Target1, Cadence::Slow);
        let utterance = Utterance { text: "quiero hablar", language: "spa", role, cadence };
        let clip = engine.say(utterance).await.expect("apt-get install espeak-ng");
        assert!(clip.seconds() > 0.3 && !clip.is_silent());
        assert_eq!(engine.voice("spa", Role::Target2), Ok("es+m3".to_owned()));
    }
}
