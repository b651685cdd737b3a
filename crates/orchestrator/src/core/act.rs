//! Carries out effects, once what they follow from is durable. The one match over [`Effect`].

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use engine::{
    command::{Command, Outcome, Refusal},
    effect::{self, Effect, Verdict},
    event::Event,
    ids::{AttemptId, JobId, Name, Timestamp},
    job::{RunRef, RunState},
    payload::Payload,
    pipeline::Interruptible,
    plan::{BreakerRule, Waiting},
    priority,
};
use tokio::sync::mpsc;

use super::{Core, again, cell::Loaded, fleet::Granted};
use crate::{
    attempts::LiveAttempt,
    estimates::{background::Note, learn::Attempted, picture::Picture},
    memo::{MemoKey, Remembered},
    outbound::{Hearing, Offer, request},
    timers::Due,
    trace,
};

/// Deadlines further away than this stay in the journal's index.
pub(super) const NEAR: Duration = Duration::from_secs(10 * 60);
/// An attempt that lasts at least so long is noted as accepted in the journal; a shorter one needs no note.
const NOTE_AFTER: Duration = Duration::from_millis(25);
/// Acceptances that wait to be noted.
pub(super) const NOTES: usize = 100_000;
/// How long a preemption that the job refused is not tried again.
const PREEMPT_AGAIN: Duration = Duration::from_millis(20);

impl Core {
    /// Everything that follows outside from a round's events; `since`: when the callback came that they follow from.
    pub(super) fn act_on(&self, loaded: &mut Loaded, events: &[Event], since: Option<Instant>) {
        for event in events {
            for effect in effect::effects(&loaded.pipeline, &loaded.job, event) {
                self.act(loaded, event, effect, since);
            }
        }
        let now = self.inner.world.now();
        let near = loaded.job.next_deadline().filter(|at| at.since(now) < NEAR);
        if near != loaded.timer {
            loaded.timer = near;
            self.inner.timers.set(Due::Job(loaded.job.id), near);
        }
    }

    fn act(&self, loaded: &Loaded, event: &Event, effect: Effect, since: Option<Instant>) {
        let job = loaded.job.id;
        match effect {
            Effect::Enqueue { run } => self.enqueue(loaded, run),
            Effect::DequeueAll => self.inner.fleet.dequeue_job(job),
            Effect::Requeue => {
                self.inner.fleet.dequeue_job(job);
                for run in effect::queueable(&loaded.pipeline, &loaded.job) {
                    self.enqueue(loaded, run);
                }
                self.reprioritise_slots(loaded);
            }
            Effect::Dispatch { attempt } => self.dispatch(loaded, attempt, since),
            Effect::FreeSlot { attempt, service, verdict } => {
                self.keep_memo(loaded, event);
                self.note_attempt(loaded, event, attempt);
                self.inner.timers.set(Due::Heartbeat(attempt), None);
                self.inner.fleet.over(&service, attempt);
                self.free(&service, attempt, verdict, since);
            }
            Effect::CancelAttempt { attempt, service } => {
                let outbound = self.inner.outbound.clone();
                tokio::spawn(async move { outbound.cancel(&service, attempt).await });
            }
            Effect::AskToPause { attempt } => self.ask_to_pause(loaded, attempt),
            Effect::Probe { attempt } => self.probe(job, attempt),
            // A job that ended may go on since the same round.
            Effect::Ended if !loaded.job.has_ended() => {}
            Effect::Ended => {
                self.give_key_back(&(loaded.pipeline.name.clone(), loaded.job.key.clone()), job);
                self.put_out_ended(&loaded.job);
                let picture = Box::new(Picture::of(&loaded.job, |_| None));
                self.inner.estimates.note(Note::Ended(loaded.pipeline.clone(), picture));
            }
        }
    }

    /// An attempt is over: how long it took is learned from.
    fn note_attempt(&self, loaded: &Loaded, event: &Event, attempt: AttemptId) {
        let Some(live) = self.inner.attempts.remove(attempt) else { return };
        self.inner.metrics.attempt_took(&live.service, event.at.since(live.started_at));
        let Some(record) = loaded.job.attempts.get(&attempt) else { return };
        self.inner.estimates.note(Note::Attempted(Attempted {
            job: loaded.job.id,
            phase: record.run.phase,
            turn: record.turn,
            service: live.service,
            started_at: live.started_at,
            ended_at: event.at,
            succeeded: matches!(event.kind, engine::event::EventKind::AttemptSucceeded { .. }),
        }));
    }

    /// What runs is as urgent as its job is now.
    fn reprioritise_slots(&self, loaded: &Loaded) {
        for (at, run) in loaded.job.open_runs() {
            let RunState::Live(attempt) = &run.state else { continue };
            let Some(work) = loaded.pipeline.phase(at.phase).service() else { continue };
            let priority = priority::priority(&loaded.pipeline, &loaded.job, at.phase);
            self.inner.fleet.with_plan(&work.service, |plan| plan.reprioritise(attempt.id, priority));
        }
    }

