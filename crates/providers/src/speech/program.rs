//! A program that speaks once and ends: how it is run, and what its end means.

use std::{io::ErrorKind, process::Stdio, time::Duration};

use tokio::{io::AsyncWriteExt, process::Command};

use crate::error::ProviderError;

/// No utterance takes this long unless something is wrong.
const LONGEST: Duration = Duration::from_secs(60);
/// Most of a program's words in a message of ours.
const WORDS: usize = 300;

/// A program, and how it is installed.
#[derive(Debug, Clone)]
pub(super) struct Program {
    pub(super) provider: &'static str,
    pub(super) name: String,
    pub(super) install: &'static str,
}

impl Program {
    /// Runs it with arguments and an input, and returns what it writes to its output.
    pub(super) async fn run(&self, arguments: &[&str], input: &str) -> Result<Vec<u8>, ProviderError> {
        let mut command = Command::new(&self.name);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn().map_err(|error| self.not_run(&error))?;
        let stdin = child.stdin.take();
        // Beside reading, and without minding one that does not read: its end says what is wrong.
        let write = async move {
            if let Some(mut stdin) = stdin
                && let Err(error) = stdin.write_all(input.as_bytes()).await
            {
                tracing::debug!(%error, "a speech program did not read its text");
            }
        };
        let both = async { tokio::join!(write, child.wait_with_output()).1 };
        let output = tokio::time::timeout(LONGEST, both)
            .await
            .map_err(|_| ProviderError::TimedOut { provider: self.provider.to_owned(), after: LONGEST })?
            .map_err(|error| self.not_run(&error))?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let said: String = String::from_utf8_lossy(&output.stderr).trim().chars().take(WORDS).collect();
        Err(self.rejected(format!("{} ended with {}: {said}", self.name, output.status)))
    }

    pub(super) fn missing(&self, what: &str) -> ProviderError {
        let (provider, install) = (self.provider.to_owned(), self.install.to_owned());
        ProviderError::Missing { provider, what: what.to_owned(), install }
    }

    pub(super) fn rejected(&self, message: String) -> ProviderError {
        ProviderError::Rejected { provider: self.provider.to_owned(), message }
    }

    fn not_run(&self, error: &std::io::Error) -> ProviderError {
        match error.kind() {
            ErrorKind::NotFound => self.missing(&format!("the program {}", self.name)),
            ErrorKind::InvalidInput => self.rejected(format!("the text cannot be passed on: {error}")),
            _ => {
                let message = format!("{} could not be run: {error}", self.name);
                ProviderError::Unavailable { provider: self.provider.to_owned(), retry_after: None, message }
            }
        }
    }
}
