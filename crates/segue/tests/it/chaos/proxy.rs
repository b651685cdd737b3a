//! A reverse proxy between the orchestrator and its services, in the test's own process, which nobody kills. It sees every
//! start and every callback, remembers what was acknowledged, and is the bad network: it loses, doubles, delays and forges.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderName, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use parking_lot::Mutex;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

/// Callbacks that come once more are sent after so many others.
const LATE: usize = 50;

/// What the network does wrong next, where it is told and does not throw dice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    LoseStart,
    Lose202,
    /// It is not answered, and its service does not get it.
    HoldStart,
    LoseAnswer,
    LoseCallback,
}

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The outcome of every attempt whose callback was answered as accepted, or as a duplicate of one that was.
    pub(super) acknowledged: BTreeMap<String, Value>,
    /// Every attempt that a service was asked for: its job, its run and how often.
    pub(super) asked: BTreeMap<String, (String, String, u64)>,
    /// Attempts whose callback was swallowed.
    pub(super) swallowed: Vec<String>,
    /// What must not be.
    pub(super) wrong: Vec<String>,
    /// How callbacks were answered, and what the network did to them.
    pub(super) counts: BTreeMap<&'static str, u64>,
}

/// The proxy's half that all of its listeners share.
pub(crate) struct Network {
    pub(super) seen: Mutex<Seen>,
    /// Callbacks that were accepted so far.
    pub(super) accepted: AtomicU64,
    client: reqwest::Client,
    /// None: it does only what it is told.
    random: Option<Mutex<StdRng>>,
    pub(crate) faults: Mutex<VecDeque<Fault>>,
    late: Mutex<VecDeque<(HeaderMap, Bytes)>>,
    /// So many pieces a join must find.
    pieces: usize,
}

#[derive(Clone)]
struct Door {
    network: Arc<Network>,
    /// Where it leads to: `http://127.0.0.1:PORT`.
    to: Arc<str>,
}

impl Network {
    /// A bad one.
    pub(super) fn new(seed: u64, pieces: usize) -> Arc<Self> {
        Arc::new(Self { random: Some(Mutex::new(StdRng::seed_from_u64(seed))), pieces, ..Self::still() })
    }

    /// One that does what it is told.
    pub(crate) fn calm() -> Arc<Self> {
        Arc::new(Self::still())
    }

    fn still() -> Self {
        Self {
            seen: Mutex::default(),
            accepted: AtomicU64::new(0),
            client: phase_kit::http_client().unwrap(),
            random: None,
            faults: Mutex::default(),
            late: Mutex::default(),
            pieces: 0,
        }
    }

    /// Opens a door that leads to a port, and returns its own.
    pub(crate) async fn door(self: &Arc<Self>, to: u16) -> u16 {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let door = Door { network: Arc::clone(self), to: format!("http://127.0.0.1:{to}").into() };
        tokio::spawn(
            async move { axum::serve(listener, Router::new().fallback(pass).with_state(door)).await },
        );
        port
    }

    /// Below a thousand; that where nothing is left to chance.
    fn dice(&self) -> u32 {
        self.random.as_ref().map_or(1_000, |random| random.lock().random_range(0..1_000))
    }

    /// Whether the next thing that it is told to do wrong is this.
    fn told(&self, fault: Fault) -> bool {
        let mut faults = self.faults.lock();
        let so = faults.front() == Some(&fault);
        if so {
            faults.pop_front();
        }
        so
    }

    fn count(&self, what: &'static str) {
        *self.seen.lock().counts.entry(what).or_default() += 1;
    }

    fn wrong(&self, what: String) {
        self.seen.lock().wrong.push(what);
    }
}

async fn pass(
    State(door): State<Door>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match (method.as_str(), uri.path()) {
        ("POST", "/start") => door.start(headers, body).await,
        ("POST", "/phase-complete") => door.callback(headers, body).await,
        _ => door.forward(method, &uri.to_string(), headers, body).await.into_response(),
    }
}

/// The other side did not answer, or the answer is lost on the way back.
fn lost() -> Response {
    (StatusCode::BAD_GATEWAY, "lost").into_response()
}

impl Door {
    async fn forward(&self, method: Method, path: &str, mut headers: HeaderMap, body: Bytes) -> Answer {
        for of_this_connection in
            [header::HOST, header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING]
        {
            headers.remove(of_this_connection);
        }
        let url = format!("{}{path}", self.to);
        let sent = self.network.client.request(method, url).headers(headers).body(body).send().await;
        let Ok(answer) = sent else { return Answer::none() };
        let (status, headers) = (answer.status(), answer.headers().clone());
        match answer.bytes().await {
            Ok(body) => Answer { status, headers, body },
            Err(_) => Answer::none(),
        }
    }

    /// A start on its way to a service.
    async fn start(&self, headers: HeaderMap, body: Bytes) -> Response {
        let network = &self.network;
        let start: Value = serde_json::from_slice(&body).unwrap_or_default();
        let word = |name: &str| start[name].as_str().unwrap_or_default().to_owned();
        {
            let mut seen = network.seen.lock();
            let asked = seen.asked.entry(word("attemptId"));
            asked.or_insert_with(|| (word("jobId"), word("run"), 0)).2 += 1;
        }
        if start["phase"] == "join" {
            let pieces = start["upstream"]["pieces"]["output"].as_array().map_or(0, Vec::len);
            let both = ["left", "right"].iter().all(|side| start["upstream"][side]["output"].is_object());
            if pieces != network.pieces || !both {
                network.wrong(format!("a join began without its predecessors: {}", start["upstream"]));
            }
        }
        let dice = network.dice();
        if dice < 10 || network.told(Fault::LoseStart) {
            network.count("starts lost");
            return lost();
        }
        if network.told(Fault::HoldStart) {
            // Until whoever asks goes.
            return std::future::pending().await;
        }
        let answer = self.forward(Method::POST, "/start", headers, body).await;
        if answer.status.is_success() && (dice < 30 || network.told(Fault::Lose202)) {
            network.count("202 lost");
            return lost();
        }
        answer.into_response()
    }

