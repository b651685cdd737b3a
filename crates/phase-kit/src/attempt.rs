//! The attempts at work in this process: accepted once, run once, remembered until the orchestrator knows how they ended.
//!
//! An attempt takes its place in the map before anything is awaited, so of two equal starts at the same instant the second
//! finds the first and waits for its answer. Accepting runs as a spawned tokio task: a caller who hangs up cannot leave a
//! place that nobody fills.

use std::{
    collections::{HashMap, hash_map::Entry},
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use parking_lot::Mutex;
use protocol::{Callback, Code, Problem, StartRequest, TraceContext};
use serde_json::value::RawValue;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    deliver::deliver,
    record::{Record, Stage},
    reporter::Reporter,
    service::Service,
};

mod execute;
mod recover;

pub(crate) use recover::{clean, recover};

/// All attempts that are not settled.
#[derive(Debug)]
pub(crate) struct Attempts {
    live: Mutex<HashMap<Uuid, Arc<Live>>>,
    /// Bumped when one ends or goes.
    changed: watch::Sender<u64>,
    pub(crate) draining: AtomicBool,
    /// The process is about to go: drop everything as it is.
    pub(crate) abandon: CancellationToken,
}

impl Default for Attempts {
    fn default() -> Self {
        Self {
            live: Mutex::default(),
            changed: watch::Sender::new(0),
            draining: AtomicBool::new(false),
            abandon: CancellationToken::new(),
        }
    }
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) start: Arc<StartRequest>,
    /// Where in which trace it belongs; not known after a restart.
    pub(crate) trace: Option<TraceContext>,
    body: Arc<RawValue>,
    pub(crate) reporter: Reporter,
    cancel: CancellationToken,
    pause: CancellationToken,
    cause: Mutex<Option<StopCause>>,
    /// Callers who wait for a checkpoint.
    pausing: AtomicUsize,
    pub(crate) state: watch::Sender<State>,
}

/// Where it is.
#[derive(Debug, Clone)]
pub(crate) enum State {
    Accepting,
    Refused(Problem),
    Running,
    Done(Arc<Callback>),
}

/// Who told it to stop; the first one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StopCause {
    /// The orchestrator, which therefore needs no callback.
    Orchestrator,
    /// Somebody else: the orchestrator must hear of it.
    Operator,
    Deadline,
    ShuttingDown,
}

/// The answer to a start.
#[derive(Debug)]
pub(crate) enum Accepted {
    Running,
    Done(Arc<Callback>),
}

impl Live {
    fn new(start: StartRequest, trace: Option<TraceContext>, body: Arc<RawValue>, state: State) -> Self {
        Self {
            start: Arc::new(start),
            trace,
            body,
            reporter: Reporter::new(),
            cancel: CancellationToken::new(),
            pause: CancellationToken::new(),
            cause: Mutex::new(None),
            pausing: AtomicUsize::new(0),
            state: watch::Sender::new(state),
        }
    }

    pub(crate) fn stop(&self, cause: StopCause) {
        self.cause.lock().get_or_insert(cause);
        self.cancel.cancel();
    }

    fn cause(&self) -> Option<StopCause> {
        *self.cause.lock()
    }

    /// Asks for a checkpoint and waits for the attempt's end.
    pub(crate) async fn pause(&self) -> Arc<Callback> {
        struct Waiting<'a>(&'a AtomicUsize);
        impl Drop for Waiting<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::SeqCst);
            }
        }
        self.pausing.fetch_add(1, Ordering::SeqCst);
        let _waiting = Waiting(&self.pausing);
        self.pause.cancel();
        self.done().await
    }

    pub(crate) async fn done(&self) -> Arc<Callback> {
        let mut state = self.state.subscribe();
        loop {
            if let State::Done(callback) = &*state.borrow_and_update() {
                return Arc::clone(callback);
            }
            // The sender is a field of `self`, so it cannot be gone.
            let _ = state.changed().await;
        }
    }

    async fn answer(&self) -> Result<Accepted, Problem> {
        let mut state = self.state.subscribe();
        loop {
            match &*state.borrow_and_update() {
                State::Accepting => {}
                State::Refused(problem) => return Err(problem.clone()),
                State::Running => return Ok(Accepted::Running),
                State::Done(callback) => return Ok(Accepted::Done(Arc::clone(callback))),
            }
            let _ = state.changed().await;
        }
    }
}

impl Attempts {
    pub(crate) fn find(&self, attempt: Uuid) -> Option<Arc<Live>> {
        self.live.lock().get(&attempt).cloned()
    }

    /// Those of a job's key.
    pub(crate) fn of_key(&self, key: &str) -> Vec<Arc<Live>> {
        self.live.lock().values().filter(|live| live.start.key == key).cloned().collect()
    }

    fn insert(&self, live: Live) -> Result<Arc<Live>, Arc<Live>> {
        match self.live.lock().entry(live.start.attempt_id) {
            Entry::Occupied(entry) => Err(Arc::clone(entry.get())),
            Entry::Vacant(entry) => Ok(Arc::clone(entry.insert(Arc::new(live)))),
        }
    }

    fn remove(&self, attempt: Uuid) {
        self.live.lock().remove(&attempt);
        self.bump();
    }

