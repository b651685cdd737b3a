//! A sentence as Apertium likes it, and what comes out as a sentence again: its capital, its marks.

/// Takes a text apart after `?` and `!`: each part has its own opening mark in Spanish. Not after a full stop, which may
/// belong to an abbreviation.
pub(super) fn parts(text: &str) -> Vec<&str> {
    let text = text.trim();
    let mut parts = Vec::new();
    let mut start = 0;
    let mut ended = false;
    for (at, letter) in text.char_indices() {
        if ended && letter.is_whitespace() {
            parts.push(text[start..at].trim());
            start = at;
        }
        ended = matches!(letter, '?' | '!');
    }
    parts.push(text[start..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}

/// A part without the marks around it.
pub(super) fn bare(part: &str) -> &str {
    part.trim().trim_start_matches(['¿', '¡']).trim_end_matches(['.', '!', '?', '…', ' '])
}

/// The mark that ends a part; none where there is none.
pub(super) fn end(part: &str) -> Option<char> {
    part.trim().chars().last().filter(|letter| ".!?…".contains(*letter))
}

/// Gives what came out for a part the capital and the marks that the part has.
pub(super) fn dressed(part: &str, came: &str, target: &str) -> String {
    let came: Vec<&str> = came.split_whitespace().collect();
    let came = came.join(" ");
    let came = came.trim_matches(['¿', '?', '¡', '!', '.', '…', ' ']);
    let is_capital = bare(part).chars().next().is_some_and(char::is_uppercase);
    let mut letters = came.chars();
    let first = letters.next().into_iter();
    let first: String =
        if is_capital { first.flat_map(char::to_uppercase).collect() } else { first.collect() };
    let opened = matches!(target, "spa" | "glg" | "ast");
    let (open, close) = match end(part) {
        Some('?') if opened => ("¿", "?".to_owned()),
        Some('!') if opened => ("¡", "!".to_owned()),
        close => ("", close.map(String::from).unwrap_or_default()),
    };
    format!("{open}{first}{}{close}", letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_and_calls_stand_alone_and_abbreviations_do_not() {
        assert_eq!(parts(" Hello! Do you know Mr. Smith? "), ["Hello!", "Do you know Mr. Smith?"]);
        assert_eq!(parts("What?! No."), ["What?!", "No."]);
        assert!(parts("  ").is_empty());
    }

    #[test]
    fn a_sentence_gets_its_capital_and_its_marks_back() {
        assert_eq!(dressed("Do you eat?", "  comes.", "spa"), "¿Comes?");
        assert_eq!(dressed("Do you eat?", "manges?", "fra"), "Manges?");
        assert_eq!(dressed("¿Comes?", "¿mangi?", "ita"), "Mangi?");
        assert_eq!(dressed("a house", "Una  casa.", "spa"), "Una casa");
        assert_eq!(dressed("If I were…", "si fuera.", "spa"), "Si fuera…");
    }
}
