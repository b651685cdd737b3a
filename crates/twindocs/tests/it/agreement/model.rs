//! A server of embeddings that says that all texts are alike, or refuses.

use axum::{
    Json, Router,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};

/// Starts it; returns its address.
pub(crate) async fn start(answers: bool) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
    let answer = move |Json(asked): Json<Value>| async move { reply(answers, &asked) };
    let router = Router::new().route("/v1/embeddings", post(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

fn reply(answers: bool, asked: &Value) -> Response {
    if !answers {
        return (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({ "error": { "message": "no" } })))
            .into_response();
    }
    let texts = asked["input"].as_array().expect("texts").len();
    let data: Vec<Value> =
        (0..texts).map(|index| json!({ "index": index, "embedding": [1.0, 2.0] })).collect();
    Json(json!({ "data": data, "model": "tiny-2026", "usage": { "prompt_tokens": 5 } })).into_response()
}
