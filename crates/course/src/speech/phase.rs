//! The two phases of the service `tts`: `tts` speaks a batch of samples, as one run of a map or all at once; `finish`
//! joins what the batches measured into the manifest and writes the quality report.

use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use phase_kit::{ArtifactError, Context, Phase, PhaseError, Success};
use protocol::headers::JSON;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::{Mutex, OnceCell};
use uuid::Uuid;

use super::batch::{BatchError, Desk, End, PublishError, Tally, speak_batch};
use super::format::{Format, Mp3Encoder};
use super::report::{BatchReport, durations_name};
use super::speaker::{Recording, Speaker};
use super::store::Store;
use super::work::{self, AUDIO_REPORT, Checkpoint, MANIFEST, Work, WorkError, report_bytes, resumed};
use crate::manifest::batches::SpeechBatch;

/// What a batch answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchOutput {
    /// Which batch.
    pub index: usize,
    /// Recordings made by this attempt.
    pub made: usize,
    /// Recordings that were there.
    pub reused: usize,
    /// Samples that could not be spoken.
    pub failed: usize,
    /// Samples that the engine refuses to say.
    pub skipped: usize,
    /// Recordings that a person should hear.
    pub flagged: usize,
}

/// Of the job's input, what matters to speech.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct SpeechInput {
    /// In which format; absent: the service's own choice.
    #[serde(default)]
    pub format: Option<Format>,
}

/// Makes a speaker for a format.
pub type MakeSpeaker = Box<dyn Fn(Format, Option<Mp3Encoder>) -> Speaker + Send + Sync>;

/// Speaks batches.
pub struct Tts {
    make_speaker: MakeSpeaker,
    format: Format,
    parallel: usize,
    opus: OnceCell<Arc<Speaker>>,
    mp3: OnceCell<Arc<Speaker>>,
    last: Mutex<Option<(WorkKey, Arc<Work>)>>,
}

/// A job and the hash of its manifest.
type WorkKey = (Uuid, String);

impl std::fmt::Debug for Tts {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Tts").field("format", &self.format).finish_non_exhaustive()
    }
}

impl Tts {
    /// Speaks `parallel` samples of a batch at a time, in `format` unless a job wants another one.
    #[must_use]
    pub fn new(make_speaker: MakeSpeaker, format: Format, parallel: usize) -> Self {
        let (opus, mp3) = (OnceCell::new(), OnceCell::new());
        Self { make_speaker, format, parallel, opus, mp3, last: Mutex::new(None) }
    }

    async fn speaker(&self, format: Format) -> Result<&Arc<Speaker>, PhaseError> {
        match format {
            Format::Opus => {
                Ok(self.opus.get_or_init(async || Arc::new((self.make_speaker)(Format::Opus, None))).await)
            }
            Format::Mp3 => {
                let make = async || {
                    let encoder = Mp3Encoder::installed().await?;
                    Ok(Arc::new((self.make_speaker)(Format::Mp3, Some(encoder))))
                };
                self.mp3.get_or_try_init(make).await.map_err(|error: super::format::Mp3Error| {
                    PhaseError::permanent("no-mp3", error.to_string())
                })
            }
        }
    }

    /// What the job has to say. Batches of one job come one after another, so the last job's answer is kept: a manifest
    /// has megabytes, and there are hundreds of batches.
    async fn work(&self, ctx: &Context) -> Result<Arc<Work>, PhaseError> {
        let job = ctx.start().job_id;
        let upstream = ctx.start().upstream.get("manifest");
        let hash =
            upstream.and_then(|manifest| manifest.artifacts.get(MANIFEST)).map(|info| info.hash.clone());
        let key = hash.map(|hash| (job, hash));
        let mut last = self.last.lock().await;
        if let (Some(key), Some((known, work))) = (&key, &*last)
            && key == known
        {
            return Ok(Arc::clone(work));
        }
        let bytes = ctx.artifacts().get_bytes(MANIFEST).await?;
        let read = tokio::task::spawn_blocking(move || Work::of(&bytes, &job.to_string())).await;
        let work = Arc::new(read.map_err(stopped)?.map_err(permanent)?);
        if let Some(key) = key {
            *last = Some((key, Arc::clone(&work)));
        }
        Ok(work)
    }
}

