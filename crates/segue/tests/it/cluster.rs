//! Three orchestrators on one PostgreSQL: whatever happens to the one that leads, nothing is lost, nothing is done twice, and
//! another one goes on within seconds.
//!
//! `scripts/cluster-chaos` runs the same with more jobs and prints figures (`SEGUE_CLUSTER_JOBS`).

#![expect(clippy::cast_precision_loss, reason = "a speed")]
#![expect(clippy::print_stdout, reason = "the figures are for whoever watches: --nocapture")]

mod load;
mod net;
mod nodes;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use load::{FAN, Load};
use net::Net;
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
    under_load_in(Net::Plain, few, Duration::ZERO)
}

fn under_load_in(net: Net, few: usize, pace: Duration) -> (Nodes, Arc<Load>, Flag) {
    let [port] = free_ports();
    let url = format!("http://{}:{port}", net.of_host(0));
    let services = format!("[service.work]\nurl = \"{url}\"\ncapacity = 1000\n");
    let nodes = Nodes::start(net, &services, &[("fan.toml", FAN)]);
    let load = Load::start(port, nodes.urls());
    let stop = Flag::default();
    load.call(jobs(few), (CALLERS, pace), &stop);
    nodes.until(|| load.started() >= 20);
    (nodes, load, stop)
}

/// Waits until starts are acknowledged again, and says for how long after a moment none was.
fn pause(nodes: &Nodes, load: &Load, since: Instant) -> Duration {
    let now = Instant::now() + Duration::from_secs(1);
    nodes.until(|| load.after(now) >= 20);
    load.longest_pause(since)
}

/// Lets callers end, waits for all jobs, and prints what came of it.
fn settle(what: &str, load: &Load, stop: &Flag, (taken, pauses): (&[Duration], &[Duration])) {
    let began = Instant::now();
    if std::env::var_os("SEGUE_CLUSTER_JOBS").is_none() {
        stop.set();
    }
    while !load.is_quiet() {
        assert!(began.elapsed() < Duration::from_secs(1_200), "callers do not come to an end");
        std::thread::park_timeout(Duration::from_millis(20));
    }
    let checked = load.check(Duration::from_secs(120));
    println!(
        "{what}: {checked} jobs, none lost, none twice\n    another one led after {}; callers paused for {}\n    {:?}",
        seconds(taken),
        seconds(pauses),
        load.refused.lock()
    );
}

fn seconds(times: &[Duration]) -> String {
    let times: Vec<String> = times.iter().map(|time| format!("{:.1} s", time.as_secs_f64())).collect();
    times.join(", ")
}

#[test]
fn a_killed_leader_is_followed_within_seconds_and_nothing_is_lost() {
    let (mut nodes, load, stop) = under_load(2_000);
    let (mut taken, mut pauses) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        let leader = nodes.leader();
        let since = Instant::now();
        nodes.kill(leader);
        taken.push(nodes.taken_over(leader, since));
        pauses.push(pause(&nodes, &load, since));
        nodes.launch(leader);
        nodes.until(|| nodes.role(leader).as_deref() == Some("standby"));
    }
    assert!(taken.iter().all(|taken| *taken < LEASE * 3), "{taken:?}");
    settle("killed", &load, &stop, (&taken, &pauses));
}

#[test]
fn a_frozen_leader_that_wakes_up_changes_nothing() {
    let (mut nodes, load, stop) = under_load(2_000);
    let leader = nodes.leader();
    let since = Instant::now();
    nodes.signal(leader, Signal::STOP);
    let taken = nodes.taken_over(leader, since);
    nodes.signal(leader, Signal::CONT);
    let paused = pause(&nodes, &load, since);
    nodes.line(leader, "no longer leading");
    nodes.until(|| nodes.role(leader).as_deref() == Some("standby"));
    assert_ne!(nodes.leader(), leader);
    settle("frozen", &load, &stop, (&[taken], &[paused]));
}

#[test]
fn a_stopped_leader_hands_over_at_once() {
    let (mut nodes, load, stop) = under_load(2_000);
    let mut pauses = Vec::new();
    for _ in 0..3 {
        let leader = nodes.leader();
        let began = Instant::now();
        nodes.stop(leader);
        let paused = pause(&nodes, &load, began);
        assert!(paused < LEASE, "handed over, not run out: {paused:?}");
        pauses.push(paused);
        nodes.launch(leader);
        nodes.until(|| nodes.role(leader).as_deref() == Some("standby"));
    }
    settle("stopped", &load, &stop, (&[], &pauses));
}

#[test]
fn a_rolling_restart_of_every_orchestrator_under_load_fails_no_job() {
    let (mut nodes, load, stop) = under_load(2_000);
    let mut pauses = Vec::new();
    for number in 0..3 {
        let began = Instant::now();
        nodes.stop(number);
        let leader = nodes.leader();
        assert_ne!(leader, number, "it has stopped");
        pauses.push(pause(&nodes, &load, began));
        nodes.launch(number);
        nodes.until(|| nodes.role(number).as_deref() == Some("standby"));
    }
    assert!(pauses.iter().all(|paused| *paused < LEASE), "handed over, not run out: {pauses:?}");
    settle("each restarted in turn", &load, &stop, (&[], &pauses));
}

