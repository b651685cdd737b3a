//! What a manifest must be before anybody may play it. Checked on our own output too, before it is written: a manifest
//! with a missing recording is noticed here and not by a learner in front of silence.

use std::collections::{BTreeMap, BTreeSet};

use super::compile::language_of;
use super::ids::{cadence_of, role_name, sample_id, spoken_form};
use super::remarks::remarks;
use crate::model::{CourseManifest, Node, Role, Sample, Slice};

/// Something a manifest may not be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// There must be exactly one slice.
    #[error("a manifest has exactly one slice, this one has {0}")]
    SliceCount(usize),
    /// There is nothing to learn.
    #[error("the manifest has no seeds")]
    NoSeeds,
    /// Two seeds are the same sentence.
    #[error("the seed '{0}' appears twice")]
    DuplicateSeed(String),
    /// Two items are the same LEGO.
    #[error("the item '{0}' appears twice")]
    DuplicateItem(String),
    /// A practice phrase that is already a seed, an item or an earlier practice phrase.
    #[error("the practice phrase '{0}' repeats a seed, an item or an earlier phrase")]
    RepeatedNode(String),
    /// A node and what holds it have different ids.
    #[error("'{holder}' holds a node with another id, '{node}'")]
    NodeIdDiffers {
        /// Id of the seed or the item.
        holder: String,
        /// Id of its node.
        node: String,
    },
    /// An id in lower case.
    #[error("the id '{0}' is not in upper case")]
    IdNotUpperCase(String),
    /// One id for two nodes.
    #[error("the id '{0}' names two nodes")]
    DuplicateId(String),
    /// A text that is spoken somewhere without a recording for it.
    #[error("'{text}' has no sample for {role}")]
    MissingSample {
        /// The text.
        text: String,
        /// The role's name.
        role: &'static str,
    },
    /// A recording that nothing needs.
    #[error("the sample of '{text}' for {role} is used nowhere")]
    OrphanedSample {
        /// The text.
        text: String,
        /// The role's name.
        role: &'static str,
    },
    /// A recording with an id or a cadence that does not follow from what it is.
    #[error("the sample {id} of '{text}' does not follow from its text, language, role and cadence")]
    WrongSample {
        /// The id found.
        id: String,
        /// The text.
        text: String,
    },
}

impl Violation {
    /// Returns the stable code of the problem.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::SliceCount(_) => "manifest-slice-count",
            Self::NoSeeds => "manifest-no-seeds",
            Self::DuplicateSeed(_) => "manifest-duplicate-seed",
            Self::DuplicateItem(_) => "manifest-duplicate-item",
            Self::RepeatedNode(_) => "manifest-repeated-node",
            Self::NodeIdDiffers { .. } => "manifest-node-id-differs",
            Self::IdNotUpperCase(_) => "manifest-id-not-upper-case",
            Self::DuplicateId(_) => "manifest-duplicate-id",
            Self::MissingSample { .. } => "manifest-missing-sample",
            Self::OrphanedSample { .. } => "manifest-orphaned-sample",
            Self::WrongSample { .. } => "manifest-wrong-sample",
        }
    }
}

/// Returns everything that is wrong with a manifest; empty where nothing is.
#[must_use]
pub fn violations(manifest: &CourseManifest) -> Vec<Violation> {
    let [slice] = manifest.slices.as_slice() else {
        return vec![Violation::SliceCount(manifest.slices.len())];
    };
    let mut found = Vec::new();
    if slice.seeds.is_empty() {
        found.push(Violation::NoSeeds);
    }
    check_repeats(slice, &mut found);
    check_ids(slice, &mut found);
    check_samples(manifest, slice, &mut found);
    found
}

