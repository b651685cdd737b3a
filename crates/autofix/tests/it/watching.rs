//! Seeing changes: real events, many at once, and those of the time when nobody looked. The orchestrator and the service
//! `autofix` are local servers that speak their protocol.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use autofix::{
    desk::Clock,
    paths::content_hash,
    watcher::{Neighbours, Watcher, WatcherOptions},
};
use phase_kit::{Service, testing::FakeOrchestrator, testing::ServiceHost, testing::within};
use serde_json::{Value, json};

use crate::support::{Peer, git, write};

/// A watched project.
struct Watch {
    fake: FakeOrchestrator,
    folder: tempfile::TempDir,
    orchestrator: Peer,
    autofix: Peer,
    options: WatcherOptions,
    host: Option<ServiceHost>,
    away: Arc<AtomicBool>,
}

impl Watch {
    /// With these files; a file is at rest after so many seconds.
    async fn new(files: &[(&str, &str)], debounce: f64) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("a real path").join("project");
        std::fs::create_dir(&root).expect("made");
        files.iter().for_each(|(file, text)| write(&root, file, text));
        let away = Arc::new(AtomicBool::new(false));
        let is_away = Arc::clone(&away);
        let orchestrator = Peer::start(move |_, _| match is_away.load(Ordering::SeqCst) {
            true => (503, json!({})),
            false => (201, json!({ "jobId": "one" })),
        })
        .await;
        let projects = json!([{ "name": "demo", "path": root, "extensions": ["rs"] }]);
        let autofix = Peer::start(move |_, _| (200, projects.clone())).await;
        let options = WatcherOptions { debounce, rate: 10_000.0 };
        let fake = FakeOrchestrator::start().await;
        let mut watch = Self { fake, folder, orchestrator, autofix, options, host: None, away };
        watch.open().await;
        watch
    }

    /// Serves, and returns when changes are seen.
    async fn open(&mut self) {
        let data = self.folder.path().join("data");
        let to = Neighbours {
            orchestrator: self.orchestrator.url.clone(),
            token: None,
            autofix: Some(self.autofix.url.clone()),
        };
        let watcher = Watcher::new(self.options.clone(), data.clone(), to, Clock::machine());
        let service = Service::builder("watcher").data_dir(data).companion(Arc::new(watcher));
        self.host = Some(ServiceHost::start(service.build().expect("a service")));
        self.health("a watched project", |health| health["projects"] == 1).await;
    }

    /// Asks until it is so.
    async fn health(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        within(what, async {
            loop {
                let health = self.get("/health").await;
                if is_so(&health) {
                    return health;
                }
                tokio::task::yield_now().await;
            }
        })
        .await
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.host.as_ref().expect("it serves").url())
    }

    async fn get(&self, path: &str) -> Value {
        self.fake.get(&self.url(path)).await.1
    }

    fn root(&self) -> PathBuf {
        self.folder.path().canonicalize().expect("a real path").join("project")
    }

    fn write(&self, file: &str, text: &str) {
        write(&self.root(), file, text);
    }

    /// Jobs that were taken, by their idempotency key: file and content's hash.
    fn jobs(&self) -> BTreeMap<String, (String, String)> {
        let calls = self.orchestrator.calls().into_iter().filter(|call| call.line == "POST /api/jobs");
        calls
            .map(|call| {
                let text = |value: &Value| value.as_str().expect("text").to_owned();
                let input = &call.body["input"];
                (text(&call.body["idempotencyKey"]), (text(&input["file"]), text(&input["contentHash"])))
            })
            .collect()
    }

    fn has(&self, file: &str, text: &str) -> bool {
        let job = (file.to_owned(), content_hash(text.as_bytes()));
        self.jobs().values().any(|one| *one == job)
    }

    /// Waits for the job of a content.
    async fn job(&self, file: &str, text: &str) {
        self.orchestrator.until(file, |_| self.has(file, text)).await;
    }
}

#[tokio::test]
async fn every_kind_of_change_starts_one_job_and_what_is_ignored_none() {
    let watch =
        Watch::new(&[("a.rs", "1"), ("b.rs", "1"), (".gitignore", "out/\n"), ("out/x.rs", "1")], 0.05).await;
    assert!(watch.jobs().is_empty(), "what is there at first has not changed");
    watch.write("a.rs", "2");
    watch.job("a.rs", "2").await;
    // As editors save: beside it, then renamed.
    watch.write("b.rs.tmp", "2");
    std::fs::rename(watch.root().join("b.rs.tmp"), watch.root().join("b.rs")).expect("renamed");
    watch.job("b.rs", "2").await;
    // A whole folder, made elsewhere and moved in.
    write(watch.folder.path(), "new/deep/c.rs", "1");
    std::fs::rename(watch.folder.path().join("new"), watch.root().join("new")).expect("moved");
    watch.job("new/deep/c.rs", "1").await;
    watch.write("new/deep/d.rs", "1");
    watch.job("new/deep/d.rs", "1").await;
    // What is ignored, of another kind, or the same as before; then one that counts.
    watch.write("out/x.rs", "2");
    watch.write("notes.md", "2");
    watch.write("a.rs", "2");
    watch.write(".segueignore", "*.gen.rs\n");
    watch.health("rules read anew", |health| health["scans"].as_u64() > Some(0)).await;
    watch.write("x.gen.rs", "1");
    watch.write("e.rs", "1");
    watch.job("e.rs", "1").await;
    let files: Vec<String> = watch.jobs().into_values().map(|(file, _)| file).collect();
    let distinct: BTreeSet<&String> = files.iter().collect();
    assert_eq!(distinct.len(), files.len(), "one each: {files:?}");
    assert!(
        !files.iter().any(|file| file.contains("out/") || file.contains("gen") || file.contains(".md")),
        "{files:?}"
    );
}

