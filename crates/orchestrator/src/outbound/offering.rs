//! One offer, until some instance takes or refuses it.
//!
//! The same attempt is offered under the same key. Where a call broke after it was sent, nobody knows whether it arrived: the same
//! instance is asked once more before another is, and told to let go where another has taken it in the end. One that could not
//! be reached at all, or has no room, is left for the next at once.

use std::{sync::Arc, time::Duration};

use engine::{command::Refusal, job::RunError};
use hyper::{Method, StatusCode};

use super::{
    Hearing, Offer,
    http::{Answer, BUSY, CallError, HttpOutbound, PROBE_TIMEOUT, excerpt},
};
use crate::instances::Answered;

/// How long one offer waits for its answer: a service takes an attempt, it does not do it, before it answers.
const OFFER_TIMEOUT: Duration = Duration::from_secs(15);
/// Waits between offers of one attempt under one key. Together with the offers' own time about half a minute where the
/// service refuses connections, long enough for it to be restarted.
const OFFER_AGAIN: [Duration; 8] = [
    Duration::from_millis(100),
    Duration::from_millis(300),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(6),
    Duration::from_secs(8),
    Duration::from_secs(8),
];

/// How far an offer is.
#[derive(Default)]
struct Round {
    /// Who was asked since the last wait.
    asked: Vec<Arc<str>>,
    /// Who may have it, though he did not say so.
    unsure: Vec<Arc<str>>,
    /// Whom to ask once more.
    once_more: Option<Arc<str>>,
    /// Offers made.
    offers: usize,
    waits: usize,
    last: String,
}

/// What is next.
enum Then {
    /// Ask the next one.
    GoOn,
    /// It is settled.
    Done,
}

impl HttpOutbound {
    pub(super) async fn offer_until_taken(&self, offer: Offer, hearing: &dyn Hearing) {
        let mut round = Round::default();
        loop {
            if self.is_ending() {
                return;
            }
            if !hearing.wants(offer.attempt) {
                break;
            }
            let Some(url) = self.choose(&offer, &mut round, hearing) else { break };
            match self.offer_to(&offer, &url, &mut round, hearing).await {
                Then::Done => return self.take_back(&offer, &url, &round).await,
                Then::GoOn => {}
            }
            if round.once_more.is_none() && self.has_other(&offer, &round) {
                continue;
            }
            let Some(wait) = OFFER_AGAIN.get(round.waits) else { break };
            tokio::time::sleep(*wait).await;
            round.waits += 1;
            round.asked.clear();
        }
        if hearing.wants(offer.attempt) {
            let refusal = self.nobody(&offer, &round);
            hearing.refused(offer.job, offer.attempt, refusal);
        }
    }

    /// Why nobody has taken it.
    fn nobody(&self, offer: &Offer, round: &Round) -> Refusal {
        match self.fleet().member(&offer.service) {
            // All are about to go. The plan has no room until another comes.
            Some(_) if round.offers == 0 => Refusal::Busy { retry_after: BUSY },
            Some(_) => {
                let text = format!("{}: {}", offer.service, round.last);
                Refusal::Failed { error: RunError::retryable("service-unreachable", text) }
            }
            None => {
                let text = format!("{}: the service is not declared in services.toml", offer.service);
                Refusal::Failed { error: RunError::retryable("service-unreachable", text) }
            }
        }
    }

    fn choose(&self, offer: &Offer, round: &mut Round, hearing: &dyn Hearing) -> Option<Arc<str>> {
        let now = self.now();
        let chosen = match round.once_more.take() {
            Some(url) => Some(url),
            None => {
                let choose = |instances: &mut crate::instances::Instances| {
                    instances.choose(offer.attempt, &round.asked, now)
                };
                self.fleet().note_instances(&offer.service, choose).flatten()
            }
        };
        // Who ended the attempt meanwhile did not find it at this instance.
        if !hearing.wants(offer.attempt) {
            self.fleet().over(&offer.service, offer.attempt);
            return None;
        }
        chosen
    }

    fn has_other(&self, offer: &Offer, round: &Round) -> bool {
        let now = self.now();
        let member = self.fleet().member(&offer.service);
        member.is_some_and(|member| member.instances(|instances| instances.has_other(&round.asked, now)))
    }

    async fn offer_to(
        &self,
        offer: &Offer,
        url: &Arc<str>,
        round: &mut Round,
        hearing: &dyn Hearing,
    ) -> Then {
        let request = match self.offer_request(url, offer) {
            Ok(request) => request,
            Err(error) => {
                (round.last, round.waits) = (error, OFFER_AGAIN.len());
                round.asked.push(url.clone());
                return Then::GoOn;
            }
        };
        hearing.sending(offer, round.offers > 0);
        round.offers += 1;
        let answer = self.call(request, OFFER_TIMEOUT).await;
        let (answered, then) = match answer {
            Ok(answer) if is_busy(&answer) => {
                let wait = answer.retry_after.unwrap_or(BUSY);
                round.asked.push(url.clone());
                self.note(offer, url, Answered::Busy(wait));
                if self.has_other(offer, round) {
                    return Then::GoOn;
                }
                self.settled(offer, url, answer, hearing);
                return Then::Done;
            }
            Ok(answer) if answer.status.is_server_error() => {
                round.last = format!("the service answered {}: {}", answer.status, excerpt(&answer.body));
                (Answered::Nothing, Then::GoOn)
            }
            Ok(answer) => {
                self.settled(offer, url, answer, hearing);
                (Answered::Taken, Then::Done)
            }
            Err(CallError::NotSent(error)) => {
                round.last = error;
                (Answered::Nothing, Then::GoOn)
            }
            Err(CallError::Broken(error)) => {
                round.last = error;
                if !round.unsure.contains(url) {
                    round.unsure.push(url.clone());
                    round.once_more = Some(url.clone());
                }
                (Answered::Nothing, Then::GoOn)
            }
        };
        self.note(offer, url, answered);
        round.asked.push(url.clone());
        then
    }

    fn note(&self, offer: &Offer, url: &str, answered: Answered) {
        let now = self.now();
        self.fleet().note_instances(&offer.service, |instances| instances.answered(url, answered, now));
    }

    /// Another than these has it. Best effort: whoever works on it all the same finds his callback a duplicate.
    async fn take_back(&self, offer: &Offer, url: &Arc<str>, round: &Round) {
        for other in round.unsure.iter().filter(|other| *other != url) {
            let told =
                self.ask(Method::POST, format!("{other}/cancel/{}", offer.attempt), PROBE_TIMEOUT).await;
            if let Err(error) = told {
                tracing::debug!(attempt = %offer.attempt, instance = %other, %error, "an instance could not be told");
            }
        }
    }
}

fn is_busy(answer: &Answer) -> bool {
    matches!(answer.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
}
