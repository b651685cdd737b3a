//! The orchestrator on a PostgreSQL: a real server, the executable, and a service that holds its work.

use std::process::Command;

use journal_postgres::testing::Server;
use rustix::process::Signal;
use serde_json::json;

use crate::support::{Home, Running, hello};

const HELLO: &str = "name='hello'\n[[phase]]\nid='greet'\nservice='hello'\ntimeout='1h'\n";

/// The URL of a new database, with a password that nobody may see.
pub(crate) fn database(server: &Server) -> String {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(server.database()).replace("postgres@", "postgres:hunter2@")
}

/// The orchestrator of this folder, with its journal there.
pub(crate) fn orchestrate(home: &Home, url: &str) -> Running {
    let mut running = waiting(home, url);
    running.line("orchestrator is ready");
    running
}

/// The same, without waiting for it.
fn waiting(home: &Home, url: &str) -> Running {
    let mut command: Command = home.command(&["orchestrate"]);
    command.env("SEGUE_JOURNAL", url);
    Running::start(command)
}

/// Asks it to stop; all that it has printed.
pub(crate) fn stop(running: Running) -> String {
    running.signal(Signal::TERM);
    let (code, said) = running.ended();
    assert_eq!(code, Some(0), "{said}");
    said
}

#[test]
fn a_killed_orchestrator_goes_on_where_it_was() {
    let server = Server::start();
    let url = database(&server);
    let (service, may_go_on) = hello();
    let home = Home::new(
        &format!("[service.hello]\nurl = \"{}\"\ncapacity = 50\n", service.url()),
        &[("hello.toml", HELLO)],
    );
    let killed = orchestrate(&home, &url);
    let held: Vec<String> =
        (0..10).map(|n| home.start("hello", &format!("held{n}"), r#"{"hold":true}"#)).collect();
    home.well(&["start", "hello", "done", "--input", "{}", "--wait"]);
    drop(killed);
    // While nobody is there to be called back.
    may_go_on.add_permits(5);
    let mut next = waiting(&home, &url);
    next.line("leading");
    next.line("orchestrator is ready");
    may_go_on.add_permits(5);
    for id in &held {
        home.well(&["status", id, "--wait"]);
        assert_eq!(home.job(id)["status"], "complete");
    }
    assert_eq!(home.job(&home.id_of("done"))["status"], "complete");
    assert!(!home.path(".segue/journal").exists(), "nothing is kept beside the database");
    let said = stop(next);
    assert!(!said.contains("hunter2"), "{said}");
    let again = orchestrate(&home, &url);
    assert_eq!(home.job(&held[0])["status"], "complete");
    stop(again);
}

#[test]
fn a_second_orchestrator_waits_until_the_first_has_gone() {
    let server = Server::start();
    let url = database(&server);
    let pipelines = [(
        "ask.toml",
        "name='ask'\n[[phase]]\nid='decide'\nwait={signal='go',timeout='1h',on_timeout='fail'}\n",
    )];
    let (one, two) = (Home::new("", &pipelines), Home::new("", &pipelines));
    let first = orchestrate(&one, &url);
    let id = one.start("ask", "k", "{}");
    let mut second = waiting(&two, &url);
    let said = second.line("another orchestrator leads");
    assert!(said.contains(&one.url("")), "{said}");
    stop(first);
    second.line("orchestrator is ready");
    assert_eq!(two.job(&id)["status"], json!("waiting"));
    stop(second);
}

#[test]
fn a_database_that_is_not_there_is_said_without_its_password() {
    let home = Home::new("", &[]);
    let mut command = home.command(&["orchestrate"]);
    let [port] = crate::support::free_ports();
    command.env("SEGUE_JOURNAL", format!("postgres://segue:hunter2@127.0.0.1:{port}/journal"));
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains(&format!("127.0.0.1:{port}/journal")), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}
