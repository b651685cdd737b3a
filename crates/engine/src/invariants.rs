//! What must hold of every job after every decision: section 5 of the design, as far as one job can show it.
//!
//! Checked by the stories and properties after each step; cheap enough for a doubtful journal too. It shares no code with
//! [`crate::decide`] on purpose: a mistake there must not be its own excuse.

use std::{collections::BTreeSet, fmt};

use crate::{
    command::Outcome,
    effect::queueable,
    ids::{PhaseIndex, Timestamp},
    job::{
        AttemptEnd, End, Job, JobState, OutcomeDigest, PhaseState, PhaseStatus, Run, RunRef, RunState,
        SkipReason,
    },
    pipeline::{Join, Pipeline, Trigger},
};

/// What should have held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A run that succeeded has exactly one accepted outcome, and it is the one that it shows (5.2).
    OneOutcome,
    /// A phase began only when its join was satisfied (5.3).
    JoinSatisfied,
    /// A run has at most one attempt under way (5.3).
    OneAttempt,
    /// Slots in use are exactly the live attempts (5.4).
    Slots,
    /// What waits, waits by a name and until a time: for a slot, a service, a decision, a person (5.5).
    NamedWait,
    /// Each deadline is that of something which waits (5.5).
    Deadlines,
    /// What can be settled is settled (5.5).
    Settled,
    /// No run uses more attempts, no loop more turns than it may (5.5).
    Bounded,
    /// A job that is over holds nothing and has settled everything (5.7: cancel above all).
    Over,
    /// Counters say what the runs say (5.6).
    Counters,
}

/// A rule that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub rule: Rule,
    /// Where.
    pub about: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.about)
    }
}

/// Everything that does not hold of the job; empty where all is well.
#[must_use]
pub fn check(pipeline: &Pipeline, job: &Job) -> Vec<Violation> {
    let mut checks = Checks { pipeline, job, found: Vec::new() };
    for index in pipeline.indexes() {
        checks.counters(index);
        checks.join(index);
        checks.settled(index);
        for (item, run) in (0u32..).zip(&job.phase(index).runs) {
            checks.run(RunRef { phase: index, item }, run);
        }
    }
    checks.slots();
    checks.deadlines();
    checks.loops();
    checks.whole();
    checks.found
}

struct Checks<'a> {
    pipeline: &'a Pipeline,
    job: &'a Job,
    found: Vec<Violation>,
}

