//! The journal of a killed orchestrator, damaged by hand and then opened by the executable: an end that nobody was told of is
//! cut, and everything acknowledged is there; damage in the middle is named by what it loses, and nothing is dropped silently.

use std::{
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use crate::support::{Home, Running, send};

const ASK: &str = "name='ask'\n[[phase]]\nid='decide'\nwait={signal='go',timeout='1h',on_timeout='fail'}\n";
/// Jobs that are acknowledged before the crash.
const JOBS: usize = 20;

fn start(home: &Home, number: usize) -> u16 {
    let body = format!("{{\"pipeline\":\"ask\",\"key\":\"k{number}\",\"input\":{{\"n\":{number}}}}}");
    send("POST", &home.url("/api/jobs"), body.as_bytes()).0
}

/// The only segment, and where its last record ends: behind that are zeros.
fn segment(home: &Home) -> (PathBuf, Vec<u8>, usize) {
    let log = home.path(".segue/journal/log");
    let path = std::fs::read_dir(log).unwrap().next().unwrap().unwrap().path();
    let bytes = std::fs::read(&path).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    (path, bytes, end)
}

fn write_at(path: &Path, bytes: &[u8], at: usize) {
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.write_all_at(bytes, at as u64).unwrap();
}

/// What the index has seen was durable; it is built again from the log.
fn forget_index(home: &Home) {
    for entry in std::fs::read_dir(home.path(".segue/journal")).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name().to_string_lossy().starts_with("index.sqlite") {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
}

/// An orchestrator with so many jobs, killed.
fn killed_with(jobs: usize) -> Home {
    let home = Home::new("", &[("ask.toml", ASK)]);
    let running = home.orchestrate();
    for number in 0..jobs {
        assert_eq!(start(&home, number), 201);
    }
    drop(running);
    home
}

fn all_there(home: &Home, jobs: usize) {
    for number in 0..jobs {
        let id = home.id_of(&format!("k{number}"));
        assert_eq!(home.job(&id)["status"], "waiting", "k{number}");
        assert_eq!(send("POST", &home.url(&format!("/api/jobs/{id}/signals/go")), b"{}").0, 200);
        assert_eq!(home.job(&id)["status"], "complete", "k{number}");
    }
}

/// Starts it, and reads that the end was torn.
fn cuts_the_end(home: &Home) -> Running {
    let mut running = Running::start(home.command(&["orchestrate"]));
    let said = running.line("the journal's end was torn");
    assert!(said.contains("bytes="), "{said}");
    running.line("orchestrator is ready");
    running
}

#[test]
fn rubbish_behind_the_end_is_cut_and_everything_acknowledged_is_there() {
    let home = killed_with(JOBS);
    let (path, _, end) = segment(&home);
    let rubbish: Vec<u8> = (0..700_u32).map(|n| (n * 31 % 251) as u8 + 1).collect();
    write_at(&path, &rubbish, end);
    let said = home.segue(&["journal", "verify"]);
    assert!(said.code == Some(0) && said.out.contains("the end is torn"), "{}{}", said.out, said.err);
    let running = cuts_the_end(&home);
    all_there(&home, JOBS);
    drop(running);
    assert!(!home.well(&["journal", "verify"]).contains("torn"), "what is cut is gone");
}

#[test]
fn a_last_record_that_is_half_there_is_cut_and_what_it_said_can_be_said_again() {
    for left in [1, 30, 60] {
        let home = killed_with(JOBS);
        let (path, _, end) = segment(&home);
        let running = home.orchestrate();
        // As if the crash had come before its answer, and before the index had seen it.
        assert_eq!(start(&home, JOBS), 201);
        drop(running);
        forget_index(&home);
        let (_, whole, later) = segment(&home);
        assert!(later > end + left);
        write_at(&path, &vec![0; later - end - left], end + left);
        assert_ne!(std::fs::read(&path).unwrap(), whole);
        let running = cuts_the_end(&home);
        assert_eq!(home.get(&format!("/api/jobs?key=k{JOBS}")).1["jobs"], serde_json::json!([]), "{left}");
        assert_eq!(start(&home, JOBS), 201, "{left}");
        all_there(&home, JOBS + 1);
        drop(running);
    }
}

#[test]
fn a_flipped_byte_in_the_middle_is_named_with_what_it_loses_and_nothing_is_dropped() {
    let home = killed_with(JOBS);
    let (path, whole, end) = segment(&home);
    let at = end / 2;
    write_at(&path, &[whole[at] ^ 0x40], at);

    let said = home.segue(&["journal", "verify"]);
    let name = path.file_name().unwrap().to_str().unwrap();
    assert_eq!(said.code, Some(1), "{}{}", said.out, said.err);
    assert!(
        said.err.contains(name) && said.err.contains(" of job ") && said.err.contains("lost"),
        "{}",
        said.err
    );
    let offset =
        said.err.split("byte ").nth(1).and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next());
    let offset: usize =
        offset.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no place: {}", said.err));
    assert!(offset <= at && at < offset + 2_000, "{offset} is not the record with byte {at}");

    let (code, log) = Running::start(home.command(&["orchestrate"])).ended();
    assert_eq!(code, Some(1), "it does not serve with a hole: {log}");
    assert!(log.contains(name) && log.contains("lost"), "{log}");
    let (_, after, _) = segment(&home);
    assert!(after.iter().zip(&whole).filter(|(one, other)| one != other).count() == 1, "nothing was changed");

    // A copy of the segment puts it right.
    write_at(&path, &[whole[at]], at);
    let running = home.orchestrate();
    all_there(&home, JOBS);
    drop(running);
}
