//! What the TOML reader says, in the words of pipelines, and what to do about it.
//!
//! The reader's messages are texts made for Rust programmers ("expected struct RawRetry"). Those that are known are taken
//! apart here; one that is not is passed on as it is, with a hint that always holds.

/// A message and what to do about it.
pub(super) type Said = (String, String);

/// Says it again for people.
pub(super) fn for_people(message: &str) -> Said {
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let (first, others) = match quoted.split_first() {
        Some((first, others)) => (*first, others),
        None => ("", &[][..]),
    };
    if message.starts_with("unknown field") {
        return (format!("there is no setting '{first}' here"), choose(first, others));
    }
    if message.starts_with("unknown variant") {
        return (format!("'{first}' is not possible here"), choose(first, others));
    }
    if message.starts_with("missing field") {
        return (format!("'{first}' is missing"), example(first));
    }
    if let Some((found, wanted)) = wrong_type(message) {
        return (format!("here belongs {}, not {}", kind(wanted), found_kind(found)), type_hint(wanted));
    }
    if message.starts_with("duplicate key") {
        return ("this setting is there twice".to_owned(), "remove one of the two".to_owned());
    }
    if message.starts_with("data did not match") {
        let hint = "a text, a number, or a table such as { goto = \"manifest\" }".to_owned();
        return ("this setting has another form".to_owned(), hint);
    }
    (
        message.replace('\n', " "),
        "this is not TOML: texts are in quotes, lists in [ ], tables in { }".to_owned(),
    )
}

/// Of names that are known, the one that was meant; else all.
fn choose(meant: &str, known: &[&str]) -> String {
    match nearest(meant, known.iter().copied()) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("possible are {}", known.join(", ")),
    }
}

/// The name that looks most like the one given, if any does: at most a third of its letters are other ones.
pub(super) fn nearest<'a>(meant: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let meant: Vec<char> = meant.chars().take(80).collect();
    let near = known.map(|name| (distance(&meant, &name.chars().collect::<Vec<_>>()), name)).min()?;
    let beginning = near.1.chars().zip(&meant).take_while(|(a, b)| a == *b).count();
    let alike = near.0 <= (meant.len() / 3).max(1) && near.0 < meant.len();
    (alike || beginning >= 4.max(meant.len())).then_some(near.1)
}

/// How many letters must be put in, taken out or changed to make one word the other.
fn distance(one: &[char], other: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (number, a) in one.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = number + 1;
        for (place, b) in other.iter().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[place + 1];
            row[place + 1] = changed.min(diagonal + 1).min(row[place] + 1);
        }
    }
    row[other.len()]
}

/// What a setting that must be there looks like.
fn example(setting: &str) -> String {
    let example = match setting {
        "name" => "name = \"course\"",
        "id" => "id = \"manifest\"",
        "max" => "max = 5: a loop ends after so many turns, whatever happens",
        "timeout" => "timeout = \"48h\": nothing waits for ever",
        "signal" => "signal = \"approve\"",
        "over" => "over = \"extraction.output.batches\": the list that gives the items",
        "until" => "until = \"compare.output.converged\"",
        "phases" => "phases = [\"draft\", \"review\"]",
        "failures" => "failures = 3",
        "window" => "window = \"1h\"",
        "key" => "key = \"input.session\"",
        "every" => "every = \"2s\"",
        "cron" => "cron = \"0 3 * * *\"",
        _ => return format!("add {setting} = …"),
    };
    format!("write {example}")
}

fn wrong_type(message: &str) -> Option<(&str, &str)> {
    let rest = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "))?;
    rest.rsplit_once(", expected ")
}

/// A type of the reader's, as people call it.
fn kind(wanted: &str) -> &str {
    match wanted {
        "a sequence" => "a list",
        "u32" => "a whole number, 0 or more",
        "f64" => "a number",
        "a boolean" => "true or false",
        "a string" => "a text",
        other if other.starts_with("struct ") => "a table",
        other if other.starts_with("enum ") => "one of a few words",
        other => other,
    }
}

fn found_kind(found: &str) -> String {
    let words = [
        ("string", "the text"),
        ("integer", "the number"),
        ("floating point", "the number"),
        ("boolean", ""),
    ];
    for (reader, people) in words {
        if let Some(value) = found.strip_prefix(reader) {
            return format!("{people} {}", value.trim().replace('`', "")).trim().to_owned();
        }
    }
    match found {
        "map" => "a table".to_owned(),
        "sequence" => "a list".to_owned(),
        other => other.replace('`', ""),
    }
}

fn type_hint(wanted: &str) -> String {
    let hint = match wanted {
        "a sequence" => "lists are in brackets: after = [\"extraction\"], and phases under [[phase]]",
        "u32" | "f64" => "numbers have no quotes: max = 5",
        "a boolean" => "without quotes: memo = true",
        "a string" => "texts are in quotes: timeout = \"2h\"",
        other if other.contains("RawRetry") => "write retry = { attempts = 3 }",
        other if other.contains("RawMap") => "write map = { over = \"extraction.output.batches\" }",
        other if other.contains("RawWait") => "write wait = { signal = \"approve\", timeout = \"48h\" }",
        other if other.contains("RawBreaker") => "write breaker = { failures = 3, window = \"1h\" }",
        other if other.contains("RawCoalesce") => {
            "write coalesce = { key = \"input.session\", every = \"2s\" }"
        }
        other if other.starts_with("struct ") => "tables are in braces, or under a heading such as [[phase]]",
        _ => "see the example pipelines in pipelines/",
    };
    hint.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_nearly_right_is_recognised() {
        let known = ["timeout", "heartbeat", "retry", "extraction"];
        for (meant, near) in [("heartbeet", "heartbeat"), ("retrys", "retry"), ("extractoin", "extraction")] {
            assert_eq!(nearest(meant, known.into_iter()), Some(near), "{meant}");
        }
        for meant in ["manifest", "x", ""] {
            assert_eq!(nearest(meant, known.into_iter()), None, "{meant}");
        }
    }
}
