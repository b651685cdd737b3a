//! The resolution service's own calls: a job's tickets, and the import of a file in Beads' form.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use parking_lot::Mutex;
use phase_kit::{catalog::ServiceSettings, testing::ServiceHost};
use serde_json::{Value, json};
use twindocs::{
    records::compared::{Discrepancy, TicketState},
    registry::CATALOG,
    tickets::{
        Asked, AskedField,
        beads::{self, Issue},
        ticket_id,
    },
};

/// A job at an orchestrator: artifacts and signals.
#[derive(Default)]
struct Kept {
    artifacts: Mutex<BTreeMap<String, Bytes>>,
    signals: Mutex<Vec<(String, Option<String>)>>,
}

async fn orchestrator() -> (Arc<Kept>, String) {
    let kept = Arc::new(Kept::default());
    let router = Router::new()
        .route("/api/jobs/{job}/artifacts", get(list))
        .route("/api/jobs/{job}/artifacts/{*name}", get(read).put(write))
        .route("/api/jobs/{job}/signals/{name}", post(signal))
        .with_state(Arc::clone(&kept));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (kept, url)
}

fn unknown(code: &str) -> Response {
    (StatusCode::NOT_FOUND, Json(json!({ "code": code, "title": "t", "status": 404, "detail": "no" })))
        .into_response()
}

async fn list(State(kept): State<Arc<Kept>>, Path(job): Path<String>) -> Response {
    if job != "job-1" {
        return unknown("unknown-job");
    }
    let info = |(name, bytes): (&String, &Bytes)| json!({ "name": name, "hash": "0", "size": bytes.len(), "mediaType": "application/json" });
    let artifacts: Vec<Value> = kept.artifacts.lock().iter().map(info).collect();
    Json(json!({ "artifacts": artifacts })).into_response()
}

async fn read(State(kept): State<Arc<Kept>>, Path((job, name)): Path<(String, String)>) -> Response {
    match kept.artifacts.lock().get(&name) {
        Some(bytes) if job == "job-1" => bytes.clone().into_response(),
        _ => unknown(if job == "job-1" { "unknown-artifact" } else { "unknown-job" }),
    }
}

async fn write(
    State(kept): State<Arc<Kept>>,
    Path((_, name)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    assert_eq!(headers["authorization"], "Bearer of-the-caller");
    kept.artifacts.lock().insert(name, body);
    StatusCode::CREATED.into_response()
}

async fn signal(
    State(kept): State<Arc<Kept>>,
    Path((_, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let token = headers.get("authorization").and_then(|it| it.to_str().ok()).map(str::to_owned);
    kept.signals.lock().push((name, token));
    Json(json!({})).into_response()
}

fn issue(component: &str) -> Issue {
    let fields = vec![AskedField {
        component_id: component.to_owned(),
        field: "/documentation/summary".to_owned(),
        discrepancy_id: "d-1".to_owned(),
        stream_a_value: json!("One."),
        stream_b_value: json!("Two."),
    }];
    let mut issue = Issue {
        id: ticket_id(component, "/documentation/summary"),
        title: "[AI-DOC]".to_owned(),
        status: "open".to_owned(),
        ..Issue::default()
    };
    Asked { state: TicketState::Pending, fields }.write(&mut issue);
    issue
}

fn commented(component: &str, text: &str) -> Issue {
    let comment =
        beads::Comment { text: text.to_owned(), author: "ann".to_owned(), ..beads::Comment::default() };
    Issue { comments: vec![comment], ..issue(component) }
}

#[tokio::test]
async fn weakness_2_comments_become_answers_and_the_last_one_lets_the_job_go_on() {
    let (kept, url) = orchestrator().await;
    let own = tempfile::tempdir().expect("a folder");
    let settings = ServiceSettings {
        data_dir: own.path().to_owned(),
        capacity: 1,
        orchestrator: url,
        ..ServiceSettings::default()
    };
    let host = ServiceHost::start(CATALOG.service("resolution", &settings).expect("it is known"));
    let client = phase_kit::http_client().expect("a client");
    let tickets = beads::write(&[issue("a.py::f"), issue("a.py::g")]).expect("lines");
    kept.artifacts.lock().insert("tickets.jsonl".to_owned(), tickets.into());
    let import = async |job: &str, body: String| -> (u16, Value) {
        let request = client.post(format!("{}/tickets/import?job={job}", host.url())).body(body);
        let answer = request.bearer_auth("of-the-caller").send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    };
    let (f, g) = (issue("a.py::f").id, issue("a.py::g").id);
    let given = [
        commented("a.py::f", "RESOLUTION: accept_b"),
        commented("a.py::g", "RESOLUTION: manual"),
        commented("a.py::none", "RESOLUTION: merge"),
        commented("a.py::g", "What is this?"),
    ];
    let (status, said) = import("job-1", beads::write(&given).expect("lines")).await;
    assert_eq!((status, &said["taken"], &said["open"]), (200, &json!([f]), &json!([g])), "{said}");
    assert_eq!(said["signalled"], false);
    let refused = said["refused"].to_string();
    assert!(refused.contains("needs the text") && refused.contains("unknown-ticket"), "{refused}");
    let stored: Value =
        serde_json::from_slice(&kept.artifacts.lock()[&format!("answers/{f}.json")]).expect("JSON");
    assert_eq!(stored, json!({ "resolution": "accept_b", "text": "", "by": "ann" }));
    assert!(kept.signals.lock().is_empty(), "one is open");

    let last = [commented("a.py::g", "RESOLUTION: manual\nIt does g.")];
    let (_, said) = import("job-1", beads::write(&last).expect("lines")).await;
    assert_eq!((&said["open"], &said["signalled"]), (&json!([]), &json!(true)));
    assert_eq!(*kept.signals.lock(), [("answers".to_owned(), Some("Bearer of-the-caller".to_owned()))]);

    let list = client.get(format!("{}/tickets?job=job-1", host.url())).send().await.expect("an answer");
    let list: Value = list.json().await.expect("JSON");
    assert_eq!((list["tickets"].as_array().expect("a list").len(), &list["open"]), (2, &json!([])));
    assert_eq!(
        (&list["tickets"][0]["answered"], &list["tickets"][0]["state"]),
        (&json!(true), &json!("pending"))
    );

    assert_eq!(import("job-2", String::new()).await.0, 404);
    assert_eq!(import("..%2Fjob-1", String::new()).await.0, 422);
    let (status, said) = import("job-1", "{}\nnone".to_owned()).await;
    assert_eq!((status, &said["line"]), (400, &json!(2)), "{said}");
}

#[test]
fn a_discrepancys_record_is_what_the_contract_says() {
    let text = json!({
        "discrepancy_id": "d-1", "component_id": "a", "type": "call_graph_edge", "field": "/call_graph/callees/b",
        "stream_a_value": null, "stream_b_value": null, "ground_truth": null, "severity": "low", "blocking": null,
        "authority": "people", "resolution": "deferred", "resolution_source": "unresolved", "confidence": 0.5,
        "requires_ticket": true, "iteration_found": 1,
    });
    let read: Discrepancy = serde_json::from_value(text.clone()).expect("it fits");
    assert_eq!(serde_json::to_value(read).expect("JSON"), text);
}
