//! Who writes: syntax and comments (`derive`), the text alone (`skim`), a language model (`chat`).

use std::sync::Arc;

use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::{
    assignment::{Assignment, Written},
    chat::ChatAuthor,
    derive,
    material::Material,
    purse::Purse,
    skim,
};
use crate::records::documented::Spent;

/// An engine's name in the options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineName {
    /// From syntax, signature, comments and the call graph.
    Derive,
    /// From the text and the names of components, without the call graph.
    Skim,
    /// By a language model.
    Chat,
}

/// What of an assignment an engine may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gives {
    /// The analysis' calls.
    pub seen: bool,
    /// What is known of callees.
    pub callees: bool,
    /// Which components have the names that the text calls.
    pub names: bool,
}

/// An author.
#[derive(Debug, Clone)]
pub enum Engine {
    /// From syntax, signature, comments and the call graph.
    Derive,
    /// From the text alone.
    Skim,
    /// By a model.
    Chat(Arc<ChatAuthor>),
}

/// Why there is no text, and what was used for that.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Unwritten {
    /// Only of this component: the others go on.
    #[error("{code}: {message}")]
    Component {
        /// `model-failed`, `invalid-answer`, `over-budget`.
        code: &'static str,
        /// The last thing that went wrong.
        message: String,
    },
    /// Of every component: a wrong key, an address where nobody is.
    #[error("{code}: {message}")]
    Stream {
        /// The provider's.
        code: &'static str,
        /// In words.
        message: String,
    },
    /// Nobody waits for it.
    #[error("cancelled")]
    Cancelled,
}

/// A text or why there is none, with what was used.
pub type Outcome = (Result<Written, Unwritten>, Spent);

impl Engine {
    /// Returns what it may use of an assignment.
    #[must_use]
    pub fn gives(&self) -> Gives {
        match self {
            Self::Derive => Gives { seen: true, callees: false, names: false },
            Self::Skim => Gives { seen: false, callees: false, names: true },
            Self::Chat(_) => Gives { seen: false, callees: true, names: true },
        }
    }

    /// Returns what its texts depend on besides the assignment.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        match self {
            Self::Derive => format!("derive {}", derive::METHOD),
            Self::Skim => format!("skim {}", skim::METHOD),
            Self::Chat(author) => author.fingerprint(),
        }
    }

    /// Writes.
    pub async fn write(&self, task: &Assignment, material: &Material, desk: &Desk) -> Outcome {
        match self {
            Self::Derive => (Ok(derive::write(task)), Spent::default()),
            Self::Skim => (Ok(skim::write(task)), Spent::default()),
            Self::Chat(author) => author.write(task, material, desk).await,
        }
    }
}

/// What the authors of a run share.
#[derive(Debug, Clone)]
pub struct Desk {
    /// Cancelled with the attempt.
    pub cancel: CancellationToken,
    /// What may be spent.
    pub purse: Arc<Purse>,
}
