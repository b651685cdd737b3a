//! Where an utterance begins and ends: louder than the room for a while, then not louder for a while. The room's own noise is
//! learned all the time.
//!
//! Pure: samples in, events out, time is the number of samples.

use super::resample::RATE;

/// Samples of a frame: 20 ms.
pub const FRAME: usize = RATE as usize / 50;

/// What a room is taken for before it was heard, decibels: else a stream that begins with speech would make the room of it.
const QUIET_ROOM: f32 = -50.0;

/// How it is decided.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// So many decibels above the room is speech.
    pub above_db: f32,
    /// Below this level nothing is speech, in decibels of full scale.
    pub least_db: f32,
    /// So many frames of speech begin an utterance.
    pub begin: usize,
    /// So many frames without any end it: 0.6 s.
    pub end: usize,
    /// So many frames before its beginning belong to it: 0.3 s.
    pub before: usize,
    /// Most frames of an utterance: 15 s.
    pub longest: usize,
}

impl Default for Detection {
    fn default() -> Self {
        Self { above_db: 7.0, least_db: -55.0, begin: 4, end: 30, before: 15, longest: 750 }
    }
}

/// What the detector found.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// Somebody has begun to speak.
    Began {
        /// From which sample on.
        at: u64,
    },
    /// Somebody has ended.
    Ended(Utterance),
}

/// A stretch of speech.
#[derive(Debug, Clone, PartialEq)]
pub struct Utterance {
    /// Its first sample, counted from the first of the stream.
    pub start: u64,
    /// Its samples.
    pub samples: Vec<i16>,
    /// So many samples at its end are silence.
    pub tail: u64,
    /// It was cut because it was too long.
    pub cut: bool,
}

/// Finds utterances in a stream. What it keeps is bounded by [`Detection::longest`].
#[derive(Debug)]
pub struct Detector {
    detection: Detection,
    /// Less than a frame.
    rest: Vec<f32>,
    /// Samples of whole frames so far.
    seen: u64,
    /// What may belong to the beginning, or the utterance itself.
    kept: Vec<i16>,
    speaking: bool,
    loud: usize,
    quiet: usize,
    /// The room's level, decibels.
    floor: Option<f32>,
    /// The quietest frame of the present and the last half second, from which the floor follows.
    lows: [f32; 2],
    in_low: usize,
}

impl Detector {
    /// Begins to listen.
    #[must_use]
    pub fn new(detection: Detection) -> Self {
        Self {
            detection,
            rest: Vec::new(),
            seen: 0,
            kept: Vec::new(),
            speaking: false,
            loud: 0,
            quiet: 0,
            floor: None,
            lows: [f32::INFINITY; 2],
            in_low: 0,
        }
    }

    /// Takes samples at 16 kHz from -1 to 1.
    pub fn push(&mut self, samples: &[f32]) -> Vec<Found> {
        let mut found = Vec::new();
        self.rest.extend_from_slice(samples);
        let rest = std::mem::take(&mut self.rest);
        let mut frames = rest.chunks_exact(FRAME);
        for frame in &mut frames {
            self.frame(frame, &mut found);
        }
        self.rest = frames.remainder().to_vec();
        found
    }

    /// The stream is over: what was being said is said.
    pub fn finish(&mut self) -> Option<Utterance> {
        self.speaking.then(|| self.ended(false))
    }

    /// What has been said since the beginning of the utterance under way; none: nobody speaks.
    #[must_use]
    pub fn so_far(&self) -> Option<&[i16]> {
        self.speaking.then_some(self.kept.as_slice())
    }

