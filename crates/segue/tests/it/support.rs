//! A folder with a configuration on free ports, the executable in it, and a service that does as it is told. Everything is a
//! real process or a real connection. Waiting is for a line or for the API, with a limit, never for a time.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        mpsc::{Receiver, sync_channel},
    },
    time::{Duration, Instant},
};

use phase_kit::{Context, Phase, PhaseError, Service, Success, testing::ServiceHost};
use rustix::process::{Pid, Signal};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

/// How long anything may take before the test has failed.
const PATIENCE: Duration = Duration::from_secs(120);
/// Lines of a process that are kept for the test to look at.
const LINES: usize = 100_000;

/// A folder with a configuration.
pub(crate) struct Home {
    folder: tempfile::TempDir,
    pub(crate) port: u16,
}

/// How a command ended.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Home {
    /// With these services (`[service.…]` tables) and pipelines (name of the file, text).
    pub(crate) fn new(services: &str, pipelines: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [port] = free_ports();
        let home = Self { folder, port };
        home.write("services.toml", format!("[orchestrator]\nlisten = \"127.0.0.1:{port}\"\n{services}"));
        std::fs::create_dir(home.path("pipelines")).unwrap();
        for (file, text) in pipelines {
            home.write(&format!("pipelines/{file}"), text);
        }
        home
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The executable in this folder, with nothing of the environment that it would heed.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_segue"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        let heeded = |name: &str| {
            name.starts_with("SEGUE")
                || name.starts_with("PHASE")
                || name.ends_with("_URL")
                || name == "VFS_ROOT"
        };
        for (name, _) in std::env::vars().filter(|(name, _)| heeded(name)) {
            command.env_remove(name);
        }
        command
    }

    /// Runs a command to its end.
    pub(crate) fn segue(&self, arguments: &[&str]) -> Said {
        let output = self.command(arguments).output().unwrap();
        Said {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Starts a job, and returns its id.
    #[track_caller]
    pub(crate) fn start(&self, pipeline: &str, key: &str, input: &str) -> String {
        let said = self.well(&["start", pipeline, key, "--input", input]);
        let id = said.split_once(" is job ").and_then(|(_, rest)| rest.split_whitespace().next());
        id.unwrap_or_else(|| panic!("it names no job: {said}")).to_owned()
    }

    /// What the API says of a job.
    pub(crate) fn job(&self, id: &str) -> Value {
        let (status, job) = send("GET", &self.url(&format!("/api/jobs/{id}")), b"");
        assert_eq!(status, 200, "{job}");
        job
    }

    /// Any question to the API.
    pub(crate) fn get(&self, path: &str) -> (u16, Value) {
        send("GET", &self.url(path), b"")
    }

    /// The newest job with a key.
    pub(crate) fn id_of(&self, key: &str) -> String {
        let (_, page) = self.get(&format!("/api/jobs?key={key}"));
        page["jobs"][0]["jobId"].as_str().unwrap().to_owned()
    }

    /// Runs a command that must succeed, and returns what it prints.
    #[track_caller]
    pub(crate) fn well(&self, arguments: &[&str]) -> String {
        let said = self.segue(arguments);
        assert_eq!((said.code, &*said.err), (Some(0), ""), "{arguments:?} printed {}", said.out);
        said.out
    }

    /// Starts the orchestrator alone, and returns when it is ready.
    pub(crate) fn orchestrate(&self) -> Running {
        let mut running = Running::start(self.command(&["orchestrate"]));
        running.line("orchestrator is ready");
        running
    }
}

/// Ports that nobody listens on just now.
pub(crate) fn free_ports<const N: usize>() -> [u16; N] {
    let listeners = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

/// A process that goes on, and is killed with the test.
pub(crate) struct Running {
    pub(crate) child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = sync_channel(LINES);
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let also = sender.clone();
        std::thread::spawn(move || {
            BufReader::new(out).lines().map_while(Result::ok).try_for_each(|line| also.send(line))
        });
        std::thread::spawn(move || {
            BufReader::new(err).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Self { child, lines, seen: Vec::new() }
    }

    /// The next line that contains this.
    pub(crate) fn line(&mut self, what: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if line.contains(what) {
                        return line;
                    }
                }
                Err(_) => panic!("no line with '{what}' in:\n{}", self.seen.join("\n")),
            }
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Reads what it prints for so long.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while let Ok(line) = self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            self.seen.push(line);
        }
    }

    /// Its child processes, with their command lines.
    pub(crate) fn children(&self) -> Vec<(Pid, String)> {
        let parent = format!("PPid:\t{}\n", self.child.id());
        let mut children = Vec::new();
        for entry in std::fs::read_dir("/proc").unwrap() {
            let path = entry.unwrap().path();
            let pid = path.file_name().and_then(|name| name.to_str()?.parse().ok()).and_then(Pid::from_raw);
            // Whatever ends while we look is none.
            let Ok(status) = std::fs::read_to_string(path.join("status")) else { continue };
            if let Some(pid) = pid.filter(|_| status.contains(&parent)) {
                let line = std::fs::read_to_string(path.join("cmdline")).unwrap_or_default();
                children.push((pid, line.replace('\0', " ")));
            }
        }
        children
    }

    /// Waits for its end; its exit code, and all that it has printed.
    pub(crate) fn ended(mut self) -> (Option<i32>, String) {
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.seen.push(line);
        }
        let code = self.child.wait().unwrap().code();
        (code, self.seen.join("\n"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Greets, holds until it may go on, or fails, as the input says.
pub(crate) struct Greet {
    pub(crate) may_go_on: Arc<Semaphore>,
}

impl Phase for Greet {
    const NAME: &'static str = "greet";
    type Input = Value;
    type Output = Value;

    async fn run(&self, ctx: Context, input: Value) -> Result<Success<Value>, PhaseError> {
        ctx.progress(1, 2, "greetings", "half way");
        if input["hold"] == true {
            tokio::select! {
                () = ctx.cancelled() => return Err(PhaseError::Cancelled),
                permit = self.may_go_on.acquire() => permit.unwrap().forget(),
            }
        }
        if input["fail"] == true && self.may_go_on.try_acquire().map(|permit| permit.forget()).is_err() {
            return Err(PhaseError::permanent("no-voice", "it has lost its voice"));
        }
        let text = json!({ "text": format!("hello {}", input["name"].as_str().unwrap_or("you")) });
        ctx.artifacts().put_json("greeting.json", &text).await?;
        ctx.progress(2, 2, "greetings", "done");
        Ok(Success::new(text))
    }
}

/// The service `hello`, and the permits that it waits for.
pub(crate) fn hello() -> (ServiceHost, Arc<Semaphore>) {
    let may_go_on = Arc::new(Semaphore::new(0));
    let phase = Greet { may_go_on: Arc::clone(&may_go_on) };
    (ServiceHost::start(Service::builder("hello").phase(phase).build().unwrap()), may_go_on)
}

/// The service `hello` on a port that its callers know already; it lives as long as what is returned.
pub(crate) fn hello_on(port: u16) -> tokio::runtime::Runtime {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let phase = Greet { may_go_on: Arc::new(Semaphore::new(0)) };
    let service = Service::builder("hello").phase(phase).build().unwrap();
    runtime.spawn(async move {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        phase_kit::serve(listener, std::future::pending(), service).await.unwrap();
    });
    runtime
}

/// Sends a request with any body, and returns status and body.
pub(crate) fn send(method: &str, url: &str, body: &[u8]) -> (u16, Value) {
    try_send(method, url, body).unwrap()
}

/// The same to somebody who may be killed meanwhile.
pub(crate) fn try_send(method: &str, url: &str, body: &[u8]) -> std::io::Result<(u16, Value)> {
    let (host, path) = url.trim_start_matches("http://").split_once('/').unwrap();
    let mut stream = std::net::TcpStream::connect(host)?;
    let head = format!(
        "{method} /{path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    // A body that is too large is refused before it is read to its end.
    let _ = stream.write_all(&[head.as_bytes(), body].concat());
    let answer = std::io::read_to_string(stream)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Ok((status, serde_json::from_str(body).unwrap_or_else(|_| json!(body))))
}

/// The repository's folder.
/// One HTTP call without blocking, for the browser's driver, which the orchestrator's tests use, too.
pub(crate) async fn call(method: &str, url: &str, body: Vec<u8>, token: Option<&str>) -> (u16, Value) {
    let call = phase_kit::http_client().unwrap().request(method.parse().unwrap(), url).body(body);
    let call = call.header("content-type", "application/json");
    let call = if let Some(token) = token { call.bearer_auth(token) } else { call };
    let answer = call.send().await.unwrap();
    let status = answer.status().as_u16();
    let bytes = answer.bytes().await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes))))
}

