//! Connections: taken, served until they end, and brought to an orderly end.
//!
//! Straight on hyper, for three reasons. A client that sends its headers byte by byte is cut off. At the end a connection
//! that is open but idle, or was opened in advance and never used, must not hold anything up. And the busiest address, the
//! callback, needs no routing.

use std::{
    convert::Infallible,
    future::Future,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    response::{IntoResponse, Response},
};
use hyper::{
    Method, Request,
    body::Incoming,
    server::conn::http1::{self, UpgradeableConnection},
    service::{HttpService, service_fn},
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

use crate::http::{Peer, Shared, phase_complete, refuse_strange_pages};

/// How long a client may take for the headers of a request; also how long a connection is kept that is not used.
const HEADERS: Duration = Duration::from_secs(60);
/// How long a client may take to agree on TLS.
const HELLO: Duration = Duration::from_secs(10);
/// Most bytes of the headers of a request.
const HEADER_BYTES: usize = 64 * 1024;
/// Most connections at once; more wait until one is closed.
const CONNECTIONS: usize = 20_000;
/// How long nothing is accepted where the system has no room for another connection.
const NO_ROOM: Duration = Duration::from_millis(50);

/// Whoever answers requests.
pub(crate) trait Answers: Clone + Send + Sync + 'static {
    /// The answer to a request that came over a connection from an address.
    fn answer(
        self,
        request: Request<Incoming>,
        peer: SocketAddr,
    ) -> impl Future<Output = Result<Response, Infallible>> + Send;
    /// The listener's certificate; none: plain HTTP.
    fn tls(&self) -> Option<Arc<rustls::ServerConfig>>;
    /// Whether connections stay open when everything has its answer, until whoever runs us ends: so that who calls at the last
    /// moment is told where to go, and not cut off.
    fn hands_over(&self) -> bool {
        false
    }
    /// From now on nothing new is taken.
    fn end(&self) {}
}

/// Everything that answers where work is done.
#[derive(Clone)]
pub(crate) struct Answering {
    pub(crate) app: Shared,
    pub(crate) router: Router,
}

impl Answers for Answering {
    async fn answer(self, mut request: Request<Incoming>, peer: SocketAddr) -> Result<Response, Infallible> {
        match self.app.term.clone() {
            Some(term) => {
                let peer = term.came_from(&mut request, peer);
                Ok(term.answer(&self.app.stopping, peer, self.clone().answer_here(request, peer.peer)).await)
            }
            None => Ok(self.answer_here(request, peer).await),
        }
    }

    fn tls(&self) -> Option<Arc<rustls::ServerConfig>> {
        self.app.tls.clone()
    }

    fn hands_over(&self) -> bool {
        self.app.term.is_some()
    }

    fn end(&self) {
        self.app.stopping.cancel();
    }
}

impl Answering {
    async fn answer_here(self, mut request: Request<Incoming>, peer: SocketAddr) -> Response {
        if let Err(failure) = refuse_strange_pages(&self.app, request.headers()) {
            return failure.into_response();
        }
        if request.method() == Method::POST && request.uri().path() == "/phase-complete" {
            let (head, body) = request.into_parts();
            let app = self.app.clone();
            let response = phase_complete(app, &head.headers, Body::new(body)).await;
            let requests = self.app.core.metrics().requests();
            requests.count(&head.method, Some("/phase-complete"), response.status());
            return response;
        }
        request.extensions_mut().insert(Peer(peer));
        // The router answers everything.
        self.router.oneshot(request.map(Body::new)).await.into_response()
    }
}

/// Takes connections until `shutdown`, then waits until every request has its answer.
///
/// # Errors
/// Where the listener fails for good.
pub(crate) async fn listen(
    listener: TcpListener,
    answering: impl Answers,
    shutdown: CancellationToken,
) -> io::Result<()> {
    listen_until(listener, answering, shutdown.clone(), shutdown).await
}

/// The same, where somebody else takes the connections from `handed_over` on: those that are open stay until `shutdown`, or as
/// long as their clients want them.
///
/// # Errors
/// Where the listener fails for good.
pub(crate) async fn listen_until(
    listener: TcpListener,
    answering: impl Answers,
    handed_over: CancellationToken,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let (connections, requests) = (TaskTracker::new(), TaskTracker::new());
    let taking = take(listener, answering.clone(), (connections.clone(), requests.clone()), shutdown.clone());
    if answering.hands_over() {
        // Until the runtime ends: a connection that nobody takes any more would be cut off with the call on it.
        tokio::spawn(taking);
        shutdown.cancelled().await;
        // First this: what comes now is refused, and what came before is waited for.
        answering.end();
        requests.close();
        requests.wait().await;
        return Ok(());
    }
    tokio::select! {
        () = taking => {}
        () = shutdown.cancelled() => {}
        () = handed_over.cancelled() => {}
    }
    connections.close();
    connections.wait().await;
    Ok(())
}

