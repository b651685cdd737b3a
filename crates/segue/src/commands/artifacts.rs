//! `segue artifacts`: lists them, or copies them into a folder.

use std::{
    path::{Component, Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use futures::{StreamExt, TryStreamExt, stream};
use protocol::ArtifactInfo;
use reqwest::Method;
use serde::Deserialize;

use crate::{
    api::{Api, escape},
    cli::Artifacts,
    logging::say,
};

/// Artifacts fetched at a time.
const AT_ONCE: usize = 8;

#[derive(Deserialize)]
struct Listed {
    artifacts: Vec<ArtifactInfo>,
}

pub(super) async fn run(api: &Api, command: &Artifacts) -> Result<ExitCode> {
    match command {
        Artifacts::List(job) => {
            let id = api.resolve(job).await?;
            let listed: Listed = api.get(&format!("/api/jobs/{id}/artifacts/")).await?;
            for one in listed.artifacts {
                say(&format!("{}  {:>10}  {:24}  {}", &one.hash[..12], one.size, one.media_type, one.name));
            }
        }
        Artifacts::Pull { job, folder } => {
            let id = api.resolve(job).await?;
            let (fetched, kept) = pull(api, &id, folder).await?;
            say(&format!("{fetched} artifacts fetched, {kept} were there already: {}", folder.display()));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Fetches what is not in the folder yet; how many were fetched, and how many were there.
async fn pull(api: &Api, id: &str, folder: &Path) -> Result<(usize, usize)> {
    let listed: Listed = api.get(&format!("/api/jobs/{id}/artifacts/")).await?;
    let fetches = listed.artifacts.into_iter().map(|one| fetch(api, id, folder, one));
    let fetched: Vec<bool> = stream::iter(fetches).buffer_unordered(AT_ONCE).try_collect().await?;
    let new = fetched.iter().filter(|new| **new).count();
    Ok((new, fetched.len() - new))
}

async fn fetch(api: &Api, id: &str, folder: &Path, artifact: ArtifactInfo) -> Result<bool> {
    let relative = Path::new(&artifact.name);
    if !relative.components().all(|part| matches!(part, Component::Normal(_))) {
        bail!("the artifact '{}' has a name that leaves the folder", artifact.name);
    }
    let path = folder.join(relative);
    if same(&path, &artifact).await {
        return Ok(false);
    }
    let name: Vec<String> = artifact.name.split('/').map(escape).collect();
    let response =
        api.send(Method::GET, &format!("/api/jobs/{id}/artifacts/{}", name.join("/")), None).await?;
    let bytes = response.bytes().await.with_context(|| format!("{} did not arrive whole", artifact.name))?;
    let parent = path.parent().unwrap_or(folder);
    tokio::fs::create_dir_all(parent).await.with_context(|| format!("{} can't be made", parent.display()))?;
    // Added to the whole name: `report.md` and `report.json` are fetched at the same time.
    let mut fresh = path.clone().into_os_string();
    fresh.push(".part");
    let fresh = PathBuf::from(fresh);
    tokio::fs::write(&fresh, &bytes)
        .await
        .with_context(|| format!("{} can't be written", fresh.display()))?;
    tokio::fs::rename(&fresh, &path).await.with_context(|| format!("{} can't be written", path.display()))?;
    Ok(true)
}

async fn same(path: &Path, artifact: &ArtifactInfo) -> bool {
    let Ok(bytes) = tokio::fs::read(path).await else { return false };
    bytes.len() as u64 == artifact.size && blake3::hash(&bytes).to_hex().as_str() == artifact.hash
}
