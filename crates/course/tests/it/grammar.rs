//! Grammar as an orchestrator meets it, with what people decided about single phrases.

use course::model::{GrammarReport, LegoBaskets};
use course::registry::CATALOG;
use phase_kit::testing::{FakeOrchestrator, ServiceHost};
use protocol::{Callback, CallbackStatus};
use serde_json::{Value, json};

use crate::speech_phases::{result, settings};

/// Two phrases that a rule removes, one that it does not, the LEGO itself, and a sentence.
fn part() -> Value {
    let phrase =
        |known: &str, target: &str| json!({ "known": known, "target": target, "legos": ["S0001L01"] });
    json!({ "version": "1.0", "course": "spa_for_eng", "baskets": { "S0001L01": {
        "lego": { "known": "the house", "target": "la casa" }, "is_final_lego": true, "phrase_count": 5,
        "practice_phrases": [phrase("the house", "la casa"), phrase("the boy", "la niño"),
            phrase("she want", "ella quieren"), phrase("with the house", "con la casa"), phrase("I have the house.", "Tengo la casa.")],
    } } })
}

fn decision(known: &str, target: &str, verdict: &str, at: &str) -> Vec<u8> {
    let decision = json!({ "version": "1.0", "lego_id": "S0001L01", "phrase": { "known": known, "target": target },
        "verdict": verdict, "reason": "said so in class", "by": "Ana", "at": at });
    decision.to_string().into_bytes()
}

/// Runs the phase over the artifacts that are there.
async fn grammar(fake: &FakeOrchestrator) -> Callback {
    let folder = tempfile::tempdir().expect("a folder");
    let host = ServiceHost::start(
        CATALOG.service("grammar", &settings(folder.path(), Value::Null)).expect("it is known"),
    );
    let mut request = fake.request("grammar", &json!({}));
    let output = json!([{ "index": 0, "artifact": "baskets/batch-000.json", "baskets": 1, "phrases": 5 }]);
    let before = json!({ "output": output, "stats": null, "artifacts": {} });
    request.upstream.insert("baskets".to_owned(), serde_json::from_value(before).expect("it fits"));
    result(fake, &host, &request).await
}

fn left(fake: &FakeOrchestrator) -> (Vec<String>, GrammarReport) {
    let read = |name: &str| fake.artifact(name).expect("it was stored");
    let baskets: LegoBaskets = serde_json::from_slice(&read("lego_baskets.json")).expect("it fits");
    let phrases = &baskets.baskets["S0001L01"].practice_phrases;
    let report = serde_json::from_slice(&read("grammar_report.json")).expect("it fits");
    (phrases.iter().map(|phrase| phrase.target.clone()).collect(), report)
}

#[tokio::test]
async fn what_a_person_restored_stays_and_what_he_removed_goes() {
    let fake = FakeOrchestrator::start().await;
    fake.put_artifact("baskets/batch-000.json", part().to_string());
    assert_eq!(grammar(&fake).await.status, CallbackStatus::Complete);
    let (phrases, report) = left(&fake);
    assert_eq!(phrases, ["la casa", "con la casa", "Tengo la casa."]);
    assert_eq!(report.deletions.len(), 2);
    assert!(report.deletions.iter().all(|one| one.by.is_none() && !one.reason.is_empty()));

    let early = "2026-11-20T10:00:00Z";
    fake.put_artifact("decisions/S0001L01/a.json", decision("the boy", "la niño", "keep", early));
    fake.put_artifact(
        "decisions/S0001L01/b.json",
        decision("with the house", "con la casa", "delete", early),
    );
    // The LEGO itself stays, and so does what is not there.
    fake.put_artifact("decisions/S0001L01/c.json", decision("the house", "la casa", "delete", early));
    let callback = grammar(&fake).await;
    let (phrases, report) = left(&fake);
    assert_eq!(phrases, ["la casa", "la niño", "Tengo la casa."]);
    assert_eq!(
        (report.restored[0].by.as_deref(), &*report.restored[0].rule),
        (Some("Ana"), "article-agreement")
    );
    let by_person = report.deletions.iter().find(|one| one.by.is_some()).expect("it is told");
    assert_eq!(
        (&*by_person.phrase.target, &*by_person.rule, &*by_person.reason),
        ("con la casa", "by-person", "said so in class")
    );
    assert_eq!(by_person.at.as_deref(), Some(early));
    assert_eq!(report.unused.iter().map(|one| &*one.phrase.target).collect::<Vec<_>>(), ["la casa"]);
    // The gate judges how the baskets were made: one of five is wrong.
    let stats: Value = serde_json::from_str(callback.stats.expect("it has some").get()).expect("JSON");
    assert_eq!(
        (&stats["deletionRate"], &stats["deleted"], &stats["restored"]),
        (&json!(0.2), &json!(2), &json!(1))
    );

    // Taken back later, under whatever name: the rules decide again.
    fake.put_artifact(
        "decisions/S0001L01/d.json",
        decision("the boy", "la niño", "rules", "2026-11-21T10:00:00Z"),
    );
    grammar(&fake).await;
    assert_eq!(left(&fake).0, ["la casa", "Tengo la casa."]);
}

#[tokio::test]
async fn a_decision_that_can_not_be_read_is_no_silent_loss() {
    let fake = FakeOrchestrator::start().await;
    fake.put_artifact("baskets/batch-000.json", part().to_string());
    fake.put_artifact("decisions/S0001L01/a.json", b"{}".to_vec());
    let error = grammar(&fake).await.error.expect("it fails");
    assert_eq!((&*error.code, error.retryable), ("invalid-decision", false));
    assert!(error.message.starts_with("decisions/S0001L01/a.json: "), "{}", error.message);
}
