//! Corrections: translations that the user gives for single seeds. They win over everything, and end a hold-back.
//!
//! They come in the start body, `"corrections": {"S0007": "…"}`, or as the artifact `corrections.json` of the same shape; for
//! a seed that both correct, the start body's is taken.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use unicode_normalization::UnicodeNormalization;

use super::chain::seed_id;
use crate::seeds::{self, SeedsError};

/// The artifact that corrections may come in.
pub(super) const ARTIFACT: &str = "corrections.json";

/// Corrected translations by seed id.
pub(super) type Corrections = BTreeMap<String, String>;

/// Corrections of the start body and of the artifact, for a course of `seeds` seeds.
///
/// # Errors
/// With the place: not of the right shape, no such seed, or no sentence.
pub(super) fn read(input: &Value, artifact: Option<&[u8]>, seeds: usize) -> Result<Corrections, SeedsError> {
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

fn object(value: &Value, place: &str, seeds: usize) -> Result<Corrections, SeedsError> {
    let fields: &Map<String, Value> = value.as_object().ok_or_else(|| {
        SeedsError::new("invalid-corrections", place, "an object of seed ids and translations is expected")
    })?;
    let one = |(id, value): (&String, &Value)| {
        let place = format!("{place}/{id}");
        if number(id).is_none_or(|number| number == 0 || number > seeds) {
            let message = format!("there is no such seed: they are {} to {}", seed_id(0), seed_id(seeds - 1));
            return Err(SeedsError::new("unknown-seed", place, message));
        }
        let text: String = value
            .as_str()
            .map(|text| text.trim().nfc().collect())
            .ok_or_else(|| SeedsError::new("invalid-corrections", &place, "a text is expected"))?;
        seeds::sentence(&text, &place)?;
        Ok((id.clone(), text))
    };
    fields.iter().map(one).collect()
}

/// The number of a seed id written as we write it.
fn number(id: &str) -> Option<usize> {
    let number = id.strip_prefix('S')?.parse::<usize>().ok()?;
    (number > 0 && seed_id(number - 1) == id).then_some(number)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_start_body_wins_over_the_artifact() {
        let artifact = br#"{"S0001": "Uno.", "S0002": "Dos."}"#;
        let input = json!({"corrections": {"S0002": " Dos otra vez. "}});
        let read = read(&input, Some(artifact), 2).unwrap();
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
            (json!({"S0001": 1}), "invalid-corrections", "/corrections/S0001"),
            (json!({"S0001": " "}), "invalid-field", "/corrections/S0001"),
        ];
        for (corrections, code, place) in cases {
            let error = read(&json!({ "corrections": corrections }), None, 2).unwrap_err();
            assert_eq!((error.code, error.place.as_str()), (code, place), "{error}");
        }
        let error = read(&json!({}), Some(b"{\n\"S0001\": }"), 2).unwrap_err();
        assert_eq!(error.code, "invalid-corrections");
        assert!(error.place.starts_with("corrections.json line 2"), "{error}");
    }
}
