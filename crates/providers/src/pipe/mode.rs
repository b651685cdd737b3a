//! Reads a `.mode` file, the shell line by which Apertium runs a pair, into the programs of a pipe. Never given to a shell.

/// Programs that know `-z`: answer at a null instead of at the end of the input.
const FLUSHING: [&str; 14] = [
    "apertium-anaphora",
    "apertium-interchunk",
    "apertium-postchunk",
    "apertium-posttransfer",
    "apertium-pretransfer",
    "apertium-tagger",
    "apertium-transfer",
    "cg-proc",
    "lrx-proc",
    "lsx-proc",
    "lt-proc",
    "lt-tmxproc",
    "rtx-proc",
    "hfst-proc",
];

/// Why a mode cannot be kept running.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnusableMode {
    /// A program that does not answer at a null.
    #[error("{0:?} cannot be kept running")]
    Program(String),
    /// An open quote.
    #[error("a quote is not closed")]
    OpenQuote,
    /// Nothing in it.
    #[error("it has no programs")]
    Empty,
}

/// Returns the programs of a mode with their arguments: each flushes at a null, and marks of doubt (`*`, `@`, `#`) stay.
///
/// # Errors
/// [`UnusableMode`], where only a process for each call will do.
pub(crate) fn programs(mode: &str) -> Result<Vec<Vec<String>>, UnusableMode> {
    let mut programs = Vec::new();
    for words in split(mode)? {
        let Some((program, arguments)) = words.split_first() else { return Err(UnusableMode::Empty) };
        let name = program.rsplit('/').next().unwrap_or(program);
        if !FLUSHING.contains(&name) {
            return Err(UnusableMode::Program(program.clone()));
        }
        let mut line = vec![program.clone(), "-z".to_owned()];
        // `$1` is how words are put into form, `-g` keeps marks; `$2` is an option for tracing.
        line.extend(
            arguments
                .iter()
                .filter(|argument| *argument != "$2")
                .map(|argument| if argument == "$1" { "-g".to_owned() } else { argument.clone() }),
        );
        programs.push(line);
    }
    if programs.is_empty() { Err(UnusableMode::Empty) } else { Ok(programs) }
}

/// Words between pipes, as a shell takes quotes.
fn split(line: &str) -> Result<Vec<Vec<String>>, UnusableMode> {
    let (mut programs, mut words, mut word) = (Vec::new(), Vec::new(), None::<String>);
    let mut quote = None;
    for letter in line.trim().chars() {
        match (quote, letter) {
            (Some(open), letter) if letter == open => quote = None,
            (Some(_), letter) => word.get_or_insert_default().push(letter),
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, '|') => {
                words.extend(word.take());
                programs.push(std::mem::take(&mut words));
            }
            (None, letter) if letter.is_whitespace() => words.extend(word.take()),
            (None, letter) => word.get_or_insert_default().push(letter),
        }
    }
    if quote.is_some() {
        return Err(UnusableMode::OpenQuote);
    }
    words.extend(word);
    if !words.is_empty() || !programs.is_empty() {
        programs.push(words);
    }
    Ok(programs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_flushes_and_marks_are_kept() {
        let mode = "lt-proc '/a b/x.bin' | apertium-tagger -g $2 '/p.prob' | lt-proc $1 '/g.bin'\n";
        let got = programs(mode).expect("usable");
        assert_eq!(got[0], ["lt-proc", "-z", "/a b/x.bin"]);
        assert_eq!(got[1], ["apertium-tagger", "-z", "-g", "/p.prob"]);
        assert_eq!(got[2], ["lt-proc", "-z", "-g", "/g.bin"]);
    }

    #[test]
    fn a_program_that_does_not_flush_is_named() {
        assert_eq!(programs("lt-proc 'a' | sed 's/x/y/'"), Err(UnusableMode::Program("sed".to_owned())));
        assert_eq!(programs(" \n"), Err(UnusableMode::Empty));
        assert_eq!(programs("lt-proc 'a"), Err(UnusableMode::OpenQuote));
        assert_eq!(programs("lt-proc a | "), Err(UnusableMode::Empty));
    }
}
