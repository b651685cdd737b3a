//! A run from its first start to the end of its last job: one process of the orchestrator after another, each in a runtime of
//! its own with paused time, so that a crash is nothing but the runtime's end.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use journal::{Journal as _, RetentionPolicy};
use orchestrator::{
    core::{Core, Parts},
    memo::Memo,
};

use crate::{
    callers::Callers,
    checks::Checks,
    dice::Dice,
    disk::{self, Disk},
    happenings, pipelines,
    scenario::{Fault, Scenario},
    services::{Calls, Services},
    stage::{Next, Stage},
    witness::{Violation, Witness},
};

/// How long jobs may take when nothing goes wrong any more.
const PATIENCE: Duration = Duration::from_secs(8 * 3600);
/// How long things that come late are still waited for at the end.
const AFTERWARDS: Duration = Duration::from_secs(300);
/// How often people answer what waits for them, in the end.
const ANSWERS: u64 = 20_000;

/// What came of a run.
#[derive(Debug)]
pub struct Report {
    /// What was run.
    pub scenario: Scenario,
    /// Over every step: the same where the run was the same.
    pub hash: blake3::Hash,
    /// What must never be; empty where all is well.
    pub violations: Vec<Violation>,
    /// The steps in words, where they were asked for.
    pub lines: Vec<String>,
    /// How much time passed for the orchestrator.
    pub simulated: Duration,
    /// Figures for people.
    pub figures: Figures,
    /// How many events there were of each kind.
    pub seen: BTreeMap<&'static str, u64>,
}

/// How much happened in a run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Figures {
    /// Jobs.
    pub jobs: u64,
    /// Batches that became durable.
    pub batches: u64,
    /// Attempts.
    pub attempts: u64,
    /// Calls whose answers were judged.
    pub calls: u64,
    /// Processes of the orchestrator that were killed.
    pub crashes: u64,
}

impl Figures {
    /// Those of two runs.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            jobs: self.jobs + other.jobs,
            batches: self.batches + other.batches,
            attempts: self.attempts + other.attempts,
            calls: self.calls + other.calls,
            crashes: self.crashes + other.crashes,
        }
    }
}

/// How a process of the orchestrator ended.
enum End {
    Killed,
    Over,
}

/// Everything that outlives the orchestrator's processes.
pub(crate) struct Cast {
    pub(crate) stage: Arc<Stage>,
    pub(crate) disk: Disk,
    pub(crate) services: Arc<Services>,
    pub(crate) callers: Callers,
    pub(crate) checks: Checks,
    /// When the faults ended.
    pub(crate) calm_since: Option<u64>,
}

/// Runs a scenario. `told`: the report has every step in words. `folder`: an empty one, for the memo.
///
/// # Panics
/// Where no runtime can be made.
#[must_use]
pub fn run(scenario: Scenario, told: bool, folder: &Path) -> Report {
    let pipelines = pipelines::all();
    let services = pipelines::services();
    let witness = Witness::new(&pipelines, disk::capacities(&services));
    let stage = Stage::new(scenario.seed, scenario.faults, witness, told);
    let mut cast = Cast {
        disk: Disk::new(stage.clone(), scenario.faults, scenario.seed),
        services: Services::new(stage.clone()),
        callers: Callers::new(stage.clone(), scenario, pipelines),
        checks: Checks::new(stage.clone()),
        stage: stage.clone(),
        calm_since: None,
    };
    plan(&cast, scenario);
    let mut down = Dice::of(scenario.seed, "down", 0);
    let mut processes = 0;
    loop {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => panic!("no runtime: {error}"),
        };
        let end = runtime.block_on(process(&mut cast, processes, folder));
        drop(runtime);
        match end {
            End::Over => break,
            End::Killed => {
                cast.disk.cut_off();
                cast.disk = cast.disk.reopened();
                stage.clock.wait(down.millis(1, 5_000));
                processes += 1;
                if down.chance(200) && stage.faults().has(Fault::Crash) {
                    // While it still brings back what was under way.
                    stage.after(down.millis(0, 30), Next::Crash);
                }
            }
        }
    }
    report(&cast, scenario, processes)
}

fn report(cast: &Cast, scenario: Scenario, crashes: u64) -> Report {
    let stage = &cast.stage;
    let (calls, unexplained) = {
        let history = stage.history.lock();
        (history.counts(), history.judge(&stage.witness.lock()))
    };
    for about in unexplained {
        stage.violated("history", about);
    }
    let witness = stage.witness.lock();
    let figures = Figures {
        jobs: witness.jobs.len() as u64,
        batches: witness.step,
        attempts: witness.seen.get("attemptStarted").copied().unwrap_or(0),
        calls: calls.1 as u64,
        crashes,
    };
    Report {
        scenario,
        hash: stage.hash(),
        violations: witness.violations.clone(),
        lines: stage.lines(),
        simulated: Duration::from_millis(stage.clock.steady()),
        figures,
        seen: witness.seen.clone(),
    }
}

