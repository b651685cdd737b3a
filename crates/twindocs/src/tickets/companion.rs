//! Calls of the resolution service for people's answers: the tickets of a job, and the import of a file in Beads' form.
//!
//! Nothing is kept here: tickets and answers are artifacts of the job. The caller's own token goes on to the orchestrator, so that
//! nobody can do here what he could not do there.

use std::{future::Future, io, pin::Pin, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Query, State},
    http::{HeaderMap, header},
    routing::{get, post},
};
use futures::FutureExt;
use phase_kit::{Companion, Refusal};
use protocol::{ArtifactList, Code, Problem, headers::JSON};
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Asked,
    answers::{BadAnswer, checked, in_comments},
    ask::waiting,
    beads::{self, Issue},
};
use crate::{
    records::{
        compared::{TicketAnswer, TicketState},
        names,
    },
    resolution::Answers,
};

/// Largest file that is imported.
const LARGEST: usize = 64 * 1024 * 1024;
/// How long the orchestrator may take for an answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// The signal that ends the wait.
const SIGNAL: &str = "answers";

/// The companion.
#[derive(Debug, Clone)]
pub struct Tickets {
    orchestrator: String,
    client: reqwest::Client,
}

impl Tickets {
    /// With the orchestrator's address.
    ///
    /// # Errors
    /// Where no HTTP client can be made.
    pub fn new(orchestrator: &str) -> Result<Self, phase_kit::client::ClientError> {
        let orchestrator = orchestrator.trim_end_matches('/').to_owned();
        Ok(Self { orchestrator, client: phase_kit::http_client()? })
    }
}

impl Companion for Tickets {
    fn routes(self: Arc<Self>) -> Router {
        Router::new()
            .route("/tickets", get(list))
            .route("/tickets/import", post(import))
            .layer(DefaultBodyLimit::max(LARGEST))
            .with_state(self)
    }

    fn open(&self) -> Pin<Box<dyn Future<Output = io::Result<()>> + Send + '_>> {
        async { Ok(()) }.boxed()
    }
}

/// Of which job.
#[derive(Debug, Deserialize)]
struct Of {
    job: String,
}

/// One ticket of a list.
#[derive(Debug, Serialize)]
struct Shown {
    /// Whether an answer is there, applied or not.
    answered: bool,
    state: TicketState,
    #[serde(flatten)]
    issue: Issue,
}

/// `GET /tickets?job=`: all tickets of a job, with the ids of those that wait for an answer.
async fn list(
    State(desk): State<Arc<Tickets>>,
    Query(of): Query<Of>,
    headers: HeaderMap,
) -> Result<Json<serde_json::Value>, Refusal> {
    let job = Job::of(&desk, &of.job, &headers)?;
    let issues = job.issues().await?;
    let answers = job.answers(&issues).await?;
    let open = waiting(&issues, &answers);
    let shown: Vec<Shown> = issues
        .into_iter()
        .filter_map(|issue| {
            let asked = Asked::of(&issue)?;
            let is_pending = asked.state == TicketState::Pending;
            let answered = asked.state == TicketState::Applied || is_pending && !open.contains(&issue.id);
            Some(Shown { answered, state: asked.state, issue })
        })
        .collect();
    Ok(Json(json!({ "job": of.job, "open": open, "tickets": shown })))
}

