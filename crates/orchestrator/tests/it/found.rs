//! What the simulator found, each as a small story that needs no luck: the journal waits for the test at every append.

#![expect(clippy::unwrap_used, reason = "where an answer is not as it must be, the test fails")]

mod stage;

use std::{task::Poll, time::Duration};

use engine::{
    command::{Command, Outcome},
    ids::{AttemptId, JobId, PhaseIndex, Timestamp},
    payload::Payload,
};
use futures::{FutureExt, poll};
use journal::JournalError;
use orchestrator::{
    clock::World,
    core::{CommandError, Core, StartError, Started},
};
use stage::{Answering, Stage};
use tokio::task::JoinHandle;

/// Whoever does not wait is through after so many turns of a runtime with one thread.
async fn all_that_can_happen() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

/// A call until it waits for the test.
async fn as_far_as_it_goes<F: Future + Unpin>(call: &mut F) -> Poll<F::Output> {
    for _ in 0..100 {
        if let Poll::Ready(done) = poll!(&mut *call) {
            return Poll::Ready(done);
        }
        tokio::task::yield_now().await;
    }
    Poll::Pending
}

fn timers(core: &Core) -> JoinHandle<()> {
    let core = core.clone();
    tokio::spawn(async move { core.run().await })
}

fn success(attempt: AttemptId) -> Command {
    let outcome = Outcome::Success { output: Payload::null(), stats: Payload::null() };
    Command::Report { attempt, outcome }
}

fn new(started: Result<Started, StartError>) -> JobId {
    match started.unwrap() {
        Started::New(job) => job,
        Started::Existing(job) => panic!("{job} was there already"),
    }
}

/// Seed 3: a crash at that moment would have lost a callback to which the service had an answer.
#[tokio::test(start_paused = true)]
async fn a_duplicate_is_told_so_when_the_first_is_durable() {
    let stage = Stage::new(Answering::AtOnce);
    let core = stage.core().await;
    let job = new(stage.start(&core, "a").await);
    let attempt = stage.next_offer().await;
    stage.journal.answer(Answering::WhenTold);
    // Something else is being written, so that both callbacks wait for the same round.
    let mut before = core.command(job, Command::Pause { by: "test".into() }).boxed();
    assert!(poll!(&mut before).is_pending());
    let mut first = core.command(job, success(attempt)).boxed();
    let mut second = core.command(job, success(attempt)).boxed();
    assert!(poll!(&mut first).is_pending() && poll!(&mut second).is_pending());
    stage.journal.next().await.take();
    before.await.unwrap();
    let both = stage.journal.next().await;
    all_that_can_happen().await;
    assert!(poll!(&mut first).is_pending(), "it is not durable");
    assert!(poll!(&mut second).is_pending(), "nor is what it is a duplicate of");
    both.refuse(JournalError::Stopped { reason: "the machine is gone".to_owned() });
    assert!(matches!(first.await, Err(CommandError::Journal(_))));
    assert!(matches!(second.await, Err(CommandError::Journal(_))));
}

/// Seed 3: phases ended before they began.
#[tokio::test(start_paused = true)]
async fn time_in_a_job_never_goes_back() {
    let stage = Stage::new(Answering::AtOnce);
    let core = stage.core().await;
    let job = new(stage.start(&core, "a").await);
    let began = stage.world.now();
    stage.world.set_to(Timestamp(began.0 - 3_600_000));
    let attempt = stage.next_offer().await;
    core.command(job, success(attempt)).await.unwrap();
    let ended = core.look(job, |_, job| job.phases[0].ended_at).await.unwrap();
    assert_eq!(ended, Some(began));
}

