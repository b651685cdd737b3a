//! A job's progress: in a terminal a line for each phase, with bars for those that count; elsewhere plain lines. Both say the
//! time left as the orchestrator estimates it: the same figures as its API and pages.

mod lines;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::Result;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use protocol::{Estimate, JobState, JobStatus, PhaseState, PhaseStatus, Progress};

use self::lines::Lines;
use crate::{api::Api, logging::say};

/// How often the job is looked at.
const EVERY: Duration = Duration::from_millis(300);

/// Shows a job until it is over or waits for a person, and returns its last status.
pub(crate) async fn watch(api: &Api, id: &str) -> Result<JobStatus> {
    let mut board = Board::new();
    let mut failures = 0;
    loop {
        let status = match api.status(id).await {
            Ok(status) => {
                failures = 0;
                status
            }
            // The orchestrator may be starting again; the job goes on all the same.
            Err(error) if failures < 100 => {
                failures += 1;
                tracing::debug!(%error, "no answer");
                tokio::time::sleep(EVERY).await;
                continue;
            }
            Err(error) => return Err(error),
        };
        board.show(&status, Instant::now());
        if status.status.is_over() || status.status == JobState::Waiting {
            return Ok(status);
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Where progress is shown.
enum Board {
    Bars { board: MultiProgress, bars: BTreeMap<String, ProgressBar>, whole: Option<ProgressBar> },
    Lines(Lines),
}

impl Board {
    fn new() -> Self {
        let board = MultiProgress::new();
        if board.is_hidden() {
            Self::Lines(Lines::default())
        } else {
            Self::Bars { board, bars: BTreeMap::new(), whole: None }
        }
    }

    fn show(&mut self, job: &JobStatus, now: Instant) {
        match self {
            Self::Bars { board, bars, whole } => {
                for phase in &job.phases {
                    let new = || line(board, &phase.phase);
                    show(bars.entry(phase.phase.clone()).or_insert_with(new), job, phase);
                }
                let whole = whole.get_or_insert_with(|| line(board, ""));
                match &job.estimate {
                    Some(estimate) => whole.set_message(format!("{} ({})", estimate.text, estimate.why)),
                    None => whole.finish_and_clear(),
                }
            }
            Self::Lines(lines) => lines.news(job, now).iter().for_each(|line| say(line)),
        }
    }
}

fn line(board: &MultiProgress, prefix: &str) -> ProgressBar {
    let bar = board.add(ProgressBar::new(0));
    let style = ProgressStyle::with_template("  {prefix:15} {wide_msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_prefix(prefix.to_owned());
    bar
}

fn show(bar: &ProgressBar, job: &JobStatus, phase: &PhaseStatus) {
    if bar.is_finished() {
        return;
    }
    let mut text = told(phase, &left(job, phase));
    if phase.status == PhaseState::Running
        && let Some((done, total)) = counted(phase)
    {
        text = format!("{} {text}", drawn(done, total));
    }
    match phase.status {
        PhaseState::Complete | PhaseState::Skipped | PhaseState::Cancelled | PhaseState::Failed => {
            bar.finish_with_message(text);
        }
        PhaseState::Pending
        | PhaseState::Queued
        | PhaseState::Waiting
        | PhaseState::Paused
        | PhaseState::Running => bar.set_message(text),
    }
}

/// What is left of a phase, as the orchestrator estimates it.
fn left(job: &JobStatus, phase: &PhaseStatus) -> String {
    let of_phase = job.estimate.as_ref().and_then(|estimate| estimate.phases.get(&phase.phase));
    let remaining =
        of_phase.filter(|_| phase.status == PhaseState::Running).and_then(|left| left.remaining_seconds);
    remaining.map(|left| format!("  {}", Estimate::in_words(Some(left), false, ""))).unwrap_or_default()
}

/// Where a phase stands, in words.
fn told(phase: &PhaseStatus, left: &str) -> String {
    let progress = phase.progress.as_ref();
    let message = progress.and_then(|progress| progress.message.as_deref()).unwrap_or_default();
    match phase.status {
        PhaseState::Pending => "·".to_owned(),
        PhaseState::Queued => "waits for a slot".to_owned(),
        PhaseState::Waiting | PhaseState::Paused => {
            phase.reason.clone().unwrap_or_else(|| "waits".to_owned())
        }
        PhaseState::Running => match progress.filter(|_| counted(phase).is_some()) {
            Some(progress) => format!("{}{left}  {message}", count(progress, phase)).trim_end().to_owned(),
            None if message.is_empty() => format!("▸ running{left}"),
            None => format!("▸ {message}{left}"),
        },
        PhaseState::Complete => format!("✓ {}  {}", took(phase), figures(phase)).trim_end().to_owned(),
        PhaseState::Skipped => "– not needed".to_owned(),
        PhaseState::Cancelled => "✗ cancelled".to_owned(),
        PhaseState::Failed => {
            let error = phase.error.as_ref().map(|error| format!("{}: {}", error.code, error.message));
            format!("✗ {}", error.unwrap_or_default())
        }
    }
}

/// How much is done, of how much; only where that is known. Of a phase in several runs in thousandths: a run that is half
/// through counts by half.
fn counted(phase: &PhaseStatus) -> Option<(u64, u64)> {
    let progress = phase.progress.as_ref()?;
    let (done, total) = (progress.done?, progress.total.filter(|total| *total > 0)?);
    if progress.unit.as_deref() != Some("runs") {
        return Some((done, total));
    }
    let within: u64 = parts(phase).map(|(done, total, _)| done.min(total) * 1000 / total).sum();
    Some(((done * 1000 + within) / total, 1000))
}

/// What the running attempts have said of themselves.
fn parts(phase: &PhaseStatus) -> impl Iterator<Item = (u64, u64, &str)> {
    let said = phase.running.iter().filter_map(|attempt| attempt.progress.as_ref());
    said.filter_map(|progress| {
        let total = progress.total.filter(|total| *total > 0)?;
        Some((progress.done?, total, progress.unit.as_deref().unwrap_or_default()))
    })
}

/// The same in words: `120/668 samples`, or `1/4 runs, 90/256 samples`.
fn count(progress: &Progress, phase: &PhaseStatus) -> String {
    let number = |number: Option<u64>| number.unwrap_or_default();
    let unit = progress.unit.as_deref().unwrap_or_default();
    let mut text = format!("{}/{} {unit}", number(progress.done), number(progress.total));
    if unit == "runs"
        && let Some((_, _, unit)) = parts(phase).next()
    {
        let (done, total) = parts(phase).fold((0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1));
        text.push_str(&format!(", {done}/{total} {unit}"));
    }
    text
}

fn drawn(done: u64, total: u64) -> String {
    const WIDTH: u64 = 24;
    let full = usize::try_from((done.min(total) * WIDTH) / total).unwrap_or(0);
    format!("{}{}", "█".repeat(full), "░".repeat(24 - full))
}

fn took(phase: &PhaseStatus) -> String {
    match (phase.started_at, phase.completed_at) {
        (Some(from), Some(to)) => human(Duration::try_from(to.duration_since(from)).unwrap_or_default()),
        _ => String::new(),
    }
}

/// A time as people say it.
pub(crate) fn human(span: Duration) -> String {
    match span.as_secs() {
        0 => format!("{} ms", span.as_millis()),
        1..=9 => format!("{:.1} s", span.as_secs_f64()),
        10..=119 => format!("{} s", span.as_secs()),
        120..=7199 => format!("{} min", span.as_secs() / 60),
        _ => format!("{:.1} h", span.as_secs_f64() / 3600.0),
    }
}

/// The numbers that a phase gave, in a line: those that are not zero, and all in plain words.
pub(crate) fn figures(phase: &PhaseStatus) -> String {
    let Some(serde_json::Value::Object(stats)) = &phase.stats else { return String::new() };
    let numbers = stats.iter().filter_map(|(name, value)| Some((protocol::in_words(name), value.as_f64()?)));
    let told = numbers.filter(|(_, number)| *number != 0.0).map(|(name, number)| {
        let number = (number * 1000.0).round() / 1000.0;
        format!("{name} {number}")
    });
    told.take(6).collect::<Vec<_>>().join(", ")
}
