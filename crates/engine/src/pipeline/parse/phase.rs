//! Reads one phase of a pipeline.

use std::time::Duration;

use toml::Spanned;

use super::{Reader, check::PhaseNames};
use crate::pipeline::{
    Breaker, Coalesce, Interruptible, Join, MAX_ATTEMPTS, Map, OnTimeout, Phase, Retry, ServiceWork, Trigger,
    Wait, Work,
    raw::{
        RawBreaker, RawCoalesce, RawInterruptible, RawJoin, RawMap, RawOnTimeout, RawPhase, RawRetry, RawWait,
    },
};

/// Deadline of an attempt where the phase says nothing.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3600);
/// Retry where the phase says nothing.
const DEFAULT_RETRY: Retry = Retry {
    attempts: 3,
    backoff: Duration::from_secs(2),
    factor: 2.0,
    max: Duration::from_secs(60),
    jitter: true,
};

impl Reader<'_> {
    pub(super) fn phase(&mut self, raw: &RawPhase, names: &PhaseNames) -> Option<Phase> {
        let id = self.name(&raw.id);
        let after = self.phase_refs(&raw.after, names);
        let work = self.work(raw, names);
        let join = self.join(raw.join.as_ref(), raw.after.len());
        let map = raw.map.as_ref().map(|map| self.map(map));
        let when = raw.when.as_ref().map(|source| self.condition(source));
        let gate = raw.gate.as_ref().map(|source| self.condition(source));
        let trigger = self.trigger(raw.on.as_ref());
        Some(Phase {
            id: id?,
            aliases: raw.alias.iter().map(|alias| alias.get_ref().clone()).collect(),
            work: work?,
            join: join?,
            after,
            before: names.successors(raw.id.get_ref()),
            map: stated(map)?,
            when: stated(when)?,
            gate: stated(gate)?,
            trigger: trigger?,
            in_loop: None,
            priority: raw.priority,
        })
    }

    fn work(&mut self, raw: &RawPhase, names: &PhaseNames) -> Option<Work> {
        match (&raw.service, &raw.wait) {
            (Some(service), None) => Some(Work::Service(self.service_work(raw, service)?)),
            (None, Some(wait)) => {
                self.only_of_services(raw);
                Some(Work::Wait(self.wait(wait, names)?))
            }
            _ => {
                let hint = "give it service = \"…\" or wait = { signal = …, timeout = … }, one of the two";
                let id = raw.id.get_ref();
                let message = format!("phase '{id}' must either call a service or wait for a signal");
                self.finding(raw.id.span(), message, hint);
                None
            }
        }
    }

    /// Settings that a phase which waits would silently ignore.
    fn only_of_services(&mut self, raw: &RawPhase) {
        let settings = [
            ("map", raw.map.is_some()),
            ("timeout", raw.timeout.is_some()),
            ("heartbeat", raw.heartbeat.is_some()),
            ("retry", raw.retry.is_some()),
            ("interruptible", raw.interruptible.is_some()),
            ("memo", raw.memo),
            ("breaker", raw.breaker.is_some()),
            ("coalesce", raw.coalesce.is_some()),
        ];
        let there: Vec<&str> =
            settings.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect();
        if !there.is_empty() {
            let message = format!("a phase that waits has no {}", there.join(", no "));
            let hint = "its wait = { … } has a timeout of its own; the rest is for services";
            self.finding(raw.id.span(), message, hint);
        }
    }

    fn trigger(&mut self, on: Option<&Spanned<String>>) -> Option<Trigger> {
        match on.map(|on| (on.get_ref().as_str(), on)) {
            None => Some(Trigger::Flow),
            Some(("failure", _)) => Some(Trigger::Failure),
            Some((other, on)) => {
                let message = format!("'{other}' is not a trigger");
                self.finding(on.span(), message, "the only one is on = \"failure\"");
                None
            }
        }
    }

    fn join(&mut self, raw: Option<&Spanned<RawJoin>>, predecessors: usize) -> Option<Join> {
        let Some(raw) = raw else { return Some(Join::All) };
        if predecessors == 0 {
            self.finding(raw.span(), "there is nothing to join", "name the phases before it in after = […]");
            return None;
        }
        match raw.get_ref() {
            RawJoin::Word(word) if word == "all" => Some(Join::All),
            RawJoin::Word(word) if word == "any" => Some(Join::Any),
            RawJoin::Count(count) if (1..=predecessors).contains(&(*count as usize)) => {
                Some(Join::Count(*count))
            }
            RawJoin::Word(_) | RawJoin::Count(_) => {
                let message = format!("a join is \"all\", \"any\" or a number from 1 to {predecessors}");
                self.finding(
                    raw.span(),
                    message,
                    "the number is of phases in after that must have succeeded",
                );
                None
            }
        }
    }

    fn map(&mut self, raw: &RawMap) -> Option<Map> {
        if let Some(parallel) = raw.parallel.as_ref().filter(|parallel| *parallel.get_ref() == 0) {
            self.finding(
                parallel.span(),
                "parallel is at least 1",
                "without it, the service's capacity counts",
            );
        }
        Some(Map {
            over: self.condition(&raw.over)?,
            parallel: raw.parallel.as_ref().map(|parallel| *parallel.get_ref()),
            on_error: raw.on_error,
        })
    }

    fn service_work(&mut self, raw: &RawPhase, service: &Spanned<String>) -> Option<ServiceWork> {
        Some(ServiceWork {
            service: self.name(service)?,
            timeout: self.positive_duration(raw.timeout.as_ref()).unwrap_or(DEFAULT_TIMEOUT),
            heartbeat: self.positive_duration(raw.heartbeat.as_ref()),
            retry: match &raw.retry {
                Some(retry) => self.retry(retry)?,
                None => DEFAULT_RETRY,
            },
            interruptible: self.interruptible(raw.interruptible.as_ref())?,
            memo: raw.memo,
            breaker: match &raw.breaker {
                Some(breaker) => Some(self.breaker(breaker)?),
                None => None,
            },
            coalesce: match &raw.coalesce {
                Some(coalesce) => Some(self.coalesce(coalesce)?),
                None => None,
            },
        })
    }

    fn interruptible(&mut self, raw: Option<&Spanned<RawInterruptible>>) -> Option<Interruptible> {
        match raw.map(|raw| (raw.get_ref(), raw.span())) {
            None | Some((RawInterruptible::Whether(false), _)) => Some(Interruptible::No),
            Some((RawInterruptible::Whether(true), _)) => Some(Interruptible::Checkpoint),
            Some((RawInterruptible::Word(word), _)) if word == "restart" => Some(Interruptible::Restart),
            Some((RawInterruptible::Word(word), span)) => {
                let message = format!("'{word}' is no way to be interrupted");
                let hint = "write true (it gives a checkpoint), \"restart\" (stopped, and done from the start) or false";
                self.finding(span, message, hint);
                None
            }
        }
    }

    fn retry(&mut self, raw: &Spanned<RawRetry>) -> Option<Retry> {
        let inner = raw.get_ref();
        let retry = Retry {
            attempts: inner.attempts.unwrap_or(DEFAULT_RETRY.attempts),
            backoff: self.optional_duration(inner.backoff.as_ref()).unwrap_or(DEFAULT_RETRY.backoff),
            factor: inner.factor.unwrap_or(DEFAULT_RETRY.factor),
            max: self.optional_duration(inner.max.as_ref()).unwrap_or(DEFAULT_RETRY.max),
            jitter: inner.jitter.unwrap_or(DEFAULT_RETRY.jitter),
        };
        if retry.attempts == 0 || retry.attempts > MAX_ATTEMPTS {
            self.finding(raw.span(), format!("attempts is a number from 1 to {MAX_ATTEMPTS}"), "1: no retry");
            return None;
        }
        if !(1.0..=100.0).contains(&retry.factor) {
            self.finding(raw.span(), "factor is a number from 1 to 100", "1: each wait as long as the first");
            return None;
        }
        Some(retry)
    }

    fn breaker(&mut self, raw: &RawBreaker) -> Option<Breaker> {
        if *raw.failures.get_ref() == 0 {
            self.finding(raw.failures.span(), "failures is at least 1", "without a breaker, leave it out");
        }
        Some(Breaker {
            failures: *raw.failures.get_ref(),
            window: self.duration(&raw.window)?,
            key: raw.key.as_ref().and_then(|key| self.condition(key)),
        })
    }

    fn coalesce(&mut self, raw: &RawCoalesce) -> Option<Coalesce> {
        Some(Coalesce { key: self.condition(&raw.key)?, every: self.duration(&raw.every)? })
    }

    fn wait(&mut self, raw: &RawWait, names: &PhaseNames) -> Option<Wait> {
        let on_timeout = match raw.on_timeout.as_ref().map(|on| (on.get_ref(), on)) {
            None => OnTimeout::Fail,
            Some((RawOnTimeout::Word(word), _)) if word == "fail" => OnTimeout::Fail,
            Some((RawOnTimeout::Word(word), _)) if word == "continue" => OnTimeout::Continue,
            Some((RawOnTimeout::Goto { goto }, raw)) => match names.get(goto) {
                Some(target) => OnTimeout::Goto(target),
                None => {
                    let message = format!("there is no phase '{goto}'");
                    self.finding(raw.span(), message, names.choose(goto));
                    return None;
                }
            },
            Some((RawOnTimeout::Word(word), raw)) => {
                let hint = "it is \"fail\", \"continue\" or { goto = \"a phase after this one\" }";
                self.finding(raw.span(), format!("'{word}' is no way to go on"), hint);
                return None;
            }
        };
        Some(Wait { signal: self.name(&raw.signal)?, timeout: self.duration(&raw.timeout)?, on_timeout })
    }
}

/// What is stated must be right; what is not stated need not be there.
#[expect(clippy::option_option, reason = "not stated, stated wrongly, stated: three cases")]
fn stated<T>(read: Option<Option<T>>) -> Option<Option<T>> {
    match read {
        None => Some(None),
        Some(None) => None,
        Some(right) => Some(right),
    }
}