    /// What the plan of a service has to know of a run, and which service that is.
    pub(super) fn waiting(&self, loaded: &Loaded, run: RunRef) -> Option<(Name, Waiting)> {
        let phase = loaded.pipeline.phase(run.phase);
        let work = phase.service()?;
        let state = loaded.job.run(run)?;
        let coalesce = match (&work.coalesce, &state.coalesce) {
            (Some(rule), Some(key)) => {
                Some((Arc::from(format!("{}.{}:{key}", loaded.pipeline.name, phase.id)), rule.every))
            }
            _ => None,
        };
        let breaker = work.breaker.as_ref().map(|rule| BreakerRule {
            key: match &state.breaker {
                Some(key) => format!("{}.{}:{key}", loaded.pipeline.name, phase.id).into(),
                None => format!("{}.{}", loaded.pipeline.name, phase.id).into(),
            },
            failures: rule.failures,
            window: rule.window,
        });
        let waiting = Waiting {
            job: loaded.job.id,
            run,
            priority: priority::priority(&loaded.pipeline, &loaded.job, run.phase),
            ready_at: state.ready_at,
            interruptible: work.interruptible != Interruptible::No,
            resumes: matches!(state.state, RunState::Ready { checkpoint: Some(_) }),
            coalesce,
            breaker,
        };
        Some((work.service.clone(), waiting))
    }

    pub(super) fn enqueue(&self, loaded: &Loaded, run: RunRef) {
        if !effect::is_queueable(&loaded.pipeline, &loaded.job, run) {
            return;
        }
        if let Some(key) = self.memo_key(loaded, run) {
            return self.reuse_or_enqueue(loaded, run, key);
        }
        let Some((service, waiting)) = self.waiting(loaded, run) else { return };
        self.queue(&service, waiting);
    }

    fn queue(&self, service: &Name, waiting: Waiting) {
        let superseded = self.inner.fleet.with_plan(service, |plan| plan.enqueue(waiting));
        for (job, run) in superseded.into_iter().flatten() {
            self.tell(job, Command::Supersede { run });
        }
        self.pump(service);
    }

    fn reuse_or_enqueue(&self, loaded: &Loaded, run: RunRef, key: MemoKey) {
        let Some((service, waiting)) = self.waiting(loaded, run) else { return };
        let (core, job) = (self.clone(), loaded.job.id);
        tokio::spawn(async move {
            match core.inner.memo.find(key).await {
                Some((found, _pins)) => {
                    for (name, artifact) in found.artifacts {
                        core.tell(job, Command::StoreArtifact { name, artifact, attempt: None });
                    }
                    let reuse =
                        Command::Reuse { run, from: found.job, output: found.output, stats: found.stats };
                    if core.command(job, reuse).await.is_err() {
                        core.queue(&service, waiting);
                    }
                }
                None => core.queue(&service, waiting),
            }
        });
    }

    /// The key under which a run's result may be known already; none where its phase does not ask for that.
    pub(super) fn memo_key(&self, loaded: &Loaded, run: RunRef) -> Option<MemoKey> {
        let phase = loaded.pipeline.phase(run.phase);
        let work = phase.service().filter(|work| work.memo)?;
        let version = self.inner.fleet.member(&work.service).map_or("", |member| &member.config.version);
        Some(MemoKey::of(&loaded.pipeline, &loaded.job, run, version))
    }

    fn keep_memo(&self, loaded: &Loaded, event: &Event) {
        let engine::event::EventKind::AttemptSucceeded { run, output, stats, .. } = &event.kind else {
            return;
        };
        let Some(at) = loaded.job.run_ref(&loaded.pipeline, run) else { return };
        let Some(key) = self.memo_key(loaded, at) else { return };
        let stored = loaded.job.artifacts.iter().filter(|(_, artifact)| artifact.run.as_ref() == Some(run));
        let result = Remembered {
            job: loaded.job.id,
            output: output.clone(),
            stats: stats.clone(),
            artifacts: stored.map(|(name, artifact)| (name.clone(), artifact.clone())).collect(),
        };
        self.inner.memo.keep(key, result);
    }

    /// Grants what a service's plan has to grant.
    pub(crate) fn pump(&self, service: &Name) {
        self.pump_since(service, None);
    }

    fn pump_since(&self, service: &Name, since: Option<Instant>) {
        loop {
            let now = self.inner.world.now();
            match self.inner.fleet.next(service, &*self.inner.world, now) {
                Granted::Run(waiting, attempt) => self.grant(service.clone(), waiting, attempt, since),
                Granted::Preempt { victim, attempt, by } => {
                    self.preempt(service.clone(), victim, attempt, by);
                }
                Granted::At(at) => {
                    self.inner.timers.set_if_earlier(Due::Service(service.clone()), at);
                    return;
                }
                Granted::Nothing => return,
            }
        }
    }

