//! The driver of a job: take what waits, decide, append once, answer, act.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use bytes::Bytes;
use engine::{
    command::{Command, Now, Rejection},
    decide::{self, DecideError},
    effect::{self, Effect},
    event::{Event, EventKind},
    ids::{AttemptId, Name},
};
use journal::{Batch, Position};

use super::{
    Core, again,
    cell::{Answer, CommandError, Envelope, JobCell, Loaded, Look, Reply, With},
    codec,
    keys::{self, KeyOf},
};
use crate::live::Published;

/// What one round of a driver has decided and not yet made durable.
#[derive(Default)]
struct Round {
    events: Vec<Event>,
    /// Who is told what, once all of it is durable: a refusal too, since what it goes by may be an event of this round.
    answers: Vec<(Answer, Result<usize, Rejection>)>,
    /// Commands that nobody waits for: should the journal not take the round, they are told again.
    told: Vec<Command>,
    /// The key that the job took to go on again.
    reclaimed: Option<KeyOf>,
    /// Slots that were taken for attempts of this round.
    claimed: Vec<(Name, AttemptId)>,
    /// When the first callback of the round came.
    since: Option<Instant>,
    looks: Vec<Look>,
    withs: Vec<With>,
    /// A decision went wrong: nothing of this round may become durable.
    poisoned: bool,
}

impl Core {
    /// Drives a job until its inbox is empty.
    pub(super) async fn drive(&self, cell: Arc<JobCell>) {
        loop {
            let inbox = cell.take_inbox();
            if inbox.is_empty() {
                if cell.stop_driving() {
                    continue;
                }
                return;
            }
            self.round(&cell, inbox).await;
        }
    }

    /// Drives a job for one round; what has come in meanwhile is left to a task of its own.
    pub(super) async fn drive_once(&self, cell: Arc<JobCell>) {
        self.round(&cell, cell.take_inbox()).await;
        if cell.stop_driving() {
            let core = self.clone();
            tokio::spawn(async move { core.drive(cell).await });
        }
    }

    async fn round(&self, cell: &Arc<JobCell>, inbox: VecDeque<Envelope>) {
        self.inner.known.wait().await;
        let mut guard = cell.loaded.lock().await;
        if guard.is_none() && !matches!(inbox.front(), Some(Envelope::Start { .. })) {
            match self.load(cell.id).await {
                Ok(loaded) => *guard = Some(loaded),
                Err(error) => {
                    drop(guard);
                    return self.refuse_all(cell, inbox, &error);
                }
            }
        }
        let mut round = Round::default();
        for envelope in inbox {
            self.decide_one(&mut guard, &mut round, envelope);
        }
        if let Some(loaded) = guard.as_mut() {
            self.commit(cell, loaded, round).await;
        }
        if guard.as_ref().is_some_and(|loaded| loaded.stale) {
            // What is in memory is not what is durable.
            *guard = None;
        }
    }

    fn decide_one(&self, loaded: &mut Option<Loaded>, round: &mut Round, envelope: Envelope) {
        let now = Now(self.inner.world.now());
        let (decided, reply) = match envelope {
            Envelope::Look(look) => {
                round.looks.push(look);
                return;
            }
            Envelope::With(with) => {
                round.withs.push(with);
                return;
            }
            Envelope::Start { pipeline, start, reply } => {
                let decided = decide::start(&pipeline, *start, now).map(|(job, events)| {
                    *loaded =
                        Some(Loaded { pipeline, job, indexed: None, snapshot: 0, timer: None, stale: false });
                    events
                });
                (decided, Some(reply))
            }
            Envelope::Command { command, reply, since } => {
                let Some(loaded) = loaded.as_mut() else { return };
                round.since = round.since.or(since);
                if matches!(command, Command::Tick) {
                    // It came from the timers, which have forgotten it now.
                    loaded.timer = None;
                }
                if reply.is_none() && again::is_worth_telling_again(&command) {
                    round.told.push(command.clone());
                }
                let reclaimed = match keys::may_revive(&command) && loaded.job.has_ended() {
                    true => self.reclaim_key(loaded),
                    false => Ok(None),
                };
                match reclaimed {
                    Ok(key) => round.reclaimed = key.or_else(|| round.reclaimed.take()),
                    Err(error) => {
                        return reply.into_iter().for_each(|reply| drop(reply.send(Err(error.clone()))));
                    }
                }
                (decide::decide(&loaded.pipeline, &mut loaded.job, command, now), reply)
            }
        };
        match decided {
            Ok(events) => {
                let count = events.len();
                let first = round.events.len();
                round.events.extend(events);
                if let Some(loaded) = loaded.as_mut() {
                    self.claim_slots(loaded, round, first, now);
                }
                if let Some(reply) = reply {
                    round.answers.push((reply, Ok(count)));
                }
            }
            Err(DecideError::Rejected(rejection)) => {
                if let Some(reply) = reply {
                    round.answers.push((reply, Err(rejection)));
                }
            }
            Err(DecideError::Illegal(illegal)) => {
                tracing::error!(error = %illegal, "a decision made an event that does not fit");
                round.poisoned = true;
                if let Some(reply) = reply {
                    let _ = reply.send(Err(CommandError::Unreadable(illegal.to_string())));
                }
            }
        }
    }