#[test]
fn a_leader_that_is_cut_off_from_the_database_is_followed_and_comes_back() {
    let (mut nodes, load, stop) = under_load(2_000);
    let leader = nodes.leader();
    let since = Instant::now();
    nodes.nodes[leader].way.block(true);
    let taken = nodes.taken_over(leader, since);
    let paused = pause(&nodes, &load, since);
    assert_ne!(nodes.leader(), leader);
    nodes.line(leader, "no longer leading");
    nodes.nodes[leader].way.block(false);
    nodes.until(|| nodes.role(leader).as_deref() == Some("standby"));
    settle("cut off from the database", &load, &stop, (&[taken], &[paused]));
}

#[test]
fn a_database_that_is_restarted_again_and_again_loses_nothing() {
    let seconds = std::env::var("SEGUE_CLUSTER_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    let for_long = Duration::from_secs(seconds.unwrap_or(10));
    // So that all of them can be looked at in the end.
    let pace = if seconds.is_some() { Duration::from_millis(100) } else { Duration::ZERO };
    let (nodes, load, stop) = under_load_in(Net::Plain, 1_000_000, pace);
    let mut random: rand::rngs::StdRng = rand::SeedableRng::seed_from_u64(8);
    let (began, mut restarts, mut pauses) = (Instant::now(), 0, Vec::new());
    while began.elapsed() < for_long {
        let since = Instant::now();
        nodes.server.kill();
        nodes.server.start_again();
        restarts += 1;
        pauses.push(pause(&nodes, &load, since));
        let most = if seconds.is_some() { 40 } else { 6 };
        let wait = Duration::from_secs(rand::RngExt::random_range(&mut random, 5.min(most / 2)..most));
        nodes.until(|| since.elapsed() > wait);
    }
    stop.set();
    println!("{restarts} restarts");
    settle("database restarted", &load, &stop, (&[], &pauses));
}

#[test]
fn in_namespaces_of_their_own_one_is_killed_frozen_and_cut_off_and_then_the_database() {
    let net = match Net::with_namespaces() {
        Ok(net) => net,
        Err(why) => return println!("not shown: {why}"),
    };
    let (mut nodes, load, stop) = under_load_in(net, 5_000, Duration::ZERO);
    let mut taken = Vec::new();
    let mut pauses = Vec::new();
    // Killed.
    let (leader, since) = (nodes.leader(), Instant::now());
    nodes.kill(leader);
    taken.push(nodes.taken_over(leader, since));
    pauses.push(pause(&nodes, &load, since));
    nodes.launch(leader);
    nodes.until(|| nodes.role(leader).as_deref() == Some("standby"));
    // Frozen, and awake again.
    let (leader, since) = (nodes.leader(), Instant::now());
    nodes.signal(leader, Signal::STOP);
    taken.push(nodes.taken_over(leader, since));
    nodes.signal(leader, Signal::CONT);
    pauses.push(pause(&nodes, &load, since));
    nodes.until(|| nodes.role(leader).as_deref() == Some("standby"));
    // Cut off from everybody, and back again.
    let (leader, since) = (nodes.leader(), Instant::now());
    nodes.cut_off(leader, true);
    taken.push(nodes.taken_over(leader, since));
    pauses.push(pause(&nodes, &load, since));
    nodes.cut_off(leader, false);
    nodes.until(|| nodes.role(leader).as_deref() == Some("standby"));
    // The database, from everybody, for longer than a lease.
    let since = Instant::now();
    nodes.cut_database(true);
    nodes.until(|| since.elapsed() > LEASE + LEASE / 2);
    nodes.cut_database(false);
    pauses.push(pause(&nodes, &load, since));
    settle("killed, frozen, cut off; database cut off for 6 s", &load, &stop, (&taken, &pauses));
}

#[test]
fn throughput_does_not_depend_on_how_many_stand_by() {
    let each = jobs(200);
    let [port] = free_ports();
    let services = format!("[service.work]\nurl = \"http://127.0.0.1:{port}\"\ncapacity = 1000\n");
    let mut nodes = Nodes::start(Net::Plain, &services, &[("fan.toml", FAN)]);
    let load = Load::start(port, nodes.urls());
    let leader = nodes.leader();
    let mut speeds = Vec::new();
    for there in [3, 2, 1] {
        let others = (0..3).filter(|number| *number != leader).skip(there - 1).collect::<Vec<_>>();
        others.iter().for_each(|number| nodes.kill(*number));
        let urls = nodes.urls();
        let left = (0..3).filter(|number| !others.contains(number)).map(|number| urls[number].clone());
        load.call_only(left.collect());
        // What was slow at first is not measured.
        for round in [each / 4, each] {
            let (began, before) = (Instant::now(), load.started());
            load.call(round, (32, Duration::ZERO), &Flag::default());
            nodes.until(|| load.is_quiet());
            let speed = (load.started() - before) as f64 / began.elapsed().as_secs_f64();
            if round == each {
                speeds.push(speed);
            }
        }
        load.check(Duration::from_secs(120));
    }
    let ratio = |speed: f64| speed / speeds[2];
    println!(
        "starts per second: {:.0} with one orchestrator; with two {:.2} of that, with three {:.2}",
        speeds[2],
        ratio(speeds[1]),
        ratio(speeds[0])
    );
}
