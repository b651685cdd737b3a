//! `segue up`: everything starts, what dies comes back, and the end is quick and in order.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::{course, send, up};

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
