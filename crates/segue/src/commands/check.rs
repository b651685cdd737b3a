//! `segue validate` and `segue doctor`: what is wrong before anything runs.

use std::{path::Path, process::ExitCode};

use anyhow::Result;

use crate::{config::read_setup, logging::say};

pub(super) fn validate(config: &Path) -> Result<ExitCode> {
    let setup = read_setup(config)?;
    say(&format!("{} is sound: {} services", setup.file.display(), setup.config.services.len()));
    for pipeline in &setup.pipelines {
        let hash = String::from(pipeline.hash);
        say(&format!("  {:15} {:2} phases  {}", pipeline.name.as_str(), pipeline.phases.len(), &hash[..12]));
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn doctor() -> Result<ExitCode> {
    let mut missing = 0;
    for finding in providers::doctor().await {
        let sign = if finding.found { "✓" } else { "✗" };
        missing += usize::from(!finding.found);
        say(&format!("{sign} {:28} {}", finding.name, finding.detail));
        if !finding.found {
            say(&format!("    {}", finding.install));
        }
    }
    say(&format!("{missing} not there; what a pipeline does not use need not be"));
    Ok(ExitCode::SUCCESS)
}
