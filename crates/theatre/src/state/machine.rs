//! One machine in layers: what an operator decided lies over what the rules decided, and that over the definition's default.
//!
//! The lower layer goes on living under an override. What the rules say meanwhile is remembered, and shows when the override
//! ends: nobody has to say it again.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::model::Action;

/// The same command within this time of the first is the first one heard twice.
pub const DEBOUNCE: SignedDuration = SignedDuration::from_secs(3);

/// Who decided what a machine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Nobody yet: the surgery's definition.
    Default,
    /// A sentence, by the rules.
    Rule,
    /// An operator.
    Override,
}

/// A decision about a machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    /// What the machine is.
    pub state: Action,
    /// Who decided.
    pub source: Source,
    /// 0 to 1.
    pub confidence: f64,
    /// Since when.
    pub since: Timestamp,
    /// The speaker or operator.
    pub by: String,
    /// The utterance it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub utterance: Option<u64>,
}

/// What an operator decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Override {
    /// What the machine is.
    pub action: Action,
    /// Why.
    pub reason: String,
    /// Who.
    pub operator: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when at most.
    pub until: Timestamp,
}

/// A command for a machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Order<'a> {
    /// The utterance: later ones have larger numbers, whenever they arrive.
    pub utterance: u64,
    /// The utterance whose words it was; of something pending an earlier one.
    pub words: u64,
    /// When it was said.
    pub said_at: Timestamp,
    /// What the machine becomes.
    pub action: Action,
    /// 0 to 1.
    pub confidence: f64,
    /// Who said it.
    pub by: &'a str,
}

/// What became of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It holds now.
    Taken,
    /// The same was said a moment ago.
    Debounced,
    /// A later sentence decided already.
    Late,
}

/// A machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Machine {
    /// Its name.
    pub name: String,
    /// What rules or the definition say.
    pub base: Layer,
    /// What an operator says.
    pub over: Option<Override>,
    /// The newest utterance that decided, and when it was said.
    newest: Option<(u64, Timestamp)>,
}

impl Machine {
    /// A machine that nobody has spoken of.
    #[must_use]
    pub fn new(name: String, default: Action, since: Timestamp) -> Self {
        let base = Layer {
            state: default,
            source: Source::Default,
            confidence: 1.0,
            since,
            by: "definition".to_owned(),
            utterance: None,
        };
        Self { name, base, over: None, newest: None }
    }

    /// What it is.
    #[must_use]
    pub fn state(&self) -> Action {
        self.over.as_ref().map_or(self.base.state, |over| over.action)
    }

    /// The decision that holds.
    #[must_use]
    pub fn layer(&self) -> Layer {
        match &self.over {
            None => self.base.clone(),
            Some(over) => Layer {
                state: over.action,
                source: Source::Override,
                confidence: 1.0,
                since: over.since,
                by: over.operator.clone(),
                utterance: None,
            },
        }
    }

    /// Takes a command into the lower layer.
    pub fn order(&mut self, order: &Order<'_>) -> Effect {
        let newest = self.newest;
        if newest.is_some_and(|(utterance, _)| order.utterance < utterance) {
            return Effect::Late;
        }
        self.newest = Some((order.utterance, order.said_at));
        let soon = |at: Timestamp| order.said_at.duration_since(at).abs() < DEBOUNCE;
        if order.action == self.base.state && newest.is_some_and(|(_, at)| soon(at)) {
            return Effect::Debounced;
        }
        self.base = Layer {
            state: order.action,
            source: Source::Rule,
            confidence: order.confidence,
            since: order.said_at,
            by: order.by.to_owned(),
            utterance: Some(order.words),
        };
        Effect::Taken
    }
}
