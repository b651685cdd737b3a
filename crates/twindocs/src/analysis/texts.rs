//! The text of every component, for those who write about it.
//!
//! A function's is all of its lines, with the comment above it. A module's or a type's is what belongs to no component of its own, or a reader of it would be
//! given the whole file once more.

use std::collections::BTreeMap;

use super::{components::Component, source::Codebase};
use crate::records::documented::Sources;

/// Longest text of a module or a type, in bytes. Who documents it needs its fields and its shape, not its tables.
pub const LONGEST: usize = 32 * 1024;

/// Cuts the text of each component out of its file.
#[must_use]
pub fn texts(codebase: &Codebase, components: &[Component]) -> Sources {
    let mut of_file: BTreeMap<&str, Vec<&Component>> = BTreeMap::new();
    for component in components {
        of_file.entry(&component.path).or_default().push(component);
    }
    let mut texts = Sources::new();
    for file in &codebase.files {
        let lines: Vec<&str> = file.text.lines().collect();
        let all = of_file.get(&*file.path).map(Vec::as_slice).unwrap_or_default();
        for component in all {
            let (from, to) = range(component, lines.len());
            let with_comment = (with_comment(&lines, from, 0), to);
            let text = match component.kind.is_callable() {
                true => joined(&lines, with_comment, &[]),
                false => cut(joined(&lines, with_comment, &inside(component, all, &lines))),
            };
            texts.insert(component.id.clone(), text);
        }
    }
    texts
}

/// A component's lines, from 0, without the last; never beyond the file.
fn range(component: &Component, lines: usize) -> (usize, usize) {
    let end = (component.line_end as usize).min(lines);
    ((component.line_start.max(1) as usize - 1).min(end), end)
}

/// The ranges of components in this one, each with the comment above it.
fn inside(outer: &Component, all: &[&Component], lines: &[&str]) -> Vec<(usize, usize)> {
    let (from, to) = range(outer, lines.len());
    let mut ranges = Vec::new();
    for inner in all.iter().filter(|one| one.id != outer.id && outer.parent.as_ref() != Some(&one.id)) {
        let (start, end) = range(inner, lines.len());
        // Of two with the same lines, the module is the outer one.
        let same = (start, end) == (from, to);
        if start < from || end > to || (same && inner.parent.as_ref() != Some(&outer.id)) {
            continue;
        }
        ranges.push((with_comment(lines, start, from), end));
    }
    ranges
}

/// Where the comment above a line begins.
fn with_comment(lines: &[&str], mut start: usize, first: usize) -> usize {
    while start > first {
        if is_comment(lines[start - 1]) {
            start -= 1;
            continue;
        }
        // An attribute of several lines is between.
        let above = lines[..start].iter().rposition(|line| line.trim_start().starts_with("#["));
        match above {
            Some(at) if lines[start - 1].trim() == ")]" && at >= first && start - at < 20 => start = at,
            _ => break,
        }
    }
    start
}

/// Returns how many lines of a function's text are above its first line; none where its lines cannot be told.
#[must_use]
pub fn lines_above(component: &Component, text: &str) -> Option<u32> {
    let own = (component.line_end + 1).checked_sub(component.line_start)?;
    let all = u32::try_from(text.lines().count()).ok()?;
    if component.kind.is_callable() { all.checked_sub(own) } else { None }
}

fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    let marks = ["//", "/*", "* ", "*/", "# ", "#["];
    !line.starts_with("//!") && (line == "*" || marks.iter().any(|mark| line.starts_with(mark)))
}

fn joined(lines: &[&str], (from, to): (usize, usize), without: &[(usize, usize)]) -> String {
    let mut text = String::new();
    let mut was_blank = false;
    for (at, line) in lines.iter().enumerate().take(to).skip(from) {
        if without.iter().any(|(start, end)| (*start..*end).contains(&at)) {
            continue;
        }
        // Where something was taken out, one blank line is left of several.
        let is_blank = line.trim().is_empty();
        if is_blank && was_blank && !without.is_empty() {
            continue;
        }
        was_blank = is_blank;
        text.push_str(line);
        text.push('\n');
    }
    text
}

fn cut(mut text: String) -> String {
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push_str("\n…\n");
    }
    text
}
