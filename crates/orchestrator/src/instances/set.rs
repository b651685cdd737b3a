//! The instances of one service.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use engine::ids::{AttemptId, Timestamp};
use protocol::{InstanceState, InstanceStatus};

use super::{LONGEST_LEASE, MOST};
use crate::{clock::moment, config::ServiceConfig};

/// First wait after no answer; it doubles.
const SHY: Duration = Duration::from_secs(1);
/// Longest wait after no answer.
const MOST_SHY: Duration = Duration::from_secs(30);
/// Attempts that were over lately, whose instances are still known: they are cancelled after their end.
const LATELY: usize = 1_024;

/// What the configuration says of a service's instances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Room of the whole service where its instances say nothing.
    pub declared: u32,
    /// Room of an instance that says nothing itself.
    pub each: Option<u32>,
    /// Never more than this, all together.
    pub most: Option<u32>,
    /// Whether instances register themselves.
    pub register: bool,
    /// Whether each address of the name is one.
    pub resolve: bool,
}

/// An instance says that it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// What it calls itself.
    pub id: Arc<str>,
    /// Where it listens.
    pub url: Arc<str>,
    /// Attempts that it takes at once.
    pub capacity: Option<u32>,
    /// What runs there.
    pub version: Option<Arc<str>>,
    /// How long it holds.
    pub lease: Duration,
    /// It takes nothing new.
    pub draining: bool,
}

/// There are too many registrations already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a service has at most {MOST} registered instances")]
pub struct Full;

/// What came of a call to an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// It took what it was offered.
    Taken,
    /// It has no room for so long.
    Busy(Duration),
    /// It did not answer, or not in a way that says anything.
    Nothing,
}

#[derive(Debug, Default)]
struct Instance {
    listed: bool,
    resolved: bool,
    registered: Option<(Registration, Timestamp)>,
    /// Live attempts.
    load: u32,
    /// When it was last chosen.
    turn: u64,
    /// Until when others are asked first.
    shy_until: Timestamp,
    /// Calls in a row without an answer.
    silent: u32,
}

/// The instances of one service, by address.
#[derive(Debug)]
pub struct Instances {
    rules: Rules,
    known: BTreeMap<Arc<str>, Instance>,
    /// Which attempt is where. Not kept where there is only one instance: there may be a million.
    holds: HashMap<AttemptId, Arc<str>>,
    /// There is, or may be, more than one instance.
    counts: bool,
    lately: VecDeque<(AttemptId, Arc<str>)>,
    turn: u64,
    /// When the first question was asked of it.
    since: Option<Timestamp>,
}

impl Instance {
    fn is_there(&self) -> bool {
        self.listed || self.resolved || self.registered.is_some()
    }

    fn is_ready(&self) -> bool {
        match &self.registered {
            Some((registration, _)) => !registration.draining,
            None => self.listed || self.resolved,
        }
    }

    fn capacity(&self, rules: &Rules, ready: u32) -> u32 {
        let own = self.registered.as_ref().and_then(|(registration, _)| registration.capacity);
        own.or(rules.each).unwrap_or_else(|| rules.declared.div_ceil(ready.max(1))).max(1)
    }
}

impl Instances {
    /// Those that are listed.
    #[must_use]
    pub fn new(config: &ServiceConfig) -> Self {
        let listed = |url: &Arc<str>| (url.clone(), Instance { listed: true, ..Instance::default() });
        Self {
            rules: config.rules(),
            known: config.urls.iter().map(listed).collect(),
            holds: HashMap::new(),
            counts: config.register || config.resolve || config.urls.len() > 1,
            lately: VecDeque::new(),
            turn: 0,
            since: None,
        }
    }

    /// Where an attempt is to be offered: the freest that is not among `not`. It counts there from now on.
    pub fn choose(&mut self, attempt: AttemptId, not: &[Arc<str>], now: Timestamp) -> Option<Arc<str>> {
        let ready = self.ready();
        let candidates = self.known.iter().filter(|(url, one)| one.is_ready() && !not.contains(url));
        let chosen = candidates.min_by(|(_, a), (_, b)| {
            let shy = |one: &Instance| one.shy_until.max(now);
            let weighed = |one: &Instance, other: &Instance| {
                u64::from(one.load) * u64::from(other.capacity(&self.rules, ready))
            };
            let load = weighed(a, b).cmp(&weighed(b, a));
            shy(a).cmp(&shy(b)).then(load).then(a.turn.cmp(&b.turn))
        });
        let url = chosen.map(|(url, _)| url.clone())?;
        self.turn += 1;
        if let Some(one) = self.known.get_mut(&url) {
            one.turn = self.turn;
        }
        self.holds_at(attempt, &url);
        Some(url)
    }

