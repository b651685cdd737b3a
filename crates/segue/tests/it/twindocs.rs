//! The twin documentation with real processes: whoever is killed, the package is the same, and nothing is written twice; of a
//! codebase that has changed, only what has changed and what depends on it is written again.
//!
//! A stream's author is a model server of this process: it counts what it was asked, and its answers follow from the question.
//! `cargo xtask twindocs` runs the long one, with other numbers where it is told so.

#![expect(clippy::print_stdout, reason = "the tables are for whoever watches: --nocapture")]

mod again;
mod kills;
#[path = "../../../twindocs/tests/it/streams/model_server.rs"]
#[expect(
    dead_code,
    clippy::expect_used,
    reason = "the tests of the streams need more of it; it is set up or the test fails"
)]
mod model_server;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use serde_json::Value;
use tokio::runtime::Runtime;

use self::model_server::{ModelServer, completion, usual};
use crate::support::{Home, Running, repository, up_only};

/// Eight services and the orchestrator.
const PROCESSES: usize = 9;

/// A model server, and the runtime that it lives in.
struct Model {
    server: ModelServer,
    _runtime: Runtime,
}

impl Model {
    /// What it says of a component follows from the component's text, so that a change of the text is one for those that call it.
    fn start() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let server = runtime.block_on(ModelServer::saying(|asked, _| {
            let mut answer = usual(asked);
            let question = asked.question();
            let source = question.split_once("<source>").map_or("", |(_, rest)| rest);
            let source = source.split_once("</source>").map_or("", |(source, _)| source);
            let hash = blake3::hash(source.as_bytes()).to_hex();
            answer["summary"] = format!("Is {}.", &hash[..12]).into();
            // A component may be a single line.
            for call in answer["callees"].as_array_mut().into_iter().flatten() {
                call["call_site_line"] = 1.into();
            }
            Some(completion(&answer.to_string()))
        }));
        Self { server, _runtime: runtime }
    }

    /// Options of a service that asks it.
    fn options(&self, service: &str) -> String {
        let chat = format!("chat = {{ url = \"{}\", model = \"made\" }}", self.server.url);
        format!("[service.{service}.options]\nengine = \"chat\"\npause = 0.001\n{chat}\n")
    }
}

/// Starts a pipeline's job over a folder; people are not waited for.
fn start(home: &Home, key: &str, path: &Path) -> String {
    let input = serde_json::json!({ "path": path, "waitForTickets": false });
    home.start("twindocs", key, &input.to_string())
}

fn ready(home: &Home) -> Running {
    up_only(home, "twindocs", PROCESSES)
}

/// The artifacts of a job, by name.
fn artifacts(home: &Home, id: &str) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let folder = format!("out-{id}");
    home.well(&["artifacts", "pull", id, &folder]);
    crate::kill::collect(&home.path(&folder), "", &mut files);
    files
}

/// What authors have written into the book of a documenter: the key of each line.
fn book(home: &Home, documenter: &str) -> Vec<String> {
    let file = home.path(&format!(".segue/services/{documenter}/book/book.jsonl"));
    let text = std::fs::read_to_string(file).unwrap();
    let line = |line: &str| -> Value { serde_json::from_str(line.split_once(' ').unwrap().1).unwrap() };
    text.lines().map(|one| line(one)["key"].as_str().unwrap().to_owned()).collect()
}

/// What a stream has written in each iteration: component and key.
fn written(files: &BTreeMap<String, Vec<u8>>, stream: &str) -> BTreeSet<(String, String)> {
    let mut all = BTreeSet::new();
    for turn in 1.. {
        let Some(bytes) = files.get(&format!("/{stream}/{turn}/documented.json")) else { break };
        let file: Value = serde_json::from_slice(bytes).unwrap();
        for (id, entry) in file["entries"].as_object().unwrap() {
            all.insert((id.clone(), entry["key"].as_str().unwrap().to_owned()));
        }
    }
    all
}

fn in_the_repository(folder: &str) -> PathBuf {
    repository().join(folder).canonicalize().unwrap()
}

#[test]
fn a_few_kills_change_nothing_but_times() {
    kills::same_package(&in_the_repository("crates/twindocs/test_data/python"), 4, 11);
}

mod slow {
    use super::{in_the_repository, kills};

    fn number(name: &str, otherwise: u64) -> u64 {
        std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
    }

    #[test]
    fn thirty_kills_change_nothing_but_times() {
        let (kills, seed) = (number("TWINDOCS_KILLS", 30), number("TWINDOCS_SEED", rand::random()));
        kills::same_package(&in_the_repository("crates/engine"), kills as usize, seed);
    }
}
