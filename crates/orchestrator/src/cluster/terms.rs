//! The terms of a process: standing by until it leads, leading until it can't, and so on until it is stopped.

use std::{fmt::Display, future::Future, io, net, sync::Arc, time::Duration};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{StandbySettings, Term, seat::Seat, standby::Standby};
use crate::metrics::passed_on::Counts;

/// How long calls that are under way may take when a term ends: in order, or because somebody else leads.
const DRAIN: (Duration, Duration) = (Duration::from_secs(3), Duration::from_millis(300));
/// How long the others have to hear that another one leads.
const LINGER: Duration = Duration::from_millis(500);
/// How long the tasks of a term may take to notice that it is over. What they write later is refused by its epoch.
const TASKS: Duration = Duration::from_secs(2);
/// How long to leave the lead to others after a term that could not begin.
const PAUSE: Duration = Duration::from_secs(2);
/// How long what is passed on may take at the end of the process.
const LAST_CALLS: Duration = Duration::from_secs(10);

/// What a process needs to take turns with others.
#[expect(missing_debug_implementations, reason = "only handed over, never shown")]
pub struct Turns {
    /// How it gets to lead.
    pub seat: Seat,
    /// Stays open from the beginning to the end.
    pub listener: net::TcpListener,
    /// What it needs while another one leads.
    pub standby: StandbySettings,
}

/// What a leader gets.
#[derive(Debug)]
pub struct Leading {
    /// Whose appends carry `term.reign.epoch`.
    pub term: Arc<Term>,
    /// To be listened on.
    pub listener: net::TcpListener,
    /// When it is cancelled the leader takes nothing new, answers what is open, and returns.
    pub ending: CancellationToken,
}

/// Takes turns until `stop`. `lead` runs on a runtime of its own, which is gone when the next term begins.
///
/// # Errors
/// Where the listener can't be shared.
pub async fn take_turns<L, F, E>(turns: Turns, lead: L, stop: CancellationToken) -> io::Result<()>
where
    L: Fn(Leading) -> F,
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Display + Send + 'static,
{
    let Turns { seat, listener, standby } = turns;
    listener.set_nonblocking(true)?;
    let counts = Arc::new(Counts::default());
    let standby = Standby::new(standby, seat.member().clone(), counts.clone(), stop.clone());
    let passing_on = TaskTracker::new();
    while !stop.is_cancelled() {
        let ends = stop.child_token();
        passing_on.spawn(standby.clone().listen(listener.try_clone()?, ends.clone()));
        let reign = tokio::select! {
            reign = seat.seek() => reign,
            () = stop.cancelled() => break,
        };
        ends.cancel();
        tracing::info!(epoch = reign.epoch, "leading");
        let term = Arc::new(Term { member: seat.member().clone(), reign, counts: counts.clone() });
        let failed = one_term(&seat, &term, listener.try_clone()?, &lead, &stop).await;
        tracing::info!(epoch = term.reign.epoch, "no longer leading");
        if let Err(error) = failed {
            tracing::error!(error, "the term ended early");
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = stop.cancelled() => {}
            }
        }
    }
    passing_on.close();
    if tokio::time::timeout(LAST_CALLS, passing_on.wait()).await.is_err() {
        tracing::warn!("calls that were passed on are still open; stopping all the same");
    }
    Ok(())
}

async fn one_term<L, F, E>(
    seat: &Seat,
    term: &Arc<Term>,
    listener: net::TcpListener,
    lead: &L,
    stop: &CancellationToken,
) -> Result<(), String>
where
    L: Fn(Leading) -> F,
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Display + Send + 'static,
{
    let reign = &term.reign;
    let keeping = tokio::spawn({
        let (seat, reign) = (seat.clone(), reign.clone());
        async move { seat.keep(&reign).await }
    });
    let ended = match Builder::new_multi_thread().enable_all().thread_name("term").build() {
        Ok(runtime) => {
            let runtime = OfATerm(Some(runtime));
            let ending = stop.child_token();
            let leading = Leading { term: term.clone(), listener, ending: ending.clone() };
            let mut led = runtime.handle()?.spawn(lead(leading));
            let drain = tokio::select! {
                () = reign.over() => DRAIN.1,
                () = stop.cancelled() => DRAIN.0,
                // It has ended by itself.
                _ = &mut led => Duration::ZERO,
            };
            ending.cancel();
            let ended = tokio::time::timeout(drain, &mut led).await;
            seat.leave(reign).await;
            // Whoever still takes us for the leader is told that we are not, until he has heard of the next one.
            tokio::time::sleep(LINGER).await;
            runtime.end().await;
            ended.map_or(Ok(()), outcome)
        }
        Err(error) => {
            seat.leave(reign).await;
            Err(error.to_string())
        }
    };
    keeping.abort();
    ended
}

fn outcome<E: Display>(ended: Result<Result<(), E>, tokio::task::JoinError>) -> Result<(), String> {
    match ended {
        Ok(led) => led.map_err(|error| format!("{error:#}")),
        Err(error) => Err(error.to_string()),
    }
}

/// The runtime of a term. One may not be dropped where others run, for it waits.
struct OfATerm(Option<Runtime>);

impl OfATerm {
    fn handle(&self) -> Result<&Handle, String> {
        self.0.as_ref().map(Runtime::handle).ok_or_else(|| "it has ended".to_owned())
    }

    /// Ends it with all that runs in it.
    async fn end(mut self) {
        let Some(runtime) = self.0.take() else { return };
        let ended = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(TASKS));
        if let Err(error) = ended.await {
            tracing::error!(%error, "the runtime of a term could not be ended");
        }
    }
}

impl Drop for OfATerm {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
