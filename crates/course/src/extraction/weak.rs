//! Function words of the languages we know: what is never taught alone, and what leaves a piece open at its end. A language
//! that is not listed has neither; its pieces are cut by what the sentences show alone.

use std::{collections::BTreeSet, ops::Range};

use crate::text::normal;

/// Articles, pronouns, particles, auxiliaries: never a piece by themselves. Prepositions and possessives are pieces wherever
/// they leave no doubt.
const ALONE: [(&str, &str); 4] = [
    (
        "eng",
        "a an the to of if i you he she it we they me him her us them is are am was were be do does did not so as than \
         i'm i'd i'll i've it's he's she's we're they're will would much every next last another",
    ),
    (
        "spa",
        "el la los las un una unos unas lo le les se me te nos de del a al e u que no si es son yo él ella ellos ellas tan está por para \
         ha he ti mí",
    ),
    (
        "fra",
        "le la les un une des de du à au aux que ne pas je tu il elle on nous vous ils elles me te se est",
    ),
    ("ita", "il lo la i gli le un uno una di a da che non mi ti si ci vi io tu lui lei è"),
];

/// Articles, possessives, prepositions: what they belong to comes after them.
const OPEN: [(&str, &str); 4] = [
    (
        "eng",
        "a an the in on at for with by from and or but that if my your his its our their so as than very too \
         because when where why how what i he she we they do does did don't doesn't didn't this these those another more every next last some any such most",
    ),
    (
        "spa",
        "el la los las un una unos unas lo le les se me te nos del al en con por para y e o u mi tu su mis tus sus no si \
         muy más tan pero porque este esta estos estas ese esa otro otra",
    ),
    (
        "fra",
        "le la les un une des de du à au aux en et ou que ne je tu il elle on me te se mon ton son ma ta sa très",
    ),
    ("ita", "il lo la i gli le un uno una di a da in con su per tra e o che non mi ti si ci vi"),
];

/// Objects that belong to what is before them.
const BEHIND: [(&str, &str); 1] = [("eng", "me him us them of ago too")];

/// A piece of function words alone.
const BARE: f64 = 6.5;
/// A piece that ends open, or begins with what belongs to the one before.
const ENDS_OPEN: f64 = 3.0;

/// The function words of one language.
#[derive(Debug, Default)]
pub struct Weak {
    alone: BTreeSet<String>,
    open: BTreeSet<String>,
    behind: BTreeSet<String>,
}

impl Weak {
    /// Those of a language.
    #[must_use]
    pub fn of(language: &str) -> Self {
        let list = |lists: &[(&str, &str)]| {
            let list = lists.iter().find(|(code, _)| *code == language).map_or("", |(_, list)| list);
            list.split_whitespace().map(str::to_owned).collect()
        };
        Self { alone: list(&ALONE), open: list(&OPEN), behind: list(&BEHIND) }
    }

    /// What it costs to teach a run of a sentence's words by itself; a longer run than `longest_bare` says enough even where it
    /// is made of function words alone ("with you").
    #[must_use]
    pub fn cost(&self, sentence: &[String], run: Range<usize>, longest_bare: usize) -> f64 {
        let (first, last) = (run.start == 0, run.end == sentence.len());
        let words: Vec<String> = sentence[run].iter().map(|word| normal(&word.replace('’', "'"))).collect();
        let bare = words.len() <= longest_bare && words.iter().all(|word| self.alone.contains(word));
        let open = !last && words.len() > 1 && words.last().is_some_and(|word| self.open.contains(word));
        let behind = !first && words.first().is_some_and(|word| self.behind.contains(word));
        let times = |flag: bool, cost: f64| if flag { cost } else { 0.0 };
        times(bare, BARE) + times(open || behind, ENDS_OPEN)
    }
}
