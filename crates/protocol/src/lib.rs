//! The words on the wire: start request, callback, progress and problem bodies.
//!
//! The wire is a promise to services in any language, so nothing here knows the engine. What the orchestrator only carries
//! (inputs, outputs, stats, checkpoints) stays raw JSON text: it is checked once, when it arrives, and never parsed again.
//!
//! Reading order: [`start`], [`callback`], [`progress`] (between orchestrator and service), [`calls`] and [`views`] (between
//! callers and orchestrator), [`problem`] and [`code`] (every refusal), [`fields`] (how a body is read so that a refusal
//! names the place).

pub mod callback;
pub mod calls;
pub mod code;
pub mod estimate;
pub mod fields;
pub mod headers;
pub mod instances;
pub mod problem;
pub mod progress;
pub mod start;
pub mod trace;
pub mod views;
mod words;

pub use callback::{Callback, CallbackAnswer, CallbackError, CallbackStatus};
pub use calls::{ReportProgress, SendSignal, SetPriority, StartJob, StartPhase};
pub use code::Code;
pub use estimate::{Estimate, PhaseEstimate};
pub use fields::Fields;
pub use instances::{InstanceState, InstanceStatus, RegisterInstance};
pub use problem::Problem;
pub use progress::{AttemptStatus, PauseAnswer, Progress, ServiceHealth};
pub use start::{CallbackTarget, StartRequest, StartRequestRef, Upstream, UpstreamRef};
pub use trace::TraceContext;
pub use views::{
    ArtifactInfo, ArtifactList, Cause, JobPage, JobState, JobStatus, JobSummary, LiveEvent, PhaseState,
    PhaseStatus, Reason, RunningAttempt, ServiceStatus, Why,
};
pub use words::in_words;
