//! The proven faults of the original coordinator, each as a test of what holds here instead.

use std::collections::BTreeSet;

use serde_json::json;

use super::Stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_1_a_queued_urgent_job_interrupts_what_runs() {
    let stage = Stage::new(1).await;
    let low = stage.start("low", "low", &json!({ "units": 2, "atATime": 1 })).await;
    stage.log.begun("low", 1).await;
    // Only queued: nobody waits for it.
    let urgent = stage.start("urgent", "urgent", &json!({ "gate": "urgent" })).await;
    stage.log.begun("urgent", 1).await;
    assert_eq!(stage.log.see(|seen| seen.paused["low"].clone()), [1], "it was asked, and gave a checkpoint");
    stage.log.let_go("urgent");
    assert_eq!(stage.segue.over(&urgent).await["status"], "complete");
    assert_eq!(stage.segue.over(&low).await["status"], "complete");
    assert_eq!(stage.log.order(), ["low", "urgent", "low"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_2_who_is_interrupted_stands_still_meanwhile_and_nothing_runs_twice() {
    let stage = Stage::new(1).await;
    let low = stage.start("low", "low", &json!({ "units": 4, "atATime": 2 })).await;
    stage.log.begun("low", 1).await;
    let over = stage.interrupt("urgent", "urgent", &json!({ "units": 3 })).await;
    assert_eq!(over["status"], "complete", "{over}");
    assert_eq!(stage.segue.over(&low).await["phases"][0]["stats"]["sum"], 6);
    stage.log.see(|seen| {
        assert_eq!(seen.units["low"], [0, 1, 2, 3], "each unit once");
        assert_eq!(seen.units["urgent"], [0, 1, 2]);
        assert_eq!(seen.most_at_work, 1, "never one beside the other");
    });
    assert_eq!(stage.count(&low, "attemptSucceeded").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_4_equals_keep_their_order() {
    let stage = Stage::new(1).await;
    stage.start("first", "medium", &json!({ "gate": "first" })).await;
    stage.log.begun("first", 1).await;
    let keys: Vec<String> = (0..20).map(|number| format!("t{number}")).collect();
    let mut jobs = Vec::new();
    for key in &keys {
        jobs.push(stage.start(key, "medium", &json!({})).await);
    }
    stage.log.let_go("first");
    for job in &jobs {
        stage.segue.over(job).await;
    }
    assert_eq!(stage.log.order()[1..], keys);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_5_jobs_of_one_instant_have_ids_of_their_own() {
    let stage = Stage::new(4).await;
    let keys: Vec<String> = (0..200).map(|number| format!("at-once-{number}")).collect();
    let input = json!({});
    let jobs = futures::future::join_all(keys.iter().map(|key| stage.start(key, "low", &input))).await;
    assert_eq!(jobs.iter().collect::<BTreeSet<_>>().len(), keys.len());
    for job in &jobs {
        assert_eq!(stage.segue.over(job).await["status"], "complete");
    }
    assert_eq!(stage.log.order().len(), keys.len(), "and each ran once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_6_nothing_runs_beside_an_urgent_job_that_cannot_be_interrupted() {
    let stage = Stage::new(1).await;
    let first = stage.start("first", "urgent", &json!({ "keeps": true, "gate": "first" })).await;
    stage.log.begun("first", 1).await;
    let background = stage.start("background", "background", &json!({})).await;
    let urgent = stage.start("urgent", "urgent", &json!({})).await;
    // Whatever was to happen has happened when a later question about it is answered.
    let (_, why) = stage.segue.get(&format!("/api/jobs/{urgent}/why")).await;
    assert!(why.to_string().contains(&first), "it waits for the one that runs: {why}");
    assert_eq!(stage.log.order(), ["first"]);
    stage.log.let_go("first");
    for job in [&first, &urgent, &background] {
        assert_eq!(stage.segue.over(job).await["status"], "complete");
    }
    assert_eq!(stage.log.order(), ["first", "urgent", "background"]);
    assert_eq!(stage.count(&first, "pauseRequested").await, 0);
    assert_eq!(stage.log.see(|seen| seen.most_at_work), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_7_a_failure_is_recorded_and_who_was_interrupted_for_it_goes_on() {
    let stage = Stage::new(1).await;
    let low = stage.start("low", "low", &json!({ "units": 2, "atATime": 1 })).await;
    stage.log.begun("low", 1).await;
    let failed = stage.interrupt("urgent", "urgent", &json!({ "fail": "out-of-tune" })).await;
    assert_eq!(failed["status"], "error", "{failed}");
    assert_eq!(failed["error"]["code"], "out-of-tune", "{failed}");
    assert_eq!(stage.segue.over(&low).await["status"], "complete");
    let (_, listed) = stage.segue.get("/api/jobs?state=error").await;
    assert_eq!(listed["jobs"][0]["jobId"], failed["jobId"], "{listed}");
    assert_eq!(listed["jobs"].as_array().unwrap().len(), 1);
}
