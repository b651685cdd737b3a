//! Starts by the clock: the schedules of pipelines.
//!
//! A moment is started once. What was last dealt with is in a small file beside the journal, or on the shelf that several
//! orchestrators share, and every start carries its
//! moment as idempotency key, so that after a crash between the start and the file the journal says that it was made. Of
//! moments that passed while nothing ran only the latest is started: a nightly job is made up for once, not a hundred times.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use croner::Cron;
use engine::{
    command::Start,
    ids::{JobId, Timestamp},
    pipeline::{Pipeline, Schedule},
};
use journal::{Query, shelf::Shelf};
use parking_lot::Mutex;
use protocol::{Code, Problem};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    clock,
    http::{App, start_job},
    small_file,
};

/// The clock is looked at so often, so that one that was set is noticed.
const LOOK: Duration = Duration::from_secs(30);
/// Jobs of one key since a moment that are looked through for the moment's own.
const SAME_KEY: usize = 200;
/// Its name on a shelf.
const ON_SHELF: &str = "schedules";

/// What schedules have come to.
#[derive(Debug)]
pub struct Schedules {
    place: Place,
    kept: Mutex<BTreeMap<String, Kept>>,
    /// One round at a time.
    round: tokio::sync::Mutex<()>,
}

/// Where it is kept.
enum Place {
    File(PathBuf),
    Shelf(Arc<dyn Shelf>),
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Shelf(_) => f.write_str("Shelf"),
        }
    }
}

/// What is kept of a schedule.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    /// Everything up to here is dealt with.
    until: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last: Option<Last>,
}

/// The last moment and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Last {
    /// When it was to be.
    pub moment: jiff::Timestamp,
    /// The job, where one was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<JobId>,
    /// Why none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl Schedules {
    /// Reads what is kept in `file`; nothing where it is not there yet.
    ///
    /// # Errors
    /// Where it can't be read, or is not ours.
    pub fn open(file: &Path) -> io::Result<Self> {
        let kept = small_file::read(file)?;
        Self::read(Place::File(file.to_owned()), kept.as_deref(), &file.display().to_string())
    }

    /// Reads what is kept on a shelf; nothing where it is not there yet.
    ///
    /// # Errors
    /// Where it can't be read, or is not ours.
    pub async fn on_shelf(shelf: Arc<dyn Shelf>) -> io::Result<Self> {
        let kept = shelf.get(ON_SHELF.to_owned()).await.map_err(io::Error::other)?;
        Self::read(Place::Shelf(shelf), kept.as_deref(), ON_SHELF)
    }

    fn read(place: Place, kept: Option<&[u8]>, name: &str) -> io::Result<Self> {
        let kept = match kept {
            Some(bytes) => serde_json::from_slice(bytes)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("{name}: {error}")))?,
            None => BTreeMap::new(),
        };
        Ok(Self { place, kept: Mutex::new(kept), round: tokio::sync::Mutex::default() })
    }

    /// Starts what is due, and says when something is next; none where there are no schedules.
    pub async fn round(&self, app: &App) -> Option<Timestamp> {
        let _alone = self.round.lock().await;
        let mut next: Option<Timestamp> = None;
        for pipeline in app.core.pipelines().values() {
            for schedule in &pipeline.schedules {
                let now = app.core.world().now();
                if let Some(moment) = self.due(pipeline, schedule, now).await {
                    self.start(app, pipeline, schedule, moment).await;
                }
                let after = next_moment(schedule, now);
                next = next.into_iter().chain(after).min();
            }
        }
        next
    }

    /// Goes on for ever.
    pub(crate) async fn run(&self, app: &App) {
        loop {
            let nap = match self.round(app).await {
                Some(next) => next.since(app.core.world().now()).min(LOOK),
                None => LOOK,
            };
            tokio::time::sleep(nap.max(Duration::from_millis(1))).await;
        }
    }

    /// The latest moment that has passed and is not dealt with. A schedule that is seen for the first time begins now.
    async fn due(&self, pipeline: &Pipeline, schedule: &Schedule, now: Timestamp) -> Option<Timestamp> {
        let id = id(pipeline, schedule);
        let until = self.kept.lock().get(&id).map(|kept| kept.until);
        match until {
            None => {
                self.keep(id, Kept { until: now, last: None }).await;
                None
            }
            // A clock that was wrong for a while must not silence a schedule for years; what was started is known by its key.
            Some(until) if until > now => {
                let last = self.kept.lock().get(&id).and_then(|kept| kept.last.clone());
                self.keep(id, Kept { until: now, last }).await;
                None
            }
            Some(until) => last_moment(schedule, now).filter(|moment| *moment > until),
        }
    }

    async fn start(&self, app: &App, pipeline: &Arc<Pipeline>, schedule: &Schedule, moment: Timestamp) {
        let at = clock::moment(moment);
        let last = match start(app, pipeline, schedule, moment).await {
            Ok(job) => {
                tracing::info!(pipeline = %pipeline.name, %job, moment = %at, "started by its schedule");
                Last { moment: at, job_id: Some(job), problem: None }
            }
            Err(problem) if is_for_now(problem.code) => {
                tracing::warn!(pipeline = %pipeline.name, moment = %at, %problem, "a scheduled start is tried again");
                return;
            }
            Err(problem) => {
                tracing::warn!(pipeline = %pipeline.name, moment = %at, %problem, "a scheduled start is left out");
                Last { moment: at, job_id: None, problem: Some(problem.to_string()) }
            }
        };
        self.keep(id(pipeline, schedule), Kept { until: moment, last: Some(last) }).await;
    }

    async fn keep(&self, id: String, kept: Kept) {
        let bytes = {
            let mut all = self.kept.lock();
            all.insert(id, kept);
            serde_json::to_vec_pretty(&*all).unwrap_or_default()
        };
        // Should this fail, the next start still finds in the journal what was started.
        let kept = match &self.place {
            Place::File(file) => small_file::replace(file, &bytes),
            Place::Shelf(shelf) => {
                shelf.put(ON_SHELF.to_owned(), bytes.into()).await.map_err(io::Error::other)
            }
        };
        if let Err(error) = kept {
            tracing::error!(%error, "what schedules came to can't be written");
        }
    }

    /// A pipeline's schedules, for people: when they start next, and what the last start came to.
    #[must_use]
    pub fn view(&self, pipeline: &Pipeline, now: Timestamp) -> Vec<serde_json::Value> {
        let describe = |schedule: &Schedule| {
            let last = self.kept.lock().get(&id(pipeline, schedule)).and_then(|kept| kept.last.clone());
            let next = next_moment(schedule, now).map(clock::moment);
            json!({ "cron": schedule.cron, "key": schedule.key, "next": next, "last": last })
        };
        pipeline.schedules.iter().map(describe).collect()
    }
}

