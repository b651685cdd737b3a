//! From a change to a patch that holds: what is fixed, what is not, what is tried again.

use serde_json::{Value, json};

use crate::support::{Peer, Shop, says, sed};

/// The tests of these projects: a file that they name must not say WRONG.
fn grep_test() -> Value {
    json!(["sh", "-c", "! grep -rn WRONG --include=*.txt ."])
}

fn project(commands: Value) -> Value {
    let names: Vec<String> = commands.as_object().expect("an object").keys().cloned().collect();
    json!({ "test": grep_test(), "commands": commands, "fixers": names, "extensions": ["txt"] })
}

/// A project whose only fixer is a model.
async fn with_model(model: &Peer) -> Shop {
    let project = json!({ "test": grep_test(), "commands": { "sed": { "fix": ["true"], "check": sed()["check"] } }, "fixers": ["sed", "model"] });
    let options = json!({ "model": { "url": model.url, "model": "local" } });
    Shop::with(&[("a.txt", "one BAD\n"), ("b.txt", "fine\n")], project, options, None).await
}

#[tokio::test]
async fn nothing_is_ever_fixed_but_here_the_answer_is_applied() {
    let shop = Shop::new(&[("a.txt", "one BAD\n")], project(json!({ "sed": sed() }))).await;
    let mut job = shop.job("a.txt");
    assert_eq!(shop.through(&mut job).await, "applied");
    assert_eq!(shop.read("a.txt"), "one GOOD\n");
    let patch = shop.fake.artifact("patch.diff").expect("kept for people");
    assert!(std::str::from_utf8(&patch).expect("text").contains("-one BAD\n+one GOOD\n"));
    let figures = shop.get("/statistics").await;
    assert_eq!((&figures["tasks_succeeded"], &figures["tasks_applied"]), (&json!(1), &json!(1)));
}

#[tokio::test]
async fn a_model_whose_patch_breaks_the_tests_is_never_applied() {
    let model = Peer::start(|_, _| says("content", "one WRONG\n")).await;
    let shop = with_model(&model).await;
    let mut job = shop.job("a.txt");
    shop.well(&mut job, "strategy").await;
    assert_eq!(
        shop.badly(&mut job, "fix").await,
        ("nothing-changed".to_owned(), true),
        "the command can do nothing"
    );
    for _ in 0..3 {
        assert_eq!(shop.badly(&mut job, "fix").await, ("tests-broken".to_owned(), true));
        assert_eq!(shop.read("a.txt"), "one BAD\n");
    }
    // It hears what went wrong.
    let last = model.calls().pop().expect("it was asked");
    let data: Value =
        serde_json::from_str(last.body["messages"][1]["content"].as_str().expect("text")).expect("JSON");
    assert_eq!(data["earlier_tries"][0]["trouble"], "tests-broken");
    assert_eq!((&data["file"], &data["content"]), (&json!("a.txt"), &json!("one BAD\n")));
}

#[tokio::test]
async fn a_model_mends_what_no_command_can() {
    let diff = "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-one BAD\n+one, by a model\n";
    let model = Peer::start(move |_, _| says("diff", diff)).await;
    let shop = with_model(&model).await;
    let mut job = shop.job("a.txt");
    shop.well(&mut job, "strategy").await;
    assert_eq!(shop.badly(&mut job, "fix").await.0, "nothing-changed");
    assert_eq!(shop.well(&mut job, "fix").await["fixer"], "model");
    assert_eq!(shop.well(&mut job, "verify").await["outcome"], "verified");
    assert_eq!(shop.well(&mut job, "apply").await["outcome"], "applied");
    assert_eq!(shop.read("a.txt"), "one, by a model\n");
}

#[tokio::test]
async fn a_wrong_key_401_is_not_tried_again_for_every_file() {
    let model = Peer::start(|_, _| (401, json!({ "error": { "message": "wrong key" } }))).await;
    let shop = with_model(&model).await;
    let mut job = shop.job("a.txt");
    shop.well(&mut job, "strategy").await;
    assert_eq!(shop.badly(&mut job, "fix").await.0, "nothing-changed");
    assert_eq!(shop.badly(&mut job, "fix").await, ("provider-unauthorized".to_owned(), false));
    assert_eq!(model.calls().len(), 1);
    // The next file does not ask again, until some time has passed.
    shop.write("b.txt", "two BAD\n");
    let mut job = shop.job("b.txt");
    shop.well(&mut job, "strategy").await;
    assert_eq!(
        shop.badly(&mut job, "fix").await,
        ("nothing-changed".to_owned(), false),
        "nobody else is left"
    );
    assert_eq!(model.calls().len(), 1);
    shop.pass(601);
    let mut job = shop.job("b.txt");
    shop.well(&mut job, "strategy").await;
    shop.badly(&mut job, "fix").await;
    shop.badly(&mut job, "fix").await;
    assert_eq!(model.calls().len(), 2);
}

#[tokio::test]
async fn a_model_that_is_away_for_a_while_is_asked_again() {
    let model =
        Peer::start(|_, number| if number == 0 { (503, json!({})) } else { says("content", "one\n") }).await;
    let shop = with_model(&model).await;
    let mut job = shop.job("a.txt");
    shop.well(&mut job, "strategy").await;
    shop.badly(&mut job, "fix").await;
    assert_eq!(shop.badly(&mut job, "fix").await, ("provider-unavailable".to_owned(), true));
    assert_eq!(shop.well(&mut job, "fix").await["outcome"], "patched");
}

