//! The sentences that a course is made of: ours, or any that the caller brings.
//!
//! A caller brings them in the start body (`"seeds": […]`) or as an artifact (`"seedsArtifact": "name"`), each with or
//! without its translation. What is wrong with one is said with its place, before anything is made: a JSON pointer, or the
//! line of the artifact.

mod language;
mod parse;

use std::collections::HashMap;

use phase_kit::PhaseError;
use serde_json::Value;

pub use language::languages;

use crate::text::{normal, words};

/// Our own sentences, public domain; see `seeds/README.md`.
const OURS: &str = include_str!("../seeds/eng.txt");
/// Most sentences of a course.
pub const MAX_SEEDS: usize = 5_000;
/// Longest sentence, in characters.
pub const MAX_LEN: usize = 300;

/// A sentence, with its translation where the caller knows it. Texts are NFC and without blanks around them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seed {
    /// In the known language.
    pub known: String,
    /// In the target language.
    pub target: Option<String>,
    /// Whom to credit for it, where its licence asks for that.
    pub attribution: Option<String>,
}

/// Why sentences are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct SeedsError {
    /// Stable, as a problem code.
    pub code: &'static str,
    /// JSON pointer, or artifact and line.
    pub place: String,
    /// What is wrong.
    pub message: String,
}

impl SeedsError {
    pub(crate) fn new(code: &'static str, place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code, place: place.into(), message: message.into() }
    }
}

impl From<SeedsError> for PhaseError {
    fn from(error: SeedsError) -> Self {
        Self::permanent(error.code, error.to_string())
    }
}

/// A sentence and where it stands.
#[derive(Debug)]
struct Placed {
    seed: Seed,
    place: String,
}

/// An artifact with sentences.
#[derive(Debug, Clone, Copy)]
pub struct SeedsFile<'a> {
    /// Its name, for the places of errors.
    pub name: &'a str,
    /// What is in it.
    pub bytes: &'a [u8],
}

/// The name of the artifact that a job's input names, if it names one.
///
/// # Errors
/// Where it is no text, or stands beside `seeds`.
pub fn artifact_name(input: &Value) -> Result<Option<&str>, SeedsError> {
    match (given(input, "seedsArtifact"), given(input, "seeds")) {
        (None, _) => Ok(None),
        (Some(Value::String(_)), Some(_)) => {
            Err(SeedsError::new("invalid-field", "/seedsArtifact", "give seeds or seedsArtifact, not both"))
        }
        (Some(Value::String(name)), None) => Ok(Some(name)),
        (Some(_), _) => {
            Err(SeedsError::new("invalid-field", "/seedsArtifact", "the name of an artifact is expected"))
        }
    }
}

/// The sentences that a job's input asks for, in order; at most `totalSeeds` of them. `file` is the artifact that
/// [`artifact_name`] names.
///
/// # Errors
/// `empty-seeds`, `too-many-seeds`, `seed-too-long`, `duplicate-seed`, `invalid-utf8`, `invalid-field` or
/// `unsupported-language`, with the place.
pub fn read(
    input: &Value,
    (target, known): (&str, &str),
    file: Option<SeedsFile<'_>>,
) -> Result<Vec<Seed>, SeedsError> {
    let (place, mut placed) = match (given(input, "seeds"), file) {
        (Some(Value::Array(list)), _) => ("/seeds".to_owned(), parse::list(list)?),
        (Some(_), _) => return Err(SeedsError::new("invalid-field", "/seeds", "a list is expected")),
        (None, Some(file)) => (file.name.to_owned(), parse::file(file)?),
        (None, None) => ("/totalSeeds".to_owned(), ours(known)?),
    };
    if let Some(total) = total(input)? {
        if total > placed.len() {
            let message = format!("{total} are asked for, and there are {}", placed.len());
            return Err(SeedsError::new("too-many-seeds", "/totalSeeds", message));
        }
        placed.truncate(total);
    }
    if placed.is_empty() {
        return Err(SeedsError::new("empty-seeds", place, "there is no sentence"));
    }
    if placed.len() > MAX_SEEDS {
        let message = format!("there are {}, at most {MAX_SEEDS} are possible", placed.len());
        return Err(SeedsError::new("too-many-seeds", place, message));
    }
    for one in &mut placed {
        one.seed.known = language::named(&one.seed.known, (target, known), &one.place)?;
        sound(&one.seed, &one.place)?;
    }
    all_different(&placed)?;
    Ok(placed.into_iter().map(|one| one.seed).collect())
}

