//! Starts by the clock, with a clock of the tests' own.

#![expect(clippy::unwrap_used, reason = "where an answer is not as it must be, the test fails")]

use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::{Clock, Orchestrator, Setup, service};

const NIGHTLY: &str = "name='night'\n[[phase]]\nid='work'\nservice='stub'\n\
    [[schedule]]\ncron='0 3 * * *'\nkey='nightly'\ninput={ depth = 2 }";

fn setup(folder: &tempfile::TempDir, pipeline: &str, stub: &str, clock: &Arc<Clock>) -> Setup {
    let mut setup = Setup::new(folder.path(), pipeline, stub);
    setup.world = clock.clone();
    setup
}

/// The keys of all jobs, and what the pipeline's only schedule says of itself.
async fn look(segue: &Orchestrator) -> (Vec<String>, Value) {
    let (_, jobs) = segue.get("/api/jobs").await;
    let keys = jobs["jobs"].as_array().unwrap().iter().map(|job| job["key"].as_str().unwrap().to_owned());
    let mut keys: Vec<String> = keys.collect();
    keys.sort();
    let (_, pipelines) = segue.get("/api/pipelines").await;
    (keys, pipelines["pipelines"][0]["schedules"][0].clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_moment_starts_one_job_and_the_latest_missed_one_is_made_up_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = service().await;
    let clock = Clock::at("2026-11-20T12:00:00Z");
    let segue = Orchestrator::with(setup(&folder, NIGHTLY, &stub.url, &clock)).await;
    // Seen for the first time: nothing of the past is made up for.
    segue.app.schedules.round(&segue.app).await;
    let (keys, schedule) = look(&segue).await;
    assert_eq!((keys.len(), &schedule["next"]), (0, &json!("2026-11-21T03:00:00Z")), "{schedule}");
    clock.set("2026-11-21T03:00:00Z");
    for _ in 0..3 {
        segue.app.schedules.round(&segue.app).await;
    }
    let (keys, schedule) = look(&segue).await;
    assert_eq!(keys, ["nightly@2026-11-21T03:00:00Z"]);
    assert_eq!(stub.next().await["input"], json!({ "depth": 2 }));
    assert_eq!(schedule["last"]["moment"], "2026-11-21T03:00:00Z");
    let listen = segue.kill().await;
    // Three nights pass.
    clock.set("2026-11-24T09:30:00Z");
    let again = Setup { listen, ..setup(&folder, NIGHTLY, &stub.url, &clock) };
    let segue = Orchestrator::with(again).await;
    segue.app.schedules.round(&segue.app).await;
    segue.app.schedules.round(&segue.app).await;
    let (keys, schedule) = look(&segue).await;
    assert_eq!(keys, ["nightly@2026-11-21T03:00:00Z", "nightly@2026-11-24T03:00:00Z"]);
    assert_eq!(schedule["next"], "2026-11-25T03:00:00Z");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_between_the_start_and_its_note_repeats_nothing() {
    for pipeline in
        [NIGHTLY.to_owned(), format!("route='nights'\nkey='night'\non_conflict='restart'\n{NIGHTLY}")]
    {
        let folder = tempfile::tempdir().unwrap();
        let stub = service().await;
        let clock = Clock::at("2026-11-20T12:00:00Z");
        let segue = Orchestrator::with(setup(&folder, &pipeline, &stub.url, &clock)).await;
        segue.app.schedules.round(&segue.app).await;
        let file = folder.path().join("schedules.json");
        let before = std::fs::read(&file).unwrap();
        clock.set("2026-11-21T03:00:10Z");
        segue.app.schedules.round(&segue.app).await;
        let (started, _) = look(&segue).await;
        let (_, jobs) = segue.get("/api/jobs").await;
        let job = jobs["jobs"][0]["jobId"].clone();
        // Also where the job is over by then.
        segue.post(&format!("/api/jobs/{}/cancel", job.as_str().unwrap()), &json!({})).await;
        segue.kill().await;
        std::fs::write(&file, before).unwrap();
        let segue = Orchestrator::with(setup(&folder, &pipeline, &stub.url, &clock)).await;
        segue.app.schedules.round(&segue.app).await;
        let (keys, schedule) = look(&segue).await;
        assert_eq!((keys.len(), &keys), (1, &started));
        assert_eq!(schedule["last"]["jobId"], job);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thing_that_is_still_worked_on_is_left_alone_and_the_schedule_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let stub = service().await;
    let clock = Clock::at("2026-11-20T12:00:00Z");
    let pipeline = format!("route='nights'\nkey='night'\n{NIGHTLY}");
    let segue = Orchestrator::with(setup(&folder, &pipeline, &stub.url, &clock)).await;
    segue.app.schedules.round(&segue.app).await;
    for moment in ["2026-11-21T03:00:00Z", "2026-11-22T03:00:00Z"] {
        clock.set(moment);
        segue.app.schedules.round(&segue.app).await;
    }
    let (keys, schedule) = look(&segue).await;
    assert_eq!(keys, ["nightly"]);
    assert!(schedule["last"]["problem"].as_str().unwrap().contains("key"), "{schedule}");
    // A clock that ran ahead and was set back starts nothing a second time, and is not waited for.
    clock.set("2026-11-21T12:00:00Z");
    segue.app.schedules.round(&segue.app).await;
    assert_eq!(look(&segue).await.1["next"], "2026-11-22T03:00:00Z");
}
