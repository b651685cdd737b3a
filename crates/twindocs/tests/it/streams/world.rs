//! A made-up codebase, analysed for real, and a service that is run on it.

use std::{collections::BTreeMap, path::Path};

use phase_kit::{
    catalog::ServiceSettings,
    testing::{FakeOrchestrator, ServiceHost, raw},
};
use protocol::{Callback, CallbackStatus, StartRequest};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use twindocs::{
    analysis::{
        analyse,
        order::order,
        phase::ComponentsFile,
        source::{Codebase, Language, SourceFile},
        texts::texts,
    },
    records::{
        Stream,
        documented::{Documented, StreamFile},
        names,
    },
    registry::CATALOG,
};

/// Python files of functions in four levels: `f7` calls `f2` of its own file and of the next.
pub(crate) fn codebase(files: usize, functions: usize) -> Codebase {
    let file = |number: usize| {
        let next = (number + 1) % files;
        let mut text = format!("\"\"\"Part {number}.\"\"\"\nfrom m{next} import *\nimport m{next}\n\n\n");
        for at in 0..functions {
            text.push_str(&format!("def m{number}f{at}(value, count=1) -> int:\n"));
            text.push_str(&format!("    \"\"\"Counts {at} of part {number}.\"\"\"\n"));
            if at >= functions / 4 {
                let callee = at - functions / 4;
                text.push_str(&format!("    value = m{number}f{callee}(value)\n"));
                text.push_str(&format!(
                    "    if count:\n        value += m{next}.m{next}f{callee}(value, count)\n"
                ));
            }
            text.push_str("    return value\n\n\n");
        }
        SourceFile { path: format!("m{number}.py"), language: Language::Python, text }
    };
    let mut files: Vec<SourceFile> = (0..files).map(file).collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Codebase { name: "made".to_owned(), files, ..Codebase::default() }
}

/// Of these files.
pub(crate) fn of_files(files: &[(&str, &str)]) -> Codebase {
    let file = |(path, text): &(&str, &str)| SourceFile {
        path: (*path).to_owned(),
        language: Language::of_path(path).expect("a language"),
        text: (*text).to_owned(),
    };
    Codebase { name: "made".to_owned(), files: files.iter().map(file).collect(), ..Codebase::default() }
}

/// Stores what the phase `analysis` would.
pub(crate) fn analysed(fake: &FakeOrchestrator, codebase: &Codebase) {
    let analysis = analyse(codebase).expect("it runs");
    let file = ComponentsFile {
        version: "1.0".to_owned(),
        order: order(&analysis.components, &analysis.graph),
        components: analysis.components,
        skipped: analysis.skipped,
        with_errors: analysis.with_errors,
    };
    put(fake, names::SOURCES, &json!(texts(codebase, &file.components)));
    put(fake, names::COMPONENTS, &json!(file));
    put(fake, names::CALL_GRAPH, &json!(analysis.graph));
}

pub(crate) fn put(fake: &FakeOrchestrator, name: &str, value: &Value) {
    fake.put_artifact(name, value.to_string().into_bytes());
}

pub(crate) fn get<T: DeserializeOwned>(fake: &FakeOrchestrator, name: &str) -> T {
    let bytes = fake.artifact(name).unwrap_or_else(|| panic!("no {name} in {:?}", fake.artifact_names()));
    serde_json::from_slice(&bytes).expect("it fits")
}

/// The service in a folder of its own.
pub(crate) fn host(service: &str, folder: &Path, options: Value) -> ServiceHost {
    let settings =
        ServiceSettings { data_dir: folder.to_owned(), capacity: 4, options, ..ServiceSettings::default() };
    ServiceHost::start(CATALOG.service(service, &settings).expect("it is known"))
}

/// A start of `document_a`, `document_b` in an iteration.
pub(crate) fn start(fake: &FakeOrchestrator, stream: Stream, iteration: u32, input: &Value) -> StartRequest {
    let phase = format!("document_{stream}");
    let mut request = fake.request(&phase, input);
    request.run = if iteration == 1 { phase } else { format!("{phase}#{iteration}") };
    request
}

/// Runs it to its end.
pub(crate) async fn ended(fake: &FakeOrchestrator, host: &ServiceHost, request: &StartRequest) -> Callback {
    let (status, body) = fake.offer(&host.url(), request).await;
    assert_eq!(status, 202, "{body}");
    fake.accepted(request.attempt_id).await
}

/// Documents, and returns output and artifact.
pub(crate) async fn document(
    fake: &FakeOrchestrator,
    host: &ServiceHost,
    (stream, iteration): (Stream, u32),
    input: &Value,
) -> (Documented, StreamFile) {
    let callback = ended(fake, host, &start(fake, stream, iteration, input)).await;
    (output(&callback), get(fake, &names::documented(stream, iteration)))
}

/// The output of a run that went well.
pub(crate) fn output<T: DeserializeOwned>(callback: &Callback) -> T {
    assert_eq!(callback.status, CallbackStatus::Complete, "{callback:?}");
    serde_json::from_str(callback.output.as_ref().expect("it has one").get()).expect("it fits")
}

/// The stream after an iteration, as `resolve` leaves it: with what a test changed, and what the stream is told.
pub(crate) fn resolved(
    fake: &FakeOrchestrator,
    (stream, iteration): (Stream, u32),
    change: impl FnOnce(&mut StreamFile),
    feedback: &Value,
) {
    let mut file: StreamFile = get(fake, &names::documented(stream, iteration));
    change(&mut file);
    put(fake, &names::resolved(stream, iteration), &json!(file));
    let resolution = json!({
        "version": "1.0", "iteration": iteration, "status": "in_progress", "required_actions": [], "decided": [],
        "corrections": {}, "feedback": { stream.letter(): feedback },
    });
    put(fake, &names::resolution(iteration), &resolution);
}

/// A request with an item of a map.
pub(crate) fn with_item(mut request: StartRequest, item: &Value) -> StartRequest {
    request.item = raw(item);
    request
}

/// How often each component was asked for.
pub(crate) fn counted(ids: &[String]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for id in ids {
        *counts.entry(id.as_str()).or_default() += 1;
    }
    counts
}
