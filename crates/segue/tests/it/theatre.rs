//! A session in an operating theatre goes on whoever is killed: nothing that was accepted is lost, nothing is applied twice,
//! and what people see is what the log says.

#![expect(clippy::print_stdout, reason = "the times are for whoever measures: --nocapture")]

mod latency;
mod page;

use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};

use crate::support::{Home, Running, free_ports, repository, try_send};

/// How long the theatre may take to have understood everything after the last kill.
const PATIENCE: Duration = Duration::from_secs(120);
/// What is said, in turn: who it switches, and to what.
const SAID: [(&str, &str, &str); 6] = [
    ("suction on", "M06", "ON"),
    ("start the irrigation", "M05", "ON"),
    ("turn off the suction", "M06", "OFF"),
    ("bring up the c arm", "M04", "ON"),
    ("stop the irrigation", "M05", "OFF"),
    ("c arm off", "M04", "OFF"),
];

/// The theatre's services that a text needs, on free ports; where `state` is.
fn theatre() -> (Home, String) {
    theatre_with("")
}

/// The same, with more lines in the model's table.
fn theatre_with(of_model: &str) -> (Home, String) {
    let [rules, llm, state] = free_ports();
    let services = format!(
        "[service.rules]\nurl = \"http://127.0.0.1:{rules}\"\nrun = \"segue serve rules\"\ncapacity = 8\nneeds = [\"state\"]\n\
         [service.llm]\nurl = \"http://127.0.0.1:{llm}\"\nrun = \"segue serve llm\"\ncapacity = 100\nneeds = [\"state\"]\n{of_model}\
         [service.state]\nurl = \"http://127.0.0.1:{state}\"\nrun = \"segue serve state\"\ncapacity = 16\n"
    );
    let pipeline = std::fs::read_to_string(repository().join("pipelines/theatre.toml")).unwrap();
    (Home::new(&services, &[("theatre.toml", &pipeline)]), format!("http://127.0.0.1:{state}"))
}

/// A call of the state service; none where it is not there just now.
fn call(method: &str, url: &str, body: &Value) -> Option<(u16, Value)> {
    try_send(method, url, body.to_string().as_bytes()).ok()
}

/// Says something until it is accepted; the number it was given. One whose answer was lost may have been taken and is said
/// again, as a person would.
fn say(running: &mut Running, state: &str, text: &str) -> u64 {
    let began = Instant::now();
    loop {
        let body = json!({ "text": text, "speaker": "surgeon" });
        match call("POST", &format!("{state}/transcript"), &body) {
            Some((200, answer)) => return answer["utterance"].as_u64().unwrap(),
            _ => running.pass(Duration::from_millis(50)),
        }
        assert!(began.elapsed() < PATIENCE, "nobody listens any more");
    }
}

fn kill(running: &Running, who: &str) {
    let found = running.children().into_iter().find(|(_, line)| line.contains(who));
    if let Some((pid, _)) = found {
        kill_process(pid, Signal::KILL).unwrap();
    }
}

/// All that happened, once every utterance is understood and the jobs are through.
fn history(home: &Home, running: &mut Running, state: &str) -> Vec<Value> {
    let began = Instant::now();
    loop {
        let page = call("GET", &format!("{state}/history?from=1&to=100000"), &json!({}));
        let entries = page.and_then(|(_, page)| page["entries"].as_array().cloned()).unwrap_or_default();
        let of = |kind: &str| entries.iter().filter(|entry| entry["kind"] == kind).count();
        let running_jobs = call("GET", &home.url("/api/jobs?state=running&limit=1"), &json!({}));
        let open = running_jobs.and_then(|(_, page)| page["jobs"].as_array().map(Vec::len)).unwrap_or(1);
        if of("said") > 0 && of("said") == of("understood") && open == 0 {
            return entries;
        }
        assert!(
            began.elapsed() < PATIENCE,
            "{} were said, {} understood, {open} jobs are open",
            of("said"),
            of("understood")
        );
        running.pass(Duration::from_millis(100));
    }
}

#[test]
fn domain_1_10_11_a_session_survives_the_kill_of_every_part_of_it() {
    let (home, state) = theatre();
    let mut running = Running::start(home.command(&["up"]));
    (0..4).for_each(|_| drop(running.line(" is ready")));
    let chosen = call("POST", &format!("{state}/select_surgery"), &json!({ "surgery": "PCNL" }));
    assert_eq!(chosen.unwrap().0, 200);
    let mut accepted = Vec::new();
    let victims = [" serve state", " serve rules", " orchestrate", " serve llm"];
    for round in 0..8 {
        for (text, _, _) in SAID {
            accepted.push((say(&mut running, &state, text), text));
        }
        kill(&running, victims[round % victims.len()]);
    }
    // An override in between holds over the death of whoever keeps it.
    let forced = json!({ "machine_id": "M07", "action": "ON", "reason": "it is warm", "operator": "Ana" });
    while !matches!(call("POST", &format!("{state}/override"), &forced), Some((200, _))) {
        running.pass(Duration::from_millis(50));
    }
    kill(&running, " serve state");
    let last = say(&mut running, &state, "start the irrigation");
    accepted.push((last, "start the irrigation"));

    let entries = history(&home, &mut running, &state);
    let said: Vec<(u64, &str)> = entries
        .iter()
        .filter(|entry| entry["kind"] == "said")
        .map(|entry| {
            (entry["payload"]["utterance"].as_u64().unwrap(), entry["payload"]["text"].as_str().unwrap())
        })
        .collect();
    for (utterance, text) in &accepted {
        assert!(said.contains(&(*utterance, *text)), "utterance {utterance} was accepted and is gone");
    }
    let mut understood: Vec<u64> = entries
        .iter()
        .filter(|entry| entry["kind"] == "understood")
        .map(|entry| entry["payload"]["utterance"].as_u64().unwrap())
        .collect();
    understood.sort_unstable();
    let all = (1..=u64::try_from(said.len()).unwrap()).collect::<Vec<u64>>();
    assert_eq!(understood, all, "each was understood once");

    // What is shown is what the sentences say, in their order.
    let (_, shown) = call("GET", &format!("{state}/state"), &json!({})).unwrap();
    let is =
        |machine: &str| shown["metadata"]["machine_states"][machine]["state"].as_str().unwrap().to_owned();
    let mut expected = std::collections::BTreeMap::new();
    for (_, text) in &said {
        let (_, machine, action) = SAID.iter().find(|(sentence, _, _)| sentence == text).unwrap();
        expected.insert(*machine, *action);
    }
    for (machine, action) in expected {
        assert_eq!(is(machine), action, "{machine}");
    }
    assert_eq!(is("M07"), "ON", "the override holds");
    let (_, verified) = call("GET", &format!("{state}/audit/verify"), &json!({})).unwrap();
    assert_eq!((&verified["ok"], &verified["entries"]), (&json!(true), &shown["metadata"]["seq"]));
}

#[test]
fn what_is_said_in_several_theatres_is_shown_while_a_model_takes_its_time() {
    latency::measure(latency::Size { theatres: 3, sentences: 4, every: Duration::from_millis(50) });
}

mod slow {
    use std::time::Duration;

    use super::latency::{Size, measure};

    fn number(name: &str, otherwise: u64) -> u64 {
        std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
    }

    #[test]
    fn from_a_sentence_to_the_screen() {
        measure(Size {
            theatres: number("THEATRE_THEATRES", 50),
            sentences: number("THEATRE_SENTENCES", 40),
            every: Duration::from_millis(number("THEATRE_EVERY", 2000)),
        });
    }
}