impl Checks<'_> {
    fn expect(&mut self, holds: bool, rule: Rule, about: impl FnOnce() -> String) {
        if !holds {
            self.found.push(Violation { rule, about: about() });
        }
    }

    fn name(&self, index: PhaseIndex) -> String {
        self.pipeline.phase(index).id.to_string()
    }

    fn counters(&mut self, index: PhaseIndex) {
        let state = self.job.phase(index);
        let count = |which: fn(&RunState) -> bool| state.runs.iter().filter(|run| which(&run.state)).count();
        let said = [state.settled, state.failed, state.live].map(|count| count as usize);
        let are = [
            count(RunState::is_settled),
            count(|state| matches!(state, RunState::Failed(_))),
            count(|state| matches!(state, RunState::Live(_))),
        ];
        let name = self.name(index);
        self.expect(said == are, Rule::Counters, || format!("{name} says {said:?}, its runs say {are:?}"));
        let released = state.released as usize <= state.runs.len();
        self.expect(released, Rule::Counters, || format!("{name} let more runs go than it has"));
        let times = state.ended_at.is_none_or(|end| state.started_at.is_none_or(|start| start <= end));
        self.expect(times, Rule::Counters, || format!("{name} ended before it began"));
    }

    /// The join of a phase that began. What went before can't have been undone since: that begins the phase again, too.
    fn join(&mut self, index: PhaseIndex) {
        let definition = self.pipeline.phase(index);
        let began = !matches!(
            self.job.phase(index).status,
            PhaseStatus::Pending | PhaseStatus::Skipped(SkipReason::Goto)
        );
        if !began {
            return;
        }
        let through = |&&before: &&PhaseIndex| {
            let turning = self
                .pipeline
                .phase(before)
                .in_loop
                .filter(|_| self.pipeline.phase(before).in_loop != definition.in_loop);
            turning.is_none_or(|number| self.job.loops[number].ended.is_some())
        };
        let before: Vec<&PhaseStatus> =
            definition.after.iter().filter(through).map(|&before| &self.job.phase(before).status).collect();
        let count = |which: fn(&PhaseStatus) -> bool| before.iter().filter(|status| which(status)).count();
        let succeeded = count(|status| *status == PhaseStatus::Succeeded);
        let skipped = count(|status| matches!(status, PhaseStatus::Skipped(_)));
        let settled = count(PhaseStatus::is_settled);
        let all = definition.after.len();
        let satisfied = match (definition.trigger, definition.join) {
            (Trigger::Failure, _) if settled == all => true,
            (Trigger::Failure, Join::All) => false,
            (Trigger::Flow, Join::All) => succeeded + skipped == all,
            (_, Join::Any) => succeeded >= 1 || skipped == all,
            (_, Join::Count(wanted)) => succeeded >= wanted as usize || succeeded + skipped == all,
        };
        let name = self.name(index);
        self.expect(satisfied, Rule::JoinSatisfied, || format!("{name} began before its join was satisfied"));
    }

    /// A phase under way in a job that goes on has something left to do.
    fn settled(&mut self, index: PhaseIndex) {
        let PhaseState { status, runs, settled, .. } = self.job.phase(index);
        let idle = *status == PhaseStatus::Active && *settled as usize == runs.len();
        let name = self.name(index);
        let goes_on = matches!(self.job.state, JobState::Running | JobState::Paused { .. });
        self.expect(!(idle && goes_on), Rule::Settled, || format!("{name} is through but not settled"));
    }

    fn run(&mut self, at: RunRef, run: &Run) {
        let name = self.job.run_id(self.pipeline, at);
        if let Some(work) = self.pipeline.phase(at.phase).service() {
            let bounded = run.attempts <= work.retry.attempts;
            self.expect(bounded, Rule::Bounded, || format!("{name} used {} attempts", run.attempts));
        }
        let turn = self.job.phase(at.phase).turn;
        let mine = self.job.attempts.iter().filter(|(_, record)| record.run == at && record.turn == turn);
        let (mut live, mut reported) = (Vec::new(), Vec::new());
        for (attempt, record) in mine {
            match record.over {
                None => live.push(*attempt),
                Some(AttemptEnd::Reported(digest)) => reported.push(digest),
                Some(AttemptEnd::Superseded) => {}
            }
        }
        let held = match &run.state {
            RunState::Live(attempt) => live == [attempt.id],
            _ => live.is_empty(),
        };
        self.expect(held, Rule::OneAttempt, || format!("{name} has these attempts under way: {live:?}"));
        if let Some(shown) = outcome(run) {
            let accepted = reported.iter().filter(|digest| **digest == shown).count();
            let by_service = self.pipeline.phase(at.phase).service().is_some();
            let one = accepted == usize::from(by_service);
            self.expect(one, Rule::OneOutcome, || {
                format!("{name} shows an outcome accepted {accepted} times")
            });
        }
    }

    fn slots(&mut self) {
        let live: u32 = self.job.phases.iter().map(|phase| phase.live).sum();
        let records = self.job.attempts.values().filter(|record| record.over.is_none()).count();
        let said = self.job.live_attempts;
        let agree = live == said && records == said as usize;
        self.expect(agree, Rule::Slots, || {
            format!("{said} slots, {live} live runs, {records} open attempts")
        });
    }

    /// Deadlines are those of what waits, each of it, and of nothing else.
    fn deadlines(&mut self) {
        let mut due: BTreeSet<(Timestamp, RunRef)> = BTreeSet::new();
        for index in self.pipeline.indexes() {
            let state = self.job.phase(index);
            if let PhaseStatus::AwaitingApproval { deadline } = state.status {
                due.insert((deadline, RunRef { phase: index, item: 0 }));
            }
            for (item, run) in (0u32..).zip(&state.runs) {
                let until = match &run.state {
                    RunState::Live(attempt) => attempt.deadline,
                    RunState::Backoff { until, .. } => *until,
                    RunState::Waiting { deadline, .. } => *deadline,
                    _ => continue,
                };
                due.insert((until, RunRef { phase: index, item }));
            }
        }
        let wrong: Vec<String> =
            due.symmetric_difference(&self.job.deadlines).map(|d| format!("{d:?}")).collect();
        self.expect(wrong.is_empty(), Rule::Deadlines, || {
            format!("only one side knows {}", wrong.join(", "))
        });
    }

    fn loops(&mut self) {
        for (one, state) in self.pipeline.loops.iter().zip(&self.job.loops) {
            let (id, turn) = (&one.id, state.turn);
            self.expect((1..=one.max).contains(&turn), Rule::Bounded, || {
                format!("loop {id} is in turn {turn}")
            });
        }
    }

    /// The job as a whole: it waits for something, or it is over and holds nothing.
    fn whole(&mut self) {
        let job = self.job;
        match &job.state {
            JobState::Running | JobState::Failing(_) => {
                let waits = job.next_deadline().is_some() || !queueable(self.pipeline, job).is_empty();
                self.expect(waits, Rule::NamedWait, || "the job goes on, but waits for nothing".to_owned());
            }
            // A person paused it, and can resume or cancel it.
            JobState::Paused { .. } => {}
            JobState::Ended { end, .. } => {
                let open = job.open_runs().count();
                let holds = open > 0 || job.live_attempts > 0 || job.next_deadline().is_some();
                self.expect(!holds, Rule::Over, || format!("the job is over but has {open} open runs"));
                let through = |index: PhaseIndex| {
                    self.pipeline.phase(index).trigger == Trigger::Failure
                        || job.phase(index).status.is_settled()
                };
                let complete = *end != End::Complete || self.pipeline.indexes().all(through);
                self.expect(complete, Rule::Over, || "the job is complete, its phases are not".to_owned());
            }
        }
    }
}

/// The digest of the outcome that a run shows as its own.
fn outcome(run: &Run) -> Option<OutcomeDigest> {
    match &run.state {
        RunState::Succeeded(result) if result.reused_from.is_none() => {
            let (output, stats) = (result.output.clone(), result.stats.clone());
            Some(Outcome::Success { output, stats }.digest())
        }
        _ => None,
    }
}
