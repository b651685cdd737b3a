//! The service `translation` over HTTP with the real Apertium, and with a chat endpoint that speaks the protocol.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing::post};
use course::model::{LegoPairs, SeedPairs};
use course::registry::CATALOG;
use phase_kit::catalog::ServiceSettings;
use phase_kit::testing::{FakeOrchestrator, ServiceHost};
use protocol::{Callback, CallbackStatus};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::net::TcpListener;

fn host(name: &str, folder: &Path, options: Value) -> ServiceHost {
    let settings =
        ServiceSettings { data_dir: folder.join(name), capacity: 4, options, ..ServiceSettings::default() };
    ServiceHost::start(CATALOG.service(name, &settings).expect("it is known"))
}

async fn run(
    fake: &FakeOrchestrator,
    host: &ServiceHost,
    phase: &str,
    course: &str,
    input: &Value,
) -> Callback {
    let mut request = fake.request(phase, input);
    course.clone_into(&mut request.key);
    let (status, body) = fake.offer(&host.url(), &request).await;
    assert_eq!(status, 202, "{body}");
    fake.accepted(request.attempt_id).await
}

fn artifact<T: DeserializeOwned>(fake: &FakeOrchestrator, name: &str) -> T {
    serde_json::from_slice(&fake.artifact(name).expect("it was stored")).expect("it fits")
}

fn stats(callback: &Callback) -> Value {
    serde_json::from_str(callback.stats.as_ref().expect("there are some").get()).expect("JSON")
}

fn error(callback: Callback) -> (String, String, bool) {
    assert_eq!(callback.status, CallbackStatus::Failed);
    let error = callback.error.expect("a reason");
    (error.code, error.message, error.retryable)
}

/// What the endpoint knows; sentences that it does not know it is not sure of. `busy` first requests are answered with 429.
struct Model {
    knows: BTreeMap<&'static str, &'static str>,
    busy: std::sync::atomic::AtomicUsize,
}

async fn complete(State(model): State<Arc<Model>>, Json(body): Json<Value>) -> Response {
    use std::sync::atomic::Ordering;
    let less = |busy: usize| busy.checked_sub(1);
    if model.busy.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok() {
        let error = json!({"error": {"message": "slow down", "code": "rate_limit_exceeded"}});
        return (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "1")], Json(error)).into_response();
    }
    let told: Value =
        serde_json::from_str(body["messages"][1]["content"].as_str().expect("a text")).expect("JSON");
    let answer = |one: &Value| {
        let text = one["text"].as_str().and_then(|text| model.knows.get(text));
        json!({ "number": one["number"], "text": text })
    };
    let sentences: Vec<Value> = told["sentences"].as_array().expect("a list").iter().map(answer).collect();
    let content = json!({ "sentences": sentences }).to_string();
    let choice =
        json!({"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"});
    Json(json!({"object": "chat.completion", "model": "tiny", "choices": [choice]})).into_response()
}

async fn endpoint<const N: usize>(busy: usize, knows: [(&'static str, &'static str); N]) -> Value {
    let model = Arc::new(Model { knows: knows.into(), busy: busy.into() });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
    let router = Router::new().route("/v1/chat/completions", post(complete)).with_state(model);
    tokio::spawn(async move { axum::serve(listener, router).await });
    json!({ "url": url, "model": "tiny" })
}

fn seeds() -> Value {
    json!({ "seeds": [
        "I want to eat now.",
        "I want to eat with my family and my friends.",
        "The blorfing is frumious.",
        { "known": "Good day.", "target": "Buenos días." },
    ]})
}

#[tokio::test]
async fn what_nobody_can_translate_is_held_back_and_listed_until_a_user_corrects_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let fake = FakeOrchestrator::start().await;
    let translation = host("translation", folder.path(), Value::Null);
    let first = run(&fake, &translation, "translation", "spa_for_eng", &seeds()).await;
    let told = stats(&first);
    assert_eq!((&told["fromMemory"], &told["given"]), (&json!(1), &json!(1)), "{told}");
    assert_eq!((&told["translatedBy"]["apertium"], &told["heldBack"]), (&json!(1), &json!(1)), "{told}");
    let pairs: SeedPairs = artifact(&fake, "seed_pairs.json");
    assert_eq!(pairs.held_back.keys().collect::<Vec<_>>(), ["S0003"]);
    assert!(pairs.held_back["S0003"].reason.contains("*blorfing"), "{:?}", pairs.held_back);
    assert!(!pairs.translations.contains_key("S0003"));

    let mut corrected = seeds();
    corrected["corrections"] = json!({ "The blorfing is frumious.": "La cosa está furiosa." });
    let second = run(&fake, &translation, "translation", "spa_for_eng", &corrected).await;
    let told = stats(&second);
    assert_eq!(
        (&told["corrected"], &told["heldBack"], &told["reused"]),
        (&json!(1), &json!(0), &json!(1)),
        "{told}"
    );

    let extraction = host("extraction", folder.path(), Value::Null);
    let extracted = run(&fake, &extraction, "extraction", "spa_for_eng", &seeds()).await;
    assert_eq!(extracted.status, CallbackStatus::Complete, "{:?}", extracted.error);
    let legos: LegoPairs = artifact(&fake, "lego_pairs.json");
    let seed = serde_json::to_value(&legos).expect("JSON").to_string();
    assert!(seed.contains("La cosa está furiosa."), "the corrected seed is in the course: {seed}");
}

