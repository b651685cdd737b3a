//! A chat with a server that speaks as OpenAI's does, and without one.

use std::sync::Arc;

use axum::{Json, Router, extract::State, routing::post};
use parking_lot::Mutex;
use phase_kit::testing::{FakeOrchestrator, within};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch};

use crate::{again, done, output, remember, run, serve};

/// A server that keeps what it is asked and answers once it is let.
#[derive(Clone)]
struct Model {
    url: String,
    asked: Arc<Mutex<Vec<Value>>>,
    heard: watch::Sender<usize>,
    answers: watch::Sender<bool>,
}

async fn complete(State(model): State<Model>, Json(asked): Json<Value>) -> Json<Value> {
    let said = asked["messages"][1]["content"].clone();
    model.asked.lock().push(asked);
    model.heard.send_modify(|count| *count += 1);
    let mut answers = model.answers.subscribe();
    // Whoever asked may be gone before.
    let _ = answers.wait_for(|answers| *answers).await;
    let message =
        json!({ "role": "assistant", "content": format!("You said: {}", said.as_str().unwrap_or("")) });
    let usage = json!({ "prompt_tokens": 7, "completion_tokens": 3 });
    Json(
        json!({ "model": "parrot-1", "choices": [{ "message": message, "finish_reason": "stop" }], "usage": usage }),
    )
}

impl Model {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
        let model = Self {
            url,
            asked: Arc::default(),
            heard: watch::Sender::new(0),
            answers: watch::Sender::new(true),
        };
        let app = Router::new().route("/v1/chat/completions", post(complete)).with_state(model.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        model
    }

    fn options(&self) -> Value {
        json!({ "chat": { "url": self.url, "model": "parrot" } })
    }

    /// Waits until it was asked so often.
    async fn asked(&self, times: usize) {
        let mut heard = self.heard.subscribe();
        within("a question", heard.wait_for(|count| *count >= times)).await.expect("it lives");
    }
}

#[tokio::test]
async fn without_a_model_the_answer_is_what_is_remembered_and_says_so() {
    let (fake, folder) = (FakeOrchestrator::start().await, tempfile::tempdir().expect("a folder"));
    let host = serve(folder.path(), Value::Null);
    remember(&fake, &host, "The keys are in the drawer").await;
    let answered = done(&fake, &host, "chat", json!({ "message": "Where are my keys?" })).await;
    assert_eq!((&answered["by"], &answered["model"]), (&json!("recall"), &Value::Null), "{answered}");
    let text = answered["answer"].as_str().expect("a text");
    assert!(text.starts_with("No language model is set up"), "{text}");
    assert!(text.contains("The keys are in the drawer"), "{text}");
    let answered = done(&fake, &host, "chat", json!({ "message": "Ferrets?" })).await;
    assert_eq!(answered["recalled"], json!([]), "{answered}");
}

#[tokio::test]
async fn a_model_is_told_what_fits_and_its_answer_comes_back() {
    let (fake, folder) = (FakeOrchestrator::start().await, tempfile::tempdir().expect("a folder"));
    let model = Model::start().await;
    let host = serve(folder.path(), model.options());
    remember(&fake, &host, "The keys are in the drawer").await;
    for phase in ["chat", "stream"] {
        let answered = done(&fake, &host, phase, json!({ "message": "my keys?" })).await;
        assert_eq!(answered["answer"], "You said: my keys?", "{answered}");
        assert_eq!(
            (&answered["by"], &answered["model"]),
            (&json!("model"), &json!("parrot-1")),
            "{answered}"
        );
    }
    let asked = model.asked.lock()[0].clone();
    let told = asked["messages"][0]["content"].as_str().expect("instructions");
    assert!(told.contains("The keys are in the drawer"), "{told}");
}

#[tokio::test]
async fn a_chat_lets_go_while_the_model_thinks_and_asks_it_again_later() {
    let (fake, folder) = (FakeOrchestrator::start().await, tempfile::tempdir().expect("a folder"));
    let model = Model::start().await;
    let host = serve(folder.path(), model.options());
    remember(&fake, &host, "The keys are in the drawer").await;
    model.answers.send_replace(false);
    let request = fake.request("chat", &json!({ "message": "my keys?" }));
    fake.offer(&host.url(), &request).await;
    model.asked(1).await;
    let pause = format!("{}/pause/{}", host.url(), request.attempt_id);
    let (status, answer) = fake.post(&pause, &json!({})).await;
    assert_eq!(status, 200, "{answer}");
    let checkpoint = &answer["checkpoint"];
    assert_eq!(checkpoint["recalled"][0]["text"], "The keys are in the drawer", "{answer}");
    model.answers.send_replace(true);
    let answered = output(&run(&fake, &host, &again(&request, checkpoint)).await);
    assert_eq!(answered["by"], "model", "{answered}");
    assert_eq!(&answered["recalled"], &checkpoint["recalled"]);
    assert_eq!(model.asked.lock().len(), 2);
}

#[tokio::test]
async fn a_stream_is_given_to_its_end_whoever_asks() {
    let (fake, folder) = (FakeOrchestrator::start().await, tempfile::tempdir().expect("a folder"));
    let model = Model::start().await;
    let host = serve(folder.path(), model.options());
    model.answers.send_replace(false);
    let request = fake.request("stream", &json!({ "message": "hello" }));
    fake.offer(&host.url(), &request).await;
    model.asked(1).await;
    let pause = format!("{}/pause/{}", host.url(), request.attempt_id);
    let (fake_too, nothing) = (fake.clone(), json!({}));
    let asking = tokio::spawn(async move { fake_too.post(&pause, &nothing).await });
    model.answers.send_replace(true);
    assert_eq!(output(&fake.accepted(request.attempt_id).await)["answer"], "You said: hello");
    let (status, problem) = asking.await.expect("an answer");
    assert_eq!(status, 409, "{problem}");
    assert_eq!(model.asked.lock().len(), 1);
}
