//! What a signature settles: which parameters there are, their types and defaults, whether something comes out.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    field::Field,
    look::{Differs, Look, absent},
    prose::names,
};
use crate::{
    analysis::components::Parameter,
    records::{
        Stream,
        compared::{BlockingType, DiscrepancyType, Severity},
        documented::{Entry, ParameterDoc, ReturnsDoc},
    },
};

/// Types that say that nothing comes out.
const NOTHING: [&str; 7] = ["", "()", "void", "None", "undefined", "never", "!"];

/// Finds where the streams and the signature differ.
pub(super) fn compare(look: &mut Look<'_>) {
    let signature = look.around.truth.parameters(&look.component.id);
    let claimed: BTreeSet<String> = look
        .said()
        .flat_map(|(_, entry)| entry.documentation.parameters.iter().map(|it| it.name.clone()))
        .collect();
    match signature {
        Some(signature) => {
            let by_name: BTreeMap<&str, &Parameter> = signature.into_iter().collect();
            for name in
                claimed.iter().map(String::as_str).chain(by_name.keys().copied()).collect::<BTreeSet<_>>()
            {
                parameter(look, name, by_name.get(super::truth::bare(name)).copied());
            }
        }
        None => open_parameters(look, &claimed),
    }
    returns(look);
}

/// A parameter of a signature that is evident; none: one that it does not have.
fn parameter(look: &mut Look<'_>, name: &str, written: Option<&Parameter>) {
    let docs: BTreeMap<Stream, Option<ParameterDoc>> =
        look.said().map(|(stream, entry)| (stream, find(entry, name))).collect();
    let field = Field::Parameter(name.to_owned());
    let differs = Differs::new(field, DiscrepancyType::MissingParameter, Severity::High)
        .blocks(BlockingType::SignatureMismatch);
    let Some(written) = written else {
        let wrong: Vec<Stream> = docs.iter().filter(|it| it.1.is_some()).map(|it| *it.0).collect();
        look.by_code(differs.truth(absent()), &wrong);
        return;
    };
    let wrong: Vec<Stream> = docs
        .iter()
        .filter(|(stream, doc)| doc.is_none() && !says_otherwise(look, **stream, name))
        .map(|it| *it.0)
        .collect();
    if !wrong.is_empty() {
        let other = docs.values().flatten().next();
        let truth = ParameterDoc {
            name: name.to_owned(),
            kind: written.kind.clone().or_else(|| other.and_then(|it| it.kind.clone())),
            description: other.map(|it| it.description.clone()).unwrap_or_default(),
            default: written.default.clone(),
            required: written.default.is_none() && other.is_none_or(|it| it.required),
        };
        look.by_code(differs.truth(json!(truth)), &wrong);
    }
    let of = |read: fn(&ParameterDoc) -> Option<String>| -> Vec<(Stream, Option<String>)> {
        docs.iter().filter_map(|(stream, doc)| Some((*stream, read(doc.as_ref()?)))).collect()
    };
    let (is_given, field) = (!wrong.is_empty(), Field::ParameterType(name.to_owned()));
    kind(look, field, &of(|it| it.kind.clone()), written.kind.as_deref(), is_given);
    default(look, name, &of(|it| it.default.clone()), written.default.as_deref(), is_given);
    required(look, name, written.default.is_some());
}

/// Whether a stream names the parameter with the marks that its language puts before it: `*args` for `args`.
fn says_otherwise(look: &Look<'_>, stream: Stream, name: &str) -> bool {
    let Some(entry) = look.entries.get(&stream) else { return false };
    entry.documentation.parameters.iter().any(|it| super::truth::bare(&it.name) == super::truth::bare(name))
}

fn find(entry: &Entry, name: &str) -> Option<ParameterDoc> {
    entry.documentation.parameters.iter().find(|it| it.name == name).cloned()
}

/// The text of a type, where the signature has one; where it has none, the streams must agree.
///
/// `is_given`: another stream is given the code's text at the same time, so that what is left out is no more left out by all.
fn kind(
    look: &mut Look<'_>,
    field: Field,
    claims: &[(Stream, Option<String>)],
    written: Option<&str>,
    is_given: bool,
) {
    let same = |one: &str, other: &str| without_space(one) == without_space(other);
    let is_right = |claim: &Option<String>| match (claim, written) {
        (Some(claim), Some(written)) => same(claim, written),
        (None, _) => true,
        (Some(_), None) => false,
    };
    let differ = match claims {
        [(_, Some(a)), (_, Some(b))] => !same(a, b),
        [(_, a), (_, b)] => a.is_some() != b.is_some(),
        [(_, None)] => is_given && written.is_some(),
        _ => false,
    };
    let differs = Differs::new(field, DiscrepancyType::TypeAnnotation, Severity::Medium);
    let Some(text) = written else {
        if differ {
            look.by_agreement(differs, 0.0);
        }
        return;
    };
    let is_wrong = claims.iter().any(|it| !is_right(&it.1));
    if !differ && !is_wrong {
        return;
    }
    let wrong: Vec<Stream> =
        claims.iter().filter(|it| it.1.is_none() || !is_right(&it.1)).map(|it| it.0).collect();
    let mut differs = differs.truth(json!(text));
    if is_wrong {
        differs.severity = Severity::High;
        differs = differs.blocks(BlockingType::TypeMismatch);
    }
    look.by_code(differs, &wrong);
}

