//! What is told as it happens: over the WebSocket and as server-sent events, with resume.

use futures::StreamExt;
use phase_kit::testing::within;
use serde_json::{Value, json};
use theatre::model::{Action, Pending, Temporal, Understanding};

use super::support::{House, next, toggle, understanding, until};

fn seq(state: &Value) -> u64 {
    state["metadata"]["seq"].as_u64().expect("a number")
}

#[tokio::test]
async fn a_reader_gets_the_state_and_then_each_that_follows() {
    let house = House::open().await;
    house.well("/select_surgery", &json!({ "surgery": "PCNL" })).await;
    let mut socket = house.socket("/ws/state").await;
    assert_eq!(seq(&next(&mut socket).await), 2);
    house.well("/transcript", &json!({ "text": "suction on", "speaker": "surgeon" })).await;
    let job = house.desk.jobs(1).await.remove(0);
    house.apply(&job, "apply_rules", "rules", &json!(understanding(&[("M06", Action::On)]))).await;
    let state = until(&mut socket, |state| state["metadata"]["patch_utterance"] == 1).await;
    assert_eq!(
        (&state["machines"]["1"], &state["details"]["toggles"][0]["machine_id"]),
        (&json!(["M01", "M06", "M09"]), &json!("M06"))
    );
    assert_eq!((&state["confidence"], &state["source"]), (&json!(0.95), &json!("rule")));
}

#[tokio::test]
async fn who_comes_back_gets_what_he_missed_state_by_state() {
    let house = House::open().await;
    house.well("/select_surgery", &json!({ "surgery": "PCNL" })).await;
    for action in ["ON", "OFF", "STANDBY"] {
        house.well("/override", &json!({ "machine_id": "M06", "action": action })).await;
    }
    let mut socket = house.socket("/ws/state?since=3").await;
    for (number, action) in [(4, "OFF"), (5, "STANDBY")] {
        let state = next(&mut socket).await;
        assert_eq!(
            (seq(&state), &state["metadata"]["machine_states"]["M06"]["state"]),
            (number, &json!(action))
        );
    }
    house.well("/override/release", &json!({ "machine_id": "M06" })).await;
    assert_eq!(seq(&next(&mut socket).await), 6, "and goes on");
    // Of a future that is none: the state as it is.
    assert_eq!(seq(&next(&mut house.socket("/ws/state?since=999").await).await), 6);
}

#[tokio::test]
async fn events_go_on_after_the_last_one_that_was_seen() {
    let house = House::open().await;
    house.well("/select_surgery", &json!({ "surgery": "PCNL", "operator": "Ada" })).await;
    let call = house.client().get(house.url("/events")).header("last-event-id", "1");
    let answer = call.send().await.expect("an answer");
    let mut body = answer.bytes_stream();
    house.well("/override", &json!({ "machine_id": "M06", "action": "ON", "operator": "Ben" })).await;
    let mut text = String::new();
    within("two events", async {
        while text.matches("\n\n").count() < 2 {
            let piece = body.next().await.expect("it goes on").expect("bytes");
            text.push_str(std::str::from_utf8(&piece).expect("text"));
        }
    })
    .await;
    let of = |start: &str| {
        text.lines().filter_map(|line| line.strip_prefix(start)).map(str::trim).collect::<Vec<_>>()
    };
    assert_eq!((of("id:"), of("event:")), (vec!["2", "3"], vec!["surgery_selected", "overridden"]));
    let last: Value = serde_json::from_str(of("data:")[1]).expect("JSON");
    assert_eq!((&last["who"], &last["payload"]["machineId"]), (&json!("Ben"), &json!("M06")));
}

#[tokio::test]
async fn what_is_not_over_is_shown_to_those_who_ask_and_written_nowhere() {
    let house = House::open().await;
    house.well("/select_surgery", &json!({ "surgery": "PCNL" })).await;
    let mut socket = house.socket("/ws/state?partials=1").await;
    next(&mut socket).await;
    house.well("/transcript", &json!({ "text": "suct", "speaker": "surgeon", "is_final": false })).await;
    let partial = next(&mut socket).await;
    assert_eq!((&partial["type"], &partial["text"]), (&json!("partial"), &json!("suct")));
    assert_eq!(seq(&house.get("/state").await.1), 2);
}

#[tokio::test]
async fn what_is_pending_comes_due_by_the_clock() {
    let house = House::open().await;
    house.well("/select_surgery", &json!({ "surgery": "PCNL" })).await;
    let mut socket = house.socket("/ws/state").await;
    house.well("/transcript", &json!({ "text": "in a second, suction on" })).await;
    let job = house.desk.jobs(1).await.remove(0);
    let pending = Pending {
        toggle: toggle("M06", Action::On),
        temporal: Temporal::InTime,
        condition: "in a second".to_owned(),
        in_seconds: Some(1),
    };
    let answer = Understanding { pending: vec![pending], ..Understanding::default() };
    house.apply(&job, "apply_rules", "rules", &json!(answer)).await;
    let waiting = until(&mut socket, |state| state["metadata"]["pending"][0]["id"] == 1).await;
    assert_eq!(waiting["machines"]["1"], json!(["M01", "M09"]), "not now");
    let state = until(&mut socket, |state| {
        state["metadata"]["pending"] == json!([]) && state["machines"]["1"] == json!(["M01", "M06", "M09"])
    })
    .await;
    assert_eq!(state["metadata"]["temporal"], "in_time");
    let (_, history) = house.get("/history").await;
    assert!(history.to_string().contains("pending_due"), "{history}");
}
