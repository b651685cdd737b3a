//! What goes to the terminal: logs to standard error, answers to standard output. The one place that prints.

use std::io::{IsTerminal, Write};

use tracing_subscriber::{EnvFilter, fmt};

/// Starts logging: `SEGUE_LOG` filters (such as `info,orchestrator=debug`), `SEGUE_LOG_FORMAT=json` is for machines.
pub(crate) fn start() {
    let filter = EnvFilter::try_from_env("SEGUE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    let log = log.with_ansi(std::io::stderr().is_terminal());
    if std::env::var("SEGUE_LOG_FORMAT").as_deref() == Ok("json") {
        log.json().init();
    } else {
        log.compact().init();
    }
}

/// Prints an answer. A reader that has gone away (`segue jobs | head`) is no error.
pub(crate) fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n"));
}

/// Prints a complaint.
pub(crate) fn say_error(text: &str) {
    let mut out = std::io::stderr().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n"));
}