pub(crate) fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// What the repository's own configuration says of these services.
fn declared(names: &[&str]) -> String {
    let text = std::fs::read_to_string(repository().join("services.toml")).unwrap();
    let tables = text.split("\n[service.").skip(1).map(|table| format!("[service.{table}\n"));
    let wanted = |table: &String| names.iter().any(|name| table.starts_with(&format!("[service.{name}]")));
    tables.filter(wanted).collect()
}

/// Puts services of the repository's configuration, which have consecutive ports from `first` on, on free ones.
fn on_free_ports<const N: usize>(names: [&str; N], first: u16) -> String {
    let mut services = declared(&names);
    for (old, new) in (first..).zip(free_ports::<N>()) {
        services = services.replace(&format!(":{old}\""), &format!(":{new}\""));
    }
    services
}

/// The text of one of the repository's pipelines.
fn pipeline(name: &str) -> String {
    std::fs::read_to_string(repository().join(format!("pipelines/{name}.toml"))).unwrap()
}

/// The course with all of its services on free ports.
pub(crate) fn course() -> Home {
    let names = ["translation", "extraction", "baskets", "grammar", "introductions", "manifest", "tts"];
    Home::new(&on_free_ports(names, 3457), &[("course.toml", &pipeline("course"))])
}

/// The twin documentation with all of its services on free ports, and what else there is to say of them.
pub(crate) fn twindocs(options: &str) -> Home {
    let names = [
        "analysis",
        "documenter_a",
        "validator_a",
        "documenter_b",
        "validator_b",
        "comparison",
        "resolution",
        "package",
    ];
    let services = on_free_ports(names, 3501) + options;
    Home::new(&services, &[("twindocs.toml", &pipeline("twindocs"))])
}

/// Starts the course, and returns when all eight processes are ready.
pub(crate) fn up(home: &Home) -> Running {
    up_only(home, "course", 8)
}

/// Starts what a pipeline needs, and returns when so many processes are ready.
pub(crate) fn up_only(home: &Home, pipeline: &str, processes: usize) -> Running {
    let mut running = Running::start(home.command(&["up", "--only", pipeline]));
    for _ in 0..processes {
        running.line(" is ready");
    }
    running
}