#[tokio::test]
async fn a_fixer_that_trades_one_fault_for_another_or_wrecks_other_files_changes_nothing() {
    // The first makes it worse; the second mends the file and wrecks its neighbour, which is no part of its patch.
    let worse = json!({ "fix": ["sh", "-c", "echo BAD >> \"$0\"; sed -i 1d \"$0\"", "{file}"], "check": sed()["check"] });
    let wrecks = json!({ "fix": ["sh", "-c", "sed -i s/BAD/GOOD/ \"$0\"; echo WRONG > b.txt", "{file}"], "check": sed()["check"] });
    let shop = Shop::new(
        &[("a.txt", "one BAD\n"), ("b.txt", "fine\n")],
        project(json!({ "a_worse": worse, "b_wrecks": wrecks })),
    )
    .await;
    let mut job = shop.job("a.txt");
    shop.well(&mut job, "strategy").await;
    let (code, again) = shop.badly(&mut job, "fix").await;
    assert!(["faults-stay", "new-faults"].contains(&code.as_str()) && again, "{code}");
    assert_eq!(shop.well(&mut job, "fix").await["fixer"], "b_wrecks");
    assert_eq!((shop.read("a.txt").as_str(), shop.read("b.txt").as_str()), ("one BAD\n", "fine\n"));
}

#[tokio::test]
async fn tests_that_are_red_without_any_fix_are_not_the_fixers_fault() {
    let shop =
        Shop::new(&[("a.txt", "one BAD\n"), ("b.txt", "WRONG\n")], project(json!({ "sed": sed() }))).await;
    let mut job = shop.job("a.txt");
    shop.well(&mut job, "strategy").await;
    assert_eq!(shop.badly(&mut job, "fix").await, ("tests-already-red".to_owned(), true));
    shop.write("b.txt", "mended\n");
    assert_eq!(shop.well(&mut job, "fix").await["outcome"], "patched", "the same fixer may try again");
}

#[tokio::test]
async fn a_patch_that_held_is_proved_again_when_the_tree_has_changed() {
    // A test that fails if both are GOOD: each fix holds alone, both together do not.
    let test = json!(["sh", "-c", "! { grep -q GOOD a.txt && grep -q GOOD b.txt; }"]);
    let project = json!({ "test": test, "commands": { "sed": sed() }, "fixers": ["sed"] });
    let shop = Shop::new(&[("a.txt", "BAD\n"), ("b.txt", "BAD\n")], project).await;
    let (mut one, mut two) = (shop.job("a.txt"), shop.job("b.txt"));
    for job in [&mut one, &mut two] {
        shop.well(job, "strategy").await;
        shop.well(job, "fix").await;
    }
    assert_eq!(shop.well(&mut one, "verify").await["outcome"], "verified");
    assert_eq!(shop.well(&mut one, "apply").await["outcome"], "applied");
    assert_eq!(shop.well(&mut two, "verify").await["outcome"], "broken");
    assert_eq!(shop.badly(&mut two, "apply").await, ("not-verified".to_owned(), false));
    assert_eq!(shop.read("b.txt"), "BAD\n");
}

#[tokio::test]
async fn a_file_name_is_no_command_and_no_instruction() {
    let file = "-n $(touch owned); `touch owned` 'x'.txt";
    let shop = Shop::new(&[(file, "one BAD\n")], project(json!({ "sed": sed() }))).await;
    assert_eq!(shop.through(&mut shop.job(file)).await, "applied");
    assert_eq!(shop.read(file), "one GOOD\n");
    assert!(!shop.root().join("owned").exists());
}

#[tokio::test]
async fn uncommitted_changes_of_other_files_are_in_the_scratch_place_too() {
    let shop = Shop::new(&[("a.txt", "one\n"), ("b.txt", "WRONG\n")], project(json!({ "sed": sed() }))).await;
    shop.write("a.txt", "one BAD, not committed\n");
    shop.write("b.txt", "mended, not committed\n");
    assert_eq!(shop.through(&mut shop.job("a.txt")).await, "applied");
    assert_eq!(shop.read("a.txt"), "one GOOD, not committed\n");
}

#[tokio::test]
async fn a_file_without_a_fault_is_left_alone_and_no_test_is_run() {
    let project = json!({ "test": ["no-such-program"], "commands": { "sed": sed() }, "fixers": ["sed"] });
    let shop = Shop::new(&[("a.txt", "one\n")], project).await;
    assert_eq!(shop.through(&mut shop.job("a.txt")).await, "clean");
    assert_eq!(shop.get("/statistics").await["tasks_succeeded"], 1);
}

#[tokio::test]
async fn a_project_that_is_not_configured_is_not_touched() {
    let shop = Shop::new(&[("a.txt", "BAD\n")], project(json!({ "sed": sed() }))).await;
    let mut job = shop.job("a.txt");
    job.input["project"] = json!("other");
    assert_eq!(shop.badly(&mut job, "strategy").await, ("unknown-project".to_owned(), false));
    let mut job = shop.job("a.txt");
    job.input["file"] = json!("../project/a.txt");
    assert_eq!(shop.badly(&mut job, "strategy").await, ("invalid-input".to_owned(), false));
}
