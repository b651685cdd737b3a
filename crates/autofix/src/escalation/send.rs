//! The telling itself. Tokens and secret addresses are read from the environment by name when they are needed, and never
//! appear in an error.

use std::{sync::Arc, time::Duration};

use reqwest::{RequestBuilder, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    desk::Clock,
    ledger::{Channel, Ledger, LedgerError, Sent, Told},
    options::{Escalation, Github, Webhook},
};

/// For one call.
const CALL: Duration = Duration::from_secs(10);
/// Pause after the first failed telling; it doubles.
const FIRST_PAUSE: i64 = 10_000;
/// Longest pause.
const MOST_PAUSE: i64 = 3_600_000;

/// Tells what waits in the outbox.
#[derive(Debug)]
pub struct Teller {
    ledger: Arc<Ledger>,
    to: Escalation,
    client: reqwest::Client,
    clock: Clock,
    /// One at a time: what is being told must not be told by another meanwhile.
    telling: tokio::sync::Mutex<()>,
}

/// Why a call came to nothing.
enum Trouble {
    /// Another try may help.
    Passing(String),
    /// None will.
    Lasting(String),
}

#[derive(Deserialize)]
struct Issue {
    html_url: String,
    #[serde(default)]
    body: Option<String>,
}

impl Teller {
    /// Tells from this ledger.
    #[must_use]
    pub fn new(ledger: Arc<Ledger>, to: Escalation, client: reqwest::Client, clock: Clock) -> Self {
        Self { ledger, to, client, clock, telling: tokio::sync::Mutex::default() }
    }

    /// Tells all that is due, and returns when the next is, in milliseconds since 1970.
    ///
    /// # Errors
    /// Of the ledger; that of a call is kept there.
    pub async fn tell_due(&self) -> Result<Option<i64>, LedgerError> {
        let _one = self.telling.lock().await;
        for told in self.ledger.to_tell(self.clock.now())? {
            let sent = self.tell(&told).await;
            let (level, file, channel) = (told.level, told.file.as_str(), told.channel.word());
            tracing::info!(
                level,
                project = told.project,
                file,
                channel,
                ?sent,
                "a file that stays broken was told of"
            );
            self.ledger.told(told.id, &sent)?;
        }
        self.ledger.next_telling()
    }

    async fn tell(&self, told: &Told) -> Sent {
        let done = match told.channel {
            Channel::Log => {
                tracing::warn!(project = told.project, file = told.file.as_str(), told = %told.payload, "a file rests");
                Ok(Some(String::new()))
            }
            Channel::Github => self.issue(told).await,
            Channel::Chat => self.hook(told, self.to.chat.as_ref()).await,
            Channel::Mail => self.hook(told, self.to.mail.as_ref()).await,
        };
        match done {
            Ok(Some(address)) => Sent::Done(address),
            Ok(None) => Sent::Skipped,
            Err(Trouble::Lasting(why)) => Sent::Refused(why),
            Err(Trouble::Passing(why)) => {
                let pause = FIRST_PAUSE.saturating_mul(1 << told.tries.min(20)).min(MOST_PAUSE);
                Sent::Later(self.clock.now() + pause, why)
            }
        }
    }

    async fn issue(&self, told: &Told) -> Result<Option<String>, Trouble> {
        let Some(github) = &self.to.github else { return Ok(None) };
        let mark = mark(told);
        let token = variable(&github.token_env)?;
        let call = |request: RequestBuilder| {
            let request = request.bearer_auth(&token).timeout(CALL);
            request
                .header("accept", "application/vnd.github+json")
                .header("x-github-api-version", "2022-11-28")
                .header("user-agent", "segue-autofix")
        };
        // Also the first time: the ledger may not have heard of a call that was made.
        if let Some(address) = self.find_issue(github, &mark, &call).await? {
            return Ok(Some(address));
        }
        let mut body = told.payload.clone();
        body["body"] = json!(format!("{}\n<!-- {mark} -->\n", body["body"].as_str().unwrap_or_default()));
        let url = format!("{}/repos/{}/issues", github.api, github.repo);
        let answer = call(self.client.post(url).json(&body)).send().await.map_err(|error| passing(&error))?;
        judge(answer.status(), &[StatusCode::CREATED])?;
        let issue: Issue = answer.json().await.map_err(|error| passing(&error))?;
        Ok(Some(issue.html_url))
    }

    /// Looks through the newest hundred issues of ours.
    async fn find_issue(
        &self,
        github: &Github,
        mark: &str,
        call: &impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Option<String>, Trouble> {
        let url = format!("{}/repos/{}/issues", github.api, github.repo);
        let query = [("labels", "autofix-failure"), ("state", "all"), ("per_page", "100")];
        let request = call(self.client.get(url).query(&query));
        let answer = request.send().await.map_err(|error| passing(&error))?;
        judge(answer.status(), &[StatusCode::OK])?;
        let issues: Vec<Issue> = answer.json().await.map_err(|error| passing(&error))?;
        let ours = |issue: &Issue| issue.body.as_ref().is_some_and(|body| body.contains(mark));
        Ok(issues.into_iter().find(ours).map(|issue| issue.html_url))
    }

    async fn hook(&self, told: &Told, hook: Option<&Webhook>) -> Result<Option<String>, Trouble> {
        let Some(hook) = hook else { return Ok(None) };
        let url = match (&hook.url, &hook.url_env) {
            (Some(url), _) => url.clone(),
            (None, Some(name)) => variable(name)?,
            (None, None) => return Ok(None),
        };
        let mut request = self.client.post(url).json::<Value>(&told.payload).timeout(CALL);
        request = request.header("idempotency-key", mark(told));
        if let Some(name) = &hook.token_env {
            request = request.bearer_auth(variable(name)?);
        }
        let answer = request.send().await.map_err(|error| passing(&error))?;
        judge(answer.status(), &[StatusCode::OK, StatusCode::CREATED, StatusCode::NO_CONTENT])?;
        Ok(Some(String::new()))
    }
}

/// What makes a telling one of its kind.
fn mark(told: &Told) -> String {
    let text = format!("{}\0{}\0{}\0{}", told.project, told.file, told.episode, told.level);
    format!("segue-autofix {}", &blake3::hash(text.as_bytes()).to_hex()[..24])
}

fn variable(name: &str) -> Result<String, Trouble> {
    let value = std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    value
        .map(|value| value.trim().to_owned())
        .ok_or_else(|| Trouble::Passing(format!("the environment variable {name} is not set")))
}

/// Without the address, which may be a secret.
fn passing(error: &reqwest::Error) -> Trouble {
    let what = match error {
        error if error.is_timeout() => "no answer within 10 s",
        error if error.is_connect() => "no connection",
        error if error.is_decode() => "the answer cannot be read",
        error if error.is_builder() => {
            return Trouble::Lasting("the address or the token cannot be used".to_owned());
        }
        _ => "the call broke off",
    };
    Trouble::Passing(what.to_owned())
}

fn judge(status: StatusCode, wanted: &[StatusCode]) -> Result<(), Trouble> {
    let said = || format!("it answered {}", status.as_u16());
    match status.as_u16() {
        _ if wanted.contains(&status) => Ok(()),
        408 | 425 | 429 | 500.. => Err(Trouble::Passing(said())),
        _ => Err(Trouble::Lasting(said())),
    }
}
