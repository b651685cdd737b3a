//! What fails, and how long it takes to heal: measured on real processes, one failure at a time, as `docs/failures.md` says it.
//! The bounds here are wide, for a machine that has other things to do; the table that is printed is what was seen.

#![expect(clippy::print_stdout, reason = "the table is for whoever watches: --nocapture")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{
    chaos::{
        proxy::{Fault, Network},
        service,
    },
    support::{Home, Running, free_ports, send},
};

const PIPELINE: &str = r#"
name = "one"
[[phase]]
id = "split"
service = "one"
heartbeat = "2s"
timeout = "1m"
retry = { attempts = 3, backoff = "100ms" }
"#;

/// One orchestrator, one service, and the network between them.
struct Stage {
    home: Home,
    up: Running,
    network: Arc<Network>,
    _threads: tokio::runtime::Runtime,
    jobs: usize,
}

impl Stage {
    fn new(keeps: bool) -> Self {
        let threads =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let [port] = free_ports();
        let network = Network::calm();
        let home = Home::new("", &[("one.toml", PIPELINE)]);
        let (callbacks, starts) =
            threads.block_on(async { (network.door(home.port).await, network.door(port).await) });
        let folder = home.path("service-one");
        let line = service::command_line("one", port, keeps.then_some(folder.as_path()));
        home.write(
            "services.toml",
            format!(
                "[orchestrator]\nlisten = \"127.0.0.1:{}\"\npublic_url = \"http://127.0.0.1:{callbacks}\"\n\
                 [service.one]\nurl = \"http://127.0.0.1:{starts}\"\nrun = \"{line}\"\n",
                home.port
            ),
        );
        let mut up = Running::start(home.command(&["up"]));
        up.line("orchestrator is ready");
        let mut stage = Self { home, up, network, _threads: threads, jobs: 0 };
        // The first has to wait for the service to be there.
        stage.job(&[], 50);
        stage
    }

    /// Starts a job whose work takes so many milliseconds, with what the network does wrong next.
    fn start(&mut self, faults: &[Fault], takes: u64) -> String {
        self.network.faults.lock().extend(faults);
        self.jobs += 1;
        let body =
            format!("{{\"pipeline\":\"one\",\"key\":\"k{}\",\"input\":{{\"takes\":{takes}}}}}", self.jobs);
        let (status, started) = send("POST", &self.home.url("/api/jobs"), body.as_bytes());
        assert_eq!(status, 201, "{started}");
        started["jobId"].as_str().unwrap().to_owned()
    }

    /// Its history, once it is complete.
    fn over(&mut self, id: &str) -> Vec<Value> {
        let end = Instant::now() + Duration::from_secs(120);
        while self.home.job(id)["status"] != "complete" {
            assert!(Instant::now() < end, "{}", self.home.job(id));
            self.up.pass(Duration::from_millis(5));
        }
        let (_, page) = self.home.get(&format!("/api/jobs/{id}/events"));
        page["events"].as_array().unwrap().clone()
    }

    /// Runs a job to its end; how long it took.
    fn job(&mut self, faults: &[Fault], takes: u64) -> (Duration, Vec<Value>) {
        let began = Instant::now();
        let id = self.start(faults, takes);
        let events = self.over(&id);
        let took = began.elapsed();
        while !self.network.faults.lock().is_empty() {
            self.up.pass(Duration::from_millis(5));
        }
        (took, events)
    }

    fn pid(&mut self, mark: &str) -> Pid {
        loop {
            if let Some((pid, _)) = self.up.children().into_iter().find(|(_, line)| line.contains(mark)) {
                return pid;
            }
            self.up.pass(Duration::from_millis(5));
        }
    }

    /// Waits until an attempt is with the service.
    fn under_way(&mut self, id: &str) {
        let name = |event: &Value| event["is"].get("attemptAccepted").is_some();
        let path = format!("/api/jobs/{id}/events");
        while !self.home.get(&path).1["events"].as_array().unwrap().iter().any(name) {
            self.up.pass(Duration::from_millis(5));
        }
    }
}

fn attempts(events: &[Value]) -> usize {
    events.iter().filter(|event| event["is"].get("attemptStarted").is_some()).count()
}