    /// Whether there is an instance that is not among `not` and need not be passed over.
    #[must_use]
    pub fn has_other(&self, not: &[Arc<str>], now: Timestamp) -> bool {
        self.known.iter().any(|(url, one)| one.is_ready() && one.shy_until <= now && !not.contains(url))
    }

    /// What came of a call.
    pub fn answered(&mut self, url: &str, answered: Answered, now: Timestamp) {
        let Some(one) = self.known.get_mut(url) else { return };
        match answered {
            Answered::Taken => (one.silent, one.shy_until) = (0, Timestamp(0)),
            Answered::Busy(wait) => (one.silent, one.shy_until) = (0, now.after(wait.min(MOST_SHY))),
            Answered::Nothing => {
                one.silent = one.silent.saturating_add(1);
                let wait = SHY.saturating_mul(1 << (one.silent - 1).min(5)).min(MOST_SHY);
                one.shy_until = now.after(wait);
            }
        }
    }

    /// An instance has said that an attempt is there.
    pub fn holds_at(&mut self, attempt: AttemptId, url: &str) {
        if !self.counts {
            return;
        }
        let Some((url, _)) = self.known.get_key_value(url) else { return };
        let url = url.clone();
        if let Some(before) = self.holds.insert(attempt, url.clone()) {
            self.leave(&before);
        }
        if let Some(one) = self.known.get_mut(&url) {
            one.load += 1;
        }
    }

    /// An attempt is over. Whether the service's room may have changed by that.
    pub fn over(&mut self, attempt: AttemptId) -> bool {
        let Some(url) = self.holds.remove(&attempt) else { return false };
        if self.lately.len() == LATELY {
            self.lately.pop_front();
        }
        self.lately.push_back((attempt, url.clone()));
        let was_ready = self.known.get(&url).is_some_and(Instance::is_ready);
        self.leave(&url);
        !was_ready
    }

    fn leave(&mut self, url: &str) {
        let Some(one) = self.known.get_mut(url) else { return };
        one.load = one.load.saturating_sub(1);
        if one.load == 0 && !one.is_there() {
            self.known.remove(url);
        }
    }

    /// Removes what is gone and has nothing left to do.
    fn forget(&mut self) {
        self.known.retain(|_, one| one.is_there() || one.load > 0);
    }

    /// The instance that has an attempt, or had it until lately.
    #[must_use]
    pub fn place_of(&self, attempt: AttemptId) -> Option<Arc<str>> {
        let lately = || self.lately.iter().rev().find(|(one, _)| *one == attempt).map(|(_, url)| url.clone());
        self.holds.get(&attempt).cloned().or_else(lately)
    }

    /// Whether it is known who has an attempt.
    #[must_use]
    pub fn holds(&self, attempt: AttemptId) -> bool {
        self.holds.contains_key(&attempt)
    }

    /// All addresses that may be asked, and whether each is still there.
    #[must_use]
    pub fn addresses(&self) -> Vec<(Arc<str>, bool)> {
        self.known.iter().map(|(url, one)| (url.clone(), one.is_there())).collect()
    }

    /// An instance says that it is there, for the first time or again.
    ///
    /// # Errors
    /// [`Full`].
    pub fn register(&mut self, registration: Registration, now: Timestamp) -> Result<(), Full> {
        let registered = |one: &&Instance| one.registered.is_some();
        let is_new = self.registration(&registration.id).is_none();
        if is_new && self.known.values().filter(registered).count() >= MOST {
            return Err(Full);
        }
        self.unregister_unless(&registration.id, &registration.url);
        let until = now.after(registration.lease);
        let one = self.known.entry(registration.url.clone()).or_default();
        if is_new {
            // Who comes anew has nothing to do with who did not answer at this address before.
            (one.silent, one.shy_until) = (0, Timestamp(0));
        }
        one.registered = Some((registration, until));
        self.forget();
        Ok(())
    }

    /// What an instance said of itself.
    #[must_use]
    pub fn registration(&self, id: &str) -> Option<&Registration> {
        let said = self.known.values().filter_map(|one| one.registered.as_ref());
        said.map(|(registration, _)| registration).find(|registration| *registration.id == *id)
    }

