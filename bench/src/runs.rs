//! What is run, and in which order. Absolute figures of a shared machine drift by a factor of three within an hour; so the
//! systems take turns, and what is quoted are ratios within a turn.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::{
    http::Error,
    load::{Load, Outcome},
    system::{Kind, System, free_port},
};

/// Seconds that are not counted.
const WARM_UP: Duration = Duration::from_secs(1);

/// How long what was only needed for starting may take to go, before memory is looked at.
const SETTLE: Duration = Duration::from_secs(5);

/// Most jobs that are let go in the end.
const RELEASED: usize = 20_000;

/// What to run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Segue's executable.
    pub segue: PathBuf,
    /// For everything that the systems write.
    pub folder: PathBuf,
    /// How often each is measured.
    pub rounds: usize,
    /// Seconds of one measurement.
    pub seconds: u64,
    /// Jobs at a time.
    pub concurrencies: Vec<usize>,
    /// Most jobs that wait for a callback.
    pub waiting: u64,
    /// A PostgreSQL database, which is filled with jobs.
    pub postgres: Option<String>,
}

/// Everything that was measured.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Results {
    /// The machine, for a person.
    pub machine: String,
    /// When, in seconds since 1970.
    pub at: u64,
    /// One for each system, number of jobs at a time, and round.
    pub rounds: Vec<Round>,
    /// With jobs that wait beside.
    pub waiting: Vec<Waiting>,
}

/// One measurement.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Round {
    /// The system.
    pub system: String,
    /// Which round.
    pub round: usize,
    /// What came out.
    pub outcome: Outcome,
    /// Microseconds of its processor time for a transition.
    pub processor_us: f64,
}

/// A measurement with jobs that wait for a callback.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Waiting {
    /// How many wait.
    pub jobs: u64,
    /// Seconds that it took to start them.
    pub park_s: f64,
    /// Bytes of memory for each, beyond an orchestrator without any.
    pub bytes_per_job: f64,
    /// Other jobs, 64 at a time, beside them.
    pub beside: Outcome,
    /// Microseconds of processor time for a transition of those.
    pub processor_us: f64,
    /// Seconds from the start of the process after a kill -9 until it takes calls and dispatches.
    pub restart_s: f64,
    /// Bytes of memory for each after the restart.
    pub restarted_bytes_per_job: f64,
    /// How many came to their end when their callbacks, or those of 20,000 of them, were sent.
    pub released: u64,
}

/// Runs everything. `said` is told of each measurement.
///
/// # Errors
/// Where a system does not come up or goes down.
pub async fn run(plan: &Plan, said: &mut dyn FnMut(&str)) -> Result<Results, Error> {
    let mut results = Results { machine: machine(), at: now()?, ..Results::default() };
    let mut kinds = vec![Kind::Durable, Kind::Embedded, Kind::Bare];
    if let Some(url) = &plan.postgres {
        kinds.extend((1..=3).map(|orchestrators| Kind::Postgres { url: url.clone(), orchestrators }));
    }
    for &concurrency in &plan.concurrencies {
        for round in 0..plan.rounds {
            for kind in &kinds {
                let one = measure(plan, kind, concurrency, round).await?;
                let Outcome { transitions_per_s, p50_us, p99_us, lost, doubled, early, .. } = one.outcome;
                said(&format!(
                    "{:<12} {concurrency:>4} at a time: {transitions_per_s:>7.0} a second, p50 {p50_us:>6.0} us, p99 {p99_us:>7.0} us, \
                     processor {:>5.0} us, lost {lost}, doubled {doubled}, early {early}",
                    one.system, one.processor_us
                ));
                results.rounds.push(one);
            }
        }
    }
    let mut jobs = 1_000;
    while jobs <= plan.waiting {
        let one = wait(plan, jobs).await?;
        said(&format!(
            "{jobs} waiting: {:.0} bytes each, {:.0} after a restart of {:.1} s; beside them {:.0} a second, {:.0} us of processor; \
             released {}",
            one.bytes_per_job,
            one.restarted_bytes_per_job,
            one.restart_s,
            one.beside.transitions_per_s,
            one.processor_us,
            one.released
        ));
        results.waiting.push(one);
        jobs *= 10;
    }
    Ok(results)
}

async fn measure(plan: &Plan, kind: &Kind, concurrency: usize, round: usize) -> Result<Round, Error> {
    let (stub, listen) = stub()?;
    let folder = fresh(&plan.folder)?;
    let system = System::start(kind, &plan.segue, &stub, &folder).await?;
    let load = Load::new(listen, &system.urls).await?;
    let used = system.processor()?;
    let outcome = load.press(concurrency, WARM_UP, Duration::from_secs(plan.seconds)).await;
    if outcome.jobs == 0 {
        return Err(format!("{}: no job came to its end", kind.name()).into());
    }
    let transitions = outcome.transitions_per_s * (plan.seconds as f64 + WARM_UP.as_secs_f64());
    let processor_us = (system.processor()? - used) * 1e6 / transitions.max(1.0);
    Ok(Round { system: kind.name(), round, outcome, processor_us })
}

async fn wait(plan: &Plan, jobs: u64) -> Result<Waiting, Error> {
    let (stub, listen) = stub()?;
    let folder = fresh(&plan.folder)?;
    let mut system = System::start(&Kind::Embedded, &plan.segue, &stub, &folder).await?;
    let load = Load::new(listen, &system.urls).await?;
    // What the first jobs need, the others need too.
    load.press(64, WARM_UP, Duration::from_secs(1)).await;
    let empty = system.memory()?;
    let (parked, took) = load.park(jobs).await;
    if parked < jobs {
        return Err(format!("only {parked} of {jobs} jobs wait").into());
    }
    tokio::time::sleep(SETTLE).await;
    let bytes_per_job = (system.memory()?.saturating_sub(empty)) as f64 / jobs as f64;
    let used = system.processor()?;
    let beside = load.press(64, WARM_UP, Duration::from_secs(plan.seconds)).await;
    let transitions = beside.transitions_per_s * (plan.seconds as f64 + WARM_UP.as_secs_f64());
    let processor_us = (system.processor()? - used) * 1e6 / transitions.max(1.0);
    system.kill();
    let restart_s = system.bring_up().await?.as_secs_f64();
    let restarted_bytes_per_job = (system.memory()?.saturating_sub(empty)) as f64 / jobs as f64;
    let released = load.release(RELEASED, Duration::from_secs(120)).await;
    Ok(Waiting {
        jobs,
        park_s: took.as_secs_f64(),
        bytes_per_job,
        beside,
        processor_us,
        restart_s,
        restarted_bytes_per_job,
        released,
    })
}

fn stub() -> Result<(String, SocketAddr), Error> {
    let listen = SocketAddr::from(([127, 0, 0, 1], free_port()?));
    Ok((format!("http://{listen}"), listen))
}

/// The folder, empty.
fn fresh(folder: &Path) -> Result<PathBuf, Error> {
    let folder = folder.join("system");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn now() -> Result<u64, Error> {
    Ok(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs())
}

/// The processor, how many cores, and the memory.
fn machine() -> String {
    let text = |path| std::fs::read_to_string(path).unwrap_or_default();
    let (cpu, memory) = (text("/proc/cpuinfo"), text("/proc/meminfo"));
    let model =
        cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kib: u64 = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse().ok())
        .unwrap_or_default();
    let load = text("/proc/loadavg").split_whitespace().next().unwrap_or_default().to_owned();
    format!("{}, {cores} cores, {} GiB; load at the start {load}", model.unwrap_or("?").trim(), kib >> 20)
}
