//! From facts to the graph: extensions and bases first, then every call, again with what callers pass.

use super::{
    CallEdge, CallGraph, CallType, ExternalCall, Unresolved,
    targets::Targets,
    values::{Evaluator, Value},
    world::{Bound, World},
};
use std::collections::BTreeSet;

use crate::analysis::{
    components::Kind,
    facts::{Call, Expr, FileFacts, Why},
    source::Language,
};

/// How often what callers pass is fed back.
const ROUNDS: usize = 3;
/// A parameter that is given more different things than these is left unknown.
const MOST_PASSED: usize = 12;

/// The call graph of all files together.
pub(crate) fn resolve(files: &[FileFacts]) -> CallGraph {
    let mut world = World::new(files);
    extend_types(&mut world);
    find_bases(&mut world);
    find_go_implementations(&mut world);
    let mut evaluator = Evaluator::new(&world);
    for _ in 1..ROUNDS {
        if !pass_arguments(&mut evaluator) {
            break;
        }
        evaluator.forget();
    }
    let mut graph = CallGraph::default();
    for (scope, call) in calls_of(&world) {
        let targets = evaluator.targets(call, scope);
        record(&mut evaluator, &mut graph, scope, call, targets);
    }
    sort(&mut graph);
    graph
}

fn calls_of<'f>(world: &World<'f>) -> impl Iterator<Item = (usize, &'f Call)> + use<'f> {
    let offsets = world.offsets.clone();
    world
        .files
        .iter()
        .zip(offsets)
        .flat_map(|(file, offset)| file.calls.iter().map(move |it| (it.scope + offset, it)))
}

/// Gives members that are written elsewhere to their types.
fn extend_types(world: &mut World<'_>) {
    let files = world.files;
    let mut found = Vec::new();
    let mut bases = Vec::new();
    let mut evaluator = Evaluator::new(world);
    for (file, offset) in files.iter().zip(&world.offsets) {
        for extension in &file.extensions {
            let scope = extension.scope + offset;
            let types = evaluator.eval(&extension.target, scope);
            for owner in types.iter().filter_map(of_type).filter(|it| world.nodes[*it].kind.is_type()) {
                for (name, expr) in &extension.members {
                    found.push((owner, &**name, (expr, scope)));
                }
                if let Some(base) = &extension.base {
                    bases.push((owner, evaluator.eval(base, scope)));
                }
            }
        }
    }
    for (owner, name, bound) in found {
        if let Expr::Def(local) = bound.0 {
            let offset = world.offsets[world.nodes[bound.1].file];
            world.owners.insert(local + offset, owner);
        }
        world.members[owner].entry(name).or_default().push(bound);
    }
    for (owner, values) in bases {
        add_bases(world, owner, values.into_iter().collect());
    }
}

fn of_type(value: &Value) -> Option<usize> {
    match value {
        Value::Def(at) => Some(*at),
        Value::Instance { of, .. } => Some(*of),
        _ => None,
    }
}

fn find_bases(world: &mut World<'_>) {
    let files = world.files;
    let mut found = Vec::new();
    let mut evaluator = Evaluator::new(world);
    for (file, offset) in files.iter().zip(&world.offsets) {
        for (heir, expr) in &file.bases {
            // Read from outside: a class does not see its own members there.
            let scope = world.nodes[heir + offset].parent.unwrap_or(*offset);
            found.push((heir + offset, evaluator.eval(expr, scope)));
        }
    }
    for (heir, values) in found {
        add_bases(world, heir, values.into_iter().collect());
    }
}

/// In Go a type implements every interface whose methods it has.
fn find_go_implementations(world: &mut World<'_>) {
    let methods = |at: usize| -> BTreeSet<&str> {
        let own = |it: &usize| {
            let is_method = |(expr, reads): &Bound<'_>| match expr {
                Expr::Def(local) => {
                    world.nodes[local + world.offsets[world.nodes[*reads].file]].kind == Kind::Method
                }
                _ => false,
            };
            let all = world.members[*it].iter();
            all.filter(|(_, bound)| bound.iter().any(is_method)).map(|(name, _)| *name).collect::<Vec<_>>()
        };
        let bases = world.bases.get(&at).map_or(&[][..], Vec::as_slice);
        std::iter::once(&at).chain(bases).flat_map(own).collect()
    };
    let of_kind = |kind: Kind| {
        let all = world.nodes.iter().enumerate();
        all.filter(move |(_, it)| it.language == Language::Go && it.kind == kind)
            .map(|(at, _)| (at, methods(at)))
            .filter(|(_, methods)| !methods.is_empty())
            .collect::<Vec<_>>()
    };
    let (interfaces, types) = (of_kind(Kind::Interface), of_kind(Kind::Struct));
    for (interface, wanted) in &interfaces {
        for (heir, _) in types.iter().filter(|it| wanted.is_subset(&it.1)) {
            world.add_base(*heir, *interface);
        }
    }
}

