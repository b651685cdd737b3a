//! `segue journal`: the journal on disk, also while it is damaged.
use std::{path::Path, process::ExitCode, sync::Arc};

use anyhow::Result;
use journal::{Journal, MemoryJournal};

pub(super) fn open(_folder: &Path) -> Result<Arc<dyn Journal>> {
    Ok(Arc::new(MemoryJournal::default()))
}

pub(super) fn run(_config: &Path, _command: &crate::cli::Journal) -> Result<ExitCode> {
    anyhow::bail!("not wired yet")
}
