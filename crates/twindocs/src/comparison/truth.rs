//! What the code says, ordered for questions: which calls are evident, which may be, which are ruled out.
//!
//! A call is *evident* where the text leaves no choice of whom it runs: [`EVIDENT`] confidence, and neither handed over nor one of
//! several implementations. Other edges are hints. A call that the analysis does not have is *ruled out*, unless something in
//! the caller was not resolved that could be it, or the caller's file could be read in part only.

use std::collections::{BTreeMap, BTreeSet};

use super::field::Side;
use crate::{
    analysis::{
        calls::{CallEdge, CallGraph, CallType, Unresolved},
        components::{Component, Kind, Visibility},
    },
    records::documented::{CallKind, Sources},
};

/// From here on an edge of the analysis is evident. A method of an evident receiver has 0.95: a subclass that is in no file of
/// ours could have its own.
pub const EVIDENT: f64 = 0.95;

/// A hint of at least this confidence, together with one stream, outweighs the other stream.
pub const STRONG_HINT: f64 = 0.7;

/// What the analysis found, as the artifacts have it.
#[derive(Debug, Clone, Copy)]
pub struct Code<'a> {
    /// All components.
    pub components: &'a [Component],
    /// Who calls whom.
    pub graph: &'a CallGraph,
    /// Files that could be read in part only.
    pub with_errors: &'a [String],
    /// The text of the components.
    pub sources: &'a Sources,
}

/// All calls of one component by another.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TrueEdge {
    /// Whether it is certain.
    pub evident: bool,
    /// The highest of its calls.
    pub confidence: f64,
    /// Lines and kinds of its calls.
    pub sites: BTreeSet<(u32, CallKind)>,
}

impl TrueEdge {
    /// Returns the line to write down, given what is claimed: the least that is right, else the first.
    #[must_use]
    pub fn line(&self, claims: impl Iterator<Item = u32>) -> Option<u32> {
        let right = claims.filter(|line| self.sites.iter().any(|it| it.0 == *line)).min();
        right.or_else(|| self.sites.first().map(|it| it.0))
    }

    /// Returns the kind to write down, in the same way.
    #[must_use]
    pub fn kind(&self, claims: impl Iterator<Item = CallKind>) -> CallKind {
        let right = claims.filter(|kind| self.sites.iter().any(|it| it.1 == *kind)).min();
        right.or_else(|| self.sites.first().map(|it| it.1)).unwrap_or(CallKind::Direct)
    }
}

/// What the code says of a call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict<'t> {
    /// It is there.
    Evident(&'t TrueEdge),
    /// It may be there.
    Hint(&'t TrueEdge),
    /// Nothing rules it out.
    Open,
    /// It is not there.
    RuledOut,
}

/// The code, ordered.
#[derive(Debug)]
pub struct Truth<'a> {
    components: BTreeMap<&'a str, &'a Component>,
    callees: BTreeMap<&'a str, BTreeMap<&'a str, TrueEdge>>,
    callers: BTreeMap<&'a str, BTreeMap<&'a str, TrueEdge>>,
    unresolved: BTreeMap<&'a str, Vec<&'a Unresolved>>,
    with_errors: BTreeSet<&'a str>,
    sources: &'a Sources,
}

impl<'a> Truth<'a> {
    /// Orders what was found.
    #[must_use]
    pub fn new(code: Code<'a>) -> Self {
        let components = code.components.iter().map(|it| (it.id.as_str(), it)).collect();
        let mut truth = Self {
            components,
            callees: BTreeMap::new(),
            callers: BTreeMap::new(),
            unresolved: BTreeMap::new(),
            with_errors: code.with_errors.iter().map(String::as_str).collect(),
            sources: code.sources,
        };
        for edge in &code.graph.edges {
            add(&mut truth.callees, &edge.caller, &edge.callee, edge);
            add(&mut truth.callers, &edge.callee, &edge.caller, edge);
        }
        for call in &code.graph.unresolved {
            truth.unresolved.entry(&call.caller).or_default().push(call);
        }
        truth
    }

    /// All components, by id.
    pub fn components(&self) -> impl Iterator<Item = &'a Component> + '_ {
        self.components.values().copied()
    }

