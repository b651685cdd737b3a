//! `/clone/…`: the calls of the original coordinator, over the jobs of the pipeline `assistant`.
//!
//! Everything that is said here is read from the plans of the services that the pipeline uses, the journal and the jobs
//! themselves: the coordinator has no state of its own, so it cannot say something else than what is. A service's plan is read
//! in one go, in which a run either waits or has its slot.

use std::collections::BTreeSet;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use engine::{
    command::Start,
    ids::{JobId, Name, Priority, Timestamp},
    payload::Payload,
    pipeline::Pipeline,
    plan::{ServicePlan, Slot},
};
use protocol::{Code, Fields, Problem, calls::PRIORITIES, headers::START_LIMIT};
use serde_json::{Map, Value, json, value::RawValue};

use super::{
    App, Failure, Shared,
    answers::{journal_problem, json as answer, read_body},
    commands::priority,
    routes,
};

/// The pipeline whose jobs are the coordinator's tasks.
const PIPELINE: &str = "assistant";

/// What the plans of the pipeline's services say, in one go each.
#[derive(Default)]
struct Picture {
    running: Vec<Running>,
    queued: usize,
    /// Of these, the ones that were interrupted.
    interrupted: usize,
    /// Of all, those in the background.
    background: usize,
    /// A slot is free, or somebody would let go of his.
    can_interrupt: bool,
    stopped: bool,
}

/// A slot in use.
struct Running {
    job: JobId,
    priority: Priority,
    since: Timestamp,
    interruptible: bool,
}

fn pipeline(app: &App) -> Result<std::sync::Arc<Pipeline>, Failure> {
    app.core.pipeline(PIPELINE).ok_or_else(|| {
        Problem::new(Code::UnknownPipeline, format!("there is no pipeline '{PIPELINE}'"))
            .hint("these calls are about its jobs: put assistant.toml into the folder of pipelines")
            .into()
    })
}

fn services(pipeline: &Pipeline) -> BTreeSet<Name> {
    pipeline.phases.iter().filter_map(|phase| phase.service()).map(|work| work.service.clone()).collect()
}

impl Picture {
    fn of(app: &App, pipeline: &Pipeline) -> Self {
        let mut picture = Self::default();
        for service in services(pipeline) {
            app.core.fleet().with_plan(&service, |plan| picture.add(plan));
        }
        picture.running.sort_by_key(|running| (running.priority, running.since, running.job));
        picture
    }

    fn add(&mut self, plan: &ServicePlan) {
        let lets_go =
            |slot: &Slot| slot.holder.interruptible && !slot.stays && slot.holder.priority > Priority::Urgent;
        let free = plan.slots().len() < plan.limits().capacity as usize;
        self.can_interrupt |= free || plan.slots().values().any(lets_go);
        self.stopped |= plan.is_stopped();
        self.running.extend(plan.slots().values().map(|slot| Running {
            job: slot.holder.job,
            priority: slot.holder.priority,
            since: slot.since,
            interruptible: lets_go(slot),
        }));
        self.queued += plan.queue_len();
        self.interrupted += plan.queue().filter(|waiting| waiting.resumes).count();
        let slots = plan.slots().values().map(|slot| &slot.holder);
        let background = plan.queue().chain(slots);
        self.background += background.filter(|one| one.priority == Priority::Background).count();
    }
}

