//! The auto-fixer with the real executable: 272 jobs in progress when every process is killed, as in the state file of the system
//! that it follows. None of them may be stuck, no file fixed twice, none half written.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use rustix::process::{Signal, kill_process};
use serde_json::Value;

use crate::support::{Home, Running, free_ports, repository, send};

/// Files, and so jobs.
const FILES: usize = 272;
/// Longest wait for all of it.
const PATIENCE: Duration = Duration::from_secs(400);

/// A fixer that waits for a file called `gate` before it does its work.
const GATED: &str = r#"
[service.autofix.options.projects.demo.commands.sed]
fix = ["sh", "-c", "while ! [ -e HOME/gate ]; do sleep 0.05; done; sed -i s/BAD/GOOD/ \"$0\"", "{file}"]
check = ["sh", "-c", "! grep -q BAD \"$0\"", "{file}"]
"#;

struct Yard {
    home: Home,
    watcher: u16,
    autofix: u16,
}

/// Long enough that a half written file would be seen.
fn content(number: usize, word: &str) -> String {
    format!("{word} {number}\n{}", format!("line of {number}\n").repeat(1000))
}

impl Yard {
    /// A project of so many files, and fixers, as a part of its table. `HOME` is the folder of the configuration.
    fn new(files: usize, fixers: &str) -> Self {
        let [watcher, autofix] = free_ports::<2>();
        let pipeline = std::fs::read_to_string(repository().join("pipelines/autofix.toml")).unwrap();
        let services = format!(
            r#"
[service.watcher]
url = "http://127.0.0.1:{watcher}"
run = "segue serve watcher"
[service.watcher.options]
debounce = 0.2
rate = 1000.0
[service.autofix]
url = "http://127.0.0.1:{autofix}"
run = "segue serve autofix"
capacity = 4
[service.autofix.options.projects.demo]
path = "project"
test = ["sh", "-c", "! grep -q WRONG f0.txt"]
extensions = ["txt"]
{fixers}
"#
        );
        let home = Home::new("", &[("autofix.toml", &pipeline)]);
        let folder = home.path("").to_str().unwrap().to_owned();
        let head = std::fs::read_to_string(home.path("services.toml")).unwrap();
        home.write("services.toml", head + &services.replace("HOME", &folder));
        std::fs::create_dir(home.path("project")).unwrap();
        (0..files).for_each(|number| home.write(&format!("project/f{number}.txt"), content(number, "fine")));
        Self { home, watcher, autofix }
    }

    /// Starts it, and returns when changes are seen.
    fn watching(&self) -> Running {
        let mut running = self.up();
        let watches =
            || send("GET", &format!("http://127.0.0.1:{}/health", self.watcher), b"").1["projects"] == 1;
        until("a watched project", &mut running, watches);
        running
    }

    fn up(&self) -> Running {
        let mut running = Running::start(self.home.command(&["up"]));
        for _ in 0..3 {
            running.line(" is ready");
        }
        running
    }

    fn file(&self, number: usize) -> PathBuf {
        self.home.path(&format!("project/f{number}.txt"))
    }

    /// Jobs in a state.
    fn jobs(&self, state: &str) -> usize {
        let (status, page) = self.home.get(&format!("/api/jobs?pipeline=autofix&state={state}&limit=1000"));
        assert_eq!(status, 200, "{page}");
        page["jobs"].as_array().unwrap().len()
    }

    fn fixed(&self) -> usize {
        let is_fixed =
            |number: &usize| std::fs::read_to_string(self.file(*number)).unwrap() == content(*number, "GOOD");
        (0..FILES).filter(is_fixed).count()
    }

    fn figures(&self) -> Value {
        self.ask("/statistics")
    }

    fn ask(&self, path: &str) -> Value {
        send("GET", &format!("http://127.0.0.1:{}{path}", self.autofix), b"").1
    }
}

/// Lets it go on until something is so.
fn until(what: &str, running: &mut Running, is_so: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "waited {PATIENCE:?} for {what}");
        running.pass(Duration::from_millis(100));
    }
}

