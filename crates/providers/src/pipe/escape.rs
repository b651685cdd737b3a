//! What Apertium's stream format keeps for itself is escaped on the way in and restored on the way out.

/// Characters with a meaning in the stream.
const RESERVED: [char; 11] = ['\\', '[', ']', '{', '}', '^', '$', '/', '<', '>', '@'];
/// What stands before a word that was not understood: not in the dictionary, without a translation, without a form.
const MARKS: [char; 3] = ['*', '@', '#'];

/// Returns a text as it may be sent: one line, no null, reserved characters escaped. `*` and `#` have no escape in the
/// stream and become blanks, so that those in an answer are marks.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        if letter.is_control() || letter == '*' || letter == '#' {
            escaped.push(' ');
            continue;
        }
        if RESERVED.contains(&letter) {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

/// Returns a text as a person reads it, without what was bracketed for the programs alone.
pub(crate) fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    let mut bracketed = false;
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => {
                let escaped = letters.next();
                if !bracketed {
                    plain.extend(escaped);
                }
            }
            '[' => bracketed = true,
            ']' => bracketed = false,
            letter if !bracketed => plain.push(letter),
            _ => {}
        }
    }
    plain
}

/// Returns the words of an answer, still escaped, that carry a mark of not being understood.
pub(crate) fn marked(answer: &str) -> Vec<String> {
    let is_marked = |word: &&str| {
        let mut before = ' ';
        word.chars().any(|letter| {
            let mark = MARKS.contains(&letter) && before != '\\';
            before = letter;
            mark
        })
    };
    answer.split_whitespace().filter(is_marked).map(unescape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_reserved_comes_back_as_it_was() {
        let text = r"a\b [c] {d} ^e$ 1/2 <f> g@h";
        assert!(escape("<f>").starts_with(r"\<f\>"));
        assert_eq!(unescape(&escape(text)), text);
        assert_eq!(unescape("uno.[][\n]"), "uno.");
    }

    #[test]
    fn a_null_or_a_line_break_cannot_end_a_request_early() {
        assert_eq!(escape("a\0b\nc"), "a b c");
    }

    #[test]
    fn marks_are_told_from_the_same_letters_of_the_text() {
        assert_eq!(marked(r"El *blorfing y @ser #estar"), ["*blorfing", "@ser", "#estar"]);
        assert!(marked(&escape("a@b, 50 *5* #1")).is_empty());
    }
}
