//! `segue graph PIPELINE`: the pipeline drawn, as text or as SVG, in columns of what can run at the same time.

use std::{fmt::Write as _, path::Path, process::ExitCode};

use anyhow::{Context, Result};
use engine::{
    ids::PhaseIndex,
    pipeline::{Join, Pipeline, Trigger, Work},
};

use crate::{config::read_setup, logging::say};

/// Size of a box and of the gaps between boxes, in pixels.
const BOX: (usize, usize) = (150, 46);
const GAP: (usize, usize) = (60, 22);

pub(super) fn run(config: &Path, name: &str, svg: bool) -> Result<ExitCode> {
    let setup = read_setup(config)?;
    let pipeline = setup.pipelines.iter().find(|pipeline| pipeline.name == *name);
    let pipeline = pipeline.with_context(|| format!("there is no pipeline '{name}'"))?;
    say(&if svg { draw_svg(pipeline) } else { draw_text(pipeline) });
    Ok(ExitCode::SUCCESS)
}

/// The phases in columns: a phase stands one to the right of its last predecessor.
fn columns(pipeline: &Pipeline) -> Vec<Vec<PhaseIndex>> {
    let mut depth = vec![0; pipeline.phases.len()];
    for _ in 0..pipeline.phases.len() {
        for index in pipeline.indexes() {
            let after = &pipeline.phase(index).after;
            depth[index.usize()] = after.iter().map(|p| depth[p.usize()] + 1).max().unwrap_or(0);
        }
    }
    let width = depth.iter().max().map_or(0, |deepest| deepest + 1);
    (0..width).map(|column| pipeline.indexes().filter(|i| depth[i.usize()] == column).collect()).collect()
}

/// What is special about a phase, in a few words.
fn notes(pipeline: &Pipeline, index: PhaseIndex) -> String {
    let phase = pipeline.phase(index);
    let mut notes = Vec::new();
    match &phase.work {
        Work::Wait(wait) => notes.push(format!("waits for '{}'", wait.signal)),
        Work::Service(work) if work.service != phase.id => notes.push(format!("by {}", work.service)),
        Work::Service(_) => {}
    }
    if let Some(map) = &phase.map {
        notes.push(
            map.parallel.map_or_else(|| "map".to_owned(), |parallel| format!("map, {parallel} at once")),
        );
    }
    match phase.join {
        Join::All => {}
        Join::Any => notes.push("any".to_owned()),
        Join::Count(count) => notes.push(format!("{count} of {}", phase.after.len())),
    }
    if phase.gate.is_some() {
        notes.push("gate".to_owned());
    }
    if let Some(number) = phase.in_loop {
        notes.push(format!("loop {}", pipeline.loops[number].id));
    }
    if phase.trigger == Trigger::Failure {
        notes.push("on failure".to_owned());
    }
    notes.join(", ")
}

fn draw_text(pipeline: &Pipeline) -> String {
    let mut text = format!("{}\n", pipeline.name);
    for column in columns(pipeline) {
        for (row, index) in column.iter().enumerate() {
            let phase = pipeline.phase(*index);
            let after: Vec<&str> = phase.after.iter().map(|p| pipeline.phase(*p).id.as_str()).collect();
            let arrow = if after.is_empty() { String::new() } else { format!("  ← {}", after.join(", ")) };
            let notes = notes(pipeline, *index);
            let notes = if notes.is_empty() { notes } else { format!("  ({notes})") };
            let branch = match (column.len(), row) {
                (1, _) => "──",
                (_, 0) => "┬─",
                (n, row) if row + 1 == n => "└─",
                _ => "├─",
            };
            let _ = writeln!(text, "  {branch} {}{notes}{arrow}", phase.id);
        }
    }
    text.trim_end().to_owned()
}

fn draw_svg(pipeline: &Pipeline) -> String {
    let columns = columns(pipeline);
    let rows = columns.iter().map(Vec::len).max().unwrap_or(1);
    let place = |column: usize, row: usize, of: usize| {
        let top = (rows - of) * (BOX.1 + GAP.1) / 2;
        (20 + column * (BOX.0 + GAP.0), 20 + top + row * (BOX.1 + GAP.1))
    };
    let mut places = vec![(0, 0); pipeline.phases.len()];
    for (column, phases) in columns.iter().enumerate() {
        for (row, index) in phases.iter().enumerate() {
            places[index.usize()] = place(column, row, phases.len());
        }
    }
    let (width, height) = (columns.len() * (BOX.0 + GAP.0) - GAP.0 + 40, rows * (BOX.1 + GAP.1) - GAP.1 + 40);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\">\n"
    );
    for index in pipeline.indexes() {
        for before in &pipeline.phase(index).after {
            let (from, to) = (places[before.usize()], places[index.usize()]);
            let (x1, y1, x2, y2) = (from.0 + BOX.0, from.1 + BOX.1 / 2, to.0, to.1 + BOX.1 / 2);
            let bend = x1 + (x2.saturating_sub(x1)) / 2;
            let _ = writeln!(
                svg,
                "  <path d=\"M{x1},{y1} C{bend},{y1} {bend},{y2} {x2},{y2}\" fill=\"none\" stroke=\"#7a8699\" stroke-width=\"1.5\"/>"
            );
        }
    }
    for index in pipeline.indexes() {
        let ((x, y), (w, h)) = (places[index.usize()], BOX);
        let dash =
            if pipeline.phase(index).trigger == Trigger::Failure { " stroke-dasharray=\"4 3\"" } else { "" };
        let _ = writeln!(
            svg,
            "  <rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" rx=\"8\" fill=\"#eef3fb\" stroke=\"#3b6fb5\"{dash}/>"
        );
        let (middle, title, below) = (x + w / 2, y + 20, y + 36);
        let id = &pipeline.phase(index).id;
        let notes = notes(pipeline, index).replace('&', "&amp;").replace('<', "&lt;");
        let _ = writeln!(
            svg,
            "  <text x=\"{middle}\" y=\"{title}\" text-anchor=\"middle\" font-size=\"14\" fill=\"#14233a\">{id}</text>"
        );
        let _ = writeln!(
            svg,
            "  <text x=\"{middle}\" y=\"{below}\" text-anchor=\"middle\" font-size=\"10\" fill=\"#55637a\">{notes}</text>"
        );
    }
    svg.push_str("</svg>");
    svg
}
