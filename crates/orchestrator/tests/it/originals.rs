//! What the original's callers ask besides start and status.

use serde_json::json;

use crate::support::{Orchestrator, call, call_back, service};

const COURSE: &str = "name='course'\nroute='courses'\nkey='courseCode'\n[[phase]]\nid='extraction'\nalias=['3','phase3']\n\
    service='stub'\n[[phase]]\nid='baskets'\nalias=['5']\nservice='stub'\nafter=['extraction']";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_originals_progress_calls_say_and_show_how_far_a_phase_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = service().await;
    let segue = Orchestrator::start(folder.path(), COURSE, &stub.url, None).await;
    let path = "/api/courses/spa_for_eng/progress";
    let (status, problem) = segue.get(path).await;
    assert_eq!((status, &problem["code"]), (404, &json!("unknown-job")));
    segue.post("/api/courses/spa_for_eng/start-phase", &json!({ "phase": 3 })).await;
    let start = stub.next().await;
    let said = json!({ "phase": 3, "updates": { "seedsCompleted": 120, "seedsTotal": 668 }, "logMessage": "at S0120" });
    let (status, answer) = segue.post(path, &said).await;
    assert_eq!((status, &answer["success"]), (200, &json!(true)), "{answer}");
    let (_, shown) = segue.get(path).await;
    assert_eq!(shown["courseCode"], "spa_for_eng");
    assert_eq!((&shown["currentPhase"], &shown["overallStatus"]), (&json!("extraction"), &json!("running")));
    let phase = &shown["phases"]["3"];
    assert_eq!((&phase["seedsCompleted"], &phase["seedsTotal"]), (&json!(120), &json!(668)), "{shown}");
    assert_eq!(shown["recentLogs"][0]["message"], "extraction: at S0120");
    assert!(shown["estimatedCompletion"].is_string(), "{shown}");
    // One that is not under way, one that is not there, and no number.
    for (body, status, code) in [
        (json!({ "phase": 5 }), 409, "not-now"),
        (json!({ "phase": 9 }), 422, "unknown-phase"),
        (json!({ "phase": 3, "updates": { "seedsTotal": "many" } }), 422, "invalid-field"),
    ] {
        let (got, problem) = segue.post(path, &body).await;
        assert_eq!((got, &problem["code"]), (status, &json!(code)), "{body}");
    }
    assert_eq!(call_back(&start, &json!({ "success": true })).await.0, 200);
    let (_, shown) = segue.get(path).await;
    let logs: Vec<&str> = shown["recentLogs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["message"].as_str().unwrap())
        .collect();
    assert_eq!(logs.last(), Some(&"job started"));
    assert!(logs.contains(&"extraction: attempt started"), "{logs:?}");
    let (_, all) = segue.get("/api/courses").await;
    assert_eq!((&all["jobs"][0]["key"], all["jobs"].as_array().unwrap().len()), (&json!("spa_for_eng"), 1));
    assert_eq!(segue.get("/api/courses/spa_for_eng").await.1["status"], "running");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phases_file_is_read_and_replaced_and_the_one_before_stays() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = service().await;
    let segue = Orchestrator::start(folder.path(), COURSE, &stub.url, None).await;
    segue.post("/api/courses/spa_for_eng/start-phase", &json!({ "phase": 3 })).await;
    let start = stub.next().await;
    let url = format!("{}lego_pairs.json", start["artifactsUrl"].as_str().unwrap());
    let token = start["callback"]["token"].as_str();
    assert_eq!(call("PUT", &url, b"{\"v\":1}".to_vec(), token).await.0, 201);
    let path = format!("{}/api/courses/spa_for_eng/phase-outputs/3/lego_pairs.json", segue.url);
    assert_eq!(call("GET", &path, Vec::new(), None).await, (200, json!({ "v": 1 })));
    assert_eq!(call("PUT", &path, b"{\"v\":2}".to_vec(), None).await.0, 201);
    assert_eq!(call("GET", &path, Vec::new(), None).await, (200, json!({ "v": 2 })));
    assert_eq!(call("GET", &format!("{path}.bak"), Vec::new(), None).await, (200, json!({ "v": 1 })));
    let wrong = path.replace("/3/", "/12/");
    assert_eq!(call("GET", &wrong, Vec::new(), None).await.0, 422);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_of_all_names_the_service_that_does_not_answer() {
    let folder = tempfile::tempdir().unwrap();
    let stub = service().await;
    let segue = Orchestrator::start(folder.path(), COURSE, &stub.url, None).await;
    // The stub has no /health.
    let (status, health) = segue.get("/health/all").await;
    assert_eq!((status, &health["services"]["stub"]["reachable"]), (503, &json!(0)), "{health}");
    assert_eq!(segue.get("/health").await.0, 200);
}
