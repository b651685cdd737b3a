//! Callees before callers. What calls itself in a circle cannot be ordered and is one group.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{calls::CallGraph, components::Component};

/// The order in which to document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Groups, callees first. A group has one component, or those of a circle, by id.
    pub groups: Vec<Vec<String>>,
    /// For each group the level: 0 calls nothing of ours, and each group is above all that it calls. Groups of one level do
    /// not depend on each other.
    pub levels: Vec<usize>,
    /// The circles alone; a function that calls itself is one.
    pub cycles: Vec<Vec<String>>,
}

/// Orders components by who calls whom. Among those that may come in any order, the lesser id comes first.
#[must_use]
pub fn order(components: &[Component], graph: &CallGraph) -> Order {
    let mut ids: Vec<&str> = components.iter().map(|it| it.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    let number: BTreeMap<&str, usize> = ids.iter().enumerate().map(|(at, id)| (*id, at)).collect();
    let mut callees = vec![Vec::new(); ids.len()];
    for edge in &graph.edges {
        if let (Some(from), Some(to)) = (number.get(&*edge.caller), number.get(&*edge.callee)) {
            callees[*from].push(*to);
        }
    }
    for all in &mut callees {
        all.sort_unstable();
        all.dedup();
    }
    let circles = strongly_connected(&callees);
    let mut group_of = vec![0; ids.len()];
    for (group, members) in circles.iter().enumerate() {
        members.iter().for_each(|it| group_of[*it] = group);
    }
    // A group is found after all that it calls, so its callees' levels are known.
    let mut level_of = vec![0; circles.len()];
    for (group, members) in circles.iter().enumerate() {
        let called =
            members.iter().flat_map(|it| &callees[*it]).map(|it| group_of[*it]).filter(|it| *it != group);
        level_of[group] = called.map(|it| level_of[it] + 1).max().unwrap_or(0);
    }
    let mut sorted: Vec<usize> = (0..circles.len()).collect();
    sorted.sort_by_key(|group| (level_of[*group], circles[*group][0]));
    let names = |group: usize| circles[group].iter().map(|it| ids[*it].to_owned()).collect::<Vec<_>>();
    let is_cycle = |group: usize| {
        let first = circles[group][0];
        circles[group].len() > 1 || callees[first].contains(&first)
    };
    Order {
        groups: sorted.iter().map(|it| names(*it)).collect(),
        levels: sorted.iter().map(|it| level_of[*it]).collect(),
        cycles: sorted.iter().filter(|it| is_cycle(**it)).map(|it| names(*it)).collect(),
    }
}

/// Tarjan's algorithm with a stack of its own: a long chain of calls must not use up ours. Callees' groups come first.
fn strongly_connected(callees: &[Vec<usize>]) -> Vec<Vec<usize>> {
    const UNSEEN: usize = usize::MAX;
    let mut index = vec![UNSEEN; callees.len()];
    let mut low = vec![0; callees.len()];
    let mut on_stack = vec![false; callees.len()];
    let (mut stack, mut groups, mut count) = (Vec::new(), Vec::new(), 0);
    for root in 0..callees.len() {
        if index[root] != UNSEEN {
            continue;
        }
        let mut open = vec![(root, 0)];
        while let Some((node, next)) = open.pop() {
            if next == 0 {
                (index[node], low[node]) = (count, count);
                count += 1;
                stack.push(node);
                on_stack[node] = true;
            }
            match callees[node].get(next) {
                Some(callee) => {
                    open.push((node, next + 1));
                    if index[*callee] == UNSEEN {
                        open.push((*callee, 0));
                    } else if on_stack[*callee] {
                        low[node] = low[node].min(index[*callee]);
                    }
                }
                None => {
                    if let Some((caller, _)) = open.last() {
                        low[*caller] = low[*caller].min(low[node]);
                    }
                    if low[node] == index[node] {
                        let mut group = Vec::new();
                        while let Some(member) = stack.pop() {
                            on_stack[member] = false;
                            group.push(member);
                            if member == node {
                                break;
                            }
                        }
                        group.sort_unstable();
                        groups.push(group);
                    }
                }
            }
        }
    }
    groups
}
