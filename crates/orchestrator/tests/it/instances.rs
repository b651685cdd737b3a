//! Instances over real HTTP: who registers, who is asked, and what holds when they drain, lapse, or were never allowed.

#![expect(clippy::unwrap_used, reason = "where a test can't be set up, it fails")]

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::mpsc};

use crate::support::{Clock, Orchestrator, Setup, call, call_back};

const MAP: &str = "name = \"maps\"\nmode = \"full\"\n[[phase]]\nid = \"work\"\nservice = \"stub\"\nmap = { over = \"input.items\", parallel = 1000 }\n";
const ONE: &str = "name = \"ones\"\nmode = \"full\"\n[[phase]]\nid = \"work\"\nservice = \"stub\"\n";
const REGISTERS: &str = "[service.stub]\nregister = true\nnetworks = [\"127.0.0.0/8\"]\n";

/// Instances that take what they have room for, each knowing only what it took.
struct Crew {
    urls: Vec<String>,
    starts: mpsc::UnboundedReceiver<(usize, Value)>,
    /// How many each has just now.
    load: Arc<Mutex<BTreeMap<usize, usize>>>,
}

#[derive(Clone)]
struct One {
    number: usize,
    room: usize,
    load: Arc<Mutex<BTreeMap<usize, usize>>>,
    starts: mpsc::UnboundedSender<(usize, Value)>,
}

async fn take(State(one): State<One>, Json(start): Json<Value>) -> StatusCode {
    let mut load = one.load.lock().unwrap();
    let mine = load.entry(one.number).or_default();
    if *mine >= one.room {
        return StatusCode::TOO_MANY_REQUESTS;
    }
    *mine += 1;
    one.starts.send((one.number, start)).unwrap();
    StatusCode::ACCEPTED
}

#[expect(clippy::disallowed_methods, reason = "a test takes what comes")]
async fn crew(rooms: &[usize]) -> Crew {
    let (sender, starts) = mpsc::unbounded_channel();
    let load = Arc::new(Mutex::new(BTreeMap::new()));
    let mut urls = Vec::new();
    for (number, room) in rooms.iter().enumerate() {
        let one = One { number, room: *room, load: load.clone(), starts: sender.clone() };
        let works = || async { Json(json!({ "state": "running" })) };
        let app =
            Router::new().route("/start", post(take)).route("/status/{attempt}", get(works)).with_state(one);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        urls.push(format!("http://{}", listener.local_addr().unwrap()));
        tokio::spawn(async move { axum::serve(listener, app).await });
    }
    Crew { urls, starts, load }
}

impl Crew {
    async fn next(&mut self) -> (usize, Value) {
        let wait = tokio::time::timeout(std::time::Duration::from_secs(30), self.starts.recv());
        wait.await.expect("a start within 30 s").unwrap()
    }

    async fn done(&self, number: usize, start: &Value) {
        *self.load.lock().unwrap().get_mut(&number).unwrap() -= 1;
        let (status, _) = call_back(start, &json!({ "success": true, "output": {} })).await;
        assert_eq!(status, 200);
    }
}

async fn put(orchestrator: &Orchestrator, id: &str, body: Value) -> (u16, Value) {
    let url = format!("{}/api/services/stub/instances/{id}", orchestrator.url);
    call("PUT", &url, body.to_string().into_bytes(), None).await
}

async fn of_service(orchestrator: &Orchestrator) -> Value {
    orchestrator.get("/api/services").await.1["services"][0].clone()
}

async fn with(folder: &std::path::Path, pipeline: &str, services: &str) -> Orchestrator {
    let setup = Setup { services: services.to_owned(), ..Setup::new(folder, pipeline, "") };
    Orchestrator::with(setup).await
}

#[tokio::test]
async fn a_map_of_225_items_is_spread_over_15_instances_of_15_evenly_within_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut crew = crew(&[15; 15]).await;
    let orchestrator = with(folder.path(), MAP, REGISTERS).await;
    for (number, url) in crew.urls.clone().iter().enumerate() {
        let (status, said) = put(
            &orchestrator,
            &format!("one-{number}"),
            json!({ "url": url, "capacity": 15, "version": "1" }),
        )
        .await;
        assert_eq!((status, said["renewWithin"].as_str()), (201, Some("10s")), "{said}");
    }
    assert_eq!(of_service(&orchestrator).await["capacity"], 225);
    let items: Vec<u32> = (0..225).collect();
    let body = json!({ "pipeline": "maps", "key": "a", "input": { "items": items } });
    let (status, started) = orchestrator.post("/api/jobs", &body).await;
    assert_eq!(status, 201, "{started}");
    let mut starts = Vec::new();
    for _ in 0..225 {
        starts.push(crew.next().await);
    }
    let load = crew.load.lock().unwrap().clone();
    assert!(load.len() == 15 && load.values().all(|load| (14..=16).contains(load)), "{load:?}");
    let shown = of_service(&orchestrator).await;
    assert!(shown["instances"].as_array().unwrap().iter().all(|one| one["running"] == 15), "{shown}");
    for (number, start) in &starts {
        crew.done(*number, start).await;
    }
    assert_eq!(orchestrator.over(started["jobId"].as_str().unwrap()).await["status"], "complete");
}

