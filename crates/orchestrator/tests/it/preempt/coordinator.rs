//! The calls of the original coordinator, the scenarios that it promised, and that its status tells what is so.

use std::time::Instant;

use serde_json::{Value, json};

use super::Stage;
use crate::support::call;

async fn status(stage: &Stage) -> Value {
    let (code, status) = stage.segue.get("/clone/orchestrator/status").await;
    assert_eq!(code, 200, "{status}");
    status
}

/// A chat that goes on until it is let go.
fn chat(gate: &str) -> Value {
    json!({ "kind": "chat", "message": "hello", "units": 2, "atATime": 1, "gate": gate })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scenario_1_a_voice_during_a_chat_is_heard_at_once_and_the_chat_goes_on_after() {
    let stage = Stage::assistant("").await;
    let chat = json!({ "kind": "chat", "message": "hello", "units": 2, "atATime": 1 });
    let job = stage.start("chat", "medium", &chat).await;
    stage.log.begun("chat", 1).await;
    let voice = json!({ "kind": "chat", "mode": "voice", "message": "stop", "gate": "voice" });
    let urgent = stage.start("voice", "urgent", &voice).await;
    stage.log.begun("voice", 1).await;
    let shown = status(&stage).await;
    assert_eq!(shown["state"]["mode"], "voice_active", "{shown}");
    assert_eq!((&shown["paused_tasks"], &shown["queue_size"]), (&json!(1), &json!(1)), "{shown}");
    assert_eq!(shown["current_task"]["priority"], "URGENT", "{shown}");
    stage.log.let_go("voice");
    for job in [urgent, job] {
        assert_eq!(stage.segue.over(&job).await["status"], "complete");
    }
    assert_eq!(stage.log.order(), ["chat", "voice", "chat"]);
    let shown = status(&stage).await;
    assert_eq!(shown["state"]["mode"], "idle", "{shown}");
    assert_eq!(
        (&shown["state"]["tasks_completed"], &shown["current_task"]),
        (&json!(2), &Value::Null),
        "{shown}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scenario_2_what_waits_goes_by_its_priority() {
    let stage = Stage::assistant("").await;
    stage.start("first", "high", &chat("first")).await;
    stage.log.begun("first", 1).await;
    let mut jobs = Vec::new();
    for priority in ["low", "medium", "high", "background"] {
        jobs.push(stage.start(priority, priority, &json!({ "kind": "chat", "message": "hello" })).await);
    }
    let shown = status(&stage).await;
    assert_eq!((&shown["queue_size"], &shown["background_tasks"]), (&json!(4), &json!(1)), "{shown}");
    stage.log.let_go("first");
    for job in jobs {
        stage.segue.over(&job).await;
    }
    assert_eq!(stage.log.order(), ["first", "high", "medium", "low", "background"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scenario_3_a_stream_is_not_interrupted_and_an_urgent_donation_waits_for_its_end() {
    let stage = Stage::assistant("").await;
    let stream =
        json!({ "kind": "chat", "mode": "streaming", "name": "stream", "message": "hello", "gate": "end" });
    let stream = stage.start("stream", "high", &stream).await;
    stage.log.begun("stream", 1).await;
    let donation = json!({ "kind": "chat", "name": "donation", "message": "thanks" });
    let donation = stage.start("donation", "urgent", &donation).await;
    let shown = status(&stage).await;
    let state = &shown["state"];
    assert_eq!((&state["mode"], &state["streaming"]), (&json!("streaming"), &json!(true)), "{shown}");
    assert_eq!((&state["can_interrupt"], &state["tasks_queued"]), (&json!(false), &json!(1)), "{shown}");
    assert_eq!(shown["current_task"]["name"], "stream", "{shown}");
    assert_eq!(shown["current_task"]["interruptible"], false, "{shown}");
    assert_eq!(stage.log.order(), ["stream"]);
    stage.log.let_go("end");
    for job in [&stream, &donation] {
        assert_eq!(stage.segue.over(job).await["status"], "complete");
    }
    assert_eq!(stage.log.order(), ["stream", "donation"]);
    assert_eq!(stage.count(&stream, "pauseRequested").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_3_the_status_never_says_idle_while_work_runs() {
    let stage = Stage::assistant("").await;
    let units = json!({ "kind": "summarise", "units": 21, "atATime": 1 });
    let job = stage.start("background", "background", &units).await;
    stage.log.begun("background", 1).await;
    let interrupting = async {
        for number in 0..20 {
            stage.log.begun("background", number + 1).await;
            let input = json!({ "kind": "chat", "message": "hello" });
            stage.interrupt(&format!("urgent-{number}"), "urgent", &input).await;
        }
        Instant::now()
    };
    let watching = async {
        let mut seen = Vec::new();
        while stage.log.see(|seen| seen.begun.iter().filter(|begun| begun.key == "background").count()) < 20 {
            seen.push((status(&stage).await, Instant::now()));
        }
        seen
    };
    let (_, seen) = tokio::join!(interrupting, watching);
    assert_eq!(stage.segue.over(&job).await["status"], "complete");
    assert!(!seen.is_empty());
    for (shown, _) in &seen {
        assert_eq!(shown["state"]["mode"], "busy", "{shown}");
        let running_for = shown["current_task"]["running_for"].as_f64();
        assert!(
            running_for.is_none_or(|seconds| seconds < 30.0),
            "from its start, not from its creation: {shown}"
        );
    }
    assert!(seen.iter().any(|(shown, _)| shown["current_task"]["priority"] == "BACKGROUND"), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_is_queued_by_its_type_and_what_does_not_fit_is_refused() {
    let stage = Stage::assistant("").await;
    let queue = "/clone/task/queue";
    let (code, told) = stage
        .segue
        .post(queue, &json!({ "task_type": "chat", "priority": "HIGH", "data": { "message": "hello" } }))
        .await;
    assert_eq!((code, &told["status"]), (201, &json!("queued")), "{told}");
    let over = stage.segue.over(told["task_id"].as_str().unwrap()).await;
    assert_eq!((&over["status"], &over["priority"]), (&json!("complete"), &json!("high")), "{over}");
    for (body, pointer) in [
        (json!({ "task_type": "dance" }), "/task_type"),
        (json!({ "data": {} }), "/task_type"),
        (json!({ "task_type": "monitor", "priority": "soon" }), "/priority"),
        (json!({ "task_type": "chat", "data": {} }), "/data/message"),
        (json!({ "task_type": "monitor", "data": 7 }), "/data"),
    ] {
        let (code, problem) = stage.segue.post(queue, &body).await;
        assert_eq!((code, &problem["pointer"]), (422, &json!(pointer)), "{body}: {problem}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stops_it_loses_nothing_and_says_it_once() {
    let stage = Stage::assistant("").await;
    assert_eq!(stage.segue.post("/clone/orchestrator/start", &json!({})).await.0, 409);
    assert_eq!(stage.segue.post("/clone/orchestrator/stop", &json!({})).await.0, 200);
    let (code, problem) = stage.segue.post("/clone/orchestrator/stop", &json!({})).await;
    assert_eq!((code, &problem["code"]), (409, &json!("not-now")), "{problem}");
    let job = stage.start("kept", "medium", &json!({ "kind": "monitor" })).await;
    let shown = status(&stage).await;
    assert_eq!((&shown["running"], &shown["queue_size"]), (&json!(false), &json!(1)), "{shown}");
    assert_eq!(shown["state"]["mode"], "idle", "nothing runs: {shown}");
    assert_eq!(stage.segue.post("/clone/orchestrator/start", &json!({})).await.0, 200);
    assert_eq!(stage.segue.over(&job).await["status"], "complete");
    stage.log.begun("kept", 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_token_nobody_else_may_ask_or_steer() {
    // Of the token `secret`.
    let hash = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
    let tokens =
        format!("[orchestrator]\ntokens = [{{ name = \"r\", role = \"operate\", sha256 = \"{hash}\" }}]");
    let stage = Stage::assistant(&tokens).await;
    let url = |path: &str| format!("{}{path}", stage.segue.url);
    for (method, path) in [
        ("GET", "/clone/orchestrator/status"),
        ("POST", "/clone/orchestrator/start"),
        ("POST", "/clone/orchestrator/stop"),
        ("POST", "/clone/task/queue"),
    ] {
        assert_eq!(call(method, &url(path), Vec::new(), None).await.0, 401, "{path}");
        assert_eq!(call(method, &url(path), Vec::new(), Some("wrong")).await.0, 401, "{path}");
    }
    assert_eq!(call("GET", &url("/clone/orchestrator/status"), Vec::new(), Some("secret")).await.0, 200);
    let (code, problem) = call("POST", &url("/clone/orchestrator/stop"), Vec::new(), Some("secret")).await;
    assert_eq!(
        (code, &problem["code"]),
        (403, &json!("not-allowed")),
        "only who may stop services: {problem}"
    );
}
