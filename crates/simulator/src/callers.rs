//! The callers: they start jobs, again where nobody answered, and steer them at bad moments. Every call is noted with what was
//! durable when it was made and when it was answered.

use std::{future::Future, sync::Arc, time::Duration};

use engine::{
    command::{Command, Start},
    ids::{JobId, Name, PhaseIndex, Priority},
    job::{JobState, PhaseStatus},
    payload::Payload,
    pipeline::Pipeline,
};
use orchestrator::core::{CommandError, Core, StartError, Started};
use serde_json::json;

use crate::{
    clock::short,
    dice::Dice,
    history::{Asked, Told},
    scenario::{Fault, Scenario},
    stage::{Next, Stage},
};

/// The faults that are people.
const PEOPLE: [Fault; 6] =
    [Fault::Cancel, Fault::Pause, Fault::Retry, Fault::Rerun, Fault::Signal, Fault::Priority];
const PRIORITIES: [Priority; 5] =
    [Priority::Urgent, Priority::High, Priority::Medium, Priority::Low, Priority::Background];

/// All callers.
#[derive(Debug)]
pub struct Callers {
    stage: Arc<Stage>,
    scenario: Scenario,
    pipelines: Vec<Arc<Pipeline>>,
}

impl Callers {
    /// With nothing done yet.
    #[must_use]
    pub fn new(stage: Arc<Stage>, scenario: Scenario, pipelines: Vec<Arc<Pipeline>>) -> Self {
        Self { stage, scenario, pipelines }
    }

    /// Puts into the agenda what they are going to do within a time.
    pub fn plan(&self, within: Duration) {
        let within = u64::try_from(within.as_millis()).unwrap_or(0);
        for number in 0..u64::from(self.scenario.jobs) {
            let mut dice = Dice::of(self.scenario.seed, "when", number);
            // Half of them in bursts, so that there are queues.
            let at = if dice.chance(500) { 2_000 } else { within / 2 };
            self.stage.after(dice.millis(0, at), Next::StartAgain(number));
            for step in 0..5 {
                let number = number * 5 + step;
                self.stage.after(dice.millis(0, within), Next::Caller(number));
                self.stage.after(dice.millis(0, within), Next::Look(number));
            }
        }
    }

    /// Whether every start has been answered.
    #[must_use]
    pub fn all_started(&self) -> bool {
        let history = self.stage.history.lock();
        (0..u64::from(self.scenario.jobs)).all(|number| history.has_started(number))
    }

    /// Starts the job of that number, unless that was answered.
    pub fn start_again(&self, core: &Core, number: u64) {
        if self.stage.history.lock().has_started(number) {
            return;
        }
        let mut dice = Dice::of(self.scenario.seed, "again", number);
        // Whoever is not answered starts again, under the same idempotency key.
        self.stage.after(dice.millis(12_000, 15_000), Next::StartAgain(number));
        if dice.chance(300) && self.stage.faults().has(Fault::DuplicateStart) {
            self.stage.after(dice.millis(0, 2_000), Next::StartTwice(number));
        }
        self.start(core, number);
    }

    /// Starts the job of that number.
    pub fn start(&self, core: &Core, number: u64) {
        let mut dice = Dice::of(self.scenario.seed, "start", number);
        let pipeline = dice.pick(&self.pipelines).clone();
        let key: Arc<str> = format!("k{}", dice.below(1 + u64::from(self.scenario.jobs) / 2)).into();
        let priority = dice.chance(600).then(|| *dice.pick(&PRIORITIES));
        let input = Payload::from_value(&json!({ "session": format!("s{}", dice.below(3)) }));
        let start = Start {
            job: orchestrator::clock::World::job_id(&*self.stage.clock),
            key,
            input,
            priority,
            mode: None,
            traceparent: None,
            idempotency_key: Some(format!("start {number}").into()),
        };
        let job = start.job;
        self.stage.note(|| format!("start {number}: {} {} as {}", pipeline.name, start.key, short(job.0)));
        let (stage, core) = (self.stage.clone(), core.clone());
        self.call(job, Asked::Start, async move {
            let told = core.start(pipeline, start).await;
            let refused = matches!(&told, Err(StartError::Command(_)));
            if !refused && !stage.is_dead() {
                stage.history.lock().started(number);
            }
            Told::Start(told)
        });
    }

    /// Makes a call, and notes what was durable before and after.
    pub fn call(&self, job: JobId, asked: Asked, call: impl Future<Output = Told> + Send + 'static) {
        let stage = self.stage.clone();
        let process = stage.process();
        let step = stage.witness.lock().step;
        let number = stage.history.lock().ask(job, asked, step, process);
        tokio::spawn(async move {
            let told = call.await;
            if !stage.is_running(process) {
                return;
            }
            let step = stage.witness.lock().step;
            stage.note(|| format!("call {number} of {} is answered: {}", short(job.0), brief(&told)));
            stage.history.lock().tell(number, step, told);
        });
    }

    /// Gives a command.
    pub fn command(&self, core: &Core, job: JobId, command: Command) {
        self.stage.note(|| format!("command to {}: {command:?}", short(job.0)));
        let core = core.clone();
        self.call(job, Asked::Command(command.clone()), async move {
            Told::Command(core.command(job, command).await)
        });
    }

