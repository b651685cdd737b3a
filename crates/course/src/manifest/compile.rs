//! From the four files of a course to its manifest: a pure function, so that equal files give equal bytes.
//!
//! A practice phrase that is already a seed, an item or an earlier practice phrase is left out: a player meets that
//! phrase there, and a second node with the same content would only be a second name for it.

use std::collections::{BTreeMap, BTreeSet};

use unicode_segmentation::UnicodeSegmentation;

use super::ids::{NodeKind, cadence_of, node_id, sample_id, slice_id, spoken_form};
use super::remarks::remarks;
use crate::model::{
    Basket, CourseManifest, Encouragement, IntroductionItem, Introductions, Lego, LegoBaskets, LegoPairs,
    ManifestIntroduction, ManifestSeed, Node, NodeText, Pair, Role, Sample, SeedLegos, SeedPairs,
    SeedSentence, Slice,
};

/// The version of a manifest whose audio has not been measured yet.
const FIRST_VERSION: &str = "0.1.0";

/// The files that a manifest joins.
#[derive(Debug, Clone)]
pub struct CourseFiles {
    /// `seed_pairs.json`.
    pub seed_pairs: SeedPairs,
    /// `lego_pairs.json`.
    pub lego_pairs: LegoPairs,
    /// `lego_baskets.json`.
    pub baskets: LegoBaskets,
    /// `introductions.json`.
    pub introductions: Introductions,
}

/// Why four files do not make a course.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// The files belong to different courses.
    #[error("{file} belongs to the course '{found}', seed_pairs.json to '{wanted}'")]
    OtherCourse {
        /// The file that differs.
        file: &'static str,
        /// Its course.
        found: String,
        /// The course of the seeds.
        wanted: String,
    },
    /// Extraction worked on other sentences than those of `seed_pairs.json`.
    #[error("lego_pairs.json does not fit seed_pairs.json at {seed}: {detail}; run extraction again")]
    StaleLegos {
        /// Seed id.
        seed: String,
        /// What differs.
        detail: String,
    },
    /// A new LEGO without a basket.
    #[error("lego_baskets.json has no basket for {lego}; run baskets again")]
    MissingBasket {
        /// LEGO id.
        lego: String,
    },
    /// A new LEGO without an introduction.
    #[error("introductions.json has no presentation for {lego}; run introductions again")]
    MissingIntroduction {
        /// LEGO id.
        lego: String,
    },
}

impl CompileError {
    /// Returns the stable code of the problem.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::OtherCourse { .. } => "other-course",
            Self::StaleLegos { .. } => "stale-legos",
            Self::MissingBasket { .. } => "missing-basket",
            Self::MissingIntroduction { .. } => "missing-introduction",
        }
    }
}

/// A manifest and what is worth telling about its making.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// The manifest; every duration is 0.
    pub manifest: CourseManifest,
    /// Practice phrases left out because the course already has them.
    pub repeated: usize,
}

/// Joins the files into a manifest. Same input, same output, to the byte.
///
/// # Errors
/// Where the files do not fit together; see [`CompileError`].
pub fn compile(files: &CourseFiles) -> Result<Compiled, CompileError> {
    check_courses(files)?;
    check_seeds(&files.seed_pairs, &files.lego_pairs)?;
    let known = files.seed_pairs.known_language.as_str();
    let target = files.seed_pairs.target_language.as_str();
    let mut compiler = Compiler {
        languages: (known, target),
        samples: BTreeMap::new(),
        taken: taken_pairs(&files.lego_pairs),
        repeated: 0,
    };
    let mut seeds = Vec::with_capacity(files.lego_pairs.seeds.len());
    for seed in &files.lego_pairs.seeds {
        seeds.push(compiler.seed(seed, files)?);
    }
    let (introduction, pooled_encouragements, ordered_encouragements) = compiler.remarks();
    let slice = Slice {
        id: slice_id(&files.seed_pairs.course, 1),
        version: FIRST_VERSION.to_owned(),
        seeds,
        samples: compiler.finished_samples(),
        pooled_encouragements,
        ordered_encouragements,
    };
    let manifest = CourseManifest {
        id: format!("{target}-{known}"),
        known: known.to_owned(),
        target: target.to_owned(),
        version: FIRST_VERSION.to_owned(),
        status: "alpha".to_owned(),
        introduction,
        slices: vec![slice],
    };
    Ok(Compiled { manifest, repeated: compiler.repeated })
}

fn check_courses(files: &CourseFiles) -> Result<(), CompileError> {
    let wanted = &files.seed_pairs.course;
    let others = [
        ("lego_pairs.json", &files.lego_pairs.course),
        ("lego_baskets.json", &files.baskets.course),
        ("introductions.json", &files.introductions.course),
    ];
    match others.into_iter().find(|(_, course)| *course != wanted) {
        None => Ok(()),
        Some((file, found)) => {
            Err(CompileError::OtherCourse { file, found: found.clone(), wanted: wanted.clone() })
        }
    }
}

fn check_seeds(seeds: &SeedPairs, legos: &LegoPairs) -> Result<(), CompileError> {
    let stale = |seed: &str, detail: &str| CompileError::StaleLegos {
        seed: seed.to_owned(),
        detail: detail.to_owned(),
    };
    let mut extracted = BTreeSet::new();
    for seed in &legos.seeds {
        match seeds.translations.get(&seed.seed_id) {
            None => return Err(stale(&seed.seed_id, "it is not among the translations")),
            Some(pair) if *pair != seed.seed_pair => {
                return Err(stale(&seed.seed_id, "the sentence is another one"));
            }
            Some(_) => extracted.insert(&seed.seed_id),
        };
    }
    match seeds.translations.keys().find(|id| !extracted.contains(id)) {
        None => Ok(()),
        Some(id) => Err(stale(id, "it was not extracted")),
    }
}

