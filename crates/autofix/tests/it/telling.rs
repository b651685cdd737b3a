//! Telling people: levels by the failures of a file over time, each once, whatever is killed; payloads as they are expected.

use autofix::ledger::level_of;
use serde_json::{Value, json};

use crate::support::{Call, Job, Peer, Shop, sed};

/// A project that no fixer can mend.
fn hopeless() -> Value {
    let fixer = json!({ "fix": ["true"], "check": sed()["check"] });
    json!({ "test": ["true"], "commands": { "idle": fixer }, "fixers": ["idle"] })
}

/// All three places, one server. Cargo sets the variable for every test, so that it can stand for a token.
async fn told(peer: &Peer) -> Shop {
    let hook = |path: &str| json!({ "url": format!("{}{path}", peer.url) });
    let escalation = json!({
        "github": { "repo": "me/demo", "token_env": "CARGO_PKG_NAME", "api": peer.url },
        "chat": hook("/chat"), "mail": hook("/mail"),
    });
    Shop::with(&[("a.txt", "BAD\n")], hopeless(), json!({ "escalation": escalation }), None).await
}

fn github(call: &Call) -> (u16, Value) {
    match call.line.as_str() {
        line if line.starts_with("GET ") => (200, json!([])),
        line if line.contains("/issues") => {
            (201, json!({ "html_url": "https://example.org/me/demo/issues/7" }))
        }
        _ => (204, json!({})),
    }
}

/// A job that fails as the pipeline would let it.
async fn fail(shop: &Shop) -> Value {
    let mut job: Job = shop.job("a.txt");
    shop.well(&mut job, "strategy").await;
    let (code, again) = shop.badly(&mut job, "fix").await;
    assert!(!again, "nobody else is left");
    shop.pass(60);
    shop.escalate(&mut job, &code).await
}

#[test]
fn every_level_can_be_reached() {
    let levels: Vec<u8> = [0, 2, 3, 4, 5, 9, 10, 1000].map(level_of).into();
    assert_eq!(levels, [0, 0, 1, 1, 2, 2, 3, 3]);
}

#[tokio::test]
async fn level_three_is_reached_and_each_level_is_told_once() {
    let peer = Peer::start(|call, _| github(call)).await;
    let shop = told(&peer).await;
    let mut actions = Vec::new();
    for count in 1..=12 {
        let escalated = fail(&shop).await;
        assert_eq!(escalated["failure_count"], count);
        actions.push((escalated["level"].as_u64().expect("a number"), escalated["action_taken"].clone()));
    }
    let of = |level: u64, action: &str| (level, json!(action));
    assert_eq!(actions[1], of(0, "none"));
    assert_eq!(actions[2], of(1, "logged_and_paused"));
    assert_eq!(actions[4], of(2, "github_issue_created"));
    assert_eq!(actions[11], of(3, "notifications_sent_chat_mail"));
    let posts = |path: &str| peer.count(&format!("POST {path}"));
    assert_eq!((posts("/repos/me/demo/issues"), posts("/chat"), posts("/mail")), (1, 1, 1));
    assert_eq!(shop.get("/statistics").await["tasks_escalated"], 3);
}

#[tokio::test]
async fn what_is_told_has_the_form_that_is_expected() {
    let peer = Peer::start(|call, _| github(call)).await;
    let shop = told(&peer).await;
    for _ in 0..10 {
        fail(&shop).await;
    }
    let calls = peer.calls();
    let find = |line: &str| calls.iter().find(|call| call.line.starts_with(line)).expect("it came").clone();
    let issue = find("POST /repos/me/demo/issues");
    assert_eq!(issue.headers["authorization"], "Bearer autofix");
    assert_eq!(issue.body["title"], "[AutoFix Failed] demo: a.txt could not be fixed: nothing-changed");
    assert_eq!(issue.body["labels"], json!(["autofix-failure", "needs-investigation"]));
    let text = issue.body["body"].as_str().expect("text");
    assert!(text.contains("`a.txt`") && text.matches("nothing-changed").count() == 5, "{text}");
    let chat = find("POST /chat");
    let members: Vec<&String> = chat.body.as_object().expect("an object").keys().collect();
    assert_eq!(members, ["icon", "text", "username"]);
    assert_eq!(find("POST /mail").body["subject"], "[CRITICAL] AutoFix Failure");
}

#[tokio::test]
async fn an_issue_whose_answer_was_lost_is_not_opened_twice() {
    // The first call makes the issue, and the answer is lost: a 502 is all that comes.
    let made = std::sync::Arc::new(parking_lot::Mutex::new(Vec::<Value>::new()));
    let kept = std::sync::Arc::clone(&made);
    let peer = Peer::start(move |call, _| {
        if call.line.starts_with("GET ") {
            return (200, json!(*kept.lock()));
        }
        if call.line.contains("/issues") {
            kept.lock().push(json!({ "html_url": "https://example.org/7", "body": call.body["body"] }));
            return (502, json!({}));
        }
        (204, json!({}))
    })
    .await;
    let mut shop = told(&peer).await;
    for _ in 0..5 {
        fail(&shop).await;
    }
    assert_eq!(made.lock().len(), 1);
    shop.kill();
    shop.open();
    shop.pass(3600);
    // The sixth failure tells what is due.
    let escalated = fail(&shop).await;
    assert_eq!(
        (&escalated["action_taken"], &escalated["details"]),
        (&json!("github_issue_created"), &json!(["https://example.org/7"]))
    );
    assert_eq!(peer.count("POST /repos"), 1);
}

#[tokio::test]
async fn a_failure_that_is_delivered_twice_counts_once() {
    let peer = Peer::start(|call, _| github(call)).await;
    let shop = told(&peer).await;
    let mut job = shop.job("a.txt");
    shop.well(&mut job, "strategy").await;
    shop.badly(&mut job, "fix").await;
    for _ in 0..4 {
        assert_eq!(shop.escalate(&mut job, "nothing-changed").await["failure_count"], 1);
    }
    assert_eq!(shop.get("/statistics").await["tasks_failed"], 1, "an exception is not counted twice");
}

#[tokio::test]
async fn the_count_begins_anew_when_the_file_is_well() {
    let peer = Peer::start(|call, _| github(call)).await;
    let shop = told(&peer).await;
    for _ in 0..3 {
        fail(&shop).await;
    }
    shop.write("a.txt", "mended by hand\n");
    assert_eq!(shop.through(&mut shop.job("a.txt")).await, "clean");
    shop.write("a.txt", "BAD again\n");
    assert_eq!(fail(&shop).await["failure_count"], 1);
    let rate = shop.get("/statistics").await["success_rate"].as_f64().expect("a number");
    assert!((rate - 20.0).abs() < 1e-9, "one of five: {rate}");
}

#[tokio::test]
async fn who_is_not_set_up_is_said_to_be_skipped() {
    let shop = Shop::new(&[("a.txt", "BAD\n")], hopeless()).await;
    let mut last = Value::Null;
    for _ in 0..5 {
        last = fail(&shop).await;
    }
    assert_eq!((&last["action_taken"], &last["success"]), (&json!("github_issue_skipped"), &json!(true)));
}
