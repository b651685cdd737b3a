//! Every sample equally loud: -16 LUFS integrated (ITU-R BS.1770), true peak at most -1 dBTP.
//!
//! BS.1770 measures in blocks of 400 ms and a clip shorter than that has no block at all. Such a clip is measured on
//! itself repeated, with no gap, until it is longer than a second: that is the level at which its content is heard,
//! while padding with silence would measure the silence and make short words too loud.
//!
//! Speech at -16 LUFS mono has peaks near or above full scale, so gain alone is not enough: peaks are held down by a
//! limiter that looks ahead, which costs a little loudness, which is given back; a few rounds settle it.

use std::collections::VecDeque;

use ebur128::{EbuR128, Mode};

use super::clip::Clip;

/// Loudness of every sample, LUFS integrated.
pub const TARGET_LUFS: f64 = -16.0;
/// Highest true peak, dBTP.
pub const MAX_TRUE_PEAK_DB: f64 = -1.0;

/// Held back from the limit before encoding, because a lossy codec moves peaks: by up to 1.9 dB in 400 samples, dB.
const CODEC_HEADROOM_DB: f64 = 2.0;
/// Good enough, LU.
const TOLERANCE_LU: f64 = 0.05;
/// Rounds of gain and limiting; speech settles in two or three.
const MAX_ROUNDS: usize = 6;
/// Shortest stretch that is measured as it is, seconds.
const SHORTEST_MEASURED: f64 = 0.4;
/// To what a shorter one is repeated, seconds.
const REPEATED_TO: f64 = 1.2;
/// How far the limiter looks ahead, seconds.
const LOOK_AHEAD: f64 = 0.004;

/// What the meter says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Loudness {
    /// Integrated loudness; negative infinity for silence.
    pub lufs: f64,
    /// True peak, dBTP.
    pub true_peak_db: f64,
}

/// A clip that the meter refuses.
#[derive(Debug, thiserror::Error)]
#[error("the loudness of a clip of {samples} samples at {rate} Hz cannot be measured: {source}")]
pub struct MeterError {
    samples: usize,
    rate: u32,
    source: ebur128::Error,
}

/// Measures a clip; one shorter than 400 ms on its repetition (see the module's doc).
///
/// # Errors
/// Where the meter cannot work at the clip's rate.
pub fn measure(clip: &Clip) -> Result<Loudness, MeterError> {
    let failed = |source| MeterError { samples: clip.samples.len(), rate: clip.rate, source };
    let mut meter = EbuR128::new(1, clip.rate, Mode::I | Mode::TRUE_PEAK).map_err(failed)?;
    let rounds = if clip.samples.is_empty() || clip.seconds() > SHORTEST_MEASURED {
        1
    } else {
        (REPEATED_TO / clip.seconds()).ceil() as usize
    };
    for _ in 0..rounds {
        meter.add_frames_f32(&clip.samples).map_err(failed)?;
    }
    let lufs = meter.loudness_global().map_err(failed)?;
    let true_peak_db = decibels(meter.true_peak(0).map_err(failed)?);
    Ok(Loudness { lufs, true_peak_db })
}

/// Brings a clip to [`TARGET_LUFS`] with no true peak above [`MAX_TRUE_PEAK_DB`]; returns what it is then.
/// Silence stays silence.
///
/// # Errors
/// Where the meter cannot work at the clip's rate.
pub fn normalise(clip: &mut Clip) -> Result<Loudness, MeterError> {
    let original = clip.samples.clone();
    let mut gain_db = 0.0;
    let mut ceiling_db = MAX_TRUE_PEAK_DB - CODEC_HEADROOM_DB;
    let mut now = measure(clip)?;
    for _ in 0..MAX_ROUNDS {
        if !now.lufs.is_finite() {
            return Ok(now);
        }
        let too_high = now.true_peak_db - (MAX_TRUE_PEAK_DB - CODEC_HEADROOM_DB);
        if (now.lufs - TARGET_LUFS).abs() <= TOLERANCE_LU && too_high <= 0.0 {
            break;
        }
        gain_db += TARGET_LUFS - now.lufs;
        // The limiter sees samples, the true peak lies between them: what it exceeds by is taken off its ceiling.
        if too_high > 0.0 && ceiling_db < now.true_peak_db {
            let overshoot = now.true_peak_db - decibels(f64::from(clip.peak()));
            ceiling_db = ceiling_db.min(MAX_TRUE_PEAK_DB - CODEC_HEADROOM_DB - overshoot.max(0.0) - 0.05);
        }
        let gain = amplitude(gain_db) as f32;
        clip.samples.clear();
        clip.samples.extend(original.iter().map(|sample| sample * gain));
        limit(&mut clip.samples, amplitude(ceiling_db) as f32, (LOOK_AHEAD * f64::from(clip.rate)) as usize);
        now = measure(clip)?;
    }
    Ok(now)
}

