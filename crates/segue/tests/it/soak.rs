//! A soak: jobs at a steady rate with retention on, for as long as one has patience. At the end the orchestrator's memory and
//! its data folder must be flat: what has ended leaves both.
//!
//! `cargo xtask soak --minutes N` runs it; it draws both over the time.

#![expect(clippy::print_stdout, reason = "the figures are for whoever watches: --nocapture")]

mod curve;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use phase_kit::{Context, Phase, PhaseError, Service, Success, testing::ServiceHost};

use serde_json::{Value, json};
use tokio::{runtime, time::MissedTickBehavior};

use self::curve::Curve;
use crate::support::{Home, Running};

const PIPELINE: &str = r#"
name = "soak"
[[phase]]
id = "first"
service = "soak"
[[phase]]
id = "pieces"
service = "soak"
after = ["first"]
map = { over = "input.items" }
memo = true
[[phase]]
id = "decide"
after = ["first"]
when = "input.asks"
wait = { signal = "go", timeout = "5s", on_timeout = "continue" }
[[phase]]
id = "last"
service = "soak"
after = ["pieces", "decide"]
"#;
/// Of the data folder: a segment of the journal is laid out whole, so it grows and shrinks by these steps.
const SEGMENT: f64 = 64.0;
/// Most growth from one third of the time to the next, as a share of what is there.
const FLAT: f64 = 0.10;

/// How long and how much.
struct Size {
    time: Duration,
    jobs_per_second: u64,
    /// How long ended jobs are kept.
    keep: Duration,
    /// Bytes of each result.
    bytes: usize,
}

struct Work<const N: usize> {
    bytes: usize,
}

impl<const N: usize> Phase for Work<N> {
    const NAME: &'static str = ["first", "pieces", "last"][N];
    type Input = Value;
    type Output = Value;

    async fn run(&self, ctx: Context, _: Value) -> Result<Success<Value>, PhaseError> {
        let attempt = ctx.start().attempt_id;
        let mut text = String::with_capacity(self.bytes + 40);
        while text.len() < self.bytes {
            text.push_str(&attempt.to_string());
        }
        ctx.progress(1, 2, "halves", "");
        // A blob that no other job has.
        ctx.artifacts().put_json(&format!("{attempt}.json"), &text).await?;
        Ok(Success::new(json!({ "text": text })))
    }
}

fn service(bytes: usize) -> ServiceHost {
    let (first, pieces, last) = (Work::<0> { bytes }, Work::<1> { bytes }, Work::<2> { bytes });
    let service = Service::builder("soak").capacity(256).phase(first).phase(pieces).phase(last);
    ServiceHost::start(service.build().unwrap())
}

/// Starts a job, and steers some of them.
async fn job(client: reqwest::Client, base: Arc<str>, number: u64, refused: Arc<AtomicU64>) {
    let items: Vec<u64> = (0..3).map(|item| number * 3 + item).collect();
    let input = json!({ "items": items, "asks": number.is_multiple_of(5) });
    let body = json!({ "pipeline": "soak", "key": format!("k{number}"), "input": input });
    let sent = client.post(format!("{base}/api/jobs")).json(&body).send().await;
    let answer = match sent {
        Ok(answer) if answer.status() == 201 => answer.json::<Value>().await.unwrap_or_default(),
        _ => {
            refused.fetch_add(1, Ordering::Relaxed);
            return;
        }
    };
    let id = answer["jobId"].as_str().unwrap_or_default();
    let command = match number % 50 {
        0 => "cancel",
        5 | 15 => "signals/go",
        7 => "pause",
        _ => return,
    };
    let call = |command: &str| client.post(format!("{base}/api/jobs/{id}/{command}")).json(&json!({})).send();
    let mut well = call(command).await.is_ok();
    if command == "pause" {
        well &= call("resume").await.is_ok();
    }
    refused.fetch_add(u64::from(!well), Ordering::Relaxed);
}

/// A listener that comes and goes, as dashboards do.
async fn listen(client: reqwest::Client, base: Arc<str>) {
    loop {
        let request = client.get(format!("{base}/api/events")).header("accept", "text/event-stream");
        let some = async {
            let Ok(mut answer) = request.send().await else { return };
            while let Ok(Some(_)) = answer.chunk().await {}
        };
        let _ = tokio::time::timeout(Duration::from_secs(20), some).await;
    }
}

async fn load(base: Arc<str>, jobs_per_second: u64, counts: Arc<Counts>) {
    let client = phase_kit::http_client().unwrap();
    tokio::spawn(listen(client.clone(), Arc::clone(&base)));
    let mut every = tokio::time::interval(Duration::from_secs(1) / u32::try_from(jobs_per_second).unwrap());
    every.set_missed_tick_behavior(MissedTickBehavior::Burst);
    loop {
        every.tick().await;
        let number = counts.started.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(job(client.clone(), Arc::clone(&base), number, Arc::clone(&counts.refused)));
    }
}

