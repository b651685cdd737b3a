//! Reads a pipeline from its TOML: everything is checked before anything runs, and everything that is wrong is said at once,
//! with its line and a hint.

mod check;
mod phase;

use std::{fmt, ops::Range, time::Duration};

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
    pub hint: Option<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
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

/// Collects findings while it reads.
struct Reader<'a> {
    text: &'a str,
    findings: Vec<Finding>,
}

impl Reader<'_> {
    fn finding(&mut self, span: Range<usize>, message: impl Into<String>, hint: Option<String>) {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        self.findings.push(Finding {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message: message.into(),
            hint,
        });
    }

    fn pipeline(&mut self) -> Option<Pipeline> {
        if self.text.len() > MAX_PIPELINE_LEN {
            self.finding(0..0, format!("a pipeline has at most {MAX_PIPELINE_LEN} bytes"), None);
            return None;
        }
        let raw: RawPipeline = match toml::from_str(self.text) {
            Ok(raw) => raw,
            Err(error) => {
                let span = error.span().unwrap_or(0..0);
                self.finding(span, error.message().replace('\n', " "), None);
                return None;
            }
        };
        if raw.phase.is_empty() || raw.phase.len() > MAX_PHASES {
            let message =
                format!("a pipeline has 1 to {MAX_PHASES} phases; this one has {}", raw.phase.len());
            self.finding(0..0, message, Some("add a [[phase]] with an id and a service".to_owned()));
            return None;
        }
        let names = check::PhaseNames::collect(self, &raw);
        let mut phases: Vec<Phase> =
            raw.phase.iter().filter_map(|phase| self.phase(phase.get_ref(), &names)).collect();
        if phases.len() != raw.phase.len() {
            return None;
        }
        let loops: Vec<Loop> = raw.loops.iter().filter_map(|raw| self.r#loop(raw, &names)).collect();
        if loops.len() != raw.loops.len() {
            return None;
        }
        for (number, one) in loops.iter().enumerate() {
            for phase in &one.phases {
                phases[phase.usize()].in_loop = Some(number);
            }
        }
        let approval_timeout =
            self.optional_duration(raw.approval_timeout.as_ref()).unwrap_or(DEFAULT_APPROVAL_TIMEOUT);
        let pipeline = Pipeline {
            name: self.name(&raw.name)?,
            source: self.text.into(),
            hash: DefinitionHash::of(self.text),
            route: raw.route.as_ref().and_then(|route| self.route(route)),
            key_field: raw.key.clone(),
            mode: raw.mode,
            on_conflict: raw.on_conflict,
            on_failure: raw.on_failure,
            approval_timeout,
            phases,
            loops,
            schedules: raw.schedule.iter().filter_map(|schedule| self.schedule(schedule)).collect(),
        };
        self.check_graph(&raw, &pipeline);
        Some(pipeline)
    }

    fn name(&mut self, text: &Spanned<String>) -> Option<Name> {
        Name::new(text.get_ref()).map_err(|error| self.finding(text.span(), error.to_string(), None)).ok()
    }

    fn route(&mut self, route: &Spanned<String>) -> Option<String> {
        let text = route.get_ref();
        let valid = !text.is_empty()
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !["jobs", "services", "pipelines", "attempts", "events"].contains(&text.as_str());
        if !valid {
            let hint = "a-z, 0-9 and -, and none of jobs, services, pipelines, attempts, events";
            self.finding(route.span(), format!("'{text}' can't be a route"), Some(hint.to_owned()));
        }
        valid.then(|| text.clone())
    }

    fn duration(&mut self, text: &Spanned<String>) -> Option<Duration> {
        duration::parse(text.get_ref()).map_err(|message| self.finding(text.span(), message, None)).ok()
    }

    fn optional_duration(&mut self, text: Option<&Spanned<String>>) -> Option<Duration> {
        text.and_then(|text| self.duration(text))
    }

    fn condition(&mut self, source: &Spanned<String>) -> Option<Condition> {
        Condition::compile(source.get_ref())
            .map_err(|message| {
                let hint = "conditions are CEL, such as grammar.stats.deletionRate < 0.2".to_owned();
                self.finding(source.span(), message, Some(hint));
            })
            .ok()
    }

    fn phase_ref(&mut self, id: &Spanned<String>, names: &check::PhaseNames) -> Option<PhaseIndex> {
        let found = names.get(id.get_ref());
        if found.is_none() {
            let hint = names.nearest(id.get_ref()).map(|near| format!("did you mean {near}?"));
            self.finding(id.span(), format!("there is no phase '{}'", id.get_ref()), hint);
        }
        found
    }

    fn r#loop(&mut self, raw: &Spanned<RawLoop>, names: &check::PhaseNames) -> Option<Loop> {
        let raw = raw.get_ref();
        let phases: Vec<PhaseIndex> =
            raw.phases.iter().filter_map(|phase| self.phase_ref(phase, names)).collect();
        let max = *raw.max.get_ref();
        if max == 0 || max > MAX_LOOP_TURNS {
            self.finding(raw.max.span(), format!("a loop has 1 to {MAX_LOOP_TURNS} turns"), None);
        }
        if phases.is_empty() {
            self.finding(raw.id.span(), "a loop has at least one phase", None);
            return None;
        }
        let id = self.name(&raw.id)?;
        let until = self.condition(&raw.until)?;
        Some(Loop { id, phases, until, max, on_max: raw.on_max })
    }

    fn schedule(&mut self, raw: &Spanned<RawSchedule>) -> Option<Schedule> {
        let raw = raw.get_ref();
        if let Err(error) = raw.cron.get_ref().parse::<croner::Cron>() {
            let hint = "five fields: minute hour day month weekday, such as 0 3 * * *".to_owned();
            self.finding(raw.cron.span(), format!("not a cron expression: {error}"), Some(hint));
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
