//! Journals that must replay for ever: `test_data/journals/v1` and, with time, further versions beside it.
//!
//! A version is written once and never again. When events have got new fields or kinds, `NEW_JOURNALS=v2 cargo test -p
//! engine --test it corpus` adds the stories of today as another version; the old ones stay as they are. Each history is
//! three files: the pipeline as it was (`.toml`), its events a line (`.jsonl`), the job that they make (`.job`).

#![expect(clippy::disallowed_methods, reason = "the engine opens no files, but old journals are files")]

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use engine::{
    apply,
    event::{Event, EventKind},
    job::Job,
    pipeline::Pipeline,
};

use crate::{picture::picture, stories::stories, told::tell};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("test_data/journals")
}

/// Writes the stories of today as a new version: those whose events no earlier version has.
fn add_version(version: &str) {
    let known: BTreeSet<String> = histories().iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let folder = folder().join(version);
    assert!(!folder.exists(), "{version} is there already: a version is never written again");
    fs::create_dir_all(&folder).unwrap();
    for (path, story) in stories() {
        let told = tell(&story);
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let mut lines = String::new();
        for event in &told.events {
            let _ = writeln!(lines, "{}", serde_json::to_string(event).unwrap());
        }
        if known.contains(&lines) {
            continue;
        }
        fs::write(folder.join(format!("{name}.toml")), &*told.pipeline.source).unwrap();
        fs::write(folder.join(format!("{name}.jsonl")), lines).unwrap();
        fs::write(folder.join(format!("{name}.job")), picture(&told.pipeline, &told.job.unwrap())).unwrap();
    }
}

/// All histories of all versions, by their `.jsonl`.
pub(crate) fn histories() -> Vec<PathBuf> {
    let versions = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let files = versions.flat_map(|version| fs::read_dir(version).unwrap());
    let mut files: Vec<PathBuf> = files.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    files
}

fn events(path: &Path) -> Vec<Event> {
    let text = fs::read_to_string(path).unwrap();
    let read = |line: &str| {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{}: {error}: {line}", path.display()))
    };
    text.lines().map(read).collect()
}

/// Folds a history; `seen` gets the job after each event.
pub(crate) fn fold(path: &Path, mut seen: impl FnMut(&Job)) -> (Pipeline, Job) {
    let source = fs::read_to_string(path.with_extension("toml")).unwrap();
    let pipeline = Pipeline::parse(&source).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let events = events(path);
    let mut job = apply::create(&pipeline, &events[0]).unwrap();
    seen(&job);
    for event in &events[1..] {
        apply::apply(&pipeline, &mut job, event)
            .unwrap_or_else(|error| panic!("{}: {error}: {event:?}", path.display()));
        seen(&job);
    }
    (pipeline, job)
}

#[test]
fn journals_of_all_times_replay_to_the_same_jobs() {
    if let Some(version) = std::env::var_os("NEW_JOURNALS") {
        add_version(version.to_str().expect("a folder's name"));
    }
    let histories = histories();
    for path in &histories {
        let (pipeline, job) = fold(path, |_| {});
        let known = fs::read_to_string(path.with_extension("job")).unwrap();
        let name = path.display();
        assert_eq!(picture(&pipeline, &job), known, "{name}: jobs of old journals must stay as they are");
    }
    assert!(histories.len() > 10, "only {} histories", histories.len());
}

/// Copied by the program of today (retention, a dump), an old journal is still the same journal.
#[test]
fn old_events_survive_being_written_anew() {
    for path in histories() {
        for event in events(&path) {
            let line = serde_json::to_string(&event).unwrap();
            assert_eq!(serde_json::from_str::<Event>(&line).unwrap(), event, "{}", path.display());
        }
    }
}

/// Every kind of event, as serde lists them where it meets one that it does not know.
fn all_kinds() -> BTreeSet<String> {
    let error = serde_json::from_str::<EventKind>(r#"{"unheard":{}}"#).unwrap_err().to_string();
    let (_, list) = error.split_once("expected one of ").expect("a list of kinds");
    list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_kind_of_event_is_in_the_corpus() {
    let mut missing = all_kinds();
    assert!(missing.len() > 30, "serde's list is read wrongly: {missing:?}");
    for path in histories() {
        for event in events(&path) {
            missing.remove(event.kind.name());
        }
    }
    assert!(
        missing.is_empty(),
        "no old journal has {missing:?}: add a story, then a version (NEW_JOURNALS=v2)"
    );
}
