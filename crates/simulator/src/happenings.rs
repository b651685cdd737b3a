//! What each entry of the agenda does when its time has come.

use std::time::Duration;

use engine::{
    command::Command,
    ids::{AttemptId, Name},
    job::JobState,
};
use orchestrator::core::{CommandError, Core};

use crate::{
    clock::short,
    history::{Asked, Told},
    run::Cast,
    stage::Next,
};

/// Takes one step.
pub(crate) fn take(cast: &mut Cast, core: &Core, next: Next) {
    let stage = cast.stage.clone();
    match next {
        Next::Caller(number) => cast.callers.act(core, number),
        Next::StartAgain(number) => cast.callers.start_again(core, number),
        Next::StartTwice(number) => cast.callers.start(core, number),
        Next::Rival(job) => cast.callers.start_rival(core, job),
        Next::Resume(job) => {
            let paused = stage
                .witness
                .lock()
                .jobs
                .get(&job)
                .is_some_and(|shadow| matches!(shadow.job.state, JobState::Paused { .. }));
            if paused {
                cast.callers.command(core, job, Command::Resume { by: "somebody".into() });
            }
        }
        Next::Done(service, attempt) => cast.services.done(&service, attempt),
        Next::Callback(service, attempt, other) => call_back(cast, core, &service, attempt, other),
        Next::Beat(service, attempt) => beat(cast, core, &service, attempt),
        Next::ServiceRestart(service) => {
            stage.note(|| format!("{service} starts again and has forgotten everything"));
            cast.services.restart(&service);
        }
        Next::Jump(by) => {
            stage.note(|| format!("the wall clock is set by {by} ms"));
            stage.clock.jump(by);
        }
        Next::Crash => stage.crash("at some moment"),
        Next::Full(full) => {
            stage.note(|| format!("the disk is full: {full}"));
            cast.disk.set_full(full);
        }
        Next::Look(number) => {
            if let Some(job) = cast.callers.some_job(number) {
                cast.callers.look(core, job);
            }
        }
        Next::Calm => {
            stage.note(|| "nothing goes wrong any more".to_owned());
            stage.calm();
            cast.disk.heal();
            cast.calm_since = Some(stage.clock.steady());
        }
    }
}

/// A callback, as a service sends it: again until somebody answers.
fn call_back(cast: &Cast, core: &Core, service: &Name, attempt: AttemptId, other: bool) {
    let Some((job, command)) = cast.services.callback(service, attempt, other) else { return };
    let stage = cast.stage.clone();
    stage.note(|| format!("callback of {} (other: {other})", short(attempt.0)));
    let services = cast.services.clone();
    let (core, service, process) = (core.clone(), service.clone(), stage.process());
    services.calls(&service, attempt, other);
    cast.callers.call(job, Asked::Command(command.clone()), async move {
        let told = core.command(job, command).await;
        if stage.is_running(process) {
            services.answered(&service, attempt, other);
            if !matches!(&told, Ok(_) | Err(CommandError::Rejected(_))) {
                stage.after(Duration::from_secs(2), Next::Callback(service, attempt, other));
            }
        }
        Told::Command(told)
    });
}

fn beat(cast: &Cast, core: &Core, service: &Name, attempt: AttemptId) {
    if cast.services.beat(service, attempt).is_some() {
        core.progress(attempt, protocol::Progress::default());
    }
}
