//! The services `manifest` and `tts` as an orchestrator meets them: over HTTP, with artifacts, pauses and bad options.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use course::manifest::batches::SpeechBatch;
use course::manifest::make::ManifestOutput;
use course::model::{CourseManifest, Role};
use course::registry::CATALOG;
use course::speech::clip::Clip;
use course::speech::engine::{Engine, Said, SayError, Utterance};
use course::speech::options::TtsOptions;
use course::speech::opus_file::decode;
use course::speech::report::AudioReport;
use phase_kit::Service;
use phase_kit::catalog::{CatalogError, ServiceSettings};
use phase_kit::testing::{FakeOrchestrator, ServiceHost, raw};
use protocol::{Callback, CallbackStatus, StartRequest};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::manifest::small_course_files;

pub(crate) fn settings(folder: &Path, options: Value) -> ServiceSettings {
    ServiceSettings { data_dir: folder.to_owned(), capacity: 4, options, ..ServiceSettings::default() }
}

/// The service `manifest`, with a folder of its own: two services never share one.
pub(crate) fn manifest_in(folder: &Path) -> ServiceHost {
    let own = folder.join("manifest");
    ServiceHost::start(CATALOG.service("manifest", &settings(&own, Value::Null)).expect("it is known"))
}

pub(crate) fn tts_in(folder: &Path, options: Value) -> ServiceHost {
    ServiceHost::start(CATALOG.service("tts", &settings(&folder.join("tts"), options)).expect("it is known"))
}

pub(crate) fn course_in(fake: &FakeOrchestrator) {
    let names = ["seed_pairs.json", "lego_pairs.json", "lego_baskets.json", "introductions.json"];
    for (name, bytes) in names.into_iter().zip(small_course_files("spa_for_eng")) {
        fake.put_artifact(name, bytes);
    }
}

pub(crate) async fn result(fake: &FakeOrchestrator, host: &ServiceHost, request: &StartRequest) -> Callback {
    let (status, body) = fake.offer(&host.url(), request).await;
    assert_eq!(status, 202, "{body}");
    fake.accepted(request.attempt_id).await
}

/// The output of an attempt that must have completed; a failed one is shown whole.
pub(crate) fn read<T: DeserializeOwned>(callback: &Callback) -> T {
    let output = callback.output.as_ref().unwrap_or_else(|| panic!("no output: {callback:?}"));
    serde_json::from_str(output.get()).expect("it fits")
}

fn artifact<T: DeserializeOwned>(fake: &FakeOrchestrator, name: &str) -> T {
    serde_json::from_slice(&fake.artifact(name).expect("it was stored")).expect("it fits")
}

/// Runs manifest, tts over two batches, and finish; returns the output of finish.
async fn whole_course(fake: &FakeOrchestrator, folder: &Path) -> Value {
    course_in(fake);
    let manifest = manifest_in(folder);
    let tts = tts_in(folder, Value::Null);
    let request = fake.request("manifest", &json!({ "totalSeeds": 2 }));
    let output: ManifestOutput = read(&result(fake, &manifest, &request).await);
    assert_eq!(output.speech_batches, [SpeechBatch { index: 0, from: 0, to: output.stats.samples }]);

    let mut outputs = Vec::new();
    for (index, (from, to)) in [(0, 20), (20, output.stats.samples)].into_iter().enumerate() {
        let mut batch = fake.request("tts", &json!({}));
        batch.job_id = request.job_id;
        batch.artifacts_url.clone_from(&request.artifacts_url);
        batch.item = raw(&SpeechBatch { index, from, to });
        outputs.push(read::<Value>(&result(fake, &tts, &batch).await));
    }
    let mut finish = fake.request("finish", &json!({}));
    let upstream = json!({ "output": outputs, "stats": null, "artifacts": {} });
    finish.upstream =
        BTreeMap::from([("tts".to_owned(), serde_json::from_value(upstream).expect("it fits"))]);
    read(&result(fake, &tts, &finish).await)
}

#[tokio::test]
async fn a_course_goes_from_four_files_to_audio_with_measured_durations() {
    let folder = tempfile::tempdir().expect("a folder");
    let fake = FakeOrchestrator::start().await;
    let output = whole_course(&fake, folder.path()).await;
    assert_eq!((output["samples"].as_u64(), output["made"].as_u64()), (Some(37), Some(37)));
    assert_eq!((output["failed"].as_u64(), output["skipped"].as_u64()), (Some(0), Some(0)));

    let manifest: CourseManifest = artifact(&fake, "course_manifest.json");
    assert_eq!(manifest.version, "0.1.1");
    for sample in manifest.slices[0].samples.values().flatten() {
        let audio = fake.artifact(&format!("audio/{}.opus", sample.id)).expect("every sample has its file");
        let clip = decode(&audio).expect("it can be played");
        assert!((clip.seconds() - sample.duration).abs() < 0.001);
    }
    let report: AudioReport = artifact(&fake, "audio_report.json");
    assert_eq!((report.samples, report.unspoken.len()), (37, 0));
}

