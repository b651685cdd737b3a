//! Sentences out of a JSON list and out of a text.

use serde_json::{Map, Value};
use unicode_normalization::UnicodeNormalization;

use super::{Placed, Seed, SeedsError, SeedsFile};

/// A text as it is kept: NFC, without blanks around it.
pub(super) fn tidied(text: &str) -> String {
    text.trim().nfc().collect()
}

/// Texts, or objects with `known`, and where somebody knows them `target` and `attribution`.
pub(super) fn list(list: &[Value]) -> Result<Vec<Placed>, SeedsError> {
    let placed = |(at, value): (usize, &Value)| {
        let place = format!("/seeds/{at}");
        let seed = match value {
            Value::String(known) => Seed { known: tidied(known), ..Seed::default() },
            Value::Object(fields) => object(fields, &place)?,
            _ => {
                let message = "a text, or an object with known and target, is expected";
                return Err(SeedsError::new("invalid-field", place, message));
            }
        };
        Ok(Placed { seed, place })
    };
    list.iter().enumerate().map(placed).collect()
}

fn object(fields: &Map<String, Value>, place: &str) -> Result<Seed, SeedsError> {
    let mut seed = Seed::default();
    let mut has_known = false;
    for (name, value) in fields {
        let at = || format!("{place}/{name}");
        let Some(text) = value.as_str().map(tidied) else {
            return Err(SeedsError::new("invalid-field", at(), "a text is expected"));
        };
        match name.as_str() {
            "known" => (seed.known, has_known) = (text, true),
            "target" => seed.target = Some(text),
            "attribution" => seed.attribution = Some(text),
            _ => {
                let message = "a sentence has known, target and attribution";
                return Err(SeedsError::new("invalid-field", at(), message));
            }
        }
    }
    if has_known {
        Ok(seed)
    } else {
        Err(SeedsError::new("invalid-field", format!("{place}/known"), "a text is expected"))
    }
}

/// A sentence a line; behind a tab its translation, behind another whom to credit for it. Empty lines are passed over, but
/// counted.
pub(super) fn file(file: SeedsFile<'_>) -> Result<Vec<Placed>, SeedsError> {
    let place = |line: usize| format!("{} line {line}", file.name);
    let text = std::str::from_utf8(file.bytes).map_err(|error| {
        let before = &file.bytes[..error.valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        SeedsError::new("invalid-utf8", place(line), "the text is not UTF-8")
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut all = Vec::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let mut fields = line.split('\t').map(tidied);
        let known = fields.next().unwrap_or_default();
        let mut next = || fields.next().filter(|field| !field.is_empty());
        let (target, attribution) = (next(), next());
        if fields.next().is_some() {
            let message = "a line has three fields: sentence, translation, attribution";
            return Err(SeedsError::new("invalid-field", place(at + 1), message));
        }
        all.push(Placed { seed: Seed { known, target, attribution }, place: place(at + 1) });
    }
    Ok(all)
}
