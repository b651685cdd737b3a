//! Telling the orchestrator that we are there: `PUT /api/services/{name}/instances/{id}`, again and again, until we go.
//!
//! A lease is renewed after a third of it, so that two calls may be lost. When the service is told to stop it first says that it
//! drains, so that nothing new is sent while it finishes; and says that it goes when it has. All of it is best effort: an
//! orchestrator that is away is told when it is back, and of one that heard nothing the lease ends by itself.

use std::{net::SocketAddr, time::Duration};

use protocol::RegisterInstance;
use reqwest::{Client, Method, StatusCode};
use tokio::sync::watch;

use crate::catalog::Token;

/// How long a call may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long the last words may take.
const LAST: Duration = Duration::from_secs(2);
/// Wait after a call that failed.
const AGAIN: Duration = Duration::from_secs(1);

/// How a service makes itself known.
#[derive(Debug, Clone)]
pub struct Registering {
    /// Where the orchestrator is; several, separated by commas: any of them.
    pub orchestrator: String,
    /// An operator's token or the service's own.
    pub token: Option<Token>,
    /// What the instance calls itself; unless told the machine's name and the port.
    pub id: Option<String>,
    /// Where the orchestrator reaches it; unless told the address from which we reach the orchestrator, and the port.
    pub url: Option<String>,
    /// How long a registration holds.
    pub lease: Duration,
}

/// What the instance is just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It takes work.
    Ready,
    /// It takes nothing new.
    Draining,
    /// It has gone.
    Gone,
}

/// An instance that keeps itself known.
#[derive(Debug)]
pub(crate) struct Registered {
    stage: watch::Sender<Stage>,
    told: watch::Receiver<Option<Stage>>,
    task: tokio::task::JoinHandle<()>,
}

/// What is said, and to whom.
#[derive(Debug)]
struct Speaker {
    client: Client,
    settings: Registering,
    service: String,
    id: String,
    body: RegisterInstance,
    /// The orchestrator has heard of us.
    told: bool,
    next: usize,
}

impl Registered {
    /// Begins to tell; `listens` is where the service listens.
    pub(crate) async fn start(
        settings: Registering,
        client: Client,
        service: &str,
        version: &str,
        capacity: usize,
        listens: SocketAddr,
    ) -> Self {
        let url = match &settings.url {
            Some(url) => url.clone(),
            None => format!("http://{}", reached_at(listens, &settings.orchestrator).await),
        };
        let id = settings.id.clone().unwrap_or_else(|| format!("{}:{}", host_name(), listens.port()));
        let body = RegisterInstance {
            url: Some(url),
            capacity: u32::try_from(capacity).ok(),
            version: Some(version.to_owned()),
            lease: Some(format!("{}s", settings.lease.as_secs())),
            draining: Some(false),
        };
        let speaker =
            Speaker { client, settings, service: service.to_owned(), id, body, told: false, next: 0 };
        let (stage, wanted) = watch::channel(Stage::Ready);
        let (tell, told) = watch::channel(None);
        let task = tokio::spawn(speaker.speak(wanted, tell));
        Self { stage, told, task }
    }

    /// Says that it takes nothing new; returns once that was heard, or after a while.
    pub(crate) async fn drain(&mut self) {
        self.stage.send_replace(Stage::Draining);
        self.heard(Stage::Draining).await;
    }

    /// Says that it goes.
    pub(crate) async fn go(mut self) {
        self.stage.send_replace(Stage::Gone);
        self.heard(Stage::Gone).await;
        self.task.abort();
    }

    async fn heard(&mut self, stage: Stage) {
        let heard = self.told.wait_for(|told| *told == Some(stage));
        if tokio::time::timeout(LAST, heard).await.is_err() {
            tracing::warn!(?stage, "the orchestrator could not be told; its lease ends by itself");
        }
    }
}

