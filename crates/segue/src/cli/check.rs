//! What `segue check` is told.

use std::{net::SocketAddr, time::Duration};

use clap::Args;
use engine::pipeline::duration;

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The service's address, such as http://127.0.0.1:8080; it must not have other work meanwhile
    pub(crate) service: String,
    /// The phase to ask for; otherwise the first that its /health names
    #[arg(long)]
    pub(crate) phase: Option<String>,
    /// The job's input, as JSON or @FILE: something small that the service does well
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub(crate) input: String,
    /// The map's item, as JSON or @FILE
    #[arg(long, value_name = "JSON", default_value = "null")]
    pub(crate) item: String,
    /// Results of predecessors, as JSON or @FILE: { "PHASE": { "output": … } }
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub(crate) upstream: String,
    /// How long a callback, or the same callback again, is waited for
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration::parse)]
    pub(crate) takes: Duration,
    /// The secret that starts are signed with; the service must then refuse others
    #[arg(long, value_name = "SECRET", env = "SEGUE_SIGNING_SECRET", hide_env_values = true)]
    pub(crate) secret: Option<String>,
    /// Start the service with this command line, and also kill it (kill -9) at work and start it again
    #[arg(long, value_name = "COMMAND")]
    pub(crate) run: Option<String>,
    /// Where to listen for callbacks
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
    /// Where the service reaches that, if not there (a container)
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// Warnings count as faults
    #[arg(long)]
    pub(crate) strict: bool,
    /// For machines
    #[arg(long)]
    pub(crate) json: bool,
}
