//! What is left of a job: the longest way through its phases, at the middle of what is known and near its end.
//!
//! Everything is taken at the same share `q` of earlier runs: where one phase is slow on a busy machine the others are, too. So
//! P90 is what a job comes to whose every phase is among the slow ones; sums of chances that do not know of each other would
//! promise more than there is.

use std::{collections::BTreeMap, sync::Arc};

use engine::{
    ids::{JobId, Name, PhaseIndex, Timestamp},
    job::{PhaseStatus, RunRef},
    pipeline::{Join, Mode, Phase, Pipeline, Trigger, Work},
};

use super::{
    fit::Spread,
    known::{Kind, Known},
    picture::{PhasePicture, Picture, Stand},
};

/// A range: as many runs below as above, and one in ten above.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Range {
    /// The middle.
    pub p50: f64,
    /// Near the end.
    pub p90: f64,
}

/// What is left of a job, in seconds from now.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Left {
    /// Of the whole job; none where nothing of it is known.
    pub remaining: Option<Range>,
    /// There is more, of which nothing is known.
    pub at_least: bool,
    /// From what it was learned, or why nothing is known.
    pub why: String,
    /// Decisions of people that are waited for, or will be: they count as no time.
    pub waits_for: Vec<String>,
    /// Of the phases that are not through, by name.
    pub phases: BTreeMap<Name, PhaseLeft>,
}

/// What is left of a phase, in seconds from now.
#[derive(Debug, Clone, PartialEq)]
pub struct PhaseLeft {
    /// Until it begins; 0 where it has.
    pub starts: Range,
    /// Until it is through; none where nothing is known of it.
    pub ends: Option<Range>,
    /// How far it is by this estimate, 0 to 1; none where it has not begun or nothing is known.
    pub done: Option<f64>,
    /// From what.
    pub why: String,
}

/// What else goes on at a service.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    /// Its version.
    pub version: Arc<str>,
    /// Its slots.
    pub capacity: u32,
    /// Slots in use, by whomever.
    pub running: usize,
    /// Runs that wait, of whomever.
    pub queued: usize,
    /// Nothing goes there before somebody says so.
    pub stopped: bool,
}

/// Where other work is asked about.
pub trait Surroundings {
    /// What goes on at a service; none where it is not declared.
    fn load(&self, service: &Name) -> Option<Load>;
    /// How many runs go before this one.
    fn ahead(&self, service: &Name, job: JobId, run: RunRef) -> Option<usize>;
    /// When the first attempt of a phase began.
    fn begun(&self, job: JobId, phase: PhaseIndex, turn: u32) -> Option<Timestamp>;
}

/// What is known of each phase, and where the job stands.
pub(super) struct Way<'a> {
    pub(super) pipeline: &'a Pipeline,
    pub(super) picture: &'a Picture,
    pub(super) known: &'a Known,
    pub(super) around: &'a dyn Surroundings,
    pub(super) now: Timestamp,
    pub(super) told: Vec<Option<Spread>>,
    order: Vec<PhaseIndex>,
}

/// Start and end of each phase, in seconds from now.
type Course = Vec<(f64, f64)>;

/// What is left of a job.
#[must_use]
pub fn left(
    pipeline: &Pipeline,
    picture: &Picture,
    known: &Known,
    around: &dyn Surroundings,
    now: Timestamp,
) -> Left {
    match picture.stand {
        Stand::Ended => return Left::default(),
        Stand::Failing => {
            return Left { why: "it will fail; only what runs may end".to_owned(), ..Left::default() };
        }
        Stand::Running | Stand::Paused => {}
    }
    Way::new(pipeline, picture, known, around, now).answer()
}

impl<'a> Way<'a> {
    fn new(
        pipeline: &'a Pipeline,
        picture: &'a Picture,
        known: &'a Known,
        around: &'a dyn Surroundings,
        now: Timestamp,
    ) -> Self {
        let told = |phase: PhaseIndex| {
            let work = pipeline.phase(phase).service()?;
            let version = around.load(&work.service).map_or_else(|| "".into(), |load| load.version);
            let (pipeline_name, id) = (pipeline.name.clone(), pipeline.phase(phase).id.clone());
            let kind = Kind { pipeline: pipeline_name, phase: id, service: work.service.clone(), version };
            known.foretell(&kind, &picture.sizes(pipeline, phase))
        };
        let open = |phase: PhaseIndex| {
            !picture.phases[phase.usize()].status.is_settled() || pipeline.phase(phase).in_loop.is_some()
        };
        let told = pipeline.indexes().map(|phase| if open(phase) { told(phase) } else { None }).collect();
        Self { pipeline, picture, known, around, now, told, order: order(pipeline) }
    }

