//! Hosts a service on a runtime of its own, so that a test can kill it: everything that ran there is gone, as after `kill -9`.

use std::net::SocketAddr;

use tokio::{net::TcpListener, runtime, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::within;
use crate::Service;

/// A running service.
#[derive(Debug)]
pub struct ServiceHost {
    runtime: Option<runtime::Runtime>,
    serving: JoinHandle<std::io::Result<()>>,
    shutdown: CancellationToken,
    address: SocketAddr,
}

impl ServiceHost {
    /// Serves on a free port.
    ///
    /// # Panics
    /// If there is no runtime or port.
    #[must_use]
    pub fn start(service: Service) -> Self {
        let runtime =
            runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        listener.set_nonblocking(true).expect("not blocking");
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone().cancelled_owned();
        let serving =
            runtime.spawn(async move { crate::serve(TcpListener::from_std(listener)?, stop, service).await });
        Self { runtime: Some(runtime), serving, shutdown, address }
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Tells it to stop, as a signal would, without waiting.
    pub fn tell_to_stop(&self) {
        self.shutdown.cancel();
    }

    /// Stops it in order and waits for its end.
    ///
    /// # Panics
    /// If it does not end, or ends with an error.
    pub async fn stop(mut self) {
        self.shutdown.cancel();
        within("the service's end", &mut self.serving).await.expect("no panic").expect("no error");
    }

    /// Kills it: nothing of it runs on.
    pub fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for ServiceHost {
    fn drop(&mut self) {
        self.end();
    }
}
