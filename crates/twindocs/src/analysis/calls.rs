//! Who calls whom.
//!
//! Names are followed the way the language does it, over all files at once: `values` says what an expression could be,
//! `targets` what a call of it runs. What a function is given by its callers is fed back twice, so that a function that calls
//! its parameter is known to call what it was given.

mod members;
mod overloads;
mod resolve;
mod targets;
mod values;
mod world;

use serde::{Deserialize, Serialize};

pub use super::facts::Around;
pub(super) use overloads::bare as bare_type;
pub(super) use resolve::resolve;

/// How a callee is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallType {
    /// A function by its name, here or in another module.
    Direct,
    /// A method of an evident receiver.
    Method,
    /// A type is made.
    Constructor,
    /// A function inside a function.
    Closure,
    /// It decorates.
    Decorator,
    /// A function that was handed over as a value.
    Callback,
    /// A method that may run instead of the one named: an override, an implementation.
    Dynamic,
}

/// A call from one component to another, at one place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallEdge {
    /// Who calls: a component's id.
    pub caller: String,
    /// Who is called: a component's id.
    pub callee: String,
    /// How.
    pub call_type: CallType,
    /// In what it is.
    pub around: Around,
    /// Line of the call in the caller's file.
    pub line: u32,
    /// 0 to 1: 1 where the text leaves no choice.
    pub confidence: f64,
}

/// A call of something outside.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ExternalCall {
    /// Who calls.
    pub caller: String,
    /// What: its name as far as it is known.
    pub callee: String,
    /// Line of the call.
    pub line: u32,
}

/// A call whose callee is not evident.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unresolved {
    /// Who calls.
    pub caller: String,
    /// The text of what is called.
    pub text: String,
    /// Line of the call.
    pub line: u32,
    /// `unknown-receiver`, `unknown-value` or `no-such-member`.
    pub reason: String,
}

/// The call graph.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CallGraph {
    /// Calls between components, by caller, line and callee.
    pub edges: Vec<CallEdge>,
    /// Calls of what is outside.
    pub external: Vec<ExternalCall>,
    /// Calls that were seen and not resolved.
    pub unresolved: Vec<Unresolved>,
}
