//! A core without HTTP: a journal that answers when the test says so, a clock that it sets, and a service that only takes.

#![expect(clippy::unwrap_used, reason = "where a stage can't be set up, the test fails")]

use std::{collections::VecDeque, sync::Arc};

use engine::{
    command::{Command, ProbeFinding, Start},
    ids::{AttemptId, JobId, Name},
    payload::Payload,
    pipeline::Pipeline,
};
use futures::{FutureExt, future::BoxFuture};
use journal::{
    Answer, Batch, Counts, FeedItem, Health, Journal, JournalError, MemoryJournal, Page, Position, Query,
    Retained, RetentionPolicy, Snapshot, Stored,
};
use orchestrator::{
    clock::World,
    config,
    core::{Core, Fleet, Parts, StartError, Started},
    memo::Memo,
    outbound::{Addresses, Hearing, Offer, Outbound},
    token::TokenKey,
};
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use crate::support::Clock;

/// What becomes of appends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answering {
    AtOnce,
    /// Each waits for the test.
    WhenTold,
    Full,
}

/// An append that waits for the test.
pub(super) struct Asked {
    batch: Batch,
    memory: MemoryJournal,
    reply: oneshot::Sender<Result<Position, JournalError>>,
}

impl Asked {
    pub(super) fn take(self) {
        // The memory journal is through when it returns.
        let done = self.memory.append(self.batch).now_or_never().unwrap();
        let _ = self.reply.send(done);
    }

    pub(super) fn refuse(self, error: JournalError) {
        let _ = self.reply.send(Err(error));
    }
}

pub(super) struct SlowJournal {
    memory: MemoryJournal,
    answering: Mutex<Answering>,
    asked: Mutex<VecDeque<Asked>>,
    more: Notify,
}

impl SlowJournal {
    /// What becomes of appends from now on.
    pub(super) fn answer(&self, answering: Answering) {
        *self.answering.lock() = answering;
    }

    /// The next append that waits.
    pub(super) async fn next(&self) -> Asked {
        loop {
            if let Some(asked) = self.asked.lock().pop_front() {
                return asked;
            }
            self.more.notified().await;
        }
    }

    /// How many events of a job are durable.
    pub(super) async fn events(&self, job: JobId) -> u64 {
        self.memory.load(job).await.unwrap().unwrap().events.len() as u64
    }

    /// How many live jobs there are.
    pub(super) async fn live(&self) -> usize {
        self.memory.live_jobs(None, 100).await.unwrap().len()
    }
}

impl Journal for SlowJournal {
    fn append(&self, batch: Batch) -> Answer<Position> {
        match *self.answering.lock() {
            Answering::AtOnce => self.memory.append(batch),
            Answering::Full => async { Err(JournalError::Full) }.boxed(),
            Answering::WhenTold => {
                let (reply, told) = oneshot::channel();
                self.asked.lock().push_back(Asked { batch, memory: self.memory.clone(), reply });
                self.more.notify_one();
                async { told.await.unwrap() }.boxed()
            }
        }
    }

    fn snapshot(&self, job: JobId, snapshot: Snapshot) -> Answer<()> {
        self.memory.snapshot(job, snapshot)
    }

    fn load(&self, job: JobId) -> Answer<Option<Stored>> {
        self.memory.load(job)
    }

    fn load_many(&self, jobs: Vec<JobId>) -> Answer<Vec<(JobId, Stored)>> {
        self.memory.load_many(jobs)
    }

    fn history(&self, job: JobId, from: u64, limit: usize) -> Answer<Vec<(u64, Position, bytes::Bytes)>> {
        self.memory.history(job, from, limit)
    }

    fn feed(&self, after: Position, limit: usize) -> Answer<Vec<FeedItem>> {
        self.memory.feed(after, limit)
    }

    fn list(&self, query: Query) -> Answer<Page> {
        self.memory.list(query)
    }

    fn find_live(&self, pipeline: String, key: String) -> Answer<Option<JobId>> {
        self.memory.find_live(pipeline, key)
    }

    fn live_jobs(&self, after: Option<JobId>, limit: usize) -> Answer<Vec<JobId>> {
        self.memory.live_jobs(after, limit)
    }

    fn due(&self, until: u64, limit: usize) -> Answer<Vec<(JobId, u64)>> {
        self.memory.due(until, limit)
    }

    fn counts(&self) -> Answer<Counts> {
        self.memory.counts()
    }

    fn put_definition(&self, hash: [u8; 32], text: String) -> Answer<()> {
        self.memory.put_definition(hash, text)
    }