    /// Looks at a job.
    pub fn look(&self, core: &Core, job: JobId) {
        let core = core.clone();
        self.call(job, Asked::Look, async move {
            Told::Look(core.look(job, |_, job| Box::new(job.clone())).await)
        });
    }

    /// Some job that there is.
    #[must_use]
    pub fn some_job(&self, number: u64) -> Option<JobId> {
        let witness = self.stage.witness.lock();
        let mut dice = Dice::of(self.scenario.seed, "some job", number);
        let live: Vec<JobId> = match dice.chance(700) {
            true => witness.live().map(|(job, _)| *job).collect(),
            false => witness.jobs.keys().copied().collect(),
        };
        let at = usize::try_from(dice.below(live.len() as u64)).ok()?;
        live.get(at).copied()
    }

    /// Somebody does something to some job.
    pub fn act(&self, core: &Core, number: u64) {
        let mut dice = Dice::of(self.scenario.seed, "act", number);
        let fault = *dice.pick(&PEOPLE);
        if !self.stage.faults().has(fault) {
            return;
        }
        let Some(job) = self.some_job(number) else { return };
        let by: Arc<str> = "somebody".into();
        let command = match fault {
            Fault::Cancel => Command::Cancel { reason: "enough".into(), by },
            Fault::Pause => {
                self.stage.after(dice.millis(0, 60_000), Next::Resume(job));
                Command::Pause { by }
            }
            Fault::Retry => Command::Retry { by },
            Fault::Rerun => {
                let phases = self.stage.witness.lock().jobs.get(&job).map_or(1, |job| job.job.phases.len());
                let from = PhaseIndex(u16::try_from(dice.below(phases as u64)).unwrap_or(0));
                Command::Rerun { from, input: None, by }
            }
            Fault::Signal => {
                let Ok(name) = Name::new(if dice.chance(500) { "go" } else { "approve" }) else { return };
                let payload = Payload::from_value(&json!({ "approved": !dice.chance(200) }));
                Command::Signal { name, payload, by }
            }
            _ => Command::SetPriority { priority: *dice.pick(&PRIORITIES), by },
        };
        let rival = dice.chance(300) && matches!(fault, Fault::Retry | Fault::Rerun);
        if rival && self.stage.faults().has(Fault::DuplicateStart) {
            self.stage.after(dice.millis(0, 3), Next::Rival(job));
        }
        self.command(core, job, command);
    }

    /// Somebody starts another job under the key of one that may just be going on again.
    pub fn start_rival(&self, core: &Core, of: JobId) {
        let found = self
            .stage
            .witness
            .lock()
            .jobs
            .get(&of)
            .map(|shadow| (shadow.pipeline.clone(), shadow.job.key.clone()));
        let Some((pipeline, key)) = found else { return };
        let start = Start {
            job: orchestrator::clock::World::job_id(&*self.stage.clock),
            key,
            input: Payload::from_value(&json!({ "session": "rival" })),
            priority: None,
            mode: None,
            traceparent: None,
            idempotency_key: None,
        };
        let (job, core) = (start.job, core.clone());
        self.stage.note(|| format!("rival of {} as {}", short(of.0), short(job.0)));
        self.call(job, Asked::Start, async move { Told::Start(core.start(pipeline, start).await) });
    }

    /// What nobody but people can end, they end: paused jobs go on, approvals are given.
    pub fn answer_all(&self, core: &Core) {
        let asked: Vec<(JobId, Command)> = {
            let witness = self.stage.witness.lock();
            let answer = |(id, shadow): (&JobId, &crate::witness::Shadow)| {
                let by: Arc<str> = "somebody".into();
                let approval = |phase: &engine::job::PhaseState| {
                    matches!(phase.status, PhaseStatus::AwaitingApproval { .. })
                };
                match &shadow.job.state {
                    JobState::Paused { .. } => Some((*id, Command::Resume { by })),
                    _ if shadow.job.phases.iter().any(approval) => {
                        let payload = Payload::from_value(&json!({ "approved": true }));
                        Some((*id, Command::Signal { name: Name::new("approve").ok()?, payload, by }))
                    }
                    _ => None,
                }
            };
            witness.live().filter_map(answer).collect()
        };
        for (job, command) in asked {
            self.command(core, job, command);
        }
    }
}

fn brief(told: &Told) -> String {
    match told {
        Told::Start(Ok(Started::New(job))) => format!("new {}", short(job.0)),
        Told::Start(Ok(Started::Existing(job))) => format!("existing {}", short(job.0)),
        Told::Start(Err(error)) => error.to_string(),
        Told::Command(Ok(reply)) => format!("{reply:?}"),
        Told::Command(Err(CommandError::Rejected(rejection))) => format!("rejected: {rejection}"),
        Told::Command(Err(error)) => error.to_string(),
        Told::Look(Ok(job)) => format!("{} events, {:?}", job.events, job.state),
        Told::Look(Err(error)) => error.to_string(),
    }
}
