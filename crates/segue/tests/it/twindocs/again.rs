//! A codebase changes after its two documentations agree, and is documented again by another job.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use serde_json::Value;

use super::{Model, artifacts, book, in_the_repository, ready, start, written};
use crate::support::{Home, twindocs};

/// All that a job has left, when it is over.
fn documented(home: &Home, key: &str, code: &Path) -> BTreeMap<String, Vec<u8>> {
    let id = start(home, key, code);
    home.well(&["status", &id, "--wait"]);
    artifacts(home, &id)
}

fn json(files: &BTreeMap<String, Vec<u8>>, name: &str) -> Value {
    serde_json::from_slice(&files[name]).unwrap()
}

/// Components whose text is not in an earlier job, in any iteration.
fn fresh(
    before: &BTreeMap<String, Vec<u8>>,
    after: &BTreeMap<String, Vec<u8>>,
    stream: &str,
) -> BTreeSet<String> {
    let known = written(before, stream);
    written(after, stream).into_iter().filter(|one| !known.contains(one)).map(|(id, _)| id).collect()
}

/// Files with their folders.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &to);
        } else {
            std::fs::copy(&path, &to).unwrap();
        }
    }
}

#[test]
fn after_a_change_only_what_has_changed_and_what_calls_it_is_documented_again() {
    let model = Model::start();
    let home = twindocs(&(model.options("documenter_a") + &model.options("documenter_b")));
    let _running = ready(&home);
    let code = home.path("code");
    copy(&in_the_repository("crates/twindocs/test_data/python"), &code);

    let first = documented(&home, "first", &code);
    let report = json(&first, "/package/convergence_report.json");
    assert_eq!(report["final_status"], "converged", "{report}");
    let components = json(&first, "/package/metrics.json")["components_total"].clone();
    let (books, asked) =
        (["documenter_a", "documenter_b"].map(|one| book(&home, one).len()), model.server.ids().len());
    println!("{components} components, {books:?} written, {asked} questions");

    // Nothing has changed: nothing is asked.
    let same = documented(&home, "same", &code);
    assert_eq!(model.server.ids().len(), asked);
    assert_eq!((fresh(&first, &same, "a"), fresh(&first, &same, "b")), Default::default());

    let file = code.join("shop/helpers.py");
    let text = std::fs::read_to_string(&file).unwrap();
    let changed = text.replace("return text.strip()", "return text.strip().lower()");
    assert_ne!(text, changed);
    std::fs::write(&file, changed).unwrap();
    let second = documented(&home, "second", &code);
    assert_eq!(json(&second, "/package/convergence_report.json")["final_status"], "converged");

    // It says something else now, so those that call it were given something else; what calls those was not.
    let clean = "shop/helpers.py::clean";
    let graph = json(&second, "/call_graph.json");
    let edges = graph["edges"].as_array().unwrap().iter().filter(|edge| edge["callee"] == clean);
    let mut expected: BTreeSet<String> =
        edges.map(|edge| edge["caller"].as_str().unwrap().to_owned()).collect();
    assert_eq!(expected.len(), 5, "{graph}");
    expected.insert(clean.to_owned());
    for (stream, before) in ["a", "b"].into_iter().zip(books) {
        assert_eq!(fresh(&first, &second, stream), expected, "stream {stream}");
        let lines = book(&home, &format!("documenter_{stream}")).len();
        assert_eq!(lines - before, expected.len(), "stream {stream} has written more than that");
    }
    assert_eq!(model.server.ids().len() - asked, 2 * expected.len());
    println!("one function changed: {} of {components} again", expected.len());
}
