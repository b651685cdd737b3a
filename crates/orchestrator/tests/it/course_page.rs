//! The page of a course, in a real browser: what is made so far, a basket, a sample heard, a removed phrase restored.

#![expect(clippy::unwrap_used, reason = "where a test can't be set up, it fails")]

use serde_json::{Value, json};

use crate::{
    browser::{put, silence},
    driver::Browser,
    support::{Orchestrator, Service, call, call_back, service},
};

const COURSE: &str = "name='course'\nroute='courses'\nkey='courseCode'\n\
    [[phase]]\nid='extraction'\nservice='stub'\n\
    [[phase]]\nid='grammar'\nservice='stub'\nafter=['extraction']\n\
    [[phase]]\nid='tts'\nservice='stub'\nafter=['grammar']";

fn pair(known: &str, target: &str) -> Value {
    json!({ "known": known, "target": target })
}

fn seed_pairs() -> Value {
    json!({ "version": "1.0", "course": "spa_for_eng", "target_language": "spa", "known_language": "eng", "total_seeds": 3,
        "translations": { "S0001": pair("I have to eat.", "Tengo que comer."), "S0002": pair("I have to drink.", "Tengo que beber.") },
        "held_back": { "S0003": { "known": "The blorfing is frumious.", "candidate": "", "reason": "nobody knows 'blorfing'" } } })
}

fn lego_pairs() -> Value {
    let atomic = |id: &str, known: &str, target: &str| json!({ "id": id, "type": "A", "new": true, "lego": pair(known, target) });
    json!({ "version": "1.0", "course": "spa_for_eng", "seeds": [
        { "seed_id": "S0001", "seed_pair": pair("I have to eat.", "Tengo que comer."), "tiling": ["S0001L02", "S0001L01"], "legos": [
            atomic("S0001L01", "eat", "comer"),
            { "id": "S0001L02", "type": "M", "new": true, "lego": pair("I have to", "tengo que"),
              "components": [pair("I have", "tengo"), pair("to", "que")] }] },
        { "seed_id": "S0002", "seed_pair": pair("I have to drink.", "Tengo que beber."), "tiling": ["S0002L02", "S0002L01"], "legos": [
            atomic("S0002L01", "drink", "beber"),
            { "id": "S0002L02", "type": "M", "new": false, "ref": "S0001L02", "lego": pair("I have to", "tengo que") }] },
    ] })
}

/// The baskets, with or without the phrase that grammar removes.
fn baskets(whole: bool) -> Value {
    let phrase = |known: &str, target: &str, legos: &[&str]| json!({ "known": known, "target": target, "legos": legos });
    let one = |lego: Value, phrases: Vec<Value>| json!({ "lego": lego, "is_final_lego": false, "phrase_count": phrases.len(), "practice_phrases": phrases, "note": "it comes early" });
    let mut drink = vec![phrase("drink", "beber", &["S0002L01"])];
    if whole {
        drink.push(phrase("eat drink", "comer beber", &["S0001L01", "S0002L01"]));
    }
    drink.push(phrase("I have to drink.", "Tengo que beber.", &["S0001L02", "S0002L01"]));
    json!({ "version": "1.0", "course": "spa_for_eng", "baskets": {
        "S0001L01": one(pair("eat", "comer"), vec![phrase("eat", "comer", &["S0001L01"])]),
        "S0001L02": one(pair("I have to", "tengo que"), vec![phrase("I have to", "tengo que", &["S0001L02"])]),
        "S0002L01": one(pair("drink", "beber"), drink),
    } })
}

fn report(deleted: &[Value], restored: &[Value]) -> Value {
    json!({ "version": "1.0", "course": "spa_for_eng", "checker": "a stub", "checked": 5, "deletions": deleted, "restored": restored })
}

fn removed(more: Value) -> Value {
    let mut one = json!({ "lego_id": "S0002L01", "phrase": pair("eat drink", "comer beber"), "rule": "word-order", "reason": "two verbs in a row" });
    one.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    one
}

fn manifest() -> Value {
    let sample = |id: &str, role: &str, cadence: &str| json!([{ "id": id, "duration": 0.1, "cadence": cadence, "role": role }]);
    json!({ "id": "spa-eng", "slices": [{ "seeds": [], "samples": {
        "drink": sample("ID1", "source", "natural"), "beber": sample("ID2", "target1", "slow"), "comer": sample("ID3", "target1", "slow"),
    } }] })
}

async fn store(start: &Value, name: &str, file: &Value) {
    store_bytes(start, name, "application/json", file.to_string().into_bytes()).await;
}

async fn store_bytes(start: &Value, name: &str, media_type: &str, bytes: Vec<u8>) {
    let url = format!("{}{name}", start["artifactsUrl"].as_str().unwrap());
    assert_eq!(put(&url, media_type, bytes, start["callback"]["token"].as_str().unwrap()).await, 201);
}

async fn succeed(start: &Value) {
    assert_eq!(call_back(start, &json!({ "success": true, "output": {} })).await.0, 200);
}

/// The next start, which must be of this phase.
async fn next(stub: &mut Service, phase: &str) -> Value {
    let start = stub.next().await;
    assert_eq!(start["phase"], phase);
    start
}

