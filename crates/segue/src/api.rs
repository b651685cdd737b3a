//! The orchestrator's API, as the commands use it.

use anyhow::{Context, Result, bail};
use protocol::{JobPage, JobStatus, Problem};
use reqwest::{Method, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::cli::JobRef;

/// A client of one orchestrator.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
}

impl Api {
    pub(crate) fn new(base: &str, token: Option<String>) -> Result<Self> {
        let http = phase_kit::http_client().context("no HTTP client")?;
        Ok(Self { http, base: base.trim_end_matches('/').to_owned(), token })
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Response> {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.with_context(|| {
            format!("the orchestrator at {} does not answer; is `segue up` running?", self.base)
        })?;
        if response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED {
            return Ok(response);
        }
        let status = response.status();
        let text = response.text().await.unwrap_or_default();
        match serde_json::from_str::<Problem>(&text) {
            Ok(problem) => {
                let hint = problem.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
                bail!("{problem}{hint}")
            }
            Err(_) => bail!("the orchestrator answered {status}: {text}"),
        }
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let response = self.send(Method::GET, path, None).await?;
        response.json().await.context("the orchestrator's answer is not understood")
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let response = self.send(Method::POST, path, Some(body)).await?;
        response.json().await.context("the orchestrator's answer is not understood")
    }

    /// The id of a job that is named by its id or its key: of several with that key the newest.
    pub(crate) async fn resolve(&self, job: &JobRef) -> Result<String> {
        if job.job.parse::<uuid::Uuid>().is_ok() {
            return Ok(job.job.clone());
        }
        let mut path = format!("/api/jobs?limit=50&key={}", escape(&job.job));
        if let Some(pipeline) = &job.pipeline {
            path.push_str(&format!("&pipeline={}", escape(pipeline)));
        }
        let page: JobPage = self.get(&path).await?;
        let pipelines: std::collections::BTreeSet<&str> =
            page.jobs.iter().map(|job| job.pipeline.as_str()).collect();
        match (page.jobs.first(), pipelines.len()) {
            (Some(newest), 1) => Ok(newest.job_id.to_string()),
            (Some(_), _) => {
                let names: Vec<&str> = pipelines.into_iter().collect();
                bail!("several pipelines have a job '{}': say --pipeline {}", job.job, names.join(" or "))
            }
            (None, _) => bail!("there is no job '{}'", job.job),
        }
    }

    pub(crate) async fn status(&self, id: &str) -> Result<JobStatus> {
        self.get(&format!("/api/jobs/{id}")).await
    }
}

/// Makes a text safe within a path or query.
pub(crate) fn escape(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
