//! How long a job will still take: a range, from what, and for each phase. Never a promise.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Seconds: as many jobs take less than `p50` as take more; one in ten takes more than `p90`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Seconds {
    /// The middle.
    pub p50: f64,
    /// Near the end; never less than the middle.
    pub p90: f64,
}

/// The same as moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moments {
    /// The middle.
    pub p50: Timestamp,
    /// Near the end.
    pub p90: Timestamp,
}

/// What is left of a job that is not over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Estimate {
    /// Seconds of work and waiting for slots that are left; null where nothing is known.
    pub remaining_seconds: Option<Seconds>,
    /// When it will be over; null where that is not known, or depends on a person.
    pub ends_at: Option<Moments>,
    /// There is more, of which nothing is known yet.
    #[serde(default)]
    pub at_least: bool,
    /// In words, as pages and `segue status` say it: `about 3–5 min left`.
    pub text: String,
    /// From what: `from 12 earlier runs`; or why nothing is known: `no run of tts is known yet`.
    pub why: String,
    /// What people must do before it can end; it counts as no time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits_for: Vec<String>,
    /// Of each phase that is not through; absent in lists.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub phases: BTreeMap<String, PhaseEstimate>,
}

/// What is left of a phase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PhaseEstimate {
    /// When it will begin; absent where it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Moments>,
    /// When it will be through; null where nothing is known of it.
    pub ends_at: Option<Moments>,
    /// Seconds until then.
    pub remaining_seconds: Option<Seconds>,
    /// How far it is by this estimate, from 0 to 1: between what its service says, and where it says nothing. Absent where it
    /// has not begun, or nothing is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<f64>,
    /// From what: `from 12 earlier runs, by manifest samples`.
    pub why: String,
}

impl Estimate {
    /// What is left, in words.
    #[must_use]
    pub fn in_words(remaining: Option<Seconds>, at_least: bool, why: &str) -> String {
        match remaining {
            None => format!("time left not known: {why}"),
            Some(left) if at_least => format!("at least {} left", span(left.p50)),
            Some(left) => format!("about {} left", range(left)),
        }
    }
}

/// `3–5 min`, `40 s – 2 min`, or `5 s` where both are the same.
fn range(left: Seconds) -> String {
    let (from, to) = (span(left.p50), span(left.p90));
    match (from.split_once(' '), to.split_once(' ')) {
        _ if from == to => from,
        (Some((from, one)), Some((to, other))) if one == other => format!("{from}–{to} {one}"),
        _ => format!("{from} – {to}"),
    }
}

/// Seconds as people say them: `5 s`, `12 min`, `3.5 h`, `4 days`.
fn span(seconds: f64) -> String {
    match seconds {
        ..90.0 => format!("{:.0} s", seconds.max(1.0).round()),
        ..5400.0 => format!("{:.0} min", (seconds / 60.0).round()),
        ..172_800.0 => format!("{:.1} h", seconds / 3600.0),
        _ => format!("{:.0} days", seconds / 86_400.0),
    }
}

#[cfg(test)]
mod tests {
    use super::{Estimate, Seconds};

    #[test]
    fn the_time_left_is_said_as_a_person_would() {
        let words = |p50, p90| Estimate::in_words(Some(Seconds { p50, p90 }), false, "");
        assert_eq!(words(184.0, 301.0), "about 3–5 min left");
        assert_eq!(words(40.0, 121.0), "about 40 s – 2 min left");
        assert_eq!(words(0.2, 0.4), "about 1 s left");
        assert_eq!(words(9000.0, 10_080.0), "about 2.5–2.8 h left");
        assert_eq!(
            Estimate::in_words(Some(Seconds { p50: 60.0, p90: 70.0 }), true, ""),
            "at least 60 s left"
        );
        let unknown = Estimate::in_words(None, true, "no run of tts is known yet");
        assert_eq!(unknown, "time left not known: no run of tts is known yet");
    }
}
