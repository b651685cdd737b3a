//! Everything at the moment of the question, in Prometheus' text form.

use std::collections::BTreeMap;

use engine::{
    ids::{Name, Priority, Timestamp},
    plan::{BreakerState, ServicePlan},
};
use journal::JournalError;

use super::{APPEND_FAILURES, HEALS, Metrics, OfPipeline, OfService, passed_on, process, text::Text};
use crate::{core::Core, http::App};

/// Microseconds in a second.
const MICROS: f64 = 1_000_000.0;
/// Milliseconds in a second.
const MILLIS: f64 = 1_000.0;
/// All priorities.
const PRIORITIES: [Priority; 5] =
    [Priority::Urgent, Priority::High, Priority::Medium, Priority::Low, Priority::Background];

/// All metrics.
///
/// # Errors
/// The journal's, asked how many jobs there are.
pub(crate) async fn scrape(app: &App) -> Result<String, JournalError> {
    let core = &app.core;
    let metrics = core.metrics();
    let counts = core.journal().counts().await?;
    let mut text = Text::default();
    text.family("segue_build_info").sample(&[env!("CARGO_PKG_VERSION")], 1u64);
    text.one("segue_ready", core.has_recovered());
    match &app.term {
        Some(term) => passed_on::write(&mut text, Some(term.reign.epoch), &term.counts),
        None => passed_on::write(&mut text, Some(0), &passed_on::Counts::default()),
    }
    let mut family = text.family("segue_jobs");
    for ((pipeline, state), count) in &counts {
        family.sample(&[pipeline, state], *count);
    }
    pipelines(&mut text, metrics);
    text.one("segue_jobs_in_memory", core.resident());
    text.one("segue_events_total", metrics.events.read());
    attempts(&mut text, core);
    text.family("segue_callback_to_start_seconds").distribution(
        &[],
        &metrics.callback_to_start.read(),
        MICROS,
    );
    let mut family = text.family("segue_callbacks_rejected_total");
    for (code, counter) in &metrics.rejected {
        if counter.read() > 0 || code.status() == 409 {
            family.sample(&[code.as_str()], counter.read());
        }
    }
    text.one("segue_callbacks_kept", app.rejected.len());
    plans(&mut text, core);
    journal(&mut text, core);
    metrics.requests.write(&mut text.family("segue_http_requests_total"));
    text.one("segue_timers", core.timers().len());
    spans(&mut text, metrics);
    process::write(&mut text);
    Ok(text.finish())
}