#[derive(Debug, Default)]
struct Counts {
    started: AtomicU64,
    refused: Arc<AtomicU64>,
}

/// A number of a process: kibibytes or a count.
fn of_process(pid: u32, what: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(what)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// The metrics of a name, together.
fn sum(metrics: &str, name: &str) -> f64 {
    let lines = metrics.lines().filter(|line| line.starts_with(name));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

/// What a folder takes on the disk, in MiB.
fn on_disk(folder: &Path) -> f64 {
    use std::os::unix::fs::MetadataExt;
    let mut blocks = 0.0;
    // Whatever goes while we look is nothing.
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.metadata() {
            Ok(meta) if meta.is_dir() => blocks += on_disk(&entry.path()),
            Ok(meta) => blocks += meta.blocks() as f64 * 512.0 / 1_048_576.0,
            Err(_) => {}
        }
    }
    blocks
}

fn soak(size: &Size) {
    let host = service(size.bytes);
    let home = Home::new("", &[("soak.toml", PIPELINE)]);
    home.write(
        "services.toml",
        format!(
            "[orchestrator]\nlisten = \"127.0.0.1:{}\"\nkeep_ended = \"{}s\"\n[service.soak]\nurl = \"{}\"\ncapacity = 128\n",
            home.port,
            size.keep.as_secs(),
            host.url()
        ),
    );
    let mut running: Running = home.orchestrate();
    let pid = running.child.id();
    let clients = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let counts = Arc::new(Counts::default());
    clients.spawn(load(home.url("").into(), size.jobs_per_second, Arc::clone(&counts)));

    let mut memory = Curve::new("orchestrator's memory", "MiB");
    let mut disk = Curve::new("its data folder", "MiB");
    let parts = ["journal", "artifacts", "memo", "callbacks"];
    let mut jobs = Curve::new("jobs that are kept", "");
    let mut resident = Curve::new("jobs in memory", "");
    let mut threads = Curve::new("threads", "");
    let (mut failed, mut queue) = (0.0, 0.0);
    let began = Instant::now();
    while began.elapsed() < size.time {
        running.pass(size.time / 240);
        let at = began.elapsed().as_secs_f64() / 60.0;
        memory.add(at, of_process(pid, "VmRSS:") / 1024.0);
        disk.add(at, on_disk(&home.path(".segue")));
        let (_, metrics) = home.get("/metrics");
        let metrics = metrics.as_str().unwrap_or_default();
        jobs.add(at, sum(metrics, "segue_jobs{"));
        resident.add(at, sum(metrics, "segue_jobs_in_memory "));
        threads.add(at, of_process(pid, "Threads:"));
        failed += sum(metrics, "segue_jobs{pipeline=\"soak\",state=\"error\"}");
        queue = sum(metrics, "segue_service_queue{");
    }
    let started = counts.started.load(Ordering::Relaxed);
    println!(
        "{started} jobs in {:.1} min, ended ones kept for {:?}",
        began.elapsed().as_secs_f64() / 60.0,
        size.keep
    );
    for part in parts {
        println!("{part}: {:.1} MiB", on_disk(&home.path(".segue").join(part)));
    }
    for curve in [&memory, &disk, &jobs, &resident, &threads] {
        println!("{}", curve.draw());
    }
    if let Ok(file) = std::env::var("SOAK_SVG") {
        std::fs::write(file, curve::svg(&[&memory, &disk, &jobs, &resident, &threads])).unwrap();
    }
    assert_eq!(counts.refused.load(Ordering::Relaxed), 0, "calls were refused");
    assert!(failed < 1.0, "jobs have failed");
    assert!(queue < 1_000.0, "this machine does not keep up with --rate: {queue} runs wait");
    assert!(memory.growth() < FLAT * memory.mean(), "memory grows: {}", memory.words());
    assert!(disk.growth() < FLAT * disk.mean() + SEGMENT, "the data folder grows: {}", disk.words());
}

mod slow {
    use std::time::Duration;

    use super::{Size, soak};

    fn number(name: &str, otherwise: u64) -> u64 {
        std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
    }

    #[test]
    fn memory_and_disk_are_flat() {
        soak(&Size {
            time: Duration::from_secs(number("SOAK_MINUTES", 5) * 60),
            jobs_per_second: number("SOAK_RATE", 5),
            keep: Duration::from_secs(number("SOAK_KEEP", 30)),
            bytes: number("SOAK_BYTES", 4_000) as usize,
        });
    }
}
