//! Callers who start jobs at any of the orchestrators until it is acknowledged, and a service that does the work and reports it
//! to any of them. Both note what they did, so that it can be compared with what the journal says.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::nodes::Flag;

/// Two branches and a join.
pub(super) const FAN: &str = "name='fan'\n[[phase]]\nid='a'\nservice='work'\n[[phase]]\nid='b'\nservice='work'\n\
    [[phase]]\nid='join'\nservice='work'\nafter=['a','b']\n";
/// How long one call may take: longer than a call waits for somebody who leads.
const CALL: Duration = Duration::from_secs(20);
/// Before a call is made again.
const AGAIN: Duration = Duration::from_millis(50);
/// How long a connection to one who may be cut off is waited for.
const CONNECT: Duration = Duration::from_secs(2);
/// Of the callers.
pub(super) const TOKEN: &str = "cluster-cluster-cluster";

/// What callers and the service share.
pub(super) struct Load {
    urls: Mutex<Vec<String>>,
    client: reqwest::Client,
    turn: AtomicUsize,
    /// Who still calls.
    callers: AtomicUsize,
    /// Jobs by key, as acknowledged.
    acknowledged: Mutex<BTreeMap<String, String>>,
    /// When the latest acknowledgements came.
    latest: Mutex<Vec<Instant>>,
    /// Attempts by job and phase that were offered.
    offered: Mutex<BTreeMap<(String, String), BTreeSet<String>>>,
    /// Answers that were not as hoped, by what they were.
    pub(super) refused: Mutex<BTreeMap<String, usize>>,
    runtime: Runtime,
}

impl Load {
    /// With its service on a port.
    pub(super) fn start(port: u16, urls: Vec<String>) -> Arc<Self> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        // Another test of the process may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut headers = reqwest::header::HeaderMap::new();
        headers.insert("authorization", format!("Bearer {TOKEN}").parse().unwrap());
        let client = reqwest::Client::builder().timeout(CALL).connect_timeout(CONNECT);
        let client = client.default_headers(headers).build().unwrap();
        let load = Arc::new(Self {
            urls: Mutex::new(urls),
            client,
            turn: AtomicUsize::new(0),
            callers: AtomicUsize::new(0),
            acknowledged: Mutex::default(),
            latest: Mutex::default(),
            offered: Mutex::default(),
            refused: Mutex::default(),
            runtime,
        });
        let app = Router::new().route("/start", post(take)).with_state(load.clone());
        let address = SocketAddr::from(([0, 0, 0, 0], port));
        let listener = load.runtime.block_on(tokio::net::TcpListener::bind(address)).unwrap();
        load.runtime.spawn(async move { axum::serve(listener, app).await });
        load
    }

    /// Any of the orchestrators, another one each time.
    fn any(&self) -> String {
        let urls = self.urls.lock();
        urls[self.turn.fetch_add(1, Ordering::Relaxed) % urls.len()].clone()
    }

    /// From now on calls go to these.
    pub(super) fn call_only(&self, urls: Vec<String>) {
        *self.urls.lock() = urls;
    }

    fn note(&self, what: impl Into<String>) {
        *self.refused.lock().entry(what.into()).or_default() += 1;
    }

    /// Starts jobs with keys from `keys` on until told to stop or there were as many as wanted; so many at the same
    /// time, each resting for a while after each start.
    pub(super) fn call(self: &Arc<Self>, jobs: usize, (at_once, pace): (usize, Duration), stop: &Flag) {
        let from = self.started();
        let next = Arc::new(AtomicUsize::new(from));
        let jobs = from + jobs;
        for _ in 0..at_once {
            let (load, next, stop) = (self.clone(), next.clone(), stop.clone());
            self.callers.fetch_add(1, Ordering::SeqCst);
            self.runtime.spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= jobs || stop.is_set() {
                        load.callers.fetch_sub(1, Ordering::SeqCst);
                        return;
                    }
                    load.start_one(&format!("k{number}")).await;
                    rest(pace).await;
                }
            });
        }
    }

    /// Starts a job as a careful caller does: where it is not known whether it was started, it looks.
    async fn start_one(&self, key: &str) {
        let mut look = false;
        loop {
            let url = self.any();
            let found = if look { self.find(&url, key).await } else { Ok(None) };
            let answered = match found {
                Ok(Some(job)) => Ok((200, json!({ "jobId": job }))),
                Ok(None) => {
                    let body = json!({ "pipeline": "fan", "key": key });
                    answer(self.client.post(format!("{url}/api/jobs")).json(&body)).await
                }
                Err(error) => Err(error),
            };
            match answered {
                Ok((200 | 201, started)) => {
                    let job = started["jobId"].as_str().unwrap().to_owned();
                    self.acknowledged.lock().insert(key.to_owned(), job);
                    return self.latest.lock().push(Instant::now());
                }
                Ok((status, said)) => {
                    let code = said["code"].as_str().unwrap_or("?");
                    self.note(format!("{status} {code}"));
                    // Of these it is known that nothing was done.
                    look |= !["no-leader", "shutting-down", "journal-away"].contains(&code);
                }
                Err(error) => {
                    self.note(error);
                    look = true;
                }
            }
            rest(AGAIN).await;
        }
    }

    async fn find(&self, url: &str, key: &str) -> Result<Option<String>, String> {
        let (status, found) = answer(self.client.get(format!("{url}/api/jobs?key={key}"))).await?;
        match status {
            200 => Ok(found["jobs"][0]["jobId"].as_str().map(str::to_owned)),
            _ => Err("looking up".to_owned()),
        }
    }

    /// Whether callers have come to their end.
    pub(super) fn is_quiet(&self) -> bool {
        self.callers.load(Ordering::SeqCst) == 0
    }

    /// How many starts were acknowledged.
    pub(super) fn started(&self) -> usize {
        self.acknowledged.lock().len()
    }

    /// How many were acknowledged after a moment.
    pub(super) fn after(&self, moment: Instant) -> usize {
        self.latest.lock().iter().filter(|at| **at > moment).count()
    }

    /// The longest time since a moment in which no start was acknowledged.
    pub(super) fn longest_pause(&self, since: Instant) -> Duration {
        let latest = self.latest.lock();
        let mut times: Vec<Instant> = latest.iter().copied().filter(|at| *at > since).collect();
        times.push(since);
        times.sort_unstable();
        times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default()
    }

    /// Waits until every job that was acknowledged is complete, and looks that nothing was lost or doubled; how many
    /// jobs there are.
    pub(super) fn check(&self, patience: Duration) -> usize {
        self.runtime.block_on(async {
            let began = Instant::now();
            let wanted = self.acknowledged.lock().clone();
            let mut jobs = BTreeMap::new();
            loop {
                if let Ok(found) = self.list().await {
                    jobs = found;
                    let over = |job: &String| jobs.get(job).is_some_and(|(_, state)| state == "complete");
                    if wanted.values().all(over) {
                        break;
                    }
                }
                let left: Vec<_> = wanted.values().filter_map(|job| jobs.get(job)).take(5).collect();
                assert!(began.elapsed() < patience, "not all jobs end; such as {left:?}");
                rest(Duration::from_millis(200)).await;
            }
            let mut keys = BTreeMap::new();
            for (job, (key, _)) in &jobs {
                keys.entry(key.clone()).or_insert_with(Vec::new).push(job.clone());
            }
            let twice: Vec<_> = keys.values().filter(|jobs| jobs.len() > 1).collect();
            assert!(twice.is_empty(), "started twice: {twice:?}");
            let offered = self.offered.lock();
            let ours = |job: &String| jobs.contains_key(job);
            for ((job, phase), attempts) in offered.iter().filter(|((job, _), _)| ours(job)) {
                assert_eq!(attempts.len(), 1, "job {job} has {attempts:?} for '{phase}'");
            }
            assert!(offered.keys().all(|(job, _)| ours(job)), "work was offered of a job that is not there");
            jobs.len()
        })
    }

    /// All jobs with key and state.
    async fn list(&self) -> Result<BTreeMap<String, (String, String)>, String> {
        let mut jobs = BTreeMap::new();
        let mut cursor = String::new();
        loop {
            let url = format!("{}/api/jobs?limit=200{cursor}", self.any());
            let (status, page) = answer(self.client.get(url)).await?;
            if status != 200 {
                return Err(format!("{status} {page}"));
            }
            for job in page["jobs"].as_array().unwrap() {
                let text = |name: &str| job[name].as_str().unwrap_or_default().to_owned();
                jobs.insert(text("jobId"), (text("key"), text("status")));
            }
            match page["cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(jobs),
            }
        }
    }
}

