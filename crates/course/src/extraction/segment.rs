//! Cuts a sentence into blocks: runs of target words whose known words are a run too, so that nothing is split that belongs
//! together.

use std::ops::Range;

/// A block: places of known words and of target words, each a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// In the known sentence.
    pub known: Range<usize>,
    /// In the target sentence.
    pub target: Range<usize>,
}

/// The smallest blocks that links allow, in the order of the target; together they cover both sentences.
#[must_use]
pub fn blocks(known_len: usize, target_len: usize, links: &[(usize, usize)]) -> Vec<Block> {
    let mut spans: Vec<(Range<usize>, Option<Range<usize>>)> = (0..target_len)
        .map(|t| {
            let linked = links.iter().filter(|link| link.1 == t).map(|link| link.0);
            (t..t + 1, cover(linked))
        })
        .collect();
    attach_unlinked(&mut spans);
    if spans.iter().all(|(_, known)| known.is_none()) {
        return vec![Block { known: 0..known_len, target: 0..target_len }];
    }
    merge_overlapping(&mut spans);
    let mut blocks: Vec<Block> =
        spans.into_iter().filter_map(|(target, known)| known.map(|known| Block { known, target })).collect();
    cover_known(&mut blocks, known_len);
    blocks
}

fn cover(places: impl Iterator<Item = usize>) -> Option<Range<usize>> {
    places.fold(None, |range: Option<Range<usize>>, place| match range {
        None => Some(place..place + 1),
        Some(range) => Some(range.start.min(place)..range.end.max(place + 1)),
    })
}

/// A target word without a counterpart (an article, a preposition) goes with the word after it, the last with the one before.
fn attach_unlinked(spans: &mut Vec<(Range<usize>, Option<Range<usize>>)>) {
    let mut at = 0;
    while at < spans.len() && spans.len() > 1 {
        if spans[at].1.is_some() {
            at += 1;
            continue;
        }
        if at + 1 < spans.len() {
            spans[at + 1].0.start = spans[at].0.start;
            spans.remove(at);
        } else {
            spans[at - 1].0.end = spans[at].0.end;
            spans.remove(at);
        }
    }
}

/// Blocks whose known words lie within each other become one, with all that lies between them in the target.
fn merge_overlapping(spans: &mut Vec<(Range<usize>, Option<Range<usize>>)>) {
    loop {
        let overlap = |a: &Range<usize>, b: &Range<usize>| a.start < b.end && b.start < a.end;
        let found = (0..spans.len()).find_map(|i| {
            (i + 1..spans.len()).find_map(|j| match (&spans[i].1, &spans[j].1) {
                (Some(a), Some(b)) if overlap(a, b) => Some((i, j)),
                _ => None,
            })
        });
        let Some((i, j)) = found else { return };
        merge(spans, i, j);
    }
}

fn merge(spans: &mut Vec<(Range<usize>, Option<Range<usize>>)>, first: usize, last: usize) {
    let target = spans[first].0.start..spans[last].0.end;
    let known = cover(spans[first..=last].iter().filter_map(|span| span.1.clone()).flatten());
    spans.splice(first..=last, [(target, known)]);
}

/// Known words without a counterpart go with the block that follows them in the known sentence, the last with the one before.
fn cover_known(blocks: &mut [Block], known_len: usize) {
    let mut order: Vec<usize> = (0..blocks.len()).collect();
    order.sort_by_key(|&at| blocks[at].known.start);
    let mut next = 0;
    for &at in &order {
        blocks[at].known.start = next;
        next = blocks[at].known.end;
    }
    if let Some(&last) = order.last() {
        blocks[last].known.end = known_len;
    }
}

/// Joins a block with its neighbour on the right or left in the target, and with all that then lies between them in the known
/// sentence; the place of the block that came of it.
pub fn join(blocks: &mut Vec<Block>, at: usize, right: bool) -> usize {
    let (mut first, mut last) = if right { (at, at + 1) } else { (at - 1, at) };
    loop {
        let known_start = blocks[first..=last].iter().map(|block| block.known.start).min().unwrap_or(0);
        let known_end = blocks[first..=last].iter().map(|block| block.known.end).max().unwrap_or(0);
        let inside = |block: &Block| block.known.start < known_end && known_start < block.known.end;
        let low = blocks.iter().position(inside).unwrap_or(first).min(first);
        let high = blocks.iter().rposition(inside).unwrap_or(last).max(last);
        if (low, high) == (first, last) {
            let target = blocks[first].target.start..blocks[last].target.end;
            blocks.splice(first..=last, [Block { known: known_start..known_end, target }]);
            return first;
        }
        (first, last) = (low, high);
    }
}

/// Whether joining a block with a neighbour takes in nothing else.
#[must_use]
pub fn is_plain_join(blocks: &[Block], at: usize, right: bool) -> bool {
    let (a, b) = if right { (at, at + 1) } else { (at - 1, at) };
    let (a, b) = (&blocks[a].known, &blocks[b].known);
    a.end == b.start || b.end == a.start
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_cover_both_sentences_and_hold_together() {
        // I want to speak with you | quiero hablar contigo
        let cut = blocks(6, 3, &[(0, 0), (1, 0), (3, 1), (4, 2), (5, 2)]);
        assert_eq!(
            cut,
            [
                Block { known: 0..2, target: 0..1 },
                Block { known: 2..4, target: 1..2 },
                Block { known: 4..6, target: 2..3 }
            ]
        );
        // A crossing link makes one block of what it spans.
        let cut = blocks(3, 3, &[(0, 0), (2, 0), (1, 1), (2, 2)]);
        assert_eq!(cut, [Block { known: 0..3, target: 0..3 }]);
        assert_eq!(blocks(2, 2, &[]), [Block { known: 0..2, target: 0..2 }]);
    }

    #[test]
    fn reordered_blocks_stay_apart() {
        // the red house | la casa roja
        let mut cut = blocks(3, 3, &[(0, 0), (2, 1), (1, 2)]);
        assert_eq!(cut.len(), 3);
        assert!(!is_plain_join(&cut, 0, true));
        assert_eq!(join(&mut cut, 0, true), 0);
        assert_eq!(cut, [Block { known: 0..3, target: 0..3 }]);
    }
}