/// A figure of a service or pipeline under one value of a further label.
type Figure<T> = (&'static str, fn(&T) -> u64);

impl Metrics {
    fn each_service(&self) -> impl Iterator<Item = (&str, &OfService)> {
        let other = (self.other_service.started.read() > 0).then_some(("other", &self.other_service));
        self.services.iter().map(|(name, of)| (name.as_str(), of)).chain(other)
    }

    fn each_pipeline(&self) -> impl Iterator<Item = (&str, &OfPipeline)> {
        self.pipelines.iter().map(|(name, of)| (name.as_str(), of)).chain([("other", &self.other_pipeline)])
    }

    fn by_service(&self, text: &mut Text, name: &str, figure: fn(&OfService) -> u64) {
        let mut family = text.family(name);
        self.each_service().for_each(|(service, of)| family.sample(&[service], figure(of)));
    }

    fn by_service_and(&self, text: &mut Text, name: &str, figures: &[Figure<OfService>]) {
        let mut family = text.family(name);
        for (service, of) in self.each_service() {
            figures.iter().for_each(|(value, figure)| family.sample(&[service, value], figure(of)));
        }
    }

    fn by_pipeline(&self, text: &mut Text, name: &str, figure: fn(&OfPipeline) -> u64) {
        let mut family = text.family(name);
        self.each_pipeline().for_each(|(pipeline, of)| family.sample(&[pipeline], figure(of)));
    }

    fn by_pipeline_and(&self, text: &mut Text, name: &str, figures: &[Figure<OfPipeline>]) {
        let mut family = text.family(name);
        for (pipeline, of) in self.each_pipeline() {
            figures.iter().for_each(|(value, figure)| family.sample(&[pipeline, value], figure(of)));
        }
    }
}

fn pipelines(text: &mut Text, metrics: &Metrics) {
    metrics.by_pipeline(text, "segue_jobs_started_total", |of| of.started.read());
    metrics.by_pipeline_and(
        text,
        "segue_jobs_ended_total",
        &[
            ("complete", |of| of.complete.read()),
            ("validation_failed", |of| of.validation_failed.read()),
            ("error", |of| of.error.read()),
            ("cancelled", |of| of.cancelled.read()),
        ],
    );
    let mut family = text.family("segue_job_duration_seconds");
    metrics
        .each_pipeline()
        .for_each(|(pipeline, of)| family.distribution(&[pipeline], &of.duration.read(), MILLIS));
    metrics.by_pipeline_and(
        text,
        "segue_gates_closed_total",
        &[("true", |of| of.gates.read()), ("false", |of| of.gates_passed_over.read())],
    );
    metrics.by_pipeline(text, "segue_signals_total", |of| of.signals.read());
    metrics.by_pipeline(text, "segue_waits_timed_out_total", |of| of.timed_out.read());
}

fn attempts(text: &mut Text, core: &Core) {
    let metrics = core.metrics();
    metrics.by_service_and(
        text,
        "segue_runs_total",
        &[
            ("succeeded", |of| of.succeeded.read()),
            ("failed", |of| of.runs_failed.read()),
            ("superseded", |of| of.runs_superseded.read()),
            ("reused", |of| of.runs_reused.read()),
        ],
    );
    metrics.by_service(text, "segue_attempts_started_total", |of| of.started.read());
    metrics.by_service_and(
        text,
        "segue_attempts_total",
        &[
            ("succeeded", |of| of.succeeded.read()),
            ("failed", |of| of.failed.read()),
            ("cancelled", |of| of.cancelled.read()),
            ("preempted", |of| of.preempted.read()),
            ("deferred", |of| of.deferred.read()),
        ],
    );
    let mut family = text.family("segue_attempt_duration_seconds");
    metrics.each_service().for_each(|(name, of)| family.distribution(&[name], &of.duration.read(), MILLIS));
    metrics.by_service(text, "segue_retries_total", |of| of.retries.read());
    metrics.by_service(text, "segue_suspects_total", |of| of.suspects.read());
    let mut family = text.family("segue_heals_total");
    for (kind, counter) in HEALS.iter().zip(&metrics.heals) {
        family.sample(&[kind], counter.read());
    }
    metrics.by_service(text, "segue_reoffers_total", |of| of.reoffers.read());
    metrics.by_service(text, "segue_preemptions_total", |of| of.preempted.read());
    text.one("segue_attempts_live", core.attempts().len());
    let mut family = text.family("segue_attempts_suspect");
    let suspects = core.attempts().suspects();
    for (service, _) in core.fleet().members() {
        family.sample(&[service.as_str()], suspects.get(service).copied().unwrap_or_default());
    }
}

/// What a service's plan holds at this moment.
struct Plan {
    slots: u64,
    used: usize,
    stopped: bool,
    /// Depth, and readiness of the oldest.
    queue: BTreeMap<Priority, (u64, Timestamp)>,
    open: u64,
    probing: u64,
}

impl Plan {
    fn of(plan: &ServicePlan) -> Self {
        let mut queue = BTreeMap::new();
        for waiting in plan.queue() {
            let (depth, oldest) = queue.entry(waiting.priority).or_insert((0, waiting.ready_at));
            *depth += 1;
            *oldest = waiting.ready_at.min(*oldest);
        }
        let count =
            |is: fn(&BreakerState) -> bool| plan.breakers().filter(|(_, state)| is(state)).count() as u64;
        Self {
            slots: u64::from(plan.limits().capacity),
            used: plan.slots().len(),
            stopped: plan.is_stopped(),
            queue,
            open: count(|state| matches!(state, BreakerState::Open { .. })),
            probing: count(|state| matches!(state, BreakerState::Probing { .. })),
        }
    }
}

fn plans(text: &mut Text, core: &Core) {
    let now = core.world().now();
    let plans: Vec<(&Name, Plan)> =
        core.fleet().members().map(|(name, member)| (name, member.plan(Plan::of))).collect();
    let mut family = text.family("segue_service_slots");
    plans.iter().for_each(|(name, plan)| family.sample(&[name.as_str()], plan.slots));
    let mut family = text.family("segue_service_slots_used");
    plans.iter().for_each(|(name, plan)| family.sample(&[name.as_str()], plan.used));
    let mut family = text.family("segue_service_stopped");
    plans.iter().for_each(|(name, plan)| family.sample(&[name.as_str()], plan.stopped));
    let queues = || {
        let pairs = plans.iter().flat_map(|plan| PRIORITIES.map(|priority| (plan, priority)));
        pairs.map(|((name, plan), priority)| {
            ([name.as_str(), priority.as_str()], plan.queue.get(&priority).copied())
        })
    };
    let mut family = text.family("segue_queue_depth");
    queues().for_each(|(labels, queue)| family.sample(&labels, queue.map_or(0, |(depth, _)| depth)));
    let mut family = text.family("segue_queue_oldest_seconds");
    queues().for_each(|(labels, queue)| {
        family.sample(&labels, queue.map_or(0.0, |(_, oldest)| now.since(oldest).as_secs_f64()));
    });
    let mut family = text.family("segue_queue_wait_seconds");
    let waits = core.metrics().each_service();
    waits.for_each(|(name, of)| family.distribution(&[name], &of.queue_wait.read(), MILLIS));
    let mut family = text.family("segue_breakers");
    for (name, plan) in &plans {
        family.sample(&[name.as_str(), "open"], plan.open);
        family.sample(&[name.as_str(), "probing"], plan.probing);
    }
}

fn journal(text: &mut Text, core: &Core) {
    let health = core.journal().health();
    text.family("segue_journal_sync_seconds").distribution(&[], &health.syncs, MICROS);
    text.family("segue_journal_group_size").distribution(&[], &health.groups, 1.0);
    text.one("segue_journal_bytes", health.bytes);
    text.one("segue_journal_segments", health.segments);
    text.one("segue_journal_stopped", health.stopped.is_some());
    let mut family = text.family("segue_append_failures_total");
    for (reason, counter) in APPEND_FAILURES.iter().zip(&core.metrics().append_failures) {
        family.sample(&[reason], counter.read());
    }
}

fn spans(text: &mut Text, metrics: &Metrics) {
    text.one("segue_trace_spans_exported_total", metrics.spans_exported.read());
    text.one("segue_trace_spans_dropped_total", metrics.spans_refused.read());
    text.one("segue_trace_skipped_total", metrics.spans_skipped.read());
    text.one("segue_trace_lag", metrics.spans_lag.read());
    text.one("segue_trace_enabled", metrics.spans_enabled.read() > 0);
}
