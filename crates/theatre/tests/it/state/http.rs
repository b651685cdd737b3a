//! The calls: the original's names and shapes, and a code of its own for everything that is wrong.

use phase_kit::catalog::ServiceSettings;
use serde_json::{Value, json};
use theatre::registry::CATALOG;

use super::support::House;

async fn opened() -> House {
    let house = House::open().await;
    house.well("/select_surgery", &json!({ "surgery": "PCNL", "operator": "Ada" })).await;
    house
}

#[tokio::test]
async fn every_bad_input_has_its_code() {
    let house = opened().await;
    let long = "x".repeat(5_000);
    for (path, body, status, code) in [
        ("/select_surgery", json!({ "surgery": "Heart" }), 400, "unknown-surgery"),
        ("/select_surgery", json!({}), 422, "invalid-field"),
        ("/select_surgery", json!({ "surgery": 7 }), 422, "invalid-field"),
        ("/select_surgery?theatre=UPPER", json!({ "surgery": "PCNL" }), 422, "invalid-field"),
        ("/theatres/a%2Fb/select_surgery", json!({ "surgery": "PCNL" }), 422, "invalid-field"),
        ("/transcript", json!({ "text": "" }), 400, "empty-text"),
        ("/transcript", json!({ "text": " \n\t " }), 400, "empty-text"),
        ("/transcript", json!({ "words": "on" }), 422, "invalid-field"),
        ("/transcript", json!({ "text": "on", "said_at": "yesterday" }), 422, "invalid-field"),
        ("/transcript", json!({ "text": "on", "is_final": "no" }), 422, "invalid-field"),
        ("/transcript", json!({ "text": long }), 413, "payload-too-large"),
        ("/transcript", json!({ "text": "on", "speaker": long }), 413, "payload-too-large"),
        ("/transcript", json!({ "text": "x".repeat(70_000) }), 413, "payload-too-large"),
        ("/transcript?theatre=nowhere", json!({ "text": "on" }), 404, "unknown-theatre"),
        ("/override", json!({ "machine_id": "M42", "action": "ON" }), 404, "unknown-machine"),
        ("/override", json!({ "machine_id": "suction", "action": "ON" }), 404, "unknown-machine"),
        ("/override", json!({ "machine_id": "M06", "action": "BLINK" }), 422, "unknown-action"),
        ("/override", json!({ "machine_id": "M06" }), 422, "invalid-field"),
        (
            "/override",
            json!({ "machine_id": "M06", "action": "ON", "minutes": 1440 }),
            422,
            "override-too-long",
        ),
        ("/override", json!({ "machine_id": "M06", "action": "ON", "minutes": 0 }), 422, "override-too-long"),
        ("/override", json!({ "machine_id": "M06", "action": "ON", "minutes": -1 }), 422, "invalid-field"),
        ("/override/release", json!({ "machine_id": "M06" }), 409, "not-now"),
        ("/override/release", json!({ "machine_id": "M66" }), 404, "unknown-machine"),
        ("/pending/7/confirm", json!({}), 404, "unknown-pending"),
        ("/pending/x/drop", json!({}), 404, "unknown-pending"),
    ] {
        let (got, problem) = house.post(path, &body).await;
        let short = body.to_string().chars().take(60).collect::<String>();
        assert_eq!((got, problem["code"].as_str()), (status, Some(code)), "{path} {short}: {problem}");
        assert_eq!(problem["status"], status);
    }
    for (path, status, code) in [
        ("/state?theatre=nowhere", 404, "unknown-theatre"),
        ("/state?at=x", 422, "invalid-field"),
        ("/history?from=-1", 422, "invalid-field"),
        ("/transcript", 405, "method-not-allowed"),
        ("/ws/state", 426, "upgrade-required"),
        ("/nothing", 404, "not-found"),
    ] {
        let (got, problem) = house.get(path).await;
        assert_eq!((got, problem["code"].as_str()), (status, Some(code)), "{path}: {problem}");
    }
    let broken = house.client().post(house.url("/transcript")).body("{\"text\": oops}");
    let answer = broken.send().await.expect("an answer");
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let problem: Value = answer.json().await.expect("JSON");
    assert_eq!(
        (&problem["code"], &problem["line"], &problem["column"]),
        (&json!("malformed-json"), &json!(1), &json!(10))
    );
    // Nothing of all this happened.
    assert_eq!(house.get("/state").await.1["metadata"]["seq"], 2);
}

