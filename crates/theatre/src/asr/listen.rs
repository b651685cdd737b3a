//! One listener's session: samples in, messages out. Nothing here knows of sockets.
//!
//! Finals are recognised one after the other by a task of the session, so that reading goes on meanwhile; up to
//! `BEHIND` utterances may wait, then reading waits. A partial is only begun where none is under way, and is dropped if its
//! sentence is over when it comes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use providers::Heard;
use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

use super::{
    detect::{Detection, Detector, Found, Utterance},
    ear::{Ear, StateService},
    post,
    resample::{RATE, Resampler},
    spool::{Spool, Transcript},
};

/// Most utterances of a session that wait for the recogniser.
const BEHIND: usize = 8;
/// So many samples of speech between two partials: 0.7 s.
const BETWEEN: u64 = RATE as u64 * 7 / 10;

/// What all sessions share.
#[derive(Debug, Clone)]
pub struct Room {
    /// Who recognises.
    pub ear: Arc<Ear>,
    /// Where finals are kept.
    pub spool: Arc<Spool>,
    /// Where partials are shown, and the surgery is known.
    pub state: StateService,
}

/// Whose words they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// In which theatre.
    pub theatre: String,
    /// Who speaks.
    pub speaker: String,
}

/// A session.
#[derive(Debug)]
pub struct Session {
    room: Room,
    source: Source,
    resampler: Option<Resampler>,
    detector: Detector,
    /// The surgery, as the state said last.
    surgery: watch::Sender<Option<String>>,
    finals: mpsc::Sender<Ended>,
    worker: JoinHandle<()>,
    partial: Option<JoinHandle<()>>,
    /// The utterance under way.
    current: Arc<AtomicU64>,
    /// At which sample the next partial is due.
    due: u64,
    out: mpsc::Sender<Value>,
}

#[derive(Debug)]
struct Ended {
    utterance: Utterance,
    at: Timestamp,
    since: Instant,
}

impl Session {
    /// Begins one. `rate` has been checked. What there is to say comes out of `out`; where it is not taken in time it is
    /// dropped, for the spool has it.
    #[must_use]
    pub fn begin(room: Room, source: Source, rate: u32, out: mpsc::Sender<Value>) -> Self {
        let (finals, ended) = mpsc::channel(BEHIND);
        let surgery = watch::Sender::new(None);
        let work = Work {
            room: room.clone(),
            source: source.clone(),
            surgery: surgery.subscribe(),
            out: out.clone(),
        };
        room.ear.stats.session(true);
        let session = Self {
            resampler: (rate != RATE).then(|| Resampler::new(rate)),
            detector: Detector::new(Detection::default()),
            surgery,
            finals,
            worker: tokio::spawn(work.run(ended)),
            partial: None,
            current: Arc::default(),
            due: 0,
            room,
            source,
            out,
        };
        session.ask_surgery();
        session
    }

    /// Takes samples from -1 to 1, as they come. `now` is when they came.
    pub async fn push(&mut self, samples: &[f32], now: Timestamp) {
        let found = match &mut self.resampler {
            Some(resampler) => self.detector.push(&resampler.push(samples)),
            None => self.detector.push(samples),
        };
        for found in found {
            match found {
                Found::Began { at } => {
                    self.current.fetch_add(1, Ordering::AcqRel);
                    self.due = at + BETWEEN;
                    self.ask_surgery();
                }
                Found::Ended(utterance) => self.ended(utterance, now).await,
            }
        }
        self.peek(now);
    }

    /// The stream is over: recognises what is left and ends.
    pub async fn finish(mut self, now: Timestamp) {
        if let Some(utterance) = self.detector.finish() {
            self.ended(utterance, now).await;
        }
        if let Some(partial) = self.partial {
            partial.abort();
        }
        drop(self.finals);
        if let Err(error) = self.worker.await {
            tracing::error!(%error, "a session's recogniser ended badly");
        }
        self.room.ear.stats.session(false);
    }

    async fn ended(&self, utterance: Utterance, at: Timestamp) {
        self.current.fetch_add(1, Ordering::AcqRel);
        self.room.ear.stats.waiting(true);
        let ended = Ended { utterance, at, since: Instant::now() };
        if self.finals.send(ended).await.is_err() {
            tracing::error!("a session's recogniser is gone");
        }
    }

    /// Asks which surgery it is now, while the sentence is still being said.
    fn ask_surgery(&self) {
        let (state, theatre, surgery) =
            (self.room.state.clone(), self.source.theatre.clone(), self.surgery.clone());
        tokio::spawn(async move {
            if let Some(name) = state.surgery(&theatre).await {
                surgery.send_replace(Some(name));
            }
        });
    }