    /// Gives slots to the runs that have just become ready, where the plan has one free and nobody else waits for it.
    fn claim_slots(&self, loaded: &mut Loaded, round: &mut Round, first: usize, now: Now) {
        let mut at = first;
        while at < round.events.len() {
            let may_enqueue = matches!(
                round.events[at].kind,
                EventKind::RunReady { .. }
                    | EventKind::MapExpanded { .. }
                    | EventKind::AttemptSucceeded { .. }
                    | EventKind::RunFailed { .. }
            );
            let effects = match may_enqueue {
                true => effect::effects(&loaded.pipeline, &loaded.job, &round.events[at]),
                false => Vec::new(),
            };
            at += 1;
            for effect in effects {
                let Effect::Enqueue { run } = effect else { continue };
                if self.memo_key(loaded, run).is_some() {
                    continue;
                }
                let Some((service, waiting)) = self.waiting(loaded, run) else { continue };
                let attempt = self.inner.world.attempt_id();
                if !self.inner.fleet.try_claim(&service, &waiting, attempt, now.0) {
                    continue;
                }
                let grant = Command::Grant { run, attempt };
                match decide::decide(&loaded.pipeline, &mut loaded.job, grant, now) {
                    Ok(events) => {
                        round.events.extend(events);
                        round.claimed.push((service, attempt));
                    }
                    Err(_) => self.inner.fleet.give_back(&service, attempt, now.0),
                }
            }
        }
    }

    /// Makes the round durable, then answers, publishes and acts.
    async fn commit(&self, cell: &JobCell, loaded: &mut Loaded, round: Round) {
        let mut position = None;
        if round.poisoned {
            let error = CommandError::Unreadable("a decision went wrong; the job is read again".to_owned());
            return self.fail_round(cell, loaded, round, &error);
        }
        if !round.events.is_empty() {
            let encoded: Vec<Bytes> = round.events.iter().map(codec::encode).collect();
            match self.append(loaded, encoded.clone()).await {
                Ok(at) => {
                    position = Some(at);
                    self.inner.metrics.count(&loaded.pipeline, &loaded.job, &round.events);
                    self.publish(loaded, &round.events, encoded, at);
                }
                Err(error) => {
                    return self.fail_round(cell, loaded, round, &CommandError::Journal(error));
                }
            }
        }
        for (reply, decided) in round.answers {
            let told = decided.map(|events| Reply { events, position }).map_err(CommandError::Rejected);
            let _ = reply.send(told);
        }
        if let Some(key) = round.reclaimed.filter(|_| loaded.job.has_ended()) {
            self.give_key_back(&key, loaded.job.id);
        }
        self.act_on(loaded, &round.events, round.since);
        // After the answers and the next starts: a terminal may be slow.
        crate::log::tell(&loaded.pipeline, &loaded.job, &round.events);
        self.keep_snapshot(loaded);
        for with in round.withs {
            with(Ok(loaded));
        }
        for look in round.looks {
            look(Ok((&loaded.pipeline, &loaded.job)));
        }
    }

    async fn append(
        &self,
        loaded: &mut Loaded,
        events: Vec<Bytes>,
    ) -> Result<Position, journal::JournalError> {
        let job = &loaded.job;
        if job.events == events.len() as u64 {
            self.keep_definition(&loaded.pipeline).await?;
        }
        let new = codec::indexed(job);
        let index =
            codec::is_worth_indexing(loaded.indexed, new).then(|| codec::index_entry(&loaded.pipeline, job));
        let indexed = if index.is_some() { Some(new) } else { loaded.indexed };
        let expected = job.events - events.len() as u64;
        let batch = Batch { job: job.id, expected, events, index };
        let at = self.inner.journal.append(batch).await?;
        loaded.indexed = indexed;
        Ok(at)
    }

    fn publish(&self, loaded: &Loaded, events: &[Event], encoded: Vec<Bytes>, position: Position) {
        let first = loaded.job.events - events.len() as u64;
        self.inner.live.publish(position, || Published {
            position,
            job: loaded.job.id,
            pipeline: loaded.pipeline.name.clone(),
            key: loaded.job.key.clone(),
            first_seq: first,
            events: encoded,
        });
    }

    /// Nothing of the round happened: everybody is told, what was taken for it is given back, and the job in memory is marked to
    /// be thrown away. Who only looks sees in the next round what is durable.
    fn fail_round(&self, cell: &JobCell, loaded: &mut Loaded, round: Round, error: &CommandError) {
        loaded.stale = true;
        self.note_fenced(error);
        self.inner.metrics.append_failed(error);
        let now = self.inner.world.now();
        for (service, attempt) in round.claimed {
            self.inner.fleet.give_back(&service, attempt, now);
            self.pump(&service);
        }
        if let Some(key) = round.reclaimed {
            self.give_key_back(&key, loaded.job.id);
        }
        self.tell_again(loaded.job.id, round.told, error);
        for (reply, _) in round.answers {
            let _ = reply.send(Err(error.clone()));
        }
        let withs = round.withs.into_iter().map(Envelope::With);
        cell.put_back(withs.chain(round.looks.into_iter().map(Envelope::Look)));
    }

    fn refuse_all(&self, cell: &Arc<JobCell>, inbox: VecDeque<Envelope>, error: &CommandError) {
        let mut told = Vec::new();
        for envelope in inbox {
            match envelope {
                Envelope::Command { reply: Some(reply), .. } | Envelope::Start { reply, .. } => {
                    let _ = reply.send(Err(error.clone()));
                }
                Envelope::Command { reply: None, command, .. } => told.push(command),
                Envelope::Look(look) => look(Err(error.clone())),
                Envelope::With(with) => with(Err(error.clone())),
            }
        }
        self.tell_again(cell.id, told, error);
        if matches!(error, CommandError::UnknownJob(_)) {
            self.inner.cells.remove_if(&cell.id, |_, there| Arc::ptr_eq(there, cell));
        }
    }
}
