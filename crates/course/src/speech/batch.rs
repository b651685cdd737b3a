//! One batch of samples, spoken in order, several at a time. Because results come back in order, what is done is always
//! the beginning of the batch, and a checkpoint is one number.

use std::future::Future;

use futures::{StreamExt, stream};

use super::engine::SayError;
use super::report::{BatchReport, SpokenEntry, Unspoken};
use super::speaker::{Order, Recording, SpeakError, Speaker};
use crate::manifest::batches::SpokenSample;

/// The world around a batch: where recordings go, who watches, who may interrupt.
pub trait Desk: Sync {
    /// Makes a recording an artifact of the job.
    fn publish(
        &self,
        id: &str,
        recording: &Recording,
    ) -> impl Future<Output = Result<(), PublishError>> + Send;

    /// Tells how far the batch is.
    fn progress(&self, done: usize, total: usize, tally: &Tally);

    /// Ends when somebody more urgent wants the slot.
    fn pausing(&self) -> impl Future<Output = ()> + Send;
}

/// A recording could not be made an artifact.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The attempt is over: nobody wants it any more.
    #[error("the attempt is over")]
    Over,
    /// The orchestrator does not take it.
    #[error("{0}")]
    Refused(String),
    /// The orchestrator could not be reached.
    #[error("{0}")]
    Unreachable(String),
    /// The recording could not be read.
    #[error("the audio folder: {0}")]
    Place(String),
}

/// What an attempt did, in samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Spoken now.
    pub made: usize,
    /// Found in the store.
    pub reused: usize,
    /// Not recorded.
    pub failed: usize,
    /// Refused by the engine.
    pub skipped: usize,
    /// Recorded with a flag.
    pub flagged: usize,
}

/// How a batch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Every sample is accounted for.
    Done,
    /// Interrupted; the report covers the beginning of the batch.
    Paused,
}

/// Why a batch cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// Nothing can be said at all.
    #[error("{message}")]
    Hopeless {
        /// Stable name of the problem.
        code: String,
        /// For a person.
        message: String,
    },
    /// So much went wrong that going on would only waste calls.
    #[error("{failed} samples in a row could not be spoken, the last because: {last}")]
    Failing {
        /// How many.
        failed: usize,
        /// The last problem.
        last: String,
    },
    /// The place for recordings cannot be used.
    #[error("{0}")]
    Place(String),
    /// The recording could not be handed over.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

/// Failures one after another that end a batch: an engine that is down, not an odd text.
const HOPELESS_IN_A_ROW: usize = 10;

/// Speaks `samples` from where `report` ends, `parallel` at a time, and extends `report`.
///
/// # Errors
/// See [`BatchError`]; `report` then covers what was done.
pub async fn speak_batch(
    speaker: &Speaker,
    samples: &[SpokenSample],
    order: Order<'_>,
    parallel: usize,
    report: &mut BatchReport,
    desk: &impl Desk,
) -> Result<(End, Tally), BatchError> {
    let mut tally = Tally::default();
    let mut failures = 0;
    // By place and not by reference: a closure over references is not general enough for a `Send` future.
    let mut results = stream::iter(report.len()..samples.len())
        .map(|place| async move {
            let sample = &samples[place];
            (sample, speak_and_publish(speaker, sample, order, desk).await)
        })
        .buffered(parallel.max(1));
    let pausing = desk.pausing();
    let mut pausing = std::pin::pin!(pausing);
    loop {
        // A pause does not wait for what is being said: it is in the store soon, or said again later.
        let next = tokio::select! {
            biased;
            () = &mut pausing, if report.len() < samples.len() => return Ok((End::Paused, tally)),
            next = results.next() => next,
        };
        let Some((sample, result)) = next else { return Ok((End::Done, tally)) };
        match result {
            Ok(recording) => {
                failures = 0;
                tally.add(&recording);
                report.spoken.insert(sample.id.clone(), entry(recording, order));
            }
            Err(error) => {
                let unspoken = classify(error)?;
                if unspoken.skipped {
                    tally.skipped += 1;
                } else {
                    tally.failed += 1;
                    failures += 1;
                }
                if failures >= HOPELESS_IN_A_ROW {
                    return Err(BatchError::Failing { failed: failures, last: unspoken.message });
                }
                report.unspoken.insert(sample.id.clone(), unspoken);
            }
        }
        desk.progress(report.len(), samples.len(), &tally);
    }
}

/// What may go wrong with one sample.
enum SampleError {
    Speak(SpeakError),
    Publish(PublishError),
}

async fn speak_and_publish(
    speaker: &Speaker,
    sample: &SpokenSample,
    order: Order<'_>,
    desk: &impl Desk,
) -> Result<Recording, SampleError> {
    let recording = speaker.speak(sample, order).await.map_err(SampleError::Speak)?;
    desk.publish(&sample.id, &recording).await.map_err(SampleError::Publish)?;
    Ok(recording)
}

/// Tells a problem of one sample, which is listed, from one that ends the batch.
fn classify(error: SampleError) -> Result<Unspoken, BatchError> {
    let error = match error {
        SampleError::Publish(error) => return Err(BatchError::Publish(error)),
        SampleError::Speak(error) => error,
    };
    let message = error.to_string();
    let (skipped, code) = match error {
        SpeakError::Say(SayError::Hopeless { code, message }) => {
            return Err(BatchError::Hopeless { code, message });
        }
        SpeakError::Mp3(_) => return Err(BatchError::Hopeless { code: "no-mp3".to_owned(), message }),
        SpeakError::Store(_) | SpeakError::Stopping => return Err(BatchError::Place(message)),
        SpeakError::Say(SayError::Refused(_)) => (true, "content-policy"),
        SpeakError::Say(SayError::Transient(_)) => (false, "speech-unavailable"),
        SpeakError::Say(SayError::Failed(_)) => (false, "speech-failed"),
        SpeakError::NoWords(_) => (true, "no-words"),
        SpeakError::Master(_) => (false, "unusable-audio"),
    };
    Ok(Unspoken { skipped, code: code.to_owned(), message })
}

fn entry(recording: Recording, order: Order<'_>) -> SpokenEntry {
    SpokenEntry {
        duration: recording.record.seconds,
        reused: recording.found && recording.record.made_for != order.made_for,
        flags: recording.record.flags,
    }
}

impl Tally {
    fn add(&mut self, recording: &Recording) {
        *(if recording.found { &mut self.reused } else { &mut self.made }) += 1;
        if !recording.record.flags.is_empty() {
            self.flagged += 1;
        }
    }
}