    fn peek(&mut self, now: Timestamp) {
        let busy = self.partial.as_ref().is_some_and(|partial| !partial.is_finished());
        if busy || self.detector.seen() < self.due {
            return;
        }
        let Some(samples) = self.detector.so_far() else { return };
        let samples: Arc<[i16]> = samples.into();
        self.due = self.detector.seen() + BETWEEN;
        let (room, source, out) = (self.room.clone(), self.source.clone(), self.out.clone());
        let (current, number) = (Arc::clone(&self.current), self.current.load(Ordering::Acquire));
        let surgery = self.surgery.borrow().clone();
        self.partial = Some(tokio::spawn(async move {
            let length = samples.len();
            let heard = room.ear.peek(samples, room.ear.tuning(surgery.as_deref())).await;
            let Some(heard) = heard else { return };
            if current.load(Ordering::Acquire) != number {
                return;
            }
            let transcript = transcript(&source, &heard, now, length as u64, 0);
            // Without words: somebody speaks.
            let _ = out.try_send(json!({ "type": "partial", "text": heard.text }));
            if !heard.text.is_empty() {
                post::partial(&room.state, &transcript).await;
            }
        }));
    }
}

/// What recognises a session's utterances.
struct Work {
    room: Room,
    source: Source,
    surgery: watch::Receiver<Option<String>>,
    out: mpsc::Sender<Value>,
}

impl Work {
    async fn run(self, mut ended: mpsc::Receiver<Ended>) {
        while let Some(ended) = ended.recv().await {
            let message = self.recognise(ended).await;
            self.room.ear.stats.waiting(false);
            // A listener that does not read misses what he could have read; nobody else does.
            let _ = self.out.try_send(message);
        }
    }

    async fn recognise(&self, ended: Ended) -> Value {
        let Ended { utterance, at, since } = ended;
        let surgery = self.surgery.borrow().clone();
        let samples: Arc<[i16]> = utterance.samples.into();
        let length = samples.len() as u64;
        let heard = self.room.ear.hear(samples, self.room.ear.tuning(surgery.as_deref())).await;
        let (start, end) = (utterance.start, utterance.start + length - utterance.tail);
        let place = |mut message: Value| {
            message["start"] = json!(seconds(start));
            message["end"] = json!(seconds(end));
            message["tookMs"] = json!(since.elapsed().as_secs_f64() * 1000.0);
            message
        };
        let heard = match heard {
            Ok(heard) if heard.text.is_empty() => {
                return place(json!({ "type": "rejected", "guess": heard.rejected }));
            }
            Ok(heard) => heard,
            Err(error) => {
                tracing::warn!(theatre = %self.source.theatre, %error, "an utterance was not recognised");
                return place(json!({ "type": "error", "code": error.code(), "detail": error.to_string() }));
            }
        };
        let transcript = transcript(&self.source, &heard, at, length, utterance.tail);
        let mut message = json!({ "type": "final", "text": heard.text, "confidence": heard.confidence,
            "startedAt": transcript.started_at, "endedAt": transcript.ended_at, "cut": utterance.cut });
        if let Err(error) = keep(&self.room.spool, transcript).await {
            tracing::error!(theatre = %self.source.theatre, %error, "a transcript is lost");
            message = json!({ "type": "error", "code": "spool", "detail": error, "text": heard.text });
        }
        place(message)
    }
}

/// Keeps a transcript on the disk.
///
/// # Errors
/// Why not, for people.
pub async fn keep(spool: &Arc<Spool>, transcript: Transcript) -> Result<(), String> {
    let spool = Arc::clone(spool);
    let kept = tokio::task::spawn_blocking(move || spool.add(transcript)).await;
    kept.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}

/// What was said, with its times: `at` is when its last sample came.
fn transcript(source: &Source, heard: &Heard, at: Timestamp, length: u64, tail: u64) -> Transcript {
    let before = |samples: u64| {
        let back = SignedDuration::try_from(Duration::from_secs_f64(seconds(samples))).unwrap_or_default();
        at.checked_sub(back).unwrap_or(at)
    };
    Transcript {
        theatre: source.theatre.clone(),
        text: heard.text.clone(),
        speaker: source.speaker.clone(),
        confidence: heard.confidence,
        started_at: before(length),
        ended_at: before(tail),
    }
}

fn seconds(samples: u64) -> f64 {
    samples as f64 / f64::from(RATE)
}