#[tokio::test]
async fn a_model_mends_what_apertium_held_back_and_what_it_is_not_sure_of_stays_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let chat = endpoint(0, [("The blorfing is frumious.", "La cosa está furiosa.")]).await;
    let options = json!({ "corrector": "chat", "chat": chat });
    let translation = host("translation", folder.path(), options);
    let input = json!({ "seeds": ["The blorfing is frumious.", "I see a snark.", "I want to eat now."] });
    for reused in [0, 1] {
        let fake = FakeOrchestrator::start().await;
        let told = stats(&run(&fake, &translation, "translation", "spa_for_eng", &input).await);
        assert_eq!((&told["heldBack"], &told["reused"]), (&json!(1), &json!(reused)), "{told}");
        let pairs: SeedPairs = artifact(&fake, "seed_pairs.json");
        assert_eq!(pairs.translations["S0001"].target, "La cosa está furiosa.");
        let reason = &pairs.held_back["S0002"].reason;
        assert!(reason.contains("*snark") && reason.contains("not sure"), "{reason}");
        let report: Value = artifact(&fake, "seed_pairs_report.json");
        assert_eq!(report["sources"]["S0001"], "chat tiny (correction)");
    }
}

#[tokio::test]
async fn a_language_that_apertium_has_not_is_for_the_model_and_a_busy_one_is_tried_again_by_segue() {
    let folder = tempfile::tempdir().expect("a folder");
    let fake = FakeOrchestrator::start().await;
    let chat = endpoint(1, [("I want to eat now.", "Dw i eisiau bwyta nawr.")]).await;
    let options = json!({ "translators": ["memory", "apertium", "chat"], "chat": chat });
    let translation = host("translation", folder.path(), options);
    let input = json!({ "seeds": ["I want to eat now."] });
    let busy = run(&fake, &translation, "translation", "cym_for_eng", &input).await;
    let (code, message, retryable) = error(busy);
    assert_eq!((code.as_str(), retryable), ("provider-rate-limited", true), "{message}");
    run(&fake, &translation, "translation", "cym_for_eng", &input).await;
    let pairs: SeedPairs = artifact(&fake, "seed_pairs.json");
    assert_eq!(pairs.translations["S0001"].target, "Dw i eisiau bwyta nawr.");
}

#[tokio::test]
async fn a_provider_that_is_missing_ends_the_phase_for_good_even_where_another_could_go_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let fake = FakeOrchestrator::start().await;
    let chat = endpoint(0, [("The blorfing is frumious.", "La cosa está furiosa.")]).await;
    let mut options = json!({ "translators": ["memory", "apertium", "chat"], "chat": chat });
    options["apertium"] = json!({ "modes": folder.path().join("nowhere") });
    let translation = host("translation", folder.path(), options.clone());
    let (code, message, retryable) =
        error(run(&fake, &translation, "translation", "spa_for_eng", &seeds()).await);
    assert_eq!((code.as_str(), retryable), ("provider-missing", false), "{message}");
    assert!(message.contains("apt-get install apertium"), "{message}");

    options["apertium"] = Value::Null;
    options["chat"]["key_env"] = json!("SEGUE_TEST_KEY_THAT_NOBODY_SETS");
    // A folder has one service at a time.
    let translation = host("translation", &folder.path().join("second"), options);
    let (code, message, retryable) =
        error(run(&fake, &translation, "translation", "spa_for_eng", &seeds()).await);
    assert_eq!((code.as_str(), retryable), ("provider-misconfigured", false), "{message}");
    // What people have said needs no translator.
    let known = json!({ "totalSeeds": 668 });
    let all = run(&fake, &translation, "translation", "spa_for_eng", &known).await;
    assert_eq!(stats(&all)["fromMemory"], json!(668));
}

#[tokio::test]
async fn whole_courses_go_through_apertium_and_no_mark_reaches_a_learner() {
    let folder = tempfile::tempdir().expect("a folder");
    let translation = host("translation", folder.path(), json!({ "translators": ["apertium"] }));
    for course in ["spa_for_eng", "cat_for_eng", "por_for_eng"] {
        let fake = FakeOrchestrator::start().await;
        let told = stats(&run(&fake, &translation, "translation", course, &json!({})).await);
        let pairs: SeedPairs = artifact(&fake, "seed_pairs.json");
        assert_eq!(pairs.translations.len() + pairs.held_back.len(), 668, "{told}");
        assert!(pairs.translations.len() > 400, "{course}: {told}");
        for pair in pairs.translations.values() {
            assert!(!pair.target.contains(['*', '@', '#', '\\', '[']), "{pair:?}");
        }
    }
}