impl Phase for Tts {
    const NAME: &'static str = "tts";
    type Input = SpeechInput;
    type Output = BatchOutput;

    async fn run(&self, ctx: Context, input: SpeechInput) -> Result<Success<BatchOutput>, PhaseError> {
        let speaker = self.speaker(input.format.unwrap_or(self.format)).await?;
        let work = self.work(&ctx).await?;
        let (batch, samples) = work.part(ctx.item()?).map_err(permanent)?;
        let name = durations_name(batch.index);
        let stored = match ctx.checkpoint::<Checkpoint>()? {
            Some(_) => stored(&ctx, &name).await?,
            None => None,
        };
        let mut report = resumed(batch, speaker.engine_name(), samples, stored.as_deref());
        let desk = JobDesk { ctx: &ctx, store: speaker.store(), batch };
        let spoken = tokio::select! {
            spoken = speak_batch(speaker, samples, work.order(), self.parallel, &mut report, &desk) => spoken,
            () = ctx.cancelled() => return Err(PhaseError::Cancelled),
        };
        let (end, tally) = spoken.map_err(batch_error)?;
        store_report(&ctx, &name, &report).await?;
        if end == End::Paused {
            return Err(PhaseError::paused(&Checkpoint { position: report.len() }));
        }
        let output = output(batch, tally);
        let stats = serde_json::to_value(&output).map_err(|error| permanent_text(&error))?;
        Ok(Success::new(output).stats(stats))
    }
}

fn output(batch: SpeechBatch, tally: Tally) -> BatchOutput {
    let Tally { made, reused, failed, skipped, flagged } = tally;
    BatchOutput { index: batch.index, made, reused, failed, skipped, flagged }
}

/// An artifact that may be missing.
async fn stored(ctx: &Context, name: &str) -> Result<Option<Bytes>, PhaseError> {
    match ctx.artifacts().get_bytes(name).await {
        Ok(bytes) => Ok(Some(bytes)),
        Err(ArtifactError::NotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn store_report(ctx: &Context, name: &str, report: &BatchReport) -> Result<(), PhaseError> {
    let bytes = report_bytes(report).map_err(permanent)?;
    ctx.artifacts().put_bytes(name, JSON, bytes.into()).await?;
    Ok(())
}

/// A batch's surroundings, as the orchestrator gives them.
struct JobDesk<'a> {
    ctx: &'a Context,
    store: &'a Arc<Store>,
    batch: SpeechBatch,
}

impl Desk for JobDesk<'_> {
    /// A recording that was found is known to the orchestrator as a rule: it needs only a name. Others are sent.
    async fn publish(&self, id: &str, recording: &Recording) -> Result<(), PublishError> {
        let format = self.store.format();
        let name = format!("audio/{id}.{}", format.extension());
        let artifacts = self.ctx.artifacts();
        if recording.found && artifacts.link(&name, &recording.record.blake3).await.map_err(refused)? {
            return Ok(());
        }
        let (store, sample) = (Arc::clone(self.store), id.to_owned());
        let read = tokio::task::spawn_blocking(move || store.read(&sample)).await;
        let bytes = match read {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(error)) => return Err(PublishError::Place(error.to_string())),
            Err(error) => return Err(PublishError::Place(error.to_string())),
        };
        artifacts.put_bytes(&name, format.media_type(), bytes.into()).await.map(drop).map_err(refused)
    }

    fn progress(&self, done: usize, total: usize, tally: &Tally) {
        let message = format!(
            "batch {}: {} spoken, {} reused, {} without a recording",
            self.batch.index,
            tally.made,
            tally.reused,
            tally.failed + tally.skipped
        );
        self.ctx.progress(done as u64, total as u64, "samples", &message);
    }

    async fn pausing(&self) {
        self.ctx.pausing().await;
    }
}

fn refused(error: ArtifactError) -> PublishError {
    match error {
        ArtifactError::Over => PublishError::Over,
        ArtifactError::Unreachable { .. } => PublishError::Unreachable(error.to_string()),
        _ => PublishError::Refused(error.to_string()),
    }
}