/// Until speech: a phrase removed, two of three samples spoken.
async fn make(stub: &mut Service, browser: &Browser) {
    let extraction = next(stub, "extraction").await;
    store(&extraction, "seed_pairs.json", &seed_pairs()).await;
    browser.reads(".seed-row", "Tengo que comer.").await;
    browser.reads(".course-waits", "Not there yet: LEGOs, baskets").await;
    store(&extraction, "lego_pairs.json", &lego_pairs()).await;
    store(&extraction, "baskets/batch-000.json", &baskets(true)).await;
    succeed(&extraction).await;
    let grammar = next(stub, "grammar").await;
    store(&grammar, "lego_baskets.json", &baskets(false)).await;
    store(&grammar, "grammar_report.json", &report(&[removed(json!({}))], &[])).await;
    succeed(&grammar).await;
    let tts = next(stub, "tts").await;
    store(&tts, "course_manifest.json", &manifest()).await;
    for id in ["ID1", "ID2"] {
        store_bytes(&tts, &format!("audio/{id}.wav"), "audio/wav", silence()).await;
    }
    succeed(&tts).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_course_is_seen_while_it_is_made_heard_and_mended() {
    let Some(browser) = Browser::open().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut stub = service().await;
    let segue = Orchestrator::start(folder.path(), COURSE, &stub.url, None).await;
    let (_, started) = segue.post("/api/jobs", &json!({ "pipeline": "course", "key": "spa_for_eng" })).await;
    let job = started["jobId"].as_str().unwrap();
    browser.go(&format!("{}/#/courses", segue.url)).await;
    browser.click(".course-entry a", "spa_for_eng").await;
    browser.reads(".empty", "No seed yet").await;
    make(&mut stub, &browser).await;
    // The tiling, and the figures.
    browser.reads(".tile.M.new", "tengo que").await;
    browser.reads(".tile.M.old", "tengo que").await;
    browser.reads(".held-note", "nobody knows 'blorfing'").await;
    browser.reads(".course-counts", "seeds2 2 tile exactlyheld back1LEGOs taught3 2 atomicphrases4 in 3 baskets, 3 shortremoved1samples3 2 spoken").await;
    browser.reads(".job-title .state", "complete").await;
    // A basket by its address, with the removed phrase where it stood.
    browser.go(&format!("{}/#/course/{job}?lego=S0002L01", segue.url)).await;
    browser.reads(".course-panel", "Why fewer than 10: it comes early.").await;
    let phrases = "arguments[0]([...document.querySelectorAll('.phrase .phrase-target')].map((one) => one.tagName + ' ' + one.textContent))";
    browser.reads(".phrase.gone", "word-order two verbs in a row").await;
    assert_eq!(
        browser.run(phrases, json!([])).await,
        json!(["SPAN beber", "DEL comer beber", "SPAN Tengo que beber."])
    );
    hear(&browser).await;
    restore(&browser, &segue, &mut stub, job).await;
    assert_eq!(browser.errors().await, Vec::<String>::new());
}

/// The keys play what is open, one sample after the other.
async fn hear(browser: &Browser) {
    let listen = "window.heard = [];
        const player = document.querySelector('audio');
        player.addEventListener('playing', () => window.heard.push('playing'));
        player.addEventListener('ended', () => {
            window.heard.push(player.currentTime > 0 ? 'ended' : 'silent');
            }, { capture: true });
        arguments[0](null);";
    browser.run(listen, json!([])).await;
    browser.press(" ").await;
    browser.reads(".player", "beber").await;
    let heard = "const done = arguments[0];
        const look = () => { if (window.heard.length >= 4) done(window.heard.slice(0, 4)); else requestAnimationFrame(look); };
        look();";
    assert_eq!(browser.run(heard, json!([])).await, json!(["playing", "ended", "playing", "ended"]));
}

/// A phrase comes back: decided, applied, done again, shown.
async fn restore(browser: &Browser, segue: &Orchestrator, stub: &mut Service, job: &str) {
    browser.click(".phrase.gone button", "Restore").await;
    browser.reads("dialog", "Your name is written down").await;
    browser.run("document.getElementById('ask-by').value = 'Ana'; arguments[0](null)", json!([])).await;
    browser.click("dialog button", "Go on").await;
    browser.reads(".phrase.pending", "comes back when applied, decided by Ana").await;
    browser.click(".course-pending button", "Apply").await;
    browser
        .reads("dialog", "1 phrase comes back. Done again: grammar, tts. Kept as it is: extraction.")
        .await;
    browser.click("dialog button", "Do it again").await;
    // What a real grammar reads.
    let grammar = next(stub, "grammar").await;
    let artifacts = grammar["artifactsUrl"].as_str().unwrap().trim_end_matches('/').to_owned();
    let (_, list) = call("GET", &artifacts, Vec::new(), None).await;
    let names = list["artifacts"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap());
    let decisions: Vec<&str> = names.filter(|name| name.starts_with("decisions/S0002L01/")).collect();
    let (_, decision) = call("GET", &format!("{artifacts}/{}", decisions[0]), Vec::new(), None).await;
    assert_eq!((decisions.len(), &decision["verdict"], &decision["by"]), (1, &json!("keep"), &json!("Ana")));
    assert_eq!(
        (&decision["lego_id"], &decision["phrase"]),
        (&json!("S0002L01"), &pair("eat drink", "comer beber"))
    );
    let (_, audit) = call("GET", &format!("{}/api/audit", segue.url), Vec::new(), None).await;
    let wanted = format!("PUT /api/jobs/{job}/artifacts/{}", decisions[0]);
    assert!(
        audit["lines"]
            .as_array()
            .unwrap()
            .iter()
            .any(|line| line["what"] == wanted && line["onBehalfOf"] == "Ana"),
        "{audit}"
    );
    store(&grammar, "lego_baskets.json", &baskets(true)).await;
    let kept = removed(json!({ "by": "Ana", "at": decision["at"] }));
    store(&grammar, "grammar_report.json", &report(&[], &[kept])).await;
    succeed(&grammar).await;
    succeed(&next(stub, "tts").await).await;
    browser.reads(".phrase.kept", "kept by Ana, against the rule").await;
    browser.reads(".course-counts", "removed0 1 restored").await;
}
