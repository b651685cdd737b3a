//! What is left of jobs, as callers see it.

use engine::ids::{JobId, Timestamp};
use protocol::{
    Estimate, JobSummary, PhaseEstimate,
    estimate::{Moments, Seconds},
};

use crate::{
    clock::moment,
    core::Core,
    estimates::{
        background::share,
        path::{Left, Range},
        picture::Picture,
    },
};

/// Jobs of one page that are estimated at most: beyond that nobody reads them.
const MOST: usize = 200;

/// What is left of a job of which there is a picture; none where it can't be told.
pub(super) async fn of(core: &Core, picture: &Picture) -> Option<Estimate> {
    let pipeline = core.definition(picture.definition).await.ok()?;
    Some(shown(core.estimates().left(core, &pipeline, picture), core.world().now()))
}

/// What is left of the live jobs of a page.
pub(in crate::http) async fn of_page(core: &Core, jobs: &mut [JobSummary]) {
    for job in jobs.iter_mut().filter(|job| !job.status.is_over()).take(MOST) {
        let attempts = core.clone();
        let look = core.look(JobId(job.job_id), move |_, job| {
            (!job.has_ended()).then(|| Picture::of(job, |attempt| share(attempts.attempts(), attempt)))
        });
        if let Ok(Some(picture)) = look.await
            && let Some(mut estimate) = of(core, &picture).await
        {
            estimate.phases.clear();
            job.estimate = Some(estimate);
        }
    }
}

fn shown(left: Left, now: Timestamp) -> Estimate {
    let remaining_seconds = left.remaining.map(seconds);
    let is_free = left.waits_for.is_empty() && !left.at_least;
    let phases = left.phases.into_iter().map(|(name, phase)| {
        let shown = PhaseEstimate {
            starts_at: (phase.starts.p90 > 0.0).then(|| moments(now, phase.starts)),
            ends_at: phase.ends.map(|range| moments(now, range)),
            remaining_seconds: phase.ends.map(seconds),
            done: phase.done.map(|done| (done * 1000.0).round() / 1000.0),
            why: phase.why,
        };
        (name.to_string(), shown)
    });
    Estimate {
        ends_at: left.remaining.filter(|_| is_free).map(|range| moments(now, range)),
        at_least: left.at_least,
        text: Estimate::in_words(remaining_seconds, left.at_least, &left.why),
        remaining_seconds,
        why: left.why,
        waits_for: left.waits_for,
        phases: phases.collect(),
    }
}

fn seconds(range: Range) -> Seconds {
    let tenths = |seconds: f64| (seconds * 10.0).round() / 10.0;
    Seconds { p50: tenths(range.p50), p90: tenths(range.p90) }
}

fn moments(now: Timestamp, range: Range) -> Moments {
    let at = |seconds: f64| {
        moment(now.after(std::time::Duration::try_from_secs_f64(seconds).unwrap_or(std::time::Duration::MAX)))
    };
    Moments { p50: at(range.p50), p90: at(range.p90) }
}
