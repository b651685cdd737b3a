//! Takes a steady noise (fans, pumps, suction) out of an utterance: a Wiener filter on its spectrum. The noise is what the
//! quietest frames are made of, and there are always some: an utterance is kept with the pause before it and the one after.
//!
//! For the recogniser with a grammar, whose idea of sounds was learned without noise. A clear utterance is left as it is.

use std::f64::consts::PI;

/// Samples of a frame: 25 ms.
const FRAME: usize = 400;
/// Samples from a frame to the next: 10 ms.
const STEP: usize = 160;
/// Points of the transform.
const POINTS: usize = 512;
/// Points that say something; the others mirror them.
const BINS: usize = POINTS / 2 + 1;
/// This share of the frames is taken for noise.
const QUIET_SHARE: f64 = 0.2;
/// The quietest frames are quieter than the noise is on the average.
const QUIETER: f64 = 1.3;
/// How much of the last frame's speech is expected in the next; less follows faster and leaves more of a tinkling.
const KEPT: f64 = 0.9;
/// What is left of noise at least, so that nothing sounds cut out.
const LEAST_GAIN: f64 = 0.15;
/// Least expected ratio of speech to noise.
const LEAST_RATIO: f64 = 0.003;
/// Speech that is so many times stronger than the noise is clear.
const CLEAR: f64 = 300.0;

/// Returns the samples with less noise, as many as came; none: they are clear, or too few to tell.
#[must_use]
pub fn denoise(samples: &[i16]) -> Option<Vec<i16>> {
    let window: Vec<f64> =
        (0..FRAME).map(|at| (0.5 - 0.5 * (2.0 * PI * at as f64 / FRAME as f64).cos()).sqrt()).collect();
    let waves = Waves::new();
    let spectra: Vec<Vec<(f64, f64)>> = samples
        .windows(FRAME)
        .step_by(STEP)
        .map(|frame| {
            let mut points = vec![(0.0, 0.0); POINTS];
            for ((point, sample), weight) in points.iter_mut().zip(frame).zip(&window) {
                point.0 = f64::from(*sample) * weight;
            }
            waves.transform(&mut points);
            points.truncate(BINS);
            points
        })
        .collect();
    let noise = noise(&spectra)?;
    let mut sums = vec![(0.0, 0.0); samples.len()];
    let mut speech = [0.0; BINS];
    for (number, mut spectrum) in spectra.into_iter().enumerate() {
        for ((point, speech), noise) in spectrum.iter_mut().zip(&mut speech).zip(&noise) {
            let power = power(*point);
            let ratio = KEPT * *speech / noise + (1.0 - KEPT) * (power / noise - 1.0).max(0.0);
            let ratio = ratio.max(LEAST_RATIO);
            let gain = (ratio / (1.0 + ratio)).max(LEAST_GAIN);
            *speech = gain * gain * power;
            *point = (point.0 * gain, point.1 * gain);
        }
        for ((sum, value), weight) in sums[number * STEP..].iter_mut().zip(waves.back(&spectrum)).zip(&window)
        {
            sum.0 += value * weight;
            sum.1 += weight * weight;
        }
    }
    let clamp = |value: f64| value.round().clamp(f64::from(i16::MIN), f64::from(i16::MAX)) as i16;
    let whole = samples.iter().zip(sums);
    Some(
        whole
            .map(|(sample, (sum, weight))| if weight < 0.1 { *sample } else { clamp(sum / weight) })
            .collect(),
    )
}

/// The noise's power at each pitch; none: there are too few frames to tell, or next to no noise.
fn noise(spectra: &[Vec<(f64, f64)>]) -> Option<Vec<f64>> {
    let loudness = |spectrum: &[(f64, f64)]| spectrum.iter().map(|point| power(*point)).sum::<f64>();
    let mut frames: Vec<(f64, &[(f64, f64)])> =
        spectra.iter().map(|spectrum| (loudness(spectrum), spectrum.as_slice())).collect();
    frames.sort_by(|one, other| one.0.total_cmp(&other.0));
    let count = ((frames.len() as f64 * QUIET_SHARE) as usize).max(10);
    if frames.len() < 2 * count {
        return None;
    }
    let mean = |frames: &[(f64, &[(f64, f64)])]| {
        frames.iter().map(|frame| frame.0).sum::<f64>() / frames.len() as f64
    };
    if mean(&frames) >= CLEAR * mean(&frames[..count]) {
        return None;
    }
    let at = |bin: usize| {
        let sum: f64 = frames[..count].iter().map(|(_, spectrum)| power(spectrum[bin])).sum();
        (QUIETER * sum / count as f64).max(1e-3)
    };
    Some((0..BINS).map(at).collect())
}

