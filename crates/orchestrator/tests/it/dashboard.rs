//! The dashboard's files over HTTP, and why a job is not moving as the page asks for it.

#![expect(clippy::unwrap_used, reason = "where a test can't be set up, it fails")]

use http_body_util::{BodyExt, Empty};
use hyper::{HeaderMap, Request};
use serde_json::json;

use crate::support::{Orchestrator, service};

const BRANCHES: &str = "name='two'\n[[phase]]\nid='left'\nservice='stub'\n[[phase]]\nid='right'\n\
    wait={signal='go',timeout='1h'}\n[[phase]]\nid='both'\nservice='stub'\nafter=['left','right']";

/// A `GET` with headers: status, headers, body.
async fn get(url: &str, headers: &[(&str, &str)]) -> (u16, HeaderMap, String) {
    let client: hyper_util::client::legacy::Client<_, Empty<bytes::Bytes>> =
        hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
    let mut request = Request::builder().uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = client.request(request.body(Empty::new()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    (parts.status.as_u16(), parts.headers, String::from_utf8_lossy(&bytes).into_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_gets_the_page_with_its_policy_and_others_get_json() {
    let folder = tempfile::tempdir().unwrap();
    let stub = service().await;
    let segue = Orchestrator::start(folder.path(), BRANCHES, &stub.url, None).await;
    let home = format!("{}/", segue.url);
    let (status, headers, page) = get(&home, &[("accept", "text/html,*/*;q=0.8")]).await;
    assert_eq!((status, &headers["content-type"]), (200, &"text/html; charset=utf-8".parse().unwrap()));
    assert_eq!(headers["content-security-policy"], dashboard::CONTENT_SECURITY_POLICY);
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert!(page.contains("dashboard/js/main.js"), "{page}");
    let (_, headers, answer) = get(&home, &[]).await;
    assert_eq!(
        (&headers["content-type"], &headers["vary"]),
        (&"application/json".parse().unwrap(), &"accept".parse().unwrap())
    );
    assert!(answer.contains("\"jobs\":\"/api/jobs\""), "{answer}");
    let (status, headers, _) = get(&format!("{}/dashboard", segue.url), &[]).await;
    assert_eq!((status, &headers["location"]), (308, &"/".parse().unwrap()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_unchanged_is_not_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let stub = service().await;
    let segue = Orchestrator::start(folder.path(), BRANCHES, &stub.url, None).await;
    for path in dashboard::paths() {
        let url = format!("{}/dashboard/{path}", segue.url);
        let (status, headers, body) = get(&url, &[]).await;
        assert_eq!((status, body.is_empty()), (200, false), "{path}");
        assert_eq!(headers["content-security-policy"], dashboard::CONTENT_SECURITY_POLICY, "{path}");
        let etag = headers["etag"].to_str().unwrap().to_owned();
        let (status, headers, body) = get(&url, &[("if-none-match", &format!("\"other\", {etag}"))]).await;
        assert_eq!((status, body.as_str()), (304, ""), "{path}");
        assert_eq!(headers["etag"], etag.as_str(), "{path}");
        assert_eq!(get(&url, &[("if-none-match", "\"other\"")]).await.0, 200, "{path}");
    }
    assert_eq!(get(&format!("{}/dashboard/js/nothing.js", segue.url), &[]).await.0, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn why_is_a_chain_from_the_join_down_to_what_it_waits_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = service().await;
    let segue = Orchestrator::start(folder.path(), BRANCHES, &stub.url, None).await;
    let (_, started) = segue.post("/api/jobs", &json!({ "pipeline": "two", "key": "k" })).await;
    let job = started["jobId"].as_str().unwrap();
    let start = stub.next().await;
    let url = format!("{}/api/attempts/{}/progress", segue.url, start["attemptId"].as_str().unwrap());
    let body = json!({ "done": 12, "total": 40, "unit": "seeds" }).to_string().into_bytes();
    assert_eq!(crate::support::call("POST", &url, body, start["callback"]["token"].as_str()).await.0, 200);
    let (_, why) = segue.get(&format!("/api/jobs/{job}/why")).await;
    let chain = &why["causes"][0];
    assert_eq!(chain["text"], "both waits for left and right", "{why}");
    assert_eq!(chain["because"][0]["text"], "left runs (attempt 1): 12 of 40 seeds", "{why}");
    assert_eq!(chain["because"][1]["text"], "right waits for the signal 'go'", "{why}");
    assert_eq!(chain["because"][1]["hint"], format!("POST /api/jobs/{job}/signals/go"));
    assert_eq!(why["summary"], "left runs (attempt 1): 12 of 40 seeds; right waits for the signal 'go'");
    let (_, status) = segue.get(&format!("/api/jobs/{job}")).await;
    let reasons: Vec<&serde_json::Value> =
        status["phases"].as_array().unwrap().iter().map(|phase| &phase["reason"]).collect();
    assert_eq!(
        reasons,
        [
            "left runs (attempt 1): 12 of 40 seeds",
            "right waits for the signal 'go'",
            "both waits for left and right"
        ]
    );
}
