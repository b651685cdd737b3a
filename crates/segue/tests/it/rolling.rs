//! A service is restarted under load, one instance after the other, as `scripts/rolling-restart` and every container platform do
//! it: SIGTERM, wait for the end, start again. No job fails and no attempt is used up.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Home, Running, free_ports, send};

const JOBS: usize = 150;
/// Each is restarted so often.
const ROUNDS: usize = 2;

const SERVICE: &str = "[service.work]\nregister = true\nnetworks = [\"127.0.0.0/8\"]\n";
const PIPELINE: &str = "name = \"three\"\n[[phase]]\nid = \"one\"\nservice = \"work\"\nretry = { attempts = 1 }\n\
                        [[phase]]\nid = \"two\"\nservice = \"work\"\nafter = [\"one\"]\nretry = { attempts = 1 }\n\
                        [[phase]]\nid = \"three\"\nservice = \"work\"\nafter = [\"two\"]\nretry = { attempts = 1 }\n";

fn instance(home: &Home, port: u16) -> Running {
    let listens = format!("work:{port}");
    let register = home.url("");
    let words = ["fake", &listens, "--takes", "100ms..400ms", "--capacity", "4", "--register", &register];
    let mut running = Running::start(home.command(&words));
    running.line("the orchestrator knows of this instance");
    running
}

/// Waits for something that the API says.
fn until(home: &Home, path: &str, what: impl Fn(&Value) -> bool) -> Value {
    let end = Instant::now() + Duration::from_secs(120);
    loop {
        let (_, said) = home.get(path);
        if what(&said) {
            return said;
        }
        assert!(Instant::now() < end, "{path} still says {said}");
        std::thread::yield_now();
    }
}

fn live(said: &Value) -> usize {
    let jobs = said["jobs"].as_array().map(Vec::len);
    jobs.unwrap_or_default()
}

#[test]
fn a_rolling_restart_fails_no_job_and_uses_up_no_attempt() {
    let home = Home::new(SERVICE, &[("three.toml", PIPELINE)]);
    let orchestrator = home.orchestrate();
    let ports = free_ports::<3>();
    let mut instances = ports.map(|port| Some(instance(&home, port)));
    let mut ids = Vec::new();
    for number in 0..JOBS {
        let body = json!({ "pipeline": "three", "key": format!("job-{number}"), "input": {} });
        let (status, started) = send("POST", &home.url("/api/jobs"), body.to_string().as_bytes());
        assert_eq!(status, 201, "{started}");
        ids.push(started["jobId"].as_str().unwrap().to_owned());
    }
    for _ in 0..ROUNDS {
        for (running, port) in instances.iter_mut().zip(ports) {
            let old = running.take().unwrap();
            old.signal(Signal::TERM);
            let (code, said) = old.ended();
            assert_eq!(code, Some(0), "{said}");
            *running = Some(instance(&home, port));
        }
    }
    assert!(
        live(&home.get("/api/jobs?state=running&limit=1").1) > 0,
        "the load ended before the restarts did"
    );
    until(&home, "/api/jobs?state=running&limit=1", |said| live(said) == 0);
    // A phase has one attempt only: whatever had used one up would have failed its job.
    for id in &ids {
        assert_eq!(home.job(id)["status"], "complete", "{}", home.job(id));
    }
    let (_, services) = home.get("/api/services");
    assert_eq!(services["services"][0]["running"], 0, "{services}");
    assert_eq!(services["services"][0]["instances"].as_array().map(Vec::len), Some(3), "{services}");
    drop(orchestrator);
}