/// Starts the job of a moment, or finds the one that was started.
async fn start(
    app: &App,
    pipeline: &Arc<Pipeline>,
    schedule: &Schedule,
    moment: Timestamp,
) -> Result<JobId, Problem> {
    let key = job_key(pipeline, schedule, moment);
    let idempotency_key: Arc<str> = format!("schedule {}", clock::moment(moment)).into();
    let query = Query {
        pipeline: Some(pipeline.name.to_string()),
        key: Some(key.clone()),
        created_from: Some(moment.0),
        limit: SAME_KEY,
        ..Query::default()
    };
    let found = app.core.journal().list(query).await.map_err(|error| {
        Problem::new(Code::JournalStopped, format!("what was started can't be looked up: {error}"))
    })?;
    for (job, _) in found.entries {
        if app.core.idempotency_key(job).await.as_ref() == Some(&idempotency_key) {
            return Ok(job);
        }
    }
    crate::checks::input(pipeline, &key, schedule.input.raw())?;
    let start = Start {
        job: app.core.world().job_id(),
        key: key.into(),
        input: schedule.input.clone(),
        priority: None,
        mode: None,
        traceparent: None,
        idempotency_key: Some(idempotency_key),
    };
    start_job(app, pipeline, start).await.map(|(job, _)| job).map_err(|failure| failure.0)
}

/// The key of a moment's job. Where keys name things of the pipeline's own, such as a course, the key stays what it is, and a
/// job before that still lives is a matter of `on_conflict`.
fn job_key(pipeline: &Pipeline, schedule: &Schedule, moment: Timestamp) -> String {
    match pipeline.key_field {
        Some(_) => schedule.key.clone(),
        None => format!("{}@{}", schedule.key, clock::moment(moment)),
    }
}

/// Nothing is wrong with the start itself.
fn is_for_now(code: Code) -> bool {
    matches!(
        code,
        Code::ShuttingDown
            | Code::Recovering
            | Code::DiskFull
            | Code::JournalStopped
            | Code::JournalDamaged
            | Code::JournalAway
            | Code::NoLeader
            | Code::Internal
    )
}

fn id(pipeline: &Pipeline, schedule: &Schedule) -> String {
    format!("{} {} {}", pipeline.name, schedule.key, schedule.cron)
}

fn last_moment(schedule: &Schedule, now: Timestamp) -> Option<Timestamp> {
    let cron: Cron = schedule.cron.parse().ok()?;
    let last = cron.find_previous_occurrence(&in_utc(now), true).ok()?;
    Some(Timestamp(u64::try_from(last.timestamp().as_millisecond()).ok()?))
}

fn next_moment(schedule: &Schedule, now: Timestamp) -> Option<Timestamp> {
    let cron: Cron = schedule.cron.parse().ok()?;
    let next = cron.find_next_occurrence(&in_utc(now), false).ok()?;
    Some(Timestamp(u64::try_from(next.timestamp().as_millisecond()).ok()?))
}

fn in_utc(at: Timestamp) -> jiff::Zoned {
    clock::moment(at).to_zoned(jiff::tz::TimeZone::UTC)
}