#[tokio::test]
async fn before_a_surgery_is_chosen_nothing_can_be_said_and_the_state_is_the_empty_one() {
    let house = House::open().await;
    let (_, state) = house.get("/state").await;
    assert_eq!(
        (&state["metadata"]["phase"], &state["metadata"]["reasoning"]),
        (&json!("Phase1"), &json!("normal"))
    );
    assert_eq!((&state["machines"], &state["source"]), (&json!({ "0": [], "1": [] }), &json!("rule")));
    assert_eq!(house.get("/machines").await, (200, json!({})));
    for (path, body) in [
        ("/transcript", json!({ "text": "on" })),
        ("/override", json!({ "machine_id": "M06", "action": "ON" })),
    ] {
        let (status, problem) = house.post(path, &body).await;
        assert_eq!((status, &problem["code"]), (409, &json!("not-now")), "{path}");
    }
    let (_, health) = house.get("/health").await;
    assert_eq!((&health["status"], &health["surgery_loaded"]), (&json!("ok"), &json!(false)));
    assert!(health["disclaimer"].as_str().is_some_and(|text| text.contains("simulation")), "{health}");
}

#[tokio::test]
async fn the_calls_of_the_original_answer_in_its_words() {
    let house = opened().await;
    assert_eq!(house.get("/surgeries").await.1, json!(["Lobectomy", "PCNL", "Partial Hepatectomy"]));
    let (_, machines) = house.get("/machines").await;
    assert_eq!(
        (machines.as_object().map(serde_json::Map::len), &machines["M01"]["default_state"]),
        (Some(9), &json!("ON"))
    );
    let text = "x".repeat(150);
    let said = house.well("/transcript", &json!({ "text": text })).await;
    assert_eq!((&said["status"], said["text"].as_str().map(str::len)), (&json!("ok"), Some(100)));
    let over = house.well("/override", &json!({ "machine_id": "M06", "action": "ON" })).await;
    assert_eq!(
        (&over["status"], &over["machine_id"], &over["action"]),
        (&json!("ok"), &json!("M06"), &json!("ON"))
    );
    assert!(over["note"].as_str().is_some_and(|note| note.contains("30 min")), "{over}");
    let (_, stats) = house.get("/stats").await;
    assert_eq!(
        (&stats["running"], &stats["surgery"], &stats["state_writer"]["overrides"]),
        (&json!(true), &json!("PCNL"), &json!(1))
    );
    assert_eq!(stats["services"]["asr"], "http://127.0.0.1:1");
    let (_, state) = house.get("/state").await;
    assert_eq!(state["metadata"]["overrides_applied"], 1);
    assert_eq!(state["machines"]["1"], json!(["M01", "M06", "M09"]));
}

