//! A model behind the protocol of OpenAI: answers by component, fails and is slow as its seed says, and remembers what it was asked.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Json, Router,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

/// What an answer is made from.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// The component.
    pub(crate) id: String,
    /// The whole request.
    pub(crate) body: Value,
    /// What came as `authorization`.
    pub(crate) key: String,
}

impl Asked {
    /// The first question.
    pub(crate) fn question(&self) -> &str {
        self.body["messages"][1]["content"].as_str().unwrap_or_default()
    }

    /// Whether it is asked once more because an answer could not be used.
    pub(crate) fn is_repair(&self) -> bool {
        self.body["messages"].as_array().is_some_and(|all| all.len() > 2)
    }
}

/// Says something instead of the usual answer.
type Says = Arc<dyn Fn(&Asked, usize) -> Option<Response> + Send + Sync>;

#[derive(Clone)]
pub(crate) struct ModelServer {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    times: Arc<Mutex<HashMap<String, usize>>>,
    says: Says,
    /// Answers that may be given; a test that holds them back sees what is on its way.
    gate: Arc<Semaphore>,
}

impl ModelServer {
    /// Answers as it should.
    pub(crate) async fn start() -> Self {
        Self::saying(|_, _| None).await
    }

    /// Says what `says` says, with how often the component was asked for before; else answers as it should.
    pub(crate) async fn saying(
        says: impl Fn(&Asked, usize) -> Option<Response> + Send + Sync + 'static,
    ) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let server = Self {
            url: format!("http://{}/v1", listener.local_addr().expect("an address")),
            asked: Arc::default(),
            times: Arc::default(),
            says: Arc::new(says),
            gate: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
        };
        let this = server.clone();
        let answer = move |headers: HeaderMap, Json(body): Json<Value>| {
            let this = this.clone();
            async move { this.answer(&headers, body).await }
        };
        let router = Router::new().route("/v1/chat/completions", post(answer));
        tokio::spawn(async move { axum::serve(listener, router).await });
        server
    }

    /// Fails one in ten and is silent one in twenty times, by the hash of component, seed and how often it was asked for.
    pub(crate) async fn failing(seed: u64) -> Self {
        Self::saying(move |asked, before| {
            let hash = blake3::hash(format!("{seed} {} {before}", asked.id).as_bytes());
            (hash.as_bytes()[0] < 26).then(|| StatusCode::INTERNAL_SERVER_ERROR.into_response())
        })
        .await
    }

    /// Whether this question is one that is never answered.
    fn is_slow(asked: &Asked, before: usize) -> bool {
        let hash = blake3::hash(format!("slow {} {before}", asked.id).as_bytes());
        hash.as_bytes()[0] < 13
    }

    async fn answer(&self, headers: &HeaderMap, body: Value) -> Response {
        let first = body["messages"][1]["content"].as_str().unwrap_or_default();
        let id = first.lines().next().and_then(|line| line.strip_prefix("Component: ")).unwrap_or_default();
        let key = headers.get("authorization").and_then(|key| key.to_str().ok()).unwrap_or_default();
        let asked = Asked { id: id.to_owned(), key: key.to_owned(), body };
        let before = {
            let mut times = self.times.lock();
            let times = times.entry(asked.id.clone()).or_default();
            *times += 1;
            *times - 1
        };
        self.asked.lock().push(asked.clone());
        if asked.body["model"] == "slow" && Self::is_slow(&asked, before) {
            std::future::pending::<()>().await;
        }
        let said = (self.says)(&asked, before);
        if let Ok(pass) = self.gate.acquire().await {
            pass.forget();
        }
        said.unwrap_or_else(|| completion(&usual(&asked).to_string()))
    }

    /// Lets only so many more answers out.
    pub(crate) fn hold_after(&self, answers: usize) {
        self.gate.forget_permits(Semaphore::MAX_PERMITS);
        self.gate.add_permits(answers);
    }

    /// Lets all out.
    pub(crate) fn let_go(&self) {
        self.gate.add_permits(1 << 20);
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().clone()
    }

    pub(crate) fn ids(&self) -> Vec<String> {
        self.asked.lock().iter().map(|asked| asked.id.clone()).collect()
    }

    pub(crate) fn forget(&self) {
        self.asked.lock().clear();
    }

    /// Options of a documenter that asks it, patient for half a second and quick to ask again.
    pub(crate) fn options(&self, model: &str) -> Value {
        json!({
            "engine": "chat", "chat": { "url": self.url, "model": model }, "patience": 20.0, "pause": 0.001,
            "prices": { "input": 1.0, "output": 2.0 }, "max_tokens": 500,
        })
    }
}

/// An answer that fits: the calls are those of the source that are named in the question.
pub(crate) fn usual(asked: &Asked) -> Value {
    let question = asked.question();
    let name = asked.id.rsplit("::").next().unwrap_or_default();
    let source = question.split_once("<source>").map_or("", |(_, rest)| rest);
    let source = source.split_once("</source>").map_or("", |(source, _)| source);
    let ids = question.lines().filter_map(|line| line.strip_prefix("- ")?.split(": `").next());
    let called = ids.filter(|id| {
        let last = id.rsplit([':', '.']).next().unwrap_or_default();
        *id != asked.id && source.contains(&format!("{last}("))
    });
    let call = |id: &str| json!({ "component_id": id, "call_site_line": 3, "call_type": "direct" });
    let is_function = question.contains("Kind: Function");
    let parameter = |name: &str| {
        json!({
            "name": name, "type": null, "description": format!("The {name}."), "default": null, "required": true,
        })
    };
    json!({
        "summary": format!("Does {name}."), "description": "", "examples": [], "notes": null, "see_also": [],
        "parameters": if is_function { vec![parameter("value"), parameter("count")] } else { Vec::new() },
        "returns": is_function.then(|| json!({ "type": "int", "description": "The value." })),
        "raises": [], "callees": called.map(call).collect::<Vec<_>>(), "confidence": 0.8,
    })
}

/// A completion with this text, and 100 and 50 tokens.
pub(crate) fn completion(text: &str) -> Response {
    let choice = json!({ "message": { "role": "assistant", "content": text }, "finish_reason": "stop" });
    let usage = json!({ "prompt_tokens": 100, "completion_tokens": 50 });
    Json(json!({ "model": "made-1", "choices": [choice], "usage": usage })).into_response()
}
