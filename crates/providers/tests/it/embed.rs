//! Embeddings over the protocol.

use std::time::Duration;

use providers::{
    CancellationToken, Embedded, Embedder, EmbeddingSettings, OpenAiEmbeddings, ProviderError, embed::cosine,
};
use serde_json::{Value, json};

use crate::server::{Reply, Server};

async fn embed(url: &str, texts: &[&str]) -> Result<Embedded, ProviderError> {
    let settings: EmbeddingSettings =
        serde_json::from_value(json!({ "url": url, "model": "mini" })).expect("settings");
    let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    let model = OpenAiEmbeddings::new(settings);
    assert_eq!(model.name(), "mini");
    model.ready()?;
    model.embed(&texts, Duration::from_secs(60), &CancellationToken::new()).await
}

fn list(vectors: &[(usize, Value)]) -> Reply {
    let data: Vec<Value> = vectors
        .iter()
        .map(|(index, vector)| json!({ "object": "embedding", "index": index, "embedding": vector }))
        .collect();
    let usage = json!({ "prompt_tokens": 9, "total_tokens": 9 });
    Reply::json(200, &json!({ "object": "list", "data": data, "model": "mini-2026", "usage": usage }))
}

#[tokio::test]
async fn vectors_come_back_in_the_order_of_the_texts() {
    let server = Server::start([list(&[(1, json!([0.0, 1.0])), (0, json!([2.0, 0.0]))])]).await;
    let made = embed(&server.url, &["Reads a file.", "Writes it."]).await.expect("answered");
    assert_eq!(made.vectors, [vec![2.0, 0.0], vec![0.0, 1.0]]);
    assert_eq!((&*made.model, made.tokens), ("mini-2026", Some(9)));
    assert_eq!(cosine(&made.vectors[0], &made.vectors[1]), 0.0);
    let asked = &server.asked()[0];
    assert_eq!(asked.path, "/v1/embeddings");
    assert_eq!(
        asked.body,
        json!({ "model": "mini", "input": ["Reads a file.", "Writes it."], "encoding_format": "float" })
    );
}

#[tokio::test]
async fn an_answer_that_is_not_one_vector_for_each_text_is_no_answer() {
    let one = json!([1.0]);
    let wrong = [
        list(&[(0, one.clone())]),
        list(&[(0, one.clone()), (2, one.clone())]),
        list(&[(0, one.clone()), (0, one.clone())]),
        list(&[(0, one.clone()), (1, json!([1.0, 2.0]))]),
        list(&[(0, json!([])), (1, json!([]))]),
        Reply::json(200, &json!({ "data": "none" })),
    ];
    for reply in wrong {
        let shown = String::from_utf8_lossy(&reply.body).into_owned();
        let server = Server::start([reply]).await;
        let error = embed(&server.url, &["one", "two"]).await.expect_err(&shown);
        assert_eq!(error.code(), "provider-garbled", "{shown}");
    }
}

#[tokio::test]
async fn a_server_that_refuses_says_why() {
    let server = Server::start([Reply::refuses(404, "model_not_found", "no such model")]).await;
    let error = embed(&server.url, &["one"]).await.unwrap_err();
    assert_eq!(error.code(), "provider-misconfigured");
    assert!(error.to_string().contains("no such model"), "{error}");
    assert_eq!(embed("nowhere", &["one"]).await.unwrap_err().code(), "provider-misconfigured");
}
