//! The service `llm`: what a language model makes of what was said lately. Rules decide about machines; a model names the
//! phase, what it expects next and what the team may want to know.
//!
//! A model is slow, absent or wrong often enough, so none of that fails a job: the answer is then a *degraded* one, which
//! says why and claims nothing.
//!
//! Reading order: [`phase`], [`prompt`] (what it is asked), [`answer`] (what is taken of its answer).

use std::{path::PathBuf, sync::Arc, time::Duration};

use phase_kit::{
    catalog::{ServiceSettings, options},
    service::ServiceBuilder,
};
use providers::{ChatModel, ChatSettings, OpenAiChat};
use serde::{Deserialize, de::Error as _};

use crate::surgery::Library;

pub mod answer;
pub mod phase;
pub mod prompt;

pub use phase::Llm;

/// `[service.llm.options]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LlmOptions {
    /// The model's endpoint; none: every answer is degraded, and the rules go on alone.
    pub chat: Option<ChatSettings>,
    /// Seconds to wait for the model.
    pub patience: f64,
    /// Longest answer, in tokens.
    pub max_tokens: u32,
    /// A folder of further surgeries, as for `rules` and `state`.
    pub surgeries: Option<PathBuf>,
}

impl Default for LlmOptions {
    fn default() -> Self {
        Self { chat: None, patience: 20.0, max_tokens: 500, surgeries: None }
    }
}

impl LlmOptions {
    /// Returns the phase with these options.
    ///
    /// # Errors
    /// A patience that is none, surgeries that are not right.
    pub fn phase(self) -> Result<Llm, serde_json::Error> {
        if !(0.1..=600.0).contains(&self.patience) {
            return Err(serde_json::Error::custom("patience is 0.1 to 600 seconds"));
        }
        let library = match &self.surgeries {
            Some(folder) => Library::with_folder(folder),
            None => Library::built_in(),
        };
        let library = library.map_err(serde_json::Error::custom)?;
        let model = self.chat.map(|chat| Arc::new(OpenAiChat::new(chat)) as Arc<dyn ChatModel>);
        Ok(Llm::new(model, library, Duration::from_secs_f64(self.patience), self.max_tokens))
    }
}

/// Makes the service.
///
/// # Errors
/// Options that are not known or not right.
pub fn service(
    builder: ServiceBuilder,
    settings: &ServiceSettings,
) -> Result<ServiceBuilder, serde_json::Error> {
    let options: LlmOptions = options(settings)?;
    Ok(builder.phase(options.phase()?))
}
