//! A PostgreSQL server for tests: a real one, in a folder of its own, gone when the test process is.
//!
//! It runs as the user `postgres` where the tests run as root, which the server refuses. A small shell stands between: it
//! holds the server, and ends it and removes the folder when the test process has gone, however it went.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "for tests, which fail by panicking")]

use std::{
    fmt,
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use tokio_postgres::NoTls;

use crate::Options;

/// Starts and ends the server as it is told, and leaves nothing behind. `$1` runs as its user, `$2` is the program, `$3` the
/// folder, the rest its arguments.
const KEEPER: &str = r#"
user=$1 program=$2 folder=$3; shift 3
start() { $user "$program" -D "$folder/data" "$@" >>"$folder/log" 2>&1 & server=$!; }
while read -r order; do
    case $order in
        start) start "$@" ;;
        kill) kill -QUIT $server; wait $server ;;
    esac
    echo "$order"
done
kill -QUIT $server; wait $server; rm -rf "$folder"
"#;

/// How long the server may take to start.
const START: Duration = Duration::from_secs(60);

/// A server.
pub struct Server {
    folder: PathBuf,
    port: u16,
    keeper: parking_lot::Mutex<Keeper>,
    databases: AtomicU32,
}

/// The shell that holds it.
struct Keeper {
    shell: Child,
    /// Without it the shell ends.
    orders: Option<ChildStdin>,
    /// Orders that were carried out.
    done: BufReader<ChildStdout>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("port", &self.port).finish_non_exhaustive()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut keeper = self.keeper.lock();
        keeper.orders = None;
        let _ = keeper.shell.wait();
    }
}

impl Server {
    /// The one of this process.
    pub async fn shared() -> &'static Self {
        static SERVER: OnceLock<Server> = OnceLock::new();
        let server = SERVER.get_or_init(Self::start);
        server.ready().await;
        server
    }

    /// One for a test that is hard on it.
    #[must_use]
    pub fn start() -> Self {
        let programs = programs();
        let folder = PathBuf::from(format!("/tmp/segue-postgres-{}", uuid::Uuid::now_v7().simple()));
        fs::create_dir(&folder).unwrap();
        let user = user(&folder);
        let data = folder.join("data");
        let template = template(&programs, &user);
        let copied = Command::new("cp").arg("-a").arg(template).arg(&data).status().unwrap();
        assert!(copied.success(), "the server's files can't be copied");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let log = File::create(folder.join("log")).unwrap();
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper", &user.join(" ")])
            .arg(programs.join("postgres"))
            .arg(&folder)
            .args(["-p", &port.to_string(), "-h", "127.0.0.1", "-k"])
            .arg(&folder)
            .args([
                "-c",
                "fsync=on",
                "-c",
                "max_connections=200",
                "-c",
                "shared_buffers=64MB",
                "-c",
                "recovery_init_sync_method=syncfs",
            ])
            // What ends the tests by their group must not end it: it has to clean up.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let orders = keeper.stdin.take();
        let done = BufReader::new(keeper.stdout.take().unwrap());
        let server = Self {
            folder,
            port,
            keeper: parking_lot::Mutex::new(Keeper { shell: keeper, orders, done }),
            databases: AtomicU32::new(0),
        };
        server.order("start");
        server
    }

    fn order(&self, order: &str) {
        let mut keeper = self.keeper.lock();
        writeln!(keeper.orders.as_mut().unwrap(), "{order}").unwrap();
        let mut done = String::new();
        keeper.done.read_line(&mut done).unwrap();
        assert_eq!(done.trim(), order, "the server's keeper has gone");
    }

    /// Stops it as a power cut would, but for what the system has in its caches.
    pub fn kill(&self) {
        self.order("kill");
    }

    /// Starts it again.
    pub fn start_again(&self) {
        self.order("start");
    }

    /// Where it listens, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder of its socket.
    pub fn socket(&self) -> &Path {
        &self.folder
    }

    /// Waits until it answers.
    pub async fn ready(&self) {
        let began = Instant::now();
        while let Err(error) = self.execute("postgres", "SELECT 1").await {
            let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(began.elapsed() < START, "PostgreSQL does not start: {error}\n{log}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The URL of a new, empty database.
    pub async fn database(&self) -> String {
        self.ready().await;
        let name = format!("test{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.execute("postgres", &format!("CREATE DATABASE {name} TEMPLATE template0")).await.unwrap();
        format!("postgres://postgres@127.0.0.1:{}/{name}", self.port)
    }

    /// Runs statements in a database.
    ///
    /// # Errors
    /// As the database says.
    pub async fn execute(&self, database: &str, statements: &str) -> Result<(), tokio_postgres::Error> {
        let url = format!("postgres://postgres@127.0.0.1:{}/{database}", self.port);
        execute(&url, statements).await
    }
}

/// Runs statements in the database of a URL.
///
/// # Errors
/// As the database says.
pub async fn execute(url: &str, statements: &str) -> Result<(), tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    let driven = tokio::spawn(connection);
    let done = client.batch_execute(statements).await;
    drop(client);
    let _ = driven.await;
    done
}

/// Options for a URL, trusting no certificate.
#[must_use]
pub fn options(url: &str) -> Options {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    Options::new(url, tls).unwrap()
}

/// Where the server's programs are: the newest version of Debian's, or those on the path.
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions
        .filter_map(|version| Some((version.file_name().to_str()?.parse::<u32>().ok()?, version.path())))
        .filter(|(version, path)| *version >= 15 && path.join("bin/initdb").exists())
        .max();
    let on_path = || {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).find(|folder| folder.join("initdb").exists())
    };
    newest
        .map(|(_, path)| path.join("bin"))
        .or_else(on_path)
        .expect("PostgreSQL 15 or later is not installed: run scripts/setup")
}

/// What runs a program as somebody who may run the server; that user owns the folder afterwards.
fn user(folder: &Path) -> Vec<&'static str> {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return Vec::new();
    }
    let given = Command::new("chown").arg("postgres:").arg(folder).status().unwrap();
    assert!(given.success(), "there is no user postgres: run scripts/setup");
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    vec!["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
}

/// The files of a new server, made once for each version and copied afterwards.
fn template(programs: &Path, user: &[&str]) -> PathBuf {
    let version = Command::new(programs.join("postgres")).arg("--version").output().unwrap();
    let number: String =
        String::from_utf8_lossy(&version.stdout).chars().filter(|c| c.is_ascii_digit()).collect();
    let owner = fs::metadata("/proc/self").unwrap().uid();
    let template = PathBuf::from(format!("/tmp/segue-postgres-template-{number}-{owner}"));
    if template.join("data/PG_VERSION").exists() {
        return template.join("data");
    }
    let making = tempfile::Builder::new().prefix("segue-postgres-making").tempdir_in("/tmp").unwrap();
    self::user(making.path());
    let mut words = user.to_vec();
    let initdb = programs.join("initdb");
    words.push(initdb.to_str().unwrap());
    let made = Command::new(words[0])
        .args(&words[1..])
        .args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8"])
        .args(["--wal-segsize=4", "--no-sync", "-D"])
        .arg(making.path().join("data"))
        .output()
        .unwrap();
    assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
    // Whoever is first wins; the others' is removed.
    if fs::rename(making.path(), &template).is_ok() {
        let _ = making.keep();
    }
    template.join("data")
}
