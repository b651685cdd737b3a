//! The one who writes a theatre's log. Everything that is to happen in it waits in one inbox; whatever waits together is
//! decided in order, written and synced together, then answered, then shown. Nobody hears of anything that a crash could undo.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::{
    sync::{broadcast, mpsc, oneshot, watch},
    task::JoinHandle,
};

use super::{
    chain::Head,
    command::{Command, Happened, Outcome, Refused, decide},
    event::{Entry, Event},
    fold,
    log::{Log, OpenError, Opener},
    meter::Meter,
    room::Room,
    view,
};
use crate::model::Utterance;

/// Commands that may wait; more wait outside.
const INBOX: usize = 1024;
/// Commits that a reader may be behind before it is given the whole state instead.
const BACKLOG: usize = 256;
/// Commands that are written together at most.
const BATCH: usize = 512;
/// The longest sleep of the clock: it is looked at anew, in case it was set.
const NAP: Duration = Duration::from_secs(30);

/// After a failed write the clock rests so long.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Where the time comes from.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A commit, as readers get it.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The last event's number.
    pub seq: u64,
    /// The state after it, as JSON.
    pub json: Arc<str>,
    /// What happened since the commit before.
    pub entries: Arc<[Entry]>,
    /// The head of the chain.
    pub hash: blake3::Hash,
    /// Utterances so far.
    pub last_utterance: u64,
    /// A surgery is chosen.
    pub chosen: bool,
}

/// What a command came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// How it went.
    pub outcome: Outcome,
    /// The event's number; of what was there before, the state's.
    pub seq: u64,
    /// The state's epoch after it.
    pub epoch: u64,
    /// The last utterance's number after it.
    pub utterance: u64,
}

enum Ask {
    Tell(Box<Command>, oneshot::Sender<Result<Done, Refused>>),
    /// What the orchestrator has not accepted yet, after this utterance.
    Unstarted(u64, oneshot::Sender<Vec<Utterance>>),
    Look(oneshot::Sender<Box<Room>>),
    /// Where in the log the entries from this number on are.
    Range(u64, oneshot::Sender<(u64, u64)>),
    Stop,
}

/// A theatre, for those who use it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Theatre {
    inbox: mpsc::Sender<Ask>,
    live: broadcast::Sender<Shown>,
    latest: watch::Receiver<Shown>,
    path: Arc<PathBuf>,
    meter: Arc<Mutex<Meter>>,
}

impl Theatre {
    /// Opens or makes the log at `path`, and writes it from now on. `session` is what the theatre is called if it is new.
    ///
    /// # Errors
    /// The log cannot be used or is damaged.
    pub fn open(
        path: PathBuf,
        name: &str,
        session: String,
        clock: Clock,
    ) -> Result<(Self, JoinHandle<()>), OpenError> {
        Self::open_with(Opener::default(), path, name, session, clock)
    }

    /// The same, on a file that is opened so.
    ///
    /// # Errors
    /// As [`Theatre::open`].
    pub fn open_with(
        opener: Opener,
        path: PathBuf,
        name: &str,
        session: String,
        clock: Clock,
    ) -> Result<(Self, JoinHandle<()>), OpenError> {
        let (mut log, mut room) = read(&opener, &path, name, None)?;
        if room.seq == 0 {
            let event = Event::Opened { theatre: name.to_owned(), session };
            let entry = Entry { seq: 1, at: clock(), who: "system".to_owned(), event };
            fold::apply(&mut room, &entry);
            log.append(&[entry]).map_err(|source| OpenError::File { path: path.clone(), source })?;
        }
        let (inbox, asked) = mpsc::channel(INBOX);
        let (show, latest) = watch::channel(shown(&room, log.head(), Arc::new([])));
        let live = broadcast::Sender::new(BACKLOG);
        let theatre = Self { inbox, live: live.clone(), latest, path: Arc::new(path), meter: Arc::default() };
        let meter = Arc::clone(&theatre.meter);
        let (name, path, durable) = (name.to_owned(), Arc::clone(&theatre.path), log.end());
        let log = Some(log);
        let writer =
            Writer { name, opener, path, log, durable, room, clock, live, show, failed: false, meter };
        Ok((theatre, tokio::spawn(writer.run(asked))))
    }

    /// Tells the theatre something. Returns when it is durable.
    ///
    /// # Errors
    /// It is refused, or could not be written.
    pub async fn tell(&self, command: Command) -> Result<Done, Refused> {
        self.ask(|answer| Ask::Tell(Box::new(command), answer)).await.unwrap_or_else(|| Err(stopped()))
    }

    /// What the orchestrator has not accepted yet, of what was said after utterance `after`, in order.
    pub async fn unstarted(&self, after: u64) -> Vec<Utterance> {
        self.ask(|answer| Ask::Unstarted(after, answer)).await.unwrap_or_default()
    }

