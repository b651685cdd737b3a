//! What the phases of the twin documentation hand to each other: records in artifacts, and the artifacts' names.
//!
//! Phases tell each other little by their outputs (counts, names) and everything else by artifacts of the job: `a/2/documented.json`
//! is what stream A's documenter wrote in the second iteration. An artifact of an earlier iteration is never written again, so a run
//! that is done twice gives the same.

pub mod compared;
pub mod documented;
pub mod settings;

use std::fmt;

use phase_kit::Context;
use serde::{Deserialize, Serialize};

/// The version of all records here.
pub const VERSION: &str = "1.0";

/// One of the two streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// The first.
    A,
    /// The second.
    B,
}

impl Stream {
    /// Both, in order.
    pub const ALL: [Self; 2] = [Self::A, Self::B];

    /// Returns the other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    /// Returns its letter as it stands in names: `a`.
    #[must_use]
    pub fn letter(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
        }
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.letter())
    }
}

/// Returns which iteration a run belongs to, from 1: the turn in the run's name (`document_a#2`, `validate_a#2[3]`).
#[must_use]
pub fn iteration(ctx: &Context) -> u32 {
    turn_in(&ctx.start().run)
}

/// Returns the turn in a run's name; 1 where none is written.
#[must_use]
pub fn turn_in(run: &str) -> u32 {
    let digits = run.split_once('#').map_or("", |(_, rest)| rest);
    digits.split('[').next().and_then(|digits| digits.parse().ok()).unwrap_or(1)
}

/// Names of the artifacts.
pub mod names {
    use super::Stream;

    /// All components with the order to document them in ([`crate::analysis::phase::COMPONENTS`]).
    pub const COMPONENTS: &str = crate::analysis::phase::COMPONENTS;
    /// The call graph ([`crate::analysis::phase::CALL_GRAPH`]).
    pub const CALL_GRAPH: &str = crate::analysis::phase::CALL_GRAPH;
    /// The text of every component ([`super::documented::Sources`]).
    pub const SOURCES: &str = "sources.json";
    /// All tickets of the job, a line each, as Beads keeps them.
    pub const TICKETS: &str = "tickets.jsonl";
    /// The folder of people's answers: `answers/{ticket}.json` ([`super::compared::TicketAnswer`]).
    pub const ANSWERS: &str = "answers/";
    /// The streams when people have answered ([`super::compared::Outcome`]).
    pub const OUTCOME: &str = "outcome.json";

    /// What a documenter wrote ([`super::documented::StreamFile`]).
    #[must_use]
    pub fn documented(stream: Stream, iteration: u32) -> String {
        format!("{stream}/{iteration}/documented.json")
    }

    /// One batch of it, validated ([`super::documented::StreamFile`]).
    #[must_use]
    pub fn validated(stream: Stream, iteration: u32, batch: usize) -> String {
        format!("{stream}/{iteration}/validated/{batch}.json")
    }

    /// The stream after the corrections of an iteration ([`super::documented::StreamFile`]): what the next one begins with.
    #[must_use]
    pub fn resolved(stream: Stream, iteration: u32) -> String {
        format!("{stream}/{iteration}/resolved.json")
    }

    /// What was compared ([`super::compared::Comparison`]).
    #[must_use]
    pub fn comparison(iteration: u32) -> String {
        format!("comparison/{iteration}.json")
    }

    /// What was decided ([`super::compared::Resolution`]).
    #[must_use]
    pub fn resolution(iteration: u32) -> String {
        format!("resolution/{iteration}.json")
    }

    /// The answer to a ticket.
    #[must_use]
    pub fn answer(ticket: &str) -> String {
        format!("{ANSWERS}{ticket}.json")
    }
}

#[cfg(test)]
mod tests {
    use super::turn_in;

    #[test]
    fn the_turn_is_read_from_a_runs_name() {
        assert_eq!(turn_in("document_a"), 1);
        assert_eq!(turn_in("document_a#3"), 3);
        assert_eq!(turn_in("validate_b#12[4]"), 12);
        assert_eq!(turn_in("validate_b[4]"), 1);
    }
}
