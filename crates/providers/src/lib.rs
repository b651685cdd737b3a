//! Outside engines behind small traits: translation, speech in both directions, language models, morphology. Which one is used is settled by
//! configuration, so every trait is object-safe and is called as `Arc<dyn …>`.
//!
//! GPL programs (Apertium, espeak-ng, hunspell) run as processes of their own and are never linked. What is not on the
//! machine is a [`ProviderError::Missing`] with the line that installs it; nothing here ever stands in for it silently.
//!
//! Read `translate`, `speech`, `chat` and `morphology` first (the traits); each has its providers in the folder beside it.

mod answer;
pub mod chat;
mod doctor;
pub mod embed;
mod endpoint;
mod error;
pub mod language;
pub mod morphology;
mod pipe;
pub mod recognise;
mod secret;
pub mod speech;
pub mod translate;

pub use answer::Answer;
pub use chat::{
    AnswerForm, AnswerSchema, ChatMessage, ChatModel, ChatReply, ChatRequest, ChatRole, ChatSettings,
    OpenAiChat,
};
pub use doctor::{Finding, doctor};
pub use embed::{Embedded, Embedder, EmbeddingSettings, OpenAiEmbeddings};
pub use error::ProviderError;
pub use language::{Language, LanguagePair, UnsupportedLanguage};
pub use morphology::{Morphology, Reading, Token};
pub use recognise::{Heard, HeardSegment, Recogniser, Sound};
pub use secret::KeySource;
pub use speech::{
    Espeak, OpenAiSpeech, Piper, PiperSettings, Speech, SpeechSettings, Voice, VoiceRole, Voices, Wav,
};
pub use tokio_util::sync::CancellationToken;
pub use translate::{Apertium, ChatTranslator, Corrector, Draft, Translation, Translator};
