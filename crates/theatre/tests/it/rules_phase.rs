//! The service `rules` as an orchestrator meets it.

use std::path::Path;

use phase_kit::{
    catalog::ServiceSettings,
    testing::{FakeOrchestrator, ServiceHost},
};
use protocol::Callback;
use serde_json::{Value, json};
use theatre::{
    model::{Action, Understanding},
    registry::CATALOG,
};

use crate::rules_utterances::utterance;

fn settings(folder: &Path, options: Value) -> ServiceSettings {
    ServiceSettings { data_dir: folder.join("rules"), capacity: 4, options, ..ServiceSettings::default() }
}

async fn ask(folder: &Path, options: Value, input: &Value) -> Callback {
    let fake = FakeOrchestrator::start().await;
    let service = CATALOG.service("rules", &settings(folder, options)).expect("it is known");
    let host = ServiceHost::start(service);
    let request = fake.request("rules", input);
    let (status, body) = fake.offer(&host.url(), &request).await;
    assert_eq!(status, 202, "{body}");
    fake.accepted(request.attempt_id).await
}

fn spoken(surgery: &str, text: &str) -> Value {
    serde_json::to_value(utterance(surgery, text, Vec::new())).expect("JSON")
}

#[tokio::test]
async fn an_utterance_becomes_an_understanding_with_figures() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "suction on and irrigation stop; is the camera on?";
    let callback = ask(folder.path(), Value::Null, &spoken("PCNL", text)).await;
    let output = callback.output.as_ref().expect("it succeeded").get();
    let understood: Understanding = serde_json::from_str(output).expect("it fits");
    let actions: Vec<(&str, Action)> =
        understood.toggles.iter().map(|one| (one.machine_id.as_str(), one.action)).collect();
    assert_eq!(actions, [("M06", Action::On), ("M05", Action::Off)]);
    let stats: Value = serde_json::from_str(callback.stats.expect("it has some").get()).expect("JSON");
    let expected = json!({ "clauses": 3, "kinds": { "command": 2, "question": 1 }, "toggles": 2, "pending": 0,
        "negations": 0, "confidence": 0.95 });
    assert_eq!(stats, expected);
}

#[tokio::test]
async fn with_the_filter_a_machine_goes_on_only_in_phases_that_use_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut input = spoken("PCNL", "start the lithotripter and suction on, and C-arm off");
    input["phase"] = json!("Phase3");
    let options = json!({ "phase_filter": true });
    let callback = ask(folder.path(), options, &input).await;
    let understood: Understanding =
        serde_json::from_str(callback.output.expect("it succeeded").get()).expect("it fits");
    let ids: Vec<&str> = understood.toggles.iter().map(|one| one.machine_id.as_str()).collect();
    assert_eq!(ids, ["M06", "M04"], "the lithotripter has no use before phase 4");
    assert!(
        understood.clauses[0].why.ends_with("not done: M07 is not used in Phase3"),
        "{:?}",
        understood.clauses
    );
}

#[tokio::test]
async fn what_can_not_be_understood_fails_for_good_and_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let long = "suction ".repeat(3000);
    for (input, code, part) in [
        (
            spoken("Appendectomy", "suction on"),
            "unknown-surgery",
            "there are Lobectomy, PCNL, Partial Hepatectomy",
        ),
        (spoken("PCNL", &long), "text-too-long", "24000 bytes"),
        (json!({ "text": "suction on" }), "invalid-input", "theatre"),
    ] {
        let error = ask(folder.path(), Value::Null, &input).await.error.expect("it fails");
        assert_eq!((&*error.code, error.retryable), (code, false));
        assert!(error.message.contains(part), "{}", error.message);
    }
}

#[tokio::test]
async fn surgeries_of_a_folder_are_understood_and_wrong_ones_stop_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let surgeries = folder.path().join("surgeries");
    std::fs::create_dir(&surgeries).expect("a folder");
    let text = include_str!("../../surgeries/pcnl.toml").replace("\"PCNL\"", "\"Cystoscopy\"");
    std::fs::write(surgeries.join("cystoscopy.toml"), &text).expect("it is written");
    let options = json!({ "surgeries": surgeries });
    let callback = ask(folder.path(), options.clone(), &spoken("Cystoscopy", "suction on")).await;
    assert!(callback.output.expect("it succeeded").get().contains("\"M06\""));

    std::fs::write(surgeries.join("cystoscopy.toml"), text.replace("\"Phase4\"]", "\"Phase9\"]"))
        .expect("it is written");
    let error = CATALOG.check("rules", &options).expect_err("the file is wrong").to_string();
    assert!(error.contains("cystoscopy.toml:") && error.contains("there is no phase 'Phase9'"), "{error}");
    let error =
        CATALOG.check("rules", &json!({ "surgery": "PCNL" })).expect_err("no such option").to_string();
    assert!(error.contains("surgery"), "{error}");
}
