//! `segue fake` under a real orchestrator: whatever it does wrong, jobs end as they should.

use serde_json::json;

use crate::support::{Home, Running, free_ports, send};

/// Short enough that a lost callback is missed soon, long enough for a slow machine's signs of life.
const PIPELINE: &str = "name='hello'\n[[phase]]\nid='greet'\nservice='hello'\nheartbeat='2s'\n\
                        gate='greet.stats.quality > 0.5'\nretry={attempts=2, backoff='1ms', jitter=false}\n";

fn home() -> (Home, u16) {
    let [port] = free_ports();
    let services = format!("[service.hello]\nurl = \"http://127.0.0.1:{port}\"\n");
    (Home::new(&services, &[("hello.toml", PIPELINE)]), port)
}

fn fake(home: &Home, options: &[&str]) -> Running {
    let mut running = Running::start(home.command(&[&["fake", "hello", "--seed", "7"], options].concat()));
    running.line("stand-in is ready");
    running
}

/// With each fault certain, a job's end, its attempts and its output.
#[test]
fn each_fault_has_the_effect_that_the_orchestrator_promises() {
    let (home, _) = home();
    let _orchestrator = home.orchestrate();
    let good = ["--takes", "1ms..5ms", "--stats", r#"{"quality":1}"#, "--output", r#"hello={"a":1}"#];
    for (fault, status, attempts) in [
        (&["--progress"][..], "complete", 1),
        (&["--lose-accept", "100%"], "complete", 1),
        (&["--lose-callback", "100%"], "complete", 1),
        (&["--twice", "100%"], "complete", 1),
        (&["--fail", "100%"], "error", 2),
        (&["--permanent", "100%"], "error", 1),
        (&["--stats", "hello={\"quality\":0}"], "validation_failed", 1),
    ] {
        let _fake = fake(&home, &[&good[..], fault].concat());
        let id = home.start("hello", fault[0].trim_start_matches('-'), "{}");
        let said = home.segue(&["status", &id, "--wait"]);
        let job = home.job(&id);
        let phase = &job["phases"][0];
        assert_eq!(
            (&job["status"], &phase["attempts"], said.code),
            (&json!(status), &json!(attempts), Some(i32::from(status != "complete"))),
            "{fault:?}: {job}"
        );
    }
}

#[test]
fn busy_is_answered_with_when_to_come_back() {
    let (home, port) = home();
    let _fake = fake(&home, &["--busy", "100%"]);
    let id = "0199aaaa-0000-7000-8000-000000000001";
    let start = json!({ "jobId": id, "attemptId": id, "phase": "greet", "callback": { "url": "http://127.0.0.1:9" } });
    let (status, problem) =
        send("POST", &format!("http://127.0.0.1:{port}/start"), start.to_string().as_bytes());
    assert_eq!((status, &problem["code"]), (503, &json!("too-many-requests")));
}

#[test]
fn what_it_accepted_survives_its_crash_where_it_has_a_folder() {
    let (home, port) = home();
    let _orchestrator = home.orchestrate();
    let options = ["--stats", r#"{"quality":1}"#, "--data", "kept", "--takes", "10ms"];
    let doomed = fake(&home, &[&options[..], &["--crash-after", "1"]].concat());
    let id = home.start("hello", "k", "{}");
    let (code, log) = doomed.ended();
    assert!(code.is_none() && log.contains("crashing, as told"), "{code:?} {log}");
    // The same, by another way to say where.
    let mut again =
        Running::start(home.command(&[&["fake", &format!("hello:{port}")], &options[..]].concat()));
    again.line("running again what an earlier life did not finish");
    home.well(&["status", &id, "--wait"]);
    assert_eq!(home.job(&id)["phases"][0]["attempts"], 1);
}

#[test]
fn a_fake_that_cannot_be_is_refused_with_a_hint() {
    let (home, port) = home();
    let place = format!("hello:{port}");
    for (arguments, told) in [
        (&["nobody"][..], "where should 'nobody' listen? Say nobody:PORT"),
        (&["hello", &place], "'hello' is named twice"),
        (&["a:1", "b:2", "--port", "3"], "of several say NAME:PORT"),
        (&["hello", "--output", "{"], "--output is not JSON"),
        (&["a:x"], "expected NAME:PORT"),
    ] {
        let said = home.segue(&[&["fake"], arguments].concat());
        assert_eq!(said.code, Some(1), "{arguments:?}");
        assert!(said.err.contains(told), "{arguments:?}: {}", said.err);
    }
    for (option, told) in [(["--fail", "5"], "such as 5% or 0.5%"), (["--takes", "soon"], "such as 30s")] {
        let said = home.segue(&[&["fake", "hello"], &option[..]].concat());
        assert_eq!(said.code, Some(2), "{option:?}");
        assert!(said.err.contains(told), "{option:?}: {}", said.err);
    }
}
