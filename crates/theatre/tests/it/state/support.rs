//! A theatre for tests: the service on a port of its own, with a desk that takes jobs as the orchestrator would; and words of
//! rules and models, made as the services make them.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use axum::{Json, Router, http::StatusCode, routing::post};
use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use phase_kit::{
    Timing,
    catalog::{ServiceSettings, Token},
    testing::{FakeOrchestrator, ServiceHost, raw, within},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use theatre::{
    model::{Action, MachineId, MatchType, Toggle, Understanding, Utterance},
    state::{
        command::{Chosen, Command, Reply},
        event::Definition,
        log::Opener,
        service,
        writer::{Clock, Theatre},
    },
};
use tokio::{net::TcpListener, sync::watch};
use tokio_tungstenite::tungstenite::Message;

/// A clock that stands until it is moved.
#[derive(Clone)]
pub(super) struct Hands(Arc<AtomicI64>);

impl Hands {
    pub(super) fn new() -> Self {
        Self(Arc::new(AtomicI64::new(1_800_000_000_000)))
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).expect("a time")
    }

    pub(super) fn pass(&self, time: SignedDuration) {
        self.0.fetch_add(i64::try_from(time.as_millis()).expect("short"), Ordering::SeqCst);
    }

    pub(super) fn clock(&self) -> Clock {
        let hands = self.clone();
        Arc::new(move || hands.now())
    }
}

pub(super) fn id(text: &str) -> MachineId {
    MachineId::parse(text).expect("an id")
}

/// A surgery of nine machines, the first and the last on by default.
pub(super) fn chosen() -> Chosen {
    let default = |number| if number == 1 || number == 9 { Action::On } else { Action::Off };
    let machines = (1..=9).map(|number| {
        (
            id(&format!("M0{number}")),
            Definition { name: format!("machine {number}"), default: default(number) },
        )
    });
    let phases = (1..=6).map(|number| format!("Phase{number}")).collect();
    Chosen { name: "PCNL".to_owned(), phases, machines: machines.collect() }
}

pub(super) fn toggle(machine: &str, action: Action) -> Toggle {
    Toggle {
        machine_id: id(machine),
        name: format!("the {machine}"),
        action,
        trigger: machine.to_owned(),
        confidence: 0.95,
        match_type: MatchType::Trigger,
    }
}

pub(super) fn understanding(toggles: &[(&str, Action)]) -> Understanding {
    Understanding {
        toggles: toggles.iter().map(|(machine, action)| toggle(machine, *action)).collect(),
        confidence: 0.95,
        ..Understanding::default()
    }
}

/// A theatre without a service around it.
pub(super) struct Bare {
    pub(super) folder: TempDir,
    pub(super) hands: Hands,
    pub(super) theatre: Theatre,
}

impl Bare {
    /// With a surgery chosen.
    pub(super) async fn open() -> Self {
        Self::open_with(Opener::default()).await
    }

    /// On a file that is opened so.
    pub(super) async fn open_with(opener: Opener) -> Self {
        let (folder, hands) = (tempfile::tempdir().expect("a folder"), Hands::new());
        let path = folder.path().join("log.jsonl");
        let session = "s".to_owned();
        let (theatre, _) =
            Theatre::open_with(opener, path, "main", session, hands.clock()).expect("a theatre");
        let bare = Self { folder, hands, theatre };
        bare.tell(Command::Select { surgery: chosen(), operator: "Ada".to_owned() }).await;
        bare
    }

    pub(super) async fn tell(&self, command: Command) -> theatre::state::writer::Done {
        self.theatre.tell(command).await.expect("it is not refused")
    }

    /// Says something; returns the utterance's number.
    pub(super) async fn say(&self, text: &str) -> u64 {
        let command = Command::Say { text: text.to_owned(), speaker: "surgeon".to_owned(), said_at: None };
        self.tell(command).await.utterance
    }

    /// What the rules answer to an utterance said now.
    pub(super) async fn understood(&self, utterance: u64, understanding: Understanding) {
        self.tell(Command::Understood(self.reply(utterance, understanding).await)).await;
    }

    pub(super) async fn reply<T>(&self, utterance: u64, body: T) -> Reply<T> {
        let room = self.theatre.look().await.expect("it runs");
        let said_at = room.said.get(&utterance).map_or(Timestamp::UNIX_EPOCH, |brief| brief.said_at);
        Reply { utterance, epoch: room.epoch, said_at, body }
    }

    /// What a machine is, and who says so.
    pub(super) async fn machine(&self, machine: &str) -> (Action, String, String) {
        let room = self.theatre.look().await.expect("it runs");
        let layer = room.machines[&id(machine)].layer();
        let source = serde_json::to_value(layer.source).expect("JSON");
        (layer.state, source.as_str().expect("a word").to_owned(), layer.by)
    }
}

/// Takes jobs, as the orchestrator does.
#[derive(Clone)]
pub(super) struct Desk {
    address: std::net::SocketAddr,
    jobs: watch::Sender<Vec<Value>>,
    shut: Arc<Mutex<bool>>,
}

