//! Noise, the same in every run: white, or like a room's (less of it the higher, as fans and pumps sound).

/// What it sounds like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    /// Falls by 3 dB an octave.
    Room,
    /// As much at every pitch.
    White,
}

pub(crate) fn name(kind: Option<Kind>) -> &'static str {
    match kind {
        None => "clean",
        Some(Kind::Room) => "room noise, 10 dB",
        Some(Kind::White) => "white noise, 10 dB",
    }
}

/// A sentence with silence or noise around it. Clean is with a breath of noise at -70 dB, as every microphone has.
pub(crate) fn around(speech: &[f32], seconds: f32, kind: Option<Kind>, seed: u64) -> Vec<f32> {
    let pad = (seconds * 16_000.0) as usize;
    let power =
        speech.iter().map(|sample| f64::from(sample * sample)).sum::<f64>() / speech.len().max(1) as f64;
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut filter = [0.0_f64; 3];
    let noise: Vec<f64> = (0..speech.len() + 2 * pad)
        .map(|_| {
            let white = random.gauss();
            if kind != Some(Kind::Room) {
                return white;
            }
            // Paul Kellet's filter for pink noise, in its economy form.
            filter[0] = 0.99765 * filter[0] + white * 0.099_046;
            filter[1] = 0.963 * filter[1] + white * 0.296_516_4;
            filter[2] = 0.57 * filter[2] + white * 1.052_691_3;
            filter.iter().sum::<f64>() + white * 0.1848
        })
        .collect();
    let own = noise.iter().map(|sample| sample * sample).sum::<f64>() / noise.len() as f64;
    let wanted = if kind.is_some() { power / 10.0 } else { 1e-7 };
    let gain = (wanted / own).sqrt();
    let speech = |at: usize| at.checked_sub(pad).and_then(|at| speech.get(at)).copied().unwrap_or(0.0);
    (0..noise.len()).map(|at| (f64::from(speech(at)) + noise[at] * gain).clamp(-1.0, 1.0) as f32).collect()
}

struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn gauss(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}
