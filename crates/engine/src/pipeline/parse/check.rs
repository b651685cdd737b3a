//! Checks that concern several phases at once: names, cycles, loops, and what conditions may refer to.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use super::{Reader, hint};
use crate::{
    condition::Condition,
    ids::PhaseIndex,
    pipeline::{
        OnTimeout, Pipeline, Trigger, Work,
        raw::{RawPhase, RawPipeline},
    },
};

/// The phases' names and arrows, known before any phase is read in full.
pub(super) struct PhaseNames {
    by_id: BTreeMap<String, PhaseIndex>,
    successors: BTreeMap<String, Vec<PhaseIndex>>,
}

impl PhaseNames {
    /// Collects them; a name or alias used twice is a finding.
    pub(super) fn collect(reader: &mut Reader<'_>, raw: &RawPipeline) -> Self {
        let mut by_id = BTreeMap::new();
        let mut taken = BTreeSet::new();
        let mut successors: BTreeMap<String, Vec<PhaseIndex>> = BTreeMap::new();
        for (number, phase) in raw.phase.iter().enumerate() {
            let phase = phase.get_ref();
            let index = PhaseIndex(u16::try_from(number).unwrap_or(u16::MAX));
            let id = phase.id.get_ref();
            let reserved = matches!(id.as_str(), "input" | "item" | "job");
            if reserved || !taken.insert(id.clone()) {
                let message = if reserved {
                    format!("'{id}' is a word of the conditions and can't name a phase")
                } else {
                    format!("there are two phases '{id}'")
                };
                reader.finding(phase.id.span(), message, "give it another id");
            }
            by_id.entry(id.clone()).or_insert(index);
            for predecessor in &phase.after {
                successors.entry(predecessor.get_ref().clone()).or_default().push(index);
            }
        }
        for phase in &raw.phase {
            for alias in &phase.get_ref().alias {
                if !taken.insert(alias.get_ref().clone()) {
                    let message = format!("the alias '{}' is taken", alias.get_ref());
                    reader.finding(alias.span(), message, "ids and aliases are each there once");
                }
            }
        }
        let mut loops = BTreeSet::new();
        for one in &raw.loops {
            let id = &one.get_ref().id;
            if !loops.insert(id.get_ref()) {
                let message = format!("there are two loops '{}'", id.get_ref());
                reader.finding(id.span(), message, "give it another id");
            }
        }
        Self { by_id, successors }
    }

    /// The phase of that id.
    pub(super) fn get(&self, id: &str) -> Option<PhaseIndex> {
        self.by_id.get(id).copied()
    }

    /// The phases that name this one in `after`.
    pub(super) fn successors(&self, id: &str) -> Vec<PhaseIndex> {
        self.successors.get(id).cloned().unwrap_or_default()
    }

    /// Which phase may have been meant.
    pub(super) fn choose(&self, id: &str) -> String {
        let known = || self.by_id.keys().map(String::as_str);
        match hint::nearest(id, known()) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("the phases are {}", known().take(12).collect::<Vec<_>>().join(", ")),
        }
    }
}