/// Keeps every sample under `ceiling`. The gain that a peak needs is held for `reach` samples on both sides and then
/// averaged over `reach`, so that it changes smoothly and is fully there when the peak comes.
fn limit(samples: &mut [f32], ceiling: f32, reach: usize) {
    if samples.iter().all(|sample| sample.abs() <= ceiling) {
        return;
    }
    let reach = reach.max(1);
    let held = lowest_around(samples, ceiling, reach);
    let mut sum: f64 = held.iter().take(reach).map(|gain| f64::from(*gain)).sum();
    let mut count = reach.min(held.len());
    for (place, sample) in samples.iter_mut().enumerate() {
        if let Some(entering) = held.get(place + reach) {
            sum += f64::from(*entering);
            count += 1;
        }
        if place > reach {
            sum -= f64::from(held[place - reach - 1]);
            count -= 1;
        }
        *sample = (*sample * (sum / count as f64) as f32).clamp(-ceiling, ceiling);
    }
}

/// The lowest gain needed within `reach` samples before and after each sample.
fn lowest_around(samples: &[f32], ceiling: f32, reach: usize) -> Vec<f32> {
    let needed = |sample: f32| if sample.abs() > ceiling { ceiling / sample.abs() } else { 1.0 };
    let mut lowest: VecDeque<(usize, f32)> = VecDeque::new();
    let mut held = Vec::with_capacity(samples.len());
    let mut next = 0;
    for place in 0..samples.len() {
        while next < samples.len() && next <= place + reach {
            let gain = needed(samples[next]);
            while lowest.back().is_some_and(|(_, other)| *other >= gain) {
                lowest.pop_back();
            }
            lowest.push_back((next, gain));
            next += 1;
        }
        while lowest.front().is_some_and(|(position, _)| position + reach < place) {
            lowest.pop_front();
        }
        held.push(lowest.front().map_or(1.0, |(_, gain)| *gain));
    }
    held
}

fn decibels(amplitude: f64) -> f64 {
    20.0 * amplitude.max(1e-10).log10()
}

fn amplitude(decibels: f64) -> f64 {
    10.0_f64.powf(decibels / 20.0)
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use super::*;

    /// Bursts with a high crest factor, like syllables.
    fn bursts(seconds: f64, level: f32) -> Clip {
        let rate = 24_000_u32;
        let samples = (0..(seconds * f64::from(rate)) as usize)
            .map(|frame| {
                let time = frame as f64 / f64::from(rate);
                let envelope = (-((time * 4.0).fract() * 9.0)).exp();
                level * ((2.0 * PI * 220.0 * time).sin() * envelope) as f32
            })
            .collect();
        Clip { rate, samples }
    }

    #[test]
    fn quiet_loud_long_and_short_clips_all_come_to_the_same_loudness_under_the_peak_limit() {
        for seconds in [0.12, 0.39, 0.41, 1.0, 6.0] {
            for level in [0.01, 0.3, 1.0] {
                let mut clip = bursts(seconds, level);
                let said = normalise(&mut clip).expect("the rate is ordinary");
                let measured = measure(&clip).expect("the rate is ordinary");
                assert_eq!(said, measured);
                assert!((measured.lufs - TARGET_LUFS).abs() < 0.3, "{seconds} s at {level}: {measured:?}");
                assert!(measured.true_peak_db <= MAX_TRUE_PEAK_DB, "{seconds} s at {level}: {measured:?}");
            }
        }
    }

    #[test]
    fn silence_is_not_amplified() {
        let mut clip = Clip { rate: 24_000, samples: vec![0.0; 24_000] };
        let said = normalise(&mut clip).expect("the rate is ordinary");
        assert!(said.lufs.is_infinite());
        assert!(clip.is_silent());
    }
}