#[tokio::test]
async fn work_waits_for_the_first_instance_and_goes_on_while_one_drains() {
    let folder = tempfile::tempdir().unwrap();
    let mut crew = crew(&[1, 1]).await;
    let orchestrator = with(folder.path(), ONE, REGISTERS).await;
    let start = async |key: &str| {
        let body = json!({ "pipeline": "ones", "key": key, "input": {} });
        orchestrator.post("/api/jobs", &body).await.1["jobId"].as_str().unwrap().to_owned()
    };
    let first = start("a").await;
    let second = start("b").await;
    put(&orchestrator, "x", json!({ "url": crew.urls[0], "capacity": 1 })).await;
    let (at, start_of_first) = crew.next().await;
    assert_eq!((at, start_of_first["jobId"].as_str()), (0, Some(&*first)));
    let (status, said) = put(&orchestrator, "x", json!({ "draining": true })).await;
    assert_eq!((status, said["instance"]["state"].as_str()), (200, Some("draining")), "{said}");
    // It stays full with what it finishes, and the other gets what waits.
    put(&orchestrator, "y", json!({ "url": crew.urls[1], "capacity": 1 })).await;
    let (at, start_of_second) = crew.next().await;
    assert_eq!((at, start_of_second["jobId"].as_str()), (1, Some(&*second)));
    crew.done(0, &start_of_first).await;
    assert_eq!(orchestrator.over(&first).await["status"], "complete");
    let third = start("c").await;
    assert_eq!(of_service(&orchestrator).await["capacity"], 1, "room that drains is no room");
    crew.done(1, &start_of_second).await;
    let (at, start_of_third) = crew.next().await;
    assert_eq!((at, start_of_third["jobId"].as_str()), (1, Some(&*third)));
    let url = format!("{}/api/services/stub/instances/x", orchestrator.url);
    assert_eq!(call("DELETE", &url, Vec::new(), None).await.0, 204);
    assert_eq!(call("DELETE", &url, Vec::new(), None).await.1["code"], "unknown-instance");
}

#[tokio::test]
async fn a_busy_or_absent_instance_is_left_for_another_without_a_wait_or_an_attempt() {
    let folder = tempfile::tempdir().unwrap();
    let mut crew = crew(&[0, 5]).await;
    let nobody = "http://127.0.0.1:9";
    let services = format!(
        "[service.stub]\nurls = [\"{}\", \"{nobody}\", \"{}\"]\ncapacity = 5\n",
        crew.urls[0], crew.urls[1]
    );
    // A clock that stands still: nothing can have waited.
    let world = Clock::at("2026-11-21T03:00:00Z");
    let setup = Setup { services, world, ..Setup::new(folder.path(), ONE, "") };
    let orchestrator = Orchestrator::with(setup).await;
    for key in ["a", "b", "c", "d", "e"] {
        orchestrator.post("/api/jobs", &json!({ "pipeline": "ones", "key": key, "input": {} })).await;
        let (at, start) = crew.next().await;
        assert_eq!((at, start["attempt"].as_u64()), (1, Some(1)));
    }
    let shown = of_service(&orchestrator).await;
    let states: BTreeMap<&str, &str> = shown["instances"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["url"].as_str().unwrap(), one["state"].as_str().unwrap()))
        .collect();
    assert_eq!(states[&*crew.urls[1]], "ready", "{states:?}");
    assert_eq!((states[&*crew.urls[0]], states[nobody]), ("busy", "silent"));
}

