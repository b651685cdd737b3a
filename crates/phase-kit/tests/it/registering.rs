//! A service makes itself known, drains before it ends, and is told of again by the next orchestrator.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, Method, StatusCode},
    routing::any,
};
use parking_lot::Mutex;
use phase_kit::{Registering, catalog::Token};
use serde_json::Value;
use tokio::{net::TcpListener, sync::mpsc};
use tokio_util::sync::CancellationToken;

use crate::support::{echo, service};

type Call = (Method, String, Value, String);

#[derive(Clone)]
struct Stub {
    calls: mpsc::UnboundedSender<Call>,
    answers: Arc<Mutex<VecDeque<StatusCode>>>,
}

async fn hear(
    State(stub): State<Stub>,
    method: Method,
    Path((service, id)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let token = headers.get("authorization").map_or("", |value| value.to_str().expect("text"));
    let body = serde_json::from_slice(&body).unwrap_or_default();
    stub.calls.send((method, format!("{service}/{id}"), body, token.to_owned())).expect("the test listens");
    stub.answers.lock().pop_front().unwrap_or(StatusCode::OK)
}

#[expect(clippy::disallowed_methods, reason = "a test takes what comes")]
async fn orchestrator(answers: &[StatusCode]) -> (String, mpsc::UnboundedReceiver<Call>) {
    let (calls, heard) = mpsc::unbounded_channel();
    let stub = Stub { calls, answers: Arc::new(Mutex::new(answers.iter().copied().collect())) };
    let app = Router::new().route("/api/services/{service}/instances/{id}", any(hear)).with_state(stub);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, heard)
}

async fn next(heard: &mut mpsc::UnboundedReceiver<Call>) -> Call {
    tokio::time::timeout(Duration::from_secs(20), heard.recv()).await.expect("in time").expect("a call")
}

#[tokio::test]
async fn it_says_that_it_is_there_that_it_drains_and_that_it_goes() {
    let refused = [StatusCode::SERVICE_UNAVAILABLE];
    let (url, mut heard) = orchestrator(&refused).await;
    let registering = Registering {
        orchestrator: url,
        token: Some(Token::new("secret-secret-secret")),
        id: Some("one".to_owned()),
        url: None,
        lease: Duration::from_secs(3),
    };
    let service = service(echo()).capacity(7).registering(registering).build().expect("a service");
    // On all networks: it has to find out by which address it is reached.
    let listener = TcpListener::bind("0.0.0.0:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(phase_kit::serve(listener, stop.clone().cancelled_owned(), service));
    // Refused, said again, renewed: a renewal leaves it to operators to drain.
    for draining in [Some(false), Some(false), None] {
        let (method, path, body, token) = next(&mut heard).await;
        assert_eq!((method, &*path), (Method::PUT, "test-service/one"));
        assert_eq!(body["url"], format!("http://127.0.0.1:{port}"));
        assert_eq!((body["capacity"].as_u64(), body["draining"].as_bool()), (Some(7), draining));
        assert_eq!((body["lease"].as_str(), &*token), (Some("3s"), "Bearer secret-secret-secret"));
    }
    stop.cancel();
    let (method, _, body, _) = next(&mut heard).await;
    assert_eq!((method, body["draining"].as_bool()), (Method::PUT, Some(true)));
    let (method, ..) = next(&mut heard).await;
    assert_eq!(method, Method::DELETE);
    serving.await.expect("no panic").expect("an orderly end");
}
