//! The examples of the documentation take part as they stand: no library of ours, over real HTTP.

use std::{
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use phase_kit::testing::FakeOrchestrator;
use serde_json::json;

fn example(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples").join(file)
}

/// Ends the process with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(program: &str, file: &str, install: &str) -> Running {
    let mut command = Command::new(program);
    command.arg(example(file)).env("PORT", "0").stdin(Stdio::piped()).stdout(Stdio::piped());
    Running(
        command
            .spawn()
            .unwrap_or_else(|error| panic!("`{program}` cannot be run ({error}): apt install {install}")),
    )
}

async fn greets(program: &str, file: &str, install: &str) {
    let fake = FakeOrchestrator::start().await;
    let mut running = start(program, file, install);
    let mut line = String::new();
    BufReader::new(running.0.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    let url =
        line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("`{line}` names no address"));
    let request = fake.request("greet", &json!({ "name": "Ada" }));
    let client = phase_kit::http_client().expect("a client");
    let answer = client.post(format!("{url}/start")).json(&request).send().await.expect("an answer");
    assert_eq!(answer.status(), 202);
    let output = fake.accepted(request.attempt_id).await.output.expect("output");
    let output: serde_json::Value = serde_json::from_str(output.get()).expect("JSON");
    assert_eq!(output, json!({ "greeting": "hello Ada" }));
}

#[tokio::test]
async fn the_python_example_answers_and_calls_back() {
    greets("python3", "hello.py", "python3").await;
}

#[tokio::test]
async fn the_node_example_answers_and_calls_back() {
    greets("node", "hello.mjs", "nodejs").await;
}

/// socat only gives the script a connection as its input and output, so the test does that part.
#[tokio::test]
async fn the_shell_example_answers_and_calls_back() {
    let needs = "apt install curl jq";
    for tool in ["curl", "jq"] {
        let found = Command::new(tool).arg("--version").stdout(Stdio::null()).status();
        assert!(found.is_ok(), "`{tool}` cannot be run: {needs}");
    }
    let fake = FakeOrchestrator::start().await;
    let request = fake.request("greet", &json!({ "name": "Ada ü" }));
    let body = serde_json::to_string(&request).expect("JSON");
    let mut running = start("sh", "hello.sh", "dash");
    let input = running.0.stdin.as_mut().expect("piped");
    write!(input, "POST /start HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        .expect("written");
    let mut line = String::new();
    BufReader::new(running.0.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    assert_eq!(line, "HTTP/1.1 202 Accepted\r\n");
    let output = fake.accepted(request.attempt_id).await.output.expect("output");
    assert!(output.get().contains("hello Ada ü"), "{}", output.get());
}
