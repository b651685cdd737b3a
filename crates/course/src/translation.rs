//! Translation: every sentence in the target language, or held back where no translation can be trusted.
//!
//! What people said comes first: a correction, a translation that came with the sentence, the translation memory (the
//! original's phase 2). The rest is asked of translators, one after the other as the service is configured; what one leaves
//! open the next may know. What nobody could translate is held back: it never reaches a learner, and waits for a correction.
//! A machine's translation is kept, so that an unchanged sentence is not translated again.

mod cache;
mod chain;
mod corrections;
mod memory;
pub(crate) mod options;
pub mod phase;
mod report;

pub use memory::Memory;
pub use options::TranslationOptions;
