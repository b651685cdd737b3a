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
    let mut services = BTreeMap::new();
    if config.exists() {
        let config = read_config(config)?.0;
        if let Some(said) = orchestrator_says(&config.orchestrator.public_url).await {
            say(&format!("✓ {:28} {said}", "orchestrator"));
        }
        services = config.services;
    }
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

/// What the orchestrator at an address says of itself, and who leads; none where nobody answers.
async fn orchestrator_says(url: &str) -> Option<String> {
    let answer = phase_kit::http_client().ok()?.get(format!("{url}/ready")).send().await.ok()?;
    let said: serde_json::Value = answer.json().await.ok()?;
    let text = |name: &str| said[name].as_str().unwrap_or("?");
    Some(match said["role"].as_str() {
        Some("leader") => {
            format!("{} leads since {}, epoch {}", text("leader"), text("since"), said["epoch"])
        }
        Some(_) => format!("stands by at {url}; {} leads since {} or longer", text("leader"), text("since")),
        None if said["status"] == "ready" => format!("ready at {url}"),
        None => format!("{url}: {}", text("detail")),
    })
}
