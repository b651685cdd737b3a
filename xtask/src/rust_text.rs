//! Rust text taken apart into code, comments and strings, line by line.
//!
//! Enough of a lexer for the checks: a word in a string is no call, a call in a comment is no code. It never fails; text that
//! is not Rust gives strange lines, and the compiler will say so.

/// The three layers of a file. Each has as many lines as the file; what belongs to another layer is blank.
pub(crate) struct RustText {
    /// Code, with comments gone and the insides of strings gone (the quotes stay).
    pub(crate) code: Vec<String>,
    /// Comments, with their `//`.
    pub(crate) comments: Vec<String>,
    /// The insides of string literals.
    pub(crate) strings: Vec<String>,
    /// First line (from 0) of test code at the file's end (`#[cfg(test)] mod …`), or the number of lines.
    pub(crate) tests_from: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Code,
    LineComment,
    BlockComment(u32),
    Text,
    RawText(usize),
}

impl RustText {
    pub(crate) fn of(text: &str) -> Self {
        let mut layers = Layers::default();
        let mut state = State::Code;
        for line in text.lines() {
            layers.new_line();
            if state == State::LineComment {
                state = State::Code;
            }
            state = scan_line(line, state, &mut layers);
        }
        let tests_from = find_tests(&layers.code);
        Self { code: layers.code, comments: layers.comments, strings: layers.strings, tests_from }
    }

    /// Lines (from 1) with their code.
    pub(crate) fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code.iter().enumerate().map(|(index, line)| (index + 1, line.as_str()))
    }

    /// Lines (from 1) with their code, without the tests at the end.
    pub(crate) fn product_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code_lines().take(self.tests_from)
    }
}

#[derive(Default)]
struct Layers {
    code: Vec<String>,
    comments: Vec<String>,
    strings: Vec<String>,
}

impl Layers {
    fn new_line(&mut self) {
        self.code.push(String::new());
        self.comments.push(String::new());
        self.strings.push(String::new());
    }

    fn push(&mut self, state: State, character: char) {
        let layer = match state {
            State::Code => &mut self.code,
            State::LineComment | State::BlockComment(_) => &mut self.comments,
            State::Text | State::RawText(_) => &mut self.strings,
        };
        if let Some(line) = layer.last_mut() {
            line.push(character);
        }
    }
}

fn scan_line(line: &str, mut state: State, layers: &mut Layers) -> State {
    let characters: Vec<char> = line.chars().collect();
    let mut at = 0;
    while at < characters.len() {
        let rest = &characters[at..];
        let (taken, next) = match state {
            State::Code => scan_code(rest, characters[..at].last().copied(), layers),
            State::LineComment => (1, state),
            State::BlockComment(depth) => scan_block_comment(rest, depth),
            State::Text if rest[0] == '\\' => (2, state),
            State::Text if rest[0] == '"' => (1, State::Code),
            State::Text => (1, state),
            State::RawText(hashes) => scan_raw_text(rest, hashes),
        };
        let layer = if state == State::Code { next } else { state };
        for character in rest.iter().take(taken) {
            let quote = *character == '"' && (next == State::Code) != (state == State::Code);
            layers.push(if quote { State::Code } else { layer }, *character);
        }
        state = next;
        at += taken;
    }
    if state == State::Text {
        layers.push(state, ' ');
    }
    state
}

/// One piece of code: how many characters it takes and what follows it.
fn scan_code(rest: &[char], before: Option<char>, layers: &mut Layers) -> (usize, State) {
    let starts = |text: &str| text.chars().zip(rest).filter(|(a, b)| a == *b).count() == text.len();
    if starts("//") {
        return (2, State::LineComment);
    }
    if starts("/*") {
        return (2, State::BlockComment(1));
    }
    if rest[0] == '"' {
        return (1, State::Text);
    }
    if rest[0] == '\'' {
        return (character_literal(rest), State::Code);
    }
    let in_word = before.is_some_and(|character| character.is_alphanumeric() || character == '_');
    if !in_word && (rest[0] == 'r' || starts("br")) {
        let prefix = if rest[0] == 'r' { 1 } else { 2 };
        let hashes = rest[prefix..].iter().take_while(|character| **character == '#').count();
        if rest.get(prefix + hashes) == Some(&'"') {
            layers.push(State::Code, 'r');
            return (prefix + hashes + 1, State::RawText(hashes));
        }
    }
    (1, State::Code)
}

/// Length of a character literal, or 1 for the tick of a lifetime.
fn character_literal(rest: &[char]) -> usize {
    match rest {
        ['\'', '\\', _, tail @ ..] => 4 + tail.iter().take_while(|character| **character != '\'').count(),
        ['\'', _, '\'', ..] => 3,
        _ => 1,
    }
}

fn scan_block_comment(rest: &[char], depth: u32) -> (usize, State) {
    match rest {
        ['*', '/', ..] if depth == 1 => (2, State::Code),
        ['*', '/', ..] => (2, State::BlockComment(depth - 1)),
        ['/', '*', ..] => (2, State::BlockComment(depth + 1)),
        _ => (1, State::BlockComment(depth)),
    }
}

fn scan_raw_text(rest: &[char], hashes: usize) -> (usize, State) {
    let closes = rest[0] == '"' && rest[1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes;
    if closes { (1 + hashes, State::Code) } else { (1, State::RawText(hashes)) }
}

/// The first line (from 0) of `#[cfg(test)]` directly above a module with a body.
fn find_tests(code: &[String]) -> usize {
    for (index, line) in code.iter().enumerate() {
        if line.trim_start().starts_with("#[cfg(test)]") {
            let opens = code[index..].iter().take(4).any(|next| next.contains("mod ") && next.contains('{'));
            if opens {
                return index;
            }
        }
    }
    code.len()
}

#[cfg(test)]
mod tests {
    use super::RustText;

    #[test]
    fn strings_and_comments_are_not_code() {
        let text = RustText::of("let a = \"sleep(\"; // sleep(1)\nlet b = r#\"x \"sleep\" \"#; c();");
        assert_eq!(text.code[0], "let a = \"\"; ");
        assert_eq!(text.comments[0], "// sleep(1)");
        assert_eq!(text.strings[0], "sleep(");
        assert!(text.code[1].ends_with("; c();") && !text.code[1].contains("sleep"), "{}", text.code[1]);
    }

    #[test]
    fn a_string_or_comment_goes_on_over_lines() {
        let text = RustText::of("let a = \"one\n two\"; f();\n/* x\n /* y */ z */ g();");
        assert_eq!(text.strings[1], " two");
        assert_eq!(text.code[1], "\"; f();");
        assert_eq!(text.code[3].trim(), "g();");
    }

    #[test]
    fn ticks_of_lifetimes_and_characters_are_told_apart() {
        let text = RustText::of("fn f<'a>(x: &'a str) { x.find('\"'); x.find('\\''); done() } // end");
        assert!(text.code[0].contains("done()"), "{}", text.code[0]);
        assert_eq!(text.comments[0], "// end");
    }

    #[test]
    fn tests_at_the_end_are_found() {
        let text = RustText::of("fn f() {}\n\n#[cfg(test)]\nmod tests {\n}\n");
        assert_eq!(text.tests_from, 2);
        assert_eq!(RustText::of("fn f() {}\n#[cfg(test)]\nmod tests;\n").tests_from, 3);
    }
}
