//! Those who start and steer jobs. What is not answered, or answered by 5xx, is unknown: it is sent again with the same key,
//! until it is acknowledged. What was acknowledged is remembered.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use serde_json::{Value, json};

/// Between two tries, and two looks at a job.
const AGAIN: Duration = Duration::from_millis(200);
/// Looks at a job, or tries of a call, before somebody is sure that it hangs: four minutes.
const MOST_TRIES: usize = 1_200;

/// What becomes of a job, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Signalled before anybody waits for it.
    SignalledEarly,
    /// Signalled once it waits.
    Signalled,
    /// Nobody decides: the deadline does.
    LeftAlone,
    /// Paused, and resumed.
    Paused,
    /// Its gate is false.
    Bad,
    Cancelled,
}

impl Fate {
    pub(super) fn of(number: usize) -> Self {
        match number % 20 {
            0 => Self::Cancelled,
            1 => Self::Bad,
            2 | 3 => Self::Paused,
            4..8 => Self::LeftAlone,
            n if n % 2 == 0 => Self::SignalledEarly,
            _ => Self::Signalled,
        }
    }

    /// How the job must end.
    pub(super) fn ends(self) -> &'static [&'static str] {
        match self {
            // It may have been through before it was cancelled.
            Self::Cancelled => &["cancelled", "complete"],
            Self::Bad => &["validation_failed"],
            _ => &["complete"],
        }
    }
}

/// A job whose start was acknowledged, with what was acknowledged after it.
#[derive(Debug, Clone)]
pub(super) struct Started {
    pub(super) number: usize,
    pub(super) id: String,
    /// Commands that were answered 200, as the events that they must have become.
    pub(super) commands: Vec<&'static str>,
}

/// Calls to the API.
pub(super) struct Api {
    client: reqwest::Client,
    base: String,
    pub(super) started: Mutex<Vec<Started>>,
    /// What must not be.
    pub(super) wrong: Mutex<Vec<String>>,
    /// Calls that were made again since their outcome was unknown.
    pub(super) repeated: Mutex<u64>,
}

impl Api {
    pub(super) fn new(base: String) -> Arc<Self> {
        let client = phase_kit::http_client().unwrap();
        let (started, wrong) = (Mutex::default(), Mutex::default());
        Arc::new(Self { client, base, started, wrong, repeated: Mutex::default() })
    }

    /// One try: nothing where it was not answered, or by 5xx.
    pub(super) async fn once(&self, method: &str, path: &str, body: Option<&Value>) -> Option<(u16, String)> {
        let url = format!("{}{path}", self.base);
        let request = match method {
            "POST" => self.client.post(url),
            _ => self.client.get(url),
        };
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        // A frozen orchestrator takes connections and says nothing.
        let answer = request.timeout(Duration::from_secs(10)).send().await.ok()?;
        let status = answer.status().as_u16();
        let text = answer.text().await.ok()?;
        (status < 500).then_some((status, text))
    }

    /// Until it is answered.
    pub(super) async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let mut pace = tokio::time::interval(AGAIN);
        for _ in 0..MOST_TRIES {
            pace.tick().await;
            if let Some((status, text)) = self.once(method, path, body).await {
                return (status, serde_json::from_str(&text).unwrap_or(Value::String(text)));
            }
            *self.repeated.lock() += 1;
        }
        panic!("{method} {path} was not answered");
    }

    pub(super) async fn job(&self, id: &str) -> Value {
        self.call("GET", &format!("/api/jobs/{id}"), None).await.1
    }

    /// Starts a job, does to it what is its fate, and sees it to its end.
    pub(super) async fn see_through(&self, number: usize, pieces: usize) {
        let fate = Fate::of(number);
        let items: Vec<usize> = (0..pieces).collect();
        let priority = ["urgent", "high", "medium", "low", "background"][number % 5];
        let body = json!({
            "pipeline": "chaos", "key": format!("k{number}"), "priority": priority,
            "idempotencyKey": format!("start-{number}"), "input": { "items": items, "bad": fate == Fate::Bad },
        });
        let (status, answer) = self.call("POST", "/api/jobs", Some(&body)).await;
        let Some(id) = answer["jobId"].as_str().filter(|_| matches!(status, 200 | 201)).map(str::to_owned)
        else {
            return self.wrong.lock().push(format!("the start of k{number} was answered {status}: {answer}"));
        };
        let mut started = Started { number, id: id.clone(), commands: Vec::new() };
        self.steer(fate, &mut started).await;
        self.started.lock().push(started);
        let over = |job: &Value| fate.ends().contains(&job["status"].as_str().unwrap_or_default());
        let job = self.until(&id, |job| over(job) || job["completedAt"].is_string()).await;
        if !over(&job) {
            self.wrong.lock().push(format!("k{number} ({fate:?}) has ended as {job}"));
        }
    }

    async fn steer(&self, fate: Fate, started: &mut Started) {
        let id = started.id.clone();
        match fate {
            Fate::SignalledEarly => self.command(started, "signals/go", "signalTaken").await,
            Fate::Signalled => {
                let waits = |job: &Value| job["status"] == "waiting" || job["completedAt"].is_string();
                self.until(&id, waits).await;
                self.command(started, "signals/go", "signalTaken").await;
            }
            Fate::Paused => {
                self.command(started, "pause", "jobPaused").await;
                self.command(started, "resume", "jobResumed").await;
            }
            Fate::Cancelled => {
                self.until(&id, |job| job["phasesCompleted"].as_array().is_some_and(|all| !all.is_empty()))
                    .await;
                self.command(started, "cancel", "jobCancelled").await;
            }
            Fate::LeftAlone | Fate::Bad => {}
        }
    }

    /// Gives a command until it is answered. 409 is an answer too: the job was past it, perhaps by an earlier try.
    async fn command(&self, started: &mut Started, command: &str, event: &'static str) {
        let path = format!("/api/jobs/{}/{command}", started.id);
        let body = json!({});
        let (status, answer) = self.call("POST", &path, Some(&body)).await;
        match status {
            200 if answer["changed"] == true => started.commands.push(event),
            200 | 409 => {}
            _ => self.wrong.lock().push(format!("{path} was answered {status}: {answer}")),
        }
    }

    async fn until(&self, id: &str, reached: impl Fn(&Value) -> bool) -> Value {
        let mut pace = tokio::time::interval(AGAIN);
        for _ in 0..MOST_TRIES {
            pace.tick().await;
            let job = self.job(id).await;
            if reached(&job) {
                return job;
            }
        }
        let (_, why) = self.call("GET", &format!("/api/jobs/{id}/why"), None).await;
        panic!("job {id} hangs: {why}");
    }
}
