//! Makes a job of each utterance, in the order in which they were said. An utterance is in the log before anybody is told that
//! it was taken, and leaves the list of those without a job only when the orchestrator has said yes: whichever process dies
//! in between, the next one goes on here. Saying it twice is harmless, for the idempotency key is the utterance's own.

use std::time::Duration;

use phase_kit::catalog::Token;
use serde::Deserialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{command::Command, writer::Theatre};
use crate::model::Utterance;

/// The pipeline of an utterance.
const PIPELINE: &str = "theatre";
/// The wait after the first refusal; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// The longest wait.
const MOST_WAIT: Duration = Duration::from_secs(2);
/// So long after its start a job is written down as started.
const NOTED_AFTER: Duration = Duration::from_millis(250);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where jobs are started.
#[derive(Debug, Clone)]
pub struct Starter {
    /// The orchestrator's address.
    pub orchestrator: String,
    /// What it wants to see.
    pub token: Option<Token>,
    /// For all calls.
    pub client: reqwest::Client,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Accepted {
    job_id: String,
}

/// Why the orchestrator did not take a job.
#[derive(Debug, thiserror::Error)]
enum NotStarted {
    #[error("no answer: {0}")]
    Call(#[from] reqwest::Error),
    #[error("{status}: {body:.300}")]
    Refused { status: u16, body: String },
}

impl Starter {
    /// Starts jobs until `stop` or the end of the theatre. `session` tells this theatre from an earlier one of its name.
    pub async fn run(self, theatre: Theatre, session: String, stop: CancellationToken) {
        let mut latest = theatre.latest();
        let mut done = 0;
        loop {
            let upto = latest.borrow_and_update().last_utterance;
            for utterance in theatre.unstarted(done).await {
                let started = stop.run_until_cancelled(self.until_started(&utterance, &session)).await;
                let Some(job) = started else { return };
                done = utterance.seq;
                note(theatre.clone(), utterance.seq, job);
            }
            done = done.max(upto);
            match stop.run_until_cancelled(latest.changed()).await {
                Some(Ok(())) => {}
                Some(Err(_)) | None => return,
            }
        }
    }

    async fn until_started(&self, utterance: &Utterance, session: &str) -> String {
        let mut wait = FIRST_WAIT;
        loop {
            match self.start(utterance, session).await {
                Ok(job) => return job,
                Err(error) => {
                    let (theatre, seq) = (&utterance.theatre, utterance.seq);
                    tracing::warn!(theatre, seq, %error, "the orchestrator did not take an utterance; again");
                }
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(MOST_WAIT);
        }
    }

    async fn start(&self, utterance: &Utterance, session: &str) -> Result<String, NotStarted> {
        let body = json!({
            "pipeline": PIPELINE,
            "key": format!("{}:{}", utterance.theatre, utterance.seq),
            "input": utterance,
            "idempotencyKey": format!("{session}:{}", utterance.seq),
        });
        let mut request =
            self.client.post(format!("{}/api/jobs", self.orchestrator)).timeout(PATIENCE).json(&body);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.reveal());
        }
        let answer = request.send().await?;
        let status = answer.status();
        if !status.is_success() {
            let body = answer.text().await.unwrap_or_default();
            return Err(NotStarted::Refused { status: status.as_u16(), body });
        }
        Ok(answer.json::<Accepted>().await?.job_id)
    }
}

/// Writes down that a job was accepted, a little later: the rules' answer is on its way, and must not wait behind this. Where
/// it is lost, the next process starts the job again with the same key, and is told the same job.
fn note(theatre: Theatre, utterance: u64, job: String) {
    tokio::spawn(async move {
        tokio::time::sleep(NOTED_AFTER).await;
        if let Err(error) = theatre.tell(Command::Started { utterance, job }).await {
            tracing::debug!(utterance, %error, "a started job was not written down");
        }
    });
}
