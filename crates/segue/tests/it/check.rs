//! `segue check` against real services: those of the documentation pass, and every planted fault is named, and nothing else.

use std::{
    net::TcpListener,
    os::fd::OwnedFd,
    process::{Command, Stdio},
    sync::Arc,
};

use phase_kit::{Service, testing::ServiceHost};
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::support::{Greet, Home, free_ports, hello, repository};

/// How long what must come is waited for: whole for a fault that consists in nothing coming.
const TAKES: &str = "10s";

/// Runs the check; its exit code and report.
fn check(home: &Home, url: &str, more: &[&str]) -> (Option<i32>, Value) {
    let said = home.segue(&[&["check", url, "--json", "--takes", TAKES], more].concat());
    let report = serde_json::from_str(&said.out)
        .unwrap_or_else(|error| panic!("no report ({error}): {} {}", said.out, said.err));
    (said.code, report)
}

/// The names of the checks that ended so.
fn which<'a>(report: &'a Value, verdict: &str) -> Vec<&'a str> {
    let checks = report["checks"].as_array().unwrap();
    let such = checks.iter().filter(|one| one["verdict"] == verdict);
    such.map(|one| one["check"].as_str().unwrap()).collect()
}

#[track_caller]
fn passes(line: &str, warnings: &[&str], not_offered: &[&str]) {
    let [port] = free_ports();
    let home = Home::new("", &[]);
    let run = format!("export PORT={port}; {line}");
    let (code, report) = check(&home, &format!("http://127.0.0.1:{port}"), &["--run", &run]);
    assert_eq!((code, &report["passed"]), (Some(0), &Value::Bool(true)), "{report:#}");
    assert_eq!(which(&report, "fault"), [""; 0], "{report:#}");
    assert_eq!(which(&report, "warning"), warnings, "{report:#}");
    assert_eq!(which(&report, "notOffered"), not_offered, "{report:#}");
    assert_eq!(which(&report, "notChecked"), [""; 0], "{report:#}");
}

/// They keep no ids, so equal starts are done again, with the same outcome.
const HELLO: (&[&str], &[&str]) = (&["start-twice"], &["health", "status", "progress", "cancel", "pause"]);

#[test]
fn the_python_service_of_the_readme_passes() {
    let file = repository().join("docs/examples/hello.py");
    passes(&format!("exec python3 {} >/dev/null 2>&1", file.display()), HELLO.0, HELLO.1);
}

#[test]
fn the_node_service_of_the_readme_passes() {
    let file = repository().join("docs/examples/hello.mjs");
    passes(&format!("exec node {} >/dev/null 2>&1", file.display()), HELLO.0, HELLO.1);
}

/// The test does socat's part: one script for each connection, which is its input and output.
#[test]
fn the_shell_service_of_the_readme_passes() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut command = Command::new("sh");
            command.arg(repository().join("docs/examples/hello.sh"));
            command.stdin(OwnedFd::from(stream.try_clone().unwrap())).stdout(OwnedFd::from(stream));
            let mut child = command.stderr(Stdio::null()).spawn().unwrap();
            std::thread::spawn(move || child.wait());
        }
    });
    let (code, report) = check(&Home::new("", &[]), &url, &[]);
    assert_eq!(code, Some(0), "{report:#}");
    assert_eq!(
        (which(&report, "fault"), which(&report, "warning")),
        (vec![], HELLO.0.to_vec()),
        "{report:#}"
    );
    assert_eq!(which(&report, "notChecked"), ["crash"], "{report:#}");
}

#[test]
fn a_service_of_phase_kit_offers_everything_and_passes() {
    let segue = env!("CARGO_BIN_EXE_segue");
    let fake = "fake x:$PORT --takes 500ms --progress --data kept 2>/dev/null";
    passes(&format!("exec {segue} {fake}"), &[], &[]);
}

