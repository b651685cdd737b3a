//! `[service.documenter_a.options]`.

use std::{sync::Arc, time::Duration};

use providers::{ChatModel, ChatSettings, OpenAiChat};
use serde::{Deserialize, de::Error as _};

use super::{
    chat::{ChatAuthor, Manner},
    engine::{Engine, EngineName},
    purse::Prices,
};
use crate::records::Stream;

/// What the services of a stream are told about its model.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DocumenterOptions {
    /// Who writes; absent: `derive` for A, `skim` for B.
    pub engine: Option<EngineName>,
    /// The model's endpoint, for `chat`.
    pub chat: Option<ChatSettings>,
    /// What a million tokens cost.
    pub prices: Prices,
    /// Longest answer, in tokens.
    pub max_tokens: u32,
    /// Seconds to wait for an answer.
    pub patience: f64,
    /// How often a question is asked, at most.
    pub tries: u32,
    /// Seconds between the first two tries.
    pub pause: f64,
    /// Whether this stream takes over the other's words where both are right; absent: B does. One of them should.
    pub yields: Option<bool>,
    /// Largest book of what was written, in MiB.
    pub book_mib: u64,
}

impl Default for DocumenterOptions {
    fn default() -> Self {
        Self {
            engine: None,
            chat: None,
            prices: Prices::default(),
            max_tokens: 2000,
            patience: 120.0,
            tries: 6,
            pause: 0.5,
            yields: None,
            book_mib: 512,
        }
    }
}

impl DocumenterOptions {
    /// Returns the engine of a stream.
    ///
    /// # Errors
    /// Values out of range, a chat engine without an endpoint.
    pub fn engine(&self, stream: Stream) -> Result<Engine, serde_json::Error> {
        let manner = self.manner(stream)?;
        let usual = if stream == Stream::A { EngineName::Derive } else { EngineName::Skim };
        Ok(match self.engine.unwrap_or(usual) {
            EngineName::Derive => Engine::Derive,
            EngineName::Skim => Engine::Skim,
            EngineName::Chat => Engine::Chat(Arc::new(ChatAuthor::new(self.model()?, manner))),
        })
    }

    /// Returns the model.
    ///
    /// # Errors
    /// Where no endpoint is named.
    pub fn model(&self) -> Result<Arc<dyn ChatModel>, serde_json::Error> {
        let chat = self.chat.clone();
        let chat = chat
            .ok_or_else(|| serde_json::Error::custom("engine \"chat\" needs `chat`, the model's endpoint"))?;
        Ok(Arc::new(OpenAiChat::new(chat)))
    }

    /// Returns how the model is asked.
    ///
    /// # Errors
    /// Values out of range.
    pub fn manner(&self, stream: Stream) -> Result<Manner, serde_json::Error> {
        let wrong = |what: &str| Err(serde_json::Error::custom(what));
        if !(0.01..=3600.0).contains(&self.patience) {
            return wrong("`patience` is 0.01 to 3600 seconds");
        }
        if !(0.001..=60.0).contains(&self.pause) {
            return wrong("`pause` is 0.001 to 60 seconds");
        }
        if !(1..=20).contains(&self.tries) {
            return wrong("`tries` is 1 to 20");
        }
        if !(16..=100_000).contains(&self.max_tokens) {
            return wrong("`max_tokens` is 16 to 100000");
        }
        let is_price = |price: f64| (0.0..=1e6).contains(&price);
        if !is_price(self.prices.input) || !is_price(self.prices.output) {
            return wrong("`prices` are 0 to 1000000 US dollars for a million tokens");
        }
        Ok(Manner {
            prices: self.prices,
            max_tokens: self.max_tokens,
            patience: Duration::from_secs_f64(self.patience),
            tries: self.tries,
            pause: Duration::from_secs_f64(self.pause),
            yields: self.yields.unwrap_or(stream == Stream::B),
        })
    }

    /// Returns the bound of the book in bytes.
    #[must_use]
    pub fn book_bytes(&self) -> u64 {
        self.book_mib.clamp(1, 1 << 20) << 20
    }
}