#[tokio::test]
async fn another_course_with_the_same_store_reuses_and_another_store_gives_the_same_bytes() {
    let (first, second) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let (one, two) = (FakeOrchestrator::start().await, FakeOrchestrator::start().await);
    whole_course(&one, first.path()).await;
    whole_course(&two, second.path()).await;
    assert_eq!(one.artifact_names(), two.artifact_names());
    for name in one.artifact_names() {
        assert_eq!(one.artifact(&name), two.artifact(&name), "{name}");
    }
    let three = FakeOrchestrator::start().await;
    let output = whole_course(&three, first.path()).await;
    assert_eq!((output["made"].as_u64(), output["reused"].as_u64()), (Some(0), Some(37)));
    assert!(three.artifact_names().len() >= one.artifact_names().len());
}

/// Says a tone for each permit, and waits where there is none.
#[derive(Debug)]
struct Gated(Semaphore);

impl Engine for Gated {
    fn name(&self) -> String {
        "gated 1".to_owned()
    }

    fn voice(&self, language: &str, _: Role) -> Result<String, SayError> {
        Ok(language.to_owned())
    }

    fn say<'a>(&'a self, _: Utterance<'a>) -> Said<'a> {
        Box::pin(async move {
            self.0.acquire().await.map_err(|error| SayError::Failed(error.to_string()))?.forget();
            Ok(Clip { rate: 24_000, samples: (0..24_000).map(|at| (at as f32 * 0.1).sin() * 0.3).collect() })
        })
    }
}

#[tokio::test]
async fn a_pause_leaves_a_checkpoint_and_the_next_attempt_goes_on_from_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let fake = FakeOrchestrator::start().await;
    course_in(&fake);
    let manifest = manifest_in(folder.path());
    result(&fake, &manifest, &fake.request("manifest", &json!({}))).await;

    let engine = Arc::new(Gated(Semaphore::new(12)));
    let phase = TtsOptions::default().phase_with(Arc::clone(&engine) as Arc<dyn Engine>, folder.path());
    let tts = ServiceHost::start(Service::builder("tts").phase(phase).build().expect("one phase"));
    let mut request = fake.request("tts", &json!({}));
    assert_eq!(fake.offer(&tts.url(), &request).await.0, 202);
    fake.until("some progress", |fake| {
        fake.progress().iter().any(|(_, progress)| progress.done >= Some(1)).then_some(())
    })
    .await;
    let (status, paused) =
        fake.post(&format!("{}/pause/{}", tts.url(), request.attempt_id), &json!({})).await;
    assert_eq!(status, 200, "{paused}");
    let position = paused["checkpoint"]["position"].as_u64().expect("a number");
    assert!((1..=12).contains(&position), "{position}");

    engine.0.add_permits(1_000);
    request.attempt = 2;
    request.attempt_id = fake.request("tts", &json!({})).attempt_id;
    request.callback.progress_url = String::new();
    request.checkpoint = raw(&paused["checkpoint"]);
    let callback = result(&fake, &tts, &request).await;
    let output: Value = read(&callback);
    let (made, reused) =
        (output["made"].as_u64().expect("a number"), output["reused"].as_u64().expect("a number"));
    assert_eq!(made + reused + position, 37, "only what was left was looked at");
    let report: Value = artifact(&fake, "audio/durations-000.json");
    assert_eq!(report["spoken"].as_object().map(serde_json::Map::len), Some(37));
}

#[tokio::test]
async fn a_missing_program_ends_the_phase_for_good_and_says_what_to_install() {
    let folder = tempfile::tempdir().expect("a folder");
    let fake = FakeOrchestrator::start().await;
    course_in(&fake);
    let options = json!({ "program": "espeak-that-is-not-there" });
    let manifest = manifest_in(folder.path());
    let tts = tts_in(folder.path(), options);
    result(&fake, &manifest, &fake.request("manifest", &json!({}))).await;
    let callback = result(&fake, &tts, &fake.request("tts", &json!({}))).await;
    assert_eq!(callback.status, CallbackStatus::Failed);
    let error = callback.error.expect("a reason");
    assert_eq!((error.code.as_str(), error.retryable), ("provider-missing", false));
    assert!(error.message.contains("apt-get install espeak-ng"));
}

#[test]
fn unknown_services_and_options_are_refused_with_what_there_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = |name: &str, options: Value| {
        CATALOG
            .service(name, &settings(folder.path(), options))
            .map(drop)
            .expect_err("it is wrong")
            .to_string()
    };
    assert!(refused("speech", Value::Null).contains("manifest, tts"));
    let told = refused("tts", json!({ "loudness": -23 }));
    assert!(told.contains("unknown field `loudness`") && told.contains("`parallel`"), "{told}");
    assert!(refused("manifest", json!({ "x": 1 })).contains("unknown field `x`"));
    let error = CATALOG.service("tts", &settings(folder.path(), json!({ "format": "wav" }))).map(drop);
    assert!(matches!(error, Err(CatalogError::Options { .. })));
    let defaults: TtsOptions = serde_json::from_value(json!({})).expect("all have defaults");
    assert_eq!(Duration::from_millis(defaults.backoff_ms), Duration::from_secs(1));
}
