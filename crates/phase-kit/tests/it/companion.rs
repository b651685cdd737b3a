//! What a service does beside its phases: opened before the first call, closed after the last attempt.

use std::{future::Future, io, pin::Pin, sync::Arc};

use axum::{Router, routing::get};
use futures::FutureExt;
use parking_lot::Mutex;
use phase_kit::{
    Companion, Success,
    testing::{FakeOrchestrator, ServiceHost},
};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::{Scripted, service};

/// What happened, in order.
#[derive(Default)]
struct Diary(Mutex<Vec<&'static str>>);

impl Companion for Diary {
    fn routes(self: Arc<Self>) -> Router {
        Router::new().route("/diary", get(move || async move { self.0.lock().join(" ") }))
    }

    fn health(&self) -> Map<String, Value> {
        Map::from_iter([("entries".to_owned(), json!(self.0.lock().len()))])
    }

    fn open(&self) -> Pin<Box<dyn Future<Output = io::Result<()>> + Send + '_>> {
        async {
            self.0.lock().push("opened");
            Ok(())
        }
        .boxed()
    }

    fn run(self: Arc<Self>, stop: CancellationToken) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        async move {
            stop.cancelled().await;
            self.0.lock().push("closed");
        }
        .boxed()
    }
}

/// A companion that cannot be opened.
struct Shut;

impl Companion for Shut {
    fn open(&self) -> Pin<Box<dyn Future<Output = io::Result<()>> + Send + '_>> {
        async { Err(io::Error::other("its folder is damaged")) }.boxed()
    }
}

#[tokio::test]
async fn a_companion_is_open_before_the_first_call_and_closed_after_the_last_attempt() {
    let fake = FakeOrchestrator::start().await;
    let diary = Arc::new(Diary::default());
    let wrote = Arc::clone(&diary);
    let work = Scripted::new(move |_, _| {
        let diary = Arc::clone(&wrote);
        async move {
            diary.0.lock().push("began");
            diary.0.lock().push("ended");
            Ok(Success::new(Value::Null))
        }
    });
    let host = ServiceHost::start(service(work).companion(diary.clone()).build().expect("a service"));
    let text = |path: &'static str| {
        let url = format!("{}{path}", host.url());
        async move {
            let client = phase_kit::http_client().expect("a client");
            client.get(url).send().await.expect("an answer").text().await.expect("text")
        }
    };
    assert_eq!(text("/diary").await, "opened");
    let health: Value = serde_json::from_str(&text("/health").await).expect("JSON");
    assert_eq!((&health["entries"], &health["phases"]), (&json!(1), &json!(["work"])));
    let request = fake.request("work", &json!({}));
    assert_eq!(fake.offer(&host.url(), &request).await.0, 202);
    fake.accepted(request.attempt_id).await;
    host.stop().await;
    assert_eq!(*diary.0.lock(), ["opened", "began", "ended", "closed"]);
}

#[tokio::test]
async fn a_companion_that_cannot_be_opened_ends_the_service() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let service = service(crate::support::echo()).companion(Arc::new(Shut)).build().expect("a service");
    let ended = phase_kit::serve(listener, std::future::pending(), service).await;
    assert_eq!(ended.expect_err("it cannot serve").to_string(), "its folder is damaged");
}
