//! Connections: how they are made, what every session is told, and what errors of the database mean for a journal.

use std::{error::Error as _, fmt, time::Duration};

use journal::JournalError;
use tokio::sync::mpsc;
use tokio_postgres::{
    AsyncMessage, Client, Config, Error,
    config::{Host, SslMode, TargetSessionAttrs},
    error::SqlState,
};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long making a connection may take, with all that a session is told.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a statement may take that nobody gave more time.
const STATEMENT: Duration = Duration::from_secs(30);
/// How much later than the database we give up on an answer: it should have said so itself.
const GRACE: Duration = Duration::from_secs(5);

/// What every session is told. Settings that are unknown to the server are left out: they only make it faster or safer.
const SESSION: [&str; 9] = [
    "SET statement_timeout = '30s'",
    "SET lock_timeout = '20s'",
    "SET idle_in_transaction_session_timeout = '10s'",
    "SET synchronous_commit = on",
    "SET jit = off",
    // So that a server whose client is gone with its machine gives up its locks soon.
    "SET tcp_keepalives_idle = 5",
    "SET tcp_keepalives_interval = 2",
    "SET tcp_keepalives_count = 3",
    "SET default_transaction_isolation = 'read committed'",
];

/// How a journal in PostgreSQL is opened.
#[derive(Clone)]
pub struct Options {
    config: Config,
    tls: rustls::ClientConfig,
    /// How long an append or a question waits for a database that is away.
    pub patience: Duration,
    /// Connections for questions.
    pub readers: usize,
}

/// Why a URL can't be used. It is not repeated: there may be a password in it.
#[derive(Debug, thiserror::Error)]
#[error("the journal's URL is no postgres://USER@HOST:PORT/DATABASE: {0}")]
pub struct OptionsError(String);

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("place", &self.place()).finish_non_exhaustive()
    }
}

impl Options {
    /// Those of a URL. Wherever TLS is spoken (`sslmode=require`, or `prefer` and the server offers it) the server's
    /// certificate is checked against `tls`; `verify-ca` and `verify-full` are therefore the same as `require`.
    ///
    /// # Errors
    /// [`OptionsError`], which holds no secrets.
    pub fn new(url: &str, tls: rustls::ClientConfig) -> Result<Self, OptionsError> {
        let wrong = |what: &str| OptionsError(what.to_owned());
        if !is_postgres(url) {
            return Err(wrong("it begins otherwise"));
        }
        let url = url.replace("sslmode=verify-full", "sslmode=require");
        let url = url.replace("sslmode=verify-ca", "sslmode=require");
        if url.contains("sslrootcert=") {
            return Err(wrong("leave sslrootcert out and name the authorities as `ca` in the configuration"));
        }
        let mut config: Config = url.parse().map_err(|error: Error| OptionsError(said(&error)))?;
        if config.get_hosts().is_empty() || config.get_dbname().is_none() {
            return Err(wrong("the host or the database is missing"));
        }
        config.connect_timeout(CONNECT).target_session_attrs(TargetSessionAttrs::ReadWrite);
        config.keepalives_idle(Duration::from_secs(5)).keepalives_interval(Duration::from_secs(2));
        config.keepalives_retries(3).tcp_user_timeout(Duration::from_secs(10));
        if config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_))) {
            config.ssl_mode(SslMode::Disable);
        }
        Ok(Self { config, tls, patience: Duration::from_secs(10), readers: 4 })
    }

    /// Where the database is: hosts, ports and name, no secrets.
    #[must_use]
    pub fn place(&self) -> String {
        let ports = self.config.get_ports();
        let port = |nth: usize| ports.get(nth).or_else(|| ports.first()).copied().unwrap_or(5432);
        let host = |(nth, host): (usize, &Host)| match host {
            Host::Tcp(name) => format!("{name}:{}", port(nth)),
            Host::Unix(path) => format!("{}:{}", path.display(), port(nth)),
        };
        let hosts: Vec<String> = self.config.get_hosts().iter().enumerate().map(host).collect();
        format!("{}/{}", hosts.join(","), self.config.get_dbname().unwrap_or_default())
    }

    /// A new connection, its session set up. What the server says unasked goes to `notices`, if anybody wants it.
    pub(crate) async fn connect(
        &self,
        name: &str,
        notices: Option<mpsc::Sender<AsyncMessage>>,
    ) -> Result<Session, Error> {
        let mut config = self.config.clone();
        config.application_name(format!("segue {name}"));
        let tls = MakeRustlsConnect::new(self.tls.clone());
        let (client, mut connection) = config.connect(tls).await?;
        let driven = tokio::spawn(async move {
            // When it ends, whoever asks is told: the client says that it is closed.
            while let Some(Ok(message)) = std::future::poll_fn(|cx| connection.poll_message(cx)).await {
                if let Some(notices) = &notices {
                    // Full: those that are there say as much. Or nobody listens any more.
                    let _ = notices.try_send(message);
                }
            }
        });
        let session = Session { client, _driven: Driven(driven) };
        session.set(&SESSION).await?;
        Ok(session)
    }

    /// As [`Options::connect`], with a limit in time.
    pub(crate) async fn connect_soon(
        &self,
        name: &str,
        notices: Option<mpsc::Sender<AsyncMessage>>,
    ) -> Result<Session, Trouble> {
        match tokio::time::timeout(2 * CONNECT, self.connect(name, notices)).await {
            Ok(Ok(session)) => Ok(session),
            Ok(Err(error)) => Err(Trouble::of(&error)),
            Err(_) => Err(Trouble::Lost("connecting took too long".to_owned())),
        }
    }
}