    /// One of them.
    #[must_use]
    pub fn component(&self, id: &str) -> Option<&'a Component> {
        self.components.get(id).copied()
    }

    /// The text of a component; empty where it is not known.
    #[must_use]
    pub fn source(&self, id: &str) -> &'a str {
        self.sources.get(id).map_or("", String::as_str)
    }

    /// The edges of one side of a component, by the other component.
    pub fn edges(&self, id: &str, side: Side) -> impl Iterator<Item = (&'a str, &TrueEdge)> + '_ {
        let of = match side {
            Side::Callees => &self.callees,
            Side::Callers => &self.callers,
        };
        of.get(id).into_iter().flatten().map(|(other, edge)| (*other, edge))
    }

    /// What the code says of a call at one end of which is `id`.
    #[must_use]
    pub fn verdict(&self, id: &str, side: Side, other: &str) -> Verdict<'_> {
        let (caller, callee) = match side {
            Side::Callees => (id, other),
            Side::Callers => (other, id),
        };
        match self.callees.get(caller).and_then(|it| it.get(callee)) {
            Some(edge) if edge.evident => Verdict::Evident(edge),
            Some(edge) => Verdict::Hint(edge),
            None if self.could_be(caller, callee) => Verdict::Open,
            None => Verdict::RuledOut,
        }
    }

    /// Whether something in the caller could be a call that was not resolved.
    fn could_be(&self, caller: &str, callee: &str) -> bool {
        let (Some(from), Some(to)) = (self.component(caller), self.component(callee)) else { return false };
        if self.with_errors.contains(&*from.path) {
            return true;
        }
        let names = names_of(to);
        self.unresolved.get(caller).into_iter().flatten().any(|call| {
            // A value that is called may be any function, and so may what another call gives.
            let name = last_name(&call.text);
            call.reason == "unknown-value" || name.is_empty() || names.contains(&name)
        })
    }

    /// What in a component was seen and could not be followed, by line.
    #[must_use]
    pub fn unresolved(&self, caller: &str) -> &[&'a Unresolved] {
        self.unresolved.get(caller).map_or(&[], Vec::as_slice)
    }

    /// The names of the parameters, where the signature leaves no doubt of them.
    #[must_use]
    pub fn parameters(&self, id: &str) -> Option<Vec<(&'a str, &'a crate::analysis::components::Parameter)>> {
        let component = self.component(id).filter(|it| it.kind.is_callable())?;
        let named: Vec<_> = component.parameters.iter().map(|it| (bare(&it.name), it)).collect();
        let plain = |name: &str| {
            !name.is_empty() && name.chars().all(|it| it.is_alphanumeric() || matches!(it, '_' | '$'))
        };
        // A pattern (`{ a, b }`) or a parameter without a name can be called in several ways.
        named.iter().all(|it| plain(it.0) && it.0 != "_").then_some(named)
    }
}

/// A parameter's name without the marks that a language puts before it.
#[must_use]
pub fn bare(name: &str) -> &str {
    let name = name.trim().trim_start_matches(['*', '&', '.']).trim_start();
    name.strip_prefix("mut ").unwrap_or(name).trim_end_matches('?').trim()
}

/// Whether everybody may use it, so that it must be documented.
#[must_use]
pub fn is_public(component: &Component) -> bool {
    component.visibility == Visibility::Public && component.kind != Kind::Module
}

/// What a call of it may be written as: its own name, and its type's where it makes one.
fn names_of(component: &Component) -> Vec<&str> {
    let mut parts = component.name.rsplit('.');
    let own = parts.next().unwrap_or("");
    let is_constructor = matches!(own, "__init__" | "__new__" | "constructor" | "<init>" | "new");
    let of_type = if is_constructor { parts.next() } else { None };
    [Some(own), of_type].into_iter().flatten().collect()
}

/// The name that a text of code ends with; empty where it ends with something else.
fn last_name(text: &str) -> &str {
    let is_name = |it: char| it.is_alphanumeric() || it == '_' || it == '$';
    text.rsplit(|it: char| !is_name(it)).next().unwrap_or("")
}

fn add<'a>(
    of: &mut BTreeMap<&'a str, BTreeMap<&'a str, TrueEdge>>,
    from: &'a str,
    to: &'a str,
    edge: &CallEdge,
) {
    let found = of.entry(from).or_default().entry(to).or_default();
    let is_certain = !matches!(edge.call_type, CallType::Callback | CallType::Dynamic);
    found.evident |= is_certain && edge.confidence >= EVIDENT;
    found.confidence = found.confidence.max(edge.confidence);
    found.sites.insert((edge.line, CallKind::of(edge.call_type, edge.around)));
}

#[cfg(test)]
mod tests {
    use super::{bare, last_name};

    #[test]
    fn names_are_found_in_code() {
        assert_eq!(
            ["*args", "**more", "&mut self", "mut count", "...rest", "name?"].map(bare),
            ["args", "more", "self", "count", "rest", "name"]
        );
        assert_eq!(
            ["a.run", "Thing::new", "f(x)", "run", "a.lo…"].map(last_name),
            ["run", "new", "", "run", ""]
        );
    }
}
