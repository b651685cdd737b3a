//! The limit: a relay that makes the same HTTP hops as an orchestrator and knows the pipeline by heart. It keeps a bit for each
//! phase of a job, and nothing else. Durable, it syncs a record before every answer, one sync for all that arrived during the
//! one before; bare, it writes nothing. It speaks Segue's wire, so that the same load measures both.

use std::{
    fs::File,
    io::{Seek, SeekFrom, Write},
    net::SocketAddr,
    path::Path,
    sync::Arc,
};

use bytes::Bytes;
use dashmap::DashMap;
use hyper::StatusCode;
use serde::Deserialize;
use tokio::sync::{mpsc, oneshot};

use crate::{
    http::{Client, Error, serve},
    pipeline::{self, FIRST, PHASES, Phase},
};

/// A record and who waits for it.
type Record = (Bytes, oneshot::Sender<()>);

#[derive(Debug)]
struct Relay {
    /// Phases that are through, a bit each, by job.
    jobs: DashMap<String, u8>,
    log: Option<mpsc::UnboundedSender<Record>>,
    client: Client,
    stub: String,
    own: String,
}

#[derive(Deserialize)]
struct Start<'a> {
    key: &'a str,
}

#[derive(Deserialize)]
struct Callback<'a> {
    token: &'a str,
}

/// Runs a relay until the process ends; with a log it is durable.
///
/// # Errors
/// Where it can't listen, or the log can't be made.
pub async fn run(listen: SocketAddr, stub: String, log: Option<&Path>) -> Result<(), Error> {
    let log = log.map(open_log).transpose()?;
    let relay = Arc::new(Relay {
        jobs: DashMap::new(),
        log,
        client: Client::default(),
        stub,
        own: format!("http://{listen}"),
    });
    serve(listen, move |path, body| {
        let relay = relay.clone();
        async move { relay.answer(&path, body).await }
    })
    .await?;
    std::future::pending().await
}

/// Bytes of the log that are laid out beforehand: then a sync writes data and nothing about the file, which is several times as
/// fast. What comes after them makes the file longer.
const LAID_OUT: usize = 256 << 20;

/// A thread that writes what has gathered, and syncs it once.
fn open_log(path: &Path) -> Result<mpsc::UnboundedSender<Record>, Error> {
    let mut file = File::create(path)?;
    let zeros = vec![0; 1 << 20];
    for _ in 0..LAID_OUT / zeros.len() {
        file.write_all(&zeros)?;
    }
    file.sync_all()?;
    file.seek(SeekFrom::Start(0))?;
    let (sender, mut inbox) = mpsc::unbounded_channel::<Record>();
    std::thread::Builder::new().name("log".to_owned()).spawn(move || {
        while let Some(first) = inbox.blocking_recv() {
            let mut group = vec![first];
            while let Ok(next) = inbox.try_recv() {
                group.push(next);
            }
            let bytes: Vec<u8> = group.iter().flat_map(|(record, _)| record.iter().copied()).collect();
            if let Err(error) = file.write_all(&bytes).and_then(|()| file.sync_data()) {
                eprintln!("the relay's log has failed: {error}");
                std::process::exit(1);
            }
            for (_, waiting) in group {
                let _ = waiting.send(());
            }
        }
    })?;
    Ok(sender)
}

impl Relay {
    async fn answer(self: &Arc<Self>, path: &str, body: Bytes) -> (StatusCode, Bytes) {
        let done = match path {
            "/api/jobs" => self.start(&body).await,
            "/phase-complete" => self.callback(&body).await,
            _ => None,
        };
        match done {
            Some(()) => (StatusCode::OK, Bytes::from_static(b"{\"accepted\":true}")),
            None => (StatusCode::NOT_FOUND, Bytes::new()),
        }
    }

    async fn start(self: &Arc<Self>, body: &Bytes) -> Option<()> {
        let start: Start<'_> = serde_json::from_slice(body).ok()?;
        self.jobs.insert(start.key.to_owned(), 0);
        self.keep(body).await?;
        self.offer(start.key.to_owned(), FIRST);
        Some(())
    }

    async fn callback(self: &Arc<Self>, body: &Bytes) -> Option<()> {
        let callback: Callback<'_> = serde_json::from_slice(body).ok()?;
        let (key, phase) = callback.token.rsplit_once('|')?;
        let phase: Phase = phase.parse().ok().filter(|phase| *phase < PHASES.len())?;
        let through = {
            let mut bits = self.jobs.get_mut(key)?;
            *bits |= 1 << phase;
            *bits
        };
        self.keep(body).await?;
        if phase == pipeline::LAST {
            self.jobs.remove(key);
        }
        for next in pipeline::ready_after(phase, through) {
            self.offer(key.to_owned(), next);
        }
        Some(())
    }

    async fn keep(&self, record: &Bytes) -> Option<()> {
        let Some(log) = &self.log else { return Some(()) };
        let (durable, waiting) = oneshot::channel();
        log.send((record.clone(), durable)).ok()?;
        waiting.await.ok()
    }

    fn offer(self: &Arc<Self>, key: String, phase: Phase) {
        let relay = self.clone();
        tokio::spawn(async move {
            let body = format!(
                "{{\"key\":\"{key}\",\"phase\":\"{}\",\"callback\":{{\"url\":\"{}/phase-complete\",\"token\":\"{key}|{phase}\"}}}}",
                PHASES[phase], relay.own
            );
            if let Err(error) = relay.client.post(&relay.stub, body).await {
                eprintln!("the relay can't start {key} {phase}: {error}");
            }
        });
    }
}
