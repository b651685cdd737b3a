//! The load: so many jobs at a time against one orchestrator, whose only service this is. Every phase is done the moment it
//! starts. What is counted is what a user feels: jobs, transitions, the time from a callback sent to the next start received,
//! and whatever must never happen: a start lost, doubled, or before its time.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use dashmap::DashMap;
use hyper::StatusCode;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::{
    http::{Client, Error, serve},
    pipeline::{self, FIRST, LAST, PHASES, Phase},
};

/// How long a job may take before it counts as lost.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often a callback is sent that has no answer.
const CALLBACK_TRIES: u32 = 5;

/// What a run of the load came to.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// Jobs at a time.
    pub concurrency: usize,
    /// Jobs that ended while it was counted.
    pub jobs: u64,
    /// Callbacks that were accepted, a second.
    pub transitions_per_s: f64,
    /// Callback sent to next start received, in microseconds: the middle one.
    pub p50_us: f64,
    /// One of a hundred took longer.
    pub p99_us: f64,
    /// Jobs that did not end.
    pub lost: u64,
    /// Phases that were started twice.
    pub doubled: u64,
    /// Phases that were started before what they wait for was through.
    pub early: u64,
}

#[derive(Debug, Default)]
struct Job {
    /// When each phase was started and when its callback was sent, in nanoseconds of the run; 0: not yet.
    started: [u64; PHASES.len()],
    sent: [u64; PHASES.len()],
    done: Option<oneshot::Sender<()>>,
}

/// A callback that is kept back.
#[derive(Debug)]
struct Kept {
    key: String,
    url: String,
    token: String,
}

/// One load, and the service that it is.
#[derive(Debug)]
pub struct Load {
    client: Client,
    began: Instant,
    run: u64,
    starts: Vec<String>,
    jobs: DashMap<String, Job>,
    next: AtomicU64,
    counting: AtomicBool,
    transitions: AtomicU64,
    ended: AtomicU64,
    lost: AtomicU64,
    doubled: AtomicU64,
    early: AtomicU64,
    delays: Mutex<Vec<u32>>,
    /// First callbacks are kept back.
    holding: AtomicBool,
    kept: Mutex<Vec<Kept>>,
}

#[derive(Deserialize)]
struct StartBody<'a> {
    key: &'a str,
    phase: &'a str,
    #[serde(borrow)]
    callback: Target<'a>,
}

#[derive(Deserialize)]
struct Target<'a> {
    url: &'a str,
    token: &'a str,
}

impl Load {
    /// A load on the orchestrators at these addresses, in turn; its service listens at `listen`.
    ///
    /// # Errors
    /// Where it can't listen.
    pub async fn new(listen: SocketAddr, orchestrators: &[String]) -> Result<Arc<Self>, Error> {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
        let load = Arc::new(Self {
            client: Client::default(),
            began: Instant::now(),
            run: u64::try_from(since.as_millis())?,
            starts: orchestrators.iter().map(|url| format!("{url}/api/jobs")).collect(),
            jobs: DashMap::new(),
            next: AtomicU64::new(0),
            counting: AtomicBool::new(false),
            transitions: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            doubled: AtomicU64::new(0),
            early: AtomicU64::new(0),
            delays: Mutex::new(Vec::new()),
            holding: AtomicBool::new(false),
            kept: Mutex::new(Vec::new()),
        });
        let service = load.clone();
        serve(listen, move |path, body| {
            let load = service.clone();
            async move {
                if path.ends_with("/start") {
                    load.started(&body)
                } else {
                    // Somebody asks about an attempt: its callback is kept back.
                    (StatusCode::OK, Bytes::from_static(b"{\"state\":\"running\"}"))
                }
            }
        })
        .await?;
        Ok(load)
    }

    /// Keeps `concurrency` jobs going, for `seconds` after a warm-up.
    pub async fn press(self: &Arc<Self>, concurrency: usize, warm_up: Duration, time: Duration) -> Outcome {
        let stop = Arc::new(AtomicBool::new(false));
        let pressing: Vec<_> = (0..concurrency)
            .map(|_| {
                let (load, stop) = (self.clone(), stop.clone());
                tokio::spawn(async move {
                    while !stop.load(Relaxed) {
                        if !load.one_job().await {
                            load.lost.fetch_add(1, Relaxed);
                        }
                    }
                })
            })
            .collect();
        tokio::time::sleep(warm_up).await;
        self.delays.lock().clear();
        let (transitions, ended) = (self.transitions.load(Relaxed), self.ended.load(Relaxed));
        self.counting.store(true, Relaxed);
        let began = Instant::now();
        tokio::time::sleep(time).await;
        let took = began.elapsed().as_secs_f64();
        let transitions = self.transitions.load(Relaxed) - transitions;
        let jobs = self.ended.load(Relaxed) - ended;
        self.counting.store(false, Relaxed);
        stop.store(true, Relaxed);
        for one in pressing {
            if one.await.is_err() {
                self.lost.fetch_add(1, Relaxed);
            }
        }
        let mut delays = std::mem::take(&mut *self.delays.lock());
        delays.sort_unstable();
        Outcome {
            concurrency,
            jobs,
            transitions_per_s: transitions as f64 / took,
            p50_us: percentile(&delays, 0.50),
            p99_us: percentile(&delays, 0.99),
            lost: self.lost.load(Relaxed),
            doubled: self.doubled.load(Relaxed),
            early: self.early.load(Relaxed),
        }
    }

