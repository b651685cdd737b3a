//! The way to the database, which a test can cut, hold up, or let through only in part.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp},
    sync::{Notify, watch},
};

/// Passes bytes on, both ways, as it is told.
#[derive(Debug, Clone)]
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Counts the cuts: whoever sees it change ends.
    cuts: watch::Sender<u64>,
    /// New connections are closed at once.
    closed: AtomicBool,
    /// What the server says is kept back: statements are carried out, and nobody hears of it.
    deaf: watch::Sender<bool>,
    /// Of what clients say nothing more goes through after so many bytes that hold a marker.
    marker: parking_lot::Mutex<Option<(Vec<u8>, usize)>>,
    held: watch::Sender<bool>,
    arrived: Notify,
    /// Bytes from the server that were kept back.
    unheard: AtomicU64,
    heard: Notify,
}

impl Proxy {
    /// To a port of this machine.
    pub(crate) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let inner = Arc::new(Inner {
            cuts: watch::Sender::new(0),
            closed: AtomicBool::new(false),
            deaf: watch::Sender::new(false),
            marker: parking_lot::Mutex::new(None),
            held: watch::Sender::new(false),
            arrived: Notify::new(),
            unheard: AtomicU64::new(0),
            heard: Notify::new(),
        });
        let proxy = Self { address: listener.local_addr().unwrap(), inner };
        let passing = proxy.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if !passing.inner.closed.load(Ordering::SeqCst) {
                    tokio::spawn(passing.inner.clone().pass(client, port));
                }
            }
        });
        proxy
    }

    /// Ends all connections.
    pub(crate) fn cut(&self) {
        self.inner.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Lets nobody connect any more, or everybody again.
    pub(crate) fn close(&self, closed: bool) {
        self.inner.closed.store(closed, Ordering::SeqCst);
    }

    /// Keeps back what the server says, or lets it through again.
    pub(crate) fn deafen(&self, deaf: bool) {
        self.inner.unheard.store(0, Ordering::SeqCst);
        self.inner.deaf.send_replace(deaf);
    }

    /// Waits until the server has said something that was kept back.
    pub(crate) async fn unheard(&self) {
        while self.inner.unheard.load(Ordering::SeqCst) == 0 {
            self.inner.heard.notified().await;
        }
    }

    /// Holds up the next message in which a client says this word: all but the last `rest` bytes go through.
    pub(crate) fn hold(&self, word: &str, rest: usize) {
        *self.inner.marker.lock() = Some((word.as_bytes().to_vec(), rest));
        self.inner.held.send_replace(true);
    }

    /// Waits until such a message has come.
    pub(crate) async fn arrived(&self) {
        self.inner.arrived.notified().await;
    }

    /// Lets it go on.
    pub(crate) fn let_go(&self) {
        self.inner.held.send_replace(false);
    }
}

impl Inner {
    async fn pass(self: Arc<Self>, client: TcpStream, port: u16) {
        let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
        let _ = client.set_nodelay(true);
        let _ = server.set_nodelay(true);
        let mut cuts = self.cuts.subscribe();
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        tokio::select! {
            () = self.say(from_client, to_server) => {}
            () = self.hear(from_server, to_client) => {}
            _ = cuts.changed() => {}
        }
    }

    /// From the client to the server.
    async fn say(&self, mut from: tcp::OwnedReadHalf, mut to: tcp::OwnedWriteHalf) {
        let mut buffer = vec![0; 65_536];
        while let Ok(read @ 1..) = from.read(&mut buffer).await {
            let said = &buffer[..read];
            let rest = {
                let mut marker = self.marker.lock();
                let here =
                    marker.as_ref().is_some_and(|(word, _)| said.windows(word.len()).any(|at| at == word));
                if here { marker.take().map(|(_, rest)| rest) } else { None }
            };
            let through = rest.map_or(read, |rest| read.saturating_sub(rest));
            if to.write_all(&said[..through]).await.is_err() {
                return;
            }
            if rest.is_some() {
                self.arrived.notify_one();
                let mut held = self.held.subscribe();
                if held.wait_for(|held| !held).await.is_err() || to.write_all(&said[through..]).await.is_err()
                {
                    return;
                }
            }
        }
    }

    /// From the server to the client.
    async fn hear(&self, mut from: tcp::OwnedReadHalf, mut to: tcp::OwnedWriteHalf) {
        let mut buffer = vec![0; 65_536];
        while let Ok(read @ 1..) = from.read(&mut buffer).await {
            let mut deaf = self.deaf.subscribe();
            if *deaf.borrow() {
                self.unheard.fetch_add(read as u64, Ordering::SeqCst);
                self.heard.notify_one();
            }
            if deaf.wait_for(|deaf| !deaf).await.is_err() || to.write_all(&buffer[..read]).await.is_err() {
                return;
            }
        }
    }
}
