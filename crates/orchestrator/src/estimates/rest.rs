//! What is left of a phase that has begun: by earlier runs, and by how far it says it is. The further it is, the more its own
//! speed counts.

use engine::{
    ids::{PhaseIndex, Timestamp},
    job::PhaseStatus,
};

use super::path::Way;

/// An attempt that has not said how far it is can't be further than this.
const NEARLY: f64 = 0.95;
/// How much what is left of a phase may be slower than what is done, where nothing is done yet, and at all.
const SLOWER: f64 = 0.75;
const STEADY: f64 = 0.25;
/// Between two reports so much of the time so far may pass.
const UNSAID: f64 = 0.03;
/// How soon its own speed counts more than earlier runs: at 1.5 alone from two thirds on.
const SPEED: f64 = 1.5;

impl Way<'_> {
    /// What is left of a phase that has begun.
    pub(super) fn rest(&self, phase: PhaseIndex, q: f64) -> f64 {
        let state = &self.picture.phases[phase.usize()];
        let Some(work) = self.pipeline.phase(phase).service() else { return 0.0 };
        if matches!(state.status, PhaseStatus::AwaitingApproval { .. }) {
            return 0.0;
        }
        let told = self.told[phase.usize()].as_ref();
        let Some(elapsed) = self.elapsed(phase) else {
            let again = state.again_at.map_or(0.0, |at| at.since(self.now).as_secs_f64());
            let load = self.around.load(&work.service);
            let ahead =
                state.ready.and_then(|(run, _)| self.around.ahead(&work.service, self.picture.job, run));
            let wait = match (load, ahead) {
                (Some(load), Some(ahead)) => self.wait(&work.service, &load, ahead, load.running, q),
                _ => 0.0,
            };
            return again.max(wait) + told.map_or(0.0, |told| told.at(q));
        };
        let by_history = told.map(|told| told.rest(elapsed, q));
        let by_speed = self.share(phase).filter(|(share, _)| *share > 0.0).map(|(share, at)| {
            let since = self.now.since(at).as_secs_f64().min(elapsed);
            let worked = elapsed - since;
            let left = worked * (1.0 - share) / share;
            // What is left may be slower than what is done, by more the less is done; and a report is never of this moment.
            let late = 2.0 * (q - 0.5).max(0.0);
            let slower = late.mul_add(SLOWER * (1.0 - share) + STEADY, 1.0);
            (share, (left * slower + late * UNSAID * worked - since).max(0.0))
        });
        match (by_history, by_speed) {
            (Some(history), Some((share, speed))) => {
                let weight = (SPEED * share).min(1.0);
                weight.mul_add(speed, (1.0 - weight) * history)
            }
            (Some(left), None) | (None, Some((_, left))) => left,
            (None, None) => 0.0,
        }
    }

    /// How far a phase is by this estimate.
    pub(super) fn done(&self, phase: PhaseIndex) -> Option<f64> {
        let elapsed = self.elapsed(phase)?;
        let known =
            self.told[phase.usize()].is_some() || self.share(phase).is_some_and(|(share, _)| share > 0.0);
        let all = elapsed + self.rest(phase, 0.5);
        (known && all > 0.0).then(|| (elapsed / all).min(0.99))
    }

    /// Seconds since the work of a phase began: of a map its first attempt, else the one at work, for a second one begins anew;
    /// none where nothing has begun.
    fn elapsed(&self, phase: PhaseIndex) -> Option<f64> {
        let state = &self.picture.phases[phase.usize()];
        let live = state.live.iter().map(|live| live.started_at).min();
        let begun = if state.mapped {
            let first = self.around.begun(self.picture.job, phase, state.turn);
            let known = first.into_iter().chain(live).min();
            known.or(state.started_at).filter(|_| live.is_some() || state.settled > 0)
        } else {
            live
        };
        Some(self.now.since(begun?).as_secs_f64())
    }

    /// How far a phase is by what its runs said and which of them are through, and as of when.
    pub(super) fn share(&self, phase: PhaseIndex) -> Option<(f64, Timestamp)> {
        let state = &self.picture.phases[phase.usize()];
        if !state.mapped {
            return state.live.first()?.share;
        }
        let work = self.pipeline.phase(phase).service()?;
        let one = self.known.one_attempt(&work.service).map(|spread| spread.at(0.5));
        let within = state.live.iter().map(|live| match (live.share, one) {
            (Some((share, _)), _) => share,
            (None, Some(one)) if one > 0.0 => {
                (self.now.since(live.started_at).as_secs_f64() / one).min(NEARLY)
            }
            (None, _) => 0.0,
        });
        let done = state.settled as f64 + within.sum::<f64>();
        (state.runs > 0).then(|| (done / state.runs as f64, self.now))
    }
}
