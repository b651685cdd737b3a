//! What was heard reaches `state`, whatever dies meanwhile.

use phase_kit::{
    catalog::ServiceSettings,
    testing::{ServiceHost, within},
};
use serde_json::{Value, json};
use theatre::registry::CATALOG;

use super::speech::{State, asr, say, transcribe};

#[tokio::test]
async fn what_the_state_did_not_take_is_sent_again_and_what_it_never_takes_holds_up_nothing() {
    let (state, folder) = (State::start("PCNL").await, tempfile::tempdir().expect("a folder"));
    state.answers.lock().extend([503, 500, 200, 404, 429]);
    let host = asr(&state.url, folder.path(), Value::Null);
    for text in ["turn on the suction", "start the lithotripter", "turn off the suction"] {
        let (status, heard) = transcribe(&host.url(), "?theatre=or1", "audio/wav", say(text)).await;
        assert_eq!((status, &heard["text"]), (200, &json!(text)), "{heard}");
    }
    let taken = state.until_taken(2).await;
    let texts: Vec<&str> = taken.iter().filter_map(|one| one["text"].as_str()).collect();
    assert_eq!(texts, ["turn on the suction", "turn off the suction"]);
}

#[tokio::test]
async fn a_theatre_that_cannot_take_anything_holds_up_no_other() {
    let (state, folder) = (State::start("PCNL").await, tempfile::tempdir().expect("a folder"));
    *state.broken.lock() = Some("or1");
    let host = asr(&state.url, folder.path(), Value::Null);
    let said =
        [("or1", "turn on the suction"), ("or2", "turn off the suction"), ("or1", "start the lithotripter")];
    for (theatre, text) in said {
        let query = format!("?theatre={theatre}");
        assert_eq!(transcribe(&host.url(), &query, "audio/wav", say(text)).await.0, 200);
    }
    let of = |taken: &[Value]| -> Vec<Value> { taken.iter().map(|one| one["text"].clone()).collect() };
    assert_eq!(of(&state.until_taken(1).await), [json!("turn off the suction")]);
    *state.broken.lock() = None;
    let rest = of(&state.until_taken(3).await);
    assert_eq!(rest[1..], [json!("turn on the suction"), json!("start the lithotripter")], "in its order");
}

#[tokio::test]
async fn a_killed_service_sends_what_it_had_heard_when_it_lives_again() {
    let (state, folder) = (State::start("PCNL").await, tempfile::tempdir().expect("a folder"));
    state.answers.lock().extend([503; 100]);
    let first = asr(&state.url, folder.path(), Value::Null);
    for text in ["turn on the suction", "turn off the suction"] {
        transcribe(&first.url(), "?theatre=or1", "audio/wav", say(text)).await;
    }
    state.until_came(1).await;
    assert_eq!(state.taken(), Vec::<Value>::new());
    first.kill();
    state.answers.lock().clear();
    let _second = asr(&state.url, folder.path(), Value::Null);
    let texts: Vec<Value> = state.until_taken(2).await.into_iter().map(|one| one["text"].clone()).collect();
    assert_eq!(texts, [json!("turn on the suction"), json!("turn off the suction")]);
}

#[tokio::test]
async fn options_are_checked_before_anything_runs_and_a_missing_recogniser_is_named() {
    let check = |options: Value| CATALOG.check("asr", &options).is_ok();
    assert!(check(
        json!({ "engine": "openai", "openai": { "url": "http://127.0.0.1:8000/v1", "model": "whisper-1" } })
    ));
    assert!(
        !check(json!({ "engine": "openai" }))
            && !check(json!({ "engine": "vosk" }))
            && !check(json!({ "x": 1 }))
    );

    let (state, folder) = (State::start("").await, tempfile::tempdir().expect("a folder"));
    let host = asr(&state.url, folder.path(), json!({ "pocketsphinx": { "python": "no-such-python" } }));
    let (status, problem) = transcribe(&host.url(), "", "audio/wav", say("suction on")).await;
    assert_eq!((status, &problem["code"]), (502, &json!("service-unreachable")));
    assert!(
        problem["detail"].as_str().is_some_and(|text| text.contains("python3-pocketsphinx")),
        "{problem}"
    );
}

/// A service killed after the state has taken a transcript and before it is out of the spool sends it again when it lives
/// again. The state knows it by its instant, speaker and text, all of which are in the spool, and says it once.
#[tokio::test]
async fn a_transcript_that_was_taken_in_the_moment_of_a_death_is_said_once() {
    let (state_folder, folder) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("one"));
    let orchestrator = "http://127.0.0.1:1".to_owned();
    let data_dir = state_folder.path().to_owned();
    let settings = ServiceSettings { data_dir, capacity: 4, orchestrator, ..ServiceSettings::default() };
    let state = ServiceHost::start(CATALOG.service("state", &settings).expect("a service"));
    let client = phase_kit::http_client().expect("a client");
    let chosen = client.post(format!("{}/select_surgery?theatre=or1", state.url()));
    let chosen = chosen.json(&json!({ "surgery": "PCNL" })).send().await.expect("an answer");
    assert_eq!(chosen.status(), 200);

    let spool = folder.path().join("spool");
    std::fs::create_dir(&spool).expect("a folder");
    let entry = spool.join("00000000000000000000.json");
    let said = |at: &str| {
        json!({ "theatre": "or1", "text": "turn on the suction", "speaker": "surgeon", "confidence": 0.9,
            "started_at": at, "ended_at": at })
    };
    let (first, later) = (said("2026-01-31T12:00:00Z"), said("2026-01-31T12:00:09Z"));
    // The third time somebody says the same again, later.
    for (left, utterances) in [(&first, 1), (&first, 1), (&later, 2)] {
        std::fs::write(&entry, left.to_string()).expect("written");
        let host = asr(&state.url(), folder.path(), Value::Null);
        within("the spool is empty", async {
            while entry.exists() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        host.kill();
        let answer =
            client.get(format!("{}/state?theatre=or1", state.url())).send().await.expect("an answer");
        let shown: Value = answer.json().await.expect("JSON");
        let texts = shown["metadata"]["transcript"].as_array().expect("what was said");
        assert_eq!(texts.len(), utterances, "{shown}");
    }
}