/// What an import has done.
#[derive(Debug, Default, Serialize)]
struct Imported {
    /// Tickets whose answer is stored.
    taken: Vec<String>,
    /// Answers that are none, with the reason.
    refused: Vec<Refused>,
    /// Tickets that still wait.
    open: Vec<String>,
    /// Whether the job was told to go on.
    signalled: bool,
    /// Why it was not, where nothing is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

#[derive(Debug, Serialize)]
struct Refused {
    ticket: String,
    error: String,
}

/// `POST /tickets/import?job=`: issues with comments, as Beads writes them. What is a right answer is taken, whatever else there is.
async fn import(
    State(desk): State<Arc<Tickets>>,
    Query(of): Query<Of>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Imported>, Refusal> {
    let job = Job::of(&desk, &of.job, &headers)?;
    let text = str::from_utf8(&body).map_err(|error| Problem::new(Code::InvalidUtf8, error.to_string()))?;
    let given = beads::read(text)
        .map_err(|error| Problem::new(Code::MalformedJson, error.to_string()).position(error.line, 1))?;
    let issues = job.issues().await?;
    let mut imported = Imported::default();
    for issue in &given {
        let checked = in_comments(issue).and_then(|answer| match answer {
            Some(answer) => checked(&issues, &issue.id, &answer).map(|()| Some(answer)),
            None => Ok(None),
        });
        match checked {
            Ok(Some(answer)) => {
                job.put(&names::answer(&issue.id), &answer).await?;
                imported.taken.push(issue.id.clone());
            }
            Ok(None) => {}
            Err(error) => imported.refused.push(refused(issue, &error)),
        }
    }
    let answers = job.answers(&issues).await?;
    imported.open = waiting(&issues, &answers);
    if imported.open.is_empty() && !imported.taken.is_empty() {
        match job.signal().await {
            Ok(()) => imported.signalled = true,
            Err(Refusal(problem)) => imported.why = Some(problem.to_string()),
        }
    }
    Ok(Json(imported))
}

fn refused(issue: &Issue, error: &BadAnswer) -> Refused {
    Refused { ticket: issue.id.clone(), error: error.to_string() }
}

/// A job at the orchestrator, in the name of the caller.
struct Job<'x> {
    desk: &'x Tickets,
    url: String,
    authorization: Option<&'x header::HeaderValue>,
}

impl<'x> Job<'x> {
    fn of(desk: &'x Tickets, job: &str, headers: &'x HeaderMap) -> Result<Self, Problem> {
        let plain = |it: char| it.is_ascii_alphanumeric() || matches!(it, '-' | '_');
        if job.is_empty() || !job.chars().all(plain) {
            return Err(Problem::field("/job", "`job` is a job's id"));
        }
        let url = format!("{}/api/jobs/{job}", desk.orchestrator);
        Ok(Self { desk, url, authorization: headers.get(header::AUTHORIZATION) })
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> Result<(StatusCode, Vec<u8>), Problem> {
        let mut request = self.desk.client.request(method, format!("{}{path}", self.url)).timeout(PATIENCE);
        if let Some(authorization) = self.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        if let Some(body) = body {
            request = request.header(header::CONTENT_TYPE, JSON).body(body);
        }
        let failed = |error: reqwest::Error| {
            let words = format!("the orchestrator was not reached: {}", error.without_url());
            Problem::new(Code::ServiceUnreachable, words)
        };
        let answer = request.send().await.map_err(failed)?;
        let status = answer.status();
        let bytes = answer.bytes().await.map_err(failed)?;
        Ok((status, bytes.to_vec()))
    }

    /// The same; what the orchestrator refuses is refused here.
    async fn ask(&self, method: Method, path: &str, body: Option<Vec<u8>>) -> Result<Vec<u8>, Problem> {
        let (status, bytes) = self.send(method, path, body).await?;
        if status.is_success() { Ok(bytes) } else { Err(passed_on(status, &bytes)) }
    }

    /// The job's tickets; none before the first question.
    async fn issues(&self) -> Result<Vec<Issue>, Problem> {
        let path = format!("/artifacts/{}", names::TICKETS);
        let (status, bytes) = self.send(Method::GET, &path, None).await?;
        if status == StatusCode::NOT_FOUND && !says(&bytes, Code::UnknownJob) {
            return Ok(Vec::new());
        }
        if !status.is_success() {
            return Err(passed_on(status, &bytes));
        }
        beads::read(&String::from_utf8_lossy(&bytes))
            .map_err(|error| Problem::new(Code::Internal, format!("{}: {error}", names::TICKETS)))
    }

    /// Answers that are stored and fit.
    async fn answers(&self, issues: &[Issue]) -> Result<Answers, Problem> {
        let bytes = self.ask(Method::GET, "/artifacts", None).await?;
        let list: ArtifactList = serde_json::from_slice(&bytes)
            .map_err(|error| Problem::new(Code::ServiceUnreachable, error.to_string()))?;
        let mut answers = Answers::new();
        for info in list.artifacts {
            let ticket = info.name.strip_prefix(names::ANSWERS).and_then(|it| it.strip_suffix(".json"));
            let Some(ticket) = ticket.filter(|it| super::answers::asked_by(issues, it).is_some()) else {
                continue;
            };
            let bytes = self.ask(Method::GET, &format!("/artifacts/{}", info.name), None).await?;
            if let Ok(answer) = serde_json::from_slice::<TicketAnswer>(&bytes)
                && checked(issues, ticket, &answer).is_ok()
            {
                answers.insert(ticket.to_owned(), answer);
            }
        }
        Ok(answers)
    }

    async fn put(&self, name: &str, answer: &TicketAnswer) -> Result<(), Problem> {
        let body =
            serde_json::to_vec(answer).map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
        self.ask(Method::PUT, &format!("/artifacts/{name}"), Some(body)).await.map(drop)
    }

    async fn signal(&self) -> Result<(), Refusal> {
        let path = format!("/signals/{SIGNAL}");
        Ok(self.ask(Method::POST, &path, Some(b"{}".to_vec())).await.map(drop)?)
    }
}

fn says(bytes: &[u8], code: Code) -> bool {
    serde_json::from_slice::<Problem>(bytes).is_ok_and(|it| it.code == code)
}

/// A refusal of the orchestrator is the caller's, as it is.
fn passed_on(status: StatusCode, bytes: &[u8]) -> Problem {
    serde_json::from_slice::<Problem>(bytes).unwrap_or_else(|_| {
        Problem::new(Code::ServiceUnreachable, format!("the orchestrator answered {}", status.as_u16()))
    })
}
