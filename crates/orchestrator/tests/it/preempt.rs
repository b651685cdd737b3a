//! Urgent work takes a slot from work that can wait: over real HTTP, with a service that gives checkpoints.
//!
//! A unit of work that is done twice, a checkpoint that is lost and an attempt too many are all seen in what the service notes.

#![expect(clippy::unwrap_used, reason = "where a test can't be set up, it fails")]

mod coordinator;
mod faults;
mod hands;
mod order;

use std::time::{Duration, Instant};

use hands::{Log, hands};
use orchestrator::core::decode;
use phase_kit::testing::ServiceHost;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Orchestrator, Setup};

const WORK: &str = "name='work'\n\
    [[phase]]\nid='work'\nservice='stub'\ninterruptible=true\nwhen=\"!has(input.keeps) && !has(input.again)\"\n\
    [[phase]]\nid='again'\nservice='stub'\ninterruptible='restart'\nwhen=\"has(input.again)\"\n\
    [[phase]]\nid='keeps'\nservice='stub'\nwhen=\"has(input.keeps)\"\nretry={attempts=1}";

/// An orchestrator, one service of a capacity, and what happens there.
pub(crate) struct Stage {
    pub(crate) segue: Orchestrator,
    pipeline: &'static str,
    pub(crate) log: Log,
    _service: ServiceHost,
    _folder: TempDir,
}

impl Stage {
    pub(crate) async fn new(capacity: usize) -> Self {
        Self::of("work", WORK, "stub", capacity, "").await
    }

    /// The pipeline that is shipped, with a service that does as it is told.
    pub(crate) async fn assistant(orchestrator: &str) -> Self {
        let pipeline = include_str!("../../../../pipelines/assistant.toml");
        Self::of("assistant", pipeline, "assistant", 1, orchestrator).await
    }

    async fn of(pipeline: &'static str, text: &str, name: &str, capacity: usize, orchestrator: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (service, log) = hands(capacity);
        let mut setup = Setup::new(folder.path(), text, &service.url());
        let of_service = format!("[service.{name}]\nurl = \"{}\"\ncapacity = {capacity}\n", service.url());
        setup.services = format!("{orchestrator}\n{of_service}");
        Self { segue: Orchestrator::with(setup).await, pipeline, log, _service: service, _folder: folder }
    }

    /// Starts a job and gives its id.
    pub(crate) async fn start(&self, key: &str, priority: &str, input: &Value) -> String {
        self.start_and("", key, priority, input).await["jobId"].as_str().unwrap().to_owned()
    }

    /// Starts a job and gives its state once it is over.
    pub(crate) async fn interrupt(&self, key: &str, priority: &str, input: &Value) -> Value {
        self.start_and("?wait=30s", key, priority, input).await
    }

    async fn start_and(&self, query: &str, key: &str, priority: &str, input: &Value) -> Value {
        let body = json!({ "pipeline": self.pipeline, "key": key, "priority": priority, "input": input });
        let (status, answer) = self.segue.post(&format!("/api/jobs{query}"), &body).await;
        assert_eq!(status, 201, "{answer}");
        answer
    }

    /// How often something happened to a job.
    pub(crate) async fn count(&self, job: &str, what: &str) -> usize {
        self.kinds(job).await.iter().filter(|kind| *kind == what).count()
    }

    /// What has happened to a job, in its order.
    pub(crate) async fn kinds(&self, job: &str) -> Vec<String> {
        let id: engine::ids::JobId = job.parse().unwrap();
        let history = self.segue.core.journal().history(id, 0, 10_000).await.unwrap();
        history.iter().map(|(_, _, event)| decode(event).unwrap().kind.name().to_owned()).collect()
    }
}

