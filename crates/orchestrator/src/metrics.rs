//! Figures for those who watch: counted as things happen, written down when Prometheus asks.
//!
//! Counting costs the hot path a few relaxed additions: no lock, no allocation, no format. What has a label is found in
//! tables that are made at the start from the services and pipelines that are declared, so that no caller can make them
//! grow; whatever is not in them is counted under `other`. States (queues, slots, jobs) are not counted but looked at when
//! asked (`scrape`).

pub mod catalog;
mod http;
pub(crate) mod passed_on;
mod process;
mod scrape;
mod text;

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use engine::{
    event::{Event, EventKind, Heal},
    ids::{Name, RunId},
    job::{End, Job, JobState},
    pipeline::Pipeline,
};
pub(crate) use http::count_requests;
pub use http::{ROUTES, Requests};
use journal::{Histogram, JournalError};
use protocol::Code;
pub(crate) use scrape::scrape;
pub use text::MEDIA_TYPE;

use crate::core::CommandError;

/// Microseconds.
const SHORT: [u64; 15] = [
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    10_000_000,
];
/// Milliseconds: 10 ms to 12 h.
const LONG: [u64; 14] = [
    10, 50, 100, 500, 1_000, 5_000, 15_000, 60_000, 300_000, 900_000, 1_800_000, 3_600_000, 14_400_000,
    43_200_000,
];

/// A number that grows, or is set where it is a state.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn add_one(&self) {
        self.add(1);
    }

    /// So many more.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// It is so many now.
    pub fn set(&self, count: u64) {
        self.0.store(count, Ordering::Relaxed);
    }

    /// How many there were.
    #[must_use]
    pub fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What is counted for each service.
#[derive(Debug)]
struct OfService {
    started: Counter,
    succeeded: Counter,
    failed: Counter,
    cancelled: Counter,
    preempted: Counter,
    deferred: Counter,
    runs_failed: Counter,
    runs_superseded: Counter,
    runs_reused: Counter,
    retries: Counter,
    suspects: Counter,
    reoffers: Counter,
    duration: Histogram,
    queue_wait: Histogram,
}

impl Default for OfService {
    fn default() -> Self {
        Self {
            started: Counter::default(),
            succeeded: Counter::default(),
            failed: Counter::default(),
            cancelled: Counter::default(),
            preempted: Counter::default(),
            deferred: Counter::default(),
            runs_failed: Counter::default(),
            runs_superseded: Counter::default(),
            runs_reused: Counter::default(),
            retries: Counter::default(),
            suspects: Counter::default(),
            reoffers: Counter::default(),
            duration: Histogram::new(&LONG),
            queue_wait: Histogram::new(&LONG),
        }
    }
}

/// What is counted for each pipeline.
#[derive(Debug)]
struct OfPipeline {
    started: Counter,
    complete: Counter,
    validation_failed: Counter,
    error: Counter,
    cancelled: Counter,
    duration: Histogram,
    gates: Counter,
    gates_passed_over: Counter,
    signals: Counter,
    timed_out: Counter,
}

impl Default for OfPipeline {
    fn default() -> Self {
        Self {
            started: Counter::default(),
            complete: Counter::default(),
            validation_failed: Counter::default(),
            error: Counter::default(),
            cancelled: Counter::default(),
            duration: Histogram::new(&LONG),
            gates: Counter::default(),
            gates_passed_over: Counter::default(),
            signals: Counter::default(),
            timed_out: Counter::default(),
        }
    }
}

/// Everything that is counted.
#[derive(Debug)]
pub struct Metrics {
    services: BTreeMap<Name, OfService>,
    other_service: OfService,
    pipelines: BTreeMap<Name, OfPipeline>,
    other_pipeline: OfPipeline,
    events: Counter,
    heals: [Counter; 4],
    callback_to_start: Histogram,
    rejected: Vec<(Code, Counter)>,
    append_failures: [Counter; 3],
    requests: Requests,
    /// Spans that a collector has taken.
    pub spans_exported: Counter,
    /// Spans that a collector refused.
    pub spans_refused: Counter,
    /// Batches of events that retention had removed before the collector came back.
    pub spans_skipped: Counter,
    /// Batches of events that are not yet made into spans: set, not counted.
    pub spans_lag: Counter,
    /// 1 where spans are exported: set, not counted.
    pub spans_enabled: Counter,
}

/// The kinds of heal, in the order in which they are counted.
const HEALS: [&str; 4] = ["heartbeat", "working", "reoffered", "lost-callback"];
/// Why the journal did not take a decision, in the order in which it is counted.
const APPEND_FAILURES: [&str; 3] = ["full", "stopped", "other"];

impl Metrics {
    /// For these services and pipelines.
    #[must_use]
    pub fn new(services: impl Iterator<Item = Name>, pipelines: impl Iterator<Item = Name>) -> Self {
        Self {
            services: services.map(|name| (name, OfService::default())).collect(),
            other_service: OfService::default(),
            pipelines: pipelines.map(|name| (name, OfPipeline::default())).collect(),
            other_pipeline: OfPipeline::default(),
            events: Counter::default(),
            heals: Default::default(),
            callback_to_start: Histogram::new(&SHORT),
            rejected: Code::all().map(|code| (code, Counter::default())).collect(),
            append_failures: Default::default(),
            requests: Requests::default(),
            spans_exported: Counter::default(),
            spans_refused: Counter::default(),
            spans_skipped: Counter::default(),
            spans_lag: Counter::default(),
            spans_enabled: Counter::default(),
        }
    }

