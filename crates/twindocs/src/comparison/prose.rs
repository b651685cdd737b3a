//! Texts: what a component is for, what goes in, what comes out, what is raised.
//!
//! Two texts differ where they are less alike than the streams must be on the whole (`convergence.documentation`). Who is right
//! about a text, no code can say: the streams are told what the other one says, and asked again.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    field::{Field, condition},
    look::{Differs, Look},
    similarity::words,
    truth::is_public,
};
use crate::records::{
    compared::{BlockingType, DiscrepancyType, Severity},
    documented::{Documentation, Entry},
};

/// Below this likeness two texts say different things; above it they say it in different words.
const WORDING: f64 = 0.5;

/// Beginnings of words that speak of safety.
const SECURITY: [&str; 14] = [
    "secret",
    "password",
    "passphrase",
    "credential",
    "permission",
    "privilege",
    "unsafe",
    "authenti",
    "authoriz",
    "authoris",
    "encrypt",
    "decrypt",
    "sanitiz",
    "sanitis",
];

/// Finds what differs in the texts of a component.
pub(super) fn compare(look: &mut Look<'_>) {
    let has_summary = |entry: &Entry| !entry.documentation.summary.trim().is_empty();
    let lacks_summary = is_public(look.component) && !look.said().all(|(_, entry)| has_summary(entry));
    if lacks_summary {
        let differs = Differs::new(Field::Summary, DiscrepancyType::DocumentationContent, Severity::High)
            .blocks(BlockingType::MissingPublicApiDoc);
        look.by_prose(differs, 0.0);
    }
    let Some((a, b)) = look.both() else { return };
    let gap = security_gap(&a.documentation, &b.documentation);
    if !lacks_summary {
        content(look, a, b, Field::Summary, gap == Some(Field::Summary));
    }
    content(look, a, b, Field::Description, gap == Some(Field::Description));
    for name in names(a, b) {
        let field = Field::ParameterDescription(name.to_owned());
        text(look, a, b, field, DiscrepancyType::ParameterDescription);
    }
    match (&a.documentation.returns, &b.documentation.returns) {
        (Some(_), Some(_)) => {
            text(look, a, b, Field::ReturnsDescription, DiscrepancyType::ReturnDescription);
        }
        (None, None) => {}
        // With a type in the signature, the signature decides.
        _ if look.component.returns.is_some() => {}
        _ => look.by_prose(
            Differs::new(Field::Returns, DiscrepancyType::ReturnDescription, Severity::Medium),
            0.0,
        ),
    }
    errors(look, a, b);
}

/// Summary or description.
fn content(look: &mut Look<'_>, a: &Entry, b: &Entry, field: Field, is_gap: bool) {
    if is_gap {
        let alike = alike(look, a, b, &field).unwrap_or(0.0);
        let differs = Differs::new(field, DiscrepancyType::DocumentationContent, Severity::High)
            .blocks(BlockingType::SecurityRelevantGap);
        look.by_prose(differs, alike);
    } else {
        text(look, a, b, field, DiscrepancyType::DocumentationContent);
    }
}

/// A text that both have.
fn text(look: &mut Look<'_>, a: &Entry, b: &Entry, field: Field, kind: DiscrepancyType) {
    let Some(alike) = alike(look, a, b, &field) else { return };
    if alike >= look.around.settings.convergence.documentation {
        return;
    }
    let severity = if alike >= WORDING { Severity::Low } else { Severity::Medium };
    let one_is_silent = is_blank(&field.get(a)) || is_blank(&field.get(b));
    let differs = Differs::new(field, kind, severity);
    if one_is_silent && look.age(&differs) > 0 {
        look.by_keeping(differs);
    } else {
        look.by_prose(differs, alike);
    }
}

/// Whether a value says nothing.
pub(crate) fn is_blank(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|it| it.trim().is_empty())
}

/// How alike a field's texts are; none where one of the entries has no such field.
fn alike(look: &Look<'_>, a: &Entry, b: &Entry, field: &Field) -> Option<f64> {
    match (field.get(a), field.get(b)) {
        (Value::String(a), Value::String(b)) => Some(look.around.texts.of(&a, &b)),
        _ => None,
    }
}

fn errors(look: &mut Look<'_>, a: &Entry, b: &Entry) {
    let kinds: BTreeSet<&str> =
        [a, b].iter().flat_map(|it| &it.documentation.raises).map(|it| it.kind.as_str()).collect();
    for kind in kinds {
        if condition(a, kind).is_some() && condition(b, kind).is_some() {
            let field = Field::RaisesCondition(kind.to_owned());
            text(look, a, b, field, DiscrepancyType::ExceptionDocumentation);
            continue;
        }
        // A reader is told something wrong where the code names it; else it may come from what it calls.
        let last = kind.rsplit(['.', ':']).next().unwrap_or(kind);
        let is_named = words(look.around.truth.source(&look.component.id)).contains(&last.to_lowercase());
        let severity = if is_named { Severity::High } else { Severity::Medium };
        let field = Field::Raises(kind.to_owned());
        look.by_prose(Differs::new(field, DiscrepancyType::MissingException, severity), 0.0);
    }
}

/// Names of the parameters that both have.
pub(super) fn names<'e>(a: &'e Entry, b: &Entry) -> BTreeSet<&'e str> {
    let has = |name: &str| b.documentation.parameters.iter().any(|it| it.name == name);
    a.documentation.parameters.iter().map(|it| it.name.as_str()).filter(|it| has(it)).collect()
}

/// In which text one stream speaks of safety and the other does not, or of something else.
fn security_gap(a: &Documentation, b: &Documentation) -> Option<Field> {
    let of = |docs: &Documentation| terms(&format!("{}\n{}", docs.summary, docs.description));
    if of(a) == of(b) {
        return None;
    }
    let in_summary = terms(&a.summary) != terms(&b.summary);
    let in_description = terms(&a.description) != terms(&b.description);
    if in_description || !in_summary { Some(Field::Description) } else { Some(Field::Summary) }
}

fn terms(text: &str) -> BTreeSet<&'static str> {
    let words = words(text);
    SECURITY.into_iter().filter(|term| words.iter().any(|word| word.starts_with(term))).collect()
}
