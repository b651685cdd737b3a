//! What a person's answer does to a field of two entries.

use serde_json::{Value, json};

use crate::{
    comparison::field::{Field, Side},
    records::{
        Stream,
        compared::{HumanResolution, TicketAnswer},
        documented::{CallKind, CallRef, Entry, LONGEST_SUMMARY, ParameterDoc, RaisesDoc, ReturnsDoc},
    },
};

/// Why an answer cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// `manual` without a text.
    #[error("`manual` needs the text that holds, in the lines below it or as `text`")]
    NoText,
    /// The text is no value of the field.
    #[error("`{text}` is no {wanted} for {field}")]
    NotAValue {
        /// The field.
        field: String,
        /// What is wanted there.
        wanted: &'static str,
        /// What was given.
        text: String,
    },
    /// The stream that is said to be right has not said anything.
    #[error("stream {0} does not document this component: there is nothing of it to accept")]
    NoSuchStream(Stream),
    /// One text for several questions.
    #[error("a ticket for several fields takes accept_a, accept_b or merge, not one text for all of them")]
    ManualForGroup,
}

/// What a field becomes in each stream by an answer, with what another field gets where it does not hold all.
#[derive(Debug, Clone, PartialEq)]
pub struct Becomes {
    /// The value in both; null: it is taken away.
    pub value: Value,
    /// What the description gets, too: of two summaries that are too long together, the second.
    pub further: Option<String>,
}

/// Returns what a field becomes.
///
/// # Errors
/// [`AnswerError`].
pub fn becomes(
    field: &Field,
    answer: &TicketAnswer,
    a: Option<&Entry>,
    b: Option<&Entry>,
) -> Result<Becomes, AnswerError> {
    let one = |entry: Option<&Entry>, stream| {
        entry.map(|entry| field.get(entry)).ok_or(AnswerError::NoSuchStream(stream))
    };
    let value = match answer.resolution {
        HumanResolution::AcceptA => one(a, Stream::A)?,
        HumanResolution::AcceptB => one(b, Stream::B)?,
        HumanResolution::Manual => by_hand(field, answer.text.trim(), a, b)?,
        HumanResolution::Merge => {
            let (a, b) = (one(a, Stream::A)?, one(b, Stream::B)?);
            return Ok(merged(field, &a, &b));
        }
    };
    Ok(Becomes { value, further: None })
}

/// Both in part: what only one has is kept; of two texts both are.
fn merged(field: &Field, a: &Value, b: &Value) -> Becomes {
    let whole = |value: Value| Becomes { value, further: None };
    let (one, other) = match (a, b) {
        (Value::Null, it) | (it, Value::Null) => return whole(it.clone()),
        (a, b) if a == b => return whole(a.clone()),
        (Value::String(a), Value::String(b)) => (a.trim(), b.trim()),
        // The call is there: of two lines the first, of two needs the lesser.
        (Value::Number(a), Value::Number(b)) => return whole(json!(a.as_u64().min(b.as_u64()))),
        (Value::Bool(a), Value::Bool(b)) => return whole(json!(*a && *b)),
        (a, _) => return whole(a.clone()),
    };
    if one.contains(other) || other.is_empty() {
        return whole(json!(one));
    }
    if other.contains(one) || one.is_empty() {
        return whole(json!(other));
    }
    let text = match field {
        // Of two kinds the more special: a call in a loop is not always made.
        Field::EdgeKind(..) => {
            let kind = |it: &Value| serde_json::from_value::<CallKind>(it.clone()).ok();
            return whole(json!(kind(a).max(kind(b))));
        }
        Field::ParameterType(_) | Field::ReturnsType | Field::ParameterDefault(_) => {
            format!("{one} | {other}")
        }
        _ => format!("{one} {other}"),
    };
    if *field == Field::Summary && text.chars().count() > LONGEST_SUMMARY {
        return Becomes { value: json!(one), further: Some(other.to_owned()) };
    }
    whole(json!(text))
}

