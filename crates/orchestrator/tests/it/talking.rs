//! A service that hands every request to the test and answers as it is told, or breaks the connection.

#![expect(clippy::unwrap_used, reason = "where a test can't be set up, it fails")]

use std::{io, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request that the service has received.
pub(crate) struct Heard {
    /// Method and path.
    pub(crate) what: String,
    /// The attempt's id, on starts.
    pub(crate) idempotency_key: Option<String>,
    /// Where in which trace it belongs.
    pub(crate) traceparent: Option<String>,
    pub(crate) body: Value,
    answer: oneshot::Sender<Option<(u16, String)>>,
}

/// The service.
pub(crate) struct Talking {
    pub(crate) url: String,
    heard: mpsc::Receiver<Heard>,
}

pub(crate) async fn talking() -> Talking {
    let (sender, heard) = mpsc::channel(10_000);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let sender = sender.clone();
            let service = service_fn(move |request| hear(request, sender.clone()));
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    Talking { url, heard }
}

async fn hear(
    request: Request<Incoming>,
    sender: mpsc::Sender<Heard>,
) -> Result<Response<Full<Bytes>>, io::Error> {
    let broken = || io::Error::from(io::ErrorKind::BrokenPipe);
    let what = format!("{} {}", request.method(), request.uri().path());
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let (key, traceparent) = (header("idempotency-key"), header("traceparent"));
    let body = request.into_body().collect().await.map_err(|_| broken())?.to_bytes();
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let (answer, told) = oneshot::channel();
    sender
        .send(Heard { what, idempotency_key: key, traceparent, body, answer })
        .await
        .map_err(|_| broken())?;
    // No answer is told: the connection breaks.
    let (status, body) = told.await.ok().flatten().ok_or_else(broken)?;
    Ok(Response::builder().status(status).body(Full::new(body.into())).unwrap())
}

impl Talking {
    /// The next request, whatever it is.
    pub(crate) async fn next(&mut self) -> Heard {
        tokio::time::timeout(PATIENCE, self.heard.recv()).await.expect("a request within 30 s").unwrap()
    }

    /// The next start, taken with 202; what comes in between is answered with 404.
    pub(crate) async fn accept(&mut self) -> Value {
        loop {
            let heard = self.next().await;
            if heard.what == "POST /start" {
                return heard.answer(202, "");
            }
            heard.answer(404, "");
        }
    }

    /// The next request whose path begins so; others are answered with 202.
    pub(crate) async fn wait_for(&mut self, what: &str) -> Heard {
        loop {
            let heard = self.next().await;
            if heard.what.starts_with(what) {
                return heard;
            }
            heard.answer(202, "");
        }
    }

    /// What has arrived meanwhile.
    pub(crate) fn waiting(&mut self) -> Vec<String> {
        let mut all = Vec::new();
        while let Ok(heard) = self.heard.try_recv() {
            all.push(heard.what);
        }
        all
    }
}

impl Heard {
    /// Answers, and gives the body that was sent.
    pub(crate) fn answer(self, status: u16, body: &str) -> Value {
        // Who asked may have gone.
        let _ = self.answer.send(Some((status, body.to_owned())));
        self.body
    }

    /// Breaks the connection.
    pub(crate) fn lose(self) -> Value {
        // The same.
        let _ = self.answer.send(None);
        self.body
    }
}