#[tokio::test]
async fn files_beyond_the_batch_are_not_dropped_a_checkout_of_5000_is_a_job_each() {
    let mut watch = Watch::new(&[("first.rs", "1")], 0.3).await;
    watch.host.take().expect("it serves").stop().await;
    let root = watch.root();
    git(&root, &["init", "--quiet", "--initial-branch=main"]);
    let commit = |branch: &str, text: &str| {
        (0..5000).for_each(|n| write(&root, &format!("d{}/f{n}.rs", n % 50), &format!("{text} {n}\n")));
        git(&root, &["checkout", "--quiet", "-B", branch]);
        git(&root, &["add", "--all"]);
        git(&root, &["-c", "user.name=t", "-c", "user.email=t@t", "commit", "--quiet", "-m", branch]);
    };
    commit("one", "one");
    commit("two", "two");
    // A book of its own, so that the checkout is all that happens.
    std::fs::remove_dir_all(watch.folder.path().join("data")).expect("removed");
    watch.open().await;
    git(&root, &["checkout", "--quiet", "one"]);
    let enough = |count: usize| count >= 5000 && watch.jobs().len() >= 5000;
    watch.orchestrator.until("5,000 jobs", enough).await;
    let jobs = watch.jobs();
    let latest: BTreeMap<&String, &String> = jobs.values().map(|(file, hash)| (file, hash)).collect();
    assert_eq!((jobs.len(), latest.len()), (5000, 5000), "no loss, no flood");
    let right = (0..5000)
        .all(|n| *latest[&format!("d{}/f{n}.rs", n % 50)] == content_hash(format!("one {n}\n").as_bytes()));
    assert!(right, "the contents of the checkout");
    watch.host.take().expect("it serves").stop().await;
    assert_eq!(watch.jobs().len(), 5000, "nothing more came");
}

#[tokio::test]
async fn changes_of_the_time_when_nobody_looked_are_found_at_the_start() {
    let mut watch = Watch::new(&[("a.rs", "1"), ("b.rs", "1"), ("c.rs", "1")], 0.05).await;
    watch.host.take().expect("it serves").kill();
    watch.write("a.rs", "2");
    watch.write("new.rs", "1");
    std::fs::remove_file(watch.root().join("b.rs")).expect("removed");
    watch.open().await;
    watch.job("a.rs", "2").await;
    watch.job("new.rs", "1").await;
    assert_eq!(watch.jobs().len(), 2);
}

#[tokio::test]
async fn on_stop_waiting_events_are_not_discarded() {
    let mut watch = Watch::new(&[("a.rs", "1")], 60.0).await;
    watch.write("a.rs", "2");
    watch.health("a file on the move", |health| health["movingFiles"].as_u64() > Some(0)).await;
    watch.away.store(true, Ordering::SeqCst);
    watch.host.take().expect("it serves").stop().await;
    assert!(!watch.has("a.rs", "2"));
    watch.away.store(false, Ordering::SeqCst);
    watch.open().await;
    watch.job("a.rs", "2").await;
}

#[tokio::test]
async fn a_job_is_started_again_until_the_orchestrator_takes_it_and_is_the_same_job() {
    let mut watch = Watch::new(&[("a.rs", "1")], 0.05).await;
    watch.away.store(true, Ordering::SeqCst);
    watch.write("a.rs", "2");
    watch.job("a.rs", "2").await;
    assert_eq!(watch.get("/statistics").await["watcher"]["pending"], 1, "it was refused and waits");
    watch.host.take().expect("it serves").kill();
    watch.away.store(false, Ordering::SeqCst);
    watch.open().await;
    within("its start", async {
        while watch.get("/statistics").await["watcher"]["pending"] != 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(watch.orchestrator.count("POST /api/jobs") > 1);
    assert_eq!(watch.jobs().len(), 1, "one idempotency key");
}

#[tokio::test]
async fn the_fixers_own_writes_start_no_job() {
    let watch = Watch::new(&[("a.rs", "1"), ("b.rs", "1")], 0.05).await;
    let written = json!({ "project": "demo", "file": "a.rs", "contentHash": content_hash(b"fixed") });
    assert_eq!(watch.fake.post(&watch.url("/written"), &written).await.0, 200);
    watch.write("a.rs", "fixed");
    within("its own write", async {
        while watch.get("/statistics").await["watcher"]["own_writes"] != 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    watch.write("b.rs", "2");
    watch.job("b.rs", "2").await;
    assert_eq!(watch.jobs().len(), 1);
}

#[tokio::test]
async fn health_is_what_was_tried_and_not_that_an_object_exists() {
    let mut watch = Watch::new(&[("a.rs", "1")], 0.05).await;
    let health =
        watch.health("checks", |health| health["checks"].as_array().is_some_and(|all| !all.is_empty())).await;
    let checks = health["checks"].as_array().expect("a list");
    let of = |name: &str| checks.iter().find(|check| check["name"] == name).expect("it is there").clone();
    assert_eq!(
        (&of("book")["ok"], &of("events")["ok"], &of("orchestrator")["ok"]),
        (&json!(true), &json!(true), &json!(true))
    );
    assert_eq!(health["condition"], "HEALTHY");
    assert!(health["heartbeatAgeMs"].as_i64().expect("a number") < 90_000);
    watch.away.store(true, Ordering::SeqCst);
    watch.host.take().expect("it serves").stop().await;
    watch.open().await;
    let health =
        watch.health("checks", |health| health["checks"].as_array().is_some_and(|all| !all.is_empty())).await;
    assert_eq!(health["condition"], "DEGRADED");
}