/// A person's own words, as a value of the field.
fn by_hand(field: &Field, text: &str, a: Option<&Entry>, b: Option<&Entry>) -> Result<Value, AnswerError> {
    if text.is_empty() {
        return Err(AnswerError::NoText);
    }
    let not_a_value =
        |wanted| AnswerError::NotAValue { field: field.to_string(), wanted, text: text.to_owned() };
    let lower = text.to_lowercase();
    let is_absent = matches!(&*lower, "absent" | "no" | "none");
    // What one of them has already is kept apart from the words.
    let there = [a, b].into_iter().flatten().map(|it| field.get(it)).find(|it| !it.is_null());
    let changed = |member: &str, new: Value| {
        let mut value = there.clone().unwrap_or_else(|| new.clone());
        value[member] = json!(text);
        value
    };
    Ok(match field {
        Field::Edge(..) | Field::Parameter(_) | Field::Returns | Field::Raises(_) if is_absent => Value::Null,
        Field::Edge(_, id) if matches!(&*lower, "present" | "yes") => there.unwrap_or_else(|| {
            let call_type = CallKind::Direct;
            json!(CallRef { component_id: id.clone(), call_site_line: None, call_type })
        }),
        Field::Edge(..) => return Err(not_a_value("`present` or `absent`")),
        Field::EdgeLine(..) => {
            let line: u32 = text.parse().map_err(|_| not_a_value("number of a line"))?;
            json!(line)
        }
        Field::EdgeKind(..) => {
            let kind = serde_json::from_value::<CallKind>(json!(lower));
            json!(kind.map_err(|_| not_a_value("kind of a call"))?)
        }
        Field::ParameterRequired(_) => match &*lower {
            "true" | "yes" | "required" => json!(true),
            "false" | "no" | "optional" => json!(false),
            _ => return Err(not_a_value("`true` or `false`")),
        },
        Field::Parameter(name) => {
            changed("description", json!(ParameterDoc { name: name.clone(), ..ParameterDoc::default() }))
        }
        Field::Returns => changed("description", json!(ReturnsDoc::default())),
        Field::Raises(kind) => {
            changed("condition", json!(RaisesDoc { kind: kind.clone(), ..RaisesDoc::default() }))
        }
        Field::Summary if text.chars().count() > LONGEST_SUMMARY => {
            return Err(not_a_value("line of at most 200 characters"));
        }
        _ => json!(text),
    })
}

/// Whether an answer to the field could be applied at all, without knowing what the streams say.
///
/// # Errors
/// [`AnswerError`].
pub fn check(field: &Field, answer: &TicketAnswer) -> Result<(), AnswerError> {
    match answer.resolution {
        HumanResolution::Manual => by_hand(field, answer.text.trim(), None, None).map(drop),
        _ => Ok(()),
    }
}

/// What is asked of a person.
#[must_use]
pub fn question(field: &Field) -> String {
    match field {
        Field::Edge(Side::Callees, id) => format!("Does it call `{id}`?"),
        Field::Edge(Side::Callers, id) => format!("Is it called by `{id}`?"),
        Field::EdgeLine(_, id) => format!("On which line is the call to or from `{id}`?"),
        Field::EdgeKind(_, id) => format!("Of which kind is the call to or from `{id}`?"),
        Field::Summary => "What is it, in one line?".to_owned(),
        Field::Description => "What does it do?".to_owned(),
        Field::Parameter(name) => format!("Does it take `{name}`?"),
        Field::ParameterType(name) => format!("Of which type is `{name}`?"),
        Field::ParameterDescription(name) => format!("What is `{name}` for?"),
        Field::ParameterDefault(name) => format!("What is `{name}` where it is not given?"),
        Field::ParameterRequired(name) => format!("Must `{name}` be given?"),
        Field::Returns => "Does something come out?".to_owned(),
        Field::ReturnsType => "Of which type is what comes out?".to_owned(),
        Field::ReturnsDescription => "What comes out?".to_owned(),
        Field::Raises(kind) => format!("Is `{kind}` raised?"),
        Field::RaisesCondition(kind) => format!("When is `{kind}` raised?"),
    }
}
