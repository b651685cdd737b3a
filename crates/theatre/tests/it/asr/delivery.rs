//! What was heard reaches `state`, whatever dies meanwhile.

use serde_json::{Value, json};

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
    let check = |options: Value| theatre::registry::CATALOG.check("asr", &options).is_ok();
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