    /// Requests that were answered.
    #[must_use]
    pub fn requests(&self) -> &Requests {
        &self.requests
    }

    fn service(&self, name: &Name) -> &OfService {
        self.services.get(name).unwrap_or(&self.other_service)
    }

    fn of_run(&self, pipeline: &Pipeline, run: &RunId) -> Option<&OfService> {
        let phase = pipeline.find(run.phase.as_str())?;
        Some(self.service(&pipeline.phase(phase).service()?.service))
    }

    fn pipeline(&self, name: &Name) -> &OfPipeline {
        self.pipelines.get(name).unwrap_or(&self.other_pipeline)
    }

    /// Counts events that have become durable; `job` is the job after them.
    pub(crate) fn count(&self, pipeline: &Pipeline, job: &Job, events: &[Event]) {
        self.events.add(events.len() as u64);
        for event in events {
            self.count_attempt(pipeline, job, event);
            self.count_job(pipeline, job, event);
        }
    }

    fn count_attempt(&self, pipeline: &Pipeline, job: &Job, event: &Event) {
        let of = |run: &RunId| self.of_run(pipeline, run);
        let counted = match &event.kind {
            EventKind::AttemptStarted { run, attempt, number, .. } => {
                let service = of(run);
                if let (1, Some(service), Some((at, _))) = (number, service, job.live_attempt(*attempt)) {
                    let ready = job.run(at).map_or(event.at, |run| run.ready_at);
                    service.queue_wait.observe(millis(event.at.since(ready)));
                }
                service.map(|of| &of.started)
            }
            EventKind::AttemptSucceeded { run, .. } => of(run).map(|of| &of.succeeded),
            EventKind::AttemptFailed { run, .. } => of(run).map(|of| &of.failed),
            EventKind::AttemptCancelled { run, .. } => of(run).map(|of| &of.cancelled),
            EventKind::AttemptPreempted { run, .. } => of(run).map(|of| &of.preempted),
            EventKind::AttemptDeferred { run, .. } => of(run).map(|of| &of.deferred),
            EventKind::RetryScheduled { run, .. } => of(run).map(|of| &of.retries),
            EventKind::RunFailed { run, .. } => of(run).map(|of| &of.runs_failed),
            EventKind::RunSuperseded { run } => of(run).map(|of| &of.runs_superseded),
            EventKind::RunReused { run, .. } => of(run).map(|of| &of.runs_reused),
            EventKind::AttemptSuspected { attempt } => job.attempts.get(attempt).and_then(|record| {
                Some(&self.service(&pipeline.phase(record.run.phase).service()?.service).suspects)
            }),
            EventKind::AttemptHealed { by, .. } => Some(match by {
                Heal::Heartbeat => &self.heals[0],
                Heal::Working => &self.heals[1],
                Heal::Reoffered => &self.heals[2],
            }),
            _ => None,
        };
        counted.into_iter().for_each(Counter::add_one);
    }

    fn count_job(&self, pipeline: &Pipeline, job: &Job, event: &Event) {
        let of = || self.pipeline(&pipeline.name);
        let counted = match &event.kind {
            EventKind::JobStarted { .. } => &of().started,
            EventKind::GateClosed { enforced: true, .. } => &of().gates,
            EventKind::GateClosed { enforced: false, .. } => &of().gates_passed_over,
            EventKind::SignalTaken { .. } => &of().signals,
            EventKind::WaitTimedOut { .. } => &of().timed_out,
            EventKind::JobCompleted | EventKind::JobFailed | EventKind::JobCancelled { .. } => {
                let of = of();
                of.duration.observe(millis(event.at.since(job.created_at)));
                match (&event.kind, &job.state) {
                    (EventKind::JobCompleted, _) => &of.complete,
                    (EventKind::JobCancelled { .. }, _) => &of.cancelled,
                    (_, JobState::Ended { end: End::ValidationFailed(_), .. }) => &of.validation_failed,
                    _ => &of.error,
                }
            }
            _ => return,
        };
        counted.add_one();
    }

    /// An attempt has given its slot back after so long.
    pub(crate) fn attempt_took(&self, service: &Name, took: Duration) {
        self.service(service).duration.observe(millis(took));
    }

    /// A silent attempt was found to be done, its callback lost.
    pub(crate) fn found_done(&self) {
        self.heals[3].add_one();
    }

    /// A start is about to be sent; `since`: when the callback came that it follows from.
    pub(crate) fn sent(&self, service: &Name, again: bool, since: Option<Instant>) {
        match since {
            _ if again => self.service(service).reoffers.add_one(),
            Some(since) => self.callback_to_start.observe(micros(since.elapsed())),
            None => {}
        }
    }

    /// A callback was refused.
    pub(crate) fn callback_rejected(&self, code: Code) {
        if let Some((_, counter)) = self.rejected.iter().find(|(known, _)| *known == code) {
            counter.add_one();
        }
    }

    /// The journal did not take a round.
    pub(crate) fn append_failed(&self, error: &CommandError) {
        let reason = match error {
            CommandError::Journal(JournalError::Full) => 0,
            CommandError::Journal(JournalError::Stopped { .. }) => 1,
            _ => 2,
        };
        self.append_failures[reason].add_one();
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