    /// A callback on its way to the orchestrator.
    async fn callback(&self, headers: HeaderMap, body: Bytes) -> Response {
        let network = &self.network;
        let said: Value = serde_json::from_slice(&body).unwrap_or_default();
        let attempt = said["attemptId"].as_str().unwrap_or_default().to_owned();
        let dice = network.dice();
        if dice < 20 || network.told(Fault::LoseCallback) {
            network.count("callbacks lost");
            network.seen.lock().swallowed.push(attempt);
            return axum::Json(json!({ "accepted": true })).into_response();
        }
        if (20..30).contains(&dice) {
            self.forge(&headers, &said).await;
        }
        let answer = if (30..50).contains(&dice) {
            let send = || self.forward(Method::POST, "/phase-complete", headers.clone(), body.clone());
            let (one, other) = tokio::join!(send(), send());
            network.count("callbacks doubled");
            self.note(&attempt, &said, &other);
            one
        } else {
            self.forward(Method::POST, "/phase-complete", headers.clone(), body.clone()).await
        };
        self.note(&attempt, &said, &answer);
        if answer.status.is_success() {
            if (50..60).contains(&dice) {
                self.contradict(&attempt, headers.clone(), said).await;
            }
            if (60..90).contains(&dice) {
                network.late.lock().push_back((headers, body));
            }
            self.send_late().await;
            if (90..120).contains(&dice) || network.told(Fault::LoseAnswer) {
                network.count("answers lost");
                return lost();
            }
        }
        answer.into_response()
    }

    /// Remembers what the orchestrator has answered.
    fn note(&self, attempt: &str, said: &Value, answer: &Answer) {
        let network = &self.network;
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        match (answer.status.as_u16(), body["accepted"] == true, body["duplicate"] == true) {
            (200, true, _) => {
                network.count("accepted");
                network.accepted.fetch_add(1, Ordering::Relaxed);
            }
            (200, _, true) => network.count("duplicate"),
            (409, ..) if body["code"] == "superseded" => return network.count("superseded"),
            (409, ..) => return network.count("conflicting"),
            (500.., ..) => return network.count("no answer"),
            (status, ..) => return network.wrong(format!("a callback was answered {status}: {body}")),
        }
        let outcome = json!({ "success": said["success"], "output": said["output"] });
        let mut seen = network.seen.lock();
        let first = seen.acknowledged.entry(attempt.to_owned()).or_insert_with(|| outcome.clone());
        if *first != outcome {
            let what = format!("two outcomes of {attempt} were acknowledged: {first} and {outcome}");
            seen.wrong.push(what);
        }
    }

    /// The same callback with another outcome: never taken.
    async fn contradict(&self, attempt: &str, headers: HeaderMap, mut said: Value) {
        said["success"] = json!(false);
        said["status"] = json!("failed");
        said["error"] = json!({ "code": "other", "message": "another outcome", "retryable": false });
        let body = Bytes::from(said.to_string());
        let answer = self.forward(Method::POST, "/phase-complete", headers, body).await;
        self.network.count("contradictions sent");
        // A failure that failed was no contradiction.
        let same =
            self.network.seen.lock().acknowledged.get(attempt).is_some_and(|one| one["success"] == false);
        if answer.status.is_success() && !same {
            self.network.wrong(format!("a contradiction of {attempt} was answered {}", answer.status));
        }
    }

    /// The same with a token that is nobody's: never taken.
    async fn forge(&self, headers: &HeaderMap, said: &Value) {
        let mut headers = headers.clone();
        headers.insert(HeaderName::from_static("authorization"), "Bearer forged".parse().unwrap());
        let mut said = said.clone();
        said["output"] = json!("forged");
        let body = Bytes::from(said.to_string());
        let answer = self.forward(Method::POST, "/phase-complete", headers, body).await;
        self.network.count("forged");
        if answer.status != StatusCode::UNAUTHORIZED && !answer.status.is_server_error() {
            self.network.wrong(format!("a forged callback was answered {}", answer.status));
        }
    }

    /// Sends one that was accepted long ago once more.
    async fn send_late(&self) {
        let old = {
            let mut late = self.network.late.lock();
            if late.len() > LATE { late.pop_front() } else { None }
        };
        let Some((headers, body)) = old else { return };
        let said: Value = serde_json::from_slice(&body).unwrap_or_default();
        let answer = self.forward(Method::POST, "/phase-complete", headers, body).await;
        self.network.count("sent late once more");
        let says: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if says["accepted"] == true {
            self.network.wrong(format!("{} was accepted a second time", said["attemptId"]));
        }
    }
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn none() -> Self {
        Self { status: StatusCode::BAD_GATEWAY, headers: HeaderMap::new(), body: Bytes::new() }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.body).into_response();
        for name in [header::CONTENT_TYPE, header::RETRY_AFTER, header::ETAG] {
            if let Some(value) = self.headers.get(&name) {
                response.headers_mut().insert(name, value.clone());
            }
        }
        response
    }
}
