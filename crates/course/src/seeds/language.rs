//! Languages: what a course code says, and what a language is called in a sentence.

use providers::Language;

use super::SeedsError;

/// What stands in a sentence for the name of the language that is being learned.
const PLACE: &str = "{target}";

/// Target and known language of a course code, as ISO 639-3 codes. Whether anybody can translate between them is not asked.
///
/// # Errors
/// `unsupported-language` where it is no course code.
pub fn languages(course: &str) -> Result<(&str, &str), SeedsError> {
    let code = |text: &str| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_lowercase());
    let found =
        course.split_once("_for_").filter(|(target, known)| code(target) && code(known) && target != known);
    found.ok_or_else(|| {
        let message = format!("'{course}' is not written target_for_known, as spa_for_eng is");
        SeedsError::new("unsupported-language", "/courseCode", message)
    })
}

/// A sentence with `{target}` replaced by the target language's name. Only English sentences can have one: names of
/// languages in other languages bend with their sentence, and we do not guess.
pub(super) fn named(text: &str, (target, known): (&str, &str), place: &str) -> Result<String, SeedsError> {
    if !text.contains(PLACE) {
        return Ok(text.to_owned());
    }
    if known != "eng" {
        let message = format!("{PLACE} is for English sentences: write the language's name");
        return Err(SeedsError::new("invalid-field", place, message));
    }
    let language = Language::find(target)
        .map_err(|error| SeedsError::new("unsupported-language", place, format!("{PLACE}: {error}")))?;
    Ok(text.replace(PLACE, language.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_course_code_names_two_languages() {
        assert_eq!(languages("spa_for_eng"), Ok(("spa", "eng")));
        for bad in
            ["", "spa", "spa_eng", "spa_for_spa", "es_for_en", "SPA_for_eng", "spa_for_eng_2", "../_for_eng"]
        {
            assert_eq!(languages(bad).unwrap_err().code, "unsupported-language", "{bad}");
        }
    }
}
