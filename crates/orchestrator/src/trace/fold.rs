//! The spans of a job, folded from its events: each is given out once, when what it stands for is over.
//!
//! Below the job's span there is one for each turn of a phase, and below that one for each attempt, wait for a decision, and gate.
//! A job that goes on after its end has another span for that life of it.

use std::collections::BTreeMap;

use engine::{
    event::{Event, EventKind, Heal},
    ids::{AttemptId, JobId, Name, RunId, Timestamp},
    pipeline::Pipeline,
};
use protocol::TraceContext;

use super::{Attribute, Span, SpanId, SpanKind, SpanStatus, attempt_span, caller, span_id, trace_of};

/// Most notes of a span: a heartbeat that flickers for days must not make one without end.
const MOST_NOTES: usize = 64;

/// What a span that is still open is of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Of {
    // In the order in which an end closes them: what is inside first.
    Attempt(AttemptId),
    Wait(Name, u32),
    Phase(Name, u32),
    Job,
}

/// The spans of a job so far.
#[derive(Debug)]
pub struct Fold {
    job: JobId,
    pipeline: Name,
    caller: Option<TraceContext>,
    trace: [u8; 16],
    sampled: bool,
    events: u64,
    life: u32,
    ready: BTreeMap<RunId, Timestamp>,
    open: BTreeMap<Of, Span>,
    closed: Vec<Span>,
}

impl Fold {
    /// From a job's first event; none where it is another.
    #[must_use]
    pub fn new(first: &Event) -> Option<Self> {
        let EventKind::JobStarted { job, pipeline, key, traceparent, .. } = &first.kind else { return None };
        let caller = caller(traceparent.as_deref());
        let (trace, sampled) = trace_of(*job, caller);
        let mut fold = Self {
            job: *job,
            pipeline: pipeline.clone(),
            caller,
            trace,
            sampled,
            events: 1,
            life: 0,
            ready: BTreeMap::new(),
            open: BTreeMap::new(),
            closed: Vec::new(),
        };
        fold.begin_life(first.at);
        fold.note_on(&Of::Job, |span| span.attributes.push(("segue.key", (&**key).into())));
        Some(fold)
    }

