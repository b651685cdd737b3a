//! Names into sentences: `is_empty` says whether it is empty, `parse_manifest` parses the manifest.

use super::verbs::is_verb;
use crate::{
    analysis::components::Kind,
    documenter::assignment::{Facts, Member},
    records::documented::LONGEST_SUMMARY,
};

/// The first sentence of a text, in one line, at most [`LONGEST_SUMMARY`] characters.
pub(in crate::documenter) fn first_sentence(text: &str) -> String {
    let paragraph: Vec<&str> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    let line = paragraph.join(" ");
    let ends = line.match_indices(['.', '!', '?']).map(|(at, _)| at + 1);
    let is_end = |at: &usize| {
        let before = &line[..*at];
        line[*at..].starts_with(' ')
            && !["e.g.", "i.e.", "etc.", "vs."].iter().any(|one| before.ends_with(one))
    };
    let end = ends.clone().find(is_end).unwrap_or(line.len());
    shortened(line[..end].trim())
}

/// What is left of a text after its first sentence, paragraphs apart.
pub(super) fn after_first(text: &str) -> String {
    let mut paragraphs = text.split("\n\n").map(|one| one.split_whitespace().collect::<Vec<_>>().join(" "));
    let first = paragraphs.next().unwrap_or_default();
    let rest = first.strip_prefix(&first_sentence(&first)).unwrap_or_default().trim().to_owned();
    let all = std::iter::once(rest).chain(paragraphs).filter(|one| !one.is_empty());
    all.collect::<Vec<_>>().join("\n\n")
}

/// Cut at a word.
pub(in crate::documenter) fn shortened(text: &str) -> String {
    if text.chars().count() <= LONGEST_SUMMARY {
        return text.to_owned();
    }
    let cut: String = text.chars().take(LONGEST_SUMMARY - 1).collect();
    let end = cut.rfind(' ').unwrap_or(cut.len());
    format!("{}…", cut[..end].trim_end_matches([',', ';', ' ']))
}

/// The words of a name: `parseHTTPHeader_2` is parse, http, header, 2.
pub(in crate::documenter) fn words_of(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let (mut words, mut word) = (Vec::new(), String::new());
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| letters[before]);
        let next_is_small = letters.get(at + 1).is_some_and(|next| next.is_lowercase());
        let begins = letter.is_uppercase()
            && before.is_some_and(|one| one.is_lowercase() || one.is_uppercase() && next_is_small);
        if (begins || !letter.is_alphanumeric()) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if letter.is_alphanumeric() {
            word.extend(letter.to_lowercase());
        }
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    words
}

/// `a`, `b` and `c`.
pub(in crate::documenter) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match names.split_last() {
        None => String::new(),
        Some((one, [])) => one.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

/// What a component is, by its name alone.
pub(super) fn summary_of(facts: &Facts, members: &[Member]) -> String {
    let name = facts.last_name();
    let text = match facts.kind {
        kind @ (Kind::Function | Kind::Method) => called(facts, name, kind),
        Kind::Module => match members.is_empty() {
            true => format!("The module `{name}`."),
            false => format!("The module `{name}` with {}.", listed(first_names(members))),
        },
        kind => {
            let what = match kind {
                Kind::Struct => "struct",
                Kind::Enum => "enumeration",
                Kind::Trait => "trait",
                Kind::Interface => "interface",
                _ => "class",
            };
            match members.is_empty() {
                true => format!("The {what} `{name}`: {}.", words_of(name).join(" ")),
                false => format!("The {what} `{name}` with {}.", listed(first_names(members))),
            }
        }
    };
    shortened(&text)
}

fn first_names(members: &[Member]) -> impl Iterator<Item = &str> {
    members.iter().map(|one| &*one.name).take(5)
}

fn called(facts: &Facts, name: &str, kind: Kind) -> String {
    let words = words_of(name);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let owner = facts.name.rsplit('.').nth(1).unwrap_or("value");
    match words.as_slice() {
        ["new" | "init" | "constructor"] => format!("Makes a `{owner}`."),
        [..] if name == owner && kind == Kind::Method => format!("Makes a `{owner}`."),
        [_] if name.starts_with("__") => format!("Does what `{name}` stands for, on a `{owner}`."),
        ["main"] => "Starts the program.".to_owned(),
        ["is" | "has" | "can" | "should" | "are", rest @ ..] if !rest.is_empty() => {
            format!("Says whether it {} {}.", words[0], rest.join(" "))
        }
        ["from", rest @ ..] if !rest.is_empty() => format!("Makes it from {}.", rest.join(" ")),
        ["to" | "into" | "as", rest @ ..] if !rest.is_empty() => format!("Turns it into {}.", rest.join(" ")),
        ["with", rest @ ..] if !rest.is_empty() => format!("Gives it back with {}.", rest.join(" ")),
        ["test", rest @ ..] if !rest.is_empty() => format!("Tests {}.", rest.join(" ")),
        ["get", rest @ ..] if !rest.is_empty() => format!("Returns the {}.", rest.join(" ")),
        ["set", rest @ ..] if !rest.is_empty() => format!("Sets the {}.", rest.join(" ")),
        ["on", rest @ ..] if !rest.is_empty() => format!("Does what follows on {}.", rest.join(" ")),
        ["try", "from"] => "Makes it from a value, or says why not.".to_owned(),
        ["try", rest @ ..] if !rest.is_empty() => format!("Tries to {}.", rest.join(" ")),
        [verb, rest @ ..] if !rest.is_empty() && is_verb(verb) => {
            format!("{} {}.", third_person(verb), rest.join(" "))
        }
        [verb] if is_verb(verb) && kind == Kind::Method => format!("{} a `{owner}`.", third_person(verb)),
        [verb] if is_verb(verb) => format!("{} what it is given.", third_person(verb)),
        [_, ..] if facts.returns.is_some() => format!("Returns the {}.", words.join(" ")),
        [_, ..] => format!("{}.", capital(&words.join(" "))),
        _ => format!("The function `{name}`."),
    }
}

/// With a great first letter.
pub(in crate::documenter) fn capital(words: &str) -> String {
    let mut letters = words.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}", letters.as_str())
}

/// `parse` is Parses, `push` Pushes, `apply` Applies.
fn third_person(verb: &str) -> String {
    let verb = capital(verb);
    if verb.ends_with("ss") || ["sh", "ch", "x", "z", "o"].iter().any(|end| verb.ends_with(end)) {
        return format!("{verb}es");
    }
    match verb.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{stem}ies"),
        _ if verb.ends_with('s') => verb,
        _ => format!("{verb}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_words() {
        assert_eq!(words_of("parseHTTPHeader_2"), ["parse", "http", "header", "2"]);
        assert_eq!(words_of("__init__"), ["init"]);
        assert_eq!(third_person("apply"), "Applies");
        assert_eq!(third_person("push"), "Pushes");
        assert_eq!(third_person("play"), "Plays");
    }

    #[test]
    fn a_summary_is_one_sentence_of_at_most_two_hundred_letters() {
        assert_eq!(
            first_sentence("Reads it, e.g. from a file.\nThen more. And more."),
            "Reads it, e.g. from a file."
        );
        assert_eq!(after_first("One. Two.\n\nThree\nfour."), "Two.\n\nThree four.");
        let long = first_sentence(&"word ".repeat(100));
        assert!(long.chars().count() <= LONGEST_SUMMARY && long.ends_with("word…"), "{long}");
    }
}
