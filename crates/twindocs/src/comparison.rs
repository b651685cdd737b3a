//! What the streams say, held against each other and against the code.
//!
//! [`compare`] is a pure function of the analysis, the streams and the settings. It finds what differs ([`field`] says of what
//! there is to differ), says how bad it is and who decides it: the code, where [`truth`] has it evident; agreement, for prose;
//! people, for what neither decides. Nothing is changed here: that is [`crate::resolution`]'s.

mod edges;
pub mod field;
pub mod gather;
mod look;
pub mod measure;
pub mod metrics;
pub mod phase;
mod prose;
mod signature;
pub mod similarity;
pub mod truth;

use std::collections::BTreeMap;

pub use look::{PATIENCE, absent, discrepancy_id};

pub(crate) use prose::is_blank;

use look::{Around, Look};
use metrics::Figures;
use similarity::Similarities;
use truth::Truth;

use crate::records::{
    Stream, VERSION,
    compared::Comparison,
    documented::{Entry, StreamFile},
    settings::Settings,
};

/// The streams that are compared: one or two.
pub type Streams = BTreeMap<Stream, StreamFile>;

/// When a comparison is made.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'x> {
    /// The iteration.
    pub iteration: u32,
    /// What the iteration before found; none in the first.
    pub before: Option<&'x Comparison>,
}

/// Compares. The same streams give the same result; with A and B exchanged, the same with A and B exchanged.
#[must_use]
pub fn compare(
    truth: &Truth<'_>,
    streams: &Streams,
    settings: &Settings,
    moment: Moment<'_>,
    texts: &Similarities,
) -> Comparison {
    let before = moment.before.into_iter().flat_map(|it| &it.discrepancies);
    let seen = before.map(|it| (it.discrepancy_id.clone(), it.iteration_found)).collect();
    let around = Around { truth, settings, texts, seen: &seen, iteration: moment.iteration };
    let mut figures = Figures::default();
    let (mut discrepancies, mut total) = (Vec::new(), 0);
    for component in truth.components() {
        total += 1;
        let entries: BTreeMap<Stream, &Entry> = streams
            .iter()
            .filter_map(|(stream, file)| Some((*stream, file.entries.get(&component.id)?)))
            .collect();
        if entries.is_empty() {
            continue;
        }
        if entries.len() == streams.len() {
            figures.add(truth, &component.id, &entries, texts, &settings.convergence.weights);
        }
        let mut look = Look { around, component, entries, found: Vec::new() };
        edges::compare(&mut look);
        signature::compare(&mut look);
        prose::compare(&mut look);
        look.found.sort_by(|a, b| (&a.field, a.kind).cmp(&(&b.field, b.kind)));
        discrepancies.append(&mut look.found);
    }
    let summary = figures.summary(total, &discrepancies, &texts.by, streams.len() == 1);
    let (version, tokens) = (VERSION.to_owned(), texts.tokens);
    Comparison { version, iteration: moment.iteration, summary, discrepancies, tokens }
}
