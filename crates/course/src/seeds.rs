//! The sentences that a course is made of: ours, or any that the caller brings.

use std::collections::HashMap;

use phase_kit::PhaseError;
use serde_json::Value;

use crate::text::{normal, words};

/// Our own sentences, public domain; see `seeds/README.md`.
const OURS: &str = include_str!("../seeds/eng.txt");
/// Most sentences of a course.
pub const MAX_SEEDS: usize = 5_000;
/// Longest sentence, in characters.
pub const MAX_LEN: usize = 300;

/// A sentence, with its translation where the caller knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    /// In the known language.
    pub known: String,
    /// In the target language.
    pub target: Option<String>,
}

/// Why sentences are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct SeedsError {
    /// Stable, as a problem code.
    pub code: &'static str,
    /// JSON pointer or line.
    pub place: String,
    /// What is wrong.
    pub message: String,
}

impl From<SeedsError> for PhaseError {
    fn from(error: SeedsError) -> Self {
        Self::permanent(error.code, error.to_string())
    }
}

fn wrong(code: &'static str, place: impl Into<String>, message: impl Into<String>) -> SeedsError {
    SeedsError { code, place: place.into(), message: message.into() }
}

/// Target and known language of a course code.
///
/// # Errors
/// `unsupported-language` where it is no course code.
pub fn languages(course: &str) -> Result<(&str, &str), SeedsError> {
    let code = |text: &str| text.len() == 3 && text.bytes().all(|b| b.is_ascii_lowercase());
    let found =
        course.split_once("_for_").filter(|(target, known)| code(target) && code(known) && target != known);
    found.ok_or_else(|| {
        wrong("unsupported-language", "/courseCode", format!("'{course}' is not written target_for_known"))
    })
}

/// The sentences that a job's input asks for. `artifact` is the text of `seedsArtifact`, where the input names one.
///
/// # Errors
/// With the place: none, too many, too long, not of the right form, or the same twice.
pub fn read(input: &Value, known: &str, artifact: Option<&[u8]>) -> Result<Vec<Seed>, SeedsError> {
    let seeds = match (input.get("seeds"), artifact) {
        (Some(Value::Array(list)), _) => from_list(list)?,
        (Some(Value::Null) | None, Some(bytes)) => from_text(bytes)?,
        (Some(Value::Null) | None, None) => ours(input, known)?,
        (Some(_), _) => return Err(wrong("invalid-field", "/seeds", "a list is expected")),
    };
    if seeds.is_empty() {
        return Err(wrong("empty-seeds", "/seeds", "there is no sentence"));
    }
    if seeds.len() > MAX_SEEDS {
        return Err(wrong(
            "too-many-seeds",
            "/seeds",
            format!("there are {}, at most {MAX_SEEDS} are possible", seeds.len()),
        ));
    }
    let mut seen: HashMap<String, usize> = HashMap::new();
    for (at, seed) in seeds.iter().enumerate() {
        check(at, seed)?;
        if let Some(first) = seen.insert(normal(&seed.known), at) {
            let message = format!("'{}' stands at {first} and at {at}", seed.known);
            return Err(wrong("invalid-field", format!("/seeds/{at}"), message));
        }
    }
    Ok(seeds)
}

fn check(at: usize, seed: &Seed) -> Result<(), SeedsError> {
    let place = format!("/seeds/{at}");
    for text in [Some(&seed.known), seed.target.as_ref()].into_iter().flatten() {
        if words(text).is_empty() {
            return Err(wrong("invalid-field", place, format!("'{text}' has no words")));
        }
        if text.chars().count() > MAX_LEN {
            return Err(wrong(
                "invalid-field",
                place,
                format!("a sentence has at most {MAX_LEN} characters"),
            ));
        }
        if text.chars().any(|c| c.is_control()) {
            return Err(wrong("invalid-field", place, "a sentence has no control characters or line breaks"));
        }
    }
    Ok(())
}

