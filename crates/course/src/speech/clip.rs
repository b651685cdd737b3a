//! A piece of mono audio in memory, and the few things that are done to it before it is a sample: silence trimmed at
//! both ends, pieces joined with pauses, the rate changed to one that Opus knows.

use std::f64::consts::PI;

/// Mono audio.
#[derive(Debug, Clone, PartialEq)]
pub struct Clip {
    /// Samples a second.
    pub rate: u32,
    /// From -1.0 to 1.0.
    pub samples: Vec<f32>,
}

/// What counts as silence: 50 dB below full scale. Speech engines leave exact zeros or very faint noise around speech.
const SILENCE: f32 = 0.003_162;
/// What stays before and after speech, so that no consonant is cut: 30 ms.
const MARGIN_MS: usize = 30;
/// Taps of the resampling filter on each side of its centre.
const HALF_TAPS: usize = 16;
/// The part of the band that passes; the rest is for the filter's slope.
const PASS_BAND: f64 = 0.94;

impl Clip {
    /// Returns the length in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(self.rate)
    }

    /// Returns the largest absolute sample value, 0 for an empty clip.
    #[must_use]
    pub fn peak(&self) -> f32 {
        self.samples.iter().fold(0.0, |peak, sample| peak.max(sample.abs()))
    }

    /// Whether nothing can be heard.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.peak() < SILENCE
    }

    /// Cuts the silence at both ends down to 30 ms. A clip that is all silence stays as it is: it is reported, not hidden.
    pub fn trim_silence(&mut self) {
        let loud = |sample: &f32| sample.abs() >= SILENCE;
        let (Some(first), Some(last)) =
            (self.samples.iter().position(loud), self.samples.iter().rposition(loud))
        else {
            return;
        };
        let margin = self.frames(MARGIN_MS);
        self.samples.truncate((last + 1 + margin).min(self.samples.len()));
        self.samples.drain(..first.saturating_sub(margin));
    }

    /// Adds silence at the end.
    pub fn push_silence(&mut self, milliseconds: usize) {
        let length = self.samples.len() + self.frames(milliseconds);
        self.samples.resize(length, 0.0);
    }

    fn frames(&self, milliseconds: usize) -> usize {
        self.rate as usize * milliseconds / 1000
    }

    /// Returns the rate at which a clip is encoded: its own where Opus knows it, else the next higher one.
    #[must_use]
    pub fn encoding_rate(rate: u32) -> u32 {
        [8_000, 12_000, 16_000, 24_000, 48_000].into_iter().find(|known| rate <= *known).unwrap_or(48_000)
    }

    /// Returns the clip at another rate: a windowed-sinc filter, evaluated once for each phase between the two rates.
    #[must_use]
    pub fn resampled(self, rate: u32) -> Self {
        if rate == self.rate || self.samples.is_empty() {
            return Self { rate, samples: self.samples };
        }
        let common = greatest_common_divisor(self.rate, rate);
        let (up, down) = ((rate / common) as usize, (self.rate / common) as usize);
        let filter = Filter::new(up, down);
        let length = (self.samples.len() * up).div_ceil(down);
        let samples = (0..length).map(|frame| filter.at(&self.samples, frame * down)).collect();
        Self { rate, samples }
    }
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

/// One row of taps for each of the `up` phases, each row adding up to 1 so that level is kept.
struct Filter {
    up: usize,
    width: usize,
    rows: Vec<f32>,
}

impl Filter {
    fn new(up: usize, down: usize) -> Self {
        // Going down in rate, the filter must cut at the new band's edge and is longer by the same factor.
        let ratio = (up as f64 / down as f64).min(1.0);
        let cutoff = ratio * PASS_BAND;
        let half = (HALF_TAPS as f64 / ratio).ceil() as usize;
        let width = 2 * half;
        let mut rows = Vec::with_capacity(up * width);
        for phase in 0..up {
            let fraction = phase as f64 / up as f64;
            let row: Vec<f64> = (0..width)
                .map(|tap| {
                    let distance = tap as f64 - (half as f64 - 1.0) - fraction;
                    sinc(distance * cutoff) * window(distance / half as f64)
                })
                .collect();
            let sum: f64 = row.iter().sum();
            rows.extend(row.into_iter().map(|tap| (tap / sum) as f32));
        }
        Self { up, width, rows }
    }

    /// The output at `position` of a grid `up` times finer than the input.
    fn at(&self, input: &[f32], position: usize) -> f32 {
        let (centre, phase) = (position / self.up, position % self.up);
        let row = &self.rows[phase * self.width..(phase + 1) * self.width];
        let before = self.width / 2 - 1;
        // Taps that would lie before the first or after the last sample meet silence.
        let skip = before.saturating_sub(centre);
        let start = (centre + skip).saturating_sub(before);
        let end = input.len().min(start + self.width - skip);
        match input.get(start..end) {
            None => 0.0,
            Some(part) => part.iter().zip(&row[skip..]).map(|(sample, tap)| sample * tap).sum(),
        }
    }
}

fn sinc(x: f64) -> f64 {
    if x.abs() < 1e-9 { 1.0 } else { (PI * x).sin() / (PI * x) }
}

/// A Blackman window over -1..1.
fn window(x: f64) -> f64 {
    if x.abs() >= 1.0 { 0.0 } else { 0.42 + 0.5 * (PI * x).cos() + 0.08 * (2.0 * PI * x).cos() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(rate: u32, hertz: f64, seconds: f64) -> Clip {
        let samples = (0..(f64::from(rate) * seconds) as usize)
            .map(|frame| (0.5 * (2.0 * PI * hertz * frame as f64 / f64::from(rate)).sin()) as f32)
            .collect();
        Clip { rate, samples }
    }

    #[test]
    fn a_tone_keeps_its_wave_when_the_rate_changes() {
        for (from, to) in [(22_050, 24_000), (48_000, 16_000), (8_000, 48_000)] {
            let got = tone(from, 440.0, 0.5).resampled(to);
            let want = tone(to, 440.0, 0.5);
            assert!(got.samples.len().abs_diff(want.samples.len()) <= 1, "{from} to {to}");
            let inner = 400..got.samples.len().min(want.samples.len()) - 400;
            let worst =
                inner.map(|frame| (got.samples[frame] - want.samples[frame]).abs()).fold(0.0, f32::max);
            assert!(worst < 0.002, "{from} to {to}: off by {worst}");
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_hold_is_filtered_out() {
        let got = tone(48_000, 11_000.0, 0.5).resampled(16_000);
        let inner = &got.samples[200..got.samples.len() - 200];
        assert!(inner.iter().all(|sample| sample.abs() < 0.005));
    }

    #[test]
    fn silence_is_cut_to_a_margin_at_both_ends() {
        let mut clip = Clip { rate: 1_000, samples: vec![0.0; 500] };
        clip.samples.extend([0.5; 100]);
        clip.push_silence(700);
        clip.trim_silence();
        assert_eq!(clip.samples.len(), 30 + 100 + 30);
    }

    #[test]
    fn a_clip_of_silence_is_left_alone_and_known_as_silent() {
        let mut clip = Clip { rate: 1_000, samples: vec![0.0; 500] };
        clip.trim_silence();
        assert_eq!(clip.samples.len(), 500);
        assert!(clip.is_silent());
    }
}
