//! A project in a folder, the service over it, jobs that go through its phases, and servers that speak the protocols of others.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use autofix::{
    desk::{Clock, Desk},
    options::AutofixOptions,
    paths::content_hash,
    registry::at_desk,
};
use axum::{Router, body::Bytes, extract::State, http::HeaderMap, http::Method, http::StatusCode, http::Uri};
use parking_lot::Mutex;
use phase_kit::{
    Service,
    testing::{FakeOrchestrator, ServiceHost, within},
};
use protocol::{Callback, CallbackStatus};
use serde_json::{Value, json};
use tokio::sync::watch;
use uuid::Uuid;

/// A project, the service, and a clock that is set by hand.
pub(crate) struct Shop {
    pub(crate) fake: FakeOrchestrator,
    pub(crate) host: Option<ServiceHost>,
    folder: tempfile::TempDir,
    options: Value,
    watcher: Option<String>,
    clock: Arc<AtomicI64>,
}

/// A job on its way through the phases.
pub(crate) struct Job {
    pub(crate) id: Uuid,
    pub(crate) input: Value,
    upstream: Vec<(String, Value)>,
}

/// A fixer for files in which every BAD is to be GOOD, checked by grep.
pub(crate) fn sed() -> Value {
    json!({ "fix": ["sed", "-i", "s/BAD/GOOD/", "{file}"], "check": ["sh", "-c", "! grep -n BAD \"$0\"", "{file}"] })
}

impl Shop {
    /// A git project with these files, tests and fixers (`commands` of the project).
    pub(crate) async fn new(files: &[(&str, &str)], project: Value) -> Self {
        Self::with(files, project, json!({}), None).await
    }

    /// With further options of the service.
    pub(crate) async fn with(
        files: &[(&str, &str)],
        mut project: Value,
        mut options: Value,
        watcher: Option<String>,
    ) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("project");
        for (file, text) in files {
            write(&root, file, text);
        }
        git(&root, &["init", "--quiet", "--initial-branch=main"]);
        git(&root, &["add", "--all"]);
        git(&root, &["-c", "user.name=t", "-c", "user.email=t@t", "commit", "--quiet", "-m", "first"]);
        project["path"] = json!(root);
        options["projects"] = json!({ "demo": project });
        let clock = Arc::new(AtomicI64::new(1_700_000_000_000));
        let fake = FakeOrchestrator::start().await;
        let mut shop = Self { fake, host: None, folder, options, watcher, clock };
        shop.open();
        shop
    }

    /// Serves, again after a kill.
    pub(crate) fn open(&mut self) {
        let options: AutofixOptions = serde_json::from_value(self.options.clone()).expect("options");
        options.check().expect("options that can be");
        let clock = Arc::clone(&self.clock);
        let clock = Clock::new(move || clock.load(Ordering::SeqCst));
        let data = self.folder.path().join("data");
        let desk = Arc::new(Desk::new(options, data.clone(), self.watcher.clone(), clock));
        let service = at_desk(Service::builder("autofix").data_dir(data), desk).build().expect("a service");
        self.host = Some(ServiceHost::start(service));
    }

    /// As `kill -9` would.
    pub(crate) fn kill(&mut self) {
        self.host.take().expect("it serves").kill();
    }

    /// Time passes.
    pub(crate) fn pass(&self, seconds: i64) {
        self.clock.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    pub(crate) fn url(&self) -> String {
        self.host.as_ref().expect("it serves").url()
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        write(&self.root(), file, text);
    }

    pub(crate) fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.root().join(file)).expect("it is there")
    }

    /// A job for a file as it is now.
    pub(crate) fn job(&self, file: &str) -> Job {
        let hash = content_hash(&std::fs::read(self.root().join(file)).expect("it is there"));
        let input = json!({ "project": "demo", "file": file, "contentHash": hash, "change": 1 });
        Job { id: Uuid::now_v7(), input, upstream: Vec::new() }
    }

    /// One attempt of a phase, with what the job's earlier phases gave.
    pub(crate) async fn attempt(&self, job: &mut Job, phase: &str) -> Callback {
        self.attempt_with(job, phase, &json!(null)).await
    }

    /// With an item, as the phase for failures gets one.
    pub(crate) async fn attempt_with(&self, job: &mut Job, phase: &str, item: &Value) -> Callback {
        let mut request = self.fake.request(phase, &job.input);
        request.job_id = job.id;
        request.item = phase_kit::testing::raw(item);
        for (name, output) in &job.upstream {
            let before = json!({ "output": output, "stats": null, "artifacts": {} });
            request.upstream.insert(name.clone(), serde_json::from_value(before).expect("it fits"));
        }
        let (status, body) = self.fake.offer(&self.url(), &request).await;
        assert_eq!(status, 202, "{body}");
        let callback = self.fake.accepted(request.attempt_id).await;
        if let Some(output) = &callback.output {
            let output = serde_json::from_str(output.get()).expect("JSON");
            job.upstream.retain(|(name, _)| name != phase);
            job.upstream.push((phase.to_owned(), output));
        }
        callback
    }

    /// What a phase gives.
    pub(crate) async fn well(&self, job: &mut Job, phase: &str) -> Value {
        let callback = self.attempt(job, phase).await;
        assert_eq!(callback.status, CallbackStatus::Complete, "{phase}: {:?}", callback.error);
        job.output(phase)
    }

    /// How a phase fails: its code, and whether another attempt may help.
    pub(crate) async fn badly(&self, job: &mut Job, phase: &str) -> (String, bool) {
        let callback = self.attempt(job, phase).await;
        let error = callback.error.unwrap_or_else(|| panic!("{phase} did not fail: {:?}", callback.output));
        (error.code, error.retryable)
    }

    /// All phases of a job that goes well; what `apply` gives, or the last word before it.
    pub(crate) async fn through(&self, job: &mut Job) -> String {
        for phase in ["strategy", "fix", "verify"] {
            self.well(job, phase).await;
        }
        let word = job.output("verify")["outcome"].as_str().expect("a word").to_owned();
        if word != "verified" {
            return word;
        }
        self.well(job, "apply").await["outcome"].as_str().expect("a word").to_owned()
    }

    /// Fails as the engine does when a phase has failed for good.
    pub(crate) async fn escalate(&self, job: &mut Job, code: &str) -> Value {
        let error = json!({ "code": code, "message": "in a test", "retryable": false });
        let item = json!({ "error": error, "kind": "run", "run": "fix" });
        let callback = self.attempt_with(job, "escalate", &item).await;
        assert_eq!(callback.status, CallbackStatus::Complete, "{:?}", callback.error);
        job.output("escalate")
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.fake.get(&format!("{}{path}", self.url())).await.1
    }
}