/// What is going to happen whatever the orchestrator does.
fn plan(cast: &Cast, scenario: Scenario) {
    let mut dice = Dice::of(scenario.seed, "plan", 0);
    let span = dice.millis(20_000, 900_000);
    let within = u64::try_from(span.as_millis()).unwrap_or(0);
    cast.callers.plan(span);
    let plan = |fault: Fault, most: u64, next: &mut dyn FnMut(&mut Dice) -> Next| {
        let mut dice = Dice::of(scenario.seed, "planned", fault as u64);
        for _ in 0..=dice.below(most) {
            let (at, next) = (dice.millis(0, within), next(&mut dice));
            if !scenario.faults.has(fault) {
                continue;
            }
            if matches!(next, Next::Full(true)) {
                let full = dice.millis(10, 20_000);
                cast.stage.after(at + full, Next::Full(false));
                if dice.chance(400) && scenario.faults.has(Fault::Crash) {
                    // It begins again, and is still full.
                    cast.stage.after(at + full / 2, Next::Crash);
                }
            }
            cast.stage.after(at, next);
        }
    };
    plan(Fault::Crash, 6, &mut |_| Next::Crash);
    plan(Fault::DiskFull, 4, &mut |_| Next::Full(true));
    plan(Fault::ClockJump, 4, &mut |dice| {
        let by = i64::from(*dice.pick(&[700, 15_000, 240_000, 3_600_000]));
        Next::Jump(if dice.chance(500) { by } else { -by })
    });
    let names: Vec<_> = pipelines::services().into_keys().collect();
    plan(Fault::ServiceRestart, 5, &mut |dice| Next::ServiceRestart(dice.pick(&names).clone()));
    cast.stage.after(span, Next::Calm);
}

/// One process of the orchestrator.
async fn process(cast: &mut Cast, number: u64, folder: &Path) -> End {
    let stage = cast.stage.clone();
    stage.clock.begin();
    stage.begin(number);
    stage.note(|| format!("process {number} begins"));
    let core = match begin(cast, number, folder) {
        Ok(core) => core,
        Err(error) => {
            stage.violated("begin", error.to_string());
            return End::Over;
        }
    };
    let mut dying = false;
    let end = loop {
        if stage.is_dead() {
            break End::Killed;
        }
        if let Some(reason) = cast.disk.stopped().filter(|_| !dying) {
            // Somebody sees it and starts the orchestrator again.
            dying = true;
            stage.note(|| format!("started again, since {reason}"));
            stage.after(Duration::from_millis(700), Next::Crash);
        }
        cast.checks.look(&core, &cast.disk);
        if cast.checks.is_hopeless() || is_over(cast, &core) {
            break End::Over;
        }
        match stage.next() {
            Ok(next) => happenings::take(cast, &core, next),
            Err(wait) => {
                let nap = wait.unwrap_or(Duration::MAX).min(Duration::from_secs(5));
                tokio::select! {
                    biased;
                    () = stage.killed.notified() => {}
                    () = stage.earlier.notified() => {}
                    () = tokio::time::sleep(nap) => {}
                }
            }
        }
    };
    stage.clock.end();
    end
}

/// How often jobs that only wait leave memory, and far deadlines are looked for; as in `serve`.
const SWEEP: Duration = Duration::from_secs(60);
/// So long a job that has ended is kept.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

async fn sweep(core: Core) {
    let mut every = tokio::time::interval(SWEEP);
    loop {
        every.tick().await;
        core.put_out_idle();
        let policy = RetentionPolicy { ended_for: KEPT };
        // What a disk at fault refuses is tried again a minute later.
        let _ = core.journal().retain(core.world().now().0, policy).await;
        let _ = core.sweep_deadlines().await;
    }
}

/// As `serve` does it: questions and callbacks come in while what was under way is still brought back.
fn begin(cast: &mut Cast, number: u64, folder: &Path) -> std::io::Result<Core> {
    let outbound = Calls { services: cast.services.clone(), process: number };
    let core = Core::new(Parts {
        journal: Arc::new(cast.disk.clone()),
        world: cast.stage.clock.clone(),
        outbound: Arc::new(outbound),
        fleet: orchestrator::core::Fleet::new(&pipelines::services()),
        memo: Memo::open(folder)?,
        pipelines: pipelines::all(),
    });
    cast.checks.begin(&core);
    cast.services.call_again();
    let timers = core.clone();
    tokio::spawn(async move { timers.run().await });
    tokio::spawn(sweep(core.clone()));
    let (recovering, stage) = (core.clone(), cast.stage.clone());
    tokio::spawn(async move {
        match recovering.recover().await {
            Ok(found) if found.unreadable > 0 => stage.violated("recover", format!("{found:?}")),
            Ok(found) => stage.note(|| format!("{found:?}")),
            Err(error) => stage.violated("recover", error.to_string()),
        }
    });
    Ok(core)
}

/// All jobs have ended and nothing late is still under way, or they should have ended long ago.
fn is_over(cast: &mut Cast, core: &Core) -> bool {
    let Some(calm) = cast.calm_since else { return false };
    let now = cast.stage.clock.steady();
    let hanging: Vec<String> = {
        let witness = cast.stage.witness.lock();
        witness.live().map(|(id, shadow)| crate::checks::where_it_stands(*id, shadow)).collect()
    };
    let since_calm = Duration::from_millis(now.saturating_sub(calm));
    if hanging.is_empty() {
        let ended = *cast.checks.ended_at.get_or_insert(now);
        if Duration::from_millis(now.saturating_sub(ended)) < AFTERWARDS || !cast.callers.all_started() {
            return false;
        }
        cast.checks.at_the_end(core);
        return true;
    }
    cast.checks.ended_at = None;
    if since_calm > PATIENCE {
        cast.stage.violated("hangs", hanging.join("; "));
        return true;
    }
    if now >= cast.checks.answered_at + ANSWERS {
        cast.checks.answered_at = now;
        cast.callers.answer_all(core);
    }
    false
}
