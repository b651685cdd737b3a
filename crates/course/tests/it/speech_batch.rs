//! Batches of speech: interrupted and resumed, failing and given up, merged into the manifest.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use course::manifest::batches::{SpeechBatch, SpokenSample, batches, samples_in_order};
use course::manifest::compile::compile;
use course::model::{CourseManifest, Role};
use course::speech::batch::{BatchError, Desk, End, PublishError, Tally, speak_batch};
use course::speech::clip::Clip;
use course::speech::engine::{Engine, Patience, Said, SayError, Utterance};
use course::speech::format::Format;
use course::speech::merge::merge;
use course::speech::report::BatchReport;
use course::speech::speaker::{Order, Recording, Speaker, SpeakerSettings};
use course::speech::store::Store;
use course::speech::work::{report_bytes, resumed};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::manifest::small_course;

/// An engine that fails on purpose, as told for each text, and otherwise gives a tone as long as the text.
#[derive(Debug, Default)]
struct Tones {
    /// Texts and what happens to them, first come first served.
    troubles: Mutex<Vec<(&'static str, SayError)>>,
    calls: AtomicUsize,
}

impl Engine for Tones {
    fn name(&self) -> String {
        "tones 1".to_owned()
    }

    fn voice(&self, language: &str, role: Role) -> Result<String, SayError> {
        Ok(format!("{language} {role:?}"))
    }

    fn say<'a>(&'a self, utterance: Utterance<'a>) -> Said<'a> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let trouble = {
            let mut troubles = self.troubles.lock();
            let place = troubles.iter().position(|(text, _)| *text == "*" || *text == utterance.text);
            place.map(|place| {
                if troubles[place].0 == "*" { troubles[place].1.clone() } else { troubles.remove(place).1 }
            })
        };
        let frames = utterance.text.chars().count() * 1_600;
        let samples = (0..frames).map(|frame| (frame as f32 * 0.1).sin() * 0.3).collect();
        Box::pin(async move { trouble.map_or(Ok(Clip { rate: 24_000, samples }), Err) })
    }
}

/// Takes everything and asks for a pause after so many samples.
#[derive(Debug)]
struct Table {
    pause_after: usize,
    done: watch::Sender<usize>,
    published: Mutex<BTreeSet<String>>,
}

impl Table {
    fn pausing_after(pause_after: usize) -> Self {
        Self { pause_after, done: watch::Sender::new(0), published: Mutex::new(BTreeSet::new()) }
    }
}

impl Desk for Table {
    async fn publish(&self, id: &str, _: &Recording) -> Result<(), PublishError> {
        self.published.lock().insert(id.to_owned());
        Ok(())
    }

    fn progress(&self, done: usize, _: usize, _: &Tally) {
        self.done.send_replace(done);
    }

    async fn pausing(&self) {
        let after = self.pause_after;
        self.done.subscribe().wait_for(|done| *done >= after).await.expect("the sender lives in self");
    }
}

const ORDER: Order<'static> = Order { known: "eng", target: "spa", made_for: "this job" };
const PARALLEL: usize = 4;

fn speaker(engine: &Arc<Tones>, folder: &Path) -> Speaker {
    let settings = SpeakerSettings {
        parallel: PARALLEL,
        cores: 2,
        patience: Patience { tries: 3, backoff: Duration::ZERO },
        mp3: None,
    };
    Speaker::new(Arc::clone(engine) as Arc<dyn Engine>, Arc::new(Store::new(folder, Format::Opus)), settings)
}

fn report(batch: SpeechBatch) -> BatchReport {
    BatchReport::new(batch, "tones 1".to_owned())
}

fn manifest() -> CourseManifest {
    compile(&small_course("spa_for_eng")).expect("the files fit").manifest
}

fn whole(samples: &[SpokenSample]) -> SpeechBatch {
    batches(samples.len(), 1_000)[0]
}

