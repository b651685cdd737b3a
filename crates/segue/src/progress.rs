//! A job's progress in the terminal: a line for each phase, bars for those that count, and the time left where it is known.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::Result;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use protocol::{JobState, JobStatus, PhaseState, PhaseStatus};

use crate::api::Api;

/// How often the job is looked at.
const EVERY: Duration = Duration::from_millis(300);

/// Shows a job until it is over, and returns its last status.
pub(crate) async fn watch(api: &Api, id: &str) -> Result<JobStatus> {
    let board = MultiProgress::new();
    let mut bars: BTreeMap<String, Bar> = BTreeMap::new();
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
        for phase in &status.phases {
            bars.entry(phase.phase.clone()).or_insert_with(|| Bar::new(&board, &phase.phase)).show(phase);
        }
        if status.status.is_over() || status.status == JobState::Waiting {
            return Ok(status);
        }
        tokio::time::sleep(EVERY).await;
    }
}

struct Bar {
    bar: ProgressBar,
    began: Option<(Instant, u64)>,
    over: bool,
}

impl Bar {
    fn new(board: &MultiProgress, phase: &str) -> Self {
        let bar = board.add(ProgressBar::new(0));
        let style = ProgressStyle::with_template("  {prefix:15} {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_prefix(phase.to_owned());
        Self { bar, began: None, over: false }
    }

    fn show(&mut self, phase: &PhaseStatus) {
        if self.over {
            return;
        }
        let took = took(phase);
        match phase.status {
            PhaseState::Pending => self.bar.set_message("·"),
            PhaseState::Queued => self.bar.set_message("waits for a slot"),
            PhaseState::Waiting | PhaseState::Paused => {
                self.bar.set_message(phase.reason.clone().unwrap_or_else(|| "waits".to_owned()));
            }
            PhaseState::Running => self.running(phase),
            PhaseState::Complete => self.end(format!("✓ {took}  {}", figures(phase))),
            PhaseState::Skipped => self.end("– not needed".to_owned()),
            PhaseState::Cancelled => self.end("✗ cancelled".to_owned()),
            PhaseState::Failed => {
                let error = phase.error.as_ref().map(|error| error.message.clone()).unwrap_or_default();
                self.end(format!("✗ {error}"));
            }
        }
    }

    fn running(&mut self, phase: &PhaseStatus) {
        let Some(progress) = &phase.progress else {
            return self.bar.set_message("▸ running");
        };
        let message = progress.message.clone().unwrap_or_default();
        let (Some(done), Some(total)) = (progress.done, progress.total.filter(|total| *total > 0)) else {
            return self.bar.set_message(format!("▸ {message}"));
        };
        let (began, first) = *self.began.get_or_insert_with(|| (Instant::now(), done));
        let unit = progress.unit.clone().unwrap_or_default();
        let left = left(began.elapsed(), done.saturating_sub(first), total.saturating_sub(done));
        self.bar.set_message(format!("{} {done}/{total} {unit}{left}  {message}", drawn(done, total)));
    }

    fn end(&mut self, text: String) {
        self.over = true;
        self.bar.finish_with_message(text);
    }
}

/// Time left at the speed so far; nothing before there is a speed.
fn left(elapsed: Duration, done: u64, rest: u64) -> String {
    if done < 2 || elapsed < Duration::from_secs(2) || rest == 0 {
        return String::new();
    }
    let each = elapsed.as_secs_f64() / done as f64;
    format!("  about {} left", human(Duration::from_secs_f64(each * rest as f64)))
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

/// The numbers that a phase gave, in a line.
pub(crate) fn figures(phase: &PhaseStatus) -> String {
    let Some(serde_json::Value::Object(stats)) = &phase.stats else { return String::new() };
    let numbers = stats.iter().filter(|(_, value)| value.is_number());
    numbers.take(6).map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
}