    /// Samples seen so far, in whole frames.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.seen
    }

    fn frame(&mut self, frame: &[f32], found: &mut Vec<Found>) {
        let level = decibels(frame);
        let is_speech = self.is_speech(level);
        self.kept.extend(frame.iter().map(|sample| (sample.clamp(-1.0, 1.0) * 32_767.0) as i16));
        self.seen += FRAME as u64;
        (self.loud, self.quiet) = if is_speech { (self.loud + 1, 0) } else { (0, self.quiet + 1) };
        if self.speaking {
            let too_long = self.kept.len() >= self.detection.longest * FRAME;
            if self.quiet >= self.detection.end || too_long {
                found.push(Found::Ended(self.ended(too_long)));
            }
            return;
        }
        if self.loud >= self.detection.begin {
            self.speaking = true;
            found.push(Found::Began { at: self.seen - self.kept.len() as u64 });
            return;
        }
        let most = (self.detection.before + self.detection.begin) * FRAME;
        let over = self.kept.len().saturating_sub(most);
        self.kept.drain(..over);
    }

    fn ended(&mut self, cut: bool) -> Utterance {
        let samples = std::mem::take(&mut self.kept);
        let tail = (self.quiet * FRAME) as u64;
        self.speaking = false;
        self.loud = 0;
        Utterance { start: self.seen - samples.len() as u64, samples, tail, cut }
    }

    /// Compares a frame with the room. The floor is the quietest of the last half second to second: speech has gaps between
    /// its words, noise has none, so it follows a fan that is switched on within a second and does not follow a voice.
    fn is_speech(&mut self, level: f32) -> bool {
        self.lows[1] = self.lows[1].min(level);
        self.in_low += 1;
        if self.in_low == 25 {
            self.lows = [self.lows[1], f32::INFINITY];
            self.in_low = 0;
        }
        let low = self.lows[0].min(self.lows[1]);
        let floor = self.floor.unwrap_or(QUIET_ROOM);
        // Down at once, up slowly; and while somebody speaks slower still.
        let up = if self.speaking { 0.01 } else { 0.1 };
        let floor = if low < floor { low } else { floor + (low - floor) * up };
        self.floor = Some(floor);
        level > self.detection.least_db && level > floor + self.detection.above_db
    }
}

/// Loudness of a frame, decibels of full scale.
fn decibels(frame: &[f32]) -> f32 {
    let mean = frame.iter().sum::<f32>() / frame.len() as f32;
    let power =
        frame.iter().map(|sample| (sample - mean) * (sample - mean)).sum::<f32>() / frame.len() as f32;
    10.0 * power.max(1e-10).log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many seconds of a noise of this level, always the same.
    fn noise(seconds: f64, level: f32) -> Vec<f32> {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((state >> 8) as f32 / 8_388_608.0 - 1.0) * level
        };
        (0..(seconds * f64::from(RATE)) as usize).map(|_| next()).collect()
    }

    fn ended(sound: &[f32]) -> Vec<Utterance> {
        let mut detector = Detector::new(Detection::default());
        // In pieces that fit no frame.
        let found: Vec<Found> = sound.chunks(777).flat_map(|piece| detector.push(piece)).collect();
        let ended = found.into_iter().filter_map(|found| match found {
            Found::Ended(utterance) => Some(utterance),
            Found::Began { .. } => None,
        });
        ended.chain(detector.finish()).collect()
    }

    #[test]
    fn an_utterance_begins_before_its_first_sound_and_ends_after_a_pause() {
        let (quiet, loud) = (noise(1.0, 0.001), noise(0.5, 0.3));
        let found = ended(&[quiet.clone(), loud.clone(), quiet.clone(), loud, quiet].concat());
        assert_eq!(found.len(), 2);
        let start = found[0].start as f64 / f64::from(RATE);
        assert!((0.6..0.9).contains(&start), "{start}");
        let spoken = (found[0].samples.len() as u64 - found[0].tail) as f64 / f64::from(RATE);
        assert!((0.7..1.0).contains(&spoken) && !found[0].cut, "{spoken}");
    }

    #[test]
    fn a_click_is_nothing_a_loud_room_is_learned_and_talk_without_end_is_cut() {
        assert_eq!(ended(&[noise(1.0, 0.001), noise(0.04, 0.5), noise(1.0, 0.001)].concat()), []);
        let fan = noise(10.0, 0.03);
        let over_it: Vec<f32> = noise(0.6, 0.4);
        let found = ended(&[fan.clone(), over_it, fan].concat());
        let last = found.last().expect("the voice over the fan");
        let middle = (last.start as usize + last.samples.len() / 2) as f64 / f64::from(RATE);
        assert!((9.5..11.5).contains(&middle) && !last.cut, "{middle}");
        let talk: Vec<f32> = (0..40).flat_map(|_| [noise(0.8, 0.3), noise(0.2, 0.001)].concat()).collect();
        let cut = ended(&talk);
        assert!(cut[0].cut && cut.iter().all(|one| one.samples.len() <= 750 * FRAME), "{}", cut.len());
    }
}
