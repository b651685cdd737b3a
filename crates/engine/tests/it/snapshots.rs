//! Snapshots: what is read back is the job, and what can't be read says so. That stories go on from them is checked in
//! [`crate::told`] after every decision.

#![expect(clippy::disallowed_methods, reason = "the engine opens no files, but the known shapes are a file")]

use std::{fmt::Write as _, fs, path::Path};

use engine::job::{Job, SNAPSHOT_VERSION, SnapshotError};

use crate::{
    corpus::{fold, histories},
    told::Told,
};

fn snapshot() -> Vec<u8> {
    let mut told = Told::new("name='a'\n[[phase]]\nid='one'\nservice='s'\nmap={over='input.list'}");
    told.line(r#"start {"list":[null,1,"x"]}"#);
    told.line("grant one[0]");
    told.job.unwrap().to_snapshot()
}

/// Snapshots made by an older program must either read as what today's replay gives, or be of another version. So: over all
/// old journals, after each event, today's snapshots are those that were written down for this version.
#[test]
fn a_change_of_the_job_raises_the_version() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("test_data/snapshots/{SNAPSHOT_VERSION}.txt"));
    let mut known = fs::read_to_string(&path).unwrap_or_default();
    for history in histories() {
        let version = history.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
        let name = format!("{version}/{}", history.file_stem().unwrap().to_str().unwrap());
        let mut hasher = blake3::Hasher::new();
        fold(&history, |job| {
            hasher.update(&job.to_snapshot());
        });
        let line = format!("{name} {}", hasher.finalize().to_hex());
        let old = known.lines().find(|old| old.split(' ').next() == Some(name.as_str()));
        if let Some(old) = old {
            assert_eq!(line, old, "the same events give other snapshots: raise SNAPSHOT_VERSION");
        } else {
            assert!(std::env::var_os("UPDATE_EXPECT").is_some(), "{name} is new: UPDATE_EXPECT=1 adds it");
            let _ = writeln!(known, "{line}");
            fs::write(&path, &known).unwrap();
        }
    }
}

#[test]
fn what_is_null_stays_null() {
    let bytes = snapshot();
    let job = Job::from_snapshot(&bytes).unwrap();
    let item = job.phases[0].runs[0].item.as_ref().expect("the first item is there");
    assert_eq!(item.get(), "null");
    assert_eq!(job.to_snapshot(), bytes);
}

#[test]
fn bytes_that_are_no_snapshot_say_why() {
    let good = snapshot();
    let text = String::from_utf8(good.clone()).unwrap();
    let older = text.replacen(&format!("segue-job {SNAPSHOT_VERSION} "), "segue-job 0 ", 1);
    assert_eq!(Job::from_snapshot(older.as_bytes()), Err(SnapshotError::OtherVersion { found: 0 }));
    for other in ["", "\n", "segue-job\n", "segue-job x y\n", "job 1 y\n{}", "{}"] {
        assert_eq!(Job::from_snapshot(other.as_bytes()), Err(SnapshotError::NotASnapshot), "{other:?}");
    }
    let head = text.find('\n').unwrap() + 1;
    let body = "{}";
    let foreign = format!("segue-job {SNAPSHOT_VERSION} {}\n{body}", blake3::hash(body.as_bytes()).to_hex());
    assert!(matches!(Job::from_snapshot(foreign.as_bytes()), Err(SnapshotError::Unreadable(_))));
    for cut in head..good.len() {
        assert_eq!(Job::from_snapshot(&good[..cut]), Err(SnapshotError::Damaged), "cut at {cut}");
    }
    for at in 0..good.len() {
        let mut bent = good.clone();
        bent[at] ^= 1;
        assert!(Job::from_snapshot(&bent).is_err(), "byte {at}");
    }
}