fn add_bases(world: &mut World<'_>, heir: usize, values: Vec<Value>) {
    for value in values {
        match value {
            Value::Def(base) if world.nodes[base].kind.is_type() => world.add_base(heir, base),
            Value::External(name) => drop(world.outside_bases.entry(heir).or_insert(name)),
            _ => {}
        }
    }
}

/// Tells parameters without a type what they are given. Returns whether anything is new.
fn pass_arguments<'f>(evaluator: &mut Evaluator<'_, 'f>) -> bool {
    let world = evaluator.world;
    let mut passed: Vec<((usize, &'f str), Bound<'f>)> = Vec::new();
    for (scope, call) in calls_of(world) {
        if call.args.is_empty() {
            continue;
        }
        for (at, call_type, _) in evaluator.targets(call, scope).ours {
            let node = &world.nodes[at];
            let file = &world.files[node.file];
            let local = at - world.offsets[node.file];
            let open = &file.open_parameters[local];
            if open.is_empty() || call_type == CallType::Dynamic {
                continue;
            }
            for (position, (name, expr)) in call.args.iter().enumerate() {
                if matches!(expr, Expr::Unknown | Expr::Literal) {
                    continue;
                }
                let by_place = || file.components[local].parameters.get(position).map(|it| it.name.as_str());
                let name = name.as_deref().or_else(by_place);
                if let Some(name) = name.and_then(|name| open.iter().find(|it| *it == name)) {
                    passed.push(((at, &**name), (expr, scope)));
                }
            }
        }
    }
    let mut is_new = false;
    for (parameter, bound) in passed {
        let all = evaluator.flows.entry(parameter).or_default();
        if all.len() < MOST_PASSED && !all.contains(&bound) {
            all.push(bound);
            is_new = true;
        }
    }
    is_new
}

/// Writes down what a call runs.
fn record<'f>(
    evaluator: &mut Evaluator<'_, 'f>,
    graph: &mut CallGraph,
    scope: usize,
    call: &'f Call,
    found: Targets,
) {
    let world = evaluator.world;
    let caller = world.id(scope).to_owned();
    let edge = |at: usize, call_type, confidence| CallEdge {
        caller: caller.clone(),
        callee: world.id(at).to_owned(),
        call_type,
        around: call.around,
        line: call.line,
        confidence,
    };
    let is_inside = found.ours.is_empty();
    graph
        .edges
        .extend(found.ours.iter().map(|(at, call_type, confidence)| edge(*at, *call_type, *confidence)));
    if is_inside && call.why == Why::Call {
        // Who gets it is outside, and will call it.
        for (_, expr) in &call.args {
            if !matches!(expr, Expr::Name(_) | Expr::Attr(..) | Expr::Def(_)) {
                continue;
            }
            for value in evaluator.eval(expr, scope) {
                if let Value::Def(at) = value
                    && world.nodes[at].kind.is_callable()
                {
                    graph.edges.push(edge(at, CallType::Callback, 0.7));
                }
            }
        }
    }
    if !is_inside || found.nothing {
        return;
    }
    match found.external {
        Some(callee) => graph.external.push(ExternalCall { caller, callee, line: call.line }),
        None => {
            let reason = match &call.callee {
                Expr::Attr(of, _) if evaluator.eval(of, scope).is_empty() => "unknown-receiver",
                Expr::Attr(..) => "no-such-member",
                _ => "unknown-value",
            };
            let (text, line, reason) = (call.text.clone(), call.line, reason.to_owned());
            graph.unresolved.push(Unresolved { caller, text, line, reason });
        }
    }
}

fn sort(graph: &mut CallGraph) {
    let key = |it: &CallEdge| (it.caller.clone(), it.line, it.callee.clone(), it.call_type, it.around);
    graph.edges.sort_by_cached_key(key);
    graph.edges.dedup_by_key(|it| key(it));
    graph.external.sort();
    graph.external.dedup();
    graph.unresolved.sort();
    graph.unresolved.dedup();
}