impl Job {
    pub(crate) fn output(&self, phase: &str) -> Value {
        let found = self.upstream.iter().find(|(name, _)| name == phase);
        found.map(|(_, output)| output.clone()).unwrap_or_default()
    }
}

pub(crate) fn write(root: &Path, file: &str, text: &str) {
    let path = root.join(file);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    std::fs::write(path, text).expect("written");
}

pub(crate) fn git(root: &Path, arguments: &[&str]) {
    let done = Command::new("git").args(arguments).current_dir(root).status().expect("git runs");
    assert!(done.success(), "git {arguments:?}");
}

/// A request as it came to a [`Peer`].
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) line: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

/// A local server in the place of somebody else's, which answers as told and remembers what it was asked.
#[derive(Clone)]
pub(crate) struct Peer {
    pub(crate) url: String,
    calls: Arc<Mutex<Vec<Call>>>,
    count: watch::Sender<usize>,
}

/// What a server knows: its calls, its answers, the number of calls.
type Known = (Arc<Mutex<Vec<Call>>>, Reply, watch::Sender<usize>);
type Reply = Arc<dyn Fn(&Call, usize) -> (u16, Value) + Send + Sync>;

impl Peer {
    /// Answers each call, numbered from 0.
    pub(crate) async fn start(reply: impl Fn(&Call, usize) -> (u16, Value) + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let calls = Arc::<Mutex<Vec<Call>>>::default();
        let reply: Reply = Arc::new(reply);
        let count = watch::Sender::new(0);
        let router = Router::new().fallback(answer).with_state((Arc::clone(&calls), reply, count.clone()));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, calls, count }
    }

    /// Waits until the calls are so.
    pub(crate) async fn until(&self, what: &str, are_so: impl Fn(usize) -> bool) {
        let mut count = self.count.subscribe();
        within(what, count.wait_for(|count| are_so(*count))).await.expect("the sender lives in self");
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.lock().clone()
    }

    /// Calls that begin so.
    pub(crate) fn count(&self, line: &str) -> usize {
        self.calls().iter().filter(|call| call.line.starts_with(line)).count()
    }
}

async fn answer(
    State((calls, reply, count)): State<Known>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, axum::Json<Value>) {
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let call = Call { line: format!("{method} {uri}"), headers, body };
    let number = {
        let mut calls = calls.lock();
        calls.push(call.clone());
        calls.len() - 1
    };
    let (status, body) = reply(&call, number);
    count.send_replace(number + 1);
    (StatusCode::from_u16(status).expect("a status"), axum::Json(body))
}

/// What a chat endpoint answers.
pub(crate) fn says(form: &str, text: &str) -> (u16, Value) {
    let content = json!({ "form": form, "text": text }).to_string();
    (200, json!({ "choices": [{ "message": { "content": content }, "finish_reason": "stop" }] }))
}
