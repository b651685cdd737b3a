//! Every command in every state of a job, and every callback in every state of an attempt: `docs/commands.md` is what this
//! prints. No cell is left to chance: the states are real jobs brought there by a story, and each cell is the real decision.

use std::{fmt::Write as _, path::Path};

use engine::job::{Job, PhaseStatus};

use crate::{
    stories::expect_file,
    told::{Cell, Told},
};

/// A pipeline with a bit of everything; the attempts that matter are those of `one`.
const PIPELINE: &str = "name = 'table'
[[phase]]
id = 'one'
service = 's'
interruptible = true
retry = { attempts = 2 }
[[phase]]
id = 'side'
service = 's'
[[phase]]
id = 'two'
service = 's'
after = ['one']
gate = 'two.output.good'
[[phase]]
id = 'ask'
wait = { signal = 'go', timeout = '1h' }
after = ['two']
[[phase]]
id = 'three'
service = 's'
after = ['ask', 'side']
[[phase]]
id = 'sorry'
on = 'failure'
service = 's'
";

const RUNNING: &str = "start; grant one; accept one";
const DONE: &str = "start; grant one; ok one; grant side; ok side; grant two";
const BROKEN: &str = "start; grant one; grant side; fail one x!";

/// States of a job, how it gets there, and whether in mode manual.
fn jobs() -> Vec<(&'static str, String, bool)> {
    vec![
        ("running: waits for a slot", "start".to_owned(), false),
        ("running: an attempt is under way", RUNNING.to_owned(), false),
        ("running: waits to try again", "start; grant one; fail one x".to_owned(), false),
        ("running: waits for a signal", format!("{DONE}; ok two {{\"good\":true}}"), false),
        ("running: waits for an approval", "start; grant one; ok one".to_owned(), true),
        ("paused: an attempt is asked to pause", format!("{RUNNING}; pause"), false),
        ("paused: nothing runs", "start; pause".to_owned(), false),
        ("failing: an attempt may still finish", BROKEN.to_owned(), false),
        ("failing: its failure phase waits for a slot", format!("{BROKEN}; ok side"), false),
        ("failing: its failure phase runs", format!("{BROKEN}; ok side; grant sorry"), false),
        ("complete", format!("{DONE}; ok two {{\"good\":true}}; signal go; grant three; ok three"), false),
        ("validation_failed", format!("{DONE}; ok two {{\"good\":false}}; grant sorry; ok sorry"), false),
        ("error", format!("{BROKEN}; ok side; grant sorry; ok sorry"), false),
        ("cancelled", format!("{RUNNING}; cancel"), false),
    ]
}

/// Commands to a job, with what a reader calls them.
const COMMANDS: [(&str, &str); 18] = [
    ("cancel", "cancel"),
    ("pause", "pause"),
    ("resume", "resume"),
    ("retry", "retry"),
    ("rerun one", "rerun from the first phase"),
    ("rerun three", "rerun from the last phase"),
    ("rerun sorry", "rerun from the failure phase"),
    ("priority urgent", "priority"),
    ("signal go", "signal that a phase waits for"),
    ("signal approve", "signal `approve`"),
    ("signal other", "signal that nothing waits for"),
    ("artifact a", "artifact"),
    ("tick 2h", "two hours pass"),
    ("grant one", "a slot for `one`"),
    ("reuse one {}", "an equal run's result for `one`"),
    ("adopt one {}", "a late result of `one` is applied"),
    ("supersede one", "a newer run goes instead of `one`"),
    ("tick 8d", "eight days pass"),
];

/// States of an attempt of `one`, and how it gets there.
const ATTEMPTS: [(&str, &str); 13] = [
    ("never made", "start"),
    ("offered", "start; grant one"),
    ("accepted", RUNNING),
    ("suspect, not known to be accepted", "start; grant one; silence one"),
    ("suspect", "start; grant one; accept one; silence one"),
    ("asked to pause", "start; grant one; accept one; preempt one"),
    ("succeeded", "start; grant one; accept one; ok one {\"a\":1}"),
    ("failed, to be tried again", "start; grant one; accept one; fail one x"),
    ("failed for good", "start; grant one; accept one; fail one x!"),
    ("timed out", "start; grant one; accept one; tick 2h"),
    ("gave its slot away", "start; grant one; accept one; preempt one; checkpoint one {}"),
    ("its job was cancelled", "start; grant one; accept one; cancel"),
    ("its phase is run again", "start; grant one; accept one; rerun one"),
];

