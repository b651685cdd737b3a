//! A language model as translator and corrector, over the protocol.

use std::{sync::Arc, time::Duration};

use providers::{
    CancellationToken, ChatMessage, ChatModel, ChatRequest, ChatSettings, ChatTranslator, Corrector, Draft,
    LanguagePair, OpenAiChat, ProviderError, Translation, Translator,
};
use serde_json::{Value, json};

use crate::server::{Reply, Server};

fn settings(url: &str, more: Value) -> ChatSettings {
    let mut value = json!({ "url": url, "model": "tiny" });
    value.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    serde_json::from_value(value).expect("settings")
}

fn translator(url: &str) -> ChatTranslator {
    ChatTranslator::new(Arc::new(OpenAiChat::new(settings(url, Value::Null))))
}

async fn translate(translator: &ChatTranslator, texts: &[&str]) -> Result<Vec<Translation>, ProviderError> {
    let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    let pair: LanguagePair = "spa_for_eng".parse().expect("a pair");
    translator.translate(&texts, &pair, &CancellationToken::new()).await
}

fn sentences(texts: &[Option<&str>]) -> Reply {
    let list: Vec<Value> =
        (1..).zip(texts).map(|(number, text): (u32, _)| json!({ "number": number, "text": text })).collect();
    Reply::says(&json!({ "sentences": list }).to_string())
}

#[tokio::test]
async fn sentences_go_out_numbered_with_the_shape_of_the_answer_and_the_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("key");
    std::fs::write(&key, "sk-secret").expect("written");
    let server = Server::start([sentences(&[Some("Hola."), None])]).await;
    let model = OpenAiChat::new(settings(&server.url, json!({ "key_file": key, "body": { "seed": 7 } })));
    let made =
        translate(&ChatTranslator::new(Arc::new(model)), &["Hello.", "Blorf."]).await.expect("answered");
    assert_eq!(made[0], Translation::Done { text: "Hola.".to_owned(), by: "chat tiny".into() });
    assert!(made[1].text().is_none(), "not sure: {made:?}");

    let asked = &server.asked()[0];
    assert_eq!(asked.path, "/v1/chat/completions");
    assert_eq!(asked.authorization.as_deref(), Some("Bearer sk-secret"));
    assert_eq!((&asked.body["model"], &asked.body["seed"]), (&json!("tiny"), &json!(7)));
    assert_eq!(asked.body["response_format"]["json_schema"]["strict"], json!(true));
    let told: Value =
        serde_json::from_str(asked.body["messages"][1]["content"].as_str().expect("a text")).expect("JSON");
    assert_eq!(told["sentences"][1], json!({ "number": 2, "text": "Blorf." }));
}

#[tokio::test]
async fn a_model_that_loses_count_is_asked_for_each_sentence_alone() {
    let server = Server::start([
        sentences(&[Some("Hola.")]),
        sentences(&[Some("Hola.")]),
        Reply::says("I'd rather not."),
    ])
    .await;
    let made = translate(&translator(&server.url), &["Hello.", "Good day."]).await.expect("answered");
    assert_eq!(made[0].text(), Some("Hola."));
    let Translation::Untranslated { reason, .. } = &made[1] else { panic!("{made:?}") };
    assert!(reason.contains("not the JSON asked for"), "{reason}");
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn a_corrector_sees_the_draft_and_says_that_it_was_a_correction() {
    let server = Server::start([sentences(&[Some("El perro es blanco.")])]).await;
    let draft = Draft {
        known: "The dog is white.".to_owned(),
        candidate: "El *dog es blanco.".to_owned(),
        reason: "not translated: *dog".to_owned(),
    };
    let pair: LanguagePair = "spa_for_eng".parse().expect("a pair");
    let made =
        translator(&server.url).correct(&[draft], &pair, &CancellationToken::new()).await.expect("answered");
    assert_eq!((made[0].text(), made[0].by()), (Some("El perro es blanco."), "chat tiny (correction)"));
    let content = server.asked()[0].body["messages"][1]["content"].to_string();
    assert!(content.contains("El *dog es blanco.") && content.contains("not translated: *dog"), "{content}");
}

#[tokio::test]
async fn what_a_server_answers_is_worth_a_retry_or_not() {
    let overloaded = Reply::refuses(503, "overloaded", "later").header("retry-after", "7");
    let cases = [
        (
            Reply::refuses(429, "rate_limit", "slow down").header("retry-after", "30"),
            "provider-rate-limited",
            true,
        ),
        (Reply::refuses(429, "insufficient_quota", "no money"), "provider-unauthorized", false),
        (overloaded, "provider-unavailable", true),
        (Reply::refuses(401, "invalid_api_key", "wrong key"), "provider-unauthorized", false),
        (Reply::refuses(404, "model_not_found", "no such model"), "provider-misconfigured", false),
        (
            Reply::json(302, &Value::Null).header("location", "http://127.0.0.1:1/"),
            "provider-rejected",
            false,
        ),
    ];
    for (reply, code, retryable) in cases {
        let server = Server::start([reply.clone()]).await;
        let error = translate(&translator(&server.url), &["Hello."]).await.unwrap_err();
        assert_eq!((error.code(), error.is_retryable()), (code, retryable), "{error}");
        assert_eq!(server.asked().len(), 1, "retries are not ours: {code}");
        let wants = reply.headers.iter().find(|(name, _)| *name == "retry-after");
        let wants = wants.map(|(_, seconds)| Duration::from_secs(seconds.parse().expect("a number")));
        assert_eq!(error.retry_after(), wants);
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_or_silent_is_worth_a_retry() {
    let error = translate(&translator("http://127.0.0.1:1/v1"), &["Hello."]).await.unwrap_err();
    assert!(error.is_retryable(), "{error}");

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
    let model = OpenAiChat::new(settings(&url, Value::Null));
    let request = ChatRequest {
        messages: vec![ChatMessage::user("Hello.")],
        schema: None,
        max_tokens: 10,
        temperature: 0.0,
        timeout: Duration::from_millis(100),
    };
    let error = model.chat(&request, &CancellationToken::new()).await.unwrap_err();
    assert_eq!(error.code(), "provider-timeout");
}

#[tokio::test]
async fn no_error_quotes_the_key_and_a_key_that_is_not_there_is_said_before_asking() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("key");
    let server =
        Server::start([Reply::refuses(401, "invalid_api_key", "Incorrect API key provided: sk-secret")])
            .await;
    let model = Arc::new(OpenAiChat::new(settings(&server.url, json!({ "key_file": key }))));
    let pair: LanguagePair = "spa_for_eng".parse().expect("a pair");
    let translator = ChatTranslator::new(model);
    let error = translator.supports(&pair).unwrap_err();
    assert_eq!(error.code(), "provider-misconfigured");

    std::fs::write(&key, "sk-secret").expect("written");
    assert_eq!(translator.supports(&pair), Ok(true));
    let error = translate(&translator, &["Hello."]).await.unwrap_err();
    assert!(
        error.to_string().contains("Incorrect API key") && !error.to_string().contains("sk-secret"),
        "{error}"
    );
    assert!(!format!("{translator:?} {error:?}").contains("sk-secret"));
}
