//! What the service has done, with the original's names.

use std::time::Duration;

use parking_lot::Mutex;
use providers::{Heard, ProviderError};
use serde_json::{Value, json};

/// Counts.
#[derive(Debug, Default)]
pub struct Stats(Mutex<Counts>);

#[derive(Debug, Default, Clone)]
struct Counts {
    processed: u64,
    errors: u64,
    rejected: u64,
    audio: f64,
    inference: Duration,
    waiting: u64,
    sessions: u64,
    delivered: u64,
    refused: u64,
}

impl Stats {
    pub(super) fn heard(&self, seconds: f64, took: Duration, heard: &Result<Heard, ProviderError>) {
        let mut counts = self.0.lock();
        counts.processed += 1;
        counts.audio += seconds;
        counts.inference += took;
        match heard {
            Ok(heard) => counts.rejected += u64::from(heard.text.is_empty()),
            Err(_) => counts.errors += 1,
        }
    }

    pub(super) fn waiting(&self, more: bool) {
        let waiting = &mut self.0.lock().waiting;
        *waiting = if more { *waiting + 1 } else { waiting.saturating_sub(1) };
    }

    pub(super) fn session(&self, began: bool) {
        let sessions = &mut self.0.lock().sessions;
        *sessions = if began { *sessions + 1 } else { sessions.saturating_sub(1) };
    }

    pub(super) fn delivered(&self, accepted: bool) {
        let mut counts = self.0.lock();
        if accepted { counts.delivered += 1 } else { counts.refused += 1 }
    }

    /// The counts, with how many transcripts wait to be delivered.
    #[must_use]
    pub fn show(&self, spooled: usize) -> Value {
        let counts = self.0.lock().clone();
        let inference = counts.inference.as_secs_f64() * 1000.0;
        let average = if counts.processed == 0 { 0.0 } else { inference / counts.processed as f64 };
        json!({
            "running": true, "processed": counts.processed, "errors": counts.errors,
            "total_audio_s": counts.audio, "total_inference_ms": inference, "avg_inference_ms": average,
            "audio_queue_size": counts.waiting, "transcript_queue_size": spooled,
            "rejected": counts.rejected, "sessions": counts.sessions, "delivered": counts.delivered,
            "refused": counts.refused,
        })
    }
}
