//! 1,000 components, two streams, a server that fails one in ten times and does not answer one in twenty.

use std::collections::BTreeSet;

use axum::{http::StatusCode, response::IntoResponse};
use phase_kit::testing::FakeOrchestrator;
use serde_json::json;
use twindocs::records::Stream;

use super::{
    model_server::ModelServer,
    world::{analysed, codebase, document, host},
};

/// Memory of this process in MiB, as Linux counts it; none elsewhere.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()? / 1024)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_streams_of_a_thousand_end_with_the_failed_ones_listed_whatever_the_server_does() {
    let server = ModelServer::failing(7).await;
    let fake = FakeOrchestrator::start().await;
    analysed(&fake, &codebase(20, 50));
    let before = resident();
    for stream in Stream::ALL {
        let folder = tempfile::tempdir().expect("a folder");
        let mut options = server.options("slow");
        (options["patience"], options["tries"]) = (json!(2.0), json!(2));
        let host = host(&format!("documenter_{stream}"), folder.path(), options);
        server.forget();
        let input = json!({ "parallelComponents": 64 });
        let (output, file) = document(&fake, &host, (stream, 1), &input).await;
        assert_eq!(output.written + output.failed, 1020);
        // Two tries fail one after the other about twice in a hundred times; a busy machine is silent now and then itself.
        assert!((1..150).contains(&output.failed), "{} failed", output.failed);
        assert_eq!((file.entries.len(), file.failed.len()), (output.written, output.failed));
        let listed: BTreeSet<&String> = file.entries.keys().chain(file.failed.keys()).collect();
        assert_eq!(listed.len(), 1020);
        assert!(
            file.failed
                .values()
                .all(|one| one.code == "model-failed" && one.message.contains("asked 2 times"))
        );
        let asked = server.ids().len();
        assert!((1020..1600).contains(&asked), "{asked} questions");
    }
    // Where other tests run in this process, it is their memory as well.
    let is_alone = std::env::var_os("NEXTEST_EXECUTION_MODE").is_some_and(|mode| mode == "process-per-test");
    if let (true, Some(before), Some(after)) = (is_alone, before, resident()) {
        println!("{before} MiB before, {after} MiB after");
        assert!(after < before + 200, "{before} MiB before, {after} MiB after");
    }
}

/// With as many tries as there are by default, a server that is only unreliable costs nothing but time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreliable_server_loses_no_component() {
    let server = ModelServer::saying(|asked, before| {
        let hash = blake3::hash(format!("{} {before}", asked.id).as_bytes());
        (hash.as_bytes()[0] < 26).then(|| StatusCode::SERVICE_UNAVAILABLE.into_response())
    })
    .await;
    let (fake, folder) = (FakeOrchestrator::start().await, tempfile::tempdir().expect("a folder"));
    analysed(&fake, &codebase(10, 20));
    let host = host("documenter_b", folder.path(), server.options("made"));
    let (output, _) = document(&fake, &host, (Stream::B, 1), &json!({})).await;
    assert_eq!((output.written, output.failed), (210, 0));
}
