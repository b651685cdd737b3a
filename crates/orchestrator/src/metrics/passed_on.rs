//! Calls that were passed on to whoever leads, by what came of them.

use super::{Counter, text::Text};
use crate::cluster::Standing;

/// How many calls there were.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// The leader's answer was given.
    pub(crate) answered: Counter,
    /// There was none.
    pub(crate) unavailable: Counter,
    /// Tries that had to be made again.
    pub(crate) again: Counter,
    /// Calls of others who took us for the leader.
    pub(crate) returned: Counter,
}

/// Everything that a standby has to say, in Prometheus' text form.
pub(crate) fn standby(standing: &Standing, counts: &Counts) -> String {
    let mut text = Text::default();
    text.family("segue_build_info").sample(&[env!("CARGO_PKG_VERSION")], 1u64);
    write(&mut text, standing.reign.as_ref().map(|reign| reign.epoch), counts);
    super::process::write(&mut text);
    text.finish()
}

/// Who leads, and what was passed on; the epoch is ours, if we lead.
pub(super) fn write(text: &mut Text, epoch: Option<u64>, counts: &Counts) {
    text.one("segue_leads", epoch.is_some());
    text.one("segue_leader_epoch", epoch.unwrap_or_default());
    let mut family = text.family("segue_passed_on_total");
    let figures = [
        ("answered", &counts.answered),
        ("unavailable", &counts.unavailable),
        ("again", &counts.again),
        ("returned", &counts.returned),
    ];
    for (outcome, counter) in figures {
        family.sample(&[outcome], counter.read());
    }
}