fn ours(input: &Value, known: &str) -> Result<Vec<Seed>, SeedsError> {
    if known != "eng" {
        let message = format!("we bring sentences in eng only; for {known} give \"seeds\"");
        return Err(wrong("unsupported-language", "/courseCode", message));
    }
    let all: Vec<&str> = OURS.lines().filter(|line| !line.trim().is_empty()).collect();
    let wanted = match input.get("totalSeeds") {
        None | Some(Value::Null) => all.len(),
        Some(total) => {
            let total = total.as_u64().and_then(|total| usize::try_from(total).ok());
            total.ok_or_else(|| wrong("invalid-field", "/totalSeeds", "a whole number is expected"))?
        }
    };
    if wanted > all.len() {
        let message = format!("we bring {} sentences; for more give \"seeds\"", all.len());
        return Err(wrong("too-many-seeds", "/totalSeeds", message));
    }
    Ok(all[..wanted].iter().map(|line| Seed { known: (*line).trim().to_owned(), target: None }).collect())
}

fn from_list(list: &[Value]) -> Result<Vec<Seed>, SeedsError> {
    let seed = |(at, value): (usize, &Value)| match value {
        Value::String(known) => Ok(Seed { known: known.trim().to_owned(), target: None }),
        Value::Object(fields) => {
            let text =
                |name: &str| fields.get(name).and_then(Value::as_str).map(|text| text.trim().to_owned());
            let known = text("known")
                .ok_or_else(|| wrong("invalid-field", format!("/seeds/{at}/known"), "a text is expected"))?;
            Ok(Seed { known, target: text("target") })
        }
        _ => Err(wrong(
            "invalid-field",
            format!("/seeds/{at}"),
            "a text, or an object with known and target, is expected",
        )),
    };
    list.iter().enumerate().map(seed).collect()
}

/// A sentence a line; behind a tab its translation; what follows a second tab (attribution) is passed over.
fn from_text(bytes: &[u8]) -> Result<Vec<Seed>, SeedsError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
        wrong("invalid-utf8", format!("line {line}"), "the text is not UTF-8")
    })?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let seed = |line: &str| {
        let mut fields = line.split('\t').map(str::trim);
        let known = fields.next().unwrap_or_default().to_owned();
        Seed { known, target: fields.next().filter(|target| !target.is_empty()).map(str::to_owned) }
    };
    Ok(lines.map(seed).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ours_are_there_in_any_number() {
        assert_eq!(read(&json!({"totalSeeds": 668}), "eng", None).unwrap().len(), 668);
        assert_eq!(read(&json!({}), "eng", None).unwrap().len(), 668);
        assert_eq!(read(&json!({"totalSeeds": 3}), "eng", None).unwrap().len(), 3);
    }

    #[test]
    fn bad_sentences_are_refused_with_their_place() {
        let long = "word ".repeat(100);
        let cases = [
            (json!({"seeds": []}), "empty-seeds", "/seeds"),
            (json!({"totalSeeds": 669}), "too-many-seeds", "/totalSeeds"),
            (json!({"totalSeeds": "x"}), "invalid-field", "/totalSeeds"),
            (json!({"seeds": ["Hi there.", "hi there."]}), "invalid-field", "/seeds/1"),
            (json!({"seeds": [7]}), "invalid-field", "/seeds/0"),
            (json!({"seeds": [{"target": "x"}]}), "invalid-field", "/seeds/0/known"),
            (json!({"seeds": ["…"]}), "invalid-field", "/seeds/0"),
            (json!({"seeds": [long]}), "invalid-field", "/seeds/0"),
            (json!({"seeds": "all"}), "invalid-field", "/seeds"),
        ];
        for (input, code, place) in cases {
            let error = read(&input, "eng", None).unwrap_err();
            assert_eq!((error.code, error.place.as_str()), (code, place), "{input}");
        }
        let error = read(&json!({}), "eng", Some(b"Fine.\n\xff\n")).unwrap_err();
        assert_eq!((error.code, error.place.as_str()), ("invalid-utf8", "line 2"));
        assert!(languages("spa_eng").is_err() && languages("spa_for_spa").is_err());
    }
}
