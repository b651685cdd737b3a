//! Nothing is lost and nothing is done otherwise when processes are killed at random moments: the files of a course that was
//! disturbed are those of one that was not, byte for byte.
//!
//! `cargo xtask kill` runs the long one, with other numbers where it is told so.

#![expect(clippy::print_stdout, reason = "the table is for whoever watches: --nocapture")]

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use rustix::process::{Signal, kill_process};

use crate::support::{Running, course, up};

/// How a course is disturbed.
struct Plan {
    orchestrator: usize,
    services: usize,
    seeds: usize,
    /// Of the moments and of who is killed.
    random: u64,
}

/// What came of a course.
struct Made {
    files: BTreeMap<String, Vec<u8>>,
    took: Duration,
}

impl Made {
    fn row(&self, name: &str, killed: (usize, usize)) -> String {
        let bytes: usize = self.files.values().map(Vec::len).sum();
        let mut all = blake3::Hasher::new();
        for (file, bytes) in &self.files {
            all.update(file.as_bytes()).update(blake3::hash(bytes).as_bytes());
        }
        let digest = &all.finalize().to_hex()[..16];
        format!(
            "{name:12} {:>12} {:>8} {:>7.1} {:>6} {bytes:>10}  {digest}",
            killed.0,
            killed.1,
            self.took.as_secs_f64(),
            self.files.len()
        )
    }
}

fn one_of<'a>(
    random: &mut StdRng,
    from: &[&'a (rustix::process::Pid, String)],
) -> Option<&'a (rustix::process::Pid, String)> {
    (!from.is_empty()).then(|| from[random.random_range(0..from.len())])
}

/// Kills until all is killed that should be: who is there at that moment, a service that speaks more often than others.
fn disturb(running: &mut Running, plan: &Plan) {
    let mut random = StdRng::seed_from_u64(plan.random);
    let (mut orchestrator, mut services) = (plan.orchestrator, plan.services);
    while orchestrator + services > 0 {
        running.pass(Duration::from_millis(random.random_range(50..900)));
        let children = running.children();
        let (orchestrators, workers): (Vec<_>, Vec<_>) =
            children.iter().partition(|(_, line)| line.contains(" orchestrate"));
        let speaking: Vec<_> = workers.iter().copied().filter(|(_, line)| line.contains(" tts")).collect();
        let theirs = random.random_range(0..orchestrator + services) < orchestrator;
        let (victims, left) = match theirs {
            true => (&orchestrators, &mut orchestrator),
            false if random.random_bool(0.5) && !speaking.is_empty() => (&speaking, &mut services),
            false => (&workers, &mut services),
        };
        let Some((pid, _)) = one_of(&mut random, victims) else { continue };
        if kill_process(*pid, Signal::KILL).is_ok() {
            *left -= 1;
        }
    }
}

/// Runs a course from nothing to its files.
fn make(plan: &Plan, disturbed: bool) -> Made {
    let home = course();
    let mut running = up(&home);
    let began = Instant::now();
    let id = home.start("course", "spa_for_eng", &format!("{{\"totalSeeds\": {}}}", plan.seeds));
    if disturbed {
        disturb(&mut running, plan);
    }
    home.well(&["status", &id, "--wait"]);
    let took = began.elapsed();
    home.well(&["artifacts", "pull", &id, "out"]);
    let mut files = BTreeMap::new();
    collect(&home.path("out"), "", &mut files);
    let report = home.well(&["course", "report", "out"]);
    assert!(!report.is_empty());
    Made { files, took }
}

/// All files of a folder, by the name from there on.
pub(crate) fn collect(folder: &Path, name: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{name}/{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            collect(&path, &name, files);
        } else {
            files.insert(name, std::fs::read(&path).unwrap());
        }
    }
}

fn same_files(plan: &Plan) {
    println!("seed of the moments: {}", plan.random);
    println!("course       orchestrator services seconds  files      bytes  digest");
    let calm = make(plan, false);
    println!("{}", calm.row("undisturbed", (0, 0)));
    let killed = make(plan, true);
    println!("{}", killed.row("killed", (plan.orchestrator, plan.services)));
    let names: Vec<&String> = calm.files.keys().chain(killed.files.keys()).collect();
    let different: Vec<&&String> =
        names.iter().filter(|name| calm.files.get(**name) != killed.files.get(**name)).collect();
    assert!(different.is_empty(), "these differ: {different:?}");
    println!("all {} files are the same, byte for byte", calm.files.len());
}

#[test]
fn a_few_kills_change_no_byte() {
    same_files(&Plan { orchestrator: 3, services: 3, seeds: 2, random: 7 });
}

mod slow {
    use super::{Plan, same_files};

    fn number(name: &str, otherwise: u64) -> u64 {
        std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
    }

    #[test]
    fn forty_kills_change_no_byte() {
        same_files(&Plan {
            orchestrator: number("KILL_ORCHESTRATOR", 20) as usize,
            services: number("KILL_SERVICES", 20) as usize,
            seeds: number("KILL_SEEDS", 60) as usize,
            random: number("KILL_RANDOM", rand::random()),
        });
    }
}
