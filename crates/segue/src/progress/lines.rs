//! Progress where no bars can be drawn (a log, a pipe, CI): a line when a phase comes to another state, and one about what
//! runs from time to time.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use protocol::{JobStatus, PhaseState};

use super::{counted, left, told};

/// At least so long between two lines about work that goes on.
const EVERY: Duration = Duration::from_secs(1);

/// At least so long between two lines about what is left of the whole job.
const WHOLE_EVERY: Duration = Duration::from_secs(10);

/// What was said so far.
#[derive(Debug, Default)]
pub(super) struct Lines {
    said: BTreeMap<String, Said>,
    last: Option<Instant>,
    /// When what is left of the whole job was last said.
    whole: Option<Instant>,
}

#[derive(Debug)]
struct Said {
    state: PhaseState,
    done: Option<u64>,
}

impl Lines {
    /// What there is to say at this moment.
    pub(super) fn news(&mut self, job: &JobStatus, now: Instant) -> Vec<String> {
        let mut news = Vec::new();
        let text =
            job.estimate.as_ref().map(|estimate| format!("  {:15} {} ({})", "", estimate.text, estimate.why));
        let overdue = self.whole.is_none_or(|last| now.duration_since(last) >= WHOLE_EVERY);
        let quiet = self.last.is_some_and(|last| now.duration_since(last) < EVERY);
        for phase in &job.phases {
            let fresh = || Said { state: PhaseState::Pending, done: None };
            let said = self.said.entry(phase.phase.clone()).or_insert_with(fresh);
            let done = counted(phase).map(|(done, _)| done);
            let moved = done != said.done && phase.status == PhaseState::Running;
            if said.state == phase.status && (!moved || quiet) {
                continue;
            }
            (said.state, said.done) = (phase.status, done);
            news.push(
                format!("  {:15} {}", phase.phase, told(phase, &left(job, phase))).trim_end().to_owned(),
            );
            self.last = Some(now);
        }
        if let Some(text) = text.filter(|_| overdue) {
            news.push(text);
            self.whole = Some(now);
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use protocol::JobStatus;
    use serde_json::json;

    use super::Lines;

    fn job(state: &str, done: u64) -> JobStatus {
        let progress = json!({ "done": done, "total": 100, "unit": "samples" });
        let time = "2026-11-21T00:00:00Z";
        let phase =
            json!({ "phase": "tts", "status": state, "success": null, "attempts": 1, "progress": progress });
        let left = json!({ "p50": 7.0, "p90": 9.0 });
        let estimate = json!({ "remainingSeconds": left, "endsAt": null, "text": "about 7–9 s left", "why": "from 3 earlier runs",
            "phases": { "tts": { "endsAt": null, "remainingSeconds": left, "why": "" } } });
        let estimate = if state == "complete" { json!(null) } else { estimate };
        let job = json!({ "jobId": uuid::Uuid::nil(), "pipeline": "course", "key": "k", "courseCode": "k", "status": "running",
            "reason": "", "phases": [phase], "phasesCompleted": [], "events": 1, "estimate": estimate, "startedAt": time, "lastUpdated": time });
        serde_json::from_value(job).expect("a status")
    }

    #[test]
    fn a_state_is_said_at_once_and_progress_once_a_second_with_the_time_left() {
        let (mut lines, start) = (Lines::default(), Instant::now());
        let mut said = Vec::new();
        for (millis, state, done) in [
            (0, "running", 0),
            (300, "running", 3),
            (900, "running", 9),
            (3000, "running", 30),
            (3300, "complete", 100),
        ] {
            said.extend(lines.news(&job(state, done), start + Duration::from_millis(millis)));
        }
        assert_eq!(
            said.iter().map(|line| line.trim()).collect::<Vec<_>>(),
            [
                "tts             0/100 samples  about 7–9 s left",
                "about 7–9 s left (from 3 earlier runs)",
                "tts             30/100 samples  about 7–9 s left",
                "tts             ✓"
            ]
        );
        assert!(
            lines.news(&job("complete", 100), start + Duration::from_secs(9)).is_empty(),
            "nothing is said twice"
        );
    }

    #[test]
    fn a_phase_in_several_runs_counts_what_they_have_done() {
        let mut job = job("running", 1);
        let attempt = |done: u64| {
            json!({ "run": "tts[0]", "attempt": 1, "attemptId": uuid::Uuid::nil(),
                    "progress": { "done": done, "total": 50, "unit": "samples" } })
        };
        job.phases[0] = serde_json::from_value(
            json!({ "phase": "tts", "status": "running", "success": null, "attempts": 1,
            "progress": { "done": 1, "total": 4, "unit": "runs" }, "running": [attempt(25), attempt(5)],
            "stats": { "newLegos": 3, "failed": 0, "rate": 0.010_526 } }),
        )
        .expect("a phase");
        assert_eq!(super::counted(&job.phases[0]), Some((400, 1000)));
        assert_eq!(super::told(&job.phases[0], ""), "1/4 runs, 30/100 samples");
        assert_eq!(super::super::figures(&job.phases[0]), "new legos 3, rate 0.011");
    }
}
