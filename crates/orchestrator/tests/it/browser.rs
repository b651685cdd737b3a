//! What somebody reads and does on the dashboard, in a real browser against a real orchestrator.

#![expect(clippy::unwrap_used, reason = "where a test can't be set up, it fails")]

use serde_json::{Value, json};

use crate::{
    driver::Browser,
    support::{Clock, Orchestrator, Service, Setup, call, call_back, service},
};

const TOUR: &str = "name='tour'\n[[phase]]\nid='draft'\nservice='stub'\nretry={attempts=1}\n\
    [[phase]]\nid='pictures'\nservice='stub'\nafter=['draft']\nmap={over='draft.output.items'}\n\
    [[phase]]\nid='ask'\nafter=['draft']\nwait={signal='go',timeout='48h'}\n\
    [[phase]]\nid='publish'\nservice='stub'\nafter=['pictures','ask']";

/// A tenth of a second of silence: 8-bit samples, 8,000 a second.
pub(crate) fn silence() -> Vec<u8> {
    let mut wav =
        b"RIFF\x44\x03\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data\x20\x03\0\0"
            .to_vec();
    wav.extend([128; 800]);
    wav
}

async fn succeed(stub: &mut Service, output: Value) {
    let start = stub.next().await;
    assert_eq!(call_back(&start, &json!({ "success": true, "output": output })).await.0, 200);
}