    fn answer(&self) -> Left {
        let (middle, late) = (self.course(0.5), self.course(0.9));
        let mut left = Left { waits_for: self.people(), ..Left::default() };
        let (mut unknown, mut fewest) = (Vec::new(), usize::MAX);
        for phase in self.open() {
            let id = self.pipeline.phase(phase).id.clone();
            let (from, to) = (middle[phase.usize()], late[phase.usize()]);
            let is_known = self.is_known(phase);
            match &self.told[phase.usize()] {
                Some(spread) => fewest = fewest.min(spread.runs()),
                None if !is_known => unknown.push(id.to_string()),
                None => {}
            }
            let of_phase = PhaseLeft {
                starts: Range { p50: from.0, p90: to.0.max(from.0) },
                ends: is_known.then_some(Range { p50: from.1, p90: to.1.max(from.1) }),
                done: self.done(phase),
                why: self.why(phase),
            };
            left.phases.insert(id, of_phase);
        }
        for (number, one) in self.pipeline.loops.iter().enumerate() {
            let (turn, ended) = self.picture.loops[number];
            let is_known =
                ended.is_some() || self.known.turns_left(&self.pipeline.name, &one.id, turn, 0.5).is_some();
            if !is_known {
                unknown.push(format!("the turns of {}", one.id));
            }
        }
        let end = |course: &Course| self.open().map(|phase| course[phase.usize()].1).fold(0.0, f64::max);
        let all = Range { p50: end(&middle), p90: end(&late).max(end(&middle)) };
        left.at_least = !unknown.is_empty();
        left.remaining = (all.p50 > 0.0 || unknown.is_empty()).then_some(all);
        left.why = reason(&unknown, fewest);
        left
    }

    /// Phases that are not through and may still come.
    fn open(&self) -> impl Iterator<Item = PhaseIndex> {
        let may_come = |phase: &PhaseIndex| {
            let begun = self.picture.phases[phase.usize()].started_at.is_some();
            !self.picture.phases[phase.usize()].status.is_settled()
                && (self.pipeline.phase(*phase).trigger == Trigger::Flow || begun)
        };
        self.pipeline.indexes().filter(may_come)
    }

    /// When each phase begins and is through, where everything is as in a share `q` of earlier runs.
    fn course(&self, q: f64) -> Course {
        let mut course: Course = vec![(0.0, 0.0); self.pipeline.phases.len()];
        for &phase in &self.order {
            let (definition, state) = (self.pipeline.phase(phase), &self.picture.phases[phase.usize()]);
            let start = self.joined(definition, &course);
            let end = match state.status {
                _ if state.status.is_settled() => 0.0,
                PhaseStatus::Pending if definition.trigger == Trigger::Failure => 0.0,
                PhaseStatus::Pending => start + self.fresh(phase, start, q),
                _ => self.rest(phase, q),
            };
            course[phase.usize()] = (if state.status == PhaseStatus::Pending { start } else { 0.0 }, end);
            if let Some(number) = definition.in_loop
                && self.pipeline.loop_exits(number).contains(&phase)
            {
                course[phase.usize()].1 += self.further_turns(number, q);
            }
        }
        course
    }

    /// When a phase may begin, by when those before it are through.
    fn joined(&self, phase: &Phase, course: &Course) -> f64 {
        let mut ends: Vec<f64> = phase.after.iter().map(|before| course[before.usize()].1).collect();
        ends.sort_by(f64::total_cmp);
        let at = match phase.join {
            Join::All => ends.len(),
            Join::Any => 1,
            Join::Count(count) => count as usize,
        };
        ends.get(at.clamp(1, ends.len().max(1)) - 1).copied().unwrap_or(0.0)
    }

    /// A phase that has not begun, with its wait for a slot.
    fn fresh(&self, phase: PhaseIndex, start: f64, q: f64) -> f64 {
        let needed = self.known.share_needed(&self.pipeline.name, &self.pipeline.phase(phase).id);
        // At P50 it counts where most jobs needed it, at P90 where more than one in ten did.
        if needed.is_some_and(|share| share < 1.0 - q) {
            return 0.0;
        }
        let Some(spread) = &self.told[phase.usize()] else { return 0.0 };
        (self.backlog(phase, q) - start).max(0.0) + spread.at(q)
    }

    /// The turns of a loop beyond the one it is in.
    fn further_turns(&self, number: usize, q: f64) -> f64 {
        let (turn, ended) = self.picture.loops[number];
        let (pipeline, id) = (&self.pipeline.name, &self.pipeline.loops[number].id);
        let Some(turns) = self.known.turns_left(pipeline, id, turn, q).filter(|_| ended.is_none()) else {
            return 0.0;
        };
        let body = &self.pipeline.loops[number].phases;
        let mut ends: BTreeMap<PhaseIndex, f64> = BTreeMap::new();
        for phase in self.order.iter().filter(|phase| body.contains(phase)) {
            let before = self.pipeline.phase(*phase).after.iter().filter_map(|before| ends.get(before));
            let start = before.copied().fold(0.0, f64::max);
            ends.insert(*phase, start + self.told[phase.usize()].as_ref().map_or(0.0, |spread| spread.at(q)));
        }
        turns * ends.values().copied().fold(0.0, f64::max)
    }

