//! The way through a codebase: level by level, callees first, the units of a level at the same time.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::{StreamExt, stream};
use phase_kit::{Context, PhaseError};
use serde_json::json;

use super::{
    assignment::{Assignment, Previous, Written, work_of},
    book::Book,
    engine::{Desk, Engine, Unwritten},
    material::Material,
    phase::{in_book, of_book},
};
use crate::{
    analysis::components::Component,
    records::{
        Stream,
        compared::Feedback,
        documented::{Author, CallRef, Calls, Entry, Failed, Spent},
    },
};

/// So long answers that are on their way may take when a pause is asked for; the kit gives 20 seconds for a checkpoint.
const PATIENCE: Duration = Duration::from_secs(10);

/// All that a run needs on its way.
pub(super) struct Walk<'r> {
    pub(super) ctx: &'r Context,
    pub(super) stream: Stream,
    pub(super) iteration: u32,
    pub(super) material: &'r Material,
    pub(super) engine: &'r Engine,
    pub(super) desk: Desk,
    pub(super) book: &'r Arc<Book>,
    /// Which job's which run this is: what it wrote before it was killed is its own.
    pub(super) by: String,
    /// The stream as the iteration before left it.
    pub(super) before: &'r BTreeMap<String, Entry>,
    /// What the stream is told, by component.
    pub(super) feedback: &'r BTreeMap<String, Feedback>,
    pub(super) parallel: usize,
    pub(super) continue_on_error: bool,
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) entries: BTreeMap<String, Entry>,
    pub(super) failed: BTreeMap<String, Failed>,
    /// Those whose text is of this iteration, whoever wrote it.
    pub(super) changed: BTreeSet<String>,
    /// Of them, those that were written for this run.
    pub(super) written: usize,
}

/// One component.
enum One {
    TakenOver(Entry),
    Written { entry: Entry, for_this_run: bool },
    Failed(Failed),
}

/// A unit's components; what is missing was not begun.
type Unit = Vec<(String, One)>;

