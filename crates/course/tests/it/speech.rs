//! Speech, with a real engine: what comes out can be played, is as loud as promised and is made once.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use course::manifest::batches::SpokenSample;
use course::manifest::ids::{cadence_of, sample_id};
use course::model::Role;
use course::speech::engine::Patience;
use course::speech::format::{Format, Mp3Encoder};
use course::speech::loudness::{MAX_TRUE_PEAK_DB, TARGET_LUFS, measure};
use course::speech::opus_file::decode;
use course::speech::provider::ProvidedEngine;
use course::speech::speaker::{Order, Speaker, SpeakerSettings};
use course::speech::store::Store;
use providers::{Espeak, Voices};

const ORDER: Order<'static> = Order { known: "eng", target: "spa", made_for: "this job" };

fn sample(text: &str, role: Role) -> SpokenSample {
    let language = if matches!(role, Role::Target1 | Role::Target2) { "spa" } else { "eng" };
    let cadence = cadence_of(role);
    SpokenSample { id: sample_id(text, language, role, cadence), text: text.to_owned(), role, cadence }
}

fn speaker(folder: &Path, mp3: Option<Mp3Encoder>) -> Speaker {
    let format = if mp3.is_some() { Format::Mp3 } else { Format::Opus };
    let patience = Patience { tries: 3, backoff: Duration::ZERO };
    let settings = SpeakerSettings { parallel: 8, cores: 2, patience, mp3 };
    Speaker::new(
        Arc::new(ProvidedEngine::new(Arc::new(Espeak::new("espeak-ng", Voices::new())))),
        Arc::new(Store::new(folder, format)),
        settings,
    )
}

#[tokio::test]
async fn a_sample_can_be_decoded_is_as_long_as_said_and_as_loud_as_promised() {
    let folder = tempfile::tempdir().expect("a folder");
    let speaker = speaker(folder.path(), None);
    for (text, role) in [
        ("quiero hablar contigo mañana", Role::Target1),
        ("quiero hablar contigo mañana", Role::Target2),
        ("sí", Role::Target1),
        ("I want to speak with you tomorrow.", Role::Source),
    ] {
        let sample = sample(text, role);
        let recording = speaker.speak(&sample, ORDER).await.expect("espeak-ng speaks");
        let bytes = speaker.store().read(&sample.id).expect("it is there");
        let clip = decode(&bytes).expect("it is Ogg Opus");
        assert!((clip.seconds() - recording.record.seconds).abs() < 0.001, "{text}");
        let loudness = measure(&clip).expect("it can be measured");
        assert!((loudness.lufs - TARGET_LUFS).abs() < 0.4, "{text}: {loudness:?}");
        assert!(loudness.true_peak_db <= MAX_TRUE_PEAK_DB + 0.5, "{text}: {loudness:?}");
        assert_eq!(recording.record.flags, [], "{text}");
    }
}

#[tokio::test]
async fn the_same_sample_is_the_same_file_wherever_it_is_made() {
    let mut files = Vec::new();
    for _ in 0..2 {
        let folder = tempfile::tempdir().expect("a folder");
        let speaker = speaker(folder.path(), None);
        let sample = sample("tengo que irme", Role::Target2);
        let recording = speaker.speak(&sample, ORDER).await.expect("espeak-ng speaks");
        let bytes = speaker.store().read(&sample.id).expect("it is there");
        assert_eq!(blake3::hash(&bytes).to_hex().as_str(), recording.record.blake3);
        files.push((bytes, recording.record));
    }
    assert_eq!(files[0], files[1]);
}

#[tokio::test]
async fn the_slow_voices_take_longer_and_differ_from_each_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let speaker = speaker(folder.path(), None);
    let mut seconds = Vec::new();
    let mut hashes = Vec::new();
    for role in [Role::Target1, Role::Target2, Role::Source] {
        let recording =
            speaker.speak(&sample("no, no, no, gracias", role), ORDER).await.expect("espeak-ng speaks");
        seconds.push(recording.record.seconds);
        hashes.push(recording.record.blake3);
    }
    assert!(seconds[0] > seconds[2] && seconds[1] > seconds[2], "{seconds:?}");
    assert_ne!(hashes[0], hashes[1]);
}

#[tokio::test]
async fn a_recording_that_exists_is_not_made_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let sample = sample("quiero", Role::Target1);
    let first = speaker(folder.path(), None).speak(&sample, ORDER).await.expect("espeak-ng speaks");
    assert!(!first.found);
    let again = speaker(folder.path(), None).speak(&sample, ORDER).await.expect("it is there");
    assert!(again.found);
    assert_eq!(first.record, again.record);
}

#[tokio::test]
async fn a_presentation_has_the_narrator_the_target_voice_and_time_to_think() {
    let folder = tempfile::tempdir().expect("a folder");
    let speaker = speaker(folder.path(), None);
    let text = "The Spanish for 'I want', is: … 'quiero' … 'quiero'";
    let recording = speaker.speak(&sample(text, Role::Presentation), ORDER).await.expect("espeak-ng speaks");
    assert_eq!(recording.record.recipe.voices, ["en-gb", "es+f2"]);
    let bytes = speaker.store().read(&sample(text, Role::Presentation).id).expect("it is there");
    let clip = decode(&bytes).expect("it is Ogg Opus");
    // Two pauses of a second, in the middle.
    let quiet: Vec<bool> =
        clip.samples.chunks(4_800).map(|part| part.iter().all(|sample| sample.abs() < 0.01)).collect();
    let longest_runs = quiet.split(|quiet| !quiet).filter(|run| run.len() >= 9).count();
    assert_eq!(longest_runs, 2, "{quiet:?}");
    assert!((measure(&clip).expect("it can be measured").lufs - TARGET_LUFS).abs() < 0.4);
}

#[tokio::test]
async fn mp3_is_made_by_an_installed_program_or_refused_by_name() {
    match Mp3Encoder::installed().await {
        Err(error) => assert!(error.to_string().contains("neither is installed")),
        Ok(encoder) => {
            let folder = tempfile::tempdir().expect("a folder");
            let speaker = speaker(folder.path(), Some(encoder));
            let sample = sample("quiero", Role::Target1);
            speaker.speak(&sample, ORDER).await.expect("espeak-ng speaks");
            let bytes = speaker.store().read(&sample.id).expect("it is there");
            assert!(speaker.store().path(&sample.id).ends_with(format!("{}.mp3", sample.id)));
            // Either an ID3 header or the sync word of a frame.
            assert!(bytes.starts_with(b"ID3") || (bytes[0] == 0xff && bytes[1] & 0xe0 == 0xe0));
        }
    }
}