/// Joins the batches.
#[derive(Debug, Clone, Copy, Default)]
pub struct Finish;

/// What the course's audio is, in the end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FinishOutput {
    /// Version of the manifest.
    pub version: String,
    /// Samples of the manifest.
    pub samples: usize,
    /// Recorded for this job.
    pub made: usize,
    /// Recorded before.
    pub reused: usize,
    /// Not recorded.
    pub failed: usize,
    /// Refused by the engine.
    pub skipped: usize,
    /// Recordings that a person should hear.
    pub flagged: usize,
    /// All recordings together.
    pub seconds: f64,
}

/// How many files are fetched at a time.
const FETCHES: usize = 8;

impl Phase for Finish {
    const NAME: &'static str = "finish";
    type Input = SpeechInput;
    type Output = FinishOutput;

    async fn run(&self, ctx: Context, _: SpeechInput) -> Result<Success<FinishOutput>, PhaseError> {
        let told: Value = ctx.upstream("tts")?;
        let outputs: Vec<BatchOutput> = batch_outputs(told);
        let artifacts = ctx.artifacts();
        let manifest = artifacts.get_bytes(MANIFEST).await?;
        let names: Vec<String> = outputs.iter().map(|batch| durations_name(batch.index)).collect();
        let batches: Vec<Bytes> = stream::iter(names)
            .map(|name| async move { artifacts.get_bytes(&name).await })
            .buffered(FETCHES)
            .try_collect()
            .await?;
        ctx.go_on()?;
        let finished = tokio::task::spawn_blocking(move || work::finish(&manifest, &batches)).await;
        let finished = finished.map_err(stopped)?.map_err(permanent)?;
        artifacts.put_bytes(AUDIO_REPORT, JSON, finished.report_bytes.into()).await?;
        artifacts.put_bytes(MANIFEST, JSON, finished.manifest.into()).await?;
        let report = finished.report;
        let output = FinishOutput {
            version: finished.version,
            samples: report.samples,
            made: report.made,
            reused: report.reused,
            failed: report.failed,
            skipped: report.skipped,
            flagged: report.flagged.len(),
            seconds: report.seconds,
        };
        let total = output.samples as u64;
        ctx.progress(total, total, "samples", "the manifest has its durations");
        let mut stats = serde_json::to_value(&output).map_err(|error| permanent_text(&error))?;
        // What this round of attempts did: a job run again for the same samples makes nothing new.
        stats["madeNow"] = json!(outputs.iter().map(|batch| batch.made).sum::<usize>());
        stats["reusedNow"] = json!(outputs.iter().map(|batch| batch.reused).sum::<usize>());
        Ok(Success::new(output).stats(stats))
    }
}

/// A map gives a list, in which a failed run has no result; a single run gives its result.
fn batch_outputs(told: Value) -> Vec<BatchOutput> {
    let list = match told {
        Value::Array(list) => list,
        single => vec![single],
    };
    list.into_iter().filter_map(|one| serde_json::from_value(one).ok()).collect()
}

fn batch_error(error: BatchError) -> PhaseError {
    let message = error.to_string();
    match error {
        BatchError::Hopeless { code, message } => PhaseError::permanent(code, message),
        BatchError::Failing { .. } => PhaseError::retry("speech-unavailable", message),
        BatchError::Place(_) => PhaseError::retry("audio-folder-unusable", message),
        BatchError::Publish(PublishError::Over) => PhaseError::Cancelled,
        BatchError::Publish(PublishError::Refused(_)) => PhaseError::permanent("artifact-refused", message),
        BatchError::Publish(PublishError::Unreachable(_)) => {
            PhaseError::retry("orchestrator-unreachable", message)
        }
        BatchError::Publish(PublishError::Place(_)) => PhaseError::retry("audio-folder-unusable", message),
    }
}

// By value, because that is what `map_err` hands over.
fn permanent(error: WorkError) -> PhaseError {
    PhaseError::permanent(error.code(), error.to_string())
}

fn permanent_text(error: &serde_json::Error) -> PhaseError {
    PhaseError::permanent("invalid-output", error.to_string())
}

fn stopped(error: tokio::task::JoinError) -> PhaseError {
    PhaseError::retry("speech-interrupted", error.to_string())
}
