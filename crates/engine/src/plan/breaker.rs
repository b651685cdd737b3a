//! Breakers: after too many failures nobody is sent for a while, then one run goes ahead of the others to see.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use crate::{
    effect::Verdict,
    ids::{AttemptId, Timestamp},
};

/// When a breaker opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakerRule {
    /// Which breaker: the phase, and the value of its key where it has one.
    pub key: Arc<str>,
    /// So many failures…
    pub failures: u32,
    /// …within this open it for as long.
    pub window: Duration,
}

/// Where a breaker stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BreakerState {
    /// Work goes through.
    Closed {
        /// When it failed lately, oldest first.
        failures: VecDeque<Timestamp>,
    },
    /// Nothing goes through; from `until` on, one run may try.
    Open {
        /// Until when.
        until: Timestamp,
    },
    /// One run tries.
    Probing {
        /// Which attempt.
        attempt: AttemptId,
    },
}

/// The breakers of a service, by key. Closed ones without failures are not kept.
#[derive(Debug, Default)]
pub(super) struct Breakers {
    by_key: BTreeMap<Arc<str>, BreakerState>,
}

impl Breakers {
    pub(super) fn state(&self, key: &Arc<str>) -> Option<&BreakerState> {
        self.by_key.get(key)
    }

    pub(super) fn tripped(&self) -> impl Iterator<Item = (&Arc<str>, &BreakerState)> {
        self.by_key.iter().filter(|(_, state)| !matches!(state, BreakerState::Closed { .. }))
    }

    pub(super) fn started(&mut self, rule: &BreakerRule, attempt: AttemptId, now: Timestamp) {
        if let Some(state) = self.by_key.get_mut(&rule.key)
            && matches!(state, BreakerState::Open { until } if *until <= now)
        {
            *state = BreakerState::Probing { attempt };
        }
    }

    pub(super) fn ended(&mut self, rule: &BreakerRule, attempt: AttemptId, verdict: Verdict, now: Timestamp) {
        let probe = matches!(
            self.by_key.get(&rule.key),
            Some(BreakerState::Probing { attempt: probing }) if *probing == attempt
        );
        match verdict {
            Verdict::Good => {
                if probe || matches!(self.by_key.get(&rule.key), Some(BreakerState::Closed { .. })) {
                    self.by_key.remove(&rule.key);
                }
            }
            Verdict::Bad if probe => self.open(rule, now),
            Verdict::Bad => self.count(rule, now),
            // The probe told nothing: the next one may try at once.
            Verdict::Neither if probe => {
                self.by_key.insert(rule.key.clone(), BreakerState::Open { until: now });
            }
            Verdict::Neither => {}
        }
    }

    fn count(&mut self, rule: &BreakerRule, now: Timestamp) {
        let closed = || BreakerState::Closed { failures: VecDeque::new() };
        let BreakerState::Closed { failures } = self.by_key.entry(rule.key.clone()).or_insert_with(closed)
        else {
            return;
        };
        failures.push_back(now);
        while failures.front().is_some_and(|first| now.since(*first) > rule.window) {
            failures.pop_front();
        }
        if failures.len() >= rule.failures as usize {
            self.open(rule, now);
        }
    }

    fn open(&mut self, rule: &BreakerRule, now: Timestamp) {
        self.by_key.insert(rule.key.clone(), BreakerState::Open { until: now.after(rule.window) });
    }
}
