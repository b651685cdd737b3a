//! Whether events say what a command asks for, whatever the engine thinks: the judge of histories must not believe the engine
//! in everything, since it uses it as its model.

use engine::{
    command::{Command, Outcome, Rejection},
    event::{Event, EventKind},
    ids::AttemptId,
};

/// Whether the events are those of just this command: a callback is never taken for that of another attempt.
#[must_use]
pub fn is_done(command: &Command, events: &[Event]) -> bool {
    let any = |is: &dyn Fn(&EventKind) -> bool| events.iter().any(|event| is(&event.kind));
    let none = events.is_empty();
    match command {
        Command::Report { attempt, outcome } => any(&|kind| tells(kind, *attempt, outcome)),
        // What waits to be tried again goes at once.
        Command::Retry { .. } => {
            any(&|kind| matches!(kind, EventKind::JobRetried { .. } | EventKind::RunReady { .. }))
        }
        Command::Rerun { .. } => any(&|kind| matches!(kind, EventKind::JobRerun { .. })),
        Command::Signal { name, payload, .. } => any(&|kind| match kind {
            EventKind::SignalTaken { signal, payload: taken, .. }
            | EventKind::SignalKept { signal, payload: taken, .. } => signal == name && taken == payload,
            EventKind::ApprovalGiven { .. } | EventKind::PhaseFailed { .. } => true,
            _ => false,
        }),
        // These may find that all is as asked already.
        Command::Cancel { .. } => none || any(&|kind| matches!(kind, EventKind::JobCancelled { .. })),
        Command::Pause { .. } => none || any(&|kind| matches!(kind, EventKind::JobPaused { .. })),
        Command::Resume { .. } => none || any(&|kind| matches!(kind, EventKind::JobResumed { .. })),
        Command::SetPriority { priority, .. } => {
            none || any(
                &|kind| matches!(kind, EventKind::PriorityChanged { priority: now, .. } if now == priority),
            )
        }
        _ => true,
    }
}

/// Whether a refusal may be: only what is durable is a repetition, since a service that hears of one calls no more.
#[must_use]
pub fn may_be_refused(command: &Command, rejection: &Rejection, durable: &[Event]) -> bool {
    let Command::Report { attempt, outcome } = command else { return true };
    let repeated = durable.iter().any(|event| tells(&event.kind, *attempt, outcome));
    *rejection != Rejection::Duplicate || repeated
}

/// Whether the event is that of this attempt's outcome.
fn tells(kind: &EventKind, of: AttemptId, outcome: &Outcome) -> bool {
    match (kind, outcome) {
        (EventKind::AttemptSucceeded { attempt, output, .. }, Outcome::Success { output: said, .. }) => {
            *attempt == of && output == said
        }
        (
            EventKind::AttemptFailed { attempt, error, reported: true, .. },
            Outcome::Failure { error: said },
        ) => *attempt == of && error == said,
        _ => false,
    }
}
