//! Reads a pipeline from its TOML: everything is checked before anything runs, and everything that is wrong is said at once,
//! with its line and a hint.

mod check;
mod hint;
mod of_start;
mod phase;

use std::{fmt, ops::Range, time::Duration};

pub(super) use of_start::unknown_codes;
use toml::Spanned;

use super::{
    DefinitionHash, Loop, MAX_LOOP_TURNS, MAX_PHASES, Phase, Pipeline, Schedule, duration,
    raw::{RawLoop, RawPipeline, RawSchedule},
};
use crate::{
    condition::Condition,
    ids::{Name, PhaseIndex},
    payload::Payload,
};

/// How long an approval is waited for where the pipeline says nothing.
const DEFAULT_APPROVAL_TIMEOUT: Duration = Duration::from_secs(7 * 24 * 3600);
/// Largest pipeline, in bytes.
pub const MAX_PIPELINE_LEN: usize = 1024 * 1024;

/// One thing that is wrong with a pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {} ({})", self.line, self.column, self.message, self.hint)
    }
}

/// All that is wrong with a pipeline; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct InvalidPipeline {
    /// In the order of the file.
    pub findings: Vec<Finding>,
}

impl fmt::Display for InvalidPipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.findings.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl Pipeline {
    /// Reads a pipeline.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, InvalidPipeline> {
        let mut reader = Reader { text, findings: Vec::new() };
        let pipeline = reader.pipeline();
        match pipeline {
            Some(pipeline) if reader.findings.is_empty() => Ok(pipeline),
            _ => {
                reader.findings.sort_by_key(|finding| (finding.line, finding.column));
                reader.findings.dedup();
                Err(InvalidPipeline { findings: reader.findings })
            }
        }
    }
}

impl Pipeline {
    /// The places where the pipeline calls services that are not among those declared. Services are declared elsewhere, so
    /// this is no part of reading a pipeline; whoever knows both asks.
    #[must_use]
    pub fn undeclared_services(&self, declared: &[&str]) -> Vec<Finding> {
        let mut reader = Reader { text: &self.source, findings: Vec::new() };
        let Ok(raw) = toml::from_str::<RawPipeline>(&self.source) else { return Vec::new() };
        let services = raw.phase.iter().filter_map(|phase| phase.get_ref().service.as_ref());
        for service in services.filter(|service| !declared.contains(&service.get_ref().as_str())) {
            let hint = match hint::nearest(service.get_ref(), declared.iter().copied()) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("declare it as [service.{}]", service.get_ref()),
            };
            reader.finding(service.span(), format!("there is no service '{}'", service.get_ref()), hint);
        }
        reader.findings
    }
}

/// What is quoted may hold a line's end: a finding is one line all the same.
fn in_one_line(text: String) -> String {
    if text.contains(char::is_control) { text.replace(char::is_control, " ") } else { text }
}

/// Collects findings while it reads.
struct Reader<'a> {
    text: &'a str,
    findings: Vec<Finding>,
}