/// A member of the input that is there and not null.
fn given<'a>(input: &'a Value, name: &str) -> Option<&'a Value> {
    input.get(name).filter(|value| !value.is_null())
}

fn total(input: &Value) -> Result<Option<usize>, SeedsError> {
    let Some(value) = given(input, "totalSeeds") else { return Ok(None) };
    let total = value.as_u64().and_then(|total| usize::try_from(total).ok());
    total
        .map(Some)
        .ok_or_else(|| SeedsError::new("invalid-field", "/totalSeeds", "a whole number from 1 is expected"))
}

/// Whether a text can be a sentence of a course.
fn sound(seed: &Seed, place: &str) -> Result<(), SeedsError> {
    for text in [Some(&seed.known), seed.target.as_ref()].into_iter().flatten() {
        sentence(text, place)?;
    }
    Ok(())
}

/// What every sentence has to be, whoever brings it: short enough, with words, on one line.
pub(crate) fn sentence(text: &str, place: &str) -> Result<(), SeedsError> {
    let length = text.chars().count();
    if length > MAX_LEN {
        let message = format!("it has {length} characters, at most {MAX_LEN} are possible");
        return Err(SeedsError::new("seed-too-long", place, message));
    }
    if text.chars().any(char::is_control) {
        let message = "a sentence has no control characters or line breaks";
        return Err(SeedsError::new("invalid-field", place, message));
    }
    if words(text).is_empty() {
        return Err(SeedsError::new("invalid-field", place, format!("'{text}' has no words")));
    }
    Ok(())
}

fn all_different(placed: &[Placed]) -> Result<(), SeedsError> {
    let mut seen: HashMap<String, &str> = HashMap::with_capacity(placed.len());
    for one in placed {
        if let Some(first) = seen.insert(normal(&one.seed.known), &one.place) {
            let message = format!("'{}' stands at {first} and at {}", one.seed.known, one.place);
            return Err(SeedsError::new("duplicate-seed", &one.place, message));
        }
    }
    Ok(())
}