/// Background jobs that are each interrupted so often before they are done, and as many urgent jobs, one after the other.
/// Gives how long each urgent one took from its request to its start.
async fn interrupt_again_and_again(stage: &Stage, jobs: usize, each: usize) -> Vec<Duration> {
    let units = each + 1;
    let mut background = Vec::new();
    for number in 0..jobs {
        let input = json!({ "units": units, "atATime": 1 });
        background.push(stage.start(&format!("background-{number}"), "background", &input).await);
    }
    let mut took = Vec::new();
    for number in 0..jobs {
        for time in 1..units {
            // As soon as the one before is at work again: its start is not even noted in the journal.
            stage.log.begun(&format!("background-{number}"), time).await;
            let (key, sent) = (format!("urgent-{number}-{time}"), Instant::now());
            let over = stage.interrupt(&key, "urgent", &json!({})).await;
            assert_eq!(over["status"], "complete", "{over}");
            took.push(stage.log.begun(&key, 1).await.at - sent);
        }
    }
    for (number, job) in background.iter().enumerate() {
        let over = stage.segue.over(job).await;
        assert_eq!(over["status"], "complete", "{over}");
        assert_eq!(over["phases"][0]["stats"]["sum"], json!((0..units).sum::<usize>()), "{over}");
        for (what, times) in [("attemptStarted", units), ("attemptPreempted", each), ("attemptSucceeded", 1)]
        {
            assert_eq!(stage.count(job, what).await, times, "{what} of {number}");
        }
    }
    took
}

/// Each went on from its checkpoint, once, and did no unit twice; never were more at work than the service can take.
fn assert_done_once(log: &Log, jobs: usize, each: usize, capacity: usize) {
    log.see(|seen| {
        for number in 0..jobs {
            let key = format!("background-{number}");
            let from: Vec<usize> =
                seen.begun.iter().filter(|begun| begun.key == key).map(|begun| begun.from).collect();
            assert_eq!(from, (0..=each).collect::<Vec<_>>(), "{key} goes on from where it was");
            assert_eq!(seen.paused[&key], (1..=each).collect::<Vec<_>>(), "{key} is paused once a time");
            assert_eq!(seen.units[&key], (0..=each).collect::<Vec<_>>(), "{key} does each unit once");
        }
        assert_eq!(seen.most_at_work, capacity);
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_interrupted_again_and_again_goes_on_from_its_checkpoint_and_does_nothing_twice() {
    let stage = Stage::new(1).await;
    let took = interrupt_again_and_again(&stage, 5, 10).await;
    assert_eq!(took.len(), 50);
    assert_done_once(&stage.log, 5, 10, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_no_checkpoint_is_stopped_first_and_begins_anew_after() {
    let stage = Stage::new(1).await;
    let low = stage.start("low", "low", &json!({ "again": true, "units": 1, "gate": "low" })).await;
    stage.log.begun("low", 1).await;
    assert_eq!(stage.interrupt("urgent", "urgent", &json!({ "units": 1 })).await["status"], "complete");
    stage.log.begun("low", 2).await;
    stage.log.let_go("low");
    assert_eq!(stage.segue.over(&low).await["status"], "complete");
    stage.log.see(|seen| {
        assert!(seen.begun.iter().all(|begun| begun.from == 0) && seen.paused.is_empty(), "{seen:?}");
        assert_eq!((&seen.units["low"], seen.most_at_work), (&vec![0, 0], 1));
    });
    for (what, times) in [("attemptStarted", 2), ("attemptPreempted", 1), ("attemptSucceeded", 1)] {
        assert_eq!(stage.count(&low, what).await, times, "{what}");
    }
}

/// Of all, the one at this part of them, in order.
fn quantile(took: &[Duration], part: f64) -> Duration {
    let mut sorted = took.to_vec();
    sorted.sort_unstable();
    let last = sorted.len() - 1;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "it is an index"
    )]
    let at = (last as f64 * part).round() as usize;
    sorted[at]
}

mod slow {
    use super::*;

    /// The figures of docs/priorities.md; `--release` for those that count.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_thousand_urgent_jobs_find_the_only_slot_taken() {
        let stage = Stage::new(1).await;
        let took = interrupt_again_and_again(&stage, 20, 50).await;
        assert_done_once(&stage.log, 20, 50, 1);
        let [p50, p99, most] = [0.5, 0.99, 1.0].map(|part| quantile(&took, part));
        eprintln!("{} preemptions: p50 {p50:?}, p99 {p99:?}, longest {most:?}", took.len());
    }
}