/// Takes connections for ever.
async fn take(
    listener: TcpListener,
    answering: impl Answers,
    (connections, requests): (TaskTracker, TaskTracker),
    shutdown: CancellationToken,
) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let tls = answering.tls().map(TlsAcceptor::from);
    loop {
        match accept(&listener, &room).await {
            Ok((stream, peer, room)) => {
                let (answering, tls) = (answering.clone(), tls.clone());
                let (shutdown, requests) = (shutdown.clone(), requests.clone());
                connections.spawn(async move {
                    match tls {
                        Some(tls) => encrypted(tls, stream, peer, (answering, requests), shutdown).await,
                        None => connection(stream, peer, (answering, requests), shutdown).await,
                    }
                    drop(room);
                });
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "no connection can be taken");
                tokio::time::sleep(NO_ROOM).await;
            }
        }
    }
}

/// The next connection, with the room that it takes.
async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, Option<OwnedSemaphorePermit>)> {
    // It is never closed.
    let room = room.clone().acquire_owned().await.ok();
    let (stream, peer) = listener.accept().await?;
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps its delay");
    }
    Ok((stream, peer, room))
}

/// A connection under TLS. Who does not say hello in time is cut off.
async fn encrypted(
    tls: TlsAcceptor,
    stream: TcpStream,
    peer: SocketAddr,
    (answering, requests): (impl Answers, TaskTracker),
    shutdown: CancellationToken,
) {
    // A client that speaks something else is that client's affair.
    let Ok(Ok(stream)) = tokio::time::timeout(HELLO, tls.accept(stream)).await else { return };
    connection(stream, peer, (answering, requests), shutdown).await;
}

/// The client went before it was accepted.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}

fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    (answering, requests): (impl Answers, TaskTracker),
    shutdown: CancellationToken,
) -> impl Future<Output = ()> + Send {
    let stays = answering.hands_over();
    let used = Arc::new(AtomicBool::new(false));
    let service = service_fn({
        let used = used.clone();
        move |request| {
            used.store(true, Ordering::Relaxed);
            let (answer, under_way) = (answering.clone().answer(request, peer), requests.token());
            async move {
                let answer = answer.await;
                drop(under_way);
                answer
            }
        }
    });
    let served = serve(stream, service);
    async move {
        tokio::pin!(served);
        tokio::select! {
            // A broken connection is its client's affair.
            _ = served.as_mut() => return,
            () = shutdown.cancelled(), if !stays => {}
        }
        if used.load(Ordering::Relaxed) {
            served.as_mut().graceful_shutdown();
            let _ = served.await;
        }
    }
}

/// HTTP over a stream, within the limits.
fn serve<I, S>(stream: I, service: S) -> UpgradeableConnection<TokioIo<I>, S>
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: HttpService<Incoming, ResBody = Body, Error = Infallible>,
{
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .max_buf_size(HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        time::Instant,
    };

    use super::*;

    fn empty() -> impl HttpService<Incoming, ResBody = Body, Error = Infallible> {
        service_fn(async |_: Request<Incoming>| Ok(Response::new(Body::empty())))
    }

    #[tokio::test(start_paused = true)]
    async fn headers_that_do_not_come_are_waited_for_60_s() {
        let (mut client, server) = tokio::io::duplex(1024);
        let began = Instant::now();
        let served = serve(server, empty());
        // A byte now and then does not make it longer.
        let slow = async {
            for byte in b"GET / HTTP/1.1".iter().cycle() {
                if client.write_all(&[*byte]).await.is_err() {
                    return;
                }
                tokio::time::advance(Duration::from_secs(7)).await;
            }
        };
        tokio::select! {
            ended = served => assert!(ended.is_err(), "cut off"),
            () = slow => panic!("it was served for ever"),
        }
        let waited = began.elapsed();
        assert!(waited >= HEADERS && waited < HEADERS + Duration::from_secs(20), "{waited:?}");
    }

    #[tokio::test]
    async fn headers_beyond_what_is_buffered_are_refused() {
        let (mut client, server) = tokio::io::duplex(4 * HEADER_BYTES);
        let request = format!(
            "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-huge: {}\r\n\r\n",
            "x".repeat(3 * HEADER_BYTES)
        );
        client.write_all(request.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        let (read, _) = tokio::join!(client.read_exact(&mut answer), serve(server, empty()));
        assert_eq!((read.unwrap(), &answer), (12, b"HTTP/1.1 431"));
    }

    #[tokio::test]
    async fn beyond_the_most_connections_the_next_one_waits() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let room = Arc::new(Semaphore::new(1));
        let _clients =
            (TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap());
        let (.., first) = accept(&listener, &room).await.unwrap();
        let mut next = Box::pin(accept(&listener, &room));
        assert!(next.as_mut().now_or_never().is_none(), "there is room for one");
        drop(first);
        assert!(next.await.unwrap().2.is_some());
    }
}