/// What can be said of an attempt.
const CALLBACKS: [(&str, &str); 15] = [
    ("ok one {\"a\":1}", "callback: success"),
    ("ok one {\"a\":2}", "callback: another success"),
    ("fail one x", "callback: failure"),
    ("fail one x!", "callback: permanent failure"),
    ("accept one", "202"),
    ("busy one 5s", "429 or 503"),
    ("refuse one refused!", "another 4xx"),
    ("beat one", "progress"),
    ("silence one", "silence for longer than the heartbeat"),
    ("probe one working", "asked: working"),
    ("probe one unknown", "asked: unknown"),
    ("probe one none", "asked: no answer"),
    ("preempt one", "a more urgent job needs the slot"),
    ("checkpoint one {}", "a checkpoint"),
    ("no-pause one", "no checkpoint"),
];

fn told(story: &str, manual: bool) -> Told {
    let mode = if manual { "mode = 'manual'\n" } else { "" };
    let mut told = Told::new(&format!("{mode}{PIPELINE}"));
    for line in story.split("; ") {
        told.line(line);
    }
    told
}

/// What became of a command, in a word or a few.
fn cell(cell: &Cell, before: &Job, after: &str) -> String {
    match cell {
        Cell::Refused(code @ ("superseded" | "unknown-attempt"), _) => format!("**{code}**"),
        Cell::Refused(code, message) => format!("**{code}**: {message}"),
        Cell::Done(events) if events.is_empty() => "accepted, nothing changes".to_owned(),
        Cell::Done(events) => {
            let known = engine::decide::state_name(before);
            let end = if known == after { String::new() } else { format!(" → **{after}**") };
            format!("{}{end}", events.join(", "))
        }
    }
}

#[test]
fn every_command_is_answered_in_every_state() {
    let mut text = String::from(include_str!("table.txt"));
    let _ = writeln!(text, "\n## Commands to a job\n");
    for (line, title) in COMMANDS {
        let _ = writeln!(text, "### {title}\n\n| the job is | what follows |\n| --- | --- |");
        for (state, story, manual) in jobs() {
            let mut told = told(&story, manual);
            let before = told.job.clone().unwrap();
            let done = told.cell(line);
            let after = told.job.as_ref().unwrap();
            promised(line, state, &before, after, &done);
            let _ =
                writeln!(text, "| {state} | {} |", cell(&done, &before, engine::decide::state_name(after)));
        }
        text.push('\n');
    }
    let _ = writeln!(text, "## What is said of an attempt\n");
    for (line, title) in CALLBACKS {
        let _ = writeln!(text, "### {title}\n\n| the attempt | what follows |\n| --- | --- |");
        for (state, story) in ATTEMPTS {
            let mut told = told(story, false);
            let before = told.job.clone().unwrap();
            let done = told.of_first_attempt(line);
            let after = told.job.as_ref().unwrap();
            let _ =
                writeln!(text, "| {state} | {} |", cell(&done, &before, engine::decide::state_name(after)));
        }
        text.push('\n');
    }
    expect_file(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/commands.md"), text.trim_end());
}

/// What holds of a command in whatever state.
fn promised(line: &str, state: &str, before: &Job, after: &Job, done: &Cell) {
    let accepted = matches!(done, Cell::Done(_));
    match line.split(' ').next().unwrap() {
        "cancel" if !before.has_ended() => {
            assert!(accepted && after.has_ended(), "{state}: cancel ends the job at once");
            assert!(
                after.live_attempts == 0 && after.deadlines.is_empty(),
                "{state}: and frees all it holds"
            );
        }
        "retry" | "rerun" | "adopt" if accepted && after.events > before.events => {
            assert!(!after.has_ended(), "{state}: {line} makes the job go on");
            let hidden = after.phases.iter().any(|phase| {
                phase.status == PhaseStatus::Succeeded && phase.runs.iter().any(|run| !run.state.is_settled())
            });
            assert!(!hidden, "{state}: {line} leaves no success over runs that are open");
        }
        "tick" | "artifact" => assert!(accepted, "{state}: {line} is never refused"),
        "cancel" => {}
        _ if before.has_ended() => assert!(!accepted, "{state}: a job that is over refuses {line}"),
        _ => {}
    }
    if before.has_ended() && !matches!(line.split(' ').next(), Some("retry" | "rerun" | "adopt" | "artifact"))
    {
        assert_eq!(before, after, "{state}: {line} changes nothing in a job that is over");
    }
}
