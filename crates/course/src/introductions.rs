//! Introductions: the text that presents each new LEGO, always made the same way.
//!
//! An atomic LEGO: what it means, the sentence that it comes from, then the target text twice after a pause to think. A
//! molecular one also says what each of its words means. `{target1}'…'` and the text after dots are spoken by the target
//! voice. A presentation that a person has edited is kept.

use std::collections::BTreeMap;

use phase_kit::{ArtifactError, Context, Phase, PhaseError, Success};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::model::{FORMAT_VERSION, Introductions, Lego, LegoKind, LegoPairs, Presentation, SeedLegos};

/// What an earlier file may bring: presentations that a person has edited.
const EDITED: &str = "introductions_edited.json";

/// The phase.
#[derive(Debug)]
pub struct IntroductionsPhase;

/// What the phase gives.
#[derive(Debug, Serialize, Deserialize)]
pub struct Output {
    /// Presentations in the file.
    pub presentations: usize,
}

impl Phase for IntroductionsPhase {
    const NAME: &'static str = "introductions";
    type Input = Value;
    type Output = Output;

    async fn run(&self, ctx: Context, _input: Value) -> Result<Success<Output>, PhaseError> {
        let legos: LegoPairs = ctx.artifacts().get_json("lego_pairs.json").await?;
        let edited: Option<Introductions> = match ctx.artifacts().get_json(EDITED).await {
            Ok(edited) => Some(edited),
            Err(ArtifactError::NotFound(_)) => None,
            Err(error) => return Err(error.into()),
        };
        let made = introduce(&legos, edited.as_ref());
        ctx.artifacts().put_json("introductions.json", &made).await?;
        let kept = made.presentations.values().filter(|one| one.edited).count();
        let presentations = made.presentations.len();
        let stats = json!({ "introductionsGenerated": presentations, "edited": kept });
        Ok(Success::new(Output { presentations }).stats(stats))
    }
}

/// Presents every new LEGO.
#[must_use]
pub fn introduce(legos: &LegoPairs, edited: Option<&Introductions>) -> Introductions {
    let (target, known) = legos.course.split_once("_for_").unwrap_or((&legos.course, ""));
    let language = language(target);
    let kept =
        |id: &str| edited.and_then(|file| file.presentations.get(id)).filter(|one| one.edited).cloned();
    let mut presentations = BTreeMap::new();
    for seed in &legos.seeds {
        for lego in seed.legos.iter().filter(|lego| lego.new) {
            let made = || Presentation { text: text(&language, seed, lego), edited: false };
            presentations.insert(lego.id.clone(), kept(&lego.id).unwrap_or_else(made));
        }
    }
    Introductions {
        version: FORMAT_VERSION.to_owned(),
        course: legos.course.clone(),
        target: target.to_owned(),
        known: known.to_owned(),
        presentations,
    }
}

/// The language's English name, or its code where we have no name.
fn language(code: &str) -> String {
    const NAMES: [(&str, &str); 12] = [
        ("spa", "Spanish"),
        ("eng", "English"),
        ("cat", "Catalan"),
        ("ita", "Italian"),
        ("fra", "French"),
        ("por", "Portuguese"),
        ("glg", "Galician"),
        ("deu", "German"),
        ("nld", "Dutch"),
        ("cym", "Welsh"),
        ("cmn", "Chinese"),
        ("zho", "Chinese"),
    ];
    NAMES
        .iter()
        .find(|(known, _)| *known == code)
        .map_or_else(|| code.to_owned(), |(_, name)| (*name).to_owned())
}

fn text(language: &str, seed: &SeedLegos, lego: &Lego) -> String {
    let sentence = seed.seed_pair.known.trim_end_matches(['.', '!', '。']);
    let (known, target) = (&lego.lego.known, &lego.lego.target);
    let head =
        format!("To say '{known}' in {language}, as in '{sentence}', you say: … '{target}' … '{target}'");
    match lego.kind {
        LegoKind::Atomic => head,
        LegoKind::Molecular => {
            let parts: Vec<String> = lego
                .components
                .iter()
                .map(|part| format!("{{target1}}'{}' means {}", part.target, part.known))
                .collect();
            format!("{head} – {}", parts.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Pair;

    fn pair(known: &str, target: &str) -> Pair {
        Pair { known: known.to_owned(), target: target.to_owned() }
    }

    fn legos() -> LegoPairs {
        let lego = |id: &str, kind, lego, components: Vec<Pair>| Lego {
            id: id.to_owned(),
            kind,
            new: true,
            first_taught: None,
            lego,
            components,
        };
        LegoPairs {
            version: FORMAT_VERSION.to_owned(),
            course: "spa_for_eng".to_owned(),
            seeds: vec![SeedLegos {
                seed_id: "S0001".to_owned(),
                seed_pair: pair("I have to eat.", "Tengo que comer."),
                legos: vec![
                    lego("S0001L01", LegoKind::Atomic, pair("eat", "comer"), vec![]),
                    lego(
                        "S0001L02",
                        LegoKind::Molecular,
                        pair("I have to", "tengo que"),
                        vec![pair("I have", "tengo"), pair("to", "que")],
                    ),
                ],
                tiling: vec!["S0001L02".to_owned(), "S0001L01".to_owned()],
            }],
        }
    }

    #[test]
    fn a_molecular_lego_is_presented_with_all_its_words() {
        let made = introduce(&legos(), None);
        assert_eq!(
            made.presentations["S0001L01"].text,
            "To say 'eat' in Spanish, as in 'I have to eat', you say: … 'comer' … 'comer'"
        );
        assert!(
            made.presentations["S0001L02"]
                .text
                .ends_with("– {target1}'tengo' means I have, {target1}'que' means to")
        );
    }

    #[test]
    fn what_a_person_edited_is_kept() {
        let mut edited = introduce(&legos(), None);
        edited
            .presentations
            .insert("S0001L01".to_owned(), Presentation { text: "Mine".to_owned(), edited: true });
        let again = introduce(&legos(), Some(&edited));
        assert_eq!(again.presentations["S0001L01"].text, "Mine");
        assert_ne!(again.presentations["S0001L02"].text, "Mine");
    }
}
