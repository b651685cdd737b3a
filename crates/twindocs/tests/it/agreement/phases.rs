//! The phases as an orchestrator meets them, from two written streams to the outcome.

use std::collections::BTreeMap;

use phase_kit::{
    catalog::ServiceSettings,
    testing::{FakeOrchestrator, ServiceHost},
};
use protocol::{Callback, CallbackStatus};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use twindocs::{
    comparison::{Streams, phase::Output as Compared},
    records::{
        Stream,
        compared::{Comparison, Outcome, Resolution, Resolved, Status, TicketState},
        documented::StreamFile,
    },
    registry::CATALOG,
    tickets::{apply, ask, beads, ticket_id},
};

use super::{
    model,
    world::{LOAD, MAIN, World, plant, said, streams},
};

const DESCRIPTION: &str = "/documentation/description";

/// A job in which both streams are written.
struct Job {
    fake: FakeOrchestrator,
    comparison: ServiceHost,
    resolution: ServiceHost,
    input: Value,
    _own: tempfile::TempDir,
}

fn host(name: &str, own: &tempfile::TempDir, options: Value) -> ServiceHost {
    let settings = ServiceSettings {
        data_dir: own.path().join(name),
        capacity: 1,
        options,
        orchestrator: "http://127.0.0.1:9".to_owned(),
        ..ServiceSettings::default()
    };
    ServiceHost::start(CATALOG.service(name, &settings).expect("it is known"))
}

impl Job {
    async fn new(input: Value, options: Value) -> Self {
        let fake = FakeOrchestrator::start().await;
        let world = World::new();
        put(&fake, "components.json", &json!(world.components_file()));
        put(&fake, "call_graph.json", &json!(world.graph));
        put(&fake, "sources.json", &json!(world.sources));
        let own = tempfile::tempdir().expect("a folder");
        let comparison = host("comparison", &own, options.clone());
        let resolution = host("resolution", &own, options);
        Self { fake, comparison, resolution, input, _own: own }
    }

    fn write(&self, streams: &Streams, iteration: u32) {
        for (stream, file) in streams {
            let file = StreamFile { iteration, ..file.clone() };
            put(&self.fake, &format!("{stream}/{iteration}/documented.json"), &json!(file));
        }
    }

    async fn run(&self, host: &ServiceHost, run: &str, upstream: &[(&str, Value)]) -> Callback {
        let mut request = self.fake.request(run.split('#').next().expect("a phase"), &self.input);
        run.clone_into(&mut request.run);
        request.upstream = upstream
            .iter()
            .map(|(name, output)| {
                let upstream = json!({ "output": output, "stats": null, "artifacts": {} });
                ((*name).to_owned(), serde_json::from_value(upstream).expect("it fits"))
            })
            .collect::<BTreeMap<_, _>>();
        let (status, body) = self.fake.offer(&host.url(), &request).await;
        assert_eq!(status, 202, "{body}");
        self.fake.accepted(request.attempt_id).await
    }

    async fn compare(&self, run: &str) -> Compared {
        output(&self.run(&self.comparison, run, &[]).await)
    }

    async fn resolve(&self, run: &str) -> Resolved {
        output(&self.run(&self.resolution, run, &[]).await)
    }

    async fn ask(&self, resolved: &Resolved) -> ask::Output {
        output(&self.run(&self.resolution, "ask", &[("resolve", json!(resolved))]).await)
    }