    fn grant(&self, service: Name, waiting: Waiting, attempt: AttemptId, since: Option<Instant>) {
        let core = self.clone();
        tokio::spawn(async move {
            let grant = Command::Grant { run: waiting.run, attempt };
            let Err(error) = core.command_since(waiting.job, grant, since).await else { return };
            // The run does not want it any more, being paused, cancelled, or done already; or it can't be written down now.
            core.inner.fleet.give_back(&service, attempt, core.inner.world.now());
            core.pump(&service);
            if again::is_passing(&error) {
                tokio::time::sleep(again::AGAIN).await;
                core.queue(&service, waiting);
            }
        });
    }

    fn preempt(&self, service: Name, victim: JobId, attempt: AttemptId, by: JobId) {
        let core = self.clone();
        tokio::spawn(async move {
            let is_taken = || core.inner.attempts.get(attempt).is_some_and(|live| live.accepted);
            let was_taken = is_taken();
            if was_taken {
                // The note of it, which waits to be written with others, is decided first, in the same round.
                core.tell(victim, Command::Accept { attempt });
                if core.command(victim, Command::Preempt { attempt, by }).await.is_ok() {
                    return;
                }
            }
            core.inner.fleet.with_plan(&service, |plan| plan.pausing(attempt, false));
            if !was_taken && is_taken() {
                // It was taken meanwhile, and whoever noted that found it being asked.
                return core.pump(&service);
            }
            let again = core.inner.world.now().after(PREEMPT_AGAIN);
            core.inner.timers.set_if_earlier(Due::Service(service), again);
        });
    }

    fn free(&self, service: &Name, attempt: AttemptId, verdict: Verdict, since: Option<Instant>) {
        let now = self.inner.world.now();
        self.inner.fleet.with_plan(service, |plan| plan.release(attempt, verdict, now));
        self.pump_since(service, since);
    }

    /// Offers an attempt to its service; what comes of it comes back as a command.
    pub(super) fn dispatch(&self, loaded: &Loaded, attempt: AttemptId, since: Option<Instant>) {
        let Some((run, live)) = loaded.job.live_attempt(attempt) else { return };
        let Some(work) = loaded.pipeline.phase(run.phase).service() else { return };
        self.register(loaded, run, live);
        let offer = Offer {
            job: loaded.job.id,
            attempt,
            service: work.service.clone(),
            deadline: live.deadline,
            trace: trace::context(&loaded.job, attempt),
            since,
            body: request::build(&loaded.pipeline, &loaded.job, run, live, &self.inner.outbound.addresses()),
        };
        let core = self.clone();
        let outbound = self.inner.outbound.clone();
        tokio::spawn(async move { outbound.offer(offer, &core).await });
    }

    /// Follows an attempt that a service has taken before we were started.
    pub(super) fn watch(&self, loaded: &Loaded, attempt: AttemptId) {
        let Some((run, live)) = loaded.job.live_attempt(attempt) else { return };
        self.register(loaded, run, live);
        if let Some(heartbeat) = loaded.pipeline.phase(run.phase).service().and_then(|work| work.heartbeat) {
            let first = self.inner.world.now().after(heartbeat);
            self.inner.timers.set(Due::Heartbeat(attempt), Some(first));
        }
    }

    fn register(&self, loaded: &Loaded, run: RunRef, live: &engine::job::Attempt) {
        let Some(work) = loaded.pipeline.phase(run.phase).service() else { return };
        let attempt = LiveAttempt {
            job: loaded.job.id,
            run,
            started_at: live.started_at,
            service: work.service.clone(),
            heartbeat: work.heartbeat,
            last_heard: self.inner.world.now(),
            accepted: live.accepted,
            instance: None,
            progress: None,
            suspect: live.suspect.is_some(),
        };
        self.inner.attempts.insert(live.id, attempt);
    }

    /// The service has taken an attempt.
    fn taken(&self, job: JobId, attempt: AttemptId, instance: Arc<str>) {
        let now = self.inner.world.now();
        let Some((service, heartbeat)) = self.inner.attempts.accepted(attempt, instance, now) else { return };
        if let Some(heartbeat) = heartbeat {
            self.inner.timers.set(Due::Heartbeat(attempt), Some(now.after(heartbeat)));
        }
        // A note that finds no room is not written: after a restart the attempt is offered again under the same key.
        let _ = self.inner.accepted.try_send((job, attempt));
        // Only what is taken can be asked to pause, and somebody may wait for that.
        if self.inner.fleet.with_plan(&service, |plan| plan.urgent_waits()) == Some(true) {
            self.pump(&service);
        }
    }

