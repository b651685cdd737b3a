//! Reads one phase of a pipeline.

use std::time::Duration;

use toml::Spanned;

use super::{Reader, check::PhaseNames};
use crate::{
    ids::PhaseIndex,
    pipeline::{
        Breaker, Coalesce, Join, MAX_ATTEMPTS, Map, OnTimeout, Phase, Retry, ServiceWork, Trigger, Wait,
        Work,
        raw::{RawBreaker, RawCoalesce, RawJoin, RawMap, RawOnTimeout, RawPhase, RawRetry, RawWait},
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
        let id = self.name(&raw.id)?;
        let after: Vec<PhaseIndex> = raw.after.iter().filter_map(|id| self.phase_ref(id, names)).collect();
        let work = match (&raw.service, &raw.wait) {
            (Some(service), None) => Work::Service(self.service_work(raw, service)?),
            (None, Some(wait)) => Work::Wait(self.wait(wait, names)?),
            _ => {
                let hint = "give it service = \"…\" or wait = { signal = …, timeout = … }, one of the two";
                let message = format!("phase '{id}' must either call a service or wait for a signal");
                self.finding(raw.id.span(), message, Some(hint.to_owned()));
                return None;
            }
        };
        if matches!(work, Work::Wait(_)) && raw.map.is_some() {
            self.finding(raw.id.span(), "a phase that waits can't be a map", None);
        }
        Some(Phase {
            id,
            aliases: raw.alias.iter().map(|alias| alias.get_ref().clone()).collect(),
            work,
            join: self.join(raw.join.as_ref(), after.len())?,
            after,
            before: names.successors(raw.id.get_ref()),
            map: match &raw.map {
                Some(map) => Some(self.map(map)?),
                None => None,
            },
            when: raw.when.as_ref().and_then(|source| self.condition(source)),
            gate: raw.gate.as_ref().and_then(|source| self.condition(source)),
            trigger: self.trigger(raw.on.as_ref())?,
            in_loop: None,
            priority: raw.priority,
        })
    }

    fn trigger(&mut self, on: Option<&Spanned<String>>) -> Option<Trigger> {
        match on.map(|on| (on.get_ref().as_str(), on)) {
            None => Some(Trigger::Flow),
            Some(("failure", _)) => Some(Trigger::Failure),
            Some((other, on)) => {
                let message = format!("'{other}' is not a trigger");
                self.finding(on.span(), message, Some("the only one is on = \"failure\"".to_owned()));
                None
            }
        }
    }

    fn join(&mut self, raw: Option<&Spanned<RawJoin>>, predecessors: usize) -> Option<Join> {
        let Some(raw) = raw else { return Some(Join::All) };
        match raw.get_ref() {
            RawJoin::Word(word) if word == "all" => Some(Join::All),
            RawJoin::Word(word) if word == "any" => Some(Join::Any),
            RawJoin::Count(count) if (1..=predecessors).contains(&(*count as usize)) => {
                Some(Join::Count(*count))
            }
            RawJoin::Word(_) | RawJoin::Count(_) => {
                let message = format!("a join is \"all\", \"any\" or a number from 1 to {predecessors}");
                self.finding(raw.span(), message, None);
                None
            }
        }
    }

    fn map(&mut self, raw: &RawMap) -> Option<Map> {
        if let Some(parallel) = raw.parallel.as_ref().filter(|parallel| *parallel.get_ref() == 0) {
            self.finding(parallel.span(), "parallel is at least 1", None);
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
            timeout: self.optional_duration(raw.timeout.as_ref()).unwrap_or(DEFAULT_TIMEOUT),
            heartbeat: self.optional_duration(raw.heartbeat.as_ref()),
            retry: match &raw.retry {
                Some(retry) => self.retry(retry)?,
                None => DEFAULT_RETRY,
            },
            interruptible: raw.interruptible,
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
            self.finding(raw.span(), format!("attempts is a number from 1 to {MAX_ATTEMPTS}"), None);
            return None;
        }
        if !(1.0..=100.0).contains(&retry.factor) {
            self.finding(raw.span(), "factor is a number from 1 to 100", None);
            return None;
        }
        Some(retry)
    }

    fn breaker(&mut self, raw: &RawBreaker) -> Option<Breaker> {
        if *raw.failures.get_ref() == 0 {
            self.finding(raw.failures.span(), "failures is at least 1", None);
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
            Some((RawOnTimeout::Goto { goto }, _)) if names.get(goto).is_some() => {
                OnTimeout::Goto(names.get(goto)?)
            }
            Some((RawOnTimeout::Word(_) | RawOnTimeout::Goto { .. }, raw)) => {
                let message = "on_timeout is \"fail\", \"continue\" or { goto = \"a phase after this one\" }";
                self.finding(raw.span(), message, None);
                return None;
            }
        };
        Some(Wait { signal: self.name(&raw.signal)?, timeout: self.duration(&raw.timeout)?, on_timeout })
    }
}
