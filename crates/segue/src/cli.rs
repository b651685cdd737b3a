//! The command line.

pub(crate) mod check;
pub(crate) mod fake;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Turns plain HTTP services into durable pipelines.
#[derive(Debug, Parser)]
#[command(name = "segue", version, about, max_term_width = 100)]
pub(crate) struct Cli {
    /// The configuration; its pipelines are in the folder `pipelines` beside it
    #[arg(long, global = true, value_name = "FILE", default_value = "services.toml", env = "SEGUE_CONFIG")]
    pub(crate) config: PathBuf,
    /// Where the orchestrator is; otherwise as the configuration says
    #[arg(long, global = true, value_name = "URL", env = "ORCHESTRATOR_URL")]
    pub(crate) url: Option<String>,
    /// Bearer token of the orchestrator
    #[arg(long, global = true, value_name = "TOKEN", env = "SEGUE_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start the orchestrator and every service that has a `run`, and restart what dies
    Up {
        /// Only the services that this pipeline uses
        #[arg(long, value_name = "PIPELINE")]
        only: Option<String>,
    },
    /// Run the orchestrator alone
    Orchestrate,
    /// Run one service of ours
    Serve(Serve),
    /// Run the callback contract against a service in any language, and say what is wrong and how to mend it
    Check(check::Check),
    /// Stand in for services, as well or as badly as told: for dashboards, demos and load tests
    Fake(fake::Fake),
    /// Start a job
    Start(Start),
    /// Show where a job stands
    Status {
        #[command(flatten)]
        job: JobRef,
        /// Wait until it is over, with progress; ends with 0 if it completed, 1 if not, 3 if it waits for a person
        #[arg(long)]
        wait: bool,
    },
    /// List jobs, newest first
    Jobs {
        /// Of one pipeline
        #[arg(long)]
        pipeline: Option<String>,
        /// In one state
        #[arg(long)]
        state: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// Say why a job is not moving
    Why(JobRef),
    /// Stop a job for good
    Cancel {
        #[command(flatten)]
        job: JobRef,
        /// Why, for the record
        #[arg(long, default_value = "cancelled by hand")]
        reason: String,
    },
    /// Stop a job for a while
    Pause(JobRef),
    /// Let a paused job go on
    Resume(JobRef),
    /// Try again what failed
    Retry(JobRef),
    /// Do a phase and all that follows from it again
    Rerun {
        #[command(flatten)]
        job: JobRef,
        /// The phase
        #[arg(long)]
        from: String,
    },
    /// Give a signal to a job that waits for one
    Signal {
        #[command(flatten)]
        job: JobRef,
        /// The signal
        name: String,
        /// What was decided, as JSON
        #[arg(long, default_value = "{}")]
        payload: String,
    },
    /// Write all that is known of a job into one file, without secrets
    Export(Export),
    /// Replay a file that `export` wrote: step by step, or in the dashboard's pages
    Replay(Replay),
    /// Show a job's trace as a tree: every phase, attempt, wait and gate with its time
    Trace {
        #[command(flatten)]
        job: JobRef,
        /// As OpenTelemetry JSON instead
        #[arg(long)]
        otlp: bool,
    },
    /// Artifacts of a job
    #[command(subcommand)]
    Artifacts(Artifacts),
    /// Say which outside programs are there, what is missing, and the line that installs it
    Doctor,
    /// Check the configuration and all pipelines
    Validate,
    /// Draw a pipeline
    Graph {
        /// The pipeline
        pipeline: String,
        /// As SVG instead of text
        #[arg(long)]
        svg: bool,
    },
    /// The journal on disk
    #[command(subcommand)]
    Journal(Journal),
    /// Finished courses
    #[command(subcommand)]
    Course(Course),
    /// Ask a service or the orchestrator whether it is well
    Health {
        /// Its address
        url: String,
    },
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The service, by its name in the configuration
    pub(crate) service: String,
    /// Where to listen; otherwise as the configuration says
    #[arg(long, value_name = "IP:PORT", env = "SEGUE_SERVE_LISTEN")]
    pub(crate) listen: Option<std::net::SocketAddr>,
    /// Folder for what the service keeps; otherwise below the orchestrator's
    #[arg(long, value_name = "FOLDER", env = "VFS_ROOT")]
    pub(crate) data: Option<PathBuf>,
    /// Tell the orchestrator that this instance is there, keep telling it, and drain before the end
    #[arg(long, env = "SEGUE_REGISTER", value_parser = clap::builder::FalseyValueParser::new())]
    pub(crate) register: bool,
    /// What this instance calls itself; otherwise the machine's name and the port
    #[arg(long, value_name = "NAME", env = "SEGUE_INSTANCE")]
    pub(crate) instance: Option<String>,
    /// Where the orchestrator reaches this instance; otherwise the address from which it is reached, and the port
    #[arg(long, value_name = "URL", env = "SEGUE_INSTANCE_URL")]
    pub(crate) url: Option<String>,
    /// How long running attempts may go on once it is told to stop; otherwise 8s
    #[arg(long, value_name = "TIME", env = "SEGUE_DRAIN")]
    pub(crate) drain: Option<String>,
    /// Check everything and say where it would listen, then stop
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Start {
    /// The pipeline
    pub(crate) pipeline: String,
    /// The job's key
    pub(crate) key: String,
    /// Its input as JSON, or @FILE
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub(crate) input: String,
    /// How urgent: urgent, high, medium, low, background
    #[arg(long)]
    pub(crate) priority: Option<String>,
    /// Wait until it is over, with progress; ends with 0 if it completed, 1 if not, 3 if it waits for a person
    #[arg(long)]
    pub(crate) wait: bool,
}

#[derive(Debug, Args)]
pub(crate) struct JobRef {
    /// Key or id of the job
    pub(crate) job: String,
    /// The pipeline, where jobs of several have the key
    #[arg(long)]
    pub(crate) pipeline: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    #[command(flatten)]
    pub(crate) job: JobRef,
    /// Where to; otherwise to standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// With the content of its artifacts
    #[arg(long)]
    pub(crate) artifacts: bool,
    /// Without what callers and services said: inputs, items, results, figures, decisions
    #[arg(long)]
    pub(crate) redact_inputs: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// The file
    pub(crate) file: PathBuf,
    /// Only the first so many events
    #[arg(long, value_name = "N", conflicts_with = "serve")]
    pub(crate) at: Option<usize>,
    /// Show it in a browser, at this address of this machine
    #[arg(long, value_name = "IP:PORT", num_args = 0..=1, default_missing_value = "127.0.0.1:3499")]
    pub(crate) serve: Option<std::net::SocketAddr>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Artifacts {
    /// List them
    List(JobRef),
    /// Copy them into a folder; what is there already and the same is left alone
    Pull {
        #[command(flatten)]
        job: JobRef,
        /// Where to
        folder: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Journal {
    /// Check every record
    Verify,
    /// Print every record
    Dump {
        /// Of one job
        #[arg(long)]
        job: Option<String>,
    },
    /// Copy a whole journal into an empty one, live jobs included, and compare the two
    ///
    /// Each is a folder (`.segue/journal`), the URL of a PostgreSQL, or the word `configured`: the journal that the
    /// configuration or SEGUE_JOURNAL names, so that a password need not be on the command line. Neither may be in use
    Copy {
        /// What is copied
        from: String,
        /// Where to: a folder that is not there yet, or a database without jobs
        to: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Course {
    /// Check the quality of a course in a folder
    Report {
        /// Where `segue artifacts pull` has put it
        folder: PathBuf,
        /// For machines
        #[arg(long)]
        json: bool,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        super::Cli::command().debug_assert();
    }
}