impl Reader<'_> {
    fn finding(&mut self, span: Range<usize>, message: impl Into<String>, hint: impl Into<String>) {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        self.findings.push(Finding {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message: in_one_line(message.into()),
            hint: in_one_line(hint.into()),
        });
    }

    fn pipeline(&mut self) -> Option<Pipeline> {
        if self.text.len() > MAX_PIPELINE_LEN {
            self.finding(0..0, format!("a pipeline has at most {MAX_PIPELINE_LEN} bytes"), "make it two");
            return None;
        }
        let raw: RawPipeline = match toml::from_str(self.text) {
            Ok(raw) => raw,
            Err(error) => {
                let (message, hint) = hint::for_people(error.message());
                self.finding(error.span().unwrap_or(0..0), message, hint);
                return None;
            }
        };
        if raw.phase.is_empty() || raw.phase.len() > MAX_PHASES {
            let message =
                format!("a pipeline has 1 to {MAX_PHASES} phases; this one has {}", raw.phase.len());
            self.finding(0..0, message, "add a [[phase]] with an id and a service");
            return None;
        }
        // Everything is read before anything is given up, so that all that is wrong is said at once.
        let names = check::PhaseNames::collect(self, &raw);
        let name = self.name(&raw.name);
        let route = raw.route.as_ref().and_then(|route| self.route(route));
        let approval_timeout = self.optional_duration(raw.approval_timeout.as_ref());
        let checks = self.checks(&raw.check);
        let schedules = raw.schedule.iter().filter_map(|schedule| self.schedule(schedule)).collect();
        let phases: Vec<Phase> =
            raw.phase.iter().filter_map(|phase| self.phase(phase.get_ref(), &names)).collect();
        let loops: Vec<Loop> = raw.loops.iter().filter_map(|raw| self.r#loop(raw, &names)).collect();
        if phases.len() != raw.phase.len() || loops.len() != raw.loops.len() {
            return None;
        }
        let mut pipeline = Pipeline {
            name: name?,
            source: self.text.into(),
            hash: DefinitionHash::of(self.text),
            route,
            key_field: raw.key.clone(),
            mode: raw.mode,
            on_conflict: raw.on_conflict,
            on_failure: raw.on_failure,
            approval_timeout: approval_timeout.unwrap_or(DEFAULT_APPROVAL_TIMEOUT),
            checks,
            phases,
            loops,
            schedules,
        };
        for (number, one) in pipeline.loops.iter().enumerate() {
            for phase in &one.phases {
                pipeline.phases[phase.usize()].in_loop = Some(number);
            }
        }
        self.check_graph(&raw, &pipeline);
        Some(pipeline)
    }

    fn name(&mut self, text: &Spanned<String>) -> Option<Name> {
        let hint = "names are such as grammar or phase_5";
        Name::new(text.get_ref()).map_err(|error| self.finding(text.span(), error.to_string(), hint)).ok()
    }

    fn route(&mut self, route: &Spanned<String>) -> Option<String> {
        let text = route.get_ref();
        let valid = !text.is_empty()
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !["jobs", "services", "pipelines", "attempts", "events"].contains(&text.as_str());
        if !valid {
            let hint = "a-z, 0-9 and -, and none of jobs, services, pipelines, attempts, events";
            self.finding(route.span(), format!("'{text}' can't be a route"), hint);
        }
        valid.then(|| text.clone())
    }

    fn duration(&mut self, text: &Spanned<String>) -> Option<Duration> {
        match duration::parse(text.get_ref()) {
            Ok(duration) => Some(duration),
            Err(wrong) => {
                let (message, hint) = wrong.split_once(": ").unwrap_or((&wrong, "write 3650d or less"));
                self.finding(text.span(), message, hint);
                None
            }
        }
    }

    /// A duration after which something ends: none at all would end it before it began.
    fn positive_duration(&mut self, text: Option<&Spanned<String>>) -> Option<Duration> {
        let duration = self.optional_duration(text)?;
        if duration.is_zero() {
            let span = text.map_or(0..0, Spanned::span);
            self.finding(span, "this must be longer than no time", "such as 30s");
        }
        Some(duration)
    }

    fn optional_duration(&mut self, text: Option<&Spanned<String>>) -> Option<Duration> {
        text.and_then(|text| self.duration(text))
    }

    fn condition(&mut self, source: &Spanned<String>) -> Option<Condition> {
        Condition::compile(source.get_ref())
            .map_err(|wrong| {
                let hint = "conditions are CEL, such as grammar.stats.deletionRate < 0.2";
                self.finding(self.inside(source, wrong.column), wrong.message, hint);
            })
            .ok()
    }

    /// The place of a character of a text, where the text is written as it is read.
    fn inside(&self, source: &Spanned<String>, column: Option<usize>) -> Range<usize> {
        let span = source.span();
        let written = self.text.get(span.start + 1..span.end.saturating_sub(1));
        let at = column.and_then(|column| source.get_ref().char_indices().nth(column - 1));
        match at {
            Some((at, _)) if written == Some(source.get_ref().as_str()) => span.start + 1 + at..span.end,
            _ => span,
        }
    }

    fn phase_ref(&mut self, id: &Spanned<String>, names: &check::PhaseNames) -> Option<PhaseIndex> {
        let found = names.get(id.get_ref());
        if found.is_none() {
            let message = format!("there is no phase '{}'", id.get_ref());
            self.finding(id.span(), message, names.choose(id.get_ref()));
        }
        found
    }

    /// A list of phases, each there once.
    fn phase_refs(&mut self, ids: &[Spanned<String>], names: &check::PhaseNames) -> Vec<PhaseIndex> {
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            match self.phase_ref(id, names) {
                Some(phase) if found.contains(&phase) => {
                    let message = format!("'{}' is there twice", id.get_ref());
                    self.finding(id.span(), message, "remove one of the two");
                }
                Some(phase) => found.push(phase),
                None => {}
            }
        }
        found
    }

    fn r#loop(&mut self, raw: &Spanned<RawLoop>, names: &check::PhaseNames) -> Option<Loop> {
        let raw = raw.get_ref();
        let phases = self.phase_refs(&raw.phases, names);
        let max = *raw.max.get_ref();
        if max == 0 || max > MAX_LOOP_TURNS {
            self.finding(
                raw.max.span(),
                format!("a loop has 1 to {MAX_LOOP_TURNS} turns"),
                "such as max = 5",
            );
        }
        if raw.phases.is_empty() {
            let hint = "name the phases that are repeated: phases = [\"draft\", \"review\"]";
            self.finding(raw.id.span(), "a loop has at least one phase", hint);
        }
        let (id, until) = (self.name(&raw.id), self.condition(&raw.until));
        (!phases.is_empty()).then_some(Loop { id: id?, phases, until: until?, max, on_max: raw.on_max })
    }

    fn schedule(&mut self, raw: &Spanned<RawSchedule>) -> Option<Schedule> {
        let raw = raw.get_ref();
        if let Err(error) = raw.cron.get_ref().parse::<croner::Cron>() {
            let hint = "five fields: minute hour day month weekday, such as 0 3 * * *";
            self.finding(raw.cron.span(), format!("not a cron expression: {error}"), hint);
            return None;
        }
        let input = match &raw.input {
            Some(table) => serde_json::to_value(table).unwrap_or_default(),
            None => serde_json::Value::Object(serde_json::Map::new()),
        };
        Some(Schedule {
            cron: raw.cron.get_ref().clone(),
            key: raw.key.clone().unwrap_or_else(|| "scheduled".to_owned()),
            input: Payload::from_value(&input),
        })
    }
}