impl Reader<'_> {
    /// Everything that needs the whole pipeline.
    pub(super) fn check_graph(&mut self, raw: &RawPipeline, pipeline: &Pipeline) {
        if let Some(cycle) = find_cycle(pipeline) {
            let span = raw.phase[cycle[0].usize()].get_ref().id.span();
            let names: Vec<&str> = cycle.iter().map(|&p| pipeline.phase(p).id.as_str()).collect();
            let hint = "phases may repeat only inside a [[loop]]";
            self.finding(span, format!("the phases run in a circle: {}", names.join(" → ")), hint);
            return;
        }
        for index in pipeline.indexes() {
            self.check_phase(&raw.phase[index.usize()].get_ref(), pipeline, index);
        }
        for number in 0..pipeline.loops.len() {
            let span = raw.loops[number].get_ref().until.span();
            self.check_loop(raw.loops[number].get_ref().id.span(), pipeline, number);
            let mut known: BTreeSet<PhaseIndex> = pipeline.loops[number].phases.iter().copied().collect();
            known.extend(pipeline.loops[number].phases.iter().flat_map(|&phase| pipeline.ancestors(phase)));
            self.check_references(span, &pipeline.loops[number].until, pipeline, &known, &["input"]);
        }
    }

    fn check_phase(&mut self, raw: &&RawPhase, pipeline: &Pipeline, index: PhaseIndex) {
        let phase = pipeline.phase(index);
        let ancestors = pipeline.ancestors(index);
        let with_self = &ancestors | &BTreeSet::from([index]);
        let mut check = |condition: Option<&Condition>, span: Option<Range<usize>>, known, words: &[&str]| {
            if let (Some(condition), Some(span)) = (condition, span) {
                self.check_references(span, condition, pipeline, known, words);
            }
        };
        let span = |source: &Option<toml::Spanned<String>>| source.as_ref().map(toml::Spanned::span);
        check(phase.when.as_ref(), span(&raw.when), &ancestors, &["input"]);
        check(phase.gate.as_ref(), span(&raw.gate), &with_self, &["input"]);
        let over = raw.map.as_ref().map(|map| map.over.span());
        check(phase.map.as_ref().map(|map| &map.over), over, &ancestors, &["input"]);
        if let Some(work) = phase.service() {
            let key = raw.breaker.as_ref().and_then(|breaker| span(&breaker.key));
            let breaker = work.breaker.as_ref().and_then(|breaker| breaker.key.as_ref());
            check(breaker, key, &ancestors, &["input", "item"]);
            let key = raw.coalesce.as_ref().map(|coalesce| coalesce.key.span());
            let coalesce = work.coalesce.as_ref().map(|coalesce| &coalesce.key);
            check(coalesce, key, &ancestors, &["input", "item"]);
        }
        for &predecessor in &phase.after {
            if pipeline.phase(predecessor).trigger != phase.trigger {
                let message = format!(
                    "'{}' and '{}' can't follow each other: one runs only on failure",
                    pipeline.phase(predecessor).id,
                    phase.id
                );
                let hint = "phases on failure have a flow of their own: take it out of after";
                self.finding(raw.id.span(), message, hint);
            }
        }
        if let Work::Wait(wait) = &phase.work
            && let OnTimeout::Goto(target) = wait.on_timeout
            && !pipeline.descendants(index).contains(&target)
        {
            let message = format!("goto must name a phase after '{}'", phase.id);
            self.finding(raw.id.span(), message, "to go back, use a [[loop]]");
        }
    }

    fn check_loop(&mut self, span: Range<usize>, pipeline: &Pipeline, number: usize) {
        let body = &pipeline.loops[number].phases;
        let id = &pipeline.loops[number].id;
        for &phase in body {
            if pipeline.phase(phase).in_loop != Some(number) {
                let message = format!("'{}' belongs to two loops", pipeline.phase(phase).id);
                self.finding(span.clone(), message, "loops can't be nested or overlap");
            }
            if pipeline.phase(phase).trigger == Trigger::Failure {
                let message = format!("loop '{id}' holds a phase that runs on failure");
                self.finding(span.clone(), message, "take it out of the loop's phases");
            }
        }
        let between = |phase: PhaseIndex| {
            !body.contains(&phase)
                && pipeline.ancestors(phase).iter().any(|p| body.contains(p))
                && pipeline.descendants(phase).iter().any(|p| body.contains(p))
        };
        if let Some(phase) = pipeline.indexes().find(|&phase| between(phase)) {
            let message =
                format!("'{}' lies between phases of loop '{id}' but outside it", pipeline.phase(phase).id);
            self.finding(span, message, "add it to the loop's phases");
        }
    }

    fn check_references(
        &mut self,
        span: Range<usize>,
        condition: &Condition,
        pipeline: &Pipeline,
        known: &BTreeSet<PhaseIndex>,
        words: &[&str],
    ) {
        for name in condition.references() {
            let phase = pipeline.find(name);
            if words.contains(&name.as_str()) || phase.is_some_and(|phase| known.contains(&phase)) {
                continue;
            }
            let (message, hint) = match phase {
                Some(_) => (
                    format!("'{name}' has no result yet when this is evaluated"),
                    "refer to phases that come before".to_owned(),
                ),
                None => (
                    format!("'{name}' is neither a phase nor {}", words.join(" or ")),
                    word_hint(name, pipeline, known),
                ),
            };
            self.finding(span.clone(), message, hint);
        }
    }
}

/// What may have been meant by a word of a condition.
fn word_hint(name: &str, pipeline: &Pipeline, known: &BTreeSet<PhaseIndex>) -> String {
    if name == "item" {
        return "only keys of coalesce and breaker see the item".to_owned();
    }
    match hint::nearest(name, known.iter().map(|&phase| pipeline.phase(phase).id.as_str())) {
        Some(near) => format!("did you mean {near}?"),
        None => "refer to phases that come before".to_owned(),
    }
}

/// A circle of arrows, if there is one.
fn find_cycle(pipeline: &Pipeline) -> Option<Vec<PhaseIndex>> {
    let start = pipeline.indexes().find(|&phase| pipeline.descendants(phase).contains(&phase))?;
    let mut path = vec![start];
    let mut at = start;
    loop {
        let next = pipeline.phase(at).before.iter().copied().find(|&next| {
            next == start || (pipeline.descendants(next).contains(&start) && !path.contains(&next))
        })?;
        path.push(next);
        if next == start {
            return Some(path);
        }
        at = next;
    }
}
