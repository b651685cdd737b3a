//! Several orchestrators on one journal: whatever address is called, whoever leads.

#![expect(clippy::unwrap_used, reason = "where an answer is not as it must be, the test fails")]

mod members;

use std::time::{Duration, Instant};

use futures::StreamExt;
use http_body_util::{BodyExt, Full};
use journal::lease::{Holder, Lease};
use members::{Common, LEASE, Member, PATIENCE};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket},
};
use tokio_tungstenite::{connect_async, tungstenite::Message};
use uuid::Uuid;

use crate::support::{call, call_back, call_with, service};

const ONE: &str = "name='one'\nroute='one'\n[[phase]]\nid='work'\nservice='stub'\nretry={attempts=1}";

fn services(stub: &str, orchestrator: &str) -> String {
    format!("{orchestrator}[service.stub]\nurl = \"{stub}\"\ncapacity = 100000\n")
}

/// The same start, with its callback and artifacts at another orchestrator.
fn by_way_of(start: &Value, from: &Member, to: &Member) -> Value {
    serde_json::from_str(&start.to_string().replace(&from.url, &to.url)).unwrap()
}

async fn over(member: &Member, job: &str) -> Value {
    let wait = async {
        loop {
            let (_, status) = member.get(&format!("/api/jobs/{job}")).await;
            if status["status"] == "complete" {
                return status;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait).await.expect("over within 30 s")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_takes_every_kind_of_call() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = service().await;
    let common = Common::new(folder.path(), ONE, &services(&stub.url, ""));
    let leader = Member::leading(&common, "a").await;
    let standby = Member::standing_by(&common, "b").await;
    // It answers for its own process.
    assert_eq!(standby.get("/health").await.0, 200);
    let ready = standby.until_ready("standby").await;
    assert_eq!((&ready["status"], &ready["leader"]), (&json!("ready"), &json!(leader.url)));
    let metrics = standby.get("/metrics").await.1.to_string();
    assert!(metrics.contains("segue_leads 0"), "{metrics}");
    let led = leader.until_ready("leader").await;
    assert_eq!((&led["leader"], &led["epoch"]), (&json!(leader.url), &json!(1)));
    // All else is passed on: a stream of events and a socket,
    let mut socket = connect_async(format!("{}/ws", standby.url.replace("http", "ws"))).await.unwrap().0;
    let events = {
        let client: hyper_util::client::legacy::Client<_, Full<bytes::Bytes>> =
            hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
        let request = hyper::Request::get(format!("{}/api/events", standby.url));
        client.request(request.body(Full::default()).unwrap()).await.unwrap()
    };
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    // starts by either way, refusals with their codes,
    let (status, started) = standby.post("/api/jobs", &json!({ "pipeline": "one", "key": "k" })).await;
    assert_eq!(status, 201, "{started}");
    let job = started["jobId"].as_str().unwrap();
    assert_eq!(standby.post("/api/jobs", &json!({ "pipeline": "two" })).await.1["code"], "unknown-pipeline");
    assert_eq!(standby.get("/api/nowhere/at/all").await.1["code"], "not-found");
    let again = standby.post("/api/one/j/start-phase", &json!({ "phase": "work" })).await;
    assert_eq!(again.0, 202, "{}", again.1);
    // what services tell, and what they store and fetch, large too,
    let start = by_way_of(&stub.next().await, &leader, &standby);
    let large: Vec<u8> = (0..9_000_000u32).map(|n| (n % 251) as u8).collect();
    let stored = format!("{}large.bin", start["artifactsUrl"].as_str().unwrap());
    let token = start["callback"]["token"].as_str();
    let (status, answer) = call("PUT", &stored, large.clone(), token).await;
    assert_eq!((status, &answer["size"]), (201, &json!(9_000_000)), "{answer}");
    assert!(fetch(&stored, token).await == large, "it comes back as it was sent");
    let progress = start["progress"]["url"].as_str();
    if let Some(url) = progress {
        let said = br#"{"done":1,"total":2}"#.to_vec();
        assert!(call("POST", url, said, start["progress"]["token"].as_str()).await.0 < 300);
    }
    assert_eq!(call_back(&start, &json!({ "success": true, "output": { "n": 1 } })).await.0, 200);
    over(&standby, job).await;
    let (status, told) = call_back(&start, &json!({ "success": true, "output": { "n": 1 } })).await;
    assert_eq!((status, &told["duplicate"]), (200, &json!(true)), "{told}");
    // and everything was told to those who watch.
    let seen = async {
        loop {
            let Message::Text(text) = socket.next().await.unwrap().unwrap() else { continue };
            if text.contains("JobCompleted") || text.contains("job_ended") || text.contains(job) {
                break;
            }
        }
        let mut events = events.into_body().into_data_stream();
        loop {
            let bytes = events.next().await.unwrap().unwrap();
            if String::from_utf8_lossy(&bytes).contains(job) {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), seen).await.expect("seen within 30 s");
}

async fn fetch(url: &str, token: Option<&str>) -> Vec<u8> {
    let client: hyper_util::client::legacy::Client<_, Full<bytes::Bytes>> =
        hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
    let bearer = format!("Bearer {}", token.unwrap());
    let request = hyper::Request::get(url).header("authorization", bearer);
    let answer = client.request(request.body(Full::default()).unwrap()).await.unwrap();
    answer.into_body().collect().await.unwrap().to_bytes().to_vec()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_stood_by_goes_on_with_the_work_of_a_leader_that_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = service().await;
    let common = Common::new(folder.path(), ONE, &services(&stub.url, ""));
    let first = Member::leading(&common, "a").await;
    let second = Member::standing_by(&common, "b").await;
    let (_, started) = second.post("/api/jobs", &json!({ "pipeline": "one", "key": "k" })).await;
    let job = started["jobId"].as_str().unwrap().to_owned();
    let start = by_way_of(&stub.next().await, &first, &second);
    drop(first);
    // What is called meanwhile waits, and is answered by the one that was asked.
    let began = Instant::now();
    let (status, answer) = call_back(&start, &json!({ "success": true })).await;
    assert_eq!(status, 200, "{answer}");
    assert!(began.elapsed() < LEASE * 3, "taken over after {:?}", began.elapsed());
    over(&second, &job).await;
    let ready = second.until_ready("leader").await;
    assert_eq!(ready["epoch"], 2);
    // A third one stands by the second.
    let third = Member::standing_by(&common, "c").await;
    assert_eq!(third.post("/api/jobs", &json!({ "pipeline": "one", "key": "k" })).await.0, 201);
    let next = by_way_of(&stub.next().await, &second, &third);
    assert_eq!(call_back(&next, &json!({ "success": true })).await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_stopped_hands_over_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let stub = service().await;
    let common = Common::new(folder.path(), ONE, &services(&stub.url, ""));
    let first = Member::leading(&common, "a").await;
    let second = Member::standing_by(&common, "b").await;
    let began = Instant::now();
    let ending = tokio::spawn(first.end());
    let mut keys = 0..;
    while !ending.is_finished() {
        let key = format!("k{}", keys.next().unwrap());
        let (status, answer) = second.post("/api/jobs", &json!({ "pipeline": "one", "key": key })).await;
        assert_eq!(status, 201, "nobody notices: {answer}");
    }
    ending.await.unwrap();
    let ready = second.until_ready("leader").await;
    assert_eq!(ready["epoch"], 2);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let (_, jobs) = second.get("/api/jobs?limit=200").await;
    assert!(!jobs["jobs"].as_array().unwrap().is_empty(), "{jobs}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_do_not_go_round_in_circles_and_say_when_nobody_leads() {
    let folder = tempfile::tempdir().unwrap();
    let stub = service().await;
    let common = Common::new(folder.path(), ONE, &services(&stub.url, ""));
    // Somebody holds the lease who says that another standby is where he is.
    let stranger = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = Holder { id: Uuid::from_u128(7), url: format!("http://{}", stranger.local_addr().unwrap()) };
    common.lease.take(nobody.clone(), Duration::from_secs(600)).await.unwrap();
    let (one, two) = (Member::start(&common, "a").await, Member::start(&common, "b").await);
    one.until_ready("standby").await;
    let there = Holder { id: nobody.id, url: two.url.clone() };
    common.lease.take(there, Duration::from_secs(600)).await.unwrap();
    let known = async { while one.get("/ready").await.1["leader"] != *two.url {} };
    tokio::time::timeout(Duration::from_secs(30), known).await.expect("known within 30 s");
    for member in [&one, &two] {
        let began = Instant::now();
        let (status, answer) = member.get("/api/jobs").await;
        assert_eq!((status, &answer["code"]), (503, &json!("no-leader")), "{answer}");
        assert!(began.elapsed() >= PATIENCE && began.elapsed() < PATIENCE * 3, "{:?}", began.elapsed());
        let metrics = member.get("/metrics").await.1.to_string();
        assert!(metrics.contains("unavailable"), "{metrics}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_have_been_done_is_not_done_twice() {
    let folder = tempfile::tempdir().unwrap();
    let stub = service().await;
    let common = Common::new(folder.path(), ONE, &services(&stub.url, ""));
    // One who takes every call and is lost before he answers.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let lost = Holder { id: Uuid::from_u128(7), url: format!("http://{}", listener.local_addr().unwrap()) };
    common.lease.take(lost.clone(), LEASE * 2).await.unwrap();
    let heard = tokio::spawn(async move {
        let mut heard = Vec::new();
        loop {
            let Ok((mut stream, _)) = listener.accept().await else { return heard };
            let mut text = [0; 4096];
            let read = stream.read(&mut text).await.unwrap_or(0);
            heard.push(String::from_utf8_lossy(&text[..read]).lines().next().unwrap_or("").to_owned());
            if heard.len() == 2 {
                return heard;
            }
        }
    });
    let member = Member::standing_by(&common, "a").await;
    let (status, answer) = member.post("/api/jobs", &json!({ "pipeline": "one", "key": "k" })).await;
    assert_eq!((status, &answer["code"]), (503, &json!("leader-lost")), "{answer}");
    // To look is harmless: it is asked again until somebody answers, here the one that was called, who leads by then.
    let (status, jobs) = member.get("/api/jobs").await;
    assert_eq!((status, &jobs["jobs"]), (200, &json!([])), "{jobs}");
    assert_eq!(heard.await.unwrap(), ["POST /api/jobs HTTP/1.1", "GET /api/jobs HTTP/1.1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_called_is_known_behind_a_standby_and_can_not_be_made_up() {
    let folder = tempfile::tempdir().unwrap();
    let stub = service().await;
    let token =
        "[orchestrator]\ntokens = [ { name = \"ci\", role = \"admin\", token = \"hands-hands-hands\" } ]\n";
    let common = Common::new(folder.path(), ONE, &services(&stub.url, token));
    let leader = Member::leading(&common, "a").await;
    let standby = Member::standing_by(&common, "b").await;
    let ci = Some("hands-hands-hands");
    for member in [&leader, &standby] {
        let address = member.url.strip_prefix("http://").unwrap().parse().unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.9:0".parse().unwrap()).unwrap();
        let mut stream = socket.connect(address).await.unwrap();
        let body = r#"{"pipeline":"one"}"#;
        let request = format!(
            "POST /api/jobs HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer hands-hands-hands\r\n\
             segue-passed-on: 10.9.8.7:1 0123456789abcdef0123456789abcdef\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    }
    let wrong = call("GET", &format!("{}/api/jobs", standby.url), Vec::new(), Some("guessed-guessed")).await;
    assert_eq!((wrong.0, &wrong.1["code"]), (401, &json!("wrong-token")));
    assert_eq!(call("GET", &format!("{}/metrics", standby.url), Vec::new(), None).await.0, 401);
    let (_, audit) = call("GET", &format!("{}/api/audit", standby.url), Vec::new(), ci).await;
    let from: Vec<&str> =
        audit["lines"].as_array().unwrap().iter().filter_map(|line| line["from"].as_str()).collect();
    let ours = from.iter().filter(|from| from.starts_with("127.0.0.9:")).count();
    assert_eq!(ours, 2, "{audit}");
    assert!(!audit.to_string().contains("10.9.8.7"), "{audit}");
    // A page of a stranger has no more luck here than there.
    let evil = [("origin", "https://evil.example")];
    assert_eq!(call_with("GET", &format!("{}/api/jobs", standby.url), "", &evil).await.0, 403);
}