    async fn apply(&self, resolved: &Resolved) -> Callback {
        let upstream = [("resolve", json!(resolved)), ("answers", Value::Null)];
        self.run(&self.resolution, "apply", &upstream).await
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> T {
        let bytes = self.fake.artifact(name).unwrap_or_else(|| panic!("{name} was stored"));
        serde_json::from_slice(&bytes).expect("it fits")
    }
}

fn put(fake: &FakeOrchestrator, name: &str, value: &Value) {
    fake.put_artifact(name, value.to_string().into_bytes());
}

fn output<T: DeserializeOwned>(callback: &Callback) -> T {
    assert_eq!(callback.status, CallbackStatus::Complete, "{callback:?}");
    serde_json::from_str(callback.output.as_ref().expect("it has one").get()).expect("it fits")
}

/// They differ in what blocks, and in a call.
fn differing() -> Streams {
    let mut planted = streams();
    plant(&mut planted, Stream::B, MAIN, DESCRIPTION, &json!("It keeps the password."));
    plant(&mut planted, Stream::A, MAIN, "/call_graph/callees/shop.py::load", &Value::Null);
    planted
}

/// Two iterations in which they do not move, and the questions that are left.
async fn asked(job: &Job) -> (Resolved, ask::Output) {
    job.write(&differing(), 1);
    let compared = job.compare("compare").await;
    assert_eq!((compared.iteration, compared.summary.discrepancies, compared.summary.blocking), (1, 2, 2));
    let resolved = job.resolve("resolve").await;
    assert_eq!((resolved.status, resolved.settled, resolved.to_do_again), (Status::InProgress, false, 1));
    let mut streams = Streams::new();
    for stream in Stream::ALL {
        streams.insert(stream, job.read(&format!("{stream}/1/resolved.json")));
    }
    assert_eq!(said(&streams, Stream::A, MAIN, "/call_graph/callees/shop.py::load")["call_type"], "loop");
    job.write(&streams, 2);
    job.compare("compare#2").await;
    let resolved = job.resolve("resolve#2").await;
    assert_eq!((resolved.iteration, resolved.settled), (2, resolved.status != Status::InProgress));
    job.write(&streams, 3);
    job.compare("compare#3").await;
    let resolved = job.resolve("resolve#3").await;
    assert_eq!((resolved.status, resolved.for_people), (Status::PartiallyConverged, 1));
    let asked = job.ask(&resolved).await;
    (resolved, asked)
}

#[tokio::test]
async fn weakness_2_from_two_streams_to_an_outcome_with_a_persons_answer() {
    let job = Job::new(json!({ "path": "/code" }), Value::Null).await;
    let (resolved, asked) = asked(&job).await;
    let ticket = ticket_id(MAIN, DESCRIPTION);
    assert_eq!((asked.open, asked.wait, &asked.tickets), (1, true, &vec![ticket.clone()]));
    let lines =
        String::from_utf8(job.fake.artifact("tickets.jsonl").expect("stored").to_vec()).expect("text");
    let issues = beads::read(&lines).expect("issues");
    assert_eq!((issues.len(), &*issues[0].status), (1, "open"));
    // What is no answer is named, and nothing is lost.
    put(&job.fake, &format!("answers/{ticket}.json"), &json!({ "resolution": "manual" }));
    let error = job.apply(&resolved).await.error.expect("no text");
    assert_eq!((&*error.code, error.retryable), ("invalid-answer", false));
    assert!(error.message.contains(&ticket) && error.message.contains("needs the text"), "{}", error.message);
    assert!(job.fake.artifact("outcome.json").is_none());
    let answer = json!({ "resolution": "manual", "text": "It keeps the key.", "by": "ann" });
    put(&job.fake, &format!("answers/{ticket}.json"), &answer);
    put(&job.fake, "answers/bd-none.json", &json!({ "resolution": "merge" }));
    let applied: apply::Output = output(&job.apply(&resolved).await);
    assert_eq!((applied.applied, applied.expired, applied.remaining), (1, 0, 0));
    assert_eq!((applied.status, applied.unknown), (Status::Converged, vec!["bd-none".to_owned()]));
    let outcome: Outcome = job.read("outcome.json");
    assert_eq!((outcome.iterations, outcome.tickets[&ticket]), (3, TicketState::Applied));
    assert!(outcome.divergent.is_empty());
    for (stream, name) in &outcome.streams {
        let file: StreamFile = job.read(name);
        assert_eq!(file.entries[MAIN].documentation.description, "It keeps the key.", "{stream}");
        let mut same = file.clone();
        let before: StreamFile = job.read(&format!("{stream}/3/resolved.json"));
        same.entries.insert(MAIN.to_owned(), before.entries[MAIN].clone());
        assert_eq!(same, before, "nothing else is touched");
    }
    let lines =
        String::from_utf8(job.fake.artifact("tickets.jsonl").expect("stored").to_vec()).expect("text");
    let issues = beads::read(&lines).expect("issues");
    assert_eq!((&*issues[0].status, issues[0].closed_at.is_empty()), ("closed", false));
    // The same run again, as after a crash, gives the same.
    let before = job.fake.artifact("outcome.json");
    let again: apply::Output = output(&job.apply(&resolved).await);
    assert_eq!((again.applied, job.fake.artifact("outcome.json")), (1, before));
}

#[tokio::test]
async fn weakness_7_what_nobody_answers_is_carried_into_the_outcome() {
    let job = Job::new(json!({ "path": "/code", "waitForTickets": false }), Value::Null).await;
    let (resolved, asked) = asked(&job).await;
    assert_eq!((asked.open, asked.wait), (1, false));
    let applied: apply::Output = output(&job.apply(&resolved).await);
    assert_eq!((applied.status, applied.expired, applied.remaining), (Status::PartiallyConverged, 1, 1));
    let outcome: Outcome = job.read("outcome.json");
    assert_eq!(outcome.tickets[&ticket_id(MAIN, DESCRIPTION)], TicketState::Expired);
    assert_eq!(outcome.divergent.iter().collect::<Vec<_>>(), [MAIN]);
    assert_eq!(outcome.streams[&Stream::A], "a/3/resolved.json");
}

#[tokio::test]
async fn an_answer_that_is_there_before_the_question_is_taken_in_the_first_iteration() {
    let job = Job::new(json!({ "path": "/code" }), Value::Null).await;
    job.write(&differing(), 1);
    let name = format!("answers/{}.json", ticket_id(MAIN, DESCRIPTION));
    put(&job.fake, &name, &json!({ "resolution": "accept_b" }));
    job.compare("compare").await;
    job.resolve("resolve").await;
    let resolution: Resolution = job.read("resolution/1.json");
    let changed = &resolution.corrections[&Stream::A][MAIN];
    assert_eq!(changed.len(), 2, "the call by the code, the text by a person: {changed:?}");
    assert!(resolution.feedback.is_empty());
}

#[tokio::test]
async fn what_was_validated_counts_more_than_what_was_written_unless_it_is_of_another_text() {
    let job = Job::new(json!({ "path": "/code" }), Value::Null).await;
    let mut written = streams();
    plant(&mut written, Stream::A, MAIN, DESCRIPTION, &json!("Nothing."));
    plant(&mut written, Stream::A, LOAD, DESCRIPTION, &json!("Nothing."));
    job.write(&written, 1);
    let mut validated = streams().remove(&Stream::A).expect("a");
    validated.entries.retain(|id, _| [MAIN, LOAD].contains(&id.as_str()));
    validated.entries.get_mut(LOAD).expect("load").key = "of an earlier text".to_owned();
    put(&job.fake, "a/1/validated/0.json", &json!(validated));
    job.compare("compare").await;
    let comparison: Comparison = job.read("comparison/1.json");
    let found: Vec<_> = comparison.discrepancies.iter().map(|it| it.component_id.as_str()).collect();
    assert_eq!(found, [LOAD]);
}

#[tokio::test]
async fn one_stream_alone_and_a_dry_run_end_at_once() {
    let job = Job::new(json!({ "path": "/code", "streams": ["a"] }), Value::Null).await;
    let mut alone = streams();
    alone.remove(&Stream::B);
    job.write(&alone, 1);
    job.compare("compare").await;
    let resolved = job.resolve("resolve").await;
    assert_eq!(resolved.status, Status::Converged);
    assert_eq!(job.ask(&resolved).await.open, 0);
    let applied: apply::Output = output(&job.apply(&resolved).await);
    assert_eq!((applied.status, applied.remaining), (Status::Converged, 0));
    let dry = Job::new(json!({ "path": "/code", "dryRun": true }), Value::Null).await;
    assert_eq!(dry.compare("compare").await.summary.total_components, 5);
    let resolved = dry.resolve("resolve").await;
    assert_eq!((resolved.status, resolved.settled), (Status::NotStarted, true));
    assert!(!dry.ask(&resolved).await.wait);
    let applied: apply::Output = output(&dry.apply(&resolved).await);
    assert_eq!(applied.status, Status::NotStarted);
    assert!(dry.read::<Outcome>("outcome.json").streams.is_empty());
}

#[tokio::test]
async fn a_stream_that_is_not_there_is_named() {
    let job = Job::new(json!({ "path": "/code" }), Value::Null).await;
    let error = job.run(&job.comparison, "compare", &[]).await.error.expect("nothing is written");
    assert_eq!(&*error.code, "missing-artifact");
    assert!(error.message.contains("a/1/documented.json"), "{}", error.message);
}

#[tokio::test]
async fn texts_are_measured_by_a_model_where_one_answers_and_by_words_where_none_does() {
    let differing = || {
        let mut planted = streams();
        plant(
            &mut planted,
            Stream::B,
            MAIN,
            DESCRIPTION,
            &json!("The same, in words that are quite other ones."),
        );
        planted
    };
    let cases = [
        // The model says that all texts point the same way.
        (model::start(true).await, "tiny-2026", 1.0, 5),
        (model::start(false).await, "lexical (the model tiny failed: provider-rejected)", 0.9, 0),
    ];
    for (url, by, least, tokens) in cases {
        let options = json!({ "embeddings": { "url": url, "model": "tiny" } });
        let job = Job::new(json!({ "path": "/code" }), options).await;
        job.write(&differing(), 1);
        let compared = job.compare("compare").await;
        assert_eq!(compared.summary.similarity_by, by);
        let alike = compared.summary.documentation_similarity;
        assert!(alike >= least && (tokens > 0 || alike < 1.0), "{alike}");
        assert_eq!(job.read::<Comparison>("comparison/1.json").tokens, tokens);
    }
}
