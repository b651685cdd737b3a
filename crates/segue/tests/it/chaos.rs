//! Real processes under load, killed and frozen several at once while the network between them loses, doubles and forges: what
//! was acknowledged is there at the end, no join has fired twice, every job is at an end.
//!
//! `segue up` keeps the processes running, a proxy in this process stands between them and remembers what it has seen
//! acknowledged, callers remember what was acknowledged to them, and the checker reads all of it back from the API.
//! `cargo xtask chaos` runs the long one.

#![expect(clippy::print_stdout, reason = "the figures are for whoever watches: --nocapture")]

mod callers;
mod checker;
mod plan;
pub(crate) mod proxy;
pub(crate) mod service;

use std::{
    fmt::Write as _,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use futures::StreamExt;
use rustix::process::{Pid, Signal, kill_process};

use self::{
    callers::Api,
    plan::{Act, Blow, Who},
    proxy::Network,
};
use crate::support::{Home, Running, free_ports};

/// Items of each job's map.
const PIECES: usize = 4;
/// Callbacks of a job where none is tried twice.
const CALLBACKS: usize = 7 + PIECES;
/// Jobs under way at once.
const AT_ONCE: usize = 48;
/// The services: whether each has a folder, and so survives its death with what it had accepted.
const SERVICES: [(&str, bool); 4] = [("one", true), ("two", true), ("three", false), ("four", false)];
/// Silence of all callbacks after which the plan goes on: nothing else will come.
const SILENCE: Duration = Duration::from_secs(5);

const PIPELINE: &str = r#"
name = "chaos"
on_failure = "cancel"
[[phase]]
id = "split"
service = "one"
[[phase]]
id = "left"
service = "two"
after = ["split"]
[[phase]]
id = "right"
service = "three"
after = ["split"]
[[phase]]
id = "pieces"
service = "four"
after = ["split"]
map = { over = "input.items", parallel = 3 }
[[phase]]
id = "join"
service = "two"
after = ["left", "right", "pieces"]
gate = "join.stats.good"
[[phase]]
id = "flaky"
service = "three"
after = ["join"]
[[phase]]
id = "decide"
after = ["join"]
wait = { signal = "go", timeout = "4s", on_timeout = "continue" }
[[phase]]
id = "close"
service = "one"
after = ["flaky", "decide"]
"#;
/// Of each phase that a service does. Attempts enough that no job fails of bad luck.
const PATIENT: &str =
    "timeout = \"60s\"\nheartbeat = \"2s\"\nretry = { attempts = 50, backoff = \"50ms\", max = \"500ms\" }\n";

/// How much of it.
struct Size {
    jobs: usize,
    kills: usize,
    seed: u64,
}

/// What was done.
#[derive(Debug, Default)]
struct Done {
    orchestrators: u64,
    services: u64,
    freezes: u64,
    frozen: Duration,
}

/// Configuration, processes and the network between them.
async fn stage(network: &Arc<Network>) -> (Home, u16) {
    let ports = free_ports::<4>();
    let pipeline = PIPELINE.replace("service = ", &format!("{PATIENT}service = "));
    let home = Home::new("", &[("chaos.toml", &pipeline)]);
    let callbacks = network.door(home.port).await;
    let mut services = format!(
        "[orchestrator]\nlisten = \"127.0.0.1:{}\"\npublic_url = \"http://127.0.0.1:{callbacks}\"\n",
        home.port
    );
    for ((name, keeps), port) in SERVICES.iter().zip(ports) {
        let folder = home.path(&format!("service-{name}"));
        let line = service::command_line(name, port, keeps.then_some(folder.as_path()));
        let door = network.door(port).await;
        let _ = write!(
            services,
            "[service.{name}]\nurl = \"http://127.0.0.1:{door}\"\nrun = \"{line}\"\ncapacity = 24\n"
        );
    }
    home.write("services.toml", services);
    let port = home.port;
    (home, port)
}

fn pid_of(running: &Running, who: Who) -> Option<Pid> {
    let wanted = match who {
        Who::Orchestrator => " orchestrate".to_owned(),
        Who::Service(number) => service::mark(SERVICES[number].0),
    };
    running.children().into_iter().find(|(_, line)| line.contains(&wanted)).map(|(pid, _)| pid)
}

/// Waits for a process to be there, as it may just be on its way back.
fn there(running: &mut Running, who: Who) -> Pid {
    for _ in 0..3_000 {
        if let Some(pid) = pid_of(running, who) {
            return pid;
        }
        running.pass(Duration::from_millis(20));
    }
    panic!("{who:?} did not come back");
}

/// Whoever is frozen, and until when.
type Frozen = Vec<(Pid, Instant)>;

fn carry_out(running: &mut Running, blow: &Blow, frozen: &mut Frozen, done: &mut Done) {
    match &blow.act {
        Act::Kill(all) => {
            let victims: Vec<(Who, Pid)> = all.iter().map(|who| (*who, there(running, *who))).collect();
            for (who, pid) in victims {
                let count = match who {
                    Who::Orchestrator => &mut done.orchestrators,
                    Who::Service(_) => &mut done.services,
                };
                *count += u64::from(kill_process(pid, Signal::KILL).is_ok());
            }
        }
        Act::Freeze(who, time) => {
            let pid = there(running, *who);
            if kill_process(pid, Signal::STOP).is_ok() {
                frozen.push((pid, Instant::now() + *time));
                done.freezes += 1;
                done.frozen += *time;
            }
        }
    }
}

/// Lets go on whoever was frozen for long enough.
fn thaw(frozen: &mut Frozen) {
    frozen.retain(|(pid, until)| {
        let on = *until > Instant::now();
        if !on {
            // It may have been killed since.
            let _ = kill_process(*pid, Signal::CONT);
        }
        on
    });
}

/// Carries the plan out, each blow once so much of the work is done.
fn disturb(running: &mut Running, network: &Network, size: &Size) -> Done {
    let (mut done, mut frozen) = (Done::default(), Frozen::new());
    let expected = (size.jobs * CALLBACKS) as u64;
    for blow in plan::plan(size.seed, size.kills, SERVICES.len()) {
        let wanted = expected * u64::from(blow.at) / 1_000;
        let (mut before, mut since) = (0, Instant::now());
        loop {
            let accepted = network.accepted.load(Ordering::Relaxed);
            if accepted != before {
                (before, since) = (accepted, Instant::now());
            }
            if accepted >= wanted || since.elapsed() > SILENCE {
                break;
            }
            running.pass(Duration::from_millis(10));
            thaw(&mut frozen);
        }
        carry_out(running, &blow, &mut frozen, &mut done);
    }
    while !frozen.is_empty() {
        running.pass(Duration::from_millis(10));
        thaw(&mut frozen);
    }
    done
}

/// Starts and sees through all jobs, so many at once.
async fn call(api: Arc<Api>, jobs: usize) {
    let all = futures::stream::iter(0..jobs).map(|number| {
        let api = Arc::clone(&api);
        async move { api.see_through(number, PIECES).await }
    });
    all.buffer_unordered(AT_ONCE).collect::<()>().await;
}

/// No slot is held and nobody queues.
async fn nothing_is_held(api: &Api) -> Vec<String> {
    let (_, metrics) = api.call("GET", "/metrics", None).await;
    let held = |line: &&str| {
        let gauge = line.starts_with("segue_service_slots_used{") || line.starts_with("segue_service_queue{");
        gauge && !line.ends_with(" 0")
    };
    metrics.as_str().unwrap_or_default().lines().filter(held).map(str::to_owned).collect()
}

/// What each job is, as callers see it.
async fn statuses(api: &Api) -> Vec<serde_json::Value> {
    let started = api.started.lock().clone();
    let mut all = Vec::new();
    for one in started {
        all.push(api.job(&one.id).await);
    }
    all
}

fn chaos(size: &Size) {
    println!("{} jobs, {} kills, seed {}", size.jobs, size.kills, size.seed);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let network = Network::new(size.seed, PIECES);
    let (home, port) = runtime.block_on(stage(&network));
    let mut up = Running::start({
        let mut command = home.command(&["up"]);
        command.env("SEGUE_LOG", "warn,segue=info");
        command
    });
    up.line("orchestrator is ready");
    let api = Api::new(format!("http://127.0.0.1:{port}"));
    let began = Instant::now();
    let calling = runtime.spawn(call(Arc::clone(&api), size.jobs));
    let done = disturb(&mut up, &network, size);
    while !calling.is_finished() {
        up.pass(Duration::from_millis(50));
    }
    runtime.block_on(calling).unwrap();
    let took = began.elapsed();

    let started = api.started.lock().clone();
    let found = runtime.block_on(checker::check(&api, &started, &network.seen.lock()));
    report(&done, &network, &api, &found, took);
    let mut wrong = found.wrong;
    wrong.append(&mut api.wrong.lock());
    wrong.append(&mut network.seen.lock().wrong);
    wrong.extend(runtime.block_on(nothing_is_held(&api)));
    let (_, page) = runtime.block_on(api.call("GET", "/metrics", None));
    let jobs: usize = page
        .as_str()
        .unwrap()
        .lines()
        .filter(|line| line.starts_with("segue_jobs{"))
        .map(|line| line.rsplit(' ').next().unwrap().parse::<usize>().unwrap())
        .sum();
    if jobs != size.jobs || started.len() != size.jobs {
        wrong.push(format!("{} starts were acknowledged, {jobs} jobs are there", started.len()));
    }
    // What is live is what is replayed.
    let before = runtime.block_on(statuses(&api));
    up.signal(Signal::TERM);
    assert_eq!(up.ended().0, Some(0));
    let verified = home.well(&["journal", "verify"]);
    println!("{verified}");
    let again = home.orchestrate();
    let after = runtime.block_on(statuses(&api));
    drop(again);
    wrong.extend(
        before
            .iter()
            .zip(&after)
            .filter(|(one, other)| one != other)
            .map(|(one, other)| format!("{one} is after a restart {other}")),
    );
    assert!(
        wrong.is_empty(),
        "{} things are wrong:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(20)].join("\n")
    );
    println!("nothing that was acknowledged is lost, no join has fired twice, every job is at an end");
}

fn report(done: &Done, network: &Network, api: &Api, found: &checker::Found, took: Duration) {
    println!(
        "killed: {} orchestrators, {} services; frozen: {} for {:.0} s together; took {:.1} s",
        done.orchestrators,
        done.services,
        done.freezes,
        done.frozen.as_secs_f64(),
        took.as_secs_f64()
    );
    let seen = network.seen.lock();
    let again: u64 = seen.asked.values().map(|(_, _, times)| times - 1).sum();
    println!("callbacks: {:?}", seen.counts);
    println!(
        "attempts {}, offered again under the same key {again}; calls repeated by callers {}",
        seen.asked.len(),
        api.repeated.lock()
    );
    let well = |attempt: &&String| found.outcomes.get(*attempt).is_some_and(|one| one["success"] == true);
    println!(
        "callbacks lost for good {}, of which {} had their result all the same",
        seen.swallowed.len(),
        seen.swallowed.iter().filter(well).count()
    );
    println!("histories: {:?}", found.counts);
}

#[test]
fn a_few_kills_lose_nothing() {
    chaos(&Size { jobs: 60, kills: 8, seed: 3 });
}

mod slow {
    use super::{Size, chaos};

    fn number(name: &str, otherwise: u64) -> u64 {
        std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
    }

    #[test]
    fn many_kills_lose_nothing() {
        chaos(&Size {
            jobs: number("CHAOS_JOBS", 400) as usize,
            kills: number("CHAOS_KILLS", 40) as usize,
            seed: number("CHAOS_SEED", rand::random()),
        });
    }
}
