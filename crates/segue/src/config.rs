//! Reads `services.toml` and the pipelines beside it; the one place that reads the environment, keys of
//! providers apart: those are read where they are used and are in nobody's configuration.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result, bail};
use engine::{
    ids::Name,
    pipeline::{Pipeline, parse::Finding},
};
use orchestrator::config::Config;

/// Everything that is configured.
pub(crate) struct Setup {
    pub(crate) config: Config,
    pub(crate) pipelines: Vec<Arc<Pipeline>>,
    /// Where the configuration lies, whole.
    pub(crate) file: PathBuf,
}

/// Reads the configuration.
pub(crate) fn read_config(file: &Path) -> Result<(Config, PathBuf)> {
    let file = std::path::absolute(file).context("the folder we are in is gone")?;
    let text = std::fs::read_to_string(&file)
        .with_context(|| format!("{} can't be read; --config names another one", file.display()))?;
    let folder = file.parent().unwrap_or_else(|| Path::new("."));
    let env = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let config = orchestrator::config::read(&text, folder, &env)
        .map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))?;
    Ok((config, file))
}

/// Reads the configuration and all pipelines, and checks that they fit together.
pub(crate) fn read_setup(file: &Path) -> Result<Setup> {
    let (config, file) = read_config(file)?;
    let folder = file.parent().unwrap_or_else(|| Path::new(".")).join("pipelines");
    let pipelines = read_pipelines(&folder)?;
    let declared: Vec<&str> = config.services.keys().map(Name::as_str).collect();
    let undeclared: Vec<String> = pipelines
        .iter()
        .flat_map(|(path, pipeline)| {
            pipeline.undeclared_services(&declared).into_iter().map(move |one| (path, one))
        })
        .map(|(path, finding)| format!("{}: {finding}", path.display()))
        .collect();
    if !undeclared.is_empty() {
        bail!("{}\n       services are declared in {}", undeclared.join("\n       "), file.display());
    }
    for (name, service) in &config.services {
        let strange =
            service.pipelines.iter().find(|one| !pipelines.iter().any(|(_, p)| p.name.as_str() == *one));
        if let Some(strange) = strange {
            bail!(
                "{}: the service '{name}' is for '{strange}', and there is no such pipeline",
                file.display()
            );
        }
    }
    for (path, pipeline) in &pipelines {
        let same = pipelines.iter().find(|(other, p)| other != path && (p.name == pipeline.name));
        if let Some((other, _)) = same {
            bail!("{} and {} are both called '{}'", path.display(), other.display(), pipeline.name);
        }
        let shared = |p: &Pipeline| p.route.is_some() && p.route == pipeline.route && p.name != pipeline.name;
        if let Some((other, _)) = pipelines.iter().find(|(_, p)| shared(p)) {
            bail!("{} and {} have the same route", path.display(), other.display());
        }
    }
    let pipelines = pipelines.into_iter().map(|(_, pipeline)| Arc::new(pipeline)).collect();
    Ok(Setup { config, pipelines, file })
}

fn read_pipelines(folder: &Path) -> Result<Vec<(PathBuf, Pipeline)>> {
    let entries = std::fs::read_dir(folder)
        .with_context(|| format!("the pipelines' folder {} can't be read", folder.display()))?;
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in entries {
        let path = entry.context("the pipelines' folder can't be read")?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    let mut pipelines = Vec::new();
    let mut wrong = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(&path).with_context(|| format!("{}", path.display()))?;
        match Pipeline::parse(&text) {
            Ok(pipeline) => {
                wrong.extend(placed(&path, &orchestrator::checks::unknown_codes(&pipeline)));
                pipelines.push((path, pipeline));
            }
            Err(error) => wrong.extend(placed(&path, &error.findings)),
        }
    }
    if wrong.is_empty() { Ok(pipelines) } else { bail!("{}", wrong.join("\n       ")) }
}

/// Findings with their file.
fn placed(path: &Path, findings: &[Finding]) -> Vec<String> {
    findings.iter().map(|finding| format!("{}: {finding}", path.display())).collect()
}
