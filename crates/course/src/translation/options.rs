//! `[service.translation.options]`: who is asked for a translation, in which order.

use std::path::PathBuf;
use std::sync::Arc;

use providers::{
    Apertium, ChatSettings, ChatTranslator, Corrector, Finding, OpenAiChat, ProviderError, Translator,
};
use serde::Deserialize;
use serde::de::Error as _;

use super::phase::TranslationPhase;

/// The options of the service `translation`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TranslationOptions {
    /// Who is asked, in this order; what one leaves open the next is asked for.
    pub translators: Vec<TranslatorChoice>,
    /// Who mends what all of them left open.
    pub corrector: Option<CorrectorChoice>,
    /// Where Apertium's pairs are, if not where its packages put them.
    pub apertium: Option<ApertiumSettings>,
    /// The chat endpoint.
    pub chat: Option<ChatSettings>,
}

/// A translator by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TranslatorChoice {
    /// Our reviewed translations.
    Memory,
    /// Apertium.
    Apertium,
    /// The endpoint of the option `chat`.
    Chat,
}

/// A corrector by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CorrectorChoice {
    /// The endpoint of the option `chat`.
    Chat,
}

/// The option `apertium`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApertiumSettings {
    /// The folder of `.mode` files.
    pub modes: PathBuf,
}

impl Default for TranslationOptions {
    fn default() -> Self {
        Self {
            translators: vec![TranslatorChoice::Memory, TranslatorChoice::Apertium],
            corrector: None,
            apertium: None,
            chat: None,
        }
    }
}

impl TranslationOptions {
    /// The phase with the translators that are asked for.
    ///
    /// # Errors
    /// Where an option does not go with the others.
    pub fn phase(&self) -> Result<TranslationPhase, serde_json::Error> {
        let error = |message: &str| Err(serde_json::Error::custom(message));
        let uses_memory = self.translators.contains(&TranslatorChoice::Memory);
        if uses_memory && self.translators[0] != TranslatorChoice::Memory {
            return error("translators: memory is what people reviewed, so it comes first or not at all");
        }
        if self.translators.iter().enumerate().any(|(at, one)| self.translators[..at].contains(one)) {
            return error("translators: one is named twice");
        }
        if self.chat.is_some() && !self.names_chat() {
            return error("chat: it is set up, and neither translators nor corrector names it");
        }
        let chat =
            self.chat.clone().map(|chat| Arc::new(ChatTranslator::new(Arc::new(OpenAiChat::new(chat)))));
        if chat.is_none() && self.names_chat() {
            return error(
                "chat is asked for and not set up: chat = { url = \"…\", model = \"…\", key_env = \"…\" }",
            );
        }
        let translator = |choice: &TranslatorChoice| -> Option<Arc<dyn Translator>> {
            match choice {
                TranslatorChoice::Memory => None,
                TranslatorChoice::Apertium => Some(Arc::new(self.apertium())),
                TranslatorChoice::Chat => chat.clone().map(|chat| chat as Arc<dyn Translator>),
            }
        };
        let translators = self.translators.iter().filter_map(translator).collect();
        let corrector = self.corrector.and(chat.as_ref()).cloned().map(|chat| chat as Arc<dyn Corrector>);
        Ok(TranslationPhase::new(translators).memory(uses_memory).corrector(corrector))
    }

    /// Says whether the chat endpoint is set up.
    #[must_use]
    pub fn doctor(&self) -> Finding {
        let example =
            "[service.translation.options] chat = { url = \"…/v1\", model = \"…\", key_env = \"…\" }";
        let found = self.chat.as_ref().map(|chat| {
            let ready = providers::ChatModel::ready(&OpenAiChat::new(chat.clone()));
            (format!("{}, for translation and correction", chat.model), ready)
        });
        endpoint_finding("chat endpoint", "for translation and correction (optional)", found, example)
    }

    fn names_chat(&self) -> bool {
        self.translators.contains(&TranslatorChoice::Chat) || self.corrector.is_some()
    }

    fn apertium(&self) -> Apertium {
        self.apertium.as_ref().map_or_else(Apertium::default, |settings| Apertium::new(&settings.modes))
    }
}

/// An endpoint is not asked by a doctor: that could cost money. Only what it needs is looked at: an address, a key.
pub(crate) fn endpoint_finding(
    name: &str,
    purpose: &str,
    found: Option<(String, Result<(), ProviderError>)>,
    example: &str,
) -> Finding {
    let name = name.to_owned();
    match found {
        None => Finding {
            name,
            found: false,
            detail: purpose.to_owned(),
            install: format!("services.toml: {example}"),
        },
        Some((detail, Ok(()))) => Finding { name, found: true, detail, install: String::new() },
        Some((detail, Err(error))) => Finding { name, found: false, detail, install: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn phase(options: Value) -> Result<TranslationPhase, serde_json::Error> {
        serde_json::from_value::<TranslationOptions>(options)?.phase()
    }

    #[test]
    fn options_that_do_not_go_together_are_refused() {
        let chat = json!({ "url": "http://127.0.0.1:1/v1", "model": "m" });
        assert!(phase(json!({})).is_ok());
        assert!(phase(json!({ "translators": [] })).is_ok(), "translations then come with the sentences");
        assert!(phase(json!({ "translators": ["memory", "chat"], "chat": chat })).is_ok());
        assert!(phase(json!({ "corrector": "chat", "chat": chat })).is_ok());
        let cases = [
            (json!({ "translators": ["apertium", "memory"] }), "memory"),
            (json!({ "translators": ["apertium", "apertium"] }), "twice"),
            (json!({ "translators": ["chat"] }), "not set up"),
            (json!({ "corrector": "chat" }), "not set up"),
            (json!({ "chat": chat }), "neither"),
            (json!({ "translators": ["google"] }), "unknown variant `google`"),
            (json!({ "chat": { "url": "x", "model": "m", "key": "sk-1" } }), "unknown field `key`"),
        ];
        for (options, wrong) in cases {
            let error = phase(options).unwrap_err().to_string();
            assert!(error.contains(wrong), "{error}");
        }
    }
}