impl Speaker {
    async fn speak(mut self, mut wanted: watch::Receiver<Stage>, told: watch::Sender<Option<Stage>>) {
        let mut failed = false;
        loop {
            let stage = *wanted.borrow_and_update();
            let wait = match self.say(stage).await {
                Ok(()) => {
                    if std::mem::take(&mut failed) || *told.borrow() != Some(stage) {
                        tracing::info!(instance = %self.id, ?stage, "the orchestrator knows of this instance");
                    }
                    told.send_replace(Some(stage));
                    self.settings.lease / 3
                }
                Err(error) => {
                    if !std::mem::replace(&mut failed, true) {
                        tracing::warn!(instance = %self.id, %error, "the orchestrator does not know of this instance yet");
                    }
                    AGAIN
                }
            };
            if stage == Stage::Gone && !failed {
                return;
            }
            tokio::select! {
                changed = wanted.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// One call, to the orchestrator that answered last or, after a failure, the next.
    async fn say(&mut self, stage: Stage) -> Result<(), String> {
        let all: Vec<&str> = self.settings.orchestrator.split(',').map(str::trim).collect();
        let base = all[self.next % all.len()].trim_end_matches('/');
        let url = format!("{base}/api/services/{}/instances/{}", self.service, self.id);
        let mut request = match stage {
            Stage::Gone => self.client.request(Method::DELETE, url),
            stage => {
                // Said once: an operator may have drained it since, and a renewal does not undo that.
                self.body.draining = match stage {
                    Stage::Draining => Some(true),
                    _ => (!self.told).then_some(false),
                };
                self.client.request(Method::PUT, url).json(&self.body)
            }
        };
        if let Some(token) = &self.settings.token {
            request = request.bearer_auth(token.reveal());
        }
        let answer = request.timeout(TIMEOUT).send().await;
        let heard = match answer {
            Ok(answer) if answer.status().is_success() => Ok(()),
            // Its lease was over: it is gone as it is.
            Ok(answer) if stage == Stage::Gone && answer.status() == StatusCode::NOT_FOUND => Ok(()),
            Ok(answer) => {
                let status = answer.status();
                let problem = crate::client::problem_of(answer).await;
                Err(problem
                    .map_or_else(|| status.to_string(), |problem| format!("{status}: {}", problem.detail)))
            }
            Err(error) => Err(error.without_url().to_string()),
        };
        match heard {
            Ok(()) => self.told = true,
            Err(_) => self.next += 1,
        }
        heard
    }
}

/// Our address as the orchestrator sees it: that of the listener where it has one, else the one that the way to the orchestrator
/// begins with. No packet is sent to find it out.
async fn reached_at(listens: SocketAddr, orchestrator: &str) -> SocketAddr {
    if !listens.ip().is_unspecified() {
        return listens;
    }
    let first = orchestrator.split(',').next().unwrap_or(orchestrator).trim();
    let authority =
        first.split_once("://").map_or(first, |(_, rest)| rest).split('/').next().unwrap_or(first);
    let with_port = if authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) {
        authority.to_owned()
    } else {
        format!("{authority}:80")
    };
    let found = async {
        let way = tokio::net::UdpSocket::bind("0.0.0.0:0").await?;
        way.connect(with_port).await?;
        way.local_addr()
    };
    match found.await {
        Ok(local) => SocketAddr::new(local.ip(), listens.port()),
        Err(error) => {
            tracing::warn!(%error, "there is no way to the orchestrator yet; registering this machine's own address");
            SocketAddr::new(std::net::Ipv4Addr::LOCALHOST.into(), listens.port())
        }
    }
}

/// The machine's name, of characters that an instance's name may have.
fn host_name() -> String {
    let name = std::env::var("HOSTNAME").ok().or_else(|| std::fs::read_to_string("/etc/hostname").ok());
    let name = name.unwrap_or_default();
    let plain: String =
        name.trim().chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).take(60).collect();
    if plain.is_empty() { "instance".to_owned() } else { plain }
}
