//! Into the live tree and back: once, never over somebody's change, whatever is killed.

use serde_json::{Value, json};

use crate::support::{Job, Peer, Shop, sed};

fn project() -> Value {
    json!({ "test": ["true"], "commands": { "sed": sed() }, "fixers": ["sed"] })
}

async fn verified(shop: &Shop) -> Job {
    let mut job = shop.job("a.txt");
    for phase in ["strategy", "fix", "verify"] {
        shop.well(&mut job, phase).await;
    }
    job
}

#[tokio::test]
async fn a_file_changed_meanwhile_is_never_overwritten() {
    let shop = Shop::new(&[("a.txt", "one BAD\n")], project()).await;
    let mut job = verified(&shop).await;
    shop.write("a.txt", "somebody works here, BAD\n");
    assert_eq!(shop.well(&mut job, "apply").await["outcome"], "superseded");
    assert_eq!(shop.read("a.txt"), "somebody works here, BAD\n");
    // Neither good nor bad: the newer change has a job of its own.
    let figures = shop.get("/statistics").await;
    assert_eq!((&figures["tasks_superseded"], &figures["success_rate"]), (&json!(1), &Value::Null));
}

#[tokio::test]
async fn an_attempt_that_is_run_again_after_a_kill_applies_once() {
    let mut shop = Shop::new(&[("a.txt", "one BAD\n")], project()).await;
    let mut job = verified(&shop).await;
    assert_eq!(shop.well(&mut job, "apply").await["outcome"], "applied");
    shop.kill();
    shop.open();
    assert_eq!(
        shop.well(&mut job, "apply").await["outcome"],
        "applied",
        "the orchestrator had not heard of it"
    );
    assert_eq!(shop.read("a.txt"), "one GOOD\n");
    let figures = shop.get("/statistics").await;
    assert_eq!(
        (&figures["tasks_processed"], &figures["tasks_applied"]),
        (&json!(1), &json!(1)),
        "counted once"
    );
}

#[tokio::test]
async fn the_watcher_hears_of_a_write_before_it_happens_or_it_does_not_happen() {
    let watcher = Peer::start(|_, number| (if number == 0 { 503 } else { 200 }, json!({}))).await;
    let shop = Shop::with(&[("a.txt", "one BAD\n")], project(), json!({}), Some(watcher.url.clone())).await;
    let mut job = verified(&shop).await;
    assert_eq!(shop.badly(&mut job, "apply").await, ("watcher-unreachable".to_owned(), true));
    assert_eq!(shop.read("a.txt"), "one BAD\n");
    assert_eq!(shop.well(&mut job, "apply").await["outcome"], "applied");
    let told = &watcher.calls()[1];
    assert_eq!((told.line.as_str(), &told.body["file"]), ("POST /written", &json!("a.txt")));
    assert_eq!(told.body["contentHash"], autofix::paths::content_hash(b"one GOOD\n"));
}

#[tokio::test]
async fn a_fix_is_taken_back_while_it_stands_and_not_after() {
    let shop = Shop::new(&[("a.txt", "one BAD\n")], project()).await;
    let mut job = verified(&shop).await;
    let undo = format!("{}/undo/{}", shop.url(), job.id);
    assert_eq!(shop.fake.post(&undo, &json!({})).await.0, 404, "nothing is applied yet");
    shop.well(&mut job, "apply").await;
    shop.write("a.txt", "one GOOD\nand more\n");
    let (status, problem) = shop.fake.post(&undo, &json!({})).await;
    assert_eq!((status, &problem["code"]), (409, &json!("not-now")), "{problem}");
    assert_eq!(shop.read("a.txt"), "one GOOD\nand more\n");
    shop.write("a.txt", "one GOOD\n");
    let (status, body) = shop.fake.post(&undo, &json!({})).await;
    assert_eq!((status, shop.read("a.txt").as_str()), (200, "one BAD\n"), "{body}");
    let (status, body) = shop.fake.post(&undo, &json!({})).await;
    assert_eq!((status, &body["again"]), (200, &json!(true)), "twice is as good as once");
}