#[tokio::test]
async fn a_paused_batch_goes_on_where_it_was_and_ends_with_the_same_report() {
    let samples = samples_in_order(&manifest());
    let engine = Arc::new(Tones::default());
    let (straight, broken) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));

    let mut undisturbed = report(whole(&samples));
    let table = Table::pausing_after(usize::MAX);
    let speaker_of = |folder: &tempfile::TempDir| speaker(&engine, folder.path());
    speak_batch(&speaker_of(&straight), &samples, ORDER, PARALLEL, &mut undisturbed, &table)
        .await
        .expect("tones are reliable");

    let mut interrupted = report(whole(&samples));
    let (mut pauses, mut made) = (0, 0);
    loop {
        let table = Table::pausing_after(interrupted.len() + 10);
        let (end, tally) =
            speak_batch(&speaker_of(&broken), &samples, ORDER, PARALLEL, &mut interrupted, &table)
                .await
                .expect("tones are reliable");
        made += tally.made;
        match end {
            End::Paused => pauses += 1,
            End::Done => break,
        }
    }
    assert_eq!(pauses, samples.len() / 10);
    // What was in flight at a pause is in the store already and is found, not made, after it.
    assert!(made <= samples.len());
    assert_eq!(interrupted, undisturbed);
    assert!(undisturbed.spoken.values().all(|entry| !entry.reused));
}

#[tokio::test]
async fn another_job_reuses_every_recording_and_says_so() {
    let samples = samples_in_order(&manifest());
    let engine = Arc::new(Tones::default());
    let folder = tempfile::tempdir().expect("a folder");
    let speaker = speaker(&engine, folder.path());
    let table = Table::pausing_after(usize::MAX);
    let mut first = report(whole(&samples));
    let (_, tally) = speak_batch(&speaker, &samples, ORDER, PARALLEL, &mut first, &table)
        .await
        .expect("tones are reliable");
    assert_eq!((tally.made, tally.reused), (samples.len(), 0));
    assert_eq!(table.published.lock().len(), samples.len());

    let calls = engine.calls.load(Ordering::Relaxed);
    let mut second = report(whole(&samples));
    let order = Order { made_for: "another job", ..ORDER };
    let (_, tally) =
        speak_batch(&speaker, &samples, order, PARALLEL, &mut second, &table).await.expect("nothing to say");
    assert_eq!((tally.made, tally.reused), (0, samples.len()));
    assert_eq!(engine.calls.load(Ordering::Relaxed), calls);
    assert!(second.spoken.values().all(|entry| entry.reused));
}

#[tokio::test]
async fn what_is_busy_is_tried_again_what_is_refused_is_skipped_and_what_fails_is_listed() {
    let manifest = manifest();
    let samples = samples_in_order(&manifest);
    let busy = || SayError::Transient("429".to_owned());
    let engine = Arc::new(Tones::default());
    *engine.troubles.lock() = vec![
        ("I want", busy()),
        ("I want", busy()),
        ("to speak", SayError::Refused("not this".to_owned())),
        ("to learn", busy()),
        ("to learn", busy()),
        ("to learn", busy()),
    ];
    let folder = tempfile::tempdir().expect("a folder");
    let mut told = report(whole(&samples));
    let table = Table::pausing_after(usize::MAX);
    let (_, tally) =
        speak_batch(&speaker(&engine, folder.path()), &samples, ORDER, PARALLEL, &mut told, &table)
            .await
            .expect("the batch goes on");
    assert_eq!((tally.failed, tally.skipped, tally.made), (1, 1, samples.len() - 2));
    let codes: BTreeSet<_> = told.unspoken.values().map(|problem| problem.code.as_str()).collect();
    assert_eq!(codes, BTreeSet::from(["content-policy", "speech-unavailable"]));

    let mut finished = manifest.clone();
    let summary = merge(&mut finished, &[told]).expect("every sample is accounted for");
    assert_eq!((summary.failed, summary.skipped), (1, 1));
    let texts: BTreeSet<_> = summary.unspoken.iter().map(|sample| sample.text.as_str()).collect();
    assert_eq!(texts, BTreeSet::from(["to learn", "to speak"]));
}