impl Desk {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let desk = Self { address, jobs: watch::Sender::new(Vec::new()), shut: Arc::default() };
        let taking = desk.clone();
        let router = Router::new().route(
            "/api/jobs",
            post(move |Json(job): Json<Value>| async move {
                if *taking.shut.lock() {
                    return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "code": "recovering" })));
                }
                let known = |one: &Value| one["idempotencyKey"] == job["idempotencyKey"];
                let id = format!("job of {}", job["key"]);
                taking.jobs.send_modify(|jobs| {
                    if !jobs.iter().any(known) {
                        jobs.push(job.clone());
                    }
                });
                (StatusCode::CREATED, Json(json!({ "jobId": id })))
            }),
        );
        tokio::spawn(async move { axum::serve(listener, router).await });
        desk
    }

    /// Takes nothing, or takes again.
    pub(super) fn shut(&self, shut: bool) {
        *self.shut.lock() = shut;
    }

    /// Waits until so many jobs were taken.
    pub(super) async fn jobs(&self, count: usize) -> Vec<Value> {
        let mut jobs = self.jobs.subscribe();
        let enough = within("the jobs", jobs.wait_for(|jobs| jobs.len() >= count)).await;
        enough.expect("the desk is there").clone()
    }
}

/// The service with its folder; it can be stopped, killed and started again.
pub(super) struct House {
    pub(super) folder: TempDir,
    pub(super) desk: Desk,
    pub(super) fake: FakeOrchestrator,
    token: Option<&'static str>,
    host: Option<ServiceHost>,
    client: reqwest::Client,
}

pub(super) type Socket =
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

impl House {
    pub(super) async fn open() -> Self {
        Self::with_token(None).await
    }

    pub(super) async fn with_token(token: Option<&'static str>) -> Self {
        let mut house = Self {
            folder: tempfile::tempdir().expect("a folder"),
            desk: Desk::start().await,
            fake: FakeOrchestrator::start().await,
            token,
            host: None,
            client: phase_kit::http_client().expect("a client"),
        };
        house.start();
        house
    }

    /// Starts the service in its folder.
    pub(super) fn start(&mut self) {
        let settings = ServiceSettings {
            data_dir: self.folder.path().to_owned(),
            capacity: 64,
            orchestrator: format!("http://{}", self.desk.address),
            token: self.token.map(Token::new),
            peers: BTreeMap::from([("asr".to_owned(), "http://127.0.0.1:1".to_owned())]),
            ..ServiceSettings::default()
        };
        let builder = phase_kit::Service::builder("state")
            .capacity(64)
            .data_dir(&settings.data_dir)
            .timing(Timing { first_backoff: std::time::Duration::from_millis(10), ..Timing::default() });
        let builder = service::add(builder, &settings).expect("its options");
        self.host = Some(ServiceHost::start(builder.build().expect("a service")));
    }

    /// As `kill -9`.
    pub(super) fn kill(&mut self) {
        self.host.take().expect("it runs").kill();
    }

    pub(super) async fn stop(&mut self) {
        self.host.take().expect("it runs").stop().await;
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.host.as_ref().expect("it runs").url())
    }

    fn with_bearer(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub(super) async fn get(&self, path: &str) -> (u16, Value) {
        answer(self.with_bearer(self.client.get(self.url(path)))).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        answer(self.with_bearer(self.client.post(self.url(path)).json(body))).await
    }

    /// A call that is made by hand.
    pub(super) fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// Posts what must succeed.
    pub(super) async fn well(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.post(path, body).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    /// A state socket.
    pub(super) async fn socket(&self, path: &str) -> Socket {
        let url = self.url(path).replace("http://", "ws://");
        tokio_tungstenite::connect_async(url).await.expect("a socket").0
    }

    /// Gives the answer of a phase to a job that the desk took; returns what the state made of it.
    pub(super) async fn apply(&self, job: &Value, phase: &str, from: &str, answer: &Value) -> Value {
        let utterance: Utterance = serde_json::from_value(job["input"].clone()).expect("an utterance");
        let mut request = self.fake.request(phase, &utterance);
        let upstream =
            protocol::Upstream { output: raw(answer), stats: raw(&Value::Null), artifacts: BTreeMap::new() };
        request.upstream.insert(from.to_owned(), upstream);
        let (status, body) = self.fake.offer(&self.url(""), &request).await;
        assert!(matches!(status, 200 | 202), "{body}");
        let callback = self.fake.accepted(request.attempt_id).await;
        assert!(callback.success, "{callback:?}");
        serde_json::from_str(callback.output.expect("an output").get()).expect("JSON")
    }
}

async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

/// The next state, or other message, of a socket.
pub(super) async fn next(socket: &mut Socket) -> Value {
    within("a message", async {
        loop {
            match socket.next().await.expect("the socket is open").expect("a message") {
                Message::Text(text) => return serde_json::from_str(&text).expect("JSON"),
                _ => continue,
            }
        }
    })
    .await
}

/// Waits for a state that is as wanted.
pub(super) async fn until(socket: &mut Socket, wanted: impl Fn(&Value) -> bool) -> Value {
    loop {
        let state = next(socket).await;
        if wanted(&state) {
            return state;
        }
    }
}
