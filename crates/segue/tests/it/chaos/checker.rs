//! Reads everything back from the API when all is over, and compares it with what was acknowledged.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    callers::{Api, Fate, Started},
    proxy::Seen,
};

/// What the histories of all jobs come to.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) counts: BTreeMap<String, u64>,
    pub(super) wrong: Vec<String>,
    /// Every attempt whose outcome was accepted, with it.
    pub(super) outcomes: BTreeMap<String, Value>,
    /// Every attempt that was started, with its job and run.
    attempts: BTreeMap<String, (String, String)>,
}

/// One job's history, as it is gone through.
struct History<'a> {
    found: &'a mut Found,
    job: &'a str,
    /// The live attempt of a run.
    live: BTreeMap<String, String>,
    succeeded: BTreeSet<String>,
    ready: BTreeMap<String, u64>,
    /// Runs whose attempt came to nothing and that wait to be ready again.
    again: BTreeSet<String>,
    phases: BTreeSet<String>,
    suspected: BTreeSet<String>,
    over: bool,
}

/// The whole history of a job.
async fn history(api: &Api, id: &str) -> Vec<Value> {
    let (mut events, mut from) = (Vec::new(), 0);
    loop {
        let (status, page) = api.call("GET", &format!("/api/jobs/{id}/events?from={from}"), None).await;
        assert_eq!(status, 200, "the history of {id}: {page}");
        events.extend(page["events"].as_array().cloned().unwrap_or_default());
        match page["next"].as_u64() {
            Some(next) => from = next,
            None => return events,
        }
    }
}

/// Every acknowledged start, callback and command is there, and each job's history is one that may be.
pub(super) async fn check(api: &Api, started: &[Started], seen: &Seen) -> Found {
    let mut found = Found::default();
    for one in started {
        let events = history(api, &one.id).await;
        let status = api.job(&one.id).await;
        found.job(one, &events, &status);
    }
    for (attempt, acknowledged) in &seen.acknowledged {
        match found.outcomes.get(attempt) {
            Some(outcome) if outcome["success"] == acknowledged["success"] => {
                if acknowledged["success"] == true && outcome["output"] != acknowledged["output"] {
                    found
                        .wrong
                        .push(format!("{attempt}: {acknowledged} was acknowledged, {outcome} is kept"));
                }
            }
            other => found.wrong.push(format!("{attempt}: {acknowledged} was acknowledged, kept: {other:?}")),
        }
    }
    for (attempt, (job, run, _)) in &seen.asked {
        if found.attempts.get(attempt) != Some(&(job.clone(), run.clone())) {
            found.wrong.push(format!(
                "a service was asked for {run} of {job}, attempt {attempt}, unknown to its history"
            ));
        }
    }
    found
}

impl Found {
    fn job(&mut self, started: &Started, events: &[Value], status: &Value) {
        let job = &*started.id;
        let first = &events[0]["is"]["jobStarted"];
        let number = started.number;
        if first["key"] != format!("k{number}") || first["idempotencyKey"] != format!("start-{number}") {
            self.wrong.push(format!("{job} was acknowledged as k{number} and begins with {first}"));
        }
        let names: BTreeSet<&str> = events.iter().filter_map(|event| name_of(event)).collect();
        let missing: Vec<_> = started.commands.iter().filter(|event| !names.contains(**event)).collect();
        // A signal may be kept for a phase that is never reached.
        let kept = missing == [&"signalTaken"] && names.contains("signalKept");
        if !missing.is_empty() && !kept {
            self.wrong.push(format!("{job}: acknowledged and not there: {missing:?}"));
        }
        let end = status["status"].as_str().unwrap_or_default();
        *self.counts.entry(format!("job {end}")).or_default() += 1;
        if !Fate::of(number).ends().contains(&end) || status["events"] != events.len() {
            self.wrong.push(format!("{job} with {} events is {status}", events.len()));
        }
        let mut history = History {
            found: self,
            job,
            live: BTreeMap::new(),
            succeeded: BTreeSet::new(),
            ready: BTreeMap::new(),
            again: BTreeSet::new(),
            phases: BTreeSet::new(),
            suspected: BTreeSet::new(),
            over: false,
        };
        for (at, event) in events.iter().enumerate() {
            history.event(at, event);
        }
        history.end(end);
    }
}

fn name_of(event: &Value) -> Option<&str> {
    match &event["is"] {
        Value::String(name) => Some(name),
        Value::Object(one) => one.keys().next().map(String::as_str),
        _ => None,
    }
}

fn word<'a>(body: &'a Value, name: &str) -> &'a str {
    body[name].as_str().unwrap_or_default()
}

