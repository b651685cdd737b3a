//! The live stream: what is told is what is durable, in order, and goes on where a reader stopped.

#![expect(clippy::unwrap_used, reason = "where a message is not as it must be, the test fails")]

use std::{collections::BTreeMap, time::Duration};

use futures::StreamExt;
use serde_json::{Value, json};
use tokio_tungstenite::{connect_async, tungstenite::Message};

use crate::support::{Orchestrator, Service, call_back, service};

const TWO: &str =
    "name='two'\n[[phase]]\nid='a'\nservice='stub'\n[[phase]]\nid='b'\nservice='stub'\nafter=['a']";

type Socket = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

async fn open(segue: &Orchestrator, query: &str) -> Socket {
    connect_async(format!("{}/ws{query}", segue.url.replace("http", "ws"))).await.unwrap().0
}

async fn next(socket: &mut Socket) -> Value {
    let text = async {
        loop {
            match socket.next().await.unwrap().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                other => assert!(other.is_ping(), "{other:?}"),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), text).await.expect("a message within 30 s")
}

async fn run(segue: &Orchestrator, stub: &mut Service, key: &str) -> String {
    let body = json!({ "pipeline": "two", "key": key });
    let job = segue.post("/api/jobs", &body).await.1["jobId"].as_str().unwrap().to_owned();
    for _ in 0..2 {
        assert_eq!(call_back(&stub.next().await, &json!({ "success": true })).await.0, 200);
    }
    job
}

/// The events of a job as the API tells them.
async fn history(segue: &Orchestrator, job: &str) -> Vec<Value> {
    let (_, history) = segue.get(&format!("/api/jobs/{job}/events")).await;
    history["events"].as_array().unwrap().iter().map(|event| event["is"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_stream_tells_is_the_journal_whoever_stops_and_goes_on_where() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = service().await;
    let segue = Orchestrator::start(folder.path(), TWO, &stub.url, None).await;
    run(&segue, &mut stub, "before").await;
    let mut jobs = Vec::new();
    let mut told: BTreeMap<(String, u64), Value> = BTreeMap::new();
    let mut after = None;
    let mut socket = open(&segue, "").await;
    for key in ["x", "y", "z"] {
        jobs.push(run(&segue, &mut stub, key).await);
    }
    let mut missing: usize = 0;
    for job in &jobs {
        missing += history(&segue, job).await.len();
    }
    let mut heard = 0;
    while told.len() < missing {
        let message = next(&mut socket).await;
        if message["type"] != "event" {
            continue;
        }
        heard += 1;
        let job = message["jobId"].as_str().unwrap().to_owned();
        told.insert((job, message["seq"].as_u64().unwrap()), message["event"]["is"].clone());
        after = message["id"].as_u64().or(after);
        // Again and again the reader goes, at any message, and comes back with the last id it had.
        if heard % 4 == 3 {
            let query = after.map_or_else(String::new, |after| format!("?after={after}"));
            socket = open(&segue, &query).await;
        }
        assert!(heard < 200, "the same is told for ever");
    }
    for job in &jobs {
        let of = told.iter().filter(|((of, _), _)| of == job).map(|(_, event)| event.clone());
        assert_eq!(of.collect::<Vec<_>>(), history(&segue, job).await);
    }
    // Of one job only, from the beginning.
    let mut one = open(&segue, &format!("?after=0&job={}", jobs[1])).await;
    for (seq, event) in history(&segue, &jobs[1]).await.into_iter().enumerate() {
        let message = next(&mut one).await;
        assert_eq!((&message["seq"], &message["event"]["is"]), (&json!(seq), &event));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_call_of_the_socket_is_told_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let stub = service().await;
    let segue = Orchestrator::start(folder.path(), TWO, &stub.url, None).await;
    let (status, problem) = segue.get("/ws").await;
    assert_eq!((status, &problem["code"]), (426, &json!("upgrade-required")));
}