    /// The whole state; none when the theatre has stopped.
    pub async fn look(&self) -> Option<Room> {
        self.ask(Ask::Look).await.map(|room| *room)
    }

    /// Where in the log file the entries from `seq` on are, in bytes.
    pub async fn range(&self, seq: u64) -> Option<(u64, u64)> {
        self.ask(|answer| Ask::Range(seq, answer)).await
    }

    /// The newest state.
    #[must_use]
    pub fn latest(&self) -> watch::Receiver<Shown> {
        self.latest.clone()
    }

    /// Every commit from now on. Who falls behind is told so, and takes [`Theatre::latest`].
    #[must_use]
    pub fn follow(&self) -> broadcast::Receiver<Shown> {
        self.live.subscribe()
    }

    /// The log.
    #[must_use]
    pub fn path(&self) -> &Arc<PathBuf> {
        &self.path
    }

    /// What was counted and timed.
    #[must_use]
    pub fn meter(&self) -> &Mutex<Meter> {
        &self.meter
    }

    /// Ends the writer once all that waits is written.
    pub async fn stop(&self) {
        // Nobody there: it has ended already.
        let _ = self.inbox.send(Ask::Stop).await;
    }

    async fn ask<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        self.inbox.send(ask(answer)).await.ok()?;
        answered.await.ok()
    }
}

fn stopped() -> Refused {
    Refused::Stopped("the service is ending".to_owned())
}

fn shown(room: &Room, head: Head, entries: Arc<[Entry]>) -> Shown {
    let json = view::state(room).to_string().into();
    let (last_utterance, chosen) = (room.last_utterance, room.epoch > 0);
    Shown { seq: room.seq, json, entries, hash: head.hash, last_utterance, chosen }
}

/// Reads a log up to `durable` bytes, and what it says.
fn read(opener: &Opener, path: &Path, name: &str, durable: Option<u64>) -> Result<(Log, Room), OpenError> {
    let mut room = Room::default();
    let log = Log::open(opener, path, name, durable, |entry| fold::apply(&mut room, &entry))?;
    Ok((log, room))
}

struct Writer {
    name: String,
    opener: Opener,
    path: Arc<PathBuf>,
    /// None after a failed write, until it could be opened again; `room` is then ahead of what is durable.
    log: Option<Log>,
    /// So many bytes of the log were acknowledged.
    durable: u64,
    room: Room,
    clock: Clock,
    live: broadcast::Sender<Shown>,
    show: watch::Sender<Shown>,
    /// The last write failed.
    failed: bool,
    meter: Arc<Mutex<Meter>>,
}

/// An answer that waits for the sync.
type Owed = (oneshot::Sender<Result<Done, Refused>>, Result<Done, Refused>);

