//! Every command against a real orchestrator and a real service.

use serde_json::json;

use crate::support::{Home, hello};

const HELLO: &str = "name='hello'\n[[phase]]\nid='greet'\nservice='hello'\n";
const ASK: &str = "name='ask'\n[[phase]]\nid='decide'\nwait={signal='go',timeout='1h',on_timeout='fail'}\n";

fn home(service: &str) -> Home {
    let services = format!("[service.hello]\nurl = \"{service}\"\n");
    Home::new(&services, &[("hello.toml", HELLO), ("ask.toml", ASK)])
}

#[test]
fn a_job_from_its_start_to_its_files() {
    let (service, _) = hello();
    let home = home(&service.url());
    let _orchestrator = home.orchestrate();
    let shown = home.well(&["start", "hello", "world", "--input", r#"{"name":"Ada"}"#, "--wait"]);
    assert!(shown.starts_with("hello world is job "), "{shown}");
    assert!(
        shown.contains("\n  greet           ✓ ") && shown.ends_with("world: all phases are through\n"),
        "{shown}"
    );

    let status = home.well(&["status", "world"]);
    assert!(status.starts_with("hello world  complete\n") && status.contains("✓ greet"), "{status}");
    assert!(home.well(&["jobs"]).contains("hello        complete"));
    assert_eq!(home.well(&["jobs", "--state", "running"]), "");
    assert!(home.well(&["why", "world"]).contains("all phases are through"));
    assert!(home.well(&["artifacts", "list", "world"]).contains("application/json          greeting.json"));
    let pulled = home.well(&["artifacts", "pull", "world", "out"]);
    assert!(pulled.starts_with("1 artifacts fetched, 0 were there already"), "{pulled}");
    let file = std::fs::read_to_string(home.path("out/greeting.json")).unwrap();
    assert_eq!(file, "{\n  \"text\": \"hello Ada\"\n}\n");
    assert!(
        home.well(&["artifacts", "pull", "world", "out"]).starts_with("0 artifacts fetched, 1 were there")
    );
    assert!(home.well(&["health", &home.url("")]).contains("ok"));
    assert!(home.well(&["health", &service.url()]).contains("hello"));

    // Input from a file, and a start for each way to say where the orchestrator is.
    home.write("input.json", r#"{"name":"file"}"#);
    home.well(&["start", "hello", "from-file", "--input", "@input.json", "--url", &home.url(""), "--wait"]);
    let (_, output) = home.get("/api/jobs?key=from-file");
    assert_eq!(output["jobs"][0]["status"], "complete");
}

#[test]
fn a_job_is_steered_and_its_outcome_is_the_exit_code() {
    let (service, may_go_on) = hello();
    let home = home(&service.url());
    let _orchestrator = home.orchestrate();
    let held = home.start("hello", "held", r#"{"hold":true}"#);
    assert_eq!(home.well(&["cancel", "held", "--reason", "enough"]), "held is cancelled\n");
    assert!(home.well(&["status", &held]).contains("cancelled"));

    let failing = home.segue(&["start", "hello", "failing", "--input", r#"{"fail":true}"#, "--wait"]);
    assert_eq!(failing.code, Some(1), "{}", failing.out);
    assert!(failing.out.contains("✗ no-voice: it has lost its voice"), "{}", failing.out);
    let why = home.well(&["why", "failing"]);
    assert_eq!(why, "greet failed: it has lost its voice\n");
    may_go_on.add_permits(1);
    home.well(&["retry", "failing"]);
    home.well(&["status", "failing", "--wait"]);
    home.well(&["rerun", "failing", "--from", "greet"]);
    let failed_again = home.segue(&["status", "failing", "--wait"]);
    assert_eq!(failed_again.code, Some(1), "{}", failed_again.out);

    let paused = home.start("hello", "paused", r#"{"hold":true}"#);
    assert!(home.well(&["pause", "paused"]).starts_with("paused is paused"));
    assert!(home.well(&["resume", "paused"]).starts_with("paused is running"));
    may_go_on.add_permits(10);
    home.well(&["status", &paused, "--wait"]);

    let asked = home.segue(&["start", "ask", "question", "--wait"]);
    assert_eq!(asked.code, Some(3), "{}", asked.out);
    home.well(&["signal", "question", "go", "--payload", r#"{"yes":true}"#]);
    home.well(&["status", "question", "--wait"]);
    assert_eq!(home.job(&home.id_of("question"))["status"], json!("complete"));
}

#[test]
fn what_needs_no_orchestrator() {
    let home = home("http://127.0.0.1:9");
    let sound = home.well(&["validate"]);
    assert!(sound.contains("is sound: 1 services") && sound.contains("hello            1 phases"), "{sound}");
    assert!(home.well(&["graph", "hello"]).contains("greet"));
    assert!(home.well(&["graph", "hello", "--svg"]).starts_with("<svg"));
    for shell in ["bash", "zsh", "fish"] {
        assert!(home.well(&["completions", shell]).contains("segue"), "{shell}");
    }
    assert!(home.well(&["--version"]).starts_with("segue 0."));
    assert!(home.well(&["--help"]).contains("orchestrate"));
    assert!(home.well(&["doctor"]).contains("espeak-ng"));
    let dry = home.well(&["serve", "translation", "--listen", "127.0.0.1:1", "--dry-run"]);
    assert_eq!(dry, "translation would listen on 127.0.0.1:1\n");
}

#[test]
fn the_journal_is_checked_and_read_when_nobody_writes_it() {
    let (service, _) = hello();
    let home = home(&service.url());
    let orchestrator = home.orchestrate();
    let id = home.start("hello", "world", "{}");
    home.well(&["status", "world", "--wait"]);
    orchestrator.signal(rustix::process::Signal::TERM);
    assert_eq!(orchestrator.ended().0, Some(0));
    let verified = home.well(&["journal", "verify"]);
    assert!(verified.contains("last position"), "{verified}");
    let dumped = home.well(&["journal", "dump", "--job", &id]);
    assert!(dumped.contains("jobStarted"), "{dumped}");
}

#[test]
fn a_look_at_a_job_may_wait_for_its_end() {
    let (service, may_go_on) = hello();
    let home = home(&service.url());
    let _orchestrator = home.orchestrate();
    let id = home.start("hello", "held", r#"{"hold":true}"#);
    let look = |wait: &str| home.get(&format!("/api/jobs/{id}?wait={wait}"));
    let (status, job) = look("1ms");
    assert_eq!((status, &job["status"]), (200, &json!("running")), "it is not over: {job}");
    let (status, job) = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| look("300s"));
        may_go_on.add_permits(1);
        waiting.join().unwrap()
    });
    assert_eq!((status, &job["status"]), (200, &json!("complete")), "{job}");
    assert_eq!(look("300s").1["status"], "complete", "what is over is not waited for");
    let (status, problem) = look("soon");
    assert_eq!((status, &problem["pointer"]), (422, &json!("?wait")), "{problem}");
    let (status, problem) = home.get("/api/jobs/00000000-0000-7000-8000-000000000000?wait=300s");
    assert_eq!((status, &problem["code"]), (404, &json!("unknown-job")));
}

#[test]
fn a_job_is_exported_replayed_and_shown_as_a_trace() {
    let (service, _) = hello();
    let home = home(&service.url());
    {
        let _orchestrator = home.orchestrate();
        home.well(&[
            "start",
            "hello",
            "world",
            "--input",
            r#"{"name":"Ada","password":"hunter2"}"#,
            "--wait",
        ]);
        let tree = home.well(&["trace", "world"]);
        let names: Vec<&str> = tree
            .lines()
            .filter(|line| !line.contains(" · "))
            .filter_map(|line| line.split(" +").next().map(str::trim_end))
            .collect();
        assert_eq!(names, ["job hello world", "└─ greet", "   └─ greet attempt 1"], "{tree}");
        assert!(tree.contains(" at hello") && tree.contains("  ok"), "{tree}");
        let otlp: serde_json::Value =
            serde_json::from_str(&home.well(&["trace", "world", "--otlp"])).unwrap();
        let spans = otlp["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap();
        assert_eq!(spans.len(), 3);
        let said = home.well(&["export", "world", "-o", "world.jsonl", "--artifacts"]);
        assert!(said.starts_with("world.jsonl: "), "{said}");
        assert!(!home.well(&["export", "world", "--redact-inputs"]).contains("Ada"));
    }
    // Where no orchestrator is.
    let file = std::fs::read_to_string(home.path("world.jsonl")).unwrap();
    assert!(file.contains("Ada") && file.contains("base64") && !file.contains("hunter2"), "{file}");
    let told = home.well(&["replay", "world.jsonl"]);
    assert!(
        told.contains("greet: active → succeeded") && told.contains("the state is the one that was recorded"),
        "{told}"
    );
    assert!(told.contains("now: greet waits for a slot of hello"), "{told}");
    home.write("torn.jsonl", &file[..file.len() / 2]);
    assert_eq!(home.segue(&["replay", "torn.jsonl"]).code, Some(1));
}