    /// How long the work of others keeps a service's slots: what waits and half of what runs, over its slots.
    fn backlog(&self, phase: PhaseIndex, q: f64) -> f64 {
        let Some(work) = self.pipeline.phase(phase).service() else { return 0.0 };
        let own = self.pipeline.indexes().filter(|other| {
            self.pipeline.phase(*other).service().is_some_and(|other| other.service == work.service)
        });
        let (mut live, mut ready) = (0, 0);
        for state in own.map(|other| &self.picture.phases[other.usize()]) {
            live += state.live.len();
            ready += state.ready.map_or(0, |(_, count)| count);
        }
        let Some(load) = self.around.load(&work.service) else { return 0.0 };
        self.wait(
            &work.service,
            &load,
            load.queued.saturating_sub(ready),
            load.running.saturating_sub(live),
            q,
        )
    }

    /// How long a run waits with so many of others before it and so many of others at work.
    pub(super) fn wait(&self, service: &Name, load: &Load, ahead: usize, running: usize, q: f64) -> f64 {
        let capacity = load.capacity.max(1) as usize;
        if ahead + running < capacity {
            return 0.0;
        }
        let one = self.known.one_attempt(service).map_or(0.0, |spread| spread.at(q));
        (ahead as f64 + running as f64 / 2.0) / capacity as f64 * one
    }

    /// Whether anything is known of what is left of a phase.
    fn is_known(&self, phase: PhaseIndex) -> bool {
        let definition = self.pipeline.phase(phase);
        let never = self.known.share_needed(&self.pipeline.name, &definition.id) == Some(0.0);
        let state = &self.picture.phases[phase.usize()];
        self.told[phase.usize()].is_some()
            || matches!(definition.work, Work::Wait(_))
            || matches!(state.status, PhaseStatus::AwaitingApproval { .. })
            || (never && state.status == PhaseStatus::Pending)
            || self.share(phase).is_some_and(|(share, _)| share > 0.0)
    }

    fn people(&self) -> Vec<String> {
        let mut names = Vec::new();
        if self.picture.stand == Stand::Paused {
            names.push("somebody to resume the job".to_owned());
        }
        for phase in self.open() {
            let (definition, state): (_, &PhasePicture) =
                (self.pipeline.phase(phase), &self.picture.phases[phase.usize()]);
            if matches!(state.status, PhaseStatus::AwaitingApproval { .. }) {
                names.push(format!("approval of {}", definition.id));
            }
            if let Work::Wait(wait) = &definition.work {
                names.push(format!("the decision {} of {}", wait.signal, definition.id));
            }
            let stopped = definition
                .service()
                .filter(|work| self.around.load(&work.service).is_some_and(|load| load.stopped));
            if let Some(work) = stopped {
                names.push(format!("somebody to start {}", work.service));
            }
        }
        if self.picture.mode == Mode::Manual {
            names.push("approval after each phase".to_owned());
        }
        names.dedup();
        names
    }

    fn why(&self, phase: PhaseIndex) -> String {
        let definition = self.pipeline.phase(phase);
        match &self.told[phase.usize()] {
            Some(spread) => {
                let by = spread.by.as_ref().map(|by| format!(", by {by}")).unwrap_or_default();
                format!("from {}{by}", runs(spread.runs()))
            }
            None if matches!(definition.work, Work::Wait(_)) => "a decision of people".to_owned(),
            None if self.is_known(phase) => "from its own speed".to_owned(),
            None => format!("no run of {} is known yet", definition.id),
        }
    }
}

fn runs(count: usize) -> String {
    if count == 1 { "1 earlier run".to_owned() } else { format!("{count} earlier runs") }
}

fn reason(unknown: &[String], fewest: usize) -> String {
    match (unknown, fewest) {
        ([], usize::MAX) => "from its own speed".to_owned(),
        ([], fewest) => format!("from {}", runs(fewest)),
        ([one], _) if !one.starts_with("the turns") => format!("no run of {one} is known yet"),
        ([many @ .., last], _) if !many.is_empty() => {
            format!("no run of {} and {last} is known yet", many.join(", "))
        }
        ([turns, ..], _) => format!("{turns} are not known yet"),
    }
}

/// Phases, each after those before it. Cycles were refused when the pipeline was read.
fn order(pipeline: &Pipeline) -> Vec<PhaseIndex> {
    let mut order: Vec<PhaseIndex> = Vec::with_capacity(pipeline.phases.len());
    let mut missing: Vec<usize> = pipeline.phases.iter().map(|phase| phase.after.len()).collect();
    let mut ready: Vec<PhaseIndex> = pipeline.indexes().filter(|phase| missing[phase.usize()] == 0).collect();
    while let Some(phase) = ready.pop() {
        order.push(phase);
        for next in &pipeline.phase(phase).before {
            missing[next.usize()] -= 1;
            if missing[next.usize()] == 0 {
                ready.push(*next);
            }
        }
    }
    order
}
