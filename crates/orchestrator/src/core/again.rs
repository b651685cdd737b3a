//! What the journal would not take for want of room is tried again: commands that come from inside have nobody who would.
//!
//! Callers and services are told, and call again themselves.

use std::time::Duration;

use engine::{command::Command, ids::JobId};
use journal::JournalError;

use super::{Core, cell::CommandError};

/// After how long.
pub(super) const AGAIN: Duration = Duration::from_secs(1);

/// Whether what failed may well work later, in this process. After a failed sync nothing does: it must be started again.
pub(super) fn is_passing(error: &CommandError) -> bool {
    matches!(
        error,
        CommandError::Journal(
            JournalError::Full
                | JournalError::Conflict { .. }
                | JournalError::Io { .. }
                | JournalError::Away { .. }
        )
    )
}

/// Silence repeats itself, and that a service has taken an attempt need not be known.
pub(super) fn is_worth_telling_again(command: &Command) -> bool {
    !matches!(command, Command::Silence { .. } | Command::Accept { .. })
}

impl Core {
    /// Tells a job again what the journal did not take.
    pub(super) fn tell_again(&self, job: JobId, commands: Vec<Command>, error: &CommandError) {
        if commands.is_empty() || !is_passing(error) {
            return;
        }
        let core = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(AGAIN).await;
            for command in commands {
                core.tell(job, command);
            }
        });
    }
}