/// Whether that is the URL of a PostgreSQL.
#[must_use]
pub fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

/// A connection; it is closed when this goes.
#[derive(Debug)]
pub(crate) struct Session {
    client: Client,
    _driven: Driven,
}

/// The task that speaks with the server.
#[derive(Debug)]
struct Driven(tokio::task::JoinHandle<()>);

impl Drop for Driven {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Session {
    /// Sets what the server knows of these settings, in one round trip.
    pub(crate) async fn set(&self, settings: &[&str]) -> Result<(), Error> {
        let set = settings.iter().map(|setting| self.client.batch_execute(setting));
        for (setting, set) in settings.iter().zip(futures::future::join_all(set).await) {
            match set {
                Err(error) if error.as_db_error().is_some_and(|said| said.severity() == "ERROR") => {
                    tracing::debug!(setting, error = said(&error), "the database does not know a setting");
                }
                answer => answer?,
            }
        }
        Ok(())
    }

    /// For statements in a row, each with a limit of its own.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Whether it is of no more use.
    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }
}

/// Waits for an answer a little longer than the database is given for it.
pub(crate) async fn answer<T>(
    asked: impl Future<Output = Result<T, Error>>,
    time: Option<Duration>,
) -> Result<T, Trouble> {
    match tokio::time::timeout(time.unwrap_or(STATEMENT) + GRACE, asked).await {
        Ok(answer) => answer.map_err(|error| Trouble::of(&error)),
        Err(_) => Err(Trouble::Lost("the database does not answer".to_owned())),
    }
}

/// What came instead of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The connection is of no more use, and nobody knows what became of what was asked.
    Lost(String),
    /// Nothing was done; the same may work when asked again.
    Again(String),
    /// Nothing was done; the database does not accept what was asked.
    Refused(JournalError),
}

impl Trouble {
    /// What an error means.
    pub(crate) fn of(error: &Error) -> Self {
        let Some(code) = error.code() else { return Self::Lost(said(error)) };
        if is_lost(error) {
            return Self::Lost(said(error));
        }
        match *code {
            SqlState::DISK_FULL => Self::Refused(JournalError::Full),
            SqlState::T_R_SERIALIZATION_FAILURE
            | SqlState::T_R_DEADLOCK_DETECTED
            | SqlState::LOCK_NOT_AVAILABLE
            | SqlState::QUERY_CANCELED
            | SqlState::OUT_OF_MEMORY
            | SqlState::INSUFFICIENT_RESOURCES
            | SqlState::TOO_MANY_CONNECTIONS => Self::Again(said(error)),
            _ => Self::Refused(JournalError::Io {
                what: "the database refused".to_owned(),
                error: said(error),
            }),
        }
    }

    /// As callers of a journal are told where nothing was stored.
    pub(crate) fn into_error(self) -> JournalError {
        match self {
            Self::Lost(reason) | Self::Again(reason) => JournalError::Away { reason },
            Self::Refused(error) => error,
        }
    }
}

/// Whether the connection is of no more use after an error: the server ends it, can't be written to, or has forgotten what
/// was prepared.
fn is_lost(error: &Error) -> bool {
    let Some(said) = error.as_db_error() else { return true };
    let code = said.code();
    !matches!(said.severity(), "ERROR")
        || code.code().starts_with("08")
        || code.code().starts_with("57P")
        || *code == SqlState::READ_ONLY_SQL_TRANSACTION
        || *code == SqlState::INVALID_SQL_STATEMENT_NAME
        || *code == SqlState::FEATURE_NOT_SUPPORTED
}

/// An error in words, with what caused it. No statement of ours has a secret, and the driver names none.
pub(crate) fn said(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn tls() -> rustls::ClientConfig {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth()
    }

    #[test]
    fn tells_the_place_and_no_secret() {
        let url = "postgres://segue:hunter2@db1:5433,db2/journal?sslmode=verify-full";
        let options = Options::new(url, tls()).unwrap();
        assert_eq!(options.place(), "db1:5433,db2:5432/journal");
        assert!(!format!("{options:?}").contains("hunter2"));
    }

    #[test]
    fn refuses_urls_without_repeating_them() {
        for url in [
            "mysql://u:hunter2@db/journal",
            "postgres://u:hunter2@db",
            "postgres://u:hunter2@db:port/journal",
            "postgres://u:hunter2@db/journal?sslrootcert=/hunter2",
        ] {
            let refused = Options::new(url, tls()).unwrap_err().to_string();
            assert!(!refused.contains("hunter2"), "{refused}");
        }
    }
}