impl History<'_> {
    fn wrong(&mut self, what: &str, event: &Value) {
        self.found.wrong.push(format!("{}: {what}: {event}", self.job));
    }

    fn event(&mut self, at: usize, event: &Value) {
        let Some(name) = name_of(event) else { return self.wrong("no event", event) };
        let body = &event["is"][name];
        *self.found.counts.entry(name.to_owned()).or_default() += 1;
        if event["seq"].as_u64() != Some(at as u64) && event["seq"].as_u64() != Some(at as u64 + 1) {
            self.wrong("a gap", event);
        }
        if self.over {
            self.wrong("after the end", event);
        }
        let (run, attempt) = (word(body, "run"), word(body, "attempt"));
        match name {
            "runReady" => self.ready(run, event),
            "attemptStarted" => self.attempt_started(run, attempt, event),
            "attemptSuspected" => _ = self.suspected.insert(attempt.to_owned()),
            "attemptHealed" => {
                let by = word(body, "by");
                *self.found.counts.entry(format!("healed: {by}")).or_default() += 1;
            }
            "attemptSucceeded" => {
                self.attempt_over(run, attempt, event);
                if !self.succeeded.insert(run.to_owned()) {
                    self.wrong("a second success of one run", event);
                }
                self.outcome(attempt, true, &body["output"], event);
            }
            "attemptFailed" => {
                self.attempt_over(run, attempt, event);
                let why = format!("failed: {}", word(&body["error"], "code"));
                *self.found.counts.entry(why).or_default() += 1;
                self.outcome(attempt, false, &Value::Null, event);
            }
            "attemptDeferred" => {
                self.again.insert(run.to_owned());
                self.attempt_over(run, attempt, event);
            }
            "retryScheduled" => _ = self.again.insert(run.to_owned()),
            "attemptPreempted" | "attemptCancelled" => self.attempt_over(run, attempt, event),
            "phaseSucceeded" => _ = self.phases.insert(word(body, "phase").to_owned()),
            "jobCompleted" | "jobFailed" | "jobCancelled" => self.over = true,
            _ => {}
        }
    }

    fn ready(&mut self, run: &str, event: &Value) {
        if !self.again.remove(run) {
            *self.ready.entry(run.to_owned()).or_default() += 1;
        }
        let before: &[&str] = match run {
            "join" => &["left", "right", "pieces"],
            "close" => &["flaky"],
            "split" => &[],
            _ => &["split"],
        };
        let flaky: &[&str] = &["join"];
        let before = if run == "flaky" { flaky } else { before };
        if before.iter().any(|phase| !self.phases.contains(*phase)) {
            self.wrong("ready before its predecessors", event);
        }
    }

    fn attempt_started(&mut self, run: &str, attempt: &str, event: &Value) {
        let whose = (self.job.to_owned(), run.to_owned());
        if self.found.attempts.insert(attempt.to_owned(), whose).is_some() {
            self.wrong("an attempt twice", event);
        }
        if self.live.insert(run.to_owned(), attempt.to_owned()).is_some() {
            self.wrong("two attempts of a run at once", event);
        }
        if self.succeeded.contains(run) {
            self.wrong("an attempt after a success", event);
        }
    }

    fn attempt_over(&mut self, run: &str, attempt: &str, event: &Value) {
        if self.live.remove(run).as_deref() != Some(attempt) {
            self.wrong("the outcome of an attempt that is not under way", event);
        }
    }

    fn outcome(&mut self, attempt: &str, success: bool, output: &Value, event: &Value) {
        if success && self.suspected.contains(attempt) {
            *self.found.counts.entry("suspect, then its result".to_owned()).or_default() += 1;
        }
        let outcome = serde_json::json!({ "success": success, "output": output });
        if self.found.outcomes.insert(attempt.to_owned(), outcome).is_some() {
            self.wrong("two outcomes of one attempt", event);
        }
    }

    fn end(mut self, status: &str) {
        let joined = self.ready.get("join").copied().unwrap_or_default();
        if joined > 1 || (status == "complete" && joined != 1) {
            self.found.wrong.push(format!("{}: its join has fired {joined} times", self.job));
        }
        if !self.over || !self.live.is_empty() {
            let live = std::mem::take(&mut self.live);
            self.found.wrong.push(format!("{} is {status} and these are under way: {live:?}", self.job));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Found, Started};

    fn wrong(events: &[Value]) -> Vec<String> {
        let started = json!({ "jobStarted": { "key": "k4", "idempotencyKey": "start-4" } });
        let kinds = [started].into_iter().chain(events.iter().cloned()).chain([json!("jobCompleted")]);
        let all: Vec<Value> = kinds.zip(0..).map(|(is, seq)| json!({ "seq": seq, "is": is })).collect();
        let mut found = Found::default();
        let job = Started { number: 4, id: "j".to_owned(), commands: Vec::new() };
        found.job(&job, &all, &json!({ "status": "complete", "events": all.len() }));
        found.wrong
    }

    fn begins(run: &str, attempt: &str) -> Value {
        json!({ "attemptStarted": { "run": run, "attempt": attempt } })
    }

    fn ends(run: &str, attempt: &str) -> Value {
        json!({ "attemptSucceeded": { "run": run, "attempt": attempt, "output": 1 } })
    }

    fn through(phase: &str) -> Value {
        json!({ "phaseSucceeded": { "phase": phase } })
    }

    #[test]
    fn the_checker_finds_what_must_not_be() {
        let ready = json!({ "runReady": { "run": "join" } });
        let before: Vec<Value> = ["left", "right", "pieces"].map(through).into();
        let joined = [before.clone(), vec![ready.clone(), begins("join", "a"), ends("join", "a")]].concat();
        assert_eq!(wrong(&joined), [""; 0]);
        let twice = [joined.clone(), vec![ready.clone()]].concat();
        assert!(wrong(&twice)[0].contains("fired 2 times"));
        let early = [vec![ready.clone()], joined[..3].to_vec()].concat();
        assert!(wrong(&early)[0].contains("ready before its predecessors"));
        let again = [joined.clone(), vec![begins("join", "b"), ends("join", "b")]].concat();
        assert!(wrong(&again).iter().any(|one| one.contains("a second success")));
        let stale = [joined.clone(), vec![ends("join", "a")]].concat();
        assert!(wrong(&stale).iter().any(|one| one.contains("two outcomes of one attempt")));
        let again = [
            before,
            vec![ready.clone(), begins("join", "a")],
            vec![json!({ "attemptDeferred": { "run": "join", "attempt": "a" } })],
        ];
        let again = [again.concat(), vec![ready, begins("join", "b"), ends("join", "b")]].concat();
        assert_eq!(wrong(&again), [""; 0], "busy, and then not");
        let hangs = [joined, vec![begins("flaky", "c")]].concat();
        assert!(wrong(&hangs)[0].contains("under way"));
    }
}
