//! Names that never change: the id of a sample depends on what is said, in which language, by whom and how fast, and on
//! nothing else. Two courses that need the same recording therefore ask for the same file, and a recording survives any
//! re-ordering of a course. UUIDv5 in a namespace of our own, upper case because that is also the audio file's name.

use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

use crate::model::{Cadence, Role};

/// Our own namespace. Changing it renames every recording ever made, so it stays.
const NAMESPACE: Uuid = Uuid::from_u128(0x7c1e_5a90_3b64_4d0f_9e2a_51d8_c6f0_a7b3);

/// Returns `text` as it is keyed and spoken everywhere in a manifest: NFC, without blanks around it.
#[must_use]
pub fn spoken_form(text: &str) -> String {
    text.trim().nfc().collect()
}

/// Returns the id of the recording of `text` in `language` (ISO 639-3) by `role` at `cadence`.
#[must_use]
pub fn sample_id(text: &str, language: &str, role: Role, cadence: Cadence) -> String {
    upper(&format!("{}|{language}|{}|{}", spoken_form(text), role_name(role), cadence_name(cadence)))
}

/// Returns the id of a seed, an item or a practice phrase (`kind`) of a language pair.
///
/// The kind is part of the name, so that a seed of one LEGO and that LEGO are two things with two ids.
#[must_use]
pub fn node_id(kind: NodeKind, languages: (&str, &str), known: &str, target: &str) -> String {
    let (known_language, target_language) = languages;
    let kind = match kind {
        NodeKind::Seed => "seed",
        NodeKind::Item => "item",
        NodeKind::Practice => "practice",
    };
    upper(&format!(
        "{kind}|{known_language}|{}|{target_language}|{}",
        spoken_form(known),
        spoken_form(target)
    ))
}

/// What a node is in a course; see [`node_id`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind {
    /// A whole sentence.
    Seed,
    /// A new LEGO.
    Item,
    /// A practice phrase.
    Practice,
}

/// Returns the id of slice `number` (from 1) of a course.
#[must_use]
pub fn slice_id(course: &str, number: u32) -> String {
    upper(&format!("slice|{course}|{number}"))
}

/// Returns the cadence at which a role speaks: both target voices slowly, everybody else naturally.
#[must_use]
pub const fn cadence_of(role: Role) -> Cadence {
    match role {
        Role::Target1 | Role::Target2 => Cadence::Slow,
        Role::Source | Role::Presentation => Cadence::Natural,
    }
}

/// Returns the name of a role as files have it.
#[must_use]
pub const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Target1 => "target1",
        Role::Target2 => "target2",
        Role::Source => "source",
        Role::Presentation => "presentation",
    }
}

/// Returns the name of a cadence as files have it.
#[must_use]
pub const fn cadence_name(cadence: Cadence) -> &'static str {
    match cadence {
        Cadence::Slow => "slow",
        Cadence::Natural => "natural",
    }
}

fn upper(name: &str) -> String {
    Uuid::new_v5(&NAMESPACE, name.as_bytes()).to_string().to_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_text_role_and_cadence_give_the_same_id_however_the_accent_is_composed() {
        let composed = sample_id("café", "spa", Role::Target1, Cadence::Slow);
        let decomposed = sample_id("cafe\u{301} ", "spa", Role::Target1, Cadence::Slow);
        assert_eq!(composed, decomposed);
        assert_eq!(composed, composed.to_uppercase());
    }

    #[test]
    fn language_role_cadence_and_kind_each_make_another_id() {
        let base = sample_id("no", "spa", Role::Target1, Cadence::Slow);
        assert_ne!(base, sample_id("no", "eng", Role::Target1, Cadence::Slow));
        assert_ne!(base, sample_id("no", "spa", Role::Target2, Cadence::Slow));
        assert_ne!(base, sample_id("no", "spa", Role::Target1, Cadence::Natural));
        let languages = ("eng", "spa");
        assert_ne!(
            node_id(NodeKind::Seed, languages, "no", "no"),
            node_id(NodeKind::Item, languages, "no", "no")
        );
    }

    #[test]
    fn ids_stay_what_they_were_in_the_first_release() {
        expect_test::expect!["FD453FBF-75B2-5CBA-9ECB-0DA7E27855AF"].assert_eq(&sample_id(
            "quiero hablar",
            "spa",
            Role::Target1,
            Cadence::Slow,
        ));
    }
}
