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
    /// A project of many files with a fault each, and a fixer that waits for a file called `gate` before it does its work.
    fn new() -> Self {
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
[service.autofix.options.projects.demo.commands.sed]
fix = ["sh", "-c", "while ! [ -e GATE ]; do sleep 0.05; done; sed -i s/BAD/GOOD/ \"$0\"", "{{file}}"]
check = ["sh", "-c", "! grep -q BAD \"$0\"", "{{file}}"]
"#
        );
        let home = Home::new("", &[("autofix.toml", &pipeline)]);
        let gate = home.path("gate").to_str().unwrap().to_owned();
        let head = std::fs::read_to_string(home.path("services.toml")).unwrap();
        home.write("services.toml", head + &services.replace("GATE", &gate));
        std::fs::create_dir(home.path("project")).unwrap();
        (0..FILES).for_each(|number| home.write(&format!("project/f{number}.txt"), content(number, "fine")));
        Self { home, watcher, autofix }
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
        send("GET", &format!("http://127.0.0.1:{}/statistics", self.autofix), b"").1
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
    let yard = Yard::new();
    let mut running = yard.up();
    let health = || send("GET", &format!("http://127.0.0.1:{}/health", yard.watcher), b"").1;
    until("a watched project", &mut running, || health()["projects"] == 1);
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