fn power((real, imaginary): (f64, f64)) -> f64 {
    real * real + imaginary * imaginary
}

/// The fast Fourier transform of [`POINTS`] points.
struct Waves(Vec<(f64, f64)>);

impl Waves {
    fn new() -> Self {
        let angle = |number: usize| -2.0 * PI * number as f64 / POINTS as f64;
        Self((0..POINTS / 2).map(|number| (angle(number).cos(), angle(number).sin())).collect())
    }

    /// In place.
    fn transform(&self, points: &mut [(f64, f64)]) {
        let bits = POINTS.trailing_zeros();
        for from in 0..POINTS {
            let to = from.reverse_bits() >> (usize::BITS - bits);
            if from < to {
                points.swap(from, to);
            }
        }
        let mut half = 1;
        while half < POINTS {
            for start in (0..POINTS).step_by(2 * half) {
                for number in 0..half {
                    let wave = self.0[number * POINTS / (2 * half)];
                    let (low, high) = (points[start + number], points[start + number + half]);
                    let turned = (high.0 * wave.0 - high.1 * wave.1, high.0 * wave.1 + high.1 * wave.0);
                    points[start + number] = (low.0 + turned.0, low.1 + turned.1);
                    points[start + number + half] = (low.0 - turned.0, low.1 - turned.1);
                }
            }
            half *= 2;
        }
    }

    /// The values of which this is the half of the spectrum that says something.
    fn back(&self, spectrum: &[(f64, f64)]) -> impl Iterator<Item = f64> {
        // The transform of the conjugate, divided, is the way back; the mirrored half is the conjugate already.
        let mut points: Vec<(f64, f64)> = spectrum.iter().map(|point| (point.0, -point.1)).collect();
        points.extend(spectrum[1..BINS - 1].iter().rev().copied());
        self.transform(&mut points);
        points.into_iter().map(|point| point.0 / POINTS as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One second of a noise between two seconds of it with a tone over the middle.
    fn sound(noise: f64, tone: f64) -> Vec<i16> {
        let mut state = 1_u32;
        let mut random = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state >> 8) / 8_388_608.0 - 1.0
        };
        let tone =
            |at: usize| if (16_000..32_000).contains(&at) { (at as f64 * 0.3).sin() * tone } else { 0.0 };
        (0..48_000).map(|at| (random() * noise + tone(at)) as i16).collect()
    }

    fn level(samples: &[i16]) -> f64 {
        (samples.iter().map(|one| f64::from(*one).powi(2)).sum::<f64>() / samples.len() as f64).sqrt()
    }

    #[test]
    fn a_steady_noise_becomes_little_and_what_is_said_over_it_stays() {
        let noisy = sound(1500.0, 6000.0);
        let less = denoise(&noisy).expect("it is noisy");
        assert_eq!(less.len(), noisy.len());
        let (before, after) = (level(&noisy[2000..14_000]), level(&less[2000..14_000]));
        assert!(after < before / 4.0, "{before} {after}");
        let (clear, after) = (level(&sound(0.0, 6000.0)[18_000..30_000]), level(&less[18_000..30_000]));
        assert!((after / clear - 1.0).abs() < 0.05, "{clear} {after}");
    }

    #[test]
    fn what_is_clear_or_too_short_is_left_as_it_is() {
        for clear in [sound(5.0, 6000.0), sound(900.0, 0.0)[..3000].to_vec(), vec![0; 16_000], Vec::new()] {
            assert!(denoise(&clear).is_none(), "{} samples", clear.len());
        }
    }
}