async fn tell_progress(segue: &Orchestrator, start: &Value, done: u64) {
    let url = format!("{}/api/attempts/{}/progress", segue.url, start["attemptId"].as_str().unwrap());
    let body = json!({ "done": done, "total": 40, "unit": "seeds" }).to_string().into_bytes();
    assert_eq!(call("POST", &url, body, start["callback"]["token"].as_str()).await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_is_watched_mended_decided_and_heard_on_its_page() {
    let Some(browser) = Browser::open().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut stub = service().await;
    let segue = Orchestrator::start(folder.path(), TOUR, &stub.url, None).await;
    browser.go(&segue.url).await;
    browser.reads(".empty", "No job yet").await;
    // A start from elsewhere appears by itself.
    let (_, started) = segue.post("/api/jobs", &json!({ "pipeline": "tour", "key": "spa_for_eng" })).await;
    let job = started["jobId"].as_str().unwrap();
    let draft = stub.next().await;
    tell_progress(&segue, &draft, 12).await;
    browser.reads(".space .row", "draft: 12 of 40 seeds").await;
    browser.click(".space .row a", "spa_for_eng").await;
    browser.reads(".card-progress", "draft: 12 of 40 seeds").await;
    browser.reads(".card-why", "draft runs (attempt 1)").await;
    tell_progress(&segue, &draft, 30).await;
    browser.reads(".node.running", "30 of 40 seeds").await;
    // It fails, in the service's own words, and is tried again from the page.
    let words = "apertium is not installed: no mode 'eng-spa'";
    let failed = json!({ "success": false, "error": { "code": "engine-missing", "message": words, "retryable": false } });
    assert_eq!(call_back(&draft, &failed).await.0, 200);
    browser.reads(".card-progress .error-box", words).await;
    browser.reads(".job-title .state", "failed").await;
    browser.click(".job-actions button", "Try again").await;
    let again = stub.next().await;
    let url = format!("{}/api/jobs/{job}/artifacts/voice.wav", segue.url);
    let token = again["callback"]["token"].as_str().unwrap();
    assert_eq!(put(&url, "audio/wav", silence(), token).await, 201);
    assert_eq!(call_back(&again, &json!({ "success": true, "output": { "items": [1, 2, 3] } })).await.0, 200);
    // Two branches; a person decides in one of them, while the map goes on in the other.
    succeed(&mut stub, json!({})).await;
    browser.reads(".node", "1 of 3 runs").await;
    browser.reads(".node.pending", "waits for pictures and ask").await;
    browser.click(".decision button[type=submit]", "Send 'go'").await;
    succeed(&mut stub, json!({})).await;
    succeed(&mut stub, json!({})).await;
    // Held, let go on, and to its end.
    let publish = stub.next().await;
    browser.click(".job-actions button", "Pause").await;
    browser.reads(".job-title .state", "paused").await;
    browser.click(".job-actions button", "Resume").await;
    browser.reads(".job-title .state", "running").await;
    assert_eq!(call_back(&publish, &json!({ "success": true })).await.0, 200);
    browser.reads(".job-title .state", "complete").await;
    browser.reads(".card-progress", "100 %").await;
    // What was stored can be heard.
    browser.click(".artifact summary", "voice.wav").await;
    let heard = "const done = arguments[0];
        const look = () => {
            const player = document.querySelector('audio');
            if (!player) return;
            watch.disconnect();
            if (player.readyState > 0) done(player.duration);
            else player.addEventListener('loadedmetadata', () => done(player.duration));
        };
        const watch = new MutationObserver(look);
        watch.observe(document, { subtree: true, childList: true });
        look();";
    assert_eq!(browser.run(heard, json!([])).await, json!(0.1));
    assert_eq!(browser.errors().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_page_catches_up_when_the_orchestrator_is_back() {
    let Some(browser) = Browser::open().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut stub = service().await;
    let segue = Orchestrator::start(folder.path(), TOUR, &stub.url, None).await;
    let (_, started) = segue.post("/api/jobs", &json!({ "pipeline": "tour", "key": "survivor" })).await;
    let job = started["jobId"].as_str().unwrap();
    let draft = stub.next().await;
    browser.go(&format!("{}/#/job/{job}", segue.url)).await;
    browser.reads(".node.running", "draft").await;
    browser.reads(".link-state", "live").await;
    let listen = segue.kill().await;
    browser.reads(".link-state", "polling").await;
    let segue = Orchestrator::start(folder.path(), TOUR, &stub.url, Some(&listen)).await;
    assert_eq!(call_back(&draft, &json!({ "success": true, "output": { "items": [1] } })).await.0, 200);
    browser.reads(".link-state", "live").await;
    browser.reads(".node.complete", "draft").await;
    browser.reads(".decision", "ask waits for 'go'").await;
    browser.go(&format!("{}/#/waiting", segue.url)).await;
    browser.reads(".waiting-list li", "survivor").await;
    browser.go(&format!("{}/#/services", segue.url)).await;
    browser.click(".service button", "Stop taking work").await;
    browser.click("dialog button", "Take no more work").await;
    browser.reads(".service .state", "takes no work").await;
}

const TWO: &str = "name='two'\n[[phase]]\nid='draw'\nservice='stub'\ntimeout='9h'\n\
    [[phase]]\nid='paint'\nservice='stub'\ntimeout='9h'\nafter=['draw']";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_left_is_shown_and_jobs_are_found_by_when_they_started() {
    let Some(browser) = Browser::open().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut stub = service().await;
    // The browser has a clock of its own: the first job ended just now, after ten minutes for each of its phases.
    let now = jiff::Timestamp::now();
    let before = |minutes: i64| (now - jiff::SignedDuration::from_mins(minutes)).to_string();
    let clock = Clock::at(&before(20));
    let mut setup = Setup::new(folder.path(), TWO, &stub.url);
    setup.world = clock.clone();
    let segue = Orchestrator::with(setup).await;
    let (_, first) = segue.post("/api/jobs", &json!({ "pipeline": "two", "key": "first" })).await;
    for minutes in [10, 0] {
        let start = stub.next().await;
        clock.set(&before(minutes));
        assert_eq!(call_back(&start, &json!({ "success": true })).await.0, 200);
    }
    segue.over(first["jobId"].as_str().unwrap()).await;
    let (_, second) = segue.post("/api/jobs", &json!({ "pipeline": "two", "key": "second" })).await;
    let _draw = stub.next().await;
    browser.go(&segue.url).await;
    browser.reads(".space .row", "about 2").await;
    browser.reads(".space .row", "min left").await;
    // On its page: a range, from what, a bar that is marked as estimated, and what is to come after now.
    browser.go(&format!("{}/#/job/{}", segue.url, second["jobId"].as_str().unwrap())).await;
    browser.reads(".card-progress .left", "min left").await;
    let title = "arguments[0](document.querySelector('.left').title)";
    assert_eq!(browser.run(title, json!([])).await, json!("Estimated: from 1 earlier run"));
    browser.reads(".gantt .future title", "paint, estimated: through").await;
    let drawn = "arguments[0](['.future-bar', '.future-late', '.piece-guess'].map((one) => document.querySelectorAll(one).length))";
    assert_eq!(browser.run(drawn, json!([])).await, json!([2, 2, 1]));
    // By time: an address is a link, and the choice writes it.
    browser.go(&format!("{}/#/jobs?until={}", segue.url, before(60))).await;
    browser.reads(".empty", "No job fits").await;
    browser.go(&format!("{}/#/jobs?from={}", segue.url, before(5))).await;
    browser.reads(".summary", "1 job").await;
    browser.reads(".space .row", "second").await;
    browser.reads(".chips", "All 1").await;
    let choose = "const select = document.getElementById('filter-since'); select.value = '1h';
        select.dispatchEvent(new Event('change')); arguments[0](location.hash)";
    assert_eq!(browser.run(choose, json!([])).await, json!("#/jobs?since=1h"));
    browser.reads(".summary", "2 jobs").await;
    assert_eq!(browser.errors().await, Vec::<String>::new());
}

/// Stores an artifact under an attempt's token; the status.
pub(crate) async fn put(url: &str, media_type: &str, bytes: Vec<u8>, token: &str) -> u16 {
    use http_body_util::Full;
    let client: hyper_util::client::legacy::Client<_, Full<bytes::Bytes>> =
        hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
    let request = hyper::Request::builder()
        .method("PUT")
        .uri(url)
        .header("content-type", media_type)
        .header("authorization", format!("Bearer {token}"));
    client.request(request.body(Full::new(bytes.into())).unwrap()).await.unwrap().status().as_u16()
}