#[tokio::test]
async fn a_wrong_key_ends_the_batch_at_once_and_an_engine_that_is_down_after_ten_samples() {
    let samples = samples_in_order(&manifest());
    let table = Table::pausing_after(usize::MAX);
    let end = async |trouble: SayError| {
        let folder = tempfile::tempdir().expect("a folder");
        let engine = Arc::new(Tones::default());
        *engine.troubles.lock() = vec![("*", trouble)];
        let mut told = report(whole(&samples));
        let result =
            speak_batch(&speaker(&engine, folder.path()), &samples, ORDER, PARALLEL, &mut told, &table).await;
        (result.expect_err("nothing was said"), engine.calls.load(Ordering::Relaxed))
    };
    let hopeless = SayError::Hopeless { code: "speech-unauthorized".to_owned(), message: "401".to_owned() };
    let (error, calls) = end(hopeless).await;
    assert!(matches!(error, BatchError::Hopeless { code, .. } if code == "speech-unauthorized"));
    assert!(calls <= PARALLEL);
    let (error, _) = end(SayError::Transient("503".to_owned())).await;
    assert!(matches!(error, BatchError::Failing { failed: 10, .. }));
}

#[tokio::test]
async fn durations_go_into_the_manifest_once_and_a_missing_batch_is_noticed() {
    let mut manifest = manifest();
    let samples = samples_in_order(&manifest);
    let cut = batches(samples.len(), 10);
    let engine = Arc::new(Tones::default());
    let folder = tempfile::tempdir().expect("a folder");
    let speaker = speaker(&engine, folder.path());
    let table = Table::pausing_after(usize::MAX);
    let mut reports = Vec::new();
    for batch in cut {
        let mut told = report(batch);
        let part = &samples[batch.from..batch.to];
        speak_batch(&speaker, part, ORDER, PARALLEL, &mut told, &table).await.expect("tones are reliable");
        reports.push(told);
    }
    let missing = merge(&mut manifest.clone(), &reports[1..]).expect_err("a batch is missing");
    assert_eq!(missing.code(), "samples-unaccounted");

    let summary = merge(&mut manifest, &reports).expect("every sample is accounted for");
    assert_eq!((summary.made, summary.samples), (samples.len(), samples.len()));
    assert_eq!((manifest.version.as_str(), manifest.status.as_str()), ("0.1.1", "alpha"));
    assert!(manifest.introduction.duration > 0.0);
    let durations = || manifest.slices[0].samples.values().flatten().map(|sample| sample.duration);
    assert!(durations().all(|duration| duration > 0.0));

    let mut again = manifest.clone();
    assert_eq!(merge(&mut again, &reports).expect("still accounted for"), summary);
    assert_eq!(again, manifest, "merging twice changes nothing");
}

#[tokio::test]
async fn only_the_beginning_of_the_same_batch_is_taken_up_again() {
    let samples = samples_in_order(&manifest());
    let engine = Arc::new(Tones::default());
    let folder = tempfile::tempdir().expect("a folder");
    let mut told = report(whole(&samples));
    let table = Table::pausing_after(10);
    let (end, _) =
        speak_batch(&speaker(&engine, folder.path()), &samples, ORDER, PARALLEL, &mut told, &table)
            .await
            .expect("tones are reliable");
    assert_eq!((end, told.len()), (End::Paused, 10));
    let stored = report_bytes(&told).expect("serialises");
    let taken =
        |batch, engine: &str, stored: &[u8]| resumed(batch, engine.to_owned(), &samples, Some(stored)).len();
    assert_eq!(taken(whole(&samples), "tones 1", &stored), 10);
    assert_eq!(taken(whole(&samples), "tones 2", &stored), 0);
    assert_eq!(taken(SpeechBatch { index: 1, ..whole(&samples) }, "tones 1", &stored), 0);
    assert_eq!(taken(whole(&samples), "tones 1", b"{"), 0);
    told.spoken.pop_first();
    assert_eq!(taken(whole(&samples), "tones 1", &report_bytes(&told).expect("serialises")), 0);
}