fn default(
    look: &mut Look<'_>,
    name: &str,
    claims: &[(Stream, Option<String>)],
    written: Option<&str>,
    is_given: bool,
) {
    let text = |it: Option<&str>| it.map(without_space);
    let differ = match claims {
        [(_, a), (_, b)] => text(a.as_deref()) != text(b.as_deref()),
        [(_, one)] => is_given && text(one.as_deref()) != text(written),
        _ => false,
    };
    let is_wrong = |it: &Option<String>| it.is_some() && text(it.as_deref()) != text(written);
    let enforced = claims.iter().any(|it| is_wrong(&it.1));
    if !differ && !enforced {
        return;
    }
    let wrong: Vec<Stream> =
        claims.iter().filter(|it| text(it.1.as_deref()) != text(written)).map(|it| it.0).collect();
    let truth = written.map_or_else(absent, |it| json!(it));
    let field = Field::ParameterDefault(name.to_owned());
    let differs = Differs::new(field, DiscrepancyType::ParameterDescription, Severity::Medium).truth(truth);
    look.by_code(differs, &wrong);
}

/// Whether it must be given: not where it has a default; else the streams must agree.
fn required(look: &mut Look<'_>, name: &str, has_default: bool) {
    let field = Field::ParameterRequired(name.to_owned());
    let claims: Vec<(Stream, Value)> =
        look.said().map(|(stream, entry)| (stream, field.get(entry))).filter(|it| !it.1.is_null()).collect();
    let differ = claims.len() == 2 && claims[0].1 != claims[1].1;
    let wrong: Vec<Stream> =
        claims.iter().filter(|it| has_default && it.1 == json!(true)).map(|it| it.0).collect();
    let differs = Differs::new(field, DiscrepancyType::ParameterDescription, Severity::Low);
    if !wrong.is_empty() {
        look.by_code(differs.truth(json!(false)), &wrong);
    } else if differ {
        look.by_agreement(differs, 0.0);
    }
}

/// Parameters of what has no evident signature: a class, a pattern.
fn open_parameters(look: &mut Look<'_>, claimed: &BTreeSet<String>) {
    let Some((a, b)) = look.both() else { return };
    for name in claimed {
        if find(a, name).is_some() != find(b, name).is_some() {
            let field = Field::Parameter(name.clone());
            look.by_prose(
                Differs::new(field, DiscrepancyType::MissingParameter, Severity::Medium)
                    .blocks(BlockingType::SignatureMismatch),
                0.0,
            );
        }
    }
    for name in names(a, b) {
        let claims: Vec<(Stream, Option<String>)> =
            look.said().map(|(stream, entry)| (stream, find(entry, name).and_then(|it| it.kind))).collect();
        kind(look, Field::ParameterType(name.to_owned()), &claims, None, false);
        for field in [Field::ParameterDefault(name.to_owned()), Field::ParameterRequired(name.to_owned())] {
            if field.get(a) != field.get(b) {
                let differs = Differs::new(field, DiscrepancyType::ParameterDescription, Severity::Low);
                look.by_agreement(differs, 0.0);
            }
        }
    }
}

/// What comes out: a signature with a type settles that something does.
fn returns(look: &mut Look<'_>) {
    let written = look.component.returns.as_deref().map(str::trim);
    let written = written.filter(|_| look.component.kind.is_callable());
    let claims: Vec<(Stream, Option<ReturnsDoc>)> =
        look.said().map(|(stream, entry)| (stream, entry.documentation.returns.clone())).collect();
    let mut is_given = false;
    if let Some(text) = written {
        let without: Vec<Stream> = claims.iter().filter(|it| it.1.is_none()).map(|it| it.0).collect();
        let differs = Differs::new(Field::Returns, DiscrepancyType::ReturnDescription, Severity::Medium);
        if !NOTHING.contains(&text) && !without.is_empty() {
            let description = claims.iter().find_map(|it| it.1.as_ref()).map(|it| it.description.clone());
            let kind = Some(text.to_owned());
            let truth = ReturnsDoc { kind, description: description.unwrap_or_default() };
            look.by_code(differs.truth(json!(truth)), &without);
            is_given = true;
        } else if !without.is_empty() && without.len() < claims.len() {
            // That nothing comes out needs no words; where both have some, they may stay.
            let wrong: Vec<Stream> = claims.iter().filter(|it| it.1.is_some()).map(|it| it.0).collect();
            look.by_code(differs.truth(absent()), &wrong);
            return;
        }
    }
    let kinds: Vec<(Stream, Option<String>)> =
        claims.into_iter().filter_map(|(stream, doc)| Some((stream, doc?.kind))).collect();
    kind(look, Field::ReturnsType, &kinds, written, is_given);
}

fn without_space(text: &str) -> String {
    text.chars().filter(|it| !it.is_whitespace()).collect()
}
