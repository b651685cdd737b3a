//! The text of a presentation taken apart: what the narrator says, what the target voice says, and where to wait.
//!
//! Two marks belong to the target voice: `{target1}'word'` (or `{target2}'word'`) inside a sentence, and a quoted text
//! after dots, `… 'word'`. The dots are a second of silence, time for the learner to think; a tag inside a sentence
//! gets only a breath.

use crate::model::Role;

/// One thing that is said without interruption.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Piece {
    /// Who says it.
    pub role: Role,
    /// What is said.
    pub text: String,
    /// Silence before it, milliseconds; 0 for the first piece.
    pub pause_ms: usize,
}

/// Silence where the text has dots.
const THINKING_MS: usize = 1_000;
/// Silence around a word of the target voice inside a sentence.
const BREATH_MS: usize = 250;
/// Both ways to write them.
const DOTS: [&str; 2] = ["…", "..."];

/// Takes a text apart. A text without marks is one piece of the narrator. Empty for a text without any word.
#[must_use]
pub fn pieces(text: &str) -> Vec<Piece> {
    let mut reader = Reader { pieces: Vec::new(), narration: String::new(), pause_ms: 0 };
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        if let Some((role, clip, after)) = tagged(rest) {
            reader.clip(role, clip, BREATH_MS);
            rest = after;
        } else if let Some(after) = DOTS.iter().find_map(|dots| rest.strip_prefix(dots)) {
            reader.flush();
            reader.pause(THINKING_MS);
            rest = match quoted(after.trim_start()) {
                Some((clip, after)) => {
                    reader.clip(Role::Target1, clip, THINKING_MS);
                    after
                }
                None => after,
            };
        } else {
            reader.narration.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    reader.flush();
    reader.pieces
}

struct Reader {
    pieces: Vec<Piece>,
    narration: String,
    pause_ms: usize,
}

impl Reader {
    fn pause(&mut self, milliseconds: usize) {
        self.pause_ms = self.pause_ms.max(milliseconds);
    }

    fn clip(&mut self, role: Role, text: &str, pause_ms: usize) {
        self.flush();
        self.pause(pause_ms);
        self.push(role, text.to_owned());
        self.pause(BREATH_MS);
    }

    /// Ends what the narrator was saying; commas and dashes alone are not said.
    fn flush(&mut self) {
        let narration = std::mem::take(&mut self.narration);
        if narration.chars().any(char::is_alphanumeric) {
            let said = narration.trim().trim_start_matches([',', ';', '.', '–', '—', '-']).trim();
            self.push(Role::Presentation, said.to_owned());
        }
    }

    fn push(&mut self, role: Role, text: String) {
        let pause_ms = if self.pieces.is_empty() { 0 } else { self.pause_ms.max(BREATH_MS) };
        self.pieces.push(Piece { role, text, pause_ms });
        self.pause_ms = 0;
    }
}

fn tagged(text: &str) -> Option<(Role, &str, &str)> {
    [("{target1}", Role::Target1), ("{target2}", Role::Target2)].into_iter().find_map(|(tag, role)| {
        let (clip, after) = quoted(text.strip_prefix(tag)?)?;
        Some((role, clip, after))
    })
}

/// Reads `'…'` at the start of `text`. The quote that closes is the first one that no letter and no other quote follows:
/// in `'l'eau'` and `'un po''` the inner ones are apostrophes.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('\'')?;
    let closing = inner.match_indices('\'').map(|(at, _)| at).find(|at| {
        !inner[at + 1..].chars().next().is_some_and(|next| next.is_alphanumeric() || next == '\'')
    })?;
    let clip = inner[..closing].trim();
    (!clip.is_empty()).then_some((clip, &inner[closing + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        let mut out = String::new();
        for piece in pieces(text) {
            out.push_str(&format!("{:>4} {:?}: {}\n", piece.pause_ms, piece.role, piece.text));
        }
        out
    }

    #[test]
    fn narration_dots_and_tags_become_pieces_with_pauses() {
        expect_test::expect![[r#"
               0 Presentation: The Spanish for 'I want to speak', as in 'I want to speak with you', is:
            1000 Target1: quiero hablar
            1000 Target1: quiero hablar
             250 Target1: quiero
             250 Presentation: means I want,
             250 Target1: hablar
             250 Presentation: means to speak
        "#]]
        .assert_eq(&told(
            "The Spanish for 'I want to speak', as in 'I want to speak with you', is: … 'quiero hablar' … \
             'quiero hablar' – {target1}'quiero' means I want, {target1}'hablar' means to speak",
        ));
    }

    #[test]
    fn apostrophes_inside_a_clip_do_not_end_it() {
        expect_test::expect![[r#"
               0 Presentation: The word is:
            1000 Target1: l'eau
             250 Presentation: and
             250 Target2: un po'
             250 Presentation: means a little.
        "#]]
        .assert_eq(&told("The word is: ... 'l'eau', and {target2}'un po'' means a little."));
    }

    #[test]
    fn a_text_without_marks_is_said_as_it_is() {
        assert_eq!(
            pieces("Welcome. It's good."),
            [Piece { role: Role::Presentation, text: "Welcome. It's good.".to_owned(), pause_ms: 0 }]
        );
        assert_eq!(pieces(" – "), []);
    }
}
