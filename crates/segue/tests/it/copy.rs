//! `segue journal copy`: from a folder to a PostgreSQL and back, with live jobs that go on in each of the three.

use std::sync::atomic::{AtomicUsize, Ordering};

use journal_postgres::testing::Server;

use crate::{
    postgres::{database, orchestrate, stop},
    support::{Home, send},
};

const ASK: &str = "name='ask'\n[[phase]]\nid='decide'\nwait={signal='go',timeout='1h',on_timeout='fail'}\n
[[phase]]\nid='again'\nafter=['decide']\nwait={signal='on',timeout='1h',on_timeout='fail'}\n";

/// Runs something for many numbers, some at a time.
fn for_each(numbers: std::ops::Range<usize>, what: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(numbers.start);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= numbers.end {
                        return;
                    }
                    what(number);
                }
            });
        }
    });
}

fn start(home: &Home, number: usize) {
    let body = format!("{{\"pipeline\":\"ask\",\"key\":\"k{number}\",\"input\":{{\"n\":{number}}}}}");
    assert_eq!(send("POST", &home.url("/api/jobs"), body.as_bytes()).0, 201);
}

fn signal(home: &Home, number: usize, name: &str) {
    let id = home.id_of(&format!("k{number}"));
    let (status, answer) = send("POST", &home.url(&format!("/api/jobs/{id}/signals/{name}")), b"{}");
    assert_eq!(status, 200, "{answer}");
}

/// The two lines that say what was copied: but for the places, the same.
fn copied(said: &str) -> String {
    assert!(said.contains("the copy is the same"), "{said}");
    let lines: Vec<&str> =
        said.lines().filter_map(|line| line.split_once(" jobs, ").map(|(_, rest)| rest)).collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert_eq!(lines[0], lines[1]);
    lines[0].to_owned()
}

/// Jobs that wait for two signals: a fifth gets the first one in the first folder, a fifth in the database, the rest in the
/// last folder, where all get the second.
fn there_and_back(jobs: usize) {
    let server = Server::start();
    let url = database(&server);
    let home = Home::new("", &[("ask.toml", ASK)]);
    let running = home.orchestrate();
    for_each(0..jobs, |number| start(&home, number));
    for_each(0..jobs / 5, |number| signal(&home, number, "go"));
    let refused = home.segue(&["journal", "copy", ".segue/journal", &url]);
    assert!(refused.code == Some(1) && refused.err.contains("FROM"), "{}{}", refused.out, refused.err);
    stop(running);

    let there = copied(&home.well(&["journal", "copy", ".segue/journal", &url]));
    assert!(there.starts_with(&format!("{jobs} of them live, ")), "{there}");
    let twice = home.segue(&["journal", "copy", ".segue/journal", &url]);
    assert!(twice.code == Some(1) && twice.err.contains("is not empty"), "{}{}", twice.out, twice.err);

    let running = orchestrate(&home, &url);
    for_each(jobs / 5..2 * jobs / 5, |number| signal(&home, number, "go"));
    let refused = home.segue(&["journal", "copy", &url, "back"]);
    assert!(refused.code == Some(1) && refused.err.contains("in use by"), "{}{}", refused.out, refused.err);
    assert!(!format!("{}{}", refused.out, refused.err).contains("hunter2"), "{}", refused.err);
    stop(running);

    let back = copied(&home.well(&["journal", "copy", &url, "back"]));
    assert!(back.starts_with(&format!("{jobs} of them live, ")) && back != there, "{back}");
    std::fs::rename(home.path(".segue/journal"), home.path("old")).unwrap();
    std::fs::rename(home.path("back"), home.path(".segue/journal")).unwrap();
    let running = home.orchestrate();
    for_each(2 * jobs / 5..jobs, |number| signal(&home, number, "go"));
    for_each(0..jobs, |number| signal(&home, number, "on"));
    let (_, counts) = home.get("/api/jobs?state=complete&limit=1");
    assert_eq!(counts["jobs"].as_array().unwrap().len(), 1, "{counts}");
    assert_eq!(home.well(&["jobs", "--state", "waiting"]), "");
    stop(running);
    assert!(home.well(&["journal", "verify"]).contains("last position"));
}

#[test]
fn a_thousand_live_jobs_go_there_and_back() {
    there_and_back(1_000);
}

/// Ten times as many.
mod slow {
    #[test]
    fn ten_thousand_live_jobs_go_there_and_back() {
        super::there_and_back(10_000);
    }
}
