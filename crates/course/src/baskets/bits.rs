//! A set of places as bits: asked for what two sets have in common many times for each phrase.

/// A set of small numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bits(Vec<u64>);

impl Bits {
    /// Takes a number in.
    pub fn insert(&mut self, number: usize) {
        if self.0.len() <= number / 64 {
            self.0.resize(number / 64 + 1, 0);
        }
        self.0[number / 64] |= 1 << (number % 64);
    }

    /// Whether a number is in it.
    #[must_use]
    pub fn contains(&self, number: usize) -> bool {
        self.0.get(number / 64).is_some_and(|part| part >> (number % 64) & 1 == 1)
    }

    /// Whether the two have a number in common.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).any(|(a, b)| a & b != 0)
    }

    /// Whether the three have a number in common.
    #[must_use]
    pub fn meets_both(&self, other: &Self, third: &Self) -> bool {
        self.0.iter().zip(&other.0).zip(&third.0).any(|((a, b), c)| a & b & c != 0)
    }

    /// All numbers, from the least on.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().enumerate().filter(|(_, part)| **part != 0).flat_map(|(at, part)| {
            let part = *part;
            (0..64).filter(move |bit| part >> bit & 1 == 1).map(move |bit| at * 64 + bit)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_know_what_they_hold_and_share() {
        let set = |numbers: &[usize]| {
            let mut set = Bits::default();
            numbers.iter().for_each(|number| set.insert(*number));
            set
        };
        let (a, b) = (set(&[1, 64, 900]), set(&[2, 900]));
        assert!(a.contains(64) && !a.contains(65) && !a.contains(10_000));
        assert!(a.meets(&b) && !a.meets(&set(&[2])) && !a.meets_both(&b, &set(&[1])));
        assert_eq!(a.iter().collect::<Vec<_>>(), [1, 64, 900]);
    }
}