    /// An instance says that it goes. Its attempts, to be asked about; none where it was not there.
    pub fn remove(&mut self, id: &str) -> Option<Vec<AttemptId>> {
        let url = self.registration(id)?.url.clone();
        self.unregister_unless(id, "");
        let left = self.attempts_of(&[url]);
        self.forget();
        Some(left)
    }

    fn unregister_unless(&mut self, id: &str, url: &str) {
        for (at, one) in &mut self.known {
            let is_it = one.registered.as_ref().is_some_and(|(registration, _)| *registration.id == *id);
            if is_it && **at != *url {
                one.registered = None;
            }
        }
    }

    /// Ends the leases that are over. The attempts of these instances, to be asked about; none where no lease has ended.
    pub fn lapse(&mut self, now: Timestamp) -> Option<Vec<AttemptId>> {
        let mut lapsed = Vec::new();
        for (url, one) in &mut self.known {
            if one.registered.as_ref().is_some_and(|(_, until)| *until <= now) {
                one.registered = None;
                lapsed.push(url.clone());
            }
        }
        if lapsed.is_empty() {
            return None;
        }
        let left = self.attempts_of(&lapsed);
        self.forget();
        Some(left)
    }

    /// The name leads to these addresses now, instead of those before and of the name itself. The attempts of those that are no
    /// longer there, to be asked about; none where nothing has changed.
    pub fn resolved(&mut self, urls: &BTreeSet<Arc<str>>) -> Option<Vec<AttemptId>> {
        let before: BTreeSet<Arc<str>> =
            self.known.iter().filter(|(_, one)| one.resolved).map(|(url, _)| url.clone()).collect();
        let any_listed = self.known.values().any(|one| one.listed);
        if before == *urls && !any_listed {
            return None;
        }
        for one in self.known.values_mut() {
            (one.listed, one.resolved) = (false, false);
        }
        for url in urls {
            self.known.entry(url.clone()).or_default().resolved = true;
        }
        let gone: Vec<Arc<str>> = before.difference(urls).cloned().collect();
        let left = self.attempts_of(&gone);
        self.forget();
        Some(left)
    }

    fn attempts_of(&self, urls: &[Arc<str>]) -> Vec<AttemptId> {
        let there = self.holds.iter().filter(|(_, url)| urls.contains(url));
        let mut there: Vec<AttemptId> = there.map(|(attempt, _)| *attempt).collect();
        there.sort_unstable();
        there
    }

    fn ready(&self) -> u32 {
        u32::try_from(self.known.values().filter(|one| one.is_ready()).count()).unwrap_or(u32::MAX)
    }

    /// Attempts that the service may have at once.
    #[must_use]
    pub fn room(&self) -> u32 {
        if self.rules.each.is_none() && !self.rules.register {
            return self.rules.declared;
        }
        let ready = self.ready();
        let of = |one: &Instance| one.capacity(&self.rules, ready);
        let room: u32 = self.known.values().filter(|one| one.is_ready()).map(of).fold(0, u32::saturating_add);
        let elsewhere: u32 = self.known.values().filter(|one| !one.is_ready()).map(|one| one.load).sum();
        room.min(self.rules.most.unwrap_or(u32::MAX)).saturating_add(elsewhere)
    }

    /// Whether an instance that has an attempt may not be back yet after our start.
    pub fn settles(&mut self, now: Timestamp) -> bool {
        let since = *self.since.get_or_insert(now);
        self.rules.register && now.since(since) < LONGEST_LEASE
    }

    /// What there is, for people.
    #[must_use]
    pub fn list(&self, now: Timestamp) -> Vec<InstanceStatus> {
        let ready = self.ready();
        let show = |(url, one): (&Arc<str>, &Instance)| {
            let said = one.registered.as_ref();
            InstanceStatus {
                id: said.map_or_else(|| authority(url).to_owned(), |(said, _)| said.id.to_string()),
                url: url.to_string(),
                state: match one.is_there() {
                    false => InstanceState::Gone,
                    true if !one.is_ready() => InstanceState::Draining,
                    true if one.silent > 0 => InstanceState::Silent,
                    true if one.shy_until > now => InstanceState::Busy,
                    true => InstanceState::Ready,
                },
                capacity: one.capacity(&self.rules, ready),
                running: one.load,
                version: said.and_then(|(said, _)| said.version.as_deref().map(str::to_owned)),
                lease_until: said.map(|(_, until)| moment(*until)),
            }
        };
        self.known.iter().map(show).collect()
    }
}

fn authority(url: &str) -> &str {
    url.split_once("://").map_or(url, |(_, rest)| rest)
}
