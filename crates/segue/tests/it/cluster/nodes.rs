//! Three orchestrators as processes on one PostgreSQL, each with a folder and a way to the database of its own.

use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use journal_postgres::testing::Server;
use rustix::process::Signal;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Runtime,
    sync::watch,
};

use super::{load::TOKEN, net::Net};
use crate::support::{Home, Running, free_ports, try_send};

/// How long the lead is leased for.
pub(super) const LEASE: Duration = Duration::from_secs(4);
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A way to the database that can be blocked: what is sent then goes nowhere, as with a cable that was pulled.
pub(super) struct Way {
    port: u16,
    open: watch::Sender<bool>,
}

impl Way {
    fn to(runtime: &Runtime, port: u16) -> Self {
        let listener = runtime.block_on(TcpListener::bind("0.0.0.0:0")).unwrap();
        let (address, (open, seen)) = (listener.local_addr().unwrap().port(), watch::channel(true));
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let seen = seen.clone();
                tokio::spawn(async move {
                    let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
                    let (client, server) = (client.into_split(), server.into_split());
                    tokio::join!(pass(client.0, server.1, seen.clone()), pass(server.0, client.1, seen));
                });
            }
        });
        Self { port: address, open }
    }

    pub(super) fn block(&self, blocked: bool) {
        self.open.send_replace(!blocked);
    }
}

async fn pass(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    mut open: watch::Receiver<bool>,
) {
    let mut buffer = vec![0; 65_536];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if open.wait_for(|open| *open).await.is_err() || to.write_all(&buffer[..read]).await.is_err() {
            break;
        }
    }
    // Whoever is at the other end may have gone first.
    let _ = to.shutdown().await;
}

/// An orchestrator.
pub(super) struct Node {
    pub(super) url: String,
    pub(super) way: Way,
    listen: String,
    number: usize,
    running: Option<Running>,
}

/// All of them.
pub(super) struct Nodes {
    pub(super) nodes: Vec<Node>,
    pub(super) home: Home,
    database: String,
    net: Net,
    pub(super) server: Server,
    /// Of the ways to the database.
    _runtime: Runtime,
}

impl Nodes {
    /// Starts three, and returns when one leads and the others know it.
    pub(super) fn start(net: Net, services: &str, pipelines: &[(&str, &str)]) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let server = Server::start();
        let database = runtime.block_on(server.database());
        let home = Home::new("", pipelines);
        home.write("services.toml", format!("[orchestrator]\nlease = \"{}s\"\n{services}", LEASE.as_secs()));
        let node = |(number, port): (usize, u16)| {
            let listen = format!("{}:{port}", net.of_node(number));
            let (url, way) = (format!("http://{listen}"), Way::to(&runtime, server.port()));
            Node { url, way, listen, number, running: None }
        };
        let nodes = free_ports::<3>().into_iter().enumerate().map(node).collect();
        let mut all = Self { nodes, home, database, net, server, _runtime: runtime };
        for number in 0..all.nodes.len() {
            all.launch(number);
        }
        let leader = all.leader();
        all.until(|| (0..3).all(|one| one == leader || all.role(one).as_deref() == Some("standby")));
        all
    }

    pub(super) fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.url.clone()).collect()
    }

    /// Starts the process of a node.
    pub(super) fn launch(&mut self, number: usize) {
        let node = &self.nodes[number];
        let database = self.database.replace(
            &format!("127.0.0.1:{}", self.server.port()),
            &format!("{}:{}", self.net.of_host(number), node.way.port),
        );
        let mut command: Command = self.net.within(number, self.home.command(&["orchestrate"]));
        command
            .env("SEGUE_JOURNAL", database)
            .env("SEGUE_LISTEN", &node.listen)
            .env("SEGUE_TOKEN", TOKEN)
            .env("SEGUE_DATA", self.home.path(&format!("data{}", node.number)))
            .env("SEGUE_ARTIFACTS", self.home.path("artifacts"))
            .env("ORCHESTRATOR_URL", &node.url);
        self.nodes[number].running = Some(Running::start(command));
    }

    /// `leader` or `standby`, by its own word; none where it says nothing.
    pub(super) fn role(&self, number: usize) -> Option<String> {
        self.ready(number).and_then(|ready| Some(ready["role"].as_str()?.to_owned()))
    }

    pub(super) fn ready(&self, number: usize) -> Option<Value> {
        let (status, ready) = try_send("GET", &format!("{}/ready", self.nodes[number].url), b"").ok()?;
        (status == 200).then_some(ready)
    }

    /// Whoever leads, as soon as somebody does.
    pub(super) fn leader(&self) -> usize {
        let began = Instant::now();
        loop {
            assert!(began.elapsed() < PATIENCE, "nobody leads");
            let running = |node: &&Node| node.running.is_some();
            for node in self.nodes.iter().filter(running) {
                if self.role(node.number).as_deref() == Some("leader") {
                    return node.number;
                }
            }
        }
    }

    /// How long after a moment another one than this leads.
    pub(super) fn taken_over(&self, from: usize, since: Instant) -> Duration {
        let others = || (0..self.nodes.len()).filter(|number| *number != from);
        self.until(|| others().any(|number| self.role(number).as_deref() == Some("leader")));
        since.elapsed()
    }

    pub(super) fn until(&self, condition: impl Fn() -> bool) {
        let began = Instant::now();
        while !condition() {
            assert!(began.elapsed() < PATIENCE, "it does not come to that");
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    pub(super) fn signal(&self, number: usize, signal: Signal) {
        if let Some(running) = &self.nodes[number].running {
            running.signal(signal);
        }
    }

    /// Cuts a node off from everything, or joins it again.
    pub(super) fn cut_off(&self, number: usize, cut: bool) {
        self.net.cut_off(number, cut);
    }

    /// Cuts all ways to the database, or opens them again.
    pub(super) fn cut_database(&self, cut: bool) {
        self.nodes.iter().for_each(|node| node.way.block(cut));
    }

    /// Kills the process of a node.
    pub(super) fn kill(&mut self, number: usize) {
        self.nodes[number].running = None;
    }

    /// Stops the process of a node in order; all that it has printed.
    pub(super) fn stop(&mut self, number: usize) -> String {
        let Some(running) = self.nodes[number].running.take() else { return String::new() };
        running.signal(Signal::TERM);
        let (code, said) = running.ended();
        assert_eq!(code, Some(0), "{said}");
        said
    }

    /// The next line of a node's log with this in it.
    pub(super) fn line(&mut self, number: usize, what: &str) -> String {
        self.nodes[number].running.as_mut().map(|running| running.line(what)).unwrap_or_default()
    }
}

/// Set when it is over.
#[derive(Clone, Default)]
pub(super) struct Flag(Arc<AtomicBool>);

impl Flag {
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