    fn definition(&self, hash: [u8; 32]) -> Answer<Option<String>> {
        self.memory.definition(hash)
    }

    fn retain(&self, now: u64, policy: RetentionPolicy) -> Answer<Retained> {
        self.memory.retain(now, policy)
    }

    fn health(&self) -> Health {
        self.memory.health()
    }
}

/// A service that takes every attempt and never says anything by itself.
#[derive(Debug)]
struct Taking {
    offers: Mutex<VecDeque<AttemptId>>,
    more: Notify,
    tokens: TokenKey,
}

impl Outbound for Taking {
    fn offer<'a>(&'a self, offer: Offer, hearing: &'a dyn Hearing) -> BoxFuture<'a, ()> {
        self.offers.lock().push_back(offer.attempt);
        self.more.notify_one();
        hearing.accepted(offer.job, offer.attempt, "stub".into());
        async {}.boxed()
    }

    fn cancel<'a>(&'a self, _: &'a Name, _: AttemptId) -> BoxFuture<'a, bool> {
        async { true }.boxed()
    }

    fn pause<'a>(&'a self, _: &'a Name, _: AttemptId) -> BoxFuture<'a, Option<Payload>> {
        async { None }.boxed()
    }

    fn probe<'a>(&'a self, _: &'a Name, attempt: AttemptId) -> BoxFuture<'a, Command> {
        async move { Command::Probed { attempt, finding: ProbeFinding::NoAnswer } }.boxed()
    }

    fn addresses(&self) -> Addresses {
        Addresses { public_url: "http://localhost".into(), tokens: self.tokens.clone() }
    }
}

/// Everything around a core; cores over one stage share it as processes do that come one after the other.
pub(super) struct Stage {
    pub(super) journal: Arc<SlowJournal>,
    pub(super) world: Arc<Clock>,
    pub(super) pipeline: Arc<Pipeline>,
    service: Arc<Taking>,
    folder: tempfile::TempDir,
}

impl Stage {
    /// One phase, with a slot for one attempt.
    pub(super) fn new(answering: Answering) -> Self {
        Self::of("name='found'\n[[phase]]\nid='work'\nservice='stub'\ntimeout='50s'", answering)
    }

    pub(super) fn of(pipeline: &str, answering: Answering) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let journal = SlowJournal {
            memory: MemoryJournal::default(),
            answering: Mutex::new(answering),
            asked: Mutex::default(),
            more: Notify::new(),
        };
        let tokens = TokenKey::load_or_make(folder.path()).unwrap();
        Self {
            journal: Arc::new(journal),
            world: Clock::at("2026-11-21T12:00:00Z"),
            pipeline: Arc::new(Pipeline::parse(pipeline).unwrap()),
            service: Arc::new(Taking { offers: Mutex::default(), more: Notify::new(), tokens }),
            folder,
        }
    }

    /// A process that has begun but knows nothing yet.
    pub(super) fn unrecovered(&self) -> Core {
        let services = "[service.stub]\nurl = 'http://localhost:1'\ncapacity = 1";
        let config = config::read(services, self.folder.path(), &|_| None).unwrap();
        Core::new(Parts {
            journal: self.journal.clone(),
            world: self.world.clone(),
            outbound: self.service.clone(),
            fleet: Fleet::new(&config.services),
            memo: Memo::open(&self.folder.path().join("memo")).unwrap(),
            pipelines: vec![self.pipeline.clone()],
        })
    }

    /// A process that serves.
    pub(super) async fn core(&self) -> Core {
        let core = self.unrecovered();
        core.recover().await.unwrap();
        core
    }

    pub(super) async fn start(&self, core: &Core, key: &str) -> Result<Started, StartError> {
        let start = Start {
            job: self.world.job_id(),
            key: key.into(),
            input: Payload::null(),
            priority: None,
            mode: None,
            traceparent: None,
            idempotency_key: None,
        };
        core.start(self.pipeline.clone(), start).await
    }

    /// The next attempt that the service takes.
    pub(super) async fn next_offer(&self) -> AttemptId {
        loop {
            if let Some(offer) = self.service.offers.lock().pop_front() {
                return offer;
            }
            self.service.more.notified().await;
        }
    }

    /// What the service has taken and nobody has asked for.
    pub(super) fn offers(&self) -> Vec<AttemptId> {
        self.service.offers.lock().iter().copied().collect()
    }

    /// How many slots are in use.
    pub(super) fn slots(&self, core: &Core) -> usize {
        core.fleet().members().map(|(_, member)| member.plan(|plan| plan.slots().len())).sum()
    }
}
