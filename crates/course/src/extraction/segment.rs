//! Cuts a sentence into blocks: runs of target words whose known words are a run too. Of all ways to cover both sentences with
//! blocks the cheapest is taken; what a block costs is for the caller to say.

use std::ops::Range;

use super::align::Strengths;

/// Longest block in target words and in known words; a whole sentence is always a block too.
const LONGEST: (usize, usize) = (6, 8);
/// A block with less strength than this inside holds nothing together.
const LEAST_INSIDE: f64 = 0.3;
/// A block with more strength than this to words outside cuts something apart.
const MOST_ACROSS: f64 = 1.1;
/// What a step costs that goes on elsewhere in the known sentence: pieces in the same order make phrases in both languages.
const JUMP: f64 = 1.1;
/// Ways to cover the first words that are kept.
const BEAM: usize = 20;

/// A block: places of known words and of target words, each a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// In the known sentence.
    pub known: Range<usize>,
    /// In the target sentence.
    pub target: Range<usize>,
}

/// A block that links allow more or less.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Where it is.
    pub block: Block,
    /// The strength of links that it would cut.
    pub across: f64,
}

/// All blocks that links allow, in the order of the target; the whole sentence is one of them.
#[must_use]
pub fn candidates(known_len: usize, target_len: usize, strengths: &Strengths) -> Vec<Candidate> {
    let sums = sums(known_len, target_len, strengths);
    let area = |known: &Range<usize>, target: &Range<usize>| {
        let corner = |k: usize, t: usize| sums[k * (target_len + 1) + t];
        corner(known.end, target.end) - corner(known.start, target.end) - corner(known.end, target.start)
            + corner(known.start, target.start)
    };
    let spans = |len: usize, longest: usize| {
        (0..len).flat_map(move |from| (from + 1..=len.min(from + longest)).map(move |to| from..to))
    };
    let mut found = Vec::new();
    for target in spans(target_len, LONGEST.0) {
        let column = area(&(0..known_len), &target);
        for known in spans(known_len, LONGEST.1) {
            let inside = area(&known, &target);
            let across = (column + area(&known, &(0..target_len)) - 2.0 * inside).max(0.0);
            if inside >= LEAST_INSIDE && across <= MOST_ACROSS {
                found.push(Candidate { block: Block { known, target: target.clone() }, across });
            }
        }
    }
    let whole = Block { known: 0..known_len, target: 0..target_len };
    if !found.iter().any(|candidate| candidate.block == whole) {
        found.insert(0, Candidate { block: whole, across: 0.0 });
    }
    found
}

/// Sums of all strengths above and to the left of each corner.
fn sums(known_len: usize, target_len: usize, strengths: &Strengths) -> Vec<f64> {
    let width = target_len + 1;
    let mut sums = vec![0.0; (known_len + 1) * width];
    for k in 0..known_len {
        for t in 0..target_len {
            sums[(k + 1) * width + t + 1] =
                strengths.at(k, t) + sums[k * width + t + 1] + sums[(k + 1) * width + t]
                    - sums[k * width + t];
        }
    }
    sums
}

/// Which known words are covered: a sentence has at most 300 characters.
type Mask = [u64; 5];

/// A way to cover the target up to a place.
#[derive(Debug, Clone)]
struct Way {
    covered: Mask,
    /// Where the last block ends in the known sentence.
    end: usize,
    cost: f64,
    /// The last block, and the way before it by target place and number.
    last: usize,
    before: (usize, usize),
}

/// The cheapest way to cover both sentences with blocks, in the order of the target; none where there is no way.
#[must_use]
pub fn cheapest(known_len: usize, target_len: usize, blocks: &[(Block, f64)]) -> Option<Vec<Block>> {
    let mut ways: Vec<Vec<Way>> = vec![Vec::new(); target_len + 1];
    ways[0].push(Way { covered: Mask::default(), end: 0, cost: 0.0, last: usize::MAX, before: (0, 0) });
    let masks: Vec<Mask> = blocks.iter().map(|(block, _)| mask(&block.known)).collect();
    let mut starting: Vec<Vec<usize>> = vec![Vec::new(); target_len];
    for (at, (block, _)) in blocks.iter().enumerate() {
        starting[block.target.start].push(at);
    }
    for place in 0..target_len {
        ways[place].sort_by(|a, b| a.cost.total_cmp(&b.cost).then(a.covered.cmp(&b.covered)));
        ways[place].truncate(BEAM);
        for number in 0..ways[place].len() {
            let (covered, end, cost) = {
                let way = &ways[place][number];
                (way.covered, way.end, way.cost)
            };
            for &at in &starting[place] {
                let (block, price) = &blocks[at];
                if (0..covered.len()).any(|part| covered[part] & masks[at][part] != 0) {
                    continue;
                }
                let jump = if block.known.start == end { 0.0 } else { JUMP };
                let way = Way {
                    covered: std::array::from_fn(|part| covered[part] | masks[at][part]),
                    end: block.known.end,
                    cost: cost + price + jump,
                    last: at,
                    before: (place, number),
                };
                keep(&mut ways[block.target.end], way);
            }
        }
    }
    let all = mask(&(0..known_len));
    let mut at = ways[target_len]
        .iter()
        .enumerate()
        .filter(|(_, way)| way.covered == all)
        .min_by(|a, b| a.1.cost.total_cmp(&b.1.cost))
        .map(|(number, _)| (target_len, number))?;
    let mut found = Vec::new();
    while at.0 > 0 {
        let way = &ways[at.0][at.1];
        found.push(blocks[way.last].0.clone());
        at = way.before;
    }
    found.reverse();
    Some(found)
}

/// Of ways that cover the same, the cheaper one stays.
fn keep(ways: &mut Vec<Way>, way: Way) {
    match ways.iter_mut().find(|other| other.covered == way.covered && other.end == way.end) {
        Some(other) if other.cost <= way.cost => {}
        Some(other) => *other = way,
        None => ways.push(way),
    }
}

fn mask(places: &Range<usize>) -> Mask {
    let mut mask = Mask::default();
    for place in places.clone() {
        if let Some(part) = mask.get_mut(place / 64) {
            *part |= 1 << (place % 64);
        }
    }
    mask
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(known: Range<usize>, target: Range<usize>) -> Block {
        Block { known, target }
    }

    #[test]
    fn the_cheapest_cover_wins_and_order_counts() {
        let red_house = [(block(0..3, 0..3), 2.5), (block(0..1, 0..1), 0.5), (block(2..3, 1..2), 0.5)];
        assert_eq!(cheapest(3, 3, &red_house), Some(vec![block(0..3, 0..3)]));
        // With the last piece there is a cheap way, but it jumps twice in the known sentence.
        let mut all = red_house.to_vec();
        all.push((block(1..2, 2..3), 0.5));
        assert_eq!(cheapest(3, 3, &all), Some(vec![block(0..3, 0..3)]));
        all[0].1 = 4.0;
        assert_eq!(cheapest(3, 3, &all).map(|blocks| blocks.len()), Some(3));
        assert_eq!(cheapest(3, 3, &red_house[1..]), None);
    }

    #[test]
    fn long_sentences_are_covered_too() {
        let word = |at: usize| (block(at..at + 1, at..at + 1), 1.0);
        assert_eq!(
            cheapest(300, 300, &(0..300).map(word).collect::<Vec<_>>()).map(|found| found.len()),
            Some(300)
        );
    }
}
