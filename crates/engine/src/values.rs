//! What a job's conditions and services see of it: the input, the item, and what earlier phases gave.

use serde_json::{Value, json};

use crate::{
    ids::{Name, PhaseIndex},
    job::{Job, PhaseStatus, RunState},
    payload::Payload,
    pipeline::Pipeline,
};

/// What a name in a condition stands for; none where there is nothing by that name.
pub(crate) fn lookup(pipeline: &Pipeline, job: &Job, name: &str, item: Option<&Payload>) -> Option<Value> {
    match name {
        "input" => Some(job.input.value()),
        "item" => item.map(Payload::value),
        _ => {
            let phase = pipeline.find(name)?;
            let state = job.phase(phase);
            let given = !matches!(state.status, PhaseStatus::Pending);
            given.then(|| {
                json!({
                    "output": output(job, phase).value(),
                    "stats": stats(job, phase).value(),
                    "success": !matches!(state.status, PhaseStatus::Failed | PhaseStatus::Skipped(_)),
                    "skipped": matches!(state.status, PhaseStatus::Skipped(_)),
                    "turn": state.turn,
                })
            })
        }
    }
}

/// What a phase gave: its run's output, or, of a map, the list of its runs' outputs with null where one failed.
#[must_use]
pub fn output(job: &Job, phase: PhaseIndex) -> Payload {
    let state = job.phase(phase);
    let outputs = state.runs.iter().map(|run| match &run.state {
        RunState::Succeeded(result) => result.output.get(),
        _ => "null",
    });
    if state.mapped {
        let joined = format!("[{}]", outputs.collect::<Vec<_>>().join(","));
        return Payload::from_text(joined).unwrap_or_default();
    }
    match state.runs.first().map(|run| &run.state) {
        Some(RunState::Succeeded(result)) => result.output.clone(),
        _ => Payload::null(),
    }
}

/// Figures about what a phase gave: its run's, or, of a map, how many runs there were and how they ended, and the sums of
/// the numbers that its runs gave.
#[must_use]
pub fn stats(job: &Job, phase: PhaseIndex) -> Payload {
    let state = job.phase(phase);
    if !state.mapped {
        return match state.runs.first().map(|run| &run.state) {
            Some(RunState::Succeeded(result)) => result.stats.clone(),
            _ => Payload::from_value(&json!({})),
        };
    }
    let mut sums = serde_json::Map::new();
    let mut succeeded = 0;
    for run in &state.runs {
        let RunState::Succeeded(result) = &run.state else { continue };
        succeeded += 1;
        let Value::Object(figures) = result.stats.value() else { continue };
        for (name, figure) in figures {
            if let Value::Number(number) = figure {
                add(sums.entry(name).or_insert_with(|| json!(0)), &number);
            }
        }
    }
    sums.insert("items".to_owned(), json!(state.runs.len()));
    sums.insert("succeeded".to_owned(), json!(succeeded));
    sums.insert("failed".to_owned(), json!(state.failed));
    Payload::from_value(&Value::Object(sums))
}

fn add(sum: &mut Value, number: &serde_json::Number) {
    *sum = match (sum.as_i64(), number.as_i64()) {
        (Some(a), Some(b)) => json!(a.saturating_add(b)),
        _ => json!(sum.as_f64().unwrap_or(0.0) + number.as_f64().unwrap_or(0.0)),
    };
}

/// What a direct predecessor gave, as a start request carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// The predecessor.
    pub phase: Name,
    /// Its output.
    pub output: Payload,
    /// Its figures.
    pub stats: Payload,
}

/// What the direct predecessors of a phase gave. From the second turn of a loop on, its first phases also get what its last
/// phases gave in the turn before.
#[must_use]
pub fn upstream(pipeline: &Pipeline, job: &Job, phase: PhaseIndex) -> Vec<Upstream> {
    let definition = pipeline.phase(phase);
    let name = |source: PhaseIndex| pipeline.phase(source).id.clone();
    let given = |source: PhaseIndex| Upstream {
        phase: name(source),
        output: output(job, source),
        stats: stats(job, source),
    };
    let before = definition.after.iter().filter(|source| job.phase(**source).status != PhaseStatus::Pending);
    let mut all: Vec<Upstream> = before.map(|&source| given(source)).collect();
    if let Some(number) = definition.in_loop
        && pipeline.loop_entries(number).contains(&phase)
    {
        all.extend(pipeline.loop_exits(number).into_iter().filter_map(|exit| {
            let previous = job.phase(exit).previous.as_ref()?;
            Some(Upstream {
                phase: name(exit),
                output: previous.output.clone(),
                stats: previous.stats.clone(),
            })
        }));
    }
    all
}