    /// A heartbeat should have come.
    pub(super) fn heartbeat_due(&self, attempt: AttemptId) {
        let Some((job, last_heard, heartbeat)) = self.inner.attempts.silence(attempt) else { return };
        let now = self.inner.world.now();
        let due = last_heard.after(heartbeat);
        if due > now {
            self.inner.timers.set(Due::Heartbeat(attempt), Some(due));
        } else {
            self.inner.attempts.set_suspect(attempt);
            self.tell(job, Command::Silence { attempt });
            self.inner.timers.set(Due::Heartbeat(attempt), Some(now.after(heartbeat)));
        }
    }

    /// The instance that has taken an attempt has gone: that is silence.
    pub(crate) fn gone_silent(&self, attempt: AttemptId) {
        let Some(live) = self.inner.attempts.get(attempt).filter(|live| live.accepted) else { return };
        self.inner.attempts.set_suspect(attempt);
        self.tell(live.job, Command::Silence { attempt });
    }

    /// Asks for an attempt's slot: for a checkpoint, or where it has none, to be stopped. A refusal, or no answer in time,
    /// leaves things as they were.
    pub(super) fn ask_to_pause(&self, loaded: &Loaded, attempt: AttemptId) {
        let Some((run, _)) = loaded.job.live_attempt(attempt) else { return };
        let Some(work) = loaded.pipeline.phase(run.phase).service() else { return };
        let (how, service) = (work.interruptible, work.service.clone());
        let (core, job) = (self.clone(), loaded.job.id);
        tokio::spawn(async move {
            let outbound = &core.inner.outbound;
            let checkpoint = match how {
                Interruptible::No => None,
                Interruptible::Checkpoint => outbound.pause(&service, attempt).await,
                Interruptible::Restart => outbound.cancel(&service, attempt).await.then(Payload::null),
            };
            let command = match checkpoint {
                Some(checkpoint) => Command::PauseAnswered { attempt, checkpoint },
                None => {
                    core.inner.fleet.with_plan(&service, |plan| plan.pause_refused(attempt));
                    // Another one may let go.
                    core.pump(&service);
                    Command::PauseRefused { attempt }
                }
            };
            core.tell(job, command);
        });
    }

    /// Asks the service what it knows of an attempt.
    pub(super) fn probe(&self, job: JobId, attempt: AttemptId) {
        let Some(live) = self.inner.attempts.get(attempt) else { return };
        let core = self.clone();
        tokio::spawn(async move {
            let command = core.inner.outbound.probe(&live.service, attempt).await;
            if core.inner.attempts.get(attempt).is_none() {
                // It ended meanwhile, and who was found to have it counts it no longer.
                core.inner.fleet.over(&live.service, attempt);
            }
            if matches!(command, Command::Probed { finding: engine::command::ProbeFinding::Working, .. }) {
                core.inner.attempts.heard(attempt, core.inner.world.now());
            }
            if matches!(command, Command::Report { .. }) && core.inner.attempts.get(attempt).is_some() {
                core.inner.metrics.found_done();
            }
            core.tell(job, command);
        });
    }

    /// Brings a deadline that was far away into the timers.
    pub(super) fn deadline_nears(&self, job: JobId, at: Timestamp) {
        self.inner.timers.set_if_earlier(Due::Job(job), at);
    }
}

/// Notes acceptances in the journal, those of attempts that are over already apart: after a restart an attempt that is known
/// to be accepted is asked about, not offered again.
pub(super) fn note_acceptances(core: Core, mut later: mpsc::Receiver<(JobId, AttemptId)>) {
    tokio::spawn(async move {
        let mut noted = Vec::new();
        while later.recv_many(&mut noted, 10_000).await > 0 {
            tokio::time::sleep(NOTE_AFTER).await;
            for (job, attempt) in noted.drain(..) {
                if core.inner.attempts.get(attempt).is_some() {
                    core.tell(job, Command::Accept { attempt });
                }
            }
        }
    });
}

impl Hearing for Core {
    fn accepted(&self, job: JobId, attempt: AttemptId, instance: Arc<str>) {
        self.taken(job, attempt, instance);
    }

    fn refused(&self, job: JobId, attempt: AttemptId, refusal: Refusal) {
        self.tell(job, Command::Refuse { attempt, refusal });
    }

    fn reported(&self, job: JobId, attempt: AttemptId, outcome: Outcome) {
        self.tell(job, Command::Report { attempt, outcome });
    }

    fn sending(&self, offer: &Offer, again: bool) {
        self.inner.metrics.sent(&offer.service, again, offer.since);
    }

    fn wants(&self, attempt: AttemptId) -> bool {
        self.inner.attempts.get(attempt).is_some()
    }
}
