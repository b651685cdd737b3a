//! The pipelines and services of every run: few and fixed, and between them all that a pipeline can say.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use engine::{
    ids::Name,
    pipeline::Pipeline,
    plan::{Rate, ServiceLimits},
};
use orchestrator::config::ServiceConfig;

/// Maps, a gate, a failure phase, retries.
const FAN: &str = r#"
name = "fan"
on_failure = "cancel"
[[phase]]
id = "split"
service = "quick"
retry = { attempts = 3, backoff = "1s" }
[[phase]]
id = "each"
after = ["split"]
service = "wide"
map = { over = "split.output.list", parallel = 2 }
timeout = "5m"
heartbeat = "10s"
[[phase]]
id = "lenient"
after = ["split"]
service = "wide"
map = { over = "[1, 2, 3, 4]", on_error = "continue" }
retry = { attempts = 2, backoff = "1ms" }
timeout = "3m"
[[phase]]
id = "merge"
after = ["each", "lenient"]
service = "quick"
gate = "merge.output.good"
timeout = "2m"
[[phase]]
id = "clean"
on = "failure"
service = "narrow"
timeout = "2m"
heartbeat = "10s"
"#;

/// A loop of two phases, followed by more work.
const TURN: &str = r#"
name = "turn"
[[phase]]
id = "draft"
service = "narrow"
interruptible = true
priority = "low"
timeout = "10m"
heartbeat = "15s"
[[phase]]
id = "judge"
after = ["draft"]
service = "quick"
timeout = "2m"
[[phase]]
id = "print"
after = ["judge"]
service = "wide"
timeout = "2m"
[[loop]]
id = "refine"
phases = ["draft", "judge"]
until = "judge.output.good"
max = 4
on_max = "continue"
"#;

/// Joins of one, of a number and of all, and phases that are skipped.
const RACE: &str = r#"
name = "race"
on_failure = "finish"
[[phase]]
id = "a"
service = "wide"
timeout = "2m"
heartbeat = "5s"
[[phase]]
id = "b"
service = "quick"
timeout = "2m"
[[phase]]
id = "c"
service = "narrow"
timeout = "2m"
retry = { attempts = 1 }
[[phase]]
id = "first"
after = ["a", "b", "c"]
join = "any"
service = "quick"
timeout = "2m"
[[phase]]
id = "two"
after = ["a", "b", "c"]
join = 2
service = "wide"
timeout = "2m"
heartbeat = "20s"
[[phase]]
id = "maybe"
after = ["b"]
when = "b.output.good"
service = "quick"
timeout = "2m"
[[phase]]
id = "all"
after = ["first", "two", "maybe"]
service = "wide"
timeout = "2m"
"#;

/// Decisions of people, with and without a time that passes.
const PEOPLE: &str = r#"
name = "people"
[[phase]]
id = "ask"
service = "quick"
timeout = "2m"
[[phase]]
id = "decide"
after = ["ask"]
wait = { signal = "go", timeout = "10m", on_timeout = { goto = "end" } }
[[phase]]
id = "work"
after = ["decide"]
service = "narrow"
interruptible = "restart"
timeout = "10m"
heartbeat = "10s"
[[phase]]
id = "second"
after = ["work"]
wait = { signal = "go", timeout = "5m", on_timeout = "continue" }
[[phase]]
id = "end"
after = ["second"]
service = "wide"
timeout = "2m"
"#;

/// Of many runs with one key only the newest; a breaker.
const FLOOD: &str = r#"
name = "flood"
[[phase]]
id = "save"
service = "narrow"
coalesce = { key = "input.session", every = "2s" }
timeout = "1m"
[[phase]]
id = "index"
after = ["save"]
service = "quick"
breaker = { failures = 2, window = "1m", key = "input.session" }
retry = { attempts = 4, backoff = "1ms" }
timeout = "1m"
"#;

/// An approval after each phase.
const CHECKED: &str = r#"
name = "checked"
mode = "manual"
approval_timeout = "20m"
[[phase]]
id = "one"
service = "wide"
timeout = "2m"
heartbeat = "10s"
[[phase]]
id = "two"
after = ["one"]
service = "quick"
timeout = "2m"
gate = "two.output.good"
"#;

/// The pipelines.
///
/// # Panics
/// Where one of the texts above is wrong.
#[must_use]
pub fn all() -> Vec<Arc<Pipeline>> {
    [FAN, TURN, RACE, PEOPLE, FLOOD, CHECKED]
        .into_iter()
        .map(|text| match Pipeline::parse(text) {
            Ok(pipeline) => Arc::new(pipeline),
            Err(error) => panic!("{error}"),
        })
        .collect()
}

/// The services.
#[must_use]
pub fn services() -> BTreeMap<Name, ServiceConfig> {
    let rate = Rate::parse("20/s").ok();
    [("quick", 3, rate), ("wide", 6, None), ("narrow", 1, None)]
        .into_iter()
        .filter_map(|(name, capacity, rate)| {
            let config = ServiceConfig {
                urls: vec![format!("http://{name}.test").into()],
                instance_capacity: None,
                most: Some(capacity),
                register: false,
                resolve: false,
                token: None,
                networks: Vec::new(),
                run: None,
                limits: ServiceLimits { capacity, rate },
                version: String::new(),
                needs: Vec::new(),
                pipelines: BTreeSet::new(),
                options: serde_json::Value::Null,
            };
            Some((Name::new(name).ok()?, config))
        })
        .collect()
}
