//! Who speaks what: the samples of a manifest in one fixed order, and that order cut into batches for a map.
//!
//! The order is that of the sample ids. They are as good as random, so that long presentations, which cost several
//! utterances each, spread evenly over the batches instead of filling the last ones.

use serde::{Deserialize, Serialize};

use crate::model::{Cadence, CourseManifest, Role};

/// About how many samples a batch holds: some seconds of work, and some hundred batches for a whole course.
pub const BATCH_SIZE: usize = 300;

/// A range of samples for one run of the speech phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpeechBatch {
    /// From 0.
    pub index: usize,
    /// First sample, in the order of [`samples_in_order`].
    pub from: usize,
    /// One after the last sample.
    pub to: usize,
}

/// One recording to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpokenSample {
    /// Sample id, and file name.
    pub id: String,
    /// What is said; a presentation still has its tags.
    pub text: String,
    /// Who says it.
    pub role: Role,
    /// How fast.
    pub cadence: Cadence,
}

/// Returns every sample of a manifest once, in the order that batches refer to.
#[must_use]
pub fn samples_in_order(manifest: &CourseManifest) -> Vec<SpokenSample> {
    let mut samples: Vec<SpokenSample> = manifest
        .slices
        .iter()
        .flat_map(|slice| &slice.samples)
        .flat_map(|(text, samples)| {
            samples.iter().map(|sample| SpokenSample {
                id: sample.id.clone(),
                text: text.clone(),
                role: sample.role,
                cadence: sample.cadence,
            })
        })
        .collect();
    samples.sort_by(|a, b| a.id.cmp(&b.id));
    samples.dedup_by(|a, b| a.id == b.id);
    samples
}

/// Cuts `total` samples into batches of about `size`, as even as can be. None for no samples.
#[must_use]
pub fn batches(total: usize, size: usize) -> Vec<SpeechBatch> {
    let count = total.div_ceil(size.max(1));
    (0..count)
        .map(|index| SpeechBatch { index, from: index * total / count, to: (index + 1) * total / count })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_cover_every_sample_once_and_differ_by_at_most_one() {
        for total in [0, 1, 299, 300, 301, 1_681, 80_000] {
            let cut = batches(total, BATCH_SIZE);
            let mut next = 0;
            for (index, batch) in cut.iter().enumerate() {
                assert_eq!((batch.index, batch.from), (index, next));
                next = batch.to;
            }
            assert_eq!(next, total);
            let sizes: Vec<usize> = cut.iter().map(|batch| batch.to - batch.from).collect();
            assert!(sizes.iter().max().unwrap_or(&0) - sizes.iter().min().unwrap_or(&0) <= 1);
        }
    }
}
