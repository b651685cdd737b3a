//! The flight recorder on the command line: a job into a file, a file frame by frame, and a job's trace as a tree.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context, Result, bail};
use axum::{Router, extract::Request};
use orchestrator::{
    recording::{
        Recording, content_line,
        offline::Offline,
        replay::{Frame, replay},
    },
    trace::{Span, fold::Fold, otlp, tree},
};
use protocol::ArtifactList;
use reqwest::Method;

use crate::{
    api::{Api, escape},
    cli::{Export, JobRef, Replay},
    logging::say,
};

pub(super) async fn export(api: &Api, export: &Export) -> Result<ExitCode> {
    let id = api.resolve(&export.job).await?;
    let mut text = recording(api, &id, export.redact_inputs).await?;
    if export.artifacts {
        let contents = contents(api, &id).await?;
        let end = text.trim_end().rfind('\n').map_or(0, |at| at + 1);
        text.insert_str(end, &contents);
    }
    match &export.output {
        Some(path) if path.as_os_str() != "-" => {
            std::fs::write(path, &text).with_context(|| format!("{} can't be written", path.display()))?;
            say(&format!("{}: {} lines, {} bytes", path.display(), text.lines().count(), text.len()));
        }
        _ => say(text.trim_end()),
    }
    Ok(ExitCode::SUCCESS)
}

async fn recording(api: &Api, id: &str, redact_inputs: bool) -> Result<String> {
    let how = if redact_inputs { "payloads" } else { "secrets" };
    let response = api.send(Method::GET, &format!("/api/jobs/{id}/recording?redact={how}"), None).await?;
    response.text().await.context("the recording broke off")
}

/// The lines that hold the artifacts, each content once.
async fn contents(api: &Api, id: &str) -> Result<String> {
    let list: ArtifactList = api.get(&format!("/api/jobs/{id}/artifacts")).await?;
    let mut known = std::collections::BTreeSet::new();
    let mut lines = String::new();
    for one in list.artifacts {
        if !known.insert(one.hash.clone()) {
            continue;
        }
        let path: Vec<String> = one.name.split('/').map(escape).collect();
        let path = format!("/api/jobs/{id}/artifacts/{}", path.join("/"));
        let bytes =
            api.send(Method::GET, &path, None).await?.bytes().await.context("an artifact broke off")?;
        lines.push_str(&content_line(&one.hash, &bytes));
    }
    Ok(lines)
}

pub(super) async fn run(options: &Replay) -> Result<ExitCode> {
    let recording = read(&options.file)?;
    if let Some(listen) = options.serve {
        return serve(recording, listen).await;
    }
    let replayed = replay(&recording).context("the recording can't be replayed")?;
    let head = &recording.head;
    say(&format!(
        "{} {}  job {}  recorded {} by Segue {}",
        head.pipeline, head.key, head.job_id, head.exported_at, head.segue
    ));
    let begin = replayed.frames.first().map(|frame| frame.at).unwrap_or_default();
    for frame in replayed.frames.iter().take(options.at.unwrap_or(usize::MAX)) {
        tell(frame, begin);
    }
    if !replayed.differences.is_empty() {
        bail!(
            "the replay differs from what was recorded:\n       {}",
            replayed.differences.join("\n       ")
        );
    }
    say(&format!("{} events replayed; the state is the one that was recorded", replayed.frames.len()));
    Ok(ExitCode::SUCCESS)
}

fn read(path: &Path) -> Result<Recording> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} can't be read", path.display()))?;
    Recording::read(&text).with_context(|| format!("{} can't be used", path.display()))
}

fn tell(frame: &Frame, begin: engine::ids::Timestamp) {
    let after = frame.at.since(begin).as_secs_f64();
    say(&format!("{:5}  +{after:<10.3} {}", frame.seq + 1, frame.words));
    for change in &frame.changes {
        say(&format!("                     {change}"));
    }
    if !frame.because.is_empty() && !frame.changes.is_empty() {
        say(&format!("                     now: {}", frame.because.join("; ")));
    }
}

/// Serves the dashboard over a recording until it is interrupted.
async fn serve(recording: Recording, listen: SocketAddr) -> Result<ExitCode> {
    if !listen.ip().is_loopback() {
        bail!(
            "{listen} is not a loopback address: a recording is shown without a token, and so only to this machine"
        );
    }
    let folder = Folder::new()?;
    let offline = Arc::new(Offline::open(recording, &folder.0).context("the recording can't be shown")?);
    let answer = move |request: Request| {
        let offline = offline.clone();
        async move { offline.answer(request).await }
    };
    let listener = tokio::net::TcpListener::bind(listen).await;
    let listener = listener.with_context(|| format!("{listen} can't be listened on"))?;
    say(&format!("the recording is at http://{}/ until you press Ctrl-C", listener.local_addr()?));
    let stop = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    tokio::select! {
        served = axum::serve(listener, Router::new().fallback(answer)) => served?,
        () = stop => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// A folder of this process that goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("segue-replay-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir(&path).with_context(|| format!("{} can't be made", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, folder = %self.0.display(), "a folder is left behind");
        }
    }
}

pub(super) async fn trace(api: &Api, job: &JobRef, as_otlp: bool) -> Result<ExitCode> {
    let id = api.resolve(job).await?;
    let text = recording(api, &id, true).await?;
    let spans = spans(&Recording::read(&text)?)?;
    match as_otlp {
        true => say(&otlp::request("segue", &spans).to_string()),
        false => tree::lines(&spans).iter().for_each(|line| say(line)),
    }
    Ok(ExitCode::SUCCESS)
}

/// The spans of a recorded job; those that were open are marked so.
fn spans(recording: &Recording) -> Result<Vec<Span>> {
    let (first, rest) = recording.events.split_first().context("there are no events")?;
    let mut fold = Fold::new(first).context("the first event is not a start")?;
    rest.iter().for_each(|event| fold.apply(&recording.pipeline, event));
    let exported = recording.head.exported_at.as_millisecond();
    Ok(fold.finish(engine::ids::Timestamp(u64::try_from(exported).unwrap_or_default())))
}
