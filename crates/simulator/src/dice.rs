//! All chance of a run, from its seed. Own arithmetic (SplitMix64), so that a seed means the same for ever.
//!
//! Every decision takes its own dice, named by what it is about: a fault that is switched off does not change how the others
//! fall, which is what makes a failing seed shrink.

use std::time::Duration;

/// A stream of chance.
#[derive(Debug, Clone)]
pub struct Dice(u64);

fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

impl Dice {
    /// The dice of a seed and of what they are thrown for.
    #[must_use]
    pub fn of(seed: u64, about: &str, number: u64) -> Self {
        let mut word = mix(seed.wrapping_add(0x9e37_79b9_7f4a_7c15));
        for byte in about.bytes() {
            word = mix(word ^ u64::from(byte));
        }
        Self(mix(word ^ mix(number)))
    }

    /// Sixty-four bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `end`; 0 where that is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        if end == 0 { 0 } else { self.bits() % end }
    }

    /// True so many times in a thousand.
    pub fn chance(&mut self, of_thousand: u64) -> bool {
        self.below(1000) < of_thousand
    }

    /// A time between two, in milliseconds.
    pub fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.below(to.saturating_sub(from) + 1))
    }

    /// One of them.
    ///
    /// # Panics
    /// Where there is none.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let at = usize::try_from(self.below(from.len() as u64)).unwrap_or(0);
        &from[at]
    }
}

#[cfg(test)]
mod tests {
    use super::Dice;

    #[test]
    fn a_seed_means_the_same_for_ever() {
        let mut dice = Dice::of(7, "offer", 3);
        let thrown: Vec<u64> = (0..5).map(|_| dice.below(100)).collect();
        assert_eq!(thrown, DICE_OF_7);
        assert_ne!(Dice::of(7, "offer", 4).bits(), Dice::of(7, "offer", 3).bits());
    }

    const DICE_OF_7: [u64; 5] = [72, 8, 95, 79, 83];
}
