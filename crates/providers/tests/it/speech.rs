//! Speech over the protocol.

use std::collections::BTreeMap;

use providers::{OpenAiSpeech, Speech, SpeechSettings, VoiceRole, Voices};
use serde_json::{Value, json};

use crate::server::{Reply, Server};

fn speech(url: &str, voices: Voices) -> OpenAiSpeech {
    let settings: SpeechSettings =
        serde_json::from_value(json!({ "url": url, "model": "tts-tiny", "body": { "lang_code": "e" } }))
            .expect("settings");
    OpenAiSpeech::new(settings, voices)
}

/// Four samples, with the lengths that a server writes that does not know them yet.
fn sound() -> Reply {
    let mut body = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    body.extend(24_000_u32.to_le_bytes());
    body.extend(48_000_u32.to_le_bytes());
    body.extend(b"\x02\0\x10\0data\xff\xff\xff\xff\x01\0\x02\0\x03\0\x04\0");
    Reply { status: 200, headers: vec![("content-type", "audio/wav".to_owned())], body }
}

#[tokio::test]
async fn a_text_comes_back_as_sound_in_the_voice_of_its_role() {
    let server = Server::start([sound()]).await;
    let chosen = BTreeMap::from([("target2".to_owned(), "em_alex".to_owned())]);
    let speech = speech(&server.url, BTreeMap::from([("*".to_owned(), chosen)]));
    let voice = speech.voice("spa", VoiceRole::Target2).expect("a voice");
    assert_ne!(speech.voice("spa", VoiceRole::Target1).expect("a voice"), voice);
    let wav = speech.speak("quiero hablar", &voice, 0.7).await.expect("sound");
    assert_eq!((wav.rate, wav.samples), (24_000, vec![1, 2, 3, 4]));

    let asked = &server.asked()[0];
    assert_eq!(asked.path, "/v1/audio/speech");
    let wanted = json!({
        "model": "tts-tiny", "input": "quiero hablar", "voice": "em_alex", "response_format": "wav",
        "speed": 0.7, "lang_code": "e",
    });
    assert_eq!(asked.body, wanted);
}

#[tokio::test]
async fn refusals_are_told_apart_and_what_is_no_sound_is_not_taken_for_it() {
    let mp3 = Reply {
        status: 200,
        headers: vec![("content-type", "audio/mpeg".to_owned())],
        body: b"ID3".to_vec(),
    };
    let cases = [
        (mp3, "provider-garbled", true),
        (Reply::json(200, &json!({ "audio": "x" })), "provider-garbled", true),
        (Reply::refuses(400, "content_policy_violation", "not this"), "provider-refused-text", false),
        (Reply::refuses(400, "invalid_voice", "no such voice"), "provider-rejected", false),
        (Reply::refuses(429, "rate_limit_exceeded", "slow down"), "provider-rate-limited", true),
        (Reply::json(502, &Value::Null), "provider-unavailable", true),
    ];
    for (reply, code, retryable) in cases {
        let server = Server::start([reply]).await;
        let speech = speech(&server.url, Voices::new());
        let voice = speech.voice("spa", VoiceRole::Target1).expect("a voice");
        let error = speech.speak("hola", &voice, 1.0).await.unwrap_err();
        assert_eq!((error.code(), error.is_retryable()), (code, retryable), "{error}");
    }
}
