//! What an estimate has to know of a job: taken in one look, so that the job goes on while it is thought about.

use std::sync::{Arc, OnceLock};

use engine::{
    ids::{AttemptId, JobId, PhaseIndex, Timestamp},
    job::{Job, JobState, LoopEnd, PhaseState, PhaseStatus, RunRef, RunState},
    payload::Payload,
    pipeline::{DefinitionHash, Mode, Pipeline},
};
use serde_json::Value;

use super::fit::Sizes;

/// Runs of a map whose figures are added up; those of a larger one say nothing more.
const RUNS: usize = 2_000;
/// Figures of a job that are looked at.
const FIGURES: usize = 48;
/// Longest input that is looked into, in bytes.
const INPUT: usize = 4 << 20;

/// A job at a moment.
#[derive(Debug, Clone)]
pub struct Picture {
    /// Which.
    pub job: JobId,
    /// By which definition.
    pub definition: DefinitionHash,
    /// Whether somebody approves each phase.
    pub mode: Mode,
    /// Where it stands.
    pub stand: Stand,
    /// When it began.
    pub created_at: Timestamp,
    /// What the caller gave.
    pub input: Payload,
    /// By index.
    pub phases: Vec<PhasePicture>,
    /// Of each loop: its turn, and whether it is over.
    pub loops: Vec<(u32, Option<LoopEnd>)>,
    /// Figures of the input and of each phase, read when they are asked for.
    figures: OnceLock<(Sizes, Vec<Sizes>)>,
}

/// Where a job stands, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stand {
    /// Goes on.
    Running,
    /// Somebody stopped it for a while.
    Paused,
    /// Only ends what runs.
    Failing,
    /// Over.
    Ended,
}

/// A phase at a moment.
#[derive(Debug, Clone)]
pub struct PhasePicture {
    /// Where it stands.
    pub status: PhaseStatus,
    /// Its turn.
    pub turn: u32,
    /// Of a map, or one run.
    pub mapped: bool,
    /// Runs.
    pub runs: usize,
    /// Runs that are settled.
    pub settled: usize,
    /// When it became ready.
    pub started_at: Option<Timestamp>,
    /// When it was through.
    pub ended_at: Option<Timestamp>,
    /// What its runs gave.
    pub stats: Vec<Payload>,
    /// Attempts at work.
    pub live: Vec<LivePicture>,
    /// The first run that waits for a slot, and how many do.
    pub ready: Option<(RunRef, usize)>,
    /// When the first run is tried again.
    pub again_at: Option<Timestamp>,
    /// The signal that a run waits for.
    pub signal: Option<Arc<str>>,
}

/// An attempt at work.
#[derive(Debug, Clone)]
pub struct LivePicture {
    /// Which.
    pub attempt: AttemptId,
    /// Since when.
    pub started_at: Timestamp,
    /// How far it said it is (0 to 1), and when.
    pub share: Option<(f64, Timestamp)>,
}

impl Picture {
    /// Takes the picture. `share` knows how far an attempt said it is.
    pub fn of(job: &Job, share: impl Fn(AttemptId) -> Option<(f64, Timestamp)>) -> Self {
        Self {
            job: job.id,
            definition: job.definition,
            mode: job.mode,
            stand: match job.state {
                JobState::Running => Stand::Running,
                JobState::Paused { .. } => Stand::Paused,
                JobState::Failing(_) => Stand::Failing,
                JobState::Ended { .. } => Stand::Ended,
            },
            created_at: job.created_at,
            input: job.input.clone(),
            phases: (0u16..)
                .zip(&job.phases)
                .map(|(at, phase)| PhasePicture::of(PhaseIndex(at), phase, &share))
                .collect(),
            loops: job.loops.iter().map(|one| (one.turn, one.ended)).collect(),
            figures: OnceLock::new(),
        }
    }

    /// The figures that tell how large the work of a phase is: of the input, of what was done before it, and of its own map.
    #[must_use]
    pub fn sizes(&self, pipeline: &Pipeline, phase: PhaseIndex) -> Sizes {
        let (input, phases) = self.figures.get_or_init(|| self.read(pipeline));
        let mut sizes = input.clone();
        for before in pipeline.ancestors(phase) {
            sizes.extend(phases[before.usize()].clone());
        }
        let own = &self.phases[phase.usize()];
        if own.mapped && own.runs > 0 {
            sizes.insert("its runs".into(), own.runs as f64);
        }
        while sizes.len() > FIGURES {
            sizes.pop_last();
        }
        sizes
    }
}

impl Picture {
    fn read(&self, pipeline: &Pipeline) -> (Sizes, Vec<Sizes>) {
        let mut input = Sizes::new();
        if self.input.get().len() <= INPUT {
            add(&mut input, "input", &self.input.value());
        }
        let of_phase = |phase: PhaseIndex| {
            let (id, state) = (&pipeline.phase(phase).id, &self.phases[phase.usize()]);
            let mut sums = Sizes::new();
            if state.mapped && state.runs > 0 {
                sums.insert(format!("{id} runs").into(), state.runs as f64);
            }
            for stats in &state.stats {
                add(&mut sums, id.as_str(), &stats.value());
            }
            sums
        };
        (input, pipeline.indexes().map(of_phase).collect())
    }
}

/// Adds up numbers and lengths of lists, one level deep.
fn add(sizes: &mut Sizes, of: &str, value: &Value) {
    let Value::Object(members) = value else { return };
    for (name, member) in members {
        let size = match member {
            Value::Number(number) => number.as_f64(),
            Value::Array(list) => Some(list.len() as f64),
            _ => None,
        };
        if let Some(size) = size.filter(|size| size.is_finite()) {
            *sizes.entry(format!("{of} {name}").into()).or_default() += size;
        }
    }
}

impl PhasePicture {
    fn of(
        index: PhaseIndex,
        phase: &PhaseState,
        share: &impl Fn(AttemptId) -> Option<(f64, Timestamp)>,
    ) -> Self {
        let mut picture = Self {
            status: phase.status.clone(),
            turn: phase.turn,
            mapped: phase.mapped,
            runs: phase.runs.len(),
            settled: phase.settled as usize,
            started_at: phase.started_at,
            ended_at: phase.ended_at,
            stats: Vec::new(),
            live: Vec::new(),
            ready: None,
            again_at: None,
            signal: None,
        };
        for (item, run) in (0u32..).zip(&phase.runs) {
            match &run.state {
                RunState::Succeeded(result) if phase.runs.len() <= RUNS => {
                    picture.stats.push(result.stats.clone())
                }
                RunState::Live(attempt) => picture.live.push(LivePicture {
                    attempt: attempt.id,
                    started_at: attempt.started_at,
                    share: share(attempt.id),
                }),
                RunState::Ready { .. } => {
                    let first = picture.ready.map_or(RunRef { phase: index, item }, |(first, _)| first);
                    picture.ready = Some((first, picture.ready.map_or(1, |(_, count)| count + 1)));
                }
                RunState::Backoff { until, .. } => {
                    picture.again_at = Some(picture.again_at.map_or(*until, |at| at.min(*until)));
                }
                RunState::Waiting { signal, .. } => picture.signal = Some(signal.as_str().into()),
                RunState::Succeeded(_) | RunState::Failed(_) | RunState::Superseded | RunState::Stopped => {}
            }
        }
        picture
    }
}