fn check_repeats(slice: &Slice, found: &mut Vec<Violation>) {
    let mut sentences = BTreeSet::new();
    let mut seeds = BTreeSet::new();
    let mut items = BTreeSet::new();
    for seed in &slice.seeds {
        let canonical = &seed.seed_sentence.canonical;
        // Both are asked, so that a seed repeated as a whole is reported once and noted in both sets.
        let new_sentence = sentences.insert(canonical.to_lowercase());
        let new_pair = seeds.insert(pair(&seed.node));
        if !new_sentence || !new_pair {
            found.push(Violation::DuplicateSeed(canonical.clone()));
        }
        for item in &seed.introduction_items {
            if !items.insert(pair(&item.node)) {
                found.push(Violation::DuplicateItem(item.node.target.text.clone()));
            }
        }
    }
    let mut taught: BTreeSet<_> = seeds.union(&items).copied().collect();
    for node in practice_nodes(slice) {
        if !taught.insert(pair(node)) {
            found.push(Violation::RepeatedNode(node.target.text.clone()));
        }
    }
}

fn pair(node: &Node) -> (&str, &str) {
    (&node.known.text, &node.target.text)
}

fn practice_nodes(slice: &Slice) -> impl Iterator<Item = &Node> {
    slice.seeds.iter().flat_map(|seed| &seed.introduction_items).flat_map(|item| &item.nodes)
}

fn all_nodes(slice: &Slice) -> impl Iterator<Item = &Node> {
    let seeds = slice.seeds.iter().map(|seed| &seed.node);
    let items = slice.seeds.iter().flat_map(|seed| &seed.introduction_items).map(|item| &item.node);
    seeds.chain(items).chain(practice_nodes(slice))
}

fn check_ids(slice: &Slice, found: &mut Vec<Violation>) {
    for seed in &slice.seeds {
        let items = seed.introduction_items.iter().map(|item| (&item.id, &item.node.id));
        for (holder, node) in std::iter::once((&seed.id, &seed.node.id)).chain(items) {
            if holder != node {
                found.push(Violation::NodeIdDiffers { holder: holder.clone(), node: node.clone() });
            }
        }
    }
    let mut ids = BTreeSet::new();
    for node in all_nodes(slice) {
        if !ids.insert(&node.id) {
            found.push(Violation::DuplicateId(node.id.clone()));
        }
    }
    let samples = slice.samples.values().flatten().map(|sample| &sample.id);
    for id in ids.into_iter().chain(samples).chain(std::iter::once(&slice.id)) {
        if id.chars().any(char::is_lowercase) {
            found.push(Violation::IdNotUpperCase(id.clone()));
        }
    }
}

/// Every text that a player says, with the role it needs.
fn needed<'a>(manifest: &'a CourseManifest, slice: &'a Slice) -> BTreeSet<(String, Role)> {
    let mut needed = BTreeSet::new();
    for node in all_nodes(slice) {
        needed.insert((node.known.text.clone(), Role::Source));
        needed.insert((node.target.text.clone(), Role::Target1));
        needed.insert((node.target.text.clone(), Role::Target2));
    }
    let introductions = slice.seeds.iter().flat_map(|seed| &seed.introduction_items);
    let encouragements = slice.pooled_encouragements.iter().chain(&slice.ordered_encouragements);
    let presentations = introductions
        .map(|item| item.presentation.clone())
        .chain(encouragements.map(|encouragement| encouragement.text.clone()))
        .chain(remarks(&manifest.known).map(|remarks| spoken_form(remarks.welcome)));
    needed.extend(presentations.map(|text| (text, Role::Presentation)));
    needed
}

fn check_samples(manifest: &CourseManifest, slice: &Slice, found: &mut Vec<Violation>) {
    let present: BTreeMap<(String, Role), &Sample> = slice
        .samples
        .iter()
        .flat_map(|(text, samples)| samples.iter().map(|sample| ((text.clone(), sample.role), sample)))
        .collect();
    let needed = needed(manifest, slice);
    for (text, role) in &needed {
        if !present.contains_key(&(text.clone(), *role)) {
            found.push(Violation::MissingSample { text: text.clone(), role: role_name(*role) });
        }
    }
    let languages = (manifest.known.as_str(), manifest.target.as_str());
    for (place, sample) in &present {
        let (text, role) = place;
        if !needed.contains(place) {
            found.push(Violation::OrphanedSample { text: text.clone(), role: role_name(*role) });
        }
        let cadence = cadence_of(*role);
        if sample.cadence != cadence
            || sample.id != sample_id(text, language_of(languages, *role), *role, cadence)
        {
            found.push(Violation::WrongSample { id: sample.id.clone(), text: text.clone() });
        }
    }
}