    /// Starts so many jobs whose first callback is kept back. Returns how many were started, and how long that took.
    pub async fn park(self: &Arc<Self>, jobs: u64) -> (u64, Duration) {
        self.holding.store(true, Relaxed);
        let began = Instant::now();
        let left = Arc::new(AtomicU64::new(jobs));
        let parking: Vec<_> = (0..64)
            .map(|_| {
                let (load, left) = (self.clone(), left.clone());
                tokio::spawn(async move {
                    while left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok() {
                        let key = load.key();
                        if !load.start("parked", &key).await {
                            load.lost.fetch_add(1, Relaxed);
                        }
                    }
                })
            })
            .collect();
        for one in parking {
            let _ = one.await;
        }
        let goal = jobs - self.lost.load(Relaxed).min(jobs);
        let patience = Instant::now();
        while (self.kept.lock().len() as u64) < goal && patience.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.holding.store(false, Relaxed);
        (self.kept.lock().len() as u64, began.elapsed())
    }

    /// Lets so many of the parked jobs go to their end. Returns how many came there within `time`.
    pub async fn release(self: &Arc<Self>, most: usize, time: Duration) -> u64 {
        let mut kept = std::mem::take(&mut *self.kept.lock());
        kept.truncate(most);
        let (goal, before, began) = (kept.len() as u64, self.ended.load(Relaxed), Instant::now());
        let kept = Arc::new(Mutex::new(kept));
        for _ in 0..64 {
            let (load, kept) = (self.clone(), kept.clone());
            tokio::spawn(async move {
                loop {
                    let Some(one) = kept.lock().pop() else { return };
                    load.call_back(one.key, FIRST, one.url, one.token).await;
                }
            });
        }
        while self.ended.load(Relaxed) - before < goal && began.elapsed() < time {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.ended.load(Relaxed) - before
    }

    fn key(&self) -> String {
        format!("{}-{}", self.run, self.next.fetch_add(1, Relaxed))
    }

    async fn one_job(self: &Arc<Self>) -> bool {
        let key = self.key();
        let (done, end) = oneshot::channel();
        self.jobs.insert(key.clone(), Job { done: Some(done), ..Job::default() });
        let through = self.start("bench", &key).await
            && matches!(tokio::time::timeout(PATIENCE, end).await, Ok(Ok(())));
        self.jobs.remove(&key);
        through
    }

    async fn start(&self, pipeline: &str, key: &str) -> bool {
        let url = &self.starts[usize::try_from(self.next.load(Relaxed)).unwrap_or(0) % self.starts.len()];
        let body = format!("{{\"pipeline\":\"{pipeline}\",\"key\":\"{key}\"}}");
        matches!(self.client.post(url, body).await, Ok((status, _)) if status.is_success())
    }

    /// A phase is started: it is taken, and done at once.
    fn started(self: &Arc<Self>, body: &Bytes) -> (StatusCode, Bytes) {
        let Ok(start) = serde_json::from_slice::<StartBody<'_>>(body) else {
            return (StatusCode::BAD_REQUEST, Bytes::new());
        };
        let Some(phase) = pipeline::named(start.phase) else {
            return (StatusCode::BAD_REQUEST, Bytes::new());
        };
        self.count_start(start.key, phase);
        let (key, url, token) =
            (start.key.to_owned(), start.callback.url.to_owned(), start.callback.token.to_owned());
        if phase == FIRST && self.holding.load(Relaxed) {
            self.kept.lock().push(Kept { key, url, token });
        } else {
            let load = self.clone();
            tokio::spawn(async move { load.call_back(key, phase, url, token).await });
        }
        (StatusCode::ACCEPTED, Bytes::new())
    }

    fn count_start(&self, key: &str, phase: Phase) {
        let now = self.now();
        let Some(mut job) = self.jobs.get_mut(key) else { return };
        if job.started[phase] != 0 {
            self.doubled.fetch_add(1, Relaxed);
            return;
        }
        job.started[phase] = now;
        let sent = pipeline::before(phase).iter().map(|before| job.sent[*before]);
        if sent.clone().any(|sent| sent == 0) {
            self.early.fetch_add(1, Relaxed);
        } else if let Some(last) = sent.max()
            && self.counting.load(Relaxed)
        {
            self.delays.lock().push(u32::try_from((now - last) / 1_000).unwrap_or(u32::MAX));
        }
    }

    async fn call_back(self: &Arc<Self>, key: String, phase: Phase, url: String, token: String) {
        if let Some(mut job) = self.jobs.get_mut(&key) {
            job.sent[phase] = self.now();
        }
        let body = format!("{{\"token\":\"{token}\",\"success\":true}}");
        // As every service does: again, where no answer came. A connection may be one to a process that was killed.
        let mut tries = 0;
        loop {
            tries += 1;
            match self.client.post(&url, body.clone()).await {
                Ok((status, _)) if status.is_success() => break,
                // The job does not end, and is counted as lost.
                Ok((status, answer)) => return eprintln!("a callback was answered {status}: {answer:?}"),
                Err(error) if tries == CALLBACK_TRIES => {
                    return eprintln!("a callback was not answered {tries} times: {error}");
                }
                Err(_) => {}
            }
        }
        self.transitions.fetch_add(1, Relaxed);
        if phase == LAST {
            self.ended.fetch_add(1, Relaxed);
            if let Some(done) = self.jobs.get_mut(&key).and_then(|mut job| job.done.take()) {
                let _ = done.send(());
            }
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX).max(1)
    }
}

/// The value below which this share of a sorted list lies.
fn percentile(sorted: &[u32], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * share).round() as usize).copied().map_or(f64::NAN, f64::from)
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn percentiles_of_a_sorted_list() {
        let all: Vec<u32> = (0..=100).collect();
        assert_eq!((percentile(&all, 0.5), percentile(&all, 0.99)), (50.0, 99.0));
        assert!(percentile(&[], 0.5).is_nan());
    }
}
