//! `POST /transcribe`: files of every kind, and what is no file.

use serde_json::{Value, json};

use super::speech::{State, asr, file, samples, say, transcribe};

#[tokio::test]
async fn a_file_becomes_text_with_times_and_is_said_in_a_theatre() {
    let (state, folder) = (State::start("PCNL").await, tempfile::tempdir().expect("a folder"));
    let host = asr(&state.url, folder.path(), Value::Null);
    let both = [samples("turn on the suction", 0.5), samples("turn off the suction", 0.5)].concat();
    let (status, heard) =
        transcribe(&host.url(), "?theatre=or7&speaker=surgeon", "audio/wav", file(&both, 16_000)).await;
    assert_eq!(status, 200, "{heard}");
    assert_eq!(heard["text"], json!("turn on the suction turn off the suction"), "{heard}");
    let segments = heard["segments"].as_array().expect("segments");
    assert_eq!(segments.len(), 2, "a pause ends an utterance: {heard}");
    let times =
        |at: usize| (segments[at]["start"].as_f64().expect("s"), segments[at]["end"].as_f64().expect("s"));
    let ((start, end), (next, last)) = (times(0), times(1));
    assert!((0.0..0.7).contains(&start) && end < next && last < both.len() as f64 / 16_000.0, "{heard}");
    assert!(
        segments.iter().all(|one| one["confidence"].as_f64().is_some_and(|share| share > 0.5)),
        "{heard}"
    );

    let taken = state.until_taken(2).await;
    assert_eq!((&taken[0]["text"], &taken[1]["text"]), (&segments[0]["text"], &segments[1]["text"]));
    assert_eq!((&taken[0]["asked"], &taken[0]["speaker"]), (&json!("or7"), &json!("surgeon")));
    assert!(taken[0]["started_at"].as_str() < taken[0]["ended_at"].as_str(), "{taken:?}");
    let stats = phase_kit::http_client().expect("a client").get(format!("{}/stats", host.url())).send().await;
    let stats: Value = stats.expect("an answer").json().await.expect("JSON");
    let asr = &stats["asr"];
    assert_eq!((&asr["running"], &asr["processed"], &asr["errors"]), (&json!(true), &json!(2), &json!(0)));
    assert!(
        asr["total_audio_s"].as_f64() > Some(1.0) && asr["avg_inference_ms"].as_f64() > Some(0.0),
        "{asr}"
    );
}

#[tokio::test]
async fn a_surgery_is_listened_for_and_other_talk_is_not_taken_for_orders() {
    let (state, folder) = (State::start("").await, tempfile::tempdir().expect("a folder"));
    let host = asr(&state.url, folder.path(), Value::Null);
    let ask = |query: &'static str, text: &'static str| {
        let url = host.url();
        async move { transcribe(&url, query, "audio/x-wav", say(text)).await.1 }
    };
    let scope = ask("?surgery=Lobectomy", "start the insufflator").await;
    assert_eq!((&scope["text"], &scope["surgery"]), (&json!("start the insufflator"), &json!("Lobectomy")));
    let any = ask("", "start the insufflator").await;
    assert_eq!(
        any["text"],
        json!("start the insufflator"),
        "without a surgery all machines are known: {any}"
    );
    let talk = ask("?surgery=PCNL", "my daughter started school this week and she likes it").await;
    assert_eq!((&talk["text"], talk["rejected"].as_array().map(Vec::len)), (&json!(""), Some(1)), "{talk}");
}

#[tokio::test]
async fn what_is_no_sound_is_told_with_its_code() {
    let (state, folder) = (State::start("").await, tempfile::tempdir().expect("a folder"));
    let host = asr(&state.url, folder.path(), Value::Null);
    let code = |query: &'static str, media: &'static str, body: Vec<u8>| {
        let url = host.url();
        async move {
            let (status, problem) = transcribe(&url, query, media, body).await;
            (status, problem["code"].as_str().unwrap_or_default().to_owned())
        }
    };
    let problem = |status: u16, code: &str| (status, code.to_owned());
    let silence = file(&[0.0; 1_600], 16_000);
    assert_eq!(code("", "audio/mpeg", silence.clone()).await, problem(415, "unsupported-media-type"));
    assert_eq!(code("", "audio/wav", Vec::new()).await, problem(400, "empty-text"));
    assert_eq!(code("", "audio/wav", b"ID3\x04 an MP3".to_vec()).await, problem(422, "invalid-audio"));
    assert_eq!(code("", "audio/wav", silence[..30].to_vec()).await, problem(422, "invalid-audio"));
    assert_eq!(code("?surgery=Nose", "audio/wav", silence.clone()).await, problem(400, "unknown-surgery"));
    assert_eq!(code("", "audio/wav", vec![0; 26 * 1024 * 1024]).await, problem(413, "payload-too-large"));
    assert_eq!(transcribe(&host.url(), "", "audio/wav", silence).await.1["text"], json!(""));
}
