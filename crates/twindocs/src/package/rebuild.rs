//! A ticket for each component, as Beads keeps them: what somebody who builds it anew must know, and what must be there first.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{
    graph::MergedGraph,
    merge::{Merged, MergedDocumentation},
    parts::Parts,
};
use crate::analysis::components::{Component, Visibility};

/// Longest title that Beads takes, in characters.
const LONGEST_TITLE: usize = 500;

/// Returns a component's ticket id: the same in every job.
#[must_use]
pub fn ticket_id(component: &str) -> String {
    let hash = blake3::hash(format!("rebuild:{component}").as_bytes()).to_hex();
    format!("rebuild-{}", &hash[..10])
}

/// Writes the lines, callees before callers.
///
/// # Errors
/// Where one cannot be written as JSON.
pub fn tickets(
    parts: &Parts,
    documentation: &MergedDocumentation,
    graph: &MergedGraph,
) -> Result<String, serde_json::Error> {
    let by_id = parts.by_id();
    let callees = graph.callees();
    let groups = &parts.components.order.groups;
    let group_of: BTreeMap<&str, usize> = groups
        .iter()
        .enumerate()
        .flat_map(|(at, members)| members.iter().map(move |id| (id.as_str(), at)))
        .collect();
    let mut lines = String::new();
    for id in groups.iter().flatten() {
        let (Some(component), Some(merged)) = (by_id.get(id.as_str()), documentation.get(id)) else {
            continue;
        };
        let called: BTreeSet<&str> =
            callees.get(id.as_str()).into_iter().flatten().map(|it| it.callee.as_str()).collect();
        // Only what the order puts before it blocks: then no ticket waits for itself, however the streams see the calls.
        let before = |it: &&str| group_of.get(*it) < group_of.get(id.as_str());
        let (first, beside): (Vec<&str>, Vec<&str>) =
            called.into_iter().filter(|it| *it != id).partition(before);
        let mut dependencies = Vec::new();
        for (kind, others) in [("blocks", first), ("related", beside)] {
            let created_at = parts.job.completed_at;
            dependencies.extend(others.into_iter().map(|other| {
                json!({ "issue_id": ticket_id(id), "depends_on_id": ticket_id(other), "type": kind, "created_at": created_at })
            }));
        }
        let mut line = ticket(parts, component, merged);
        if !dependencies.is_empty() {
            line["dependencies"] = Value::Array(dependencies);
        }
        line.sort_all_objects();
        let text = serde_json::to_string(&line)?;
        lines.push_str(&text);
        lines.push('\n');
    }
    Ok(lines)
}

fn ticket(parts: &Parts, component: &Component, merged: &Merged) -> Value {
    let confidence = match merged.confidence_score {
        95.. => "confidence-high",
        80.. => "confidence-medium",
        _ => "confidence-low",
    };
    let title: String = format!("Rebuild: {}", component.name).chars().take(LONGEST_TITLE).collect();
    let kind = json!(component.kind);
    let labels = [
        confidence.to_owned(),
        format!("kind-{}", kind.as_str().unwrap_or("component")),
        format!("language-{}", json!(component.language).as_str().unwrap_or("other")),
    ];
    json!({
        "id": ticket_id(&component.id),
        "title": title,
        "description": description(component, merged),
        "acceptance_criteria": acceptance(component, merged),
        "status": "open",
        "priority": if component.visibility == Visibility::Public { 1 } else { 2 },
        "issue_type": "story",
        "created_at": parts.job.completed_at,
        "updated_at": parts.job.completed_at,
        "external_ref": component.id,
        "labels": labels,
        "metadata": {
            "component_id": component.id,
            "path": component.path,
            "line_start": component.line_start,
            "line_end": component.line_end,
            "confidence": merged.confidence_score,
        },
    })
}

fn description(component: &Component, merged: &Merged) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "`{}`, {}:{}-{}, confidence {} %\n\n```\n{}\n```\n",
        component.id,
        component.path,
        component.line_start,
        component.line_end,
        merged.confidence_score,
        component.signature
    );
    let Some(documentation) = &merged.documentation else {
        text.push_str("No stream could document it. What is known is its place and signature.\n");
        return text;
    };
    super::markdown::documentation(&mut text, documentation, 2);
    super::markdown::calls(&mut text, merged, 2, &|id| format!("`{id}`"));
    if merged.open().next().is_some() {
        super::markdown::differences(&mut text, merged, 2);
    }
    text
}

/// Five things that somebody who takes it over can look at.
fn acceptance(component: &Component, merged: &Merged) -> String {
    let raises = merged.documentation.as_ref().map_or(0, |it| it.raises.len());
    let open = merged.open().count();
    let undecided = match open {
        0 => "- [ ] Nothing of it is undecided between the two descriptions; what it does is as described"
            .to_owned(),
        _ => {
            format!("- [ ] The {open} undecided places are decided by reading the old code, and written down")
        }
    };
    [
        format!("- [ ] The interface is `{}`", component.signature.trim()),
        format!("- [ ] It makes the {} calls listed, and no other of this codebase", merged.callees.len()),
        format!("- [ ] Its {} callers work with it unchanged", merged.callers.len()),
        format!("- [ ] A test shows its result, and each of its {raises} errors"),
        undecided,
    ]
    .join("\n")
}
