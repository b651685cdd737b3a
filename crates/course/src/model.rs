//! The files of a course, as types: what each phase reads and writes.
//!
//! The shapes are those of the original's published files (`seed_pairs.json`, `lego_pairs.json`, …), always with labelled
//! objects: a pair is `{known, target}`, never an array whose order somebody has to remember. Unknown fields are kept out
//! on purpose (`deny_unknown_fields`), so that a file of another version is a clear error and not a half-read course.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The version written into every course file; a file with another one is refused.
pub const FORMAT_VERSION: &str = "1.0";

/// A text in the language the learner knows and its counterpart in the language being learned.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// In the known language.
    pub known: String,
    /// In the target language.
    pub target: String,
}

/// `seed_pairs.json`: every sentence of the course in both languages. Written by translation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedPairs {
    /// [`FORMAT_VERSION`].
    pub version: String,
    /// Course code, `spa_for_eng`.
    pub course: String,
    /// ISO 639-3 code of the target language.
    pub target_language: String,
    /// ISO 639-3 code of the known language.
    pub known_language: String,
    /// How many seeds were asked for; `translations` and `held_back` together have as many.
    pub total_seeds: usize,
    /// Seed id (`S0001`) to its pair, in teaching order.
    pub translations: BTreeMap<String, Pair>,
    /// Seeds that no learner may see until somebody corrects them, by seed id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub held_back: BTreeMap<String, HeldBack>,
}

/// A seed whose translation cannot be trusted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldBack {
    /// The sentence in the known language.
    pub known: String,
    /// What the translator answered, marks included; empty where it answered nothing.
    pub candidate: String,
    /// Why it is held back, for a person.
    pub reason: String,
}

/// `lego_pairs.json`: each seed taken apart. Written by extraction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LegoPairs {
    /// [`FORMAT_VERSION`].
    pub version: String,
    /// Course code.
    pub course: String,
    /// In teaching order.
    pub seeds: Vec<SeedLegos>,
}

/// The LEGOs of one seed, in teaching order (atomic ones before molecular ones).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedLegos {
    /// `S0001`.
    pub seed_id: String,
    /// The whole sentence.
    pub seed_pair: Pair,
    /// What it is made of; some may be first taught by an earlier seed (`new: false`).
    pub legos: Vec<Lego>,
    /// Ids of `legos` in the order in which their target texts, joined, give the seed's target exactly.
    pub tiling: Vec<String>,
}

/// Whether a LEGO is one unit or is made of several words taught with their literal meanings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LegoKind {
    /// One unit.
    #[serde(rename = "A")]
    Atomic,
    /// Several words, listed in `components`.
    #[serde(rename = "M")]
    Molecular,
}

/// A piece of language that a learner can use at once: one known text, one target text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lego {
    /// `S0001L01`: seed, then its place in the order of teaching.
    pub id: String,
    /// Atomic or molecular.
    #[serde(rename = "type")]
    pub kind: LegoKind,
    /// Whether this seed is the first to teach it.
    pub new: bool,
    /// Where `new` is false: the id under which it was first taught.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub first_taught: Option<String>,
    /// The text.
    pub lego: Pair,
    /// For a molecular LEGO: all its words with their literal meanings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<Pair>,
}

/// `lego_baskets.json`: what a learner practises after meeting each new LEGO. Written by baskets, cut down by grammar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LegoBaskets {
    /// [`FORMAT_VERSION`].
    pub version: String,
    /// Course code.
    pub course: String,
    /// By id of a new LEGO.
    pub baskets: BTreeMap<String, Basket>,
}

/// The practice phrases of one LEGO.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Basket {
    /// The LEGO practised.
    pub lego: Pair,
    /// Whether it is the last new LEGO of its seed: then the whole seed is among the phrases.
    pub is_final_lego: bool,
    /// Always `practice_phrases.len()`.
    pub phrase_count: usize,
    /// Shortest first.
    pub practice_phrases: Vec<Phrase>,
    /// Where there is no phrase, or fewer than wanted: why, for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A practice phrase and the LEGOs it is built from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phrase {
    /// In the known language.
    pub known: String,
    /// In the target language.
    pub target: String,
    /// Ids (first taught) of its LEGOs, in the order of the target text.
    pub legos: Vec<String>,
}

/// `grammar_report.json`: what the grammar check removed and why. Written by grammar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrammarReport {
    /// [`FORMAT_VERSION`].
    pub version: String,
    /// Course code.
    pub course: String,
    /// Which checker judged, and its version where it tells.
    pub checker: String,
    /// Phrases looked at.
    pub checked: usize,
    /// Every removal, by rules and by people.
    pub deletions: Vec<Deletion>,
    /// What a rule would have removed and a person kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restored: Vec<Deletion>,
    /// Decisions of people that changed nothing: there is no such phrase (any more), or nothing was to be changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unused: Vec<UnusedDecision>,
}

