//! What is done to whom and when, from a seed. "When" is a share of the work: nothing here is tied to the clock but the length
//! of a freeze, which is nothing else.

use std::time::Duration;

use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};

/// Who is disturbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Orchestrator,
    /// By its number.
    Service(usize),
}

/// What is done.
#[derive(Debug, Clone)]
pub(super) enum Act {
    /// All of them, at once.
    Kill(Vec<Who>),
    /// Stopped for so long, then let go on.
    Freeze(Who, Duration),
}

/// What is done at a moment.
#[derive(Debug, Clone)]
pub(super) struct Blow {
    /// Once so many thousandths of the callbacks have been accepted.
    pub(super) at: u32,
    pub(super) act: Act,
}

/// A plan of exactly so many kills, and a freeze for every five of them.
pub(super) fn plan(seed: u64, kills: usize, services: usize) -> Vec<Blow> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut acts = Vec::new();
    let mut left = kills;
    while left > 0 {
        let at_once = if random.random_bool(0.2) { random.random_range(2..=services + 1) } else { 1 };
        let at_once = at_once.min(left);
        // Two fifths of the single kills hit the orchestrator: it is the one that has promised something.
        let mut all: Vec<Who> =
            [Who::Orchestrator].into_iter().chain((0..services).map(Who::Service)).collect();
        all.shuffle(&mut random);
        if at_once == 1 && random.random_bool(0.4) {
            all = vec![Who::Orchestrator];
        }
        all.truncate(at_once);
        left -= all.len();
        acts.push(Act::Kill(all));
    }
    for _ in 0..kills.div_ceil(5) {
        let (who, longest) = match random.random_range(0..=services) {
            0 => (Who::Orchestrator, 1_500),
            // Longer than the heartbeat: it becomes suspect.
            n => (Who::Service(n - 1), 4_000),
        };
        acts.push(Act::Freeze(who, Duration::from_millis(random.random_range(100..longest))));
    }
    acts.shuffle(&mut random);
    // Not evenly: two in a row may fall together, so that what has just come back is hit again.
    let mut moments: Vec<u32> = acts.iter().map(|_| random.random_range(10..950)).collect();
    moments.sort_unstable();
    acts.into_iter().zip(moments).map(|(act, at)| Blow { at, act }).collect()
}

#[test]
fn a_plan_is_its_seed_and_kills_as_often_as_it_should() {
    let blows = plan(7, 40, 4);
    assert_eq!(format!("{blows:?}"), format!("{:?}", plan(7, 40, 4)));
    let killed = blows.iter().map(|blow| match &blow.act {
        Act::Kill(all) => all.len(),
        Act::Freeze(..) => 0,
    });
    assert_eq!(killed.sum::<usize>(), 40);
    assert!(blows.is_sorted_by_key(|blow| blow.at));
}
