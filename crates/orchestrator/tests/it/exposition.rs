//! A strict reader of Prometheus' text form: what it does not understand fails the test.

use std::collections::{BTreeMap, BTreeSet};

/// All samples of a scrape, by name and labels as written.
#[derive(Debug)]
pub(crate) struct Scrape {
    /// Kind by family.
    pub(crate) families: BTreeMap<String, String>,
    samples: BTreeMap<String, f64>,
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The labels of a sample, in order.
fn labels(text: &str) -> Vec<(String, String)> {
    let mut rest = text;
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").expect("a label has a value in quotes");
        assert!(is_name(name), "'{name}' is no label");
        let mut value = String::new();
        let mut chars = after.char_indices();
        let end = loop {
            match chars.next().expect("a value ends") {
                (at, '"') => break at,
                (_, '\\') => match chars.next().expect("something is escaped").1 {
                    'n' => value.push('\n'),
                    c @ ('\\' | '"') => value.push(c),
                    c => panic!("\\{c} is no escape"),
                },
                (_, c) => value.push(c),
            }
        };
        found.push((name.to_owned(), value));
        rest = &after[end + 1..];
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
    found
}

impl Scrape {
    pub(crate) fn parse(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line has an end");
        let (mut families, mut helped, mut samples) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        let mut current = String::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').expect("a help text");
                assert!(is_name(name) && !help.is_empty() && helped.insert(name.to_owned()), "{line}");
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("a type");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert!(helped.contains(name), "{name} has no help");
                assert!(families.insert(name.to_owned(), kind.to_owned()).is_none(), "{name} comes twice");
                name.clone_into(&mut current);
            } else {
                let (key, value) = line.rsplit_once(' ').expect("a value");
                let (name, inside) = match key.split_once('{') {
                    Some((name, rest)) => (name, rest.strip_suffix('}').expect("an end of the labels")),
                    None => (key, ""),
                };
                let is_histogram = families[&current] == "histogram";
                let family = match is_histogram {
                    true => ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)),
                    false => Some(name),
                };
                assert_eq!(family, Some(&*current), "{line} stands below another family");
                let labels = labels(inside);
                let distinct: BTreeSet<&String> = labels.iter().map(|(name, _)| name).collect();
                assert_eq!(distinct.len(), labels.len(), "{line} has a label twice");
                let value: f64 = value.parse().expect("a number");
                assert!(value >= 0.0 && value.is_finite(), "{line}");
                assert!(samples.insert(key.to_owned(), value).is_none(), "{line} comes twice");
            }
        }
        Self { families, samples }
    }

    /// One sample, as `name{label="value"}`.
    pub(crate) fn get(&self, key: &str) -> f64 {
        *self.samples.get(key).unwrap_or_else(|| panic!("there is no {key}"))
    }

    /// All samples of a name.
    pub(crate) fn sum(&self, name: &str) -> f64 {
        let of = |key: &str| key.split('{').next() == Some(name);
        self.samples.iter().filter(|(key, _)| of(key)).map(|(_, value)| value).sum()
    }
}