/// All of ours.
fn ours(known: &str) -> Result<Vec<Placed>, SeedsError> {
    if known != "eng" {
        let message = format!("we bring sentences in eng only: for {known} give \"seeds\"");
        return Err(SeedsError::new("unsupported-language", "/courseCode", message));
    }
    let placed = |(at, line): (usize, &str)| Placed {
        seed: Seed { known: line.to_owned(), ..Seed::default() },
        place: format!("eng.txt line {}", at + 1),
    };
    Ok(OURS.lines().enumerate().map(placed).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    const SPANISH: (&str, &str) = ("spa", "eng");

    #[test]
    fn ours_are_there_in_any_number_and_name_the_language() {
        assert_eq!(read(&json!({"totalSeeds": 668}), SPANISH, None).unwrap().len(), 668);
        assert_eq!(read(&json!({}), SPANISH, None).unwrap().len(), 668);
        let ten = read(&json!({"totalSeeds": 10}), ("cat", "eng"), None).unwrap();
        assert_eq!((ten.len(), ten[9].known.as_str()), (10, "I'm going to learn Catalan."));
    }

    #[test]
    fn every_sentence_of_ours_has_one_reviewed_translation_of_its_own() {
        let memory = include_str!("../seeds/memory/eng-spa.tsv");
        let ours = read(&json!({}), SPANISH, None).unwrap();
        let mut targets = BTreeMap::new();
        assert_eq!(memory.lines().count(), 668);
        for (line, seed) in memory.lines().zip(&ours) {
            let (known, target) = line.split_once('\t').unwrap();
            assert_eq!(known, seed.known);
            assert_eq!(targets.insert(normal(target), known), None, "{target} translates two");
            let count = known.split(' ').count();
            assert!((3..=12).contains(&count), "{known}");
            assert_eq!(known.ends_with('?'), target.contains('¿') && target.ends_with('?'), "{line}");
            assert!(known.ends_with(['.', '?']) && target.ends_with(['.', '?']), "{line}");
            assert_eq!(parse::tidied(line), line, "NFC, no blanks around it");
        }
    }

    #[test]
    fn bad_sentences_are_refused_with_their_place() {
        let long = "word ".repeat(100);
        let cases = [
            (json!({"seeds": []}), "empty-seeds", "/seeds"),
            (json!({"totalSeeds": 0}), "empty-seeds", "/totalSeeds"),
            (json!({"totalSeeds": 669}), "too-many-seeds", "/totalSeeds"),
            (json!({"totalSeeds": 3, "seeds": ["One.", "Two."]}), "too-many-seeds", "/totalSeeds"),
            (json!({"totalSeeds": "x"}), "invalid-field", "/totalSeeds"),
            (json!({"totalSeeds": -1}), "invalid-field", "/totalSeeds"),
            (json!({"totalSeeds": 1.5}), "invalid-field", "/totalSeeds"),
            (json!({"seeds": ["Hi there.", "Bye.", "hi there. "]}), "duplicate-seed", "/seeds/2"),
            (json!({"seeds": ["Cafe\u{301}.", "Café."]}), "duplicate-seed", "/seeds/1"),
            (json!({"seeds": [7]}), "invalid-field", "/seeds/0"),
            (json!({"seeds": [{"target": "x"}]}), "invalid-field", "/seeds/0/known"),
            (json!({"seeds": [{"known": "x", "target": 7}]}), "invalid-field", "/seeds/0/target"),
            (json!({"seeds": [{"known": "x", "targte": "y"}]}), "invalid-field", "/seeds/0/targte"),
            (json!({"seeds": ["…"]}), "invalid-field", "/seeds/0"),
            (json!({"seeds": ["two\nlines"]}), "invalid-field", "/seeds/0"),
            (json!({"seeds": [long]}), "seed-too-long", "/seeds/0"),
            (json!({"seeds": "all"}), "invalid-field", "/seeds"),
            (json!({"seeds": vec!["one"; 5_001]}), "too-many-seeds", "/seeds"),
        ];
        for (input, code, place) in cases {
            let error = read(&input, SPANISH, None).unwrap_err();
            assert_eq!((error.code, error.place.as_str()), (code, place), "{error}");
        }
        let both = json!({"seeds": ["One."], "seedsArtifact": "mine.tsv"});
        assert_eq!(artifact_name(&both).unwrap_err().place, "/seedsArtifact");
    }

    #[test]
    fn languages_that_we_have_no_sentences_or_no_name_for_are_said() {
        let error = read(&json!({}), ("eng", "spa"), None).unwrap_err();
        assert_eq!((error.code, error.place.as_str()), ("unsupported-language", "/courseCode"));
        let error = read(&json!({}), ("zzz", "eng"), None).unwrap_err();
        assert_eq!((error.code, error.place.as_str()), ("unsupported-language", "eng.txt line 10"));
        let own = json!({"seeds": [{"known": "Hello.", "target": "Brzkt."}]});
        assert_eq!(read(&own, ("zzz", "eng"), None).unwrap().len(), 1);
    }

    #[test]
    fn a_file_may_bring_translations_and_credits_and_its_lines_are_counted() {
        let file = |bytes| Some(SeedsFile { name: "mine.tsv", bytes });
        let text = "\u{feff}Hello.\r\n\r\nGood day.\tBuenos di\u{301}as.\tTatoeba #7 (CK)\r\n".as_bytes();
        let seeds = read(&json!({}), SPANISH, file(text)).unwrap();
        assert_eq!(seeds[0], Seed { known: "Hello.".to_owned(), ..Seed::default() });
        assert_eq!(seeds[1].target.as_deref(), Some("Buenos días."));
        assert_eq!(seeds[1].attribution.as_deref(), Some("Tatoeba #7 (CK)"));
        let cases: [(&[u8], &str, &str); 5] = [
            (b"Fine.\n\xff\n", "invalid-utf8", "mine.tsv line 2"),
            (b"One.\n\nTwo.\none.\n", "duplicate-seed", "mine.tsv line 4"),
            (b"One.\n\n\xe2\x80\xa6\n", "invalid-field", "mine.tsv line 3"),
            (b"One.\ta\tb\tc\n", "invalid-field", "mine.tsv line 1"),
            (b"\n \n", "empty-seeds", "mine.tsv"),
        ];
        for (bytes, code, place) in cases {
            let error = read(&json!({}), SPANISH, file(bytes)).unwrap_err();
            assert_eq!((error.code, error.place.as_str()), (code, place), "{error}");
        }
        let twice = read(&json!({}), SPANISH, file(b"One.\n\nTwo.\none.\n")).unwrap_err();
        assert!(twice.message.contains("mine.tsv line 1 and at mine.tsv line 4"), "{twice}");
    }
}
