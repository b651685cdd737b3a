//! `segue up`: everything starts, what dies comes back, and the end is quick and in order.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::{Home, Running, course, free_ports, send, up};

#[test]
fn idle_it_ends_at_once_on_either_signal() {
    let home = course();
    for signal in [Signal::TERM, Signal::INT] {
        let running = up(&home);
        // Connections that were used, and one that never is.
        assert_eq!(send("GET", &home.url("/health"), b"").0, 200);
        let unused = std::net::TcpStream::connect(("127.0.0.1", home.port)).unwrap();
        let asked = Instant::now();
        running.signal(signal);
        let (code, log) = running.ended();
        let took = asked.elapsed();
        assert_eq!(code, Some(0), "{log}");
        // A few hundredths of a second on a machine with nothing else to do; what waited before took ten seconds.
        assert!(took < Duration::from_secs(5), "{took:?}\n{log}");
        assert!(log.contains("orchestrator has stopped") && !log.contains("killed"), "{log}");
        drop(unused);
    }
}

#[test]
fn work_under_way_is_finished_and_the_next_process_goes_on_after_it() {
    let home = course();
    let mut running = up(&home);
    let id = home.start("course", "spa_for_eng", r#"{"totalSeeds": 1}"#);
    running.line("run=tts[0]");
    running.signal(Signal::TERM);
    let (code, log) = running.ended();
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains("killed"), "{log}");
    let _running = up(&home);
    home.well(&["status", &id, "--wait"]);
    let job = home.job(&id);
    assert_eq!(job["status"], "complete", "{job}");
    let phases = job["phases"].as_array().unwrap();
    assert!(phases.iter().all(|phase| phase["attempts"] == 1), "nothing was done twice: {job}");
}

#[test]
fn what_dies_is_started_again() {
    let home = course();
    let mut running = up(&home);
    let children = running.children();
    let orchestrator = children.iter().find(|(_, line)| line.contains("orchestrate")).unwrap().0;
    rustix::process::kill_process(orchestrator, Signal::KILL).unwrap();
    running.line("ended (signal: 9");
    running.line("orchestrator is ready");
    // With nobody to look after them they end too.
    let mut connection = std::net::TcpStream::connect(("127.0.0.1", home.port)).unwrap();
    running.signal(Signal::KILL);
    let read = std::io::Read::read(&mut connection, &mut [0]);
    assert!(matches!(read, Ok(0) | Err(_)), "closed or reset by its end");
}

/// A pipeline of one phase that only `rules` does; `llm` is for it, and both need `state`.
fn chain() -> Home {
    let [state, rules, llm, other] = free_ports();
    let service = |name: &str, port: u16, more: &str| {
        format!("[service.{name}]\nurl = \"http://127.0.0.1:{port}\"\nrun = \"segue serve {name}\"\n{more}\n")
    };
    let services = [
        service("llm", llm, "needs = [\"rules\", \"state\"]\nfor = [\"said\"]"),
        service("rules", rules, "needs = [\"state\"]"),
        service("state", state, ""),
        service("grammar", other, ""),
    ];
    let pipeline = "name = \"said\"\n[[phase]]\nid = \"rules\"\nservice = \"rules\"\n";
    Home::new(&services.concat(), &[("said.toml", pipeline)])
}

#[test]
fn what_is_needed_starts_first_and_stops_last() {
    let home = chain();
    let mut running = Running::start(home.command(&["up", "--only", "said"]));
    for service in ["state", "rules", "llm"] {
        // Each after the one before, or this would wait for ever.
        running.line(&format!("service is ready service={service}"));
    }
    running.signal(Signal::TERM);
    let (code, log) = running.ended();
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains("grammar"), "it is of no phase, needed by none, and for none: {log}");
    let gone: Vec<&str> =
        log.lines().filter_map(|line| line.trim().strip_suffix(" │ is gone")).map(str::trim).collect();
    assert_eq!(gone, ["llm", "rules", "state", "orchestrator"]);
}

#[test]
fn a_pipeline_that_a_service_is_for_must_be_there() {
    let home = Home::new("[service.a]\nurl = \"http://127.0.0.1:9\"\nfor = [\"nothing\"]\n", &[]);
    let said = home.segue(&["validate"]);
    assert!(said.code != Some(0) && said.err.contains("'a' is for 'nothing'"), "{}", said.err);
}
