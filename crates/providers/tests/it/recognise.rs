//! Recognisers: PocketSphinx itself on speech that flite says, and the protocol of transcription endpoints.

use std::sync::Arc;

use providers::{
    CancellationToken, Recogniser, Sound, Wav,
    recognise::{OpenAiRecogniser, Sphinx, SphinxSettings, TranscriptionSettings, Whisper, WhisperSettings},
};
use serde_json::json;

use crate::server::{Reply, Server};

const GRAMMAR: &str = "#JSGF V1.0;\ngrammar test;\npublic <all> = (start | stop | turn off) [the] \
    (ventilator | camera | insufflator | xqzvt | litre gauge);\n";

fn sound(samples: Vec<i16>, grammar: &str) -> Sound {
    Sound { samples: samples.into(), grammar: grammar.into(), hint: Arc::from("suction"), partial: false }
}

/// Says a text. flite and not espeak-ng, which recognisers of human speech understand badly.
fn said(text: &str) -> Vec<i16> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("said.wav");
    let made =
        std::process::Command::new("flite").args(["-voice", "slt", "-t", text, "-o"]).arg(&file).status();
    assert!(made.expect("apt-get install flite").success());
    let wav = Wav::read(&std::fs::read(&file).expect("a file")).expect("a WAV file");
    assert_eq!(wav.rate, 16_000);
    wav.samples
}

#[tokio::test]
async fn sphinx_hears_what_the_grammar_holds_and_leaves_other_talk_alone() {
    let sphinx = Sphinx::new(&SphinxSettings::default());
    let cancel = CancellationToken::new();
    let order = sphinx.hear(&sound(said("turn off the ventilator"), GRAMMAR), &cancel).await;
    let order = order.expect("apt-get install python3-pocketsphinx pocketsphinx-en-us");
    assert_eq!(order.text, "turn off the ventilator");
    assert!(order.confidence.is_some_and(|confidence| confidence > 0.5), "{order:?}");
    let words: Vec<&str> = order.segments.iter().map(|word| word.text.as_str()).collect();
    assert_eq!(words, ["turn", "off", "the", "ventilator"]);
    assert!(order.segments.windows(2).all(|pair| pair[0].end <= pair[1].start), "{order:?}");

    let talk = said("my daughter started school this week and she likes it");
    let talk = sphinx.hear(&sound(talk, GRAMMAR), &cancel).await.expect("heard");
    assert_eq!((talk.text.as_str(), talk.confidence), ("", None), "{talk:?}");
    let nothing = sphinx.hear(&sound(vec![0; 8_000], GRAMMAR), &cancel).await.expect("heard");
    assert_eq!(nothing.text, "");
}

#[tokio::test]
async fn a_grammar_that_is_none_is_reported_and_the_process_goes_on() {
    let sphinx = Sphinx::new(&SphinxSettings { parallel: 1, ..SphinxSettings::default() });
    let cancel = CancellationToken::new();
    let wrong = sphinx.hear(&sound(vec![0; 1_600], "#JSGF V1.0;\npublic <a> = ((;\n"), &cancel).await;
    assert_eq!(wrong.unwrap_err().code(), "provider-rejected");
    let heard = sphinx.hear(&sound(said("stop the camera"), GRAMMAR), &cancel).await.expect("heard");
    assert_eq!(heard.text, "stop the camera");
}

#[tokio::test]
async fn what_is_missing_is_named_with_what_installs_it() {
    let cancel = CancellationToken::new();
    let sound = sound(vec![0; 1_600], GRAMMAR);
    let python = "no-such-python".to_owned();
    let sphinx = Sphinx::new(&SphinxSettings { python, ..SphinxSettings::default() });
    let error = sphinx.hear(&sound, &cancel).await.unwrap_err();
    assert!(
        error.code() == "provider-missing" && error.to_string().contains("python3-pocketsphinx"),
        "{error}"
    );
    let settings = json!({ "model": "/no/such/model", "python": "/usr/bin/python3" });
    let settings: WhisperSettings = serde_json::from_value(settings).expect("settings");
    assert_eq!(Whisper::new(&settings).hear(&sound, &cancel).await.unwrap_err().code(), "provider-missing");
}

#[tokio::test]
async fn an_endpoint_gets_a_file_with_hints_and_its_doubts_are_kept() {
    let settings = |url: &str| -> TranscriptionSettings {
        serde_json::from_value(json!({ "url": url, "model": "whisper-1", "language": "en" }))
            .expect("settings")
    };
    let answer = json!({ "text": " Suction on. ", "segments": [
        { "text": " Suction", "start": 0.1, "end": 0.5, "avg_logprob": -0.1 },
        { "text": " on.", "start": 0.5, "end": 0.8, "avg_logprob": -0.7 },
    ] });
    let replies = [
        Reply::json(200, &answer),
        Reply::json(200, &json!({ "text": "yes" })),
        Reply::json(200, &json!({ "words": "yes" })),
        Reply::refuses(503, "overloaded", "later"),
    ];
    let server = Server::start(replies).await;
    let endpoint = OpenAiRecogniser::new(settings(&server.url));
    let (sound, cancel) = (sound(vec![1, -1, 300], GRAMMAR), CancellationToken::new());
    let heard = endpoint.hear(&sound, &cancel).await.expect("heard");
    assert_eq!((heard.text.as_str(), heard.confidence, heard.segments.len()), ("Suction on.", Some(0.5), 2));
    assert_eq!(server.asked()[0].path, "/v1/audio/transcriptions");
    let plain = endpoint.hear(&sound, &cancel).await.expect("heard");
    assert_eq!((plain.text.as_str(), plain.confidence), ("yes", None));
    for code in ["provider-garbled", "provider-unavailable"] {
        assert_eq!(endpoint.hear(&sound, &cancel).await.unwrap_err().code(), code);
    }
}