#[test]
fn a_service_with_a_secret_must_refuse_what_others_sign() {
    // The digits of an id are base64 too, and as long as a secret must be.
    let secret = uuid::Uuid::now_v7().simple().to_string();
    let home = Home::new("", &[]);
    let greet = Greet { may_go_on: Arc::new(Semaphore::new(0)) };
    let signed =
        ServiceHost::start(Service::builder("hello").phase(greet).secret(secret.as_str()).build().unwrap());
    let (code, report) = check(&home, &signed.url(), &["--secret", &secret]);
    assert_eq!((code, &report["phase"]), (Some(0), &Value::from("greet")), "{report:#}");
    assert!(which(&report, "right").contains(&"start-signature"), "{report:#}");

    let (code, report) = check(&home, &signed.url(), &[]);
    assert_eq!((code, which(&report, "fault")), (Some(1), vec!["start"]), "{report:#}");

    let (trusting, _) = hello();
    let (code, report) = check(&home, &trusting.url(), &["--secret", &secret]);
    assert_eq!((code, which(&report, "fault")), (Some(1), vec!["start-signature"]), "{report:#}");
}

#[test]
fn the_report_is_for_people_and_strictness_is_for_ci() {
    let home = Home::new("", &[]);
    let said = home.segue(&["check", "http://127.0.0.1:9"]);
    assert_eq!(said.code, Some(1), "{}", said.err);
    for told in [
        "  ✗ start",
        "nobody listens there\n",
        "      mend      ",
        "not passed: 0 right, 0 warnings, 1 fault\n",
    ] {
        assert!(said.out.contains(told), "'{told}' is not in {}", said.out);
    }
    // An input that the phase refuses: the check can't tell much, and says so.
    let (service, _) = hello();
    let fails = ["check", &service.url(), "--takes", TAKES, "--input", r#"{"fail":true}"#];
    let said = home.segue(&fails);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(
        said.out.contains("! callback-success       it says that it failed: it has lost its voice"),
        "{}",
        said.out
    );
    assert_eq!(home.segue(&[&fails[..], &["--strict"]].concat()).code, Some(1));
    let said = home.segue(&["check", &service.url(), "--run", "true"]);
    assert!(said.err.contains("already: end it, or leave out --run"), "{}", said.err);
}

/// Each planted fault, and the check that names it.
const FAULTS: [(&str, &str); 13] = [
    ("runs twice", "start-twice"),
    ("never again", "callback-again"),
    ("late", "start-quick"),
    ("nameless", "callback-token callback-attempt"),
    ("wrong token", "callback-token"),
    ("underscores", "callback-attempt"),
    ("no outcome", "callback"),
    ("too large", "callback-size"),
    ("never stops", "callback-stops"),
    ("strict", "start-unknown-fields"),
    ("500", "start-malformed"),
    ("falls", "start-malformed"),
    ("running for ever", "crash"),
];

#[test]
fn every_planted_fault_is_named_and_nothing_else() {
    let file = repository().join("crates/segue/tests/it/faulty_service.py");
    passes(&format!("exec python3 {}", file.display()), &[], &["health", "progress", "cancel", "pause"]);
    std::thread::scope(|scope| {
        for (fault, named) in FAULTS {
            let file = &file;
            scope.spawn(move || {
                let [port] = free_ports();
                let home = Home::new("", &[]);
                let run = format!("PORT={port} FAULT='{fault}' exec python3 {}", file.display());
                let (code, report) = check(&home, &format!("http://127.0.0.1:{port}"), &["--run", &run]);
                assert_eq!((code, &report["passed"]), (Some(1), &Value::Bool(false)), "{fault}: {report:#}");
                let faults: Vec<&str> = named.split(' ').collect();
                assert_eq!(which(&report, "fault"), faults, "{fault}: {report:#}");
                let first = report["checks"].as_array().unwrap().iter().find(|one| one["verdict"] == "fault");
                assert!(first.unwrap()["mend"].is_string(), "{fault}: {report:#}");
            });
        }
    });
}
