//! The TOML of a pipeline as it is written, before anything is checked beyond its shape.

use serde::Deserialize;
use toml::Spanned;

use super::{Mode, OnConflict, OnFailure, OnItemError, OnMax};
use crate::ids::Priority;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPipeline {
    pub(super) name: Spanned<String>,
    pub(super) route: Option<Spanned<String>>,
    pub(super) key: Option<String>,
    #[serde(default)]
    pub(super) mode: Mode,
    #[serde(default)]
    pub(super) on_conflict: OnConflict,
    #[serde(default)]
    pub(super) on_failure: OnFailure,
    pub(super) approval_timeout: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) check: Vec<Spanned<RawCheck>>,
    #[serde(default)]
    pub(super) phase: Vec<Spanned<RawPhase>>,
    #[serde(default, rename = "loop")]
    pub(super) loops: Vec<Spanned<RawLoop>>,
    #[serde(default)]
    pub(super) schedule: Vec<Spanned<RawSchedule>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPhase {
    pub(super) id: Spanned<String>,
    #[serde(default)]
    pub(super) alias: Vec<Spanned<String>>,
    pub(super) service: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) after: Vec<Spanned<String>>,
    pub(super) join: Option<Spanned<RawJoin>>,
    pub(super) map: Option<RawMap>,
    pub(super) when: Option<Spanned<String>>,
    pub(super) gate: Option<Spanned<String>>,
    pub(super) on: Option<Spanned<String>>,
    pub(super) wait: Option<RawWait>,
    pub(super) timeout: Option<Spanned<String>>,
    pub(super) heartbeat: Option<Spanned<String>>,
    pub(super) retry: Option<Spanned<RawRetry>>,
    pub(super) priority: Option<Priority>,
    pub(super) interruptible: Option<Spanned<RawInterruptible>>,
    #[serde(default)]
    pub(super) memo: bool,
    pub(super) breaker: Option<RawBreaker>,
    pub(super) coalesce: Option<RawCoalesce>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum RawJoin {
    Word(String),
    Count(u32),
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum RawInterruptible {
    Whether(bool),
    Word(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMap {
    pub(super) over: Spanned<String>,
    pub(super) parallel: Option<Spanned<u32>>,
    #[serde(default)]
    pub(super) on_error: OnItemError,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWait {
    pub(super) signal: Spanned<String>,
    pub(super) timeout: Spanned<String>,
    pub(super) on_timeout: Option<Spanned<RawOnTimeout>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum RawOnTimeout {
    Word(String),
    Goto { goto: String },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRetry {
    pub(super) attempts: Option<u32>,
    pub(super) backoff: Option<Spanned<String>>,
    pub(super) factor: Option<f64>,
    pub(super) max: Option<Spanned<String>>,
    pub(super) jitter: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBreaker {
    pub(super) failures: Spanned<u32>,
    pub(super) window: Spanned<String>,
    pub(super) key: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCoalesce {
    pub(super) key: Spanned<String>,
    pub(super) every: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLoop {
    pub(super) id: Spanned<String>,
    pub(super) phases: Vec<Spanned<String>>,
    pub(super) until: Spanned<String>,
    pub(super) max: Spanned<u32>,
    #[serde(default)]
    pub(super) on_max: OnMax,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSchedule {
    pub(super) cron: Spanned<String>,
    pub(super) key: Option<String>,
    pub(super) input: Option<toml::Table>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCheck {
    pub(super) that: Spanned<String>,
    #[serde(default)]
    pub(super) at: Option<Spanned<String>>,
    pub(super) code: Spanned<String>,
    pub(super) message: Spanned<String>,
}