impl Writer {
    async fn run(mut self, mut asked: mpsc::Receiver<Ask>) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                taken = asked.recv_many(&mut batch, BATCH) => if taken == 0 { return },
                () = tokio::time::sleep(self.until_due()) => {}
            }
            let stop = self.turn(&mut batch).await;
            if stop {
                asked.close();
            }
        }
    }

    fn until_due(&self) -> Duration {
        if self.failed {
            return AFTER_FAILURE;
        }
        let Some(due) = self.room.next_due() else { return NAP };
        let left = due.duration_since((self.clock)());
        Duration::try_from(left).map_or(Duration::ZERO, |left| left.min(NAP))
    }

    /// Decides what waits, writes, answers, shows. Returns whether this was the end.
    async fn turn(&mut self, batch: &mut Vec<Ask>) -> bool {
        if self.log.is_none()
            && let Err(why) = self.mend().await
        {
            return refuse_all(batch, &why);
        }
        let (mut entries, mut owed, mut questions, mut stop) = (Vec::new(), Vec::new(), Vec::new(), false);
        if let Ok((_, happened)) = decide(&self.room, Command::Tick, (self.clock)()) {
            self.enter(happened, &mut entries);
        }
        for ask in batch.drain(..) {
            match ask {
                Ask::Tell(command, answer) => {
                    let decided = decide(&self.room, *command, (self.clock)());
                    let done = decided.map(|(outcome, happened)| {
                        self.enter(happened, &mut entries);
                        let Room { seq, epoch, last_utterance, .. } = self.room;
                        let utterance = match outcome {
                            Outcome::SaidBefore(utterance) => utterance,
                            _ => last_utterance,
                        };
                        Done { outcome, seq, epoch, utterance }
                    });
                    owed.push((answer, done));
                }
                Ask::Stop => stop = true,
                question => questions.push(question),
            }
        }
        self.commit(entries, owed).await;
        if self.log.is_some() {
            questions.into_iter().for_each(|question| self.answer(question));
        }
        stop
    }

    /// Answers a question: of what is durable. Who asked may be gone.
    fn answer(&self, question: Ask) {
        let room = &self.room;
        match question {
            Ask::Unstarted(after, answer) => {
                let waiting = room.unstarted.range(after + 1..).map(|(_, said)| room.utterance(said));
                let _ = answer.send(waiting.collect());
            }
            Ask::Look(answer) => drop(answer.send(Box::new(room.clone()))),
            Ask::Range(seq, answer) => {
                let range = self.log.as_ref().map_or((0, 0), |log| log.range_from(seq));
                let _ = answer.send(range);
            }
            Ask::Tell(..) | Ask::Stop => {}
        }
    }

    /// Numbers what happened and takes it into the state. It is not durable yet.
    fn enter(&mut self, happened: Happened, entries: &mut Vec<Entry>) {
        for (who, event) in happened {
            let at = (self.clock)().max(self.room.at);
            let entry = Entry { seq: self.room.seq + 1, at, who, event };
            fold::apply(&mut self.room, &entry);
            entries.push(entry);
        }
    }

    async fn commit(&mut self, entries: Vec<Entry>, mut owed: Vec<Owed>) {
        let mut written = None;
        if !entries.is_empty() {
            let result = self.write(entries).await;
            self.failed = result.is_err();
            self.meter.lock().errors += u64::from(self.failed);
            match result {
                Ok((head, entries)) => written = Some(shown(&self.room, head, entries)),
                Err(why) => {
                    for (_, done) in &mut owed {
                        *done = Err(why.clone());
                    }
                    // What was decided is undone before anybody can ask for it; where it cannot be, nobody is answered.
                    let _ = self.mend().await;
                }
            }
        }
        // Whoever is answered finds in the state what he was told.
        if let Some(shown) = &written {
            self.count(&shown.entries);
            self.show.send_replace(shown.clone());
        }
        for (answer, done) in owed {
            // Who asked may be gone.
            let _ = answer.send(done);
        }
        if let Some(shown) = written {
            // Nobody may be watching.
            let _ = self.live.send(shown);
        }
    }

    fn count(&self, entries: &[Entry]) {
        let now = (self.clock)();
        let mut meter = self.meter.lock();
        meter.writes += 1;
        for entry in entries {
            match &entry.event {
                Event::Understood { utterance, understanding, .. } => {
                    meter.merges += 1;
                    meter.understood += 1;
                    meter.matched += u64::from(!understanding.toggles.is_empty());
                    if let Some(brief) = self.room.said.get(utterance) {
                        meter.took(now.duration_since(brief.written).as_secs_f64() * 1_000.0);
                    }
                }
                Event::ModelAnswered { answer, .. } => {
                    meter.merges += 1;
                    meter.modelled += 1;
                    meter.degraded += u64::from(answer.degraded);
                }
                _ => {}
            }
        }
    }

    async fn write(&mut self, entries: Vec<Entry>) -> Result<(Head, Arc<[Entry]>), Refused> {
        let Some(mut log) = self.log.take() else {
            return Err(Refused::Stopped("its log could not be written".to_owned()));
        };
        let writing = tokio::task::spawn_blocking(move || log.append(&entries).map(|()| (log, entries)));
        let error = match writing.await {
            Ok(Ok((log, entries))) => {
                let head = log.head();
                self.durable = log.end();
                self.log = Some(log);
                return Ok((head, entries.into()));
            }
            Ok(Err(error)) => error,
            Err(error) => io::Error::other(error),
        };
        tracing::error!(theatre = self.name, %error, "the log could not be written; it is read again");
        Err(match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Refused::DiskFull(error.to_string()),
            _ => Refused::NotWritten(error.to_string()),
        })
    }

    /// Opens the log again after a failed write and forgets what that write was to say.
    async fn mend(&mut self) -> Result<(), Refused> {
        let (opener, path) = (self.opener.clone(), Arc::clone(&self.path));
        let (name, durable) = (self.name.clone(), self.durable);
        let reading = tokio::task::spawn_blocking(move || read(&opener, &path, &name, Some(durable)));
        let why = match reading.await {
            Ok(Ok((log, room))) => {
                (self.log, self.room) = (Some(log), room);
                return Ok(());
            }
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        self.failed = true;
        tracing::error!(theatre = self.name, why, "the log cannot be opened again yet");
        Err(Refused::Stopped(why))
    }
}

/// Answers commands with why not; questions are not answered at all, for nothing is known. Returns whether this was the end.
fn refuse_all(batch: &mut Vec<Ask>, why: &Refused) -> bool {
    let mut stop = false;
    for ask in batch.drain(..) {
        match ask {
            Ask::Tell(_, answer) => drop(answer.send(Err(why.clone()))),
            Ask::Stop => stop = true,
            Ask::Unstarted(..) | Ask::Look(_) | Ask::Range(..) => {}
        }
    }
    stop
}
