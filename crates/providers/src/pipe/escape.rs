//! What Apertium's stream format keeps for itself is escaped on the way in and restored on the way out.

/// Characters with a meaning in the stream.
const RESERVED: [char; 11] = ['\\', '[', ']', '{', '}', '^', '$', '/', '<', '>', '@'];

/// Returns a text as it may be sent: one line, no null, reserved characters escaped.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        if letter.is_control() {
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

/// Returns a text as a person reads it.
pub(crate) fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => plain.extend(letters.next()),
            letter => plain.push(letter),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_reserved_comes_back_as_it_was() {
        let text = r"a\b [c] {d} ^e$ 1/2 <f> g@h";
        assert!(escape("<f>").starts_with(r"\<f\>"));
        assert_eq!(unescape(&escape(text)), text);
    }

    #[test]
    fn a_null_or_a_line_break_cannot_end_a_request_early() {
        assert_eq!(escape("a\0b\nc"), "a b c");
    }
}