    /// How many events it has seen.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Whether its caller wants it recorded.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.sampled
    }

    /// Whether the job is under way.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// The spans that were closed since they were last taken.
    pub fn take(&mut self) -> Vec<Span> {
        std::mem::take(&mut self.closed)
    }

    /// Takes what is still open too, as of a moment: to be shown, not to be exported.
    #[must_use]
    pub fn finish(mut self, now: Timestamp) -> Vec<Span> {
        for (_, mut span) in std::mem::take(&mut self.open) {
            span.end = now.max(span.start);
            span.attributes.push(("segue.open", true.into()));
            self.closed.push(span);
        }
        self.closed
    }

    /// Takes the next event.
    pub fn apply(&mut self, pipeline: &Pipeline, event: &Event) {
        self.events += 1;
        let at = event.at;
        match &event.kind {
            EventKind::RunReady { run, .. } => {
                self.ready.insert(run.clone(), at);
                self.open_phase(&run.phase, run.turn, at);
            }
            EventKind::MapExpanded { phase, turn, items, .. } => {
                self.open_phase(phase, *turn, at);
                let items = items.len() as u64;
                self.note_on(&Of::Phase(phase.clone(), *turn), |span| {
                    span.attributes.push(("segue.items", items.into()));
                });
            }
            EventKind::RetryScheduled { run, until } => {
                self.ready.insert(run.clone(), *until);
            }
            EventKind::PhaseSucceeded { phase, turn } => {
                let gated = pipeline.find(phase.as_str()).is_some_and(|at| pipeline.phase(at).gate.is_some());
                if gated {
                    self.gate(phase, *turn, at, SpanStatus::Ok);
                }
                self.close(&Of::Phase(phase.clone(), *turn), at, SpanStatus::Ok);
            }
            EventKind::PhaseFailed { phase, turn } => {
                let status = SpanStatus::Error(format!("{phase} failed"));
                self.close(&Of::Phase(phase.clone(), *turn), at, status);
            }
            EventKind::PhaseSkipped { phase, turn, because } => {
                self.open_phase(phase, *turn, at);
                let of = Of::Phase(phase.clone(), *turn);
                self.note_on(&of, |span| {
                    span.attributes.push(("segue.skipped", format!("{because:?}").into()))
                });
                self.close(&of, at, SpanStatus::Unset);
            }
            EventKind::GateClosed { phase, turn, error, .. } => {
                self.gate(phase, *turn, at, SpanStatus::Error(error.message.to_string()));
            }
            kind if self.apply_attempt(pipeline, at, kind) || self.apply_wait(at, kind) => {}
            kind => self.apply_job(at, kind),
        }
    }

    fn apply_attempt(&mut self, pipeline: &Pipeline, at: Timestamp, kind: &EventKind) -> bool {
        match kind {
            EventKind::AttemptStarted { run, attempt, number, .. } => {
                self.open_attempt(pipeline, at, run, *attempt, *number);
            }
            EventKind::AttemptAccepted { attempt } => self.note(&Of::Attempt(*attempt), at, "accepted"),
            EventKind::AttemptSuspected { attempt } => {
                self.note(&Of::Attempt(*attempt), at, "silent: suspect")
            }
            EventKind::AttemptHealed { attempt, by } => {
                let how = match by {
                    Heal::Heartbeat => "healed: it said something",
                    Heal::Working => "healed: the service says that it is working",
                    Heal::Reoffered => "healed: offered again under the same key",
                };
                self.note(&Of::Attempt(*attempt), at, how);
            }
            EventKind::PauseRequested { attempt, .. } => {
                self.note(&Of::Attempt(*attempt), at, "asked for a checkpoint");
            }
            EventKind::PauseRefused { attempt } => {
                self.note(&Of::Attempt(*attempt), at, "gave no checkpoint")
            }
            EventKind::AttemptSucceeded { attempt, .. } => {
                self.end(*attempt, at, "succeeded", SpanStatus::Ok)
            }
            EventKind::AttemptFailed { attempt, error, .. } => {
                let status = SpanStatus::Error(format!("{}: {}", error.code, error.message));
                self.end(*attempt, at, "failed", status);
            }
            EventKind::AttemptDeferred { run, attempt, until } => {
                self.ready.insert(run.clone(), *until);
                self.end(*attempt, at, "deferred", SpanStatus::Unset);
            }
            EventKind::AttemptPreempted { run, attempt, .. } => {
                self.ready.insert(run.clone(), at);
                self.end(*attempt, at, "preempted", SpanStatus::Unset);
            }
            EventKind::AttemptCancelled { attempt, .. } => {
                self.end(*attempt, at, "cancelled", SpanStatus::Unset);
            }
            _ => return false,
        }
        true
    }

    fn apply_wait(&mut self, at: Timestamp, kind: &EventKind) -> bool {
        let wait = |run: &RunId| Of::Wait(run.phase.clone(), run.turn);
        match kind {
            EventKind::SignalAwaited { run, signal, .. } => {
                self.open_wait(&run.phase, run.turn, at, signal.as_str());
            }
            EventKind::SignalTaken { run, by, .. } => {
                self.note_on(&wait(run), |span| span.attributes.push(("segue.by", (&**by).into())));
                self.close(&wait(run), at, SpanStatus::Ok);
            }
            EventKind::WaitTimedOut { run } => {
                self.close(&wait(run), at, SpanStatus::Error("nobody decided in time".to_owned()));
            }
            EventKind::ApprovalRequested { phase, turn, .. } => self.open_wait(phase, *turn, at, "approval"),
            EventKind::ApprovalGiven { phase, turn, by } => {
                let of = Of::Wait(phase.clone(), *turn);
                self.note_on(&of, |span| span.attributes.push(("segue.by", (&**by).into())));
                self.close(&of, at, SpanStatus::Ok);
            }
            _ => return false,
        }
        true
    }

    fn apply_job(&mut self, at: Timestamp, kind: &EventKind) {
        match kind {
            EventKind::JobCompleted => self.end_life(at, SpanStatus::Ok),
            EventKind::JobFailed => {
                let known = self.open.get(&Of::Job).map(|span| span.status.clone());
                let status = known.filter(|status| matches!(status, SpanStatus::Error(_)));
                self.end_life(at, status.unwrap_or_else(|| SpanStatus::Error("the job failed".to_owned())));
            }
            EventKind::JobCancelled { reason, by } => {
                self.end_life(at, SpanStatus::Error(format!("cancelled by {by}: {reason}")));
            }
            EventKind::JobFailing { failure } => {
                let message = format!("{}: {}", failure.run, failure.error.message);
                self.note_on(&Of::Job, |span| span.status = SpanStatus::Error(message));
            }
            EventKind::JobRetried { by } => self.go_on(at, &format!("retried by {by}")),
            EventKind::JobRerun { from, by, .. } => self.go_on(at, &format!("{from} run again by {by}")),
            EventKind::JobPaused { by } => self.note(&Of::Job, at, &format!("paused by {by}")),
            EventKind::JobResumed { by } => self.note(&Of::Job, at, &format!("resumed by {by}")),
            EventKind::PriorityChanged { priority, by } => {
                self.note(&Of::Job, at, &format!("priority {} by {by}", priority.as_str()));
            }
            EventKind::LoopTurned { id, turn } => self.note(&Of::Job, at, &format!("loop {id}, turn {turn}")),
            EventKind::RunReused { run, from, .. } => {
                let of = Of::Phase(run.phase.clone(), run.turn);
                self.note(&of, at, &format!("{run} reused from job {from}"));
            }
            EventKind::RunSuperseded { run } => {
                self.note(&Of::Phase(run.phase.clone(), run.turn), at, &format!("{run} superseded"));
            }
            _ => {}
        }
    }

    fn job_span(&self) -> SpanId {
        span_id(&[b"job", self.job.0.as_bytes(), &self.life.to_le_bytes()])
    }

    fn phase_span(&self, phase: &Name, turn: u32) -> SpanId {
        span_id(&[b"phase", self.job.0.as_bytes(), phase.as_str().as_bytes(), &turn.to_le_bytes()])
    }

    fn span(&self, id: SpanId, parent: Option<SpanId>, name: String, at: Timestamp) -> Span {
        Span {
            trace: self.trace,
            id,
            parent,
            name,
            kind: SpanKind::Internal,
            start: at,
            end: at,
            attributes: vec![("segue.job", self.job.to_string().into())],
            events: Vec::new(),
            status: SpanStatus::Unset,
        }
    }

    fn begin_life(&mut self, at: Timestamp) {
        let parent = self.caller.map(|caller| caller.span);
        let mut span = self.span(self.job_span(), parent, format!("job {}", self.pipeline), at);
        span.kind = if parent.is_some() { SpanKind::Server } else { SpanKind::Internal };
        span.attributes.push(("segue.pipeline", self.pipeline.as_str().into()));
        if self.life > 0 {
            span.attributes.push(("segue.life", u64::from(self.life + 1).into()));
        }
        self.open.insert(Of::Job, span);
    }

    fn go_on(&mut self, at: Timestamp, how: &str) {
        if !self.open.contains_key(&Of::Job) {
            self.life += 1;
            self.begin_life(at);
        }
        self.note(&Of::Job, at, how);
    }

    fn end_life(&mut self, at: Timestamp, status: SpanStatus) {
        let inside: Vec<Of> = self.open.keys().filter(|of| **of != Of::Job).cloned().collect();
        for of in inside {
            self.close(&of, at, SpanStatus::Unset);
        }
        self.close(&Of::Job, at, status);
        self.ready.clear();
    }

    fn open_phase(&mut self, phase: &Name, turn: u32, at: Timestamp) {
        let of = Of::Phase(phase.clone(), turn);
        if self.open.contains_key(&of) {
            return;
        }
        let name = if turn > 1 { format!("{phase}#{turn}") } else { phase.to_string() };
        let mut span = self.span(self.phase_span(phase, turn), Some(self.job_span()), name, at);
        span.attributes.push(("segue.phase", phase.as_str().into()));
        self.open.insert(of, span);
    }

    fn open_attempt(&mut self, pipeline: &Pipeline, at: Timestamp, run: &RunId, id: AttemptId, number: u32) {
        self.open_phase(&run.phase, run.turn, at);
        let parent = self.phase_span(&run.phase, run.turn);
        let mut span = self.span(attempt_span(id), Some(parent), format!("{run} attempt {number}"), at);
        span.kind = SpanKind::Client;
        span.attributes.push(("segue.run", run.to_string().into()));
        span.attributes.push(("segue.attempt", id.to_string().into()));
        span.attributes.push(("segue.attempt.number", u64::from(number).into()));
        let service = pipeline.find(run.phase.as_str()).and_then(|at| pipeline.phase(at).service());
        if let Some(work) = service {
            span.attributes.push(("peer.service", work.service.as_str().into()));
        }
        let phase = self.open.get(&Of::Phase(run.phase.clone(), run.turn)).map(|span| span.start);
        if let Some(ready) = self.ready.remove(run).or(phase) {
            let waited = u64::try_from(at.since(ready).as_millis()).unwrap_or(u64::MAX);
            span.attributes.push(("segue.queue_wait_ms", waited.into()));
        }
        self.open.insert(Of::Attempt(id), span);
    }

    fn open_wait(&mut self, phase: &Name, turn: u32, at: Timestamp, signal: &str) {
        self.open_phase(phase, turn, at);
        let id = span_id(&[b"wait", self.job.0.as_bytes(), phase.as_str().as_bytes(), &turn.to_le_bytes()]);
        let mut span = self.span(id, Some(self.phase_span(phase, turn)), format!("wait for {signal}"), at);
        span.attributes.push(("segue.signal", signal.into()));
        self.open.insert(Of::Wait(phase.clone(), turn), span);
    }

    /// A gate takes no time: it is decided with what it looks at.
    fn gate(&mut self, phase: &Name, turn: u32, at: Timestamp, status: SpanStatus) {
        let id = span_id(&[b"gate", self.job.0.as_bytes(), phase.as_str().as_bytes(), &turn.to_le_bytes()]);
        if self.closed.iter().any(|span| span.id == id) {
            return;
        }
        let mut span = self.span(id, Some(self.phase_span(phase, turn)), format!("gate of {phase}"), at);
        span.attributes.push(("segue.phase", phase.as_str().into()));
        span.status = status;
        self.closed.push(span);
    }

    fn end(&mut self, attempt: AttemptId, at: Timestamp, outcome: &str, status: SpanStatus) {
        let of = Of::Attempt(attempt);
        self.note_on(&of, |span| span.attributes.push(("segue.outcome", outcome.into())));
        self.close(&of, at, status);
    }

    fn note(&mut self, of: &Of, at: Timestamp, what: &str) {
        self.note_on(of, |span| {
            if span.events.len() < MOST_NOTES {
                span.events.push((at, what.to_owned()));
            }
        });
    }

    fn note_on(&mut self, of: &Of, note: impl FnOnce(&mut Span)) {
        if let Some(span) = self.open.get_mut(of) {
            note(span);
        }
    }

    fn close(&mut self, of: &Of, at: Timestamp, status: SpanStatus) {
        if let Some(mut span) = self.open.remove(of) {
            span.end = at.max(span.start);
            span.status = status;
            self.closed.push(span);
        }
    }
}

/// An attribute of a span.
#[must_use]
pub fn attribute<'a>(span: &'a Span, name: &str) -> Option<&'a Attribute> {
    span.attributes.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
}
