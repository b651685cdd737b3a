//! Feeds what is learned: from rounds by notes that nobody waits for, and after a start from the journal.
//!
//! A round puts a note into a bounded channel and goes on: no lock, nothing parsed. Where the channel is full the note is lost,
//! and one run more is not learned from.

use std::{collections::BTreeMap, sync::Arc};

use engine::{
    event::EventKind,
    ids::{JobId, Name, PhaseIndex, Timestamp},
    job::{Job, RunRef},
    pipeline::{DefinitionHash, Pipeline},
};
use journal::Query;
use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::{
    known::KEPT,
    learn::{Attempted, Follower, Learning},
    path::{self, Left, Load, Surroundings},
    picture::Picture,
};
use crate::{
    attempts::Attempts,
    core::{Core, Fleet, decode},
};

/// Notes that wait.
pub(crate) const NOTES: usize = 65_536;
/// Jobs of one pipeline that are learned from in a second: more would say the same again.
const JOBS_A_SECOND: u32 = 50;
/// Events of a job that are read after a start; a job that has more is not learned from then.
const EVENTS: usize = 20_000;

/// Something to learn from.
#[derive(Debug)]
pub(crate) enum Note {
    /// An attempt is over.
    Attempted(Attempted),
    /// A job is over.
    Ended(Arc<Pipeline>, Box<Picture>),
}

/// What is learned, and the way to it.
#[derive(Debug, Clone)]
pub struct Estimates {
    notes: mpsc::Sender<Note>,
    learning: Arc<Mutex<Learning>>,
}

impl Estimates {
    /// With nothing known; what it is told is taken up by a task of its own.
    pub(crate) fn new(fleet: Fleet) -> Self {
        let (notes, told) = mpsc::channel(NOTES);
        let learning = Arc::new(Mutex::new(Learning::default()));
        tokio::spawn(take_up(told, learning.clone(), fleet));
        Self { notes, learning }
    }

    /// Notes something; lost where there is no room.
    pub(crate) fn note(&self, note: Note) {
        let _ = self.notes.try_send(note);
    }

    /// What is left of a job.
    #[must_use]
    pub fn left(&self, core: &Core, pipeline: &Pipeline, picture: &Picture) -> Left {
        // Outside of the lock.
        let _ = picture.sizes(pipeline, PhaseIndex(0));
        let learning = self.learning.lock();
        let around = Around { fleet: core.fleet(), learning: &learning, now: core.world().now() };
        path::left(pipeline, picture, &learning.known, &around, around.now)
    }
}

/// How far an attempt said it is, and when.
#[must_use]
pub fn share(attempts: &Attempts, attempt: engine::ids::AttemptId) -> Option<(f64, Timestamp)> {
    let progress = attempts.get(attempt)?.progress?;
    let (done, total) = (progress.said.done?, progress.said.total.filter(|total| *total > 0)?);
    Some(((done as f64 / total as f64).min(1.0), progress.at))
}

/// What goes on elsewhere, as of one moment.
struct Around<'a> {
    fleet: &'a Fleet,
    learning: &'a Learning,
    now: Timestamp,
}

impl Surroundings for Around<'_> {
    fn load(&self, service: &Name) -> Option<Load> {
        let member = self.fleet.member(service)?;
        let version = member.config.version.as_str().into();
        Some(member.plan(|plan| Load {
            version,
            capacity: plan.limits().capacity,
            running: plan.slots().len(),
            queued: plan.queue_len(),
            stopped: plan.is_stopped(),
        }))
    }

    fn ahead(&self, service: &Name, job: JobId, run: RunRef) -> Option<usize> {
        match self.fleet.why(service, job, run, self.now)? {
            engine::plan::Blocked::Capacity { ahead, .. } => Some(ahead),
            _ => None,
        }
    }

    fn begun(&self, job: JobId, phase: PhaseIndex, turn: u32) -> Option<Timestamp> {
        self.learning.begun(job, phase, turn)
    }
}