impl Walk<'_> {
    /// Goes all the way.
    ///
    /// # Errors
    /// Cancelled, paused with a checkpoint, a model that nobody lets us ask, a component that failed where none may.
    pub(super) async fn run(&self) -> Result<Done, PhaseError> {
        let levels = self.material.levels();
        let total = self.material.len();
        let mut order = HashMap::new();
        for id in levels.iter().flatten().flat_map(|unit| unit.iter()) {
            let at = u32::try_from(order.len()).unwrap_or(u32::MAX);
            order.insert(id.as_str(), at);
        }
        let (fingerprint, count) = (self.engine.fingerprint(), AtomicU64::new(0));
        let mut done = Done::default();
        for (number, level) in levels.iter().enumerate() {
            let message = format!("level {} of {}", number + 1, levels.len());
            let say = || {
                let pausing = self.ctx.pause_requested();
                let doing = if pausing { "pausing when what is asked is answered" } else { &message };
                self.ctx.progress(count.load(Ordering::Relaxed), total as u64, "components", doing);
            };
            say();
            let units = level.iter().map(|unit| {
                let steps = (&fingerprint, &order, &count, &done.entries);
                self.unit(unit, steps)
            });
            let all = self.all(units.collect(), say).await;
            let (units, ended) = all;
            for (id, one) in units.into_iter().flatten() {
                self.add(&mut done, id, one)?;
            }
            ended?;
            let begun =
                done.entries.len() + done.failed.keys().filter(|id| !done.entries.contains_key(*id)).count();
            if self.ctx.pause_requested() && begun < total {
                let checkpoint = json!({ "iteration": self.iteration, "done": begun, "total": total });
                return Err(PhaseError::paused(&checkpoint));
            }
        }
        Ok(done)
    }

    /// Waits for the units of a level; what has ended when it is broken off is not lost.
    async fn all(
        &self,
        units: Vec<impl Future<Output = Result<Unit, PhaseError>>>,
        say: impl Fn(),
    ) -> (Vec<Unit>, Result<(), PhaseError>) {
        let mut running = pin!(stream::iter(units).buffer_unordered(self.parallel));
        let mut too_long = pin!(async {
            self.ctx.pausing().await;
            say();
            tokio::time::sleep(PATIENCE).await;
        });
        let mut ended = Vec::new();
        loop {
            tokio::select! {
                biased;
                () = self.ctx.cancelled() => return (ended, Err(PhaseError::Cancelled)),
                unit = running.next() => match unit {
                    Some(Ok(unit)) => {
                        say();
                        ended.push(unit);
                    }
                    Some(Err(error)) => return (ended, Err(error)),
                    None => return (ended, Ok(())),
                },
                () = &mut too_long => return (ended, Ok(())),
            }
        }
    }

    /// A unit: one component, or a circle of them, one after the other.
    async fn unit(
        &self,
        ids: &[String],
        (fingerprint, order, count, entries): (
            &String,
            &HashMap<&str, u32>,
            &AtomicU64,
            &BTreeMap<String, Entry>,
        ),
    ) -> Result<Unit, PhaseError> {
        let mut unit = Unit::new();
        for id in ids {
            self.ctx.go_on()?;
            if self.ctx.pause_requested() {
                break;
            }
            let Some(component) = self.material.component(id) else { continue };
            let here = |other: &str| unit.iter().find(|(id, _)| id == other).and_then(|(_, one)| one.entry());
            let summary = |other: &str| {
                let entry = here(other).or_else(|| entries.get(other));
                entry.map(|entry| entry.documentation.summary.as_str())
            };
            let task = self.material.assignment(component, self.engine.gives(), summary);
            let place = order.get(id.as_str()).copied().unwrap_or_default();
            let one = self.one(component, task, fingerprint, place).await?;
            unit.push((id.clone(), one));
            count.fetch_add(1, Ordering::Relaxed);
        }
        Ok(unit)
    }

    /// Takes over, finds or writes one component.
    async fn one(
        &self,
        component: &Component,
        mut task: Assignment,
        fingerprint: &str,
        place: u32,
    ) -> Result<One, PhaseError> {
        let (id, first) = (&component.id, component.line_start);
        let (before, feedback) = (self.before.get(id), self.feedback.get(id));
        if let Some(before) = before
            && feedback.is_none()
            && work_of(&before.key) == work_of(&task.key(fingerprint))
        {
            return Ok(One::TakenOver(before.clone()));
        }
        task.feedback = feedback.cloned();
        task.previous = before.map(|entry| Previous {
            documentation: entry.documentation.clone(),
            callees: moved(&entry.call_graph.callees, |line| (line + 1).checked_sub(first)),
        });
        let key = task.key(fingerprint);
        if let Some(found) = self.book.get::<Written>(&key).map_err(|error| of_book(&error))? {
            let entry = self.entry(component, found.value, found.spent, (key, place));
            return Ok(One::Written { entry, for_this_run: found.by == self.by });
        }
        let (outcome, spent) = self.engine.write(&task, self.material, &self.desk).await;
        if outcome.is_ok() || spent != Spent::default() {
            self.keep(key.clone(), spent, outcome.as_ref().ok().cloned()).await?;
        }
        match outcome {
            Ok(written) => {
                let entry = self.entry(component, written, spent, (key, place));
                Ok(One::Written { entry, for_this_run: true })
            }
            Err(Unwritten::Component { code, message }) => {
                tracing::warn!(component = %id, stream = %self.stream, code, "a component is not documented");
                Ok(One::Failed(Failed { component_id: id.clone(), code: code.to_owned(), message }))
            }
            Err(Unwritten::Stream { code, message }) => Err(PhaseError::permanent(code, message)),
            Err(Unwritten::Cancelled) => Err(PhaseError::Cancelled),
        }
    }

    /// Writes into the book before anybody hears of it.
    async fn keep(&self, key: String, spent: Spent, written: Option<Written>) -> Result<(), PhaseError> {
        let (book, by) = (Arc::clone(self.book), self.by.clone());
        in_book(move || book.put((&key, &by), spent, written.as_ref())).await
    }

    fn entry(
        &self,
        component: &Component,
        written: Written,
        spent: Spent,
        (key, processing_order): (String, u32),
    ) -> Entry {
        let first = component.line_start;
        let callees = moved(&written.callees, |line| (line + first).checked_sub(1));
        let was_asked = spent.calls > 0;
        Entry {
            component_id: component.id.clone(),
            documentation: written.documentation,
            call_graph: Calls { callers: Vec::new(), callees },
            metadata: Author {
                agent_id: format!("{}1", self.stream.letter().to_uppercase()),
                stream_id: self.stream,
                model: written.model,
                confidence: written.confidence,
                processing_order,
                token_count: was_asked.then_some(spent.tokens),
                usd: (was_asked && spent.usd > 0.0).then_some(spent.usd),
            },
            written_in: self.iteration,
            key,
            validation: None,
        }
    }

    fn add(&self, done: &mut Done, id: String, one: One) -> Result<(), PhaseError> {
        match one {
            One::TakenOver(entry) => drop(done.entries.insert(id, entry)),
            One::Written { entry, for_this_run } => {
                done.written += usize::from(for_this_run);
                done.changed.insert(id.clone());
                done.entries.insert(id, entry);
            }
            One::Failed(failed) if !self.continue_on_error => {
                let message = format!("{id}: {} ({})", failed.message, failed.code);
                return Err(match &*failed.code {
                    "model-failed" => PhaseError::retry("component-failed", message),
                    _ => PhaseError::permanent("component-failed", message),
                });
            }
            One::Failed(mut failed) => {
                // What it said before is better than nothing, and the failure is listed all the same.
                if let Some(before) = self.before.get(&id) {
                    failed.message = format!("kept as it was before: {}", failed.message);
                    done.entries.insert(id.clone(), before.clone());
                }
                done.failed.insert(id, failed);
            }
        }
        Ok(())
    }
}

impl One {
    fn entry(&self) -> Option<&Entry> {
        match self {
            Self::TakenOver(entry) | Self::Written { entry, .. } => Some(entry),
            Self::Failed(_) => None,
        }
    }
}

/// Calls with their lines counted from elsewhere.
fn moved(calls: &[CallRef], line: impl Fn(u32) -> Option<u32>) -> Vec<CallRef> {
    let moved = |call: &CallRef| CallRef {
        call_site_line: call.call_site_line.and_then(&line).filter(|line| *line > 0),
        ..call.clone()
    };
    calls.iter().map(moved).collect()
}
