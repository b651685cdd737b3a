//! Services with their queues, and pipelines.

use axum::{extract::State, http::StatusCode, response::Response};
use engine::{
    ids::Name,
    pipeline::{Join, Trigger, Work},
    plan::{BreakerState, Next, ServicePlan},
};
use protocol::{Code, Problem, ServiceStatus};
use serde_json::json;

use super::{App, Failure, Shared, answers::json as answer, extract::Path};
use crate::{clock::moment, core::Member};

/// `GET /api/services`.
pub(super) async fn list_services(State(app): State<Shared>) -> Response {
    let now = app.core.world().now();
    let describe = |(name, member): (&Name, &Member)| {
        member.plan(|plan| ServiceStatus {
            name: name.to_string(),
            instances: member.instances(|instances| instances.list(now)),
            urls: member.config.urls.iter().map(ToString::to_string).collect(),
            reachable: None,
            stopped: plan.is_stopped(),
            capacity: plan.limits().capacity,
            running: u32::try_from(plan.slots().len()).unwrap_or(u32::MAX),
            queued: u32::try_from(plan.queue_len()).unwrap_or(u32::MAX),
            breaker_until: breaker_until(plan),
            reason: reason(plan, now),
        })
    };
    let services: Vec<ServiceStatus> = app.core.fleet().members().map(describe).collect();
    answer(StatusCode::OK, &json!({ "services": services }))
}

fn breaker_until(plan: &ServicePlan) -> Option<jiff::Timestamp> {
    plan.breakers()
        .filter_map(|(_, state)| match state {
            BreakerState::Open { until } => Some(*until),
            BreakerState::Closed { .. } | BreakerState::Probing { .. } => None,
        })
        .max()
        .map(moment)
}

fn reason(plan: &ServicePlan, now: engine::ids::Timestamp) -> Option<String> {
    if plan.is_stopped() {
        return Some("stopped by an operator".to_owned());
    }
    if plan.queue_len() == 0 {
        return None;
    }
    match plan.next(now) {
        Next::Idle => Some("all slots are taken".to_owned()),
        Next::At(until) => Some(format!("waits until {}", moment(until))),
        Next::Grant(_) | Next::Preempt { .. } => None,
    }
}

/// `POST /api/services/{name}/stop`: nothing new goes to it; what runs goes on.
pub(super) async fn stop_service(
    State(app): State<Shared>,
    Path(name): Path<String>,
) -> Result<Response, Failure> {
    set_stopped(&app, &name, true)
}

/// `POST /api/services/{name}/start`.
pub(super) async fn start_service(
    State(app): State<Shared>,
    Path(name): Path<String>,
) -> Result<Response, Failure> {
    set_stopped(&app, &name, false)
}

fn set_stopped(app: &App, name: &str, stopped: bool) -> Result<Response, Failure> {
    let unknown = || Problem::new(Code::UnknownService, format!("there is no service '{name}'"));
    let service = Name::new(name).map_err(|_| unknown())?;
    app.core.fleet().with_plan(&service, |plan| plan.set_stopped(stopped)).ok_or_else(unknown)?;
    if !stopped {
        app.core.pump(&service);
    }
    Ok(answer(StatusCode::OK, &json!({ "name": name, "stopped": stopped })))
}

/// How many predecessors a phase waits for.
fn join(join: Join) -> serde_json::Value {
    match join {
        Join::All => "all".into(),
        Join::Any => "any".into(),
        Join::Count(count) => count.into(),
    }
}

/// `GET /api/pipelines`.
pub(super) async fn list_pipelines(State(app): State<Shared>) -> Response {
    let pipelines = app.core.pipelines();
    let now = app.core.world().now();
    let describe = |pipeline: &engine::pipeline::Pipeline| {
        let phases: Vec<serde_json::Value> = pipeline
            .phases
            .iter()
            .map(|phase| {
                let after: Vec<&str> = phase.after.iter().map(|p| pipeline.phase(*p).id.as_str()).collect();
                let signal = match &phase.work {
                    Work::Wait(wait) => Some(&wait.signal),
                    Work::Service(_) => None,
                };
                let turns = phase.in_loop.and_then(|number| pipeline.loops.get(number));
                json!({
                    "id": phase.id, "aliases": phase.aliases, "after": after,
                    "service": phase.service().map(|work| &work.service), "map": phase.map.is_some(),
                    "join": join(phase.join), "signal": signal, "gate": phase.gate.is_some(),
                    "onFailure": phase.trigger == Trigger::Failure,
                    "loop": turns.map(|one| json!({ "id": one.id, "max": one.max })),
                })
            })
            .collect();
        let hash = String::from(pipeline.hash);
        json!({ "name": pipeline.name, "route": pipeline.route, "key": pipeline.key_field, "version": hash[..12],
                "mode": pipeline.mode, "phases": phases, "schedules": app.schedules.view(pipeline, now) })
    };
    let all: Vec<serde_json::Value> = pipelines.values().map(|pipeline| describe(pipeline)).collect();
    answer(StatusCode::OK, &json!({ "pipelines": all }))
}