#[tokio::test]
async fn theatres_do_not_touch_each_other() {
    let house = opened().await;
    house.well("/theatres/two/select_surgery", &json!({ "surgery": "Lobectomy" })).await;
    house.well("/override?theatre=two", &json!({ "machine_id": "M06", "action": "ON" })).await;
    assert_eq!(house.get("/state").await.1["machines"]["1"], json!(["M01", "M09"]));
    let (_, two) = house.get("/theatres/two/state").await;
    assert_eq!(
        (&two["metadata"]["surgery"], &two["machines"]["1"]),
        (&json!("Lobectomy"), &json!(["M01", "M06", "M09"]))
    );
    let (_, list) = house.get("/theatres").await;
    assert_eq!(list.as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn the_past_can_be_read_page_by_page_and_as_states() {
    let house = opened().await;
    for number in 1..=5 {
        let action = if number % 2 == 1 { "ON" } else { "OFF" };
        house
            .well(
                "/override",
                &json!({ "machine_id": "M06", "action": action, "operator": number.to_string() }),
            )
            .await;
    }
    let (_, history) = house.get("/history?from=3&to=5").await;
    let seqs: Vec<&Value> =
        history["entries"].as_array().expect("entries").iter().map(|entry| &entry["seq"]).collect();
    assert_eq!(
        (seqs, &history["last"], &history["next"]),
        (vec![&json!(3), &json!(4), &json!(5)], &json!(7), &Value::Null)
    );
    for (at, state) in [(2, "OFF"), (3, "ON"), (4, "OFF"), (7, "ON"), (99, "ON")] {
        let (_, then) = house.get(&format!("/state?at={at}")).await;
        assert_eq!(then["metadata"]["machine_states"]["M06"]["state"], state, "after {at}");
    }
}

#[tokio::test]
async fn the_audit_names_the_first_line_that_is_not_as_it_was() {
    let mut house = opened().await;
    house.well("/override", &json!({ "machine_id": "M06", "action": "ON", "reason": "smoke" })).await;
    let whole = house.get("/audit/verify").await.1;
    assert_eq!((&whole["ok"], &whole["entries"]), (&json!(true), &json!(3)));
    let path = house.folder.path().join("theatres/main/log.jsonl");
    let log = std::fs::read_to_string(&path).expect("the log");
    std::fs::write(&path, log.replace("smoke", "smock")).expect("written");
    let verdict = house.get("/audit/verify").await.1;
    assert_eq!((&verdict["ok"], &verdict["line"]), (&json!(false), &json!(3)), "{verdict}");
    // A log without its last lines is whole in itself; the writer knows better.
    let shorter: String = log.split_inclusive('\n').take(2).collect();
    std::fs::write(&path, shorter).expect("written");
    let verdict = house.get("/audit/verify").await.1;
    assert_eq!((&verdict["ok"], &verdict["line"]), (&json!(false), &json!(3)), "{verdict}");
    // The next process refuses the theatre, and only this one.
    house.well("/theatres/two/select_surgery", &json!({ "surgery": "PCNL" })).await;
    std::fs::write(&path, log.replace("smoke", "smock")).expect("written");
    house.kill();
    house.start();
    let (status, problem) = house.get("/state").await;
    assert_eq!((status, &problem["code"]), (503, &json!("journal-damaged")), "{problem}");
    assert_eq!(house.get("/audit/verify").await.1["line"], 3);
    assert_eq!(house.get("/theatres/two/state").await.0, 200);
    assert_eq!(house.get("/health").await.1["status"], "degraded");
}

#[tokio::test]
async fn the_page_is_served_with_a_policy_and_every_file_is_in_the_table() {
    let house = House::open().await;
    for path in ["/", "/assets/theatre.css", "/assets/js/main.js"] {
        let answer = house.client().get(house.url(path)).send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "{path}");
        let policy = answer.headers()["content-security-policy"].to_str().expect("text");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'"), "{policy}");
        let etag = answer.headers()["etag"].clone();
        let again = house.client().get(house.url(path)).header("if-none-match", etag);
        assert_eq!(again.send().await.expect("an answer").status(), 304, "{path}");
    }
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
    let mut there = Vec::new();
    for folder in ["", "js"] {
        for entry in std::fs::read_dir(root.join(folder)).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_file() {
                there.push(path.strip_prefix(&root).expect("inside").display().to_string());
            }
        }
    }
    there.sort();
    let mut known: Vec<String> =
        theatre::state::page::FILES.iter().map(|(name, ..)| (*name).to_owned()).collect();
    known.sort();
    assert_eq!(there, known);
}

#[test]
fn where_browsers_send_sound_must_be_an_address() {
    let service = |url: &str| {
        let options = json!({ "audio_url": url });
        let settings = ServiceSettings { options, ..ServiceSettings::default() };
        CATALOG.service("state", &settings).map(drop).map_err(|error| error.to_string())
    };
    assert_eq!(service("https://theatre.example.org/asr"), Ok(()));
    assert!(service("asr:3471").is_err_and(|why| why.contains("audio_url is no http")));
}
