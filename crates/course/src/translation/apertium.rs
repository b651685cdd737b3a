//! Machine translation by Apertium, a GPL program that runs as a process of its own: one call for all texts.

use std::{path::Path, process::Stdio};

use tokio::{io::AsyncWriteExt, process::Command};

/// Where Apertium keeps what it can translate.
const MODES: &str = "/usr/share/apertium/modes";
/// ISO 639-3 codes and those that Apertium's pairs use.
const CODES: [(&str, &[&str]); 8] = [
    ("eng", &["eng", "en"]),
    ("spa", &["spa", "es"]),
    ("cat", &["cat", "ca"]),
    ("ita", &["ita", "it"]),
    ("fra", &["fra", "fr"]),
    ("por", &["por", "pt"]),
    ("glg", &["glg", "gl"]),
    ("epo", &["epo", "eo"]),
];

fn codes(language: &str) -> &'static [&'static str] {
    CODES.iter().find(|(code, _)| *code == language).map_or(&[], |(_, codes)| codes)
}

fn direct(known: &str, target: &str) -> Option<String> {
    let pairs =
        codes(known).iter().flat_map(|from| codes(target).iter().map(move |to| format!("{from}-{to}")));
    pairs.into_iter().find(|pair| Path::new(MODES).join(format!("{pair}.mode")).exists())
}

/// The pairs to go through, one after the other: one, or two by way of Spanish.
fn route(known: &str, target: &str) -> Option<Vec<String>> {
    if let Some(pair) = direct(known, target) {
        return Some(vec![pair]);
    }
    Some(vec![direct(known, "spa")?, direct("spa", target)?])
}

/// Apertium, called once for each list of texts.
#[derive(Debug)]
pub struct Apertium;

impl Translator for Apertium {
    fn name(&self) -> Arc<str> {
        "apertium".into()
    }

    fn supports(&self, pair: &LanguagePair) -> bool {
        route(pair.known.code, pair.target.code).is_some()
    }

    fn translate<'a>(
        &'a self,
        texts: &'a [String],
        pair: &'a LanguagePair,
        _cancel: &'a CancellationToken,
    ) -> Answer<'a, Vec<Translation>> {
        Box::pin(async move {
            let (known, target) = (pair.known.code, pair.target.code);
            let route = route(known, target).ok_or_else(|| ProviderError::UnsupportedPair {
                provider: "apertium".to_owned(),
                pair: pair.to_string(),
                supported: Vec::new(),
                hint: format!("apt-get install apertium-{known}-{target}, or give translations with the seeds"),
            })?;
            let mut lines: Vec<String> = texts.iter().map(|text| unmarked(text)).collect();
            for mode in &route {
                lines = call(mode, &lines).await?;
            }
            Ok(texts.iter().zip(lines).map(|(text, line)| judge(text, line.trim(), target)).collect())
        })
    }
}

async fn call(pair: &str, lines: &[String]) -> Result<Vec<String>, ApertiumError> {
    let missing = |error: std::io::Error| ApertiumError::Missing(error.to_string());
    let mut child = Command::new("apertium")
        .args(["-f", "line", pair])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(missing)?;
    let mut input = child.stdin.take().ok_or_else(|| missing(std::io::ErrorKind::BrokenPipe.into()))?;
    let given: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let write = async move { input.write_all(given.as_bytes()).await };
    let (written, output) = tokio::join!(write, child.wait_with_output());
    written.map_err(missing)?;
    let text = String::from_utf8_lossy(&output.map_err(missing)?.stdout).into_owned();
    let answers: Vec<String> = text.lines().map(str::to_owned).collect();
    if answers.len() == lines.len() {
        Ok(answers)
    } else {
        Err(ApertiumError::Incomplete { asked: lines.len(), got: answers.len() })
    }
}

/// A sentence without what ends it, on one line, and without what Apertium takes for marks.
fn bare(text: &str) -> String {
    let text = text.trim().trim_start_matches(['¿', '¡']).trim_end_matches(['.', '!', '?', '…']);
    text.chars().map(|c| if "\\[]{}^$/<>@*#\n".contains(c) { ' ' } else { c }).collect()
}

/// A translation gets the capital and the marks that its sentence has; one with marks of doubt is doubtful.
fn judge(source: &str, line: &str, target: &str) -> Translated {
    let doubts: Vec<&str> = line.split_whitespace().filter(|word| word.contains(['*', '@', '#'])).collect();
    if !doubts.is_empty() || line.is_empty() {
        let reason = match doubts.as_slice() {
            [] => "nothing came out".to_owned(),
            doubts => format!("not translated: {}", doubts.join(", ")),
        };
        return Translated::Doubtful { candidate: line.to_owned(), reason };
    }
    // English words that pass unchanged for lack of a better one, such as a lone I.
    if line.split_whitespace().any(|word| word == "I") {
        let reason = "the English I was left in it".to_owned();
        return Translated::Doubtful { candidate: line.to_owned(), reason };
    }
    let line = line.trim_matches(['¿', '?', '¡', '!', '.', ' ']);
    let mut letters = line.chars();
    let capital: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    let end = source.trim().chars().last().filter(|c| ".!?".contains(*c));
    let opened = target == "spa" || target == "glg";
    Translated::Done(match end {
        Some('?') if opened => format!("¿{capital}?"),
        Some('!') if opened => format!("¡{capital}!"),
        Some(end) => format!("{capital}{end}"),
        None => capital,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn simple_sentences_are_translated_and_unknown_words_are_doubted() {
        let texts =
            ["I want to eat with my family.", "Do you want to drink water?", "The blorfing is frumious."];
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        let made = translate(&texts, "eng", "spa").await.expect("apt-get install apertium-eng-spa");
        assert_eq!(made[0], Translated::Done("Quiero comer con mi familia.".to_owned()));
        assert!(
            matches!(&made[1], Translated::Done(text) if text.starts_with('¿') && text.ends_with('?')),
            "{made:?}"
        );
        assert!(
            matches!(&made[2], Translated::Doubtful { reason, .. } if reason.contains("blorfing")),
            "{made:?}"
        );
    }

    #[tokio::test]
    async fn a_pair_that_is_not_there_is_a_clear_error() {
        let error = translate(&["Hello.".to_owned()], "eng", "cym").await.unwrap_err();
        assert!(matches!(error, ApertiumError::NoPair { .. }), "{error}");
    }
}
