//! One component under comparison: what the streams say of it, and the discrepancies found so far.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{field::Field, similarity::Similarities, truth::Truth};
use crate::{
    analysis::components::Component,
    records::{
        Stream,
        compared::{
            Action, Authority, BlockingType, Discrepancy, DiscrepancyType, ResolutionSource, Severity,
        },
        documented::Entry,
        settings::Settings,
    },
};

/// In which iteration a blocking or high discrepancy of prose goes to people, counted from the one in which it was first seen.
pub const PATIENCE: u32 = 2;

/// What holds for all components of a comparison.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around<'x> {
    pub(super) truth: &'x Truth<'x>,
    pub(super) settings: &'x Settings,
    pub(super) texts: &'x Similarities,
    /// In which iteration each discrepancy of the one before was first seen.
    pub(super) seen: &'x BTreeMap<String, u32>,
    pub(super) iteration: u32,
}

/// One component.
#[derive(Debug)]
pub(super) struct Look<'x> {
    pub(super) around: Around<'x>,
    pub(super) component: &'x Component,
    /// One or two.
    pub(super) entries: BTreeMap<Stream, &'x Entry>,
    pub(super) found: Vec<Discrepancy>,
}

/// Something that differs, before it is decided.
#[derive(Debug, Clone)]
pub(super) struct Differs {
    pub(super) field: Field,
    pub(super) kind: DiscrepancyType,
    pub(super) severity: Severity,
    pub(super) blocking: Option<BlockingType>,
    /// What the code says: a value, [`absent`], null for "that is not evident".
    pub(super) truth: Value,
}

impl Differs {
    pub(super) fn new(field: Field, kind: DiscrepancyType, severity: Severity) -> Self {
        Self { field, kind, severity, blocking: None, truth: Value::Null }
    }

    pub(super) fn blocks(mut self, blocking: BlockingType) -> Self {
        self.blocking = Some(blocking);
        self
    }

    pub(super) fn truth(mut self, truth: Value) -> Self {
        self.truth = truth;
        self
    }
}

/// What stands as [`Discrepancy::ground_truth`] where the code evidently has no such thing.
#[must_use]
pub fn absent() -> Value {
    serde_json::json!({ "absent": true })
}

/// Returns the id that a discrepancy has in every iteration and every job.
#[must_use]
pub fn discrepancy_id(component: &str, kind: DiscrepancyType, field: &str) -> String {
    let kind = serde_json::to_string(&kind).unwrap_or_default();
    let text = format!("{component}\0{kind}\0{field}");
    let hash = blake3::hash(text.as_bytes()).to_hex();
    format!("d-{}", &hash[..16])
}

impl<'x> Look<'x> {
    /// The streams that have the component, with what they say of it.
    pub(super) fn said(&self) -> impl Iterator<Item = (Stream, &'x Entry)> + use<'x> {
        self.entries.clone().into_iter()
    }

    /// Whether there are two who could differ.
    pub(super) fn both(&self) -> Option<(&'x Entry, &'x Entry)> {
        Some((*self.entries.get(&Stream::A)?, *self.entries.get(&Stream::B)?))
    }

    /// Whether the code is asked for a call though the streams agree on it.
    pub(super) fn asks_code_though_agreed(&self) -> bool {
        self.entries.len() == 1 || self.around.settings.convergence.require_static_validation
    }

    /// The code decides: those that are not in `wrong` are right.
    pub(super) fn by_code(&mut self, differs: Differs, wrong: &[Stream]) {
        let fits = |entry: &Entry| {
            let has = !differs.field.get(entry).is_null();
            has != (differs.truth == absent())
        };
        let right = self.entries.iter().filter(|(stream, entry)| !wrong.contains(stream) && fits(entry));
        let right: Vec<Stream> = right.map(|(stream, _)| *stream).collect();
        let resolution = match right.as_slice() {
            [Stream::A] => Action::AcceptStreamA,
            [Stream::B] => Action::AcceptStreamB,
            _ => Action::AcceptGroundTruth,
        };
        self.push(differs, Authority::Analysis, resolution, ResolutionSource::GroundTruthHint, 1.0);
    }

    /// A strong hint of the code and one stream outweigh the other stream.
    pub(super) fn by_hint(&mut self, differs: Differs, right: Stream, confidence: f64) {
        let resolution = match right {
            Stream::A => Action::AcceptStreamA,
            Stream::B => Action::AcceptStreamB,
        };
        self.push(differs, Authority::Analysis, resolution, ResolutionSource::GroundTruthHint, confidence);
    }

    /// The streams may agree in the next iteration.
    pub(super) fn by_agreement(&mut self, differs: Differs, confidence: f64) {
        self.push(differs, Authority::Agreement, Action::Deferred, ResolutionSource::Unresolved, confidence);
    }

    /// Nobody but a person can say.
    pub(super) fn by_people(&mut self, differs: Differs, confidence: f64) {
        self.push(
            differs,
            Authority::People,
            Action::NeedsHumanReview,
            ResolutionSource::Unresolved,
            confidence,
        );
    }

    /// Prose: by agreement, and by people where agreement was waited for in vain and it matters.
    pub(super) fn by_prose(&mut self, differs: Differs, confidence: f64) {
        let waited = self.age(&differs) >= PATIENCE;
        let matters = self.blocks(&differs).is_some() || differs.severity >= Severity::High;
        if waited && matters {
            self.by_people(differs, confidence);
        } else {
            self.by_agreement(differs, confidence);
        }
    }

    /// What one has and the other, asked again, has nothing to say to, is kept: there is nothing to decide.
    pub(super) fn by_keeping(&mut self, differs: Differs) {
        self.push(differs, Authority::Agreement, Action::MergeBoth, ResolutionSource::AutoResolved, 0.5);
    }

    /// Iterations since it was first seen, without a gap.
    pub(super) fn age(&self, differs: &Differs) -> u32 {
        let id = discrepancy_id(&self.component.id, differs.kind, &differs.field.to_string());
        self.around.seen.get(&id).map_or(0, |first| self.around.iteration.saturating_sub(*first))
    }

    /// What it blocks by, by the settings.
    pub(super) fn blocks(&self, differs: &Differs) -> Option<BlockingType> {
        differs.blocking.filter(|it| self.around.settings.convergence.blocking.contains(it))
    }

    fn push(
        &mut self,
        differs: Differs,
        authority: Authority,
        resolution: Action,
        resolution_source: ResolutionSource,
        confidence: f64,
    ) {
        let field = differs.field.to_string();
        let id = discrepancy_id(&self.component.id, differs.kind, &field);
        let value =
            |stream: Stream| self.entries.get(&stream).map_or(Value::Null, |entry| differs.field.get(entry));
        self.found.push(Discrepancy {
            iteration_found: self.around.seen.get(&id).copied().unwrap_or(self.around.iteration),
            discrepancy_id: id,
            component_id: self.component.id.clone(),
            kind: differs.kind,
            field,
            stream_a_value: value(Stream::A),
            stream_b_value: value(Stream::B),
            blocking: self.blocks(&differs),
            ground_truth: differs.truth,
            severity: differs.severity,
            authority,
            resolution,
            resolution_source,
            confidence,
            requires_ticket: authority == Authority::People,
        });
    }
}
