//! Corrections: translations that the user gives for single seeds. They win over everything, and end a hold-back.
//!
//! They come in the start body, `"corrections": {"S0007": "…"}`, or as the artifact `corrections.json` of the same shape; for
//! a seed that both correct, the start body's is taken. A seed is named by its id or by its sentence: the sentence stays true
//! when others are put in before it.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};
use unicode_normalization::UnicodeNormalization;

use super::chain::seed_id;
use crate::seeds::{self, Seed, SeedsError};
use crate::text::normal;

/// The artifact that corrections may come in.
pub(super) const ARTIFACT: &str = "corrections.json";

/// Corrected translations by seed id.
pub(super) type Corrections = BTreeMap<String, String>;

/// Corrections of the start body and of the artifact, for the seeds of a course.
///
/// # Errors
/// With the place: not of the right shape, no such seed, or no sentence.
pub(super) fn read(
    input: &Value,
    artifact: Option<&[u8]>,
    seeds: &[Seed],
) -> Result<Corrections, SeedsError> {
    let mut all = Corrections::new();
    if let Some(bytes) = artifact {
        let value: Value = serde_json::from_slice(bytes).map_err(|error| {
            let place = format!("{ARTIFACT} line {} column {}", error.line(), error.column());
            SeedsError::new("invalid-corrections", place, error.to_string())
        })?;
        all.extend(object(&value, ARTIFACT, seeds)?);
    }
    match input.get("corrections") {
        None | Some(Value::Null) => {}
        Some(value) => all.extend(object(value, "/corrections", seeds)?),
    }
    Ok(all)
}

fn object(value: &Value, place: &str, seeds: &[Seed]) -> Result<Corrections, SeedsError> {
    let fields: &Map<String, Value> = value.as_object().ok_or_else(|| {
        SeedsError::new(
            "invalid-corrections",
            place,
            "an object of seed ids or sentences, each with a translation, is expected",
        )
    })?;
    let by_sentence: HashMap<String, usize> =
        seeds.iter().enumerate().map(|(at, seed)| (normal(&seed.known), at)).collect();
    let mut corrections = Corrections::new();
    for (name, value) in fields {
        let place = format!("{place}/{name}");
        let at =
            index(name).filter(|at| *at < seeds.len()).or_else(|| by_sentence.get(&normal(name)).copied());
        let at = at.ok_or_else(|| {
            let message = format!(
                "there is no such seed: name one of {} to {} or a sentence of the course",
                seed_id(0),
                seed_id(seeds.len() - 1)
            );
            SeedsError::new("unknown-seed", &place, message)
        })?;
        let text: String = value
            .as_str()
            .map(|text| text.trim().nfc().collect())
            .ok_or_else(|| SeedsError::new("invalid-corrections", &place, "a text is expected"))?;
        seeds::sentence(&text, &place)?;
        if corrections.insert(seed_id(at), text).is_some() {
            let message = format!("{} is corrected twice", seed_id(at));
            return Err(SeedsError::new("invalid-corrections", place, message));
        }
    }
    Ok(corrections)
}

/// The index of a seed id written as we write it.
fn index(id: &str) -> Option<usize> {
    let at = id.strip_prefix('S')?.parse::<usize>().ok()?.checked_sub(1)?;
    (seed_id(at) == id).then_some(at)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn two() -> Vec<Seed> {
        let seed = |known: &str| Seed { known: known.to_owned(), ..Seed::default() };
        vec![seed("One."), seed("Two.")]
    }

    #[test]
    fn a_seed_is_named_by_its_id_or_by_its_sentence() {
        let input = json!({"corrections": {" two. ": "Dos.", "S0001": "Uno."}});
        let read = read(&input, None, &two()).unwrap();
        assert_eq!(
            read,
            BTreeMap::from([
                ("S0001".to_owned(), "Uno.".to_owned()),
                ("S0002".to_owned(), "Dos.".to_owned())
            ])
        );
    }

    #[test]
    fn the_start_body_wins_over_the_artifact() {
        let artifact = br#"{"S0001": "Uno.", "S0002": "Dos."}"#;
        let input = json!({"corrections": {"S0002": " Dos otra vez. "}});
        let read = read(&input, Some(artifact), &two()).unwrap();
        assert_eq!(read["S0001"], "Uno.");
        assert_eq!(read["S0002"], "Dos otra vez.");
    }

    #[test]
    fn what_cannot_be_a_correction_is_said_with_its_place() {
        let cases = [
            (json!([]), "invalid-corrections", "/corrections"),
            (json!({"S0003": "Tres."}), "unknown-seed", "/corrections/S0003"),
            (json!({"S0000": "Cero."}), "unknown-seed", "/corrections/S0000"),
            (json!({"S1": "Uno."}), "unknown-seed", "/corrections/S1"),
            (json!({"Three.": "Tres."}), "unknown-seed", "/corrections/Three."),
            (json!({"S0001": "Uno.", "One.": "Uno."}), "invalid-corrections", "/corrections/S0001"),
            (json!({"S0001": 1}), "invalid-corrections", "/corrections/S0001"),
            (json!({"S0001": " "}), "invalid-field", "/corrections/S0001"),
        ];
        for (corrections, code, place) in cases {
            let error = read(&json!({ "corrections": corrections }), None, &two()).unwrap_err();
            assert_eq!((error.code, error.place.as_str()), (code, place), "{error}");
        }
        let error = read(&json!({}), Some(b"{\n\"S0001\": }"), &two()).unwrap_err();
        assert_eq!(error.code, "invalid-corrections");
        assert!(error.place.starts_with("corrections.json line 2"), "{error}");
    }
}
