//! The least HTTP that both ends need: a server that hands over whole bodies, and a client that keeps its connections.

use std::{convert::Infallible, future::Future, net::SocketAddr};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, Response, StatusCode, body::Incoming, header, server::conn::http1, service::service_fn,
};
use hyper_util::{
    client::legacy::{Client as Legacy, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use tokio::net::TcpListener;

/// What can go wrong, for a person.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// Serves until the process ends. A handler gets the path and the body, and gives a status and a body.
///
/// # Errors
/// Where the address can't be listened on.
pub async fn serve<H, F>(address: SocketAddr, handler: H) -> Result<SocketAddr, Error>
where
    H: Fn(String, Bytes) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = (StatusCode, Bytes)> + Send,
{
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let handler = handler.clone();
            tokio::spawn(async move {
                if stream.set_nodelay(true).is_err() {
                    return;
                }
                let service = service_fn(move |request: Request<Incoming>| {
                    let handler = handler.clone();
                    async move { Ok::<_, Infallible>(answer(request, handler).await) }
                });
                // A connection that breaks is counted by whoever waits for its answer.
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    Ok(address)
}

async fn answer<H, F>(request: Request<Incoming>, handler: H) -> Response<Full<Bytes>>
where
    H: Fn(String, Bytes) -> F,
    F: Future<Output = (StatusCode, Bytes)>,
{
    let path = request.uri().path().to_owned();
    let (status, body) = match request.into_body().collect().await {
        Ok(body) => handler(path, body.to_bytes()).await,
        Err(_) => (StatusCode::BAD_REQUEST, Bytes::new()),
    };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response
}

/// A client that keeps its connections.
#[derive(Clone, Debug)]
pub struct Client(Legacy<HttpConnector, Full<Bytes>>);

impl Default for Client {
    fn default() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self(Legacy::builder(TokioExecutor::new()).pool_max_idle_per_host(4_096).build(connector))
    }
}

impl Client {
    /// Sends JSON, and gives the status and the whole answer.
    ///
    /// # Errors
    /// Where nothing was sent or no answer came.
    pub async fn post(&self, url: &str, body: impl Into<Bytes>) -> Result<(StatusCode, Bytes), Error> {
        self.send(Method::POST, url, body.into()).await
    }

    /// Asks.
    ///
    /// # Errors
    /// Where nothing was sent or no answer came.
    pub async fn get(&self, url: &str) -> Result<(StatusCode, Bytes), Error> {
        self.send(Method::GET, url, Bytes::new()).await
    }

    async fn send(&self, method: Method, url: &str, body: Bytes) -> Result<(StatusCode, Bytes), Error> {
        let request = Request::builder()
            .method(method)
            .uri(url)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))?;
        let answer = self.0.request(request).await?;
        let status = answer.status();
        Ok((status, answer.into_body().collect().await?.to_bytes()))
    }
}
