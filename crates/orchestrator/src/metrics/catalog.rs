//! Every metric there is: its name, kind, labels and meaning. `docs/operations.md`, the dashboard and the alert rules are held
//! to this table by tests, and nothing can be written that is not in it.

/// What a metric is to Prometheus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, from 0 at the start of the process.
    Counter,
    /// A state at the moment of the question.
    Gauge,
    /// Counts in buckets.
    Histogram,
}

impl Kind {
    /// Its word in the text form.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// One metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// The labels of its samples, in the order in which values are given.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Counter, labels, help }
}

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Gauge, labels, help }
}

const fn histogram(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Histogram, labels, help }
}

/// All metrics, in the order in which they are written.
pub const CATALOG: [Metric; 55] = [
    gauge("segue_build_info", &["version"], "Always 1; the version that runs."),
    gauge("segue_ready", &[], "1 once what was under way before the start is known."),
    gauge("segue_leads", &[], "1 where this orchestrator leads; always, where it is alone."),
    gauge("segue_leader_epoch", &[], "The epoch in which it leads; 0 where it does not, or is alone."),
    counter("segue_passed_on_total", &["outcome"], "Calls passed on to whoever leads."),
    // jobs
    gauge("segue_jobs", &["pipeline", "state"], "Jobs that are kept, by state."),
    counter("segue_jobs_started_total", &["pipeline"], "Jobs started."),
    counter("segue_jobs_ended_total", &["pipeline", "outcome"], "Jobs that came to an end."),
    histogram("segue_job_duration_seconds", &["pipeline"], "From a job's start to its end, waits included."),
    gauge("segue_jobs_in_memory", &[], "Jobs in memory; the others are only in the journal."),
    counter("segue_events_total", &[], "Events that became durable."),
    // runs and attempts
    counter("segue_runs_total", &["service", "outcome"], "Runs that settled."),
    counter("segue_attempts_started_total", &["service"], "Attempts that were given a slot."),
    counter("segue_attempts_total", &["service", "outcome"], "Attempts that are over."),
    histogram("segue_attempt_duration_seconds", &["service"], "From an attempt's slot to its end."),
    counter("segue_retries_total", &["service"], "Runs that are tried again after an attempt failed."),
    counter(
        "segue_suspects_total",
        &["service"],
        "Attempts that were silent for longer than their heartbeat.",
    ),
    counter("segue_heals_total", &["kind"], "Silent attempts that were brought on without a retry."),
    counter(
        "segue_reoffers_total",
        &["service"],
        "Offers repeated under the same key after no answer or a 5xx.",
    ),
    gauge("segue_attempts_live", &[], "Attempts under way."),
    gauge("segue_attempts_suspect", &["service"], "Attempts under way that are silent for too long."),
    // decisions
    counter("segue_gates_closed_total", &["pipeline", "enforced"], "Gates whose condition was false."),
    counter("segue_signals_total", &["pipeline"], "Decisions from outside that a run took."),
    counter("segue_waits_timed_out_total", &["pipeline"], "Waits for a decision that nobody made in time."),
    counter("segue_preemptions_total", &["service"], "Attempts that gave their slot for more urgent work."),
    // callbacks
    histogram(
        "segue_callback_to_start_seconds",
        &[],
        "From the arrival of a callback to the moment the start that follows from it is sent.",
    ),
    counter("segue_callbacks_rejected_total", &["reason"], "Callbacks that were refused, by problem code."),
    gauge("segue_callbacks_kept", &[], "Refused callbacks that wait for an operator to look at them."),
    // services
    gauge("segue_service_slots", &["service"], "Attempts that the service may have at once."),
    gauge("segue_service_slots_used", &["service"], "Attempts that hold a slot."),
    gauge("segue_service_stopped", &["service"], "1 where an operator stopped its intake."),
    gauge("segue_queue_depth", &["service", "priority"], "Runs that wait for a slot."),
    gauge(
        "segue_queue_oldest_seconds",
        &["service", "priority"],
        "How long the run that waits longest has waited.",
    ),
    histogram(
        "segue_queue_wait_seconds",
        &["service"],
        "From a run's readiness to the slot of its first attempt.",
    ),
    gauge("segue_breakers", &["service", "state"], "Breakers that are not closed."),
    // journal
    histogram("segue_journal_sync_seconds", &[], "How long one write and sync of the journal takes."),
    histogram("segue_journal_group_size", &[], "Batches that one sync made durable."),
    gauge("segue_journal_bytes", &[], "Bytes of the journal's log on disk."),
    gauge("segue_journal_segments", &[], "Files of the journal's log."),
    gauge("segue_journal_stopped", &[], "1 where the journal has stopped after a failed write or sync."),
    counter("segue_append_failures_total", &["reason"], "Decisions that the journal did not take."),
    // the process and its doors
    counter(
        "segue_http_requests_total",
        &["method", "route", "status"],
        "Requests answered, by class of status.",
    ),
    gauge("segue_timers", &[], "Deadlines of the near future."),
    counter("segue_trace_spans_exported_total", &[], "Spans that a trace collector has taken."),
    counter("segue_trace_spans_dropped_total", &[], "Spans that the trace collector refused."),
    counter(
        "segue_trace_skipped_total",
        &[],
        "Batches of events that were gone before a trace collector came back.",
    ),
    gauge("segue_trace_lag", &[], "Batches of events that are not yet made into spans."),
    gauge("segue_trace_enabled", &[], "1 where spans are exported."),
    counter("process_cpu_seconds_total", &[], "User and system CPU time."),
    gauge("process_resident_memory_bytes", &[], "Resident memory."),
    gauge("process_virtual_memory_bytes", &[], "Virtual memory."),
    gauge("process_open_fds", &[], "Open file descriptors."),
    gauge("process_max_fds", &[], "Most file descriptors that may be open."),
    gauge("process_threads", &[], "Threads."),
    gauge("process_start_time_seconds", &[], "When the process was started, in seconds since 1970."),
];

/// A metric by its name.
#[must_use]
pub fn metric(name: &str) -> Option<&'static Metric> {
    CATALOG.iter().find(|metric| metric.name == name)
}
