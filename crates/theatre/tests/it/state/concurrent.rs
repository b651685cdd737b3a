//! Many at once: nothing is lost, nothing is doubled, and what was accepted is begun whoever dies.

use std::sync::Arc;

use serde_json::json;
use theatre::{
    model::Action,
    state::{
        chain,
        command::{Command, Reply},
        event::Event,
        fold,
    },
};

use super::support::{Bare, House, understanding};

/// Clients, and what each of them tells.
const CLIENTS: u64 = 8;
const EACH: u64 = 1_250;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_patches_and_overrides_of_eight_clients_are_one_history() {
    let bare = Arc::new(Bare::open().await);
    let clients = (0..CLIENTS).map(|client| {
        let bare = Arc::clone(&bare);
        tokio::spawn(async move {
            for number in 0..EACH {
                one(&bare, client, number).await;
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.expect("a client");
    }
    let live = bare.theatre.look().await.expect("it runs");
    let path = bare.folder.path().join("log.jsonl");
    let mut log = std::fs::read(&path).expect("the log");
    let mut entries = Vec::new();
    let head = chain::walk("main", &log, |entry| entries.push(entry)).expect("the chain is whole");
    assert_eq!(fold::fold(&entries), live, "the live state is the sequential fold");
    assert_eq!((head.seq, head.seq), (live.seq, entries.len() as u64));
    let patches = entries.iter().filter(|entry| matches!(entry.event, Event::Understood { .. })).count();
    let overrides = entries.iter().filter(|entry| matches!(entry.event, Event::Overridden { .. })).count();
    assert_eq!((patches + overrides) as u64, CLIENTS * EACH, "the audit is complete");
    let middle = log.len() / 2;
    log[middle] ^= 1;
    assert!(chain::walk("main", &log, |_| ()).is_err(), "one flipped byte is found");
}

/// Four patches, then an override. Each patch is of an utterance of its own.
async fn one(bare: &Bare, client: u64, number: u64) {
    let machine = format!("M{:02}", 1 + (client + number) % 9);
    let action = if number.is_multiple_of(2) { "ON" } else { "OFF" };
    if number % 5 == 4 {
        let (reason, operator) = (format!("{client}/{number}"), format!("client {client}"));
        let command = Command::Override {
            machine_id: machine,
            action: action.to_owned(),
            reason,
            operator,
            minutes: None,
        };
        bare.tell(command).await;
        return;
    }
    let said = Command::Say {
        text: format!("{client}/{number}"),
        speaker: format!("client {client}"),
        said_at: None,
    };
    let done = bare.tell(said).await;
    let action = if number.is_multiple_of(2) { Action::On } else { Action::Off };
    let body = understanding(&[(&machine, action)]);
    // The clock of the test stands.
    let reply = Reply { utterance: done.utterance, epoch: done.epoch, said_at: bare.hands.now(), body };
    bare.tell(Command::Understood(reply)).await;
}

#[tokio::test]
async fn a_patch_that_comes_twice_is_taken_once() {
    let house = House::open().await;
    house.well("/select_surgery", &json!({ "surgery": "PCNL" })).await;
    house.well("/transcript", &json!({ "text": "suction on" })).await;
    let job = house.desk.jobs(1).await.remove(0);
    let answer = json!(understanding(&[("M06", Action::On)]));
    let first = house.apply(&job, "apply_rules", "rules", &answer).await;
    assert_eq!((&first["applied"], &first["duplicate"]), (&json!(true), &json!(false)));
    let again = house.apply(&job, "apply_rules", "rules", &answer).await;
    assert_eq!((&again["applied"], &again["duplicate"]), (&json!(false), &json!(true)));
}

#[tokio::test]
async fn where_the_model_was_not_asked_there_is_nothing_to_take_and_nothing_fails() {
    let house = House::open().await;
    house.well("/select_surgery", &json!({ "surgery": "PCNL" })).await;
    house.well("/transcript", &json!({ "text": "suction on" })).await;
    let job = house.desk.jobs(1).await.remove(0);
    let taken = house.apply(&job, "apply_model", "llm", &json!(null)).await;
    assert_eq!((&taken["applied"], &taken["dropped"]), (&json!(false), &json!(true)));
}

#[tokio::test]
async fn what_was_accepted_is_begun_in_order_and_once_though_the_service_is_killed() {
    let mut house = House::open().await;
    house.well("/select_surgery", &json!({ "surgery": "PCNL" })).await;
    house.well("/transcript", &json!({ "text": "sentence 1" })).await;
    house.desk.jobs(1).await;
    house.desk.shut(true);
    for number in 2..=20 {
        house.well("/transcript", &json!({ "text": format!("sentence {number}") })).await;
    }
    house.kill();
    house.start();
    house.desk.shut(false);
    let jobs = house.desk.jobs(20).await;
    for (index, job) in jobs.iter().enumerate() {
        assert_eq!(job["key"], format!("main:{}", index + 1), "in order");
        assert_eq!(job["input"]["text"], format!("sentence {}", index + 1));
        assert_eq!(job["pipeline"], "theatre");
    }
    let window = jobs[19]["input"]["context"]["window"].as_array().expect("lines");
    assert_eq!((window.len(), &window[19]["text"]), (20, &json!("sentence 20")), "this utterance last");
}

#[tokio::test]
async fn an_utterance_of_a_theatre_that_was_begun_anew_is_another_job() {
    let mut house = House::open().await;
    let talk = json!({ "text": "suction on" });
    house.well("/select_surgery", &json!({ "surgery": "PCNL" })).await;
    house.well("/transcript", &talk).await;
    house.desk.jobs(1).await;
    house.stop().await;
    std::fs::remove_dir_all(house.folder.path().join("theatres")).expect("removed");
    house.start();
    house.well("/select_surgery", &json!({ "surgery": "PCNL" })).await;
    house.well("/transcript", &talk).await;
    let jobs = house.desk.jobs(2).await;
    assert_eq!(jobs[0]["key"], jobs[1]["key"]);
    assert_ne!(jobs[0]["idempotencyKey"], jobs[1]["idempotencyKey"]);
}

#[tokio::test]
async fn what_a_recogniser_sends_again_because_it_heard_no_answer_is_one_utterance() {
    let house = House::open().await;
    house.well("/select_surgery", &json!({ "surgery": "PCNL" })).await;
    let said_at = jiff::Timestamp::now().to_string();
    let talk = json!({ "text": "suction on", "speaker": "surgeon", "said_at": said_at });
    let first = house.well("/transcript", &talk).await;
    house.well("/transcript", &json!({ "text": "suction on", "speaker": "nurse", "said_at": said_at })).await;
    assert_eq!(house.well("/transcript", &talk).await["utterance"], first["utterance"]);
    assert_eq!(house.get("/state").await.1["metadata"]["last_utterance"], 2);
}