async fn take_up(mut told: mpsc::Receiver<Note>, learning: Arc<Mutex<Learning>>, fleet: Fleet) {
    let mut this_second: BTreeMap<DefinitionHash, (u64, u32)> = BTreeMap::new();
    while let Some(note) = told.recv().await {
        match note {
            Note::Attempted(attempted) => learning.lock().attempted(&attempted),
            Note::Ended(pipeline, picture) => {
                let second = ended_at(&picture).0 / 1000;
                let count = this_second.entry(pipeline.hash).or_default();
                *count = if count.0 == second { (second, count.1 + 1) } else { (second, 1) };
                if count.1 > JOBS_A_SECOND {
                    learning.lock().forget(picture.job);
                } else {
                    job_ended(&learning, &fleet, &pipeline, &picture);
                }
                if this_second.len() > 1000 {
                    this_second.clear();
                }
            }
        }
    }
}

fn ended_at(picture: &Picture) -> Timestamp {
    picture.phases.iter().filter_map(|phase| phase.ended_at).max().unwrap_or(picture.created_at)
}

fn job_ended(learning: &Mutex<Learning>, fleet: &Fleet, pipeline: &Pipeline, picture: &Picture) {
    // Outside of the lock.
    let _ = picture.sizes(pipeline, PhaseIndex(0));
    let version = |service: &Name| {
        fleet.member(service).map_or_else(|| "".into(), |member| member.config.version.as_str().into())
    };
    learning.lock().job_ended(pipeline, picture, version);
}

/// Learns from the jobs in the journal that are over: of each pipeline as many as are kept, the oldest of them first. Nobody
/// waits for it. Versions that services had then are not known: what was learned counts for the present one.
pub async fn read_journal(core: &Core) {
    // A start has better things to do.
    core.until_recovered().await;
    let pipelines = core.pipelines();
    let mut jobs = 0usize;
    for name in pipelines.keys() {
        let query =
            Query { pipeline: Some(name.to_string()), live: Some(false), limit: KEPT, ..Query::default() };
        let page = match core.journal().list(query).await {
            Ok(page) => page,
            Err(error) => {
                return tracing::warn!(%error, "earlier jobs can't be listed; nothing is learned from them");
            }
        };
        for (job, _) in page.entries.iter().rev() {
            match read_job(core, *job).await {
                Ok(true) => jobs += 1,
                Ok(false) => {}
                Err(error) => tracing::debug!(%job, error, "an earlier job is not learned from"),
            }
        }
    }
    tracing::info!(jobs, "learned from earlier jobs how long phases take");
}

async fn read_job(core: &Core, job: JobId) -> Result<bool, String> {
    let history = core.journal().history(job, 0, EVENTS + 1).await.map_err(|error| error.to_string())?;
    if history.len() > EVENTS {
        return Ok(false);
    }
    let first = history.first().ok_or("it has no event")?;
    let EventKind::JobStarted { definition, .. } = decode(&first.2)?.kind else {
        return Err("its first event is not a start".to_owned());
    };
    let pipeline = core.definition(definition).await.map_err(|error| error.to_string())?;
    let (learning, fleet) = (core.estimates().learning.clone(), core.fleet().clone());
    let read = tokio::task::spawn_blocking(move || {
        let (job, attempts) = follow(&pipeline, history.iter().map(|(_, _, bytes)| &**bytes))?;
        attempts.iter().for_each(|attempted| learning.lock().attempted(attempted));
        job_ended(&learning, &fleet, &pipeline, &Picture::of(&job, |_| None));
        Ok(true)
    });
    read.await.map_err(|error| error.to_string())?
}

/// A job from its events, with its attempts.
fn follow<'a>(
    pipeline: &Pipeline,
    mut events: impl Iterator<Item = &'a [u8]>,
) -> Result<(Job, Vec<Attempted>), String> {
    let first = decode(events.next().ok_or("it has no event")?)?;
    let mut job = engine::apply::create(pipeline, &first).map_err(|error| error.to_string())?;
    let (mut follower, mut attempts) = (Follower::default(), Vec::new());
    for bytes in events {
        let event = decode(bytes)?;
        engine::apply::apply(pipeline, &mut job, &event).map_err(|error| error.to_string())?;
        attempts.extend(follower.follow(pipeline, &job, &event));
    }
    Ok((job, attempts))
}
