//! `[service.translation.options]`: which translators are asked, in which order.

use std::sync::Arc;

use providers::{Apertium, Translator};
use serde::Deserialize;

use super::phase::TranslationPhase;

/// The options of the service `translation`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TranslationOptions {}

impl TranslationOptions {
    /// The phase with the translators that are asked for.
    #[must_use]
    pub fn phase(&self) -> TranslationPhase {
        let translators: Vec<Arc<dyn Translator>> = vec![Arc::new(Apertium::default())];
        TranslationPhase::new(translators)
    }
}