/// Prints a row of the table: the failure, how long its job took in all, and how many attempts it used.
fn row(what: &str, (took, events): &(Duration, Vec<Value>)) {
    println!("{what:58} {:>6.2} s  {} attempts", took.as_secs_f64(), attempts(events));
}

#[test]
fn what_the_network_loses_heals_without_another_attempt() {
    let mut stage = Stage::new(true);
    let limit = Duration::from_secs(20);
    let cases: [(&str, &[Fault]); 6] = [
        ("nothing fails", &[]),
        ("the start is lost once (502)", &[Fault::LoseStart]),
        ("the 202 is lost once", &[Fault::Lose202]),
        ("the start is lost three times", &[Fault::LoseStart, Fault::LoseStart, Fault::LoseStart]),
        ("the callback is lost for good", &[Fault::LoseCallback]),
        // Last, as the service sends it once more when its job is over already.
        ("the callback's answer is lost once", &[Fault::LoseAnswer]),
    ];
    for (what, faults) in cases {
        let seen = stage.job(faults, 50);
        row(what, &seen);
        assert!(seen.0 < limit && attempts(&seen.1) == 1, "{what}: {:?} {:?}", seen.0, seen.1);
    }
}

#[test]
fn a_killed_or_frozen_process_costs_no_attempt_where_its_service_has_a_folder() {
    let mut stage = Stage::new(true);
    let mark = service::mark("one");
    for (what, who) in [
        ("the orchestrator is killed while the work runs", " orchestrate"),
        ("the service is killed while it works", &*mark),
    ] {
        let began = Instant::now();
        let id = stage.start(&[], 1_000);
        stage.under_way(&id);
        kill_process(stage.pid(who), Signal::KILL).unwrap();
        if who == " orchestrate" {
            let killed = Instant::now();
            stage.up.line("orchestrator is ready");
            println!("{:58} {:>6.2} s", "… until it is ready again", killed.elapsed().as_secs_f64());
        }
        let events = stage.over(&id);
        let seen = (began.elapsed(), events);
        row(&format!("{what} (of 1 s)"), &seen);
        assert_eq!(attempts(&seen.1), 1, "{what}");
    }
    let began = Instant::now();
    let id = stage.start(&[], 500);
    stage.under_way(&id);
    let pid = stage.pid(&mark);
    kill_process(pid, Signal::STOP).unwrap();
    stage.up.pass(Duration::from_secs(4));
    let suspect = stage.home.job(&id)["phases"][0]["running"][0]["suspect"].clone();
    kill_process(pid, Signal::CONT).unwrap();
    let events = stage.over(&id);
    let seen = (began.elapsed(), events);
    row("the service is frozen for 4 s, heartbeat 2 s", &seen);
    assert_eq!((suspect, attempts(&seen.1)), (Value::Bool(true), 1));
}

#[test]
fn a_service_that_forgets_uses_up_an_attempt_and_the_next_does_the_work() {
    let mut stage = Stage::new(false);
    let began = Instant::now();
    let id = stage.start(&[], 1_000);
    stage.under_way(&id);
    kill_process(stage.pid(&service::mark("one")), Signal::KILL).unwrap();
    let events = stage.over(&id);
    let seen = (began.elapsed(), events);
    row("a service without a folder is killed while it works (1 s)", &seen);
    assert_eq!(attempts(&seen.1), 2);
    assert!(
        seen.1.iter().any(|event| event["is"]["attemptFailed"]["error"]["code"] == "gone"),
        "{:?}",
        seen.1
    );
}

mod slow {
    use super::*;

    #[test]
    fn a_service_that_is_gone_is_offered_to_for_half_a_minute_and_then_uses_up_attempts() {
        let mut stage = Stage::new(true);
        let lost = [Fault::LoseStart; 9];
        let seen = stage.job(&lost, 50);
        row("the service can't be reached for 9 offers", &seen);
        assert_eq!(attempts(&seen.1), 2);
        let seen = stage.job(&[Fault::HoldStart], 50);
        row("a start that is not answered", &seen);
        assert_eq!(attempts(&seen.1), 1);
    }
}