/// Seeds 0, 2 and 6: what came in during recovery got a driver beside the one that recovery put in its place.
#[tokio::test(start_paused = true)]
async fn nobody_is_served_before_keys_and_slots_in_use_are_known() {
    let stage = Stage::new(Answering::AtOnce);
    let before = stage.core().await;
    let job = new(stage.start(&before, "a").await);
    let attempt = stage.next_offer().await;
    let core = stage.unrecovered();
    let mut same_key = stage.start(&core, "a").boxed();
    let mut other_key = stage.start(&core, "b").boxed();
    let mut callback = core.command(job, success(attempt)).boxed();
    assert!(poll!(&mut same_key).is_pending() && poll!(&mut other_key).is_pending());
    assert!(poll!(&mut callback).is_pending());
    all_that_can_happen().await;
    assert!(poll!(&mut same_key).is_pending() && poll!(&mut other_key).is_pending());
    assert!(stage.offers().is_empty(), "the only slot is in use");
    core.recover().await.unwrap();
    callback.await.unwrap();
    let (same_key, other_key) = (same_key.await, new(other_key.await));
    // Before or after the callback, but never a second live job.
    match same_key {
        Ok(Started::New(again)) => assert_ne!(again, job),
        Ok(Started::Existing(_)) => panic!("no idempotency key was given"),
        Err(error) => assert!(matches!(error, StartError::KeyInUse { .. }), "{error}"),
    }
    assert!(core.find_live(&stage.pipeline.name, "b").await == Some(other_key));
    assert!(stage.slots(&core) <= 1);
}

/// Seed 5: slots taken for what could not be written stayed taken for ever, and runs whose grant failed were in no queue.
#[tokio::test(start_paused = true)]
async fn what_a_full_disk_refused_is_done_when_there_is_room() {
    let stage = Stage::new(Answering::Full);
    let core = stage.core().await;
    let refused = stage.start(&core, "a").await;
    assert!(matches!(refused, Err(StartError::Command(CommandError::Journal(JournalError::Full)))));
    assert_eq!(stage.slots(&core), 0, "what was never written holds nothing");
    stage.journal.answer(Answering::AtOnce);
    let first = new(stage.start(&core, "a").await);
    let second = new(stage.start(&core, "b").await);
    let attempt = stage.next_offer().await;
    // The callback is written, the grant that it makes room for is not.
    core.command(first, success(attempt)).now_or_never().unwrap().unwrap();
    stage.journal.answer(Answering::Full);
    all_that_can_happen().await;
    tokio::time::advance(Duration::from_secs(10)).await;
    stage.journal.answer(Answering::AtOnce);
    let granted = stage.next_offer().await;
    core.command(second, success(granted)).await.unwrap();
    assert_eq!(stage.slots(&core), 0);
}

/// Seed 5: a deadline that fired while the disk was full was forgotten.
#[tokio::test(start_paused = true)]
async fn a_deadline_that_a_full_disk_refused_is_not_forgotten() {
    let stage = Stage::new(Answering::AtOnce);
    let core = stage.core().await;
    let timers = timers(&core);
    new(stage.start(&core, "a").await);
    let attempt = stage.next_offer().await;
    all_that_can_happen().await;
    stage.journal.answer(Answering::Full);
    stage.world.set_to(Timestamp(stage.world.now().0 + 60_000));
    tokio::time::advance(Duration::from_secs(6)).await;
    all_that_can_happen().await;
    assert!(core.attempts().get(attempt).is_some(), "it could not be written");
    stage.journal.answer(Answering::AtOnce);
    tokio::time::advance(Duration::from_secs(2)).await;
    all_that_can_happen().await;
    assert!(core.attempts().get(attempt).is_none());
    timers.abort();
}