/// `GET /clone/orchestrator/status`.
pub(super) async fn get_status(State(app): State<Shared>) -> Result<Response, Failure> {
    let pipeline = pipeline(&app)?;
    let picture = Picture::of(&app, &pipeline);
    let now = app.core.world().now();
    let mut current = None;
    let mut mode = match picture.running.is_empty() && (picture.stopped || picture.queued == 0) {
        true => "idle",
        false => "busy",
    };
    for running in &picture.running {
        // Of a job that has left the journal meanwhile nothing is said.
        let Ok(input) = app.core.look(running.job, |_, job| job.input.clone()).await else { continue };
        let input: Map<String, Value> = serde_json::from_str(input.get()).unwrap_or_default();
        let text = |name: &str| input.get(name).and_then(Value::as_str);
        match text("mode") {
            Some("streaming") => mode = "streaming",
            Some("voice") if mode != "streaming" => mode = "voice_active",
            _ => {}
        }
        current.get_or_insert_with(|| {
            json!({
                "name": text("name").or_else(|| text("kind")).unwrap_or(PIPELINE),
                "priority": PRIORITIES[running.priority as usize].to_uppercase(),
                "interruptible": running.interruptible,
                "running_for": now.since(running.since).as_secs_f64(),
                "task_id": running.job,
            })
        });
    }
    let counts = app.core.journal().counts().await.map_err(|error| journal_problem(&error))?;
    let count =
        |state: &str| counts.get(&(PIPELINE.to_owned(), state.to_owned())).copied().unwrap_or_default();
    let body = json!({
        "state": {
            "mode": mode,
            "streaming": mode == "streaming",
            "can_interrupt": picture.can_interrupt,
            "tasks_queued": picture.queued,
            "tasks_completed": count("complete"),
            "tasks_failed": count("error") + count("validation_failed"),
        },
        "running": !picture.stopped,
        "current_task": current,
        "queue_size": picture.queued,
        "paused_tasks": picture.interrupted as u64 + count("paused"),
        "background_tasks": picture.background,
    });
    Ok(answer(StatusCode::OK, &body))
}

/// `POST /clone/orchestrator/start`.
pub(super) async fn start(State(app): State<Shared>) -> Result<Response, Failure> {
    set_stopped(&app, false)
}

/// `POST /clone/orchestrator/stop`: nothing new begins; what runs goes on, and what waits is kept.
pub(super) async fn stop(State(app): State<Shared>) -> Result<Response, Failure> {
    set_stopped(&app, true)
}

fn set_stopped(app: &App, stopped: bool) -> Result<Response, Failure> {
    let word = if stopped { "stopped" } else { "started" };
    let mut changed = false;
    for service in services(&*pipeline(app)?) {
        let was = app.core.fleet().with_plan(&service, |plan| {
            let was = plan.is_stopped();
            plan.set_stopped(stopped);
            was
        });
        changed |= was.is_some_and(|was| was != stopped);
        if !stopped {
            app.core.pump(&service);
        }
    }
    if !changed {
        return Err(Problem::new(Code::NotNow, format!("it is {word} already")).into());
    }
    Ok(answer(StatusCode::OK, &json!({ "success": true, "status": word })))
}

/// `POST /clone/task/queue`: a job of the pipeline, for the task of that type. What types there are says the pipeline.
pub(super) async fn queue(
    State(app): State<Shared>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let pipeline = pipeline(&app)?;
    let body = read_body(body, START_LIMIT).await?;
    let fields = Fields::parse(&body)?;
    let task: String = fields.required("task_type", "a text")?;
    let said: Option<String> = fields.optional("priority", "a text")?;
    let said = said.map(|word| word.to_lowercase());
    let data: Option<Map<String, Value>> = fields.optional("data", "an object")?;
    let mut input = data.unwrap_or_default();
    input.insert("kind".to_owned(), task.into());
    let input = RawValue::from_string(Value::Object(input).to_string())
        .map_err(|error| Problem::new(Code::MalformedJson, error.to_string()))?;
    let job = app.core.world().job_id();
    crate::checks::input(&pipeline, &job.to_string(), &input).map_err(|mut problem| {
        // What a caller of this call has said is elsewhere.
        problem.pointer = problem.pointer.map(|pointer| match &*pointer {
            "/kind" => "/task_type".to_owned(),
            other => format!("/data{other}"),
        });
        problem
    })?;
    let start = Start {
        job,
        key: job.to_string().into(),
        input: Payload::from_raw(input),
        priority: said.as_deref().map(priority).transpose()?,
        mode: None,
        traceparent: routes::traceparent(&headers),
        idempotency_key: routes::idempotency_key(&headers),
    };
    let (job, _) = routes::start_job(&app, &pipeline, start).await?;
    let body =
        json!({ "success": true, "task_id": job, "status": "queued", "url": format!("/api/jobs/{job}") });
    Ok(answer(StatusCode::CREATED, &body))
}
