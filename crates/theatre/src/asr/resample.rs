//! Any rate to 16 kHz, as a stream: each sample is a sum over its neighbours, weighed by a windowed sinc that lets nothing
//! above half of the lower rate through.

use std::f64::consts::PI;

/// What recognisers listen to, samples per second.
pub const RATE: u32 = 16_000;
/// Zero crossings of the sinc on each side.
const SIDE: f64 = 12.0;
/// Steps between two input samples for which weights are kept.
const STEPS: usize = 64;

/// A stream that is being converted.
#[derive(Debug)]
pub struct Resampler {
    /// Of the input.
    rate: u32,
    /// Input samples on each side that a sample depends on.
    reach: usize,
    /// Weights: `STEPS` rows of `2 * reach`.
    weights: Vec<f32>,
    /// Input that is still needed.
    waiting: Vec<f32>,
    /// Behind which of `waiting` the next output sample lies,
    at: usize,
    /// and so many 16000ths of a sample further: counted in whole numbers, so that pieces give what a whole gives.
    part: u32,
}

impl Resampler {
    /// From a rate in samples per second, which the caller has checked to be a sensible one.
    #[must_use]
    pub fn new(rate: u32) -> Self {
        let rate = rate.max(1);
        let step = f64::from(rate) / f64::from(RATE);
        // Of the band that both rates have, a little less, so that the slope of the filter ends before its border.
        let band = 0.95 * (1.0 / step).min(1.0);
        let reach = (SIDE / band).ceil() as usize;
        let mut weights = Vec::with_capacity(STEPS * 2 * reach);
        for row in 0..STEPS {
            let shift = row as f64 / STEPS as f64;
            let row: Vec<f64> = (0..2 * reach)
                .map(|index| weight(index as f64 - (reach as f64 - 1.0) - shift, band, reach as f64))
                .collect();
            let sum: f64 = row.iter().sum();
            weights.extend(row.iter().map(|weight| (weight / sum) as f32));
        }
        let waiting = vec![0.0; reach];
        Self { rate, reach, weights, at: reach, part: 0, waiting }
    }

    /// Takes samples and gives those that can be given: the last few wait for what comes next.
    pub fn push(&mut self, samples: &[f32]) -> Vec<f32> {
        self.waiting.extend_from_slice(samples);
        let mut out = Vec::with_capacity(samples.len() * RATE as usize / self.rate as usize + 1);
        while self.at + self.reach < self.waiting.len() {
            let row = self.part as usize * STEPS / RATE as usize;
            let weights = &self.weights[row * 2 * self.reach..(row + 1) * 2 * self.reach];
            let near = &self.waiting[self.at + 1 - self.reach..=self.at + self.reach];
            out.push(near.iter().zip(weights).map(|(sample, weight)| sample * weight).sum());
            self.part += self.rate;
            self.at += (self.part / RATE) as usize;
            self.part %= RATE;
        }
        let done = self.at.saturating_sub(self.reach).min(self.waiting.len());
        self.waiting.drain(..done);
        self.at -= done;
        out
    }
}

/// All of a clip at once.
#[must_use]
pub fn whole(samples: &[f32], rate: u32) -> Vec<f32> {
    if rate == RATE {
        return samples.to_vec();
    }
    let mut resampler = Resampler::new(rate);
    let mut out = resampler.push(samples);
    out.extend(resampler.push(&vec![0.0; 2 * resampler.reach]));
    out
}

/// A windowed sinc (Blackman).
fn weight(x: f64, band: f64, reach: f64) -> f64 {
    let turn = PI * x / reach;
    let window = if x.abs() < reach { 0.42 + 0.5 * turn.cos() + 0.08 * (2.0 * turn).cos() } else { 0.0 };
    let angle = PI * x * band;
    let sinc = if angle.abs() < 1e-9 { 1.0 } else { angle.sin() / angle };
    sinc * window
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(rate: u32, hertz: f64, seconds: f64) -> Vec<f32> {
        let count = (f64::from(rate) * seconds) as usize;
        (0..count).map(|index| (2.0 * PI * hertz * index as f64 / f64::from(rate)).sin() as f32).collect()
    }

    fn loudness(samples: &[f32]) -> f32 {
        (samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len() as f32).sqrt()
    }

    #[test]
    fn a_tone_keeps_its_pitch_and_loudness_at_every_rate() {
        for rate in [8_000, 11_025, 22_050, 24_000, 44_100, 48_000] {
            let heard = whole(&tone(rate, 1_000.0, 0.5), rate);
            assert!((heard.len() as i64 - 8_000).abs() < 60, "{rate}: {}", heard.len());
            let wanted = tone(RATE, 1_000.0, 0.5);
            let off = (2_000..6_000).map(|at| (heard[at] - wanted[at]).abs()).fold(0.0, f32::max);
            assert!(off < 0.06, "{rate}: {off}");
        }
    }

    #[test]
    fn what_16_khz_cannot_hold_is_left_out_and_not_folded_down() {
        let heard = whole(&tone(48_000, 11_000.0, 0.5), 48_000);
        assert!(loudness(&heard[500..7_000]) < 0.01, "{}", loudness(&heard));
    }

    #[test]
    fn a_stream_in_pieces_is_the_same_as_a_whole() {
        let sound = tone(44_100, 700.0, 0.2);
        let mut resampler = Resampler::new(44_100);
        let pieces: Vec<f32> = sound.chunks(37).flat_map(|piece| resampler.push(piece)).collect();
        assert!(pieces == Resampler::new(44_100).push(&sound));
    }
}
