//! `segue validate` and `segue doctor`: what is wrong before anything runs.

use std::{collections::BTreeMap, path::Path, process::ExitCode};

use anyhow::{Context, Result};

use crate::{
    catalogs,
    config::{read_config, read_setup},
    logging::say,
};

pub(super) fn validate(config: &Path) -> Result<ExitCode> {
    let setup = read_setup(config)?;
    for (name, service) in &setup.config.services {
        catalogs::check(name.as_str(), &service.options)
            .with_context(|| format!("{}", setup.file.display()))?;
    }
    say(&format!("{} is sound: {} services", setup.file.display(), setup.config.services.len()));
    for pipeline in &setup.pipelines {
        let hash = String::from(pipeline.hash);
        say(&format!("  {:15} {:2} phases  {}", pipeline.name.as_str(), pipeline.phases.len(), &hash[..12]));
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn doctor(config: &Path) -> Result<ExitCode> {
    let mut findings = providers::doctor().await;
    // On a machine without a configuration the programs are worth a look all the same.
    let services = if config.exists() { read_config(config)?.0.services } else { BTreeMap::new() };
    let options = |name: &str| {
        services.iter().find(|(declared, _)| declared.as_str() == name).map(|(_, service)| &service.options)
    };
    findings.extend(course::registry::doctor(options));
    findings.extend(theatre::doctor(options).await);
    let mut missing = 0;
    for finding in findings {
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