/// Everything that the course teaches by itself: no practice phrase may repeat it.
fn taken_pairs(legos: &LegoPairs) -> BTreeSet<(String, String)> {
    legos
        .seeds
        .iter()
        .flat_map(|seed| {
            let items = seed.legos.iter().filter(|lego| lego.new).map(|lego| &lego.lego);
            items.chain(std::iter::once(&seed.seed_pair)).map(key)
        })
        .collect()
}

fn key(pair: &Pair) -> (String, String) {
    (spoken_form(&pair.known), spoken_form(&pair.target))
}

struct Compiler<'a> {
    languages: (&'a str, &'a str),
    samples: BTreeMap<String, BTreeSet<Role>>,
    taken: BTreeSet<(String, String)>,
    repeated: usize,
}

impl Compiler<'_> {
    fn seed(&mut self, seed: &SeedLegos, files: &CourseFiles) -> Result<ManifestSeed, CompileError> {
        let node = self.node(NodeKind::Seed, &seed.seed_pair);
        let mut introduction_items = Vec::new();
        for lego in seed.legos.iter().filter(|lego| lego.new) {
            let basket = files
                .baskets
                .baskets
                .get(&lego.id)
                .ok_or_else(|| CompileError::MissingBasket { lego: lego.id.clone() })?;
            let presentation = files
                .introductions
                .presentations
                .get(&lego.id)
                .ok_or_else(|| CompileError::MissingIntroduction { lego: lego.id.clone() })?;
            introduction_items.push(self.item(lego, basket, &presentation.text));
        }
        Ok(ManifestSeed {
            id: node.id.clone(),
            seed_sentence: SeedSentence { canonical: spoken_form(&seed.seed_pair.known) },
            node,
            introduction_items,
        })
    }

    fn item(&mut self, lego: &Lego, basket: &Basket, presentation: &str) -> IntroductionItem {
        let node = self.node(NodeKind::Item, &lego.lego);
        let presentation = self.spoken(presentation, &[Role::Presentation]);
        let mut nodes = Vec::new();
        for phrase in &basket.practice_phrases {
            let pair = Pair { known: phrase.known.clone(), target: phrase.target.clone() };
            if self.taken.insert(key(&pair)) {
                nodes.push(self.node(NodeKind::Practice, &pair));
            } else {
                self.repeated += 1;
            }
        }
        IntroductionItem { id: node.id.clone(), node, presentation, nodes }
    }

    fn node(&mut self, kind: NodeKind, pair: &Pair) -> Node {
        let known = self.spoken(&pair.known, &[Role::Source]);
        let target = self.spoken(&pair.target, &[Role::Target1, Role::Target2]);
        Node {
            id: node_id(kind, self.languages, &known, &target),
            known: words(known),
            target: words(target),
        }
    }

    /// Notes that `text` is to be spoken by `roles`; returns it in the form in which it is a key.
    fn spoken(&mut self, text: &str, roles: &[Role]) -> String {
        let text = spoken_form(text);
        if let Some(already) = self.samples.get_mut(&text) {
            already.extend(roles);
        } else {
            self.samples.insert(text.clone(), roles.iter().copied().collect());
        }
        text
    }

    fn remarks(&mut self) -> (ManifestIntroduction, Vec<Encouragement>, Vec<Encouragement>) {
        let found = remarks(self.languages.0);
        let welcome =
            found.map_or_else(String::new, |found| self.spoken(found.welcome, &[Role::Presentation]));
        let pooled = found.map_or(&[][..], |found| found.pooled);
        let ordered = found.map_or(&[][..], |found| found.ordered);
        let introduction = ManifestIntroduction {
            id: self.presentation_id(&welcome),
            cadence: cadence_of(Role::Presentation),
            role: Role::Presentation,
            duration: 0.0,
        };
        (introduction, self.encouragements(pooled), self.encouragements(ordered))
    }

    fn encouragements(&mut self, texts: &[&str]) -> Vec<Encouragement> {
        texts
            .iter()
            .map(|text| {
                let text = self.spoken(text, &[Role::Presentation]);
                Encouragement { id: self.presentation_id(&text), text }
            })
            .collect()
    }

    fn presentation_id(&self, text: &str) -> String {
        sample_id(text, self.languages.0, Role::Presentation, cadence_of(Role::Presentation))
    }

    fn finished_samples(&mut self) -> BTreeMap<String, Vec<Sample>> {
        let languages = self.languages;
        std::mem::take(&mut self.samples)
            .into_iter()
            .map(|(text, roles)| {
                let samples = roles.into_iter().map(|role| sample(&text, languages, role)).collect();
                (text, samples)
            })
            .collect()
    }
}

fn sample(text: &str, languages: (&str, &str), role: Role) -> Sample {
    let cadence = cadence_of(role);
    let id = sample_id(text, language_of(languages, role), role, cadence);
    Sample { id, duration: 0.0, cadence, role }
}

/// Returns the language that a role speaks, of `(known, target)`.
#[must_use]
pub(crate) const fn language_of<'a>(languages: (&'a str, &'a str), role: Role) -> &'a str {
    match role {
        Role::Target1 | Role::Target2 => languages.1,
        Role::Source | Role::Presentation => languages.0,
    }
}

fn words(text: String) -> NodeText {
    let tokens = text.unicode_words().map(str::to_owned).collect();
    NodeText { text, tokens, lemmas: Vec::new() }
}
