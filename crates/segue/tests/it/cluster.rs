//! Three orchestrators on one PostgreSQL: whatever happens to the one that leads, nothing is lost, nothing is done twice, and
//! another one goes on within seconds.
//!
//! `scripts/cluster-chaos` runs the same with more jobs and prints figures (`SEGUE_CLUSTER_JOBS`).

#![expect(clippy::print_stdout, reason = "the figures are for whoever watches: --nocapture")]

mod load;
mod nodes;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use load::{FAN, Load};
use nodes::{Flag, LEASE, Nodes};
use rustix::process::Signal;

use crate::support::free_ports;

/// Callers at the same time.
const CALLERS: usize = 8;

fn jobs(few: usize) -> usize {
    std::env::var("SEGUE_CLUSTER_JOBS").ok().and_then(|jobs| jobs.parse().ok()).unwrap_or(few)
}

/// Three orchestrators and callers that are at work.
fn under_load(few: usize) -> (Nodes, Arc<Load>, Flag) {
    let [port] = free_ports();
    let services = format!("[service.work]\nurl = \"http://127.0.0.1:{port}\"\ncapacity = 1000\n");
    let nodes = Nodes::start(&services, &[("fan.toml", FAN)]);
    let load = Load::start(port, nodes.urls());
    let stop = Flag::default();
    load.call(jobs(few), CALLERS, &stop);
    nodes.until(|| load.started() >= 20);
    (nodes, load, stop)
}

/// Waits for the first start that somebody acknowledges after a moment, and says how long that took.
fn taken_over(nodes: &Nodes, load: &Load, since: Instant) -> Duration {
    nodes.until(|| load.first_after(since).is_some());
    load.first_after(since).unwrap_or_default()
}

/// Lets callers end, waits for all jobs, and prints what came of it.
fn settle(what: &str, load: &Load, stop: &Flag, taken: &[Duration]) {
    let began = Instant::now();
    if std::env::var_os("SEGUE_CLUSTER_JOBS").is_none() {
        stop.set();
    } else {
        while load.started() < jobs(0) {
            assert!(began.elapsed() < Duration::from_secs(1_200), "callers do not come to an end");
            std::thread::yield_now();
        }
    }
    let checked = load.check(Duration::from_secs(120));
    let seconds: Vec<String> = taken.iter().map(|taken| format!("{:.1} s", taken.as_secs_f64())).collect();
    let refused = load.refused.lock();
    println!("{what}: {} jobs, none lost, none twice; taken over after {}; {refused:?}", checked, seconds.join(", "));
}

#[test]
fn a_killed_leader_is_followed_within_seconds_and_nothing_is_lost() {
    let (mut nodes, load, stop) = under_load(2_000);
    let mut taken = Vec::new();
    for _ in 0..2 {
        let leader = nodes.leader();
        nodes.kill(leader);
        taken.push(taken_over(&nodes, &load, Instant::now()));
        nodes.launch(leader);
        nodes.until(|| nodes.role(leader).as_deref() == Some("standby"));
    }
    assert!(taken.iter().all(|taken| *taken < LEASE * 3), "{taken:?}");
    settle("killed", &load, &stop, &taken);
}

#[test]
fn a_frozen_leader_that_wakes_up_changes_nothing() {
    let (mut nodes, load, stop) = under_load(2_000);
    let leader = nodes.leader();
    nodes.signal(leader, Signal::STOP);
    let taken = taken_over(&nodes, &load, Instant::now() + LEASE / 2);
    nodes.signal(leader, Signal::CONT);
    nodes.line(leader, "no longer leading");
    nodes.until(|| nodes.role(leader).as_deref() == Some("standby"));
    assert_ne!(nodes.leader(), leader);
    settle("frozen", &load, &stop, &[taken + LEASE / 2]);
}

#[test]
fn a_stopped_leader_hands_over_at_once() {
    let (mut nodes, load, stop) = under_load(2_000);
    let mut taken = Vec::new();
    for _ in 0..3 {
        let leader = nodes.leader();
        let began = Instant::now();
        nodes.stop(leader);
        taken.push(taken_over(&nodes, &load, began));
        assert!(began.elapsed() < LEASE, "handed over, not run out: {:?}", began.elapsed());
        nodes.launch(leader);
        nodes.until(|| nodes.role(leader).as_deref() == Some("standby"));
    }
    settle("stopped", &load, &stop, &taken);
}

#[test]
fn a_leader_that_is_cut_off_from_the_database_is_followed_and_comes_back() {
    let (mut nodes, load, stop) = under_load(2_000);
    let leader = nodes.leader();
    nodes.nodes[leader].way.block(true);
    let taken = taken_over(&nodes, &load, Instant::now() + Duration::from_secs(1));
    assert_ne!(nodes.leader(), leader);
    nodes.line(leader, "no longer leading");
    nodes.nodes[leader].way.block(false);
    nodes.until(|| nodes.role(leader).as_deref() == Some("standby"));
    settle("cut off from the database", &load, &stop, &[taken + Duration::from_secs(1)]);
}

#[test]
fn a_database_that_is_restarted_again_and_again_loses_nothing() {
    let seconds = std::env::var("SEGUE_CLUSTER_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    let for_long = Duration::from_secs(seconds.unwrap_or(10));
    let (nodes, load, stop) = under_load(1_000_000);
    let mut random: rand::rngs::StdRng = rand::SeedableRng::seed_from_u64(8);
    let (began, mut restarts, mut taken) = (Instant::now(), 0, Vec::new());
    while began.elapsed() < for_long {
        nodes.server.kill();
        nodes.server.start_again();
        restarts += 1;
        let since = Instant::now();
        taken.push(taken_over(&nodes, &load, since));
        let most = if seconds.is_some() { 40 } else { 6 };
        let pause = Duration::from_secs(rand::RngExt::random_range(&mut random, 5.min(most / 2)..most));
        nodes.until(|| since.elapsed() > pause);
    }
    stop.set();
    println!("{restarts} restarts");
    settle("database restarted", &load, &stop, &taken);
}