#[tokio::test]
async fn nobody_sends_starts_elsewhere_by_registering() {
    let folder = tempfile::tempdir().unwrap();
    let services = format!(
        "[orchestrator]\ntokens = [{{ name = \"op\", role = \"operate\", token = \"operator-operator\" }}, {{ name = \"eye\", role = \
         \"read\", token = \"reader-reader-reader\" }}]\n{REGISTERS}token_sha256 = \
         \"{}\"\n[service.other]\nurl = \"http://127.0.0.1:9\"\n",
        "cd23a1d3eb02e46e55089f8b3b2dd0a39fe5d3823c268c5db0aa47ce807dbfb3"
    );
    let orchestrator = with(folder.path(), ONE, &services).await;
    let put = async |service: &str, url: &str, token: Option<&str>| {
        let to = format!("{}/api/services/{service}/instances/x", orchestrator.url);
        let (status, said) = call("PUT", &to, json!({ "url": url }).to_string().into_bytes(), token).await;
        (status, said["code"].as_str().unwrap_or_default().to_owned())
    };
    let (ours, operator) = ("http://127.0.0.1:9", Some("operator-operator"));
    let refused = |status: u16, code: &str| (status, code.to_owned());
    assert_eq!(put("stub", ours, None).await, refused(401, "wrong-token"));
    assert_eq!(put("stub", ours, Some("reader-reader-reader")).await, refused(403, "not-allowed"));
    assert_eq!(put("other", ours, operator).await, refused(403, "not-allowed"));
    assert_eq!(put("nobody", ours, operator).await, refused(404, "unknown-service"));
    for url in
        ["http://10.0.0.1:80", "http://169.254.169.254", "http://localhost:80", "http://127.0.0.1:80/x"]
    {
        assert_eq!(put("stub", url, operator).await, refused(422, "invalid-field"), "{url}");
    }
    assert_eq!(put("stub", ours, operator).await.0, 201);
    // The service's own token does this, and nothing else.
    let own = Some("service-token-1234");
    assert_eq!(put("stub", "http://127.0.0.2:9", own).await.0, 200);
    assert_eq!(put("other", ours, own).await, refused(401, "wrong-token"));
    assert_eq!(call("GET", &format!("{}/api/services", orchestrator.url), Vec::new(), own).await.0, 401);
    let (_, services) =
        call("GET", &format!("{}/api/services", orchestrator.url), Vec::new(), operator).await;
    assert_eq!(services["services"][1]["instances"][0]["id"], "x", "{services}");
}

/// Waits for something that the API says.
async fn until(orchestrator: &Orchestrator, path: &str, what: impl Fn(&Value) -> bool) {
    let wait = async {
        while !what(&orchestrator.get(path).await.1) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), wait).await.expect("within 30 s");
}

#[tokio::test]
async fn a_lapsed_lease_is_silence_and_who_works_on_is_not_disturbed() {
    let folder = tempfile::tempdir().unwrap();
    let mut crew = crew(&[1]).await;
    let clock = Clock::at("2026-11-21T03:00:00Z");
    let setup =
        Setup { services: REGISTERS.to_owned(), world: clock.clone(), ..Setup::new(folder.path(), ONE, "") };
    let orchestrator = Orchestrator::with(setup).await;
    put(&orchestrator, "x", json!({ "url": crew.urls[0], "capacity": 1 })).await;
    let body = json!({ "pipeline": "ones", "key": "a", "input": {} });
    let job = orchestrator.post("/api/jobs", &body).await.1["jobId"].as_str().unwrap().to_owned();
    let (_, start) = crew.next().await;
    let recording = format!("/api/jobs/{job}/recording");
    until(&orchestrator, &recording, |text| text.to_string().contains("ttemptAccepted")).await;
    clock.set("2026-11-21T03:00:31Z");
    until(&orchestrator, "/api/services", |all| all["services"][0]["instances"][0]["state"] == "gone").await;
    until(&orchestrator, &recording, |text| text.to_string().contains("ttemptHealed")).await;
    crew.done(0, &start).await;
    assert_eq!(orchestrator.over(&job).await["status"], "complete");
    assert_eq!(of_service(&orchestrator).await["instances"], json!([]));
}

#[tokio::test]
async fn after_a_restart_nobody_is_believed_lost_before_instances_are_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut crew = crew(&[1]).await;
    let orchestrator = with(folder.path(), ONE, REGISTERS).await;
    put(&orchestrator, "x", json!({ "url": crew.urls[0], "capacity": 1 })).await;
    let body = json!({ "pipeline": "ones", "key": "a", "input": {} });
    let job = orchestrator.post("/api/jobs", &body).await.1["jobId"].as_str().unwrap().to_owned();
    let (_, start) = crew.next().await;
    let recording = format!("/api/jobs/{job}/recording");
    until(&orchestrator, &recording, |text| text.to_string().contains("ttemptAccepted")).await;
    let listen = orchestrator.kill().await;
    let setup = Setup { services: REGISTERS.to_owned(), listen, ..Setup::new(folder.path(), ONE, "") };
    let orchestrator = Orchestrator::with(setup).await;
    // Nobody is there: nothing is concluded from that.
    assert_eq!(of_service(&orchestrator).await["instances"], json!([]));
    put(&orchestrator, "x", json!({ "url": crew.urls[0], "capacity": 1 })).await;
    until(&orchestrator, "/api/services", |all| all["services"][0]["instances"][0]["running"] == 1).await;
    crew.done(0, &start).await;
    assert_eq!(orchestrator.over(&job).await["status"], "complete");
    let text = orchestrator.get(&recording).await.1.to_string();
    assert!(!text.contains("ttemptFailed") && !text.contains("ttemptSuspected"), "{text}");
}
