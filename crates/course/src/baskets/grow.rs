//! Lets phrases grow around a LEGO, piece by piece to the left and then to the right, along what sentences bear out. Of each
//! length only the best go on.

use super::model::{EDGE, Evidence, Meeting, Place};

/// Longest phrase.
const LONGEST: usize = 7;
/// Rows of a length that go on, and next pieces tried for each.
const BEAM: usize = 70;
const WIDTH: usize = 24;
/// Seeds of which the LEGOs are recent.
const RECENT: usize = 10;
/// How much chance decides, so that not every basket says the same.
const CHANCE: f64 = 1.2;

/// Around which LEGO, by what evidence.
#[derive(Debug)]
pub struct Grower<'a> {
    /// What the seeds show.
    pub evidence: &'a Evidence,
    /// The LEGO: only it and what was taught before it may be said.
    pub lego: Place,
}

/// A row of pieces that may be a phrase.
#[derive(Debug, Clone)]
pub struct Phrasing {
    /// In the order of both languages.
    pub pieces: Vec<Place>,
    /// How much speaks for it.
    pub score: f64,
    /// Meetings that rest on likeness alone.
    guesses: usize,
    /// It has begun to grow to the right, and does not go back.
    rightward: bool,
}

impl Grower<'_> {
    /// Phrases with the LEGO in them that may stand by themselves, without the LEGO alone.
    #[must_use]
    pub fn phrasings(&self) -> Vec<Phrasing> {
        let start = Phrasing { pieces: vec![self.lego], score: 0.0, guesses: 0, rightward: false };
        let mut open = vec![start];
        let mut found = Vec::new();
        for _ in 1..LONGEST {
            let mut longer: Vec<Phrasing> = open.iter().flat_map(|row| self.grow(row)).collect();
            longer.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.pieces.cmp(&b.pieces)));
            // Rows that still grow to the left and those that grow to the right each have their share.
            let (mut left, mut right): (Vec<_>, Vec<_>) = longer.into_iter().partition(|row| !row.rightward);
            left.truncate(BEAM / 2);
            right.truncate(BEAM);
            left.append(&mut right);
            found.extend(left.iter().filter_map(|row| self.phrase(row)));
            open = left;
        }
        found
    }

    /// A row as a phrase, where it can stand by itself: from the beginning to the end of a sentence; short ones may be parts.
    fn phrase(&self, row: &Phrasing) -> Option<Phrasing> {
        let (first, last) = (row.pieces[0], row.pieces[row.pieces.len() - 1]);
        let (begins, ends) = match row.pieces[..] {
            [] | [_] => (self.evidence.begins(first), self.evidence.ends(last)),
            [.., before, _] => (
                self.evidence.begins(first) && self.evidence.has_triple(EDGE, first, row.pieces[1]).1,
                self.evidence.ends(last)
                    && (row.guesses == 0 || self.evidence.has_triple(before, last, EDGE).1),
            ),
        };
        let may_stand = match row.pieces.len() {
            0..=3 => ends && (begins || row.guesses == 0),
            _ => begins && ends,
        };
        let joined = row.pieces.iter().any(|piece| self.evidence.connects(*piece));
        if joined && !(begins && self.evidence.states(first)) {
            return None;
        }
        let mut clauses =
            row.pieces.split(|piece| self.evidence.connects(*piece) || self.evidence.leads(*piece));
        if clauses
            .any(|clause| matches!(clause, [only] if row.pieces.len() > 1 && !self.evidence.is_clause(*only)))
        {
            return None;
        }
        let whole = f64::from(u8::from(begins)) + f64::from(u8::from(ends));
        // Long ones are not better for being long.
        let meetings = (row.pieces.len() - 1) as f64;
        may_stand.then(|| Phrasing { score: 4.0 * row.score / meetings + 2.0 * whole, ..row.clone() })
    }

    fn grow(&self, row: &Phrasing) -> Vec<Phrasing> {
        let (first, last) = (row.pieces[0], row.pieces[row.pieces.len() - 1]);
        let mut grown = Vec::new();
        for (place, meeting) in self.nexts(&self.evidence.after[last]) {
            let mut pieces = row.pieces.clone();
            pieces.push(place);
            let at = pieces.len() - 1;
            grown.extend(self.judge(row, pieces, at, meeting, true));
        }
        if !row.rightward {
            for (place, meeting) in self.nexts(&self.evidence.before[first]) {
                let mut pieces = row.pieces.clone();
                pieces.insert(0, place);
                grown.extend(self.judge(row, pieces, 0, meeting, false));
            }
        }
        grown
    }

    /// What may come next of what is taught, the best borne out and then the luckiest first.
    fn nexts(&self, meetings: &std::collections::BTreeMap<Place, Meeting>) -> Vec<(Place, Meeting)> {
        let taught = meetings.range(..self.lego).map(|(place, meeting)| (*place, *meeting));
        let mut nexts: Vec<(f64, Place, Meeting)> =
            taught.map(|(place, meeting)| (worth(meeting) + self.chance(place), place, meeting)).collect();
        nexts.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        nexts.truncate(WIDTH);
        nexts.into_iter().map(|(_, place, meeting)| (place, meeting)).collect()
    }

    /// The row with its new piece, where that makes sense.
    fn judge(
        &self,
        row: &Phrasing,
        pieces: Vec<Place>,
        at: usize,
        meeting: Meeting,
        rightward: bool,
    ) -> Option<Phrasing> {
        let place = pieces[at];
        let others = &row.pieces;
        if others.contains(&place) {
            return None;
        }
        let guesses = row.guesses + usize::from(meeting == Meeting::Alike);
        if guesses > if pieces.len() < 5 { 1 } else { 2 } {
            return None;
        }
        let (before, after) = if at == 0 { (place, pieces[1]) } else { (pieces[at - 1], place) };
        if meeting != Meeting::Seen && !self.may_meet(before, after, meeting) {
            return None;
        }
        let connections = pieces.iter().filter(|piece| self.evidence.connects(**piece)).count();
        if connections > 1 {
            return None;
        }
        let far = self.far(&pieces, at)?;
        let alike = others.iter().filter(|other| self.evidence.are_alike(place, **other)).count();
        let mut score = row.score + worth(meeting) + self.chance(place) - 1.5 * alike as f64 - far;
        if self.evidence.pieces[place].seed + RECENT >= self.evidence.pieces[self.lego].seed {
            score += 0.4;
        }
        if pieces.len() >= 3 {
            let from = if at == 0 { 0 } else { at - 2 };
            let joins = |at: usize| self.evidence.connects(pieces[at]) || self.evidence.leads(pieces[at]);
            // What joins sentences is the edge of both.
            let (seen, nearly) = match [joins(from), joins(from + 1), joins(from + 2)] {
                [true, ..] => self.evidence.has_triple(EDGE, pieces[from + 1], pieces[from + 2]),
                [_, true, _] => (false, true),
                [.., true] => self.evidence.has_triple(pieces[from], pieces[from + 1], EDGE),
                _ => self.evidence.has_triple(pieces[from], pieces[from + 1], pieces[from + 2]),
            };
            if !nearly && (meeting == Meeting::Alike || self.binds(pieces[from + 1])) {
                return None;
            }
            score += if seen {
                1.5
            } else if nearly {
                0.7
            } else {
                -1.0
            };
        }
        Some(Phrasing { pieces, score, guesses, rightward })
    }

    /// Whether two pieces may meet that no sentence has side by side.
    fn may_meet(&self, before: Place, after: Place, meeting: Meeting) -> bool {
        let evidence = self.evidence;
        if evidence.connects(before) || evidence.leads(before) {
            return evidence.states(after);
        }
        if evidence.connects(after) {
            return evidence.ends(before);
        }
        let begins = if meeting == Meeting::Words { evidence.states(after) } else { evidence.begins(after) };
        !begins && !evidence.are_alike(before, after)
    }

    /// What speaks against the new piece from those of its clause that are not beside it; none where it is too much.
    fn far(&self, pieces: &[Place], at: usize) -> Option<f64> {
        let evidence = self.evidence;
        let (mut odd, mut near) = (0, 0);
        let mut count = |(seen, nearly): (bool, bool)| {
            odd += usize::from(!nearly);
            near += usize::from(!seen);
        };
        if at == 0 {
            let clause = pieces[1..]
                .iter()
                .take_while(|piece| !evidence.connects(**piece) && !evidence.leads(**piece));
            clause.skip(1).for_each(|other| count(evidence.has_order(pieces[0], *other)));
        } else {
            let clause = pieces[..at]
                .iter()
                .rev()
                .take_while(|piece| !evidence.connects(**piece) && !evidence.leads(**piece));
            clause.skip(1).for_each(|other| count(evidence.has_order(*other, pieces[at])));
        }
        (odd == 0).then_some(0.3 * near as f64)
    }

    /// A piece that so much may follow that it says nothing of what goes with what before it ("with", "my", "and").
    fn binds(&self, place: Place) -> bool {
        !self.evidence.ends(place) && !self.evidence.begins(place)
    }

    /// The same for the same texts in every run.
    fn chance(&self, place: Place) -> f64 {
        let texts = [&self.evidence.pieces[self.lego].pair.target, &self.evidence.pieces[place].pair.target];
        let bytes = texts.into_iter().flat_map(|text| text.bytes().chain([0]));
        let mixed = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        CHANCE * ((mixed >> 40) as f64 / f64::from(1u32 << 24))
    }
}

fn worth(meeting: Meeting) -> f64 {
    match meeting {
        Meeting::Seen => 2.5,
        Meeting::Words => 1.2,
        Meeting::Joined => 0.8,
        Meeting::Alike => 0.4,
    }
}
