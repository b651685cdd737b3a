//! The codebase as a documenter needs it: what an author is given of each component, put together from what the analysis has stored.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::{
    analysis::{
        calls::{CallEdge, CallGraph, Unresolved},
        components::{Component, Kind},
        order::Order,
        phase::ComponentsFile,
        source::Language,
        texts::lines_above,
    },
    records::documented::Sources,
};

use super::{
    assignment::{Assignment, Callee, Facts, Member, OpenCall, Seen, last_name},
    engine::Gives,
    lexical,
};

/// Components of one name beyond this say nothing: everybody has a `new`.
const MOST_OF_A_NAME: usize = 64;

/// All components, and what is known of each.
#[derive(Debug)]
pub struct Material {
    components: BTreeMap<String, Component>,
    sources: Sources,
    calls: HashMap<String, Vec<CallEdge>>,
    open: HashMap<String, Vec<Unresolved>>,
    members: HashMap<String, Vec<String>>,
    named: HashMap<String, Vec<String>>,
    order: Order,
}

impl Material {
    /// From the three artifacts of the analysis.
    #[must_use]
    pub fn new(file: ComponentsFile, graph: CallGraph, sources: Sources) -> Self {
        let (mut members, mut named): (HashMap<_, Vec<_>>, HashMap<_, Vec<_>>) = Default::default();
        for component in &file.components {
            if let Some(parent) = &component.parent {
                members.entry(parent.clone()).or_default().push(component.id.clone());
            }
            if component.kind != Kind::Module {
                let name = last_name(&component.name).to_owned();
                named.entry(name).or_default().push(component.id.clone());
            }
        }
        let mut calls: HashMap<String, Vec<CallEdge>> = HashMap::new();
        for edge in graph.edges {
            calls.entry(edge.caller.clone()).or_default().push(edge);
        }
        let mut open: HashMap<String, Vec<Unresolved>> = HashMap::new();
        for call in graph.unresolved {
            open.entry(call.caller.clone()).or_default().push(call);
        }
        let components = file.components.into_iter().map(|one| (one.id.clone(), one)).collect();
        Self { components, sources, calls, open, members, named, order: file.order }
    }

    /// Returns a component.
    #[must_use]
    pub fn component(&self, id: &str) -> Option<&Component> {
        self.components.get(id)
    }

    /// Returns how many components there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.components.len()
    }

    /// Returns whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.components.is_empty()
    }

    /// Returns the levels, callees first: each a list of units, a unit being one component or a circle of them.
    #[must_use]
    pub fn levels(&self) -> Vec<Vec<&[String]>> {
        let mut levels: Vec<Vec<&[String]>> = Vec::new();
        for (group, level) in self.order.groups.iter().zip(&self.order.levels) {
            if levels.len() <= *level {
                levels.resize_with(level + 1, Vec::new);
            }
            levels[*level].push(group);
        }
        levels
    }

    /// Returns the assignment for a component as of the first time, with what its engine may use. `summary` says what this stream has
    /// written of another.
    #[must_use]
    pub fn assignment<'s>(
        &self,
        component: &Component,
        gives: Gives,
        summary: impl Fn(&str) -> Option<&'s str>,
    ) -> Assignment {
        let id = &component.id;
        let source = self.sources.get(id).cloned().unwrap_or_default();
        let edges = self.calls.get(id).map(Vec::as_slice).unwrap_or_default();
        let seen = edges.iter().map(|edge| Seen::of(edge, component.line_start));
        let open = self.open.get(id).map(Vec::as_slice).unwrap_or_default();
        let open = open.iter().map(|call| OpenCall::of(call, component.line_start));
        let names = if gives.names { self.names(&source, component.language) } else { BTreeMap::new() };
        let callees: BTreeSet<&str> =
            edges.iter().map(|edge| &*edge.callee).filter(|one| one != id).collect();
        let callee = |one: &str| {
            let signature = self.components.get(one)?.signature.clone();
            Some(Callee { id: one.to_owned(), signature, summary: summary(one).map(str::to_owned) })
        };
        Assignment {
            facts: Facts::of(component),
            members: self.members_of(id),
            seen: if gives.seen { seen.collect() } else { Vec::new() },
            open: if gives.seen { open.collect() } else { Vec::new() },
            callees: if gives.callees {
                callees.into_iter().filter_map(callee).collect()
            } else {
                Vec::new()
            },
            names,
            above: lines_above(component, &source),
            source,
            feedback: None,
            previous: None,
        }
    }

    fn members_of(&self, id: &str) -> Vec<Member> {
        let ids = self.members.get(id).map(Vec::as_slice).unwrap_or_default();
        let found = ids.iter().filter_map(|id| self.components.get(id));
        let member = |one: &Component| Member {
            id: one.id.clone(),
            name: last_name(&one.name).to_owned(),
            kind: one.kind,
        };
        found.map(member).collect()
    }

    /// What a text calls by a component's name. A name that only stands in it says nothing, and would make the author's work depend
    /// on components that have nothing to do with it.
    fn names(&self, text: &str, language: Language) -> BTreeMap<String, Vec<String>> {
        let code = lexical::code_of(text, language);
        let called: BTreeSet<String> =
            lexical::calls(&code, language).into_iter().map(|call| call.name).collect();
        let ids = |name: &String| self.named.get(name).filter(|ids| ids.len() <= MOST_OF_A_NAME);
        called.into_iter().filter_map(|name| ids(&name).cloned().map(|ids| (name, ids))).collect()
    }
}