    fn bump(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    /// Waits until no live attempt is such.
    pub(crate) async fn until_none(&self, such: impl Fn(&Live) -> bool) {
        let mut changed = self.changed.subscribe();
        loop {
            changed.borrow_and_update();
            if !self.live.lock().values().any(|live| such(live)) {
                return;
            }
            let _ = changed.changed().await;
        }
    }

    pub(crate) fn stop_all(&self, cause: StopCause) {
        for live in self.live.lock().values() {
            live.stop(cause);
        }
    }
}

/// Accepts a start, or finds that it was accepted before. When it returns `Running` the attempt is remembered.
pub(crate) async fn accept(
    service: Arc<Service>,
    start: StartRequest,
    trace: Option<TraceContext>,
    body: Arc<RawValue>,
) -> Result<Accepted, Problem> {
    let attempt = start.attempt_id;
    let live = match service.attempts.insert(Live::new(start, trace, body, State::Accepting)) {
        Ok(live) => live,
        Err(before) => return before.answer().await,
    };
    match open(&service, &live).await {
        Ok(Opened::Known(callback)) => {
            live.state.send_replace(State::Done(Arc::clone(&callback)));
            service.attempts.remove(attempt);
            Ok(Accepted::Done(callback))
        }
        Ok(Opened::New(slot)) => {
            live.state.send_replace(State::Running);
            tokio::spawn(run(service, live, slot));
            Ok(Accepted::Running)
        }
        Err(problem) => {
            live.state.send_replace(State::Refused(problem.clone()));
            service.attempts.remove(attempt);
            Err(problem)
        }
    }
}

enum Opened {
    Known(Arc<Callback>),
    New(OwnedSemaphorePermit),
}

async fn open(service: &Service, live: &Live) -> Result<Opened, Problem> {
    let attempt = live.start.attempt_id;
    if let Some(callback) = remembered(service, attempt).await.map_err(|error| not_written(&error))? {
        return Ok(Opened::Known(callback));
    }
    if service.attempts.draining.load(Ordering::SeqCst) {
        return Err(Problem::new(Code::ShuttingDown, format!("{} is stopping", service.name)));
    }
    let Ok(slot) = Arc::clone(&service.slots).try_acquire_owned() else {
        let detail = format!("{} works on {} attempts already", service.name, service.capacity);
        return Err(Problem::new(Code::TooManyRequests, detail));
    };
    let record = Record {
        stage: Stage::Accepted,
        at: (service.clock)(),
        start: Some(Arc::clone(&live.body)),
        callback: None,
    };
    service.records.save(attempt, record).await.map_err(|error| not_written(&error))?;
    Ok(Opened::New(slot))
}

/// The result of an attempt that is not live any more.
pub(crate) async fn remembered(service: &Service, attempt: Uuid) -> io::Result<Option<Arc<Callback>>> {
    let Some(record) = service.records.load(attempt).await? else { return Ok(None) };
    let Some(callback) = record.callback else { return Ok(None) };
    Ok(Some(Arc::new(serde_json::from_str(callback.get())?)))
}

pub(crate) fn not_written(error: &io::Error) -> Problem {
    tracing::error!(%error, "the record of an attempt cannot be read or written");
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Problem::new(Code::DiskFull, "the record of the attempt cannot be written: the disk is full")
        }
        _ => Problem::new(
            Code::Internal,
            "the record of the attempt cannot be read or written; the log says why",
        ),
    }
}

/// From the first moment to the last: do the work, remember the result, hand it over, remember that.
async fn run(service: Arc<Service>, live: Arc<Live>, slot: OwnedSemaphorePermit) {
    let attempt = live.start.attempt_id;
    let Some(callback) = execute::execute(&service, &live).await else { return };
    let callback = Arc::new(callback);
    let owed = is_owed(&live, &callback);
    remember(&service, &live, &callback, if owed { Stage::Done } else { Stage::Settled }).await;
    // Whoever hears that it is over may send the next one at once.
    drop(slot);
    live.state.send_replace(State::Done(Arc::clone(&callback)));
    service.attempts.bump();
    if owed {
        hand_over(&service, &live, &callback).await;
    } else {
        service.attempts.remove(attempt);
    }
}

/// Delivers and settles, unless the process goes first.
async fn hand_over(service: &Service, live: &Live, callback: &Arc<Callback>) {
    tokio::select! {
        () = deliver(service, live, callback) => {
            remember(service, live, callback, Stage::Settled).await;
            service.attempts.remove(live.start.attempt_id);
        }
        () = service.attempts.abandon.cancelled() => {}
    }
}

/// Whether the orchestrator must be called: not if it stopped the attempt itself, nor if it is just being given the checkpoint.
fn is_owed(live: &Live, callback: &Callback) -> bool {
    let handed_over = callback.checkpoint.is_some() && live.pausing.load(Ordering::SeqCst) > 0;
    live.cause() != Some(StopCause::Orchestrator) && !handed_over
}

/// A result that cannot be remembered is still delivered; the log says that a crash now would cost it.
async fn remember(service: &Service, live: &Live, callback: &Callback, stage: Stage) {
    let written = match serde_json::value::to_raw_value(callback) {
        Ok(written) => written,
        Err(error) => {
            tracing::error!(%error, "a callback cannot be written as JSON");
            return;
        }
    };
    let start = (stage != Stage::Settled).then(|| Arc::clone(&live.body));
    let record = Record { stage, at: (service.clock)(), start, callback: Some(written.into()) };
    if let Err(error) = service.records.save(live.start.attempt_id, record).await {
        tracing::error!(attempt = %live.start.attempt_id, %error, "the result of an attempt cannot be remembered");
    }
}
