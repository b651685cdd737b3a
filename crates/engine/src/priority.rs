//! How urgent a phase of a job is, and from whom it inherits.
//!
//! A job's own priority, where it has one, is that of all its phases. Else each phase has the one its definition says, and is
//! lifted by joins: a phase that waits at a join for others, some of its predecessors being through, lends its urgency to
//! everything that it still waits for. Else something in no hurry would hold up something urgent in the same job.

use std::collections::BTreeSet;

use crate::{
    ids::{PhaseIndex, Priority},
    job::{Job, PhaseStatus},
    pipeline::Pipeline,
};

/// How urgent a phase of the job is.
#[must_use]
pub fn priority(pipeline: &Pipeline, job: &Job, phase: PhaseIndex) -> Priority {
    if let Some(priority) = job.priority {
        return priority;
    }
    let own = own(pipeline, phase);
    // A definition in which no phase says anything has nobody to inherit from.
    if pipeline.phases.iter().all(|phase| phase.priority.is_none()) {
        return own;
    }
    lenders(pipeline, job, phase).map(|lender| self::own(pipeline, lender)).fold(own, Priority::min)
}

/// Whether the end of a phase makes a join wait that lifts others.
pub(crate) fn lifts(pipeline: &Pipeline, job: &Job, ended: PhaseIndex) -> bool {
    let lends =
        |&next: &PhaseIndex| pipeline.phase(next).priority.is_some() && waits_at_join(pipeline, job, next);
    job.priority.is_none() && pipeline.phase(ended).before.iter().any(lends)
}

fn own(pipeline: &Pipeline, phase: PhaseIndex) -> Priority {
    pipeline.phase(phase).priority.unwrap_or_default()
}

/// The joins that wait for a phase, for something after it, and so on.
fn lenders(pipeline: &Pipeline, job: &Job, phase: PhaseIndex) -> impl Iterator<Item = PhaseIndex> {
    let is_pending = |next: &PhaseIndex| job.phase(*next).status == PhaseStatus::Pending;
    let mut found = BTreeSet::new();
    let mut open = pipeline.phase(phase).before.clone();
    while let Some(next) = open.pop() {
        if is_pending(&next) && found.insert(next) {
            open.extend(&pipeline.phase(next).before);
        }
    }
    found.into_iter().filter(move |&next| waits_at_join(pipeline, job, next))
}

/// Whether some of its predecessors are through, and it waits for others.
fn waits_at_join(pipeline: &Pipeline, job: &Job, phase: PhaseIndex) -> bool {
    let is_through = |&before: &PhaseIndex| match job.phase(before).status {
        PhaseStatus::Succeeded | PhaseStatus::Failed | PhaseStatus::Skipped(_) => true,
        PhaseStatus::Pending | PhaseStatus::Active | PhaseStatus::AwaitingApproval { .. } => false,
    };
    job.phase(phase).status == PhaseStatus::Pending && pipeline.phase(phase).after.iter().any(is_through)
}