/// Seed 3497: recovery looked at a job to queue it, the look was refused with the round, and the job was in no queue.
#[tokio::test(start_paused = true)]
async fn who_only_looks_is_not_refused_since_the_disk_is_full() {
    let stage = Stage::new(Answering::AtOnce);
    let core = stage.core().await;
    let job = new(stage.start(&core, "a").await);
    stage.journal.answer(Answering::WhenTold);
    let mut first = core.command(job, Command::Pause { by: "test".into() }).boxed();
    assert!(poll!(&mut first).is_pending());
    let mut refused = core.command(job, Command::Resume { by: "test".into() }).boxed();
    let mut look = core.look(job, |_, job| job.events).boxed();
    assert!(poll!(&mut refused).is_pending() && poll!(&mut look).is_pending());
    stage.journal.next().await.take();
    first.await.unwrap();
    stage.journal.next().await.refuse(JournalError::Full);
    assert!(matches!(refused.await, Err(CommandError::Journal(JournalError::Full))));
    let durable = stage.journal.events(job).await;
    assert_eq!(look.await.unwrap(), durable, "what is durable, not what was tried");
}

/// Seeds 57 and 2368: a retry took the key before it was decided; a start found the key's job over and took it, too.
#[tokio::test(start_paused = true)]
async fn a_key_has_one_live_job_also_when_one_goes_on_again() {
    for retry_is_written in [true, false] {
        let stage = Stage::new(Answering::AtOnce);
        let core = stage.core().await;
        let job = new(stage.start(&core, "a").await);
        core.command(job, Command::Cancel { reason: "test".into(), by: "test".into() }).await.unwrap();
        stage.journal.answer(Answering::WhenTold);
        let mut retry =
            core.command(job, Command::Rerun { from: PhaseIndex(0), input: None, by: "test".into() }).boxed();
        assert!(as_far_as_it_goes(&mut retry).await.is_pending());
        let asked = stage.journal.next().await;
        let mut start = stage.start(&core, "a").boxed();
        let early = as_far_as_it_goes(&mut start).await;
        match retry_is_written {
            true => asked.take(),
            false => asked.refuse(JournalError::Full),
        }
        stage.journal.answer(Answering::AtOnce);
        assert_eq!(retry.await.is_ok(), retry_is_written);
        let started = match early {
            Poll::Ready(started) => started,
            Poll::Pending => start.await,
        };
        let holder = core.find_live(&stage.pipeline.name, "a").await;
        match started {
            Ok(started) => assert_eq!(holder, Some(new(Ok(started))), "the retry has come to nothing"),
            Err(StartError::KeyInUse { .. }) => assert_eq!(holder.is_some(), retry_is_written),
            Err(other) => panic!("{other}"),
        }
        assert_eq!(stage.journal.live().await, usize::from(holder.is_some()));
    }
}

/// Seed 20: naps are not measured by the wall clock.
#[tokio::test(start_paused = true)]
async fn timers_see_within_seconds_that_the_clock_was_set_forward() {
    let stage = Stage::new(Answering::AtOnce);
    let core = stage.core().await;
    let timers = timers(&core);
    new(stage.start(&core, "a").await);
    let attempt = stage.next_offer().await;
    all_that_can_happen().await;
    stage.world.set_to(Timestamp(stage.world.now().0 + 3 * 3_600_000));
    tokio::time::advance(Duration::from_secs(6)).await;
    all_that_can_happen().await;
    assert!(core.attempts().get(attempt).is_none(), "its 50 seconds are over");
    timers.abort();
}

/// Seen by chance in a test on a busy machine: the result was on its way to the disk when the next job asked for it.
#[tokio::test]
async fn the_result_of_a_job_that_has_just_ended_is_remembered() {
    let stage = Stage::of("name='found'\n[[phase]]\nid='work'\nservice='stub'\nmemo=true", Answering::AtOnce);
    let core = stage.core().await;
    let first = new(stage.start(&core, "a").await);
    let attempt = stage.next_offer().await;
    core.command(first, success(attempt)).await.unwrap();
    let second = new(stage.start(&core, "b").await);
    while !core.look(second, |_, job| job.has_ended()).await.unwrap() {
        assert!(stage.offers().is_empty(), "its result is known");
        tokio::task::yield_now().await;
    }
}
