//! Processes killed at random points: how far the job is decides the moment, and a seed who is hit.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::{Duration, Instant},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use rustix::process::{Signal, kill_process};

use super::{Model, artifacts, book, ready, start, written};
use crate::support::{Home, Running, try_send, twindocs};

/// Longest wait for the next point.
const PATIENCE: Duration = Duration::from_secs(120);
/// Components of a stream at the same time, as the pipeline has them where nobody says otherwise.
const PARALLEL: usize = 10;

/// Who was killed.
#[derive(Debug, Default)]
struct Killed {
    orchestrator: usize,
    documenter_a: usize,
    others: usize,
}

impl Killed {
    fn all(&self) -> usize {
        self.orchestrator + self.documenter_a + self.others
    }
}

/// What came of a job.
struct Made {
    files: BTreeMap<String, Vec<u8>>,
    questions: usize,
    killed: Killed,
    took: Duration,
}

/// How far a job is: artifacts that are there, and components that were asked for. None: nobody can say so now.
fn how_far(home: &Home, id: &str, model: &Model) -> Option<usize> {
    let (status, listed) = try_send("GET", &home.url(&format!("/api/jobs/{id}/artifacts/")), b"").ok()?;
    let artifacts = listed["artifacts"].as_array().filter(|_| status == 200)?.len();
    let asked: BTreeSet<String> = model.server.ids().into_iter().collect();
    Some(artifacts + asked.len())
}

/// Whether it is still at work, as far as anybody can say so.
fn is_at_work(home: &Home, id: &str) -> bool {
    let said = try_send("GET", &home.url(&format!("/api/jobs/{id}")), b"");
    said.map_or(true, |(_, job)| job["status"] == "running" || job["status"].is_null())
}

/// Kills one at each point, until the job is over.
fn disturb(
    running: &mut Running,
    random: &mut StdRng,
    points: &[usize],
    at: (&Home, &str, &Model),
) -> Killed {
    let (home, id, model) = at;
    let mut killed = Killed::default();
    for point in points {
        let end = Instant::now() + PATIENCE;
        while how_far(home, id, model).is_none_or(|far| far < *point) {
            assert!(Instant::now() < end, "it never came as far as {point}");
            running.pass(Duration::from_millis(5));
        }
        if !is_at_work(home, id) {
            break;
        }
        let children = running.children();
        let whom = ["orchestrate", " documenter_a", " serve "][random.random_range(0..3)];
        let wanted: Vec<_> = children.iter().filter(|(_, line)| line.contains(whom)).collect();
        // One that was killed just before may not be there again: then another.
        let victims = if wanted.is_empty() { children.iter().collect() } else { wanted };
        let (pid, line) = victims[random.random_range(0..victims.len())];
        if kill_process(*pid, Signal::KILL).is_ok() {
            *match line {
                line if line.contains("orchestrate") => &mut killed.orchestrator,
                line if line.contains(" documenter_a") => &mut killed.documenter_a,
                _ => &mut killed.others,
            } += 1;
        }
    }
    killed
}

/// Runs a job from nothing to its package, and looks whether an author wrote anything twice.
fn make(code: &Path, model: &Model, random: &mut StdRng, points: &[usize]) -> Made {
    model.server.forget();
    let home = twindocs(&model.options("documenter_a"));
    let mut running = ready(&home);
    let began = Instant::now();
    let id = start(&home, "code", code);
    let killed = disturb(&mut running, random, points, (&home, &id, model));
    home.well(&["status", &id, "--wait"]);
    let took = began.elapsed();
    let files = artifacts(&home, &id);
    for stream in ["a", "b"] {
        let lines = book(&home, &format!("documenter_{stream}"));
        let keys: BTreeSet<&String> = lines.iter().collect();
        assert_eq!(lines.len(), keys.len(), "stream {stream} has written something twice");
        let written = written(&files, stream);
        assert_eq!(keys, written.iter().map(|(_, key)| key).collect(), "stream {stream}");
    }
    let files = files.into_iter().map(|(name, bytes)| (name, without_times(&bytes, &id))).collect();
    Made { files, questions: model.server.ids().len(), killed, took }
}

/// The same with every time taken out, and the job's id, which has a time in it.
fn without_times(bytes: &[u8], id: &str) -> Vec<u8> {
    let text = String::from_utf8(bytes.to_vec()).unwrap().replace(id, "JOB");
    let mut rest = &*text;
    let mut out = String::new();
    while let Some(at) = rest.find("\"20") {
        let time = &rest[at + 1..];
        let end = time.find('"').unwrap_or(0);
        let is_time = time[..end].ends_with('Z') && time.get(10..11) == Some("T");
        let upto = if is_time { at + 1 } else { at + 3 };
        out.push_str(&rest[..upto]);
        rest = if is_time { &time[end..] } else { &rest[upto..] };
    }
    (out + rest).into_bytes()
}

/// Documents a codebase undisturbed, and again, as often as it takes, until so many processes were killed.
pub(super) fn same_package(code: &Path, kills: usize, seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    println!("seed {seed}");
    let model = Model::start();
    let calm = make(code, &model, &mut random, &[]);
    let asked = |made: &Made| (made.files.len(), made.questions, made.took.as_secs_f64());
    println!("files, questions, seconds: {:?} undisturbed", asked(&calm));
    let components = written(&calm.files, "a").into_iter().map(|(id, _)| id).collect::<BTreeSet<_>>().len();
    let mut left = kills;
    while left > 0 {
        let mut points: Vec<usize> =
            (0..left).map(|_| random.random_range(0..calm.files.len() + components)).collect();
        points.sort_unstable();
        let made = make(code, &model, &mut random, &points);
        println!("files, questions, seconds: {:?} with {:?}", asked(&made), made.killed);
        let names: BTreeSet<&String> = calm.files.keys().chain(made.files.keys()).collect();
        let other: Vec<_> =
            names.iter().filter(|name| calm.files.get(**name) != made.files.get(**name)).collect();
        assert!(other.is_empty(), "these differ: {other:?}");
        // What was on its way when its documenter was killed is asked again, and nothing else.
        let most = calm.questions + PARALLEL * made.killed.documenter_a;
        assert!((calm.questions..=most).contains(&made.questions), "{} questions", made.questions);
        assert!(made.killed.all() > 0, "nobody was killed");
        left = left.saturating_sub(made.killed.all());
    }
    println!(
        "{components} components: {} files are the same but for times, nothing is written twice",
        calm.files.len()
    );
}