/// A person's decision that changed nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnusedDecision {
    /// The basket.
    pub lego_id: String,
    /// The phrase.
    pub phrase: Pair,
    /// Who decided.
    pub by: String,
}

/// One phrase removed from a basket, or kept in it against a rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deletion {
    /// The basket.
    pub lego_id: String,
    /// The phrase.
    pub phrase: Pair,
    /// Stable name of the rule that it broke; `by-person` where a person removed what no rule had found wrong.
    pub rule: String,
    /// What is wrong, for a person.
    pub reason: String,
    /// The person who decided, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When he did, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

/// `introductions.json`: the text that presents each new LEGO. Written by introductions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Introductions {
    /// [`FORMAT_VERSION`].
    pub version: String,
    /// Course code.
    pub course: String,
    /// ISO 639-3 code.
    pub target: String,
    /// ISO 639-3 code.
    pub known: String,
    /// By id of a new LEGO.
    pub presentations: BTreeMap<String, Presentation>,
}

/// How one LEGO is presented.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Presentation {
    /// The text; `{target1}'word'` marks a clip spoken by the target voice.
    pub text: String,
    /// A person changed it: it is kept when introductions are made again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub edited: bool,
}

/// `course_manifest.json`: what a player needs. Written by manifest, durations filled in by speech.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CourseManifest {
    /// `spa-eng`.
    pub id: String,
    /// ISO 639-3 code.
    pub known: String,
    /// ISO 639-3 code.
    pub target: String,
    /// Version of the course, semver.
    pub version: String,
    /// `alpha`, `beta` or `released`.
    pub status: String,
    /// Spoken before everything else.
    pub introduction: ManifestIntroduction,
    /// Always exactly one.
    pub slices: Vec<Slice>,
}

/// The spoken welcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestIntroduction {
    /// Sample id.
    pub id: String,
    /// Always natural.
    pub cadence: Cadence,
    /// Always presentation.
    pub role: Role,
    /// Seconds; 0 until spoken.
    pub duration: f64,
}

/// A part of a course that is delivered as one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slice {
    /// UUIDv5 of course and number.
    pub id: String,
    /// Semver.
    pub version: String,
    /// In teaching order.
    pub seeds: Vec<ManifestSeed>,
    /// Spoken text to its samples.
    pub samples: BTreeMap<String, Vec<Sample>>,
    /// Said now and then, in any order.
    #[serde(rename = "pooledEncouragements")]
    pub pooled_encouragements: Vec<Encouragement>,
    /// Said once each, in this order.
    #[serde(rename = "orderedEncouragements")]
    pub ordered_encouragements: Vec<Encouragement>,
}

/// A spoken remark that keeps a learner going.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encouragement {
    /// What is said, in the known language.
    pub text: String,
    /// Sample id.
    pub id: String,
}

/// A seed as the player sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestSeed {
    /// UUIDv5, equal to `node.id`.
    pub id: String,
    /// The canonical sentence.
    pub seed_sentence: SeedSentence,
    /// The seed as a phrase.
    pub node: Node,
    /// The LEGOs it introduces.
    pub introduction_items: Vec<IntroductionItem>,
}

/// The canonical sentence of a seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedSentence {
    /// In the known language.
    pub canonical: String,
}

/// A new LEGO as the player sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntroductionItem {
    /// UUIDv5, equal to `node.id`.
    pub id: String,
    /// The LEGO.
    pub node: Node,
    /// The presentation's text.
    pub presentation: String,
    /// Practice phrases.
    pub nodes: Vec<Node>,
}

/// A phrase in both languages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// UUIDv5.
    pub id: String,
    /// Known side.
    pub known: NodeText,
    /// Target side.
    pub target: NodeText,
}

/// One side of a node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeText {
    /// The text.
    pub text: String,
    /// Words of the text.
    pub tokens: Vec<String>,
    /// Always as many as tokens, or none where no analyser knows the language.
    pub lemmas: Vec<String>,
}

/// A recording of a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// UUIDv5 of text, language, role and cadence; upper case; also the audio file's name.
    pub id: String,
    /// Seconds; 0 until spoken.
    pub duration: f64,
    /// How fast it is spoken.
    pub cadence: Cadence,
    /// Who speaks.
    pub role: Role,
}

/// How fast a sample is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cadence {
    /// 0.7 of natural speed: both target voices.
    Slow,
    /// Source and presentation.
    Natural,
}

/// Who speaks a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// First voice of the target language.
    Target1,
    /// Second voice of the target language.
    Target2,
    /// Voice of the known language.
    Source,
    /// The narrator who presents LEGOs.
    Presentation,
}