/// The pace of callers who call again and again: nothing is waited for that would have to have happened by then.
async fn rest(time: Duration) {
    let mut pace = tokio::time::interval(time.max(Duration::from_millis(1)));
    pace.tick().await;
    pace.tick().await;
}

async fn answer(request: reqwest::RequestBuilder) -> Result<(u16, Value), String> {
    let kind = |error: reqwest::Error| match error.is_connect() {
        true => "not reached".to_owned(),
        false => "no answer".to_owned(),
    };
    let answer = request.send().await.map_err(kind)?;
    let status = answer.status().as_u16();
    Ok((status, answer.json().await.map_err(kind)?))
}

/// Takes an attempt, and reports it until somebody takes the report.
async fn take(State(load): State<Arc<Load>>, Json(start): Json<Value>) -> StatusCode {
    let text = |name: &str| start[name].as_str().unwrap_or_default().to_owned();
    let (job, phase, attempt) = (text("jobId"), text("phase"), text("attemptId"));
    let is_new = load.offered.lock().entry((job, phase)).or_default().insert(attempt);
    if is_new {
        tokio::spawn(report(load, start));
    }
    StatusCode::ACCEPTED
}

async fn report(load: Arc<Load>, start: Value) {
    let (url, token) =
        (start["callback"]["url"].as_str().unwrap(), start["callback"]["token"].as_str().unwrap());
    let path = url.splitn(4, '/').nth(3).unwrap_or_default();
    loop {
        let to = format!("{}/{path}", load.any());
        let said = load.client.post(to).bearer_auth(token).json(&json!({ "success": true, "output": 1 }));
        match answer(said).await {
            Ok((200, _)) => return,
            Ok((status, said)) => load.note(format!("callback {status} {}", said["code"])),
            Err(error) => load.note(format!("callback {error}")),
        }
        rest(AGAIN).await;
    }
}