/// Kills all of it at once, first who would start the others again.
fn kill_all(mut running: Running) {
    let children = running.children();
    running.child.kill().unwrap();
    running.child.wait().unwrap();
    for (pid, _) in children {
        // It may have ended by itself.
        let _ = kill_process(pid, Signal::KILL);
    }
}

#[test]
fn jobs_in_progress_at_a_kill_are_none_stuck_none_twice_and_no_file_half_written() {
    let yard = Yard::new(FILES, GATED);
    let mut running = yard.watching();
    (0..FILES).for_each(|number| std::fs::write(yard.file(number), content(number, "BAD")).unwrap());
    until("272 jobs in progress", &mut running, || yard.jobs("running") == FILES);
    assert_eq!(yard.fixed(), 0);
    kill_all(running);

    // Again in the midst of the work, twice.
    std::fs::write(yard.home.path("gate"), "").unwrap();
    for part in [FILES / 8, FILES / 2] {
        let mut running = yard.up();
        until("a part of the files", &mut running, || yard.fixed() >= part);
        kill_all(running);
        let whole = |number: &usize| {
            let text = std::fs::read_to_string(yard.file(*number)).unwrap();
            text == content(*number, "BAD") || text == content(*number, "GOOD")
        };
        assert_eq!((0..FILES).filter(whole).count(), FILES, "no file is half written");
    }

    let mut running = yard.up();
    until("the end of all jobs", &mut running, || yard.jobs("complete") == FILES);
    assert_eq!((yard.fixed(), yard.jobs("running"), yard.jobs("error")), (FILES, 0, 0));
    let figures = yard.figures();
    assert_eq!(
        (&figures["tasks_applied"], &figures["tasks_processed"]),
        (&FILES.into(), &FILES.into()),
        "{figures}"
    );
    let names = std::fs::read_dir(yard.home.path("project")).unwrap().count();
    assert_eq!(names, FILES, "nothing lies beside the files");
}

/// Fixers that change nothing, one after the other.
const IDLE: [&str; 5] = ["a", "b", "c", "d", "e"];

#[test]
fn the_breaker_of_a_file_opens_after_three_failures_and_no_other_file_waits_for_it() {
    let fixer = |name: &&str| {
        let table = format!("[service.autofix.options.projects.demo.commands.{name}]\n");
        table
            + "fix = [\"sh\", \"-c\", \"! grep -q MEND $0 || sed -i s/BAD/GOOD/ $0\", \"{file}\"]\n"
            + "check = [\"sh\", \"-c\", \"! grep -q BAD $0\", \"{file}\"]\n"
    };
    let yard = Yard::new(2, &IDLE.iter().map(fixer).collect::<String>());
    let mut running = yard.watching();
    std::fs::write(yard.file(0), "BAD").unwrap();
    let failures = || yard.ask("/failures?project=demo&file=f0.txt").as_array().map_or(0, Vec::len);
    until("three failures", &mut running, || failures() == 3);
    until("the word of it", &mut running, || {
        yard.ask("/escalations").as_array().is_some_and(|told| told.len() == 1)
    });
    let told = &yard.ask("/escalations")[0];
    assert_eq!(
        (&told["level"], &told["channel"], &told["payload"]["resume_after"]),
        (&1.into(), &"log".into(), &3600.into())
    );
    let (_, page) = yard.home.get("/api/jobs?pipeline=autofix&state=running");
    let id = page["jobs"][0]["jobId"].as_str().unwrap().to_owned();
    let waits = || yard.home.get(&format!("/api/jobs/{id}/why")).1.to_string().contains("left alone");
    until("a job that waits for its breaker", &mut running, waits);

    // Another file is fixed meanwhile; a newer change of the same file takes the place of the older, and waits as well.
    std::fs::write(yard.file(1), "MEND BAD").unwrap();
    std::fs::write(yard.file(0), "BAD, and newer").unwrap();
    until("the other file", &mut running, || std::fs::read_to_string(yard.file(1)).unwrap() == "MEND GOOD");
    until("the older job's end", &mut running, || yard.jobs("cancelled") == 1);
    until("the newer one", &mut running, || yard.jobs("running") == 1);
    assert_eq!((failures(), yard.jobs("error")), (3, 0));
}
