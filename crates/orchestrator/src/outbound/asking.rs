//! Questions about attempts, cancels and pauses: to the instance that has the attempt, and to all where nobody knows who that is.

use std::{sync::Arc, time::Duration};

use engine::{
    command::{Command, Outcome, ProbeFinding},
    ids::{AttemptId, Name},
    payload::Payload,
};
use hyper::{Method, StatusCode};

use super::http::{HttpOutbound, PROBE_TIMEOUT};
use crate::callback;

/// How long a service may take to give a checkpoint.
const PAUSE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long to wait before all are asked again, while one that registers may not be back yet.
const SETTLE: Duration = Duration::from_secs(1);

/// What one instance knows of an attempt.
enum Probed {
    Finding(ProbeFinding),
    Done(Outcome),
}

impl HttpOutbound {
    /// Who has an attempt; all where that is not known.
    fn who_has(&self, service: &Name, attempt: AttemptId) -> Vec<Arc<str>> {
        let member = self.fleet().member(service);
        let who = member.map(|member| {
            member.instances(|instances| match instances.place_of(attempt) {
                Some(url) => vec![url],
                None => instances.addresses().into_iter().map(|(url, _)| url).collect(),
            })
        });
        who.unwrap_or_default()
    }

    pub(super) async fn cancel_there(&self, service: &Name, attempt: AttemptId) -> bool {
        let tell = async |url: Arc<str>| {
            // Best effort: a service that does not hear of it finds its callback superseded.
            let told = self.ask(Method::POST, format!("{url}/cancel/{attempt}"), PROBE_TIMEOUT).await;
            if let Err(error) = &told {
                tracing::debug!(%service, %attempt, %error, "the service could not be told of a cancelled attempt");
            }
            told.is_ok_and(|answer| answer.status.is_success())
        };
        let told = futures::future::join_all(self.who_has(service, attempt).into_iter().map(tell)).await;
        told.into_iter().any(|heard| heard)
    }

    pub(super) async fn pause_there(&self, service: &Name, attempt: AttemptId) -> Option<Payload> {
        let tell = async |url: Arc<str>| {
            let asked = self.ask(Method::POST, format!("{url}/pause/{attempt}"), PAUSE_TIMEOUT).await;
            let answer = asked.ok().filter(|answer| answer.status.is_success())?;
            callback::parse_checkpoint(&answer.body)
        };
        let told = futures::future::join_all(self.who_has(service, attempt).into_iter().map(tell)).await;
        told.into_iter().flatten().next()
    }

    /// Asks who is believed to have it, then everybody. Where one that registers may not be back yet after our own start, asks
    /// until it is, or could be.
    pub(super) async fn probe_there(&self, service: &Name, attempt: AttemptId) -> Command {
        loop {
            let finding = match self.probe_all(service, attempt).await {
                Probed::Done(outcome) => return Command::Report { attempt, outcome },
                Probed::Finding(finding) => finding,
            };
            let now = self.now();
            let settles = || self.fleet().note_instances(service, |instances| instances.settles(now));
            if finding == ProbeFinding::Working || settles() != Some(true) {
                return Command::Probed { attempt, finding };
            }
            tokio::time::sleep(SETTLE).await;
        }
    }

    async fn probe_all(&self, service: &Name, attempt: AttemptId) -> Probed {
        let Some(member) = self.fleet().member(service) else {
            return Probed::Finding(ProbeFinding::Unknown);
        };
        let place = member.instances(|instances| instances.place_of(attempt));
        let mut all = member.instances(crate::instances::Instances::addresses);
        let mut finding = ProbeFinding::Unknown;
        if let Some(place) = place {
            let is_there = all.iter().any(|(url, is_there)| *url == place && *is_there);
            match self.probe_one(&place, attempt).await {
                // Nobody will ever answer at an address that nobody is at any more.
                Probed::Finding(ProbeFinding::NoAnswer) if !is_there => {}
                Probed::Finding(ProbeFinding::Unknown) => {}
                Probed::Finding(ProbeFinding::NoAnswer) => finding = ProbeFinding::NoAnswer,
                found => return found,
            }
            all.retain(|(url, _)| *url != place);
        }
        let asked = all.iter().map(|(url, _)| self.probe_one(url, attempt));
        let found = futures::future::join_all(asked).await;
        for ((url, is_there), probed) in all.iter().zip(found) {
            match probed {
                Probed::Finding(ProbeFinding::Unknown) => {}
                Probed::Finding(ProbeFinding::NoAnswer) if !is_there => {}
                Probed::Finding(ProbeFinding::NoAnswer) => finding = ProbeFinding::NoAnswer,
                found => {
                    self.fleet().note_instances(service, |instances| instances.holds_at(attempt, url));
                    return found;
                }
            }
        }
        Probed::Finding(finding)
    }

    /// What one instance knows of an attempt.
    async fn probe_one(&self, url: &str, attempt: AttemptId) -> Probed {
        let Ok(answer) = self.ask(Method::GET, format!("{url}/status/{attempt}"), PROBE_TIMEOUT).await else {
            return Probed::Finding(ProbeFinding::NoAnswer);
        };
        if !answer.status.is_success() && answer.status != StatusCode::NOT_FOUND {
            return Probed::Finding(ProbeFinding::NoAnswer);
        }
        match callback::parse_status(&answer.body) {
            Some(callback::ServiceStatus::Unknown) => Probed::Finding(ProbeFinding::Unknown),
            Some(callback::ServiceStatus::Running) => Probed::Finding(ProbeFinding::Working),
            Some(callback::ServiceStatus::Done(outcome)) => Probed::Done(outcome),
            None => Probed::Finding(ProbeFinding::NoAnswer),
        }
    }
}
