//! What a stream is told before it writes a component again.
//!
//! The same differences give the same feedback, word by word, in every iteration: a stream that answers the same question with the
//! same words need not be asked it again.

use std::collections::BTreeMap;

use crate::{
    comparison::{field::Field, is_blank},
    records::{
        Stream,
        compared::{Action, Discrepancy, Feedback},
    },
};

/// Feedback by stream and component.
pub type AllFeedback = BTreeMap<Stream, BTreeMap<String, Feedback>>;

/// Returns what each stream is told of what is left to their agreement.
#[must_use]
pub fn feedback(decided: &[Discrepancy], streams: &[Stream]) -> AllFeedback {
    let mut all = AllFeedback::new();
    for it in decided.iter().filter(|it| it.resolution == Action::Deferred) {
        let Ok(field) = it.field.parse::<Field>() else { continue };
        let values = BTreeMap::from([(Stream::A, &it.stream_a_value), (Stream::B, &it.stream_b_value)]);
        for stream in streams {
            let (own, other) = (values[stream], values[&stream.other()]);
            // Who has a text is not asked again because the other has none.
            if field.is_text() && !field.is_presence() && !is_blank(own) && is_blank(other) {
                continue;
            }
            let of = all.entry(*stream).or_default().entry(it.component_id.clone()).or_default();
            of.component_id.clone_from(&it.component_id);
            match &field {
                Field::Edge(_, id) if own.is_null() => of.edges_only_in_other_stream.push(id.clone()),
                Field::Edge(_, id) => of.edges_to_verify.push(id.clone()),
                _ => drop(of.other_says.insert(it.field.clone(), other.clone())),
            }
        }
    }
    for components in all.values_mut() {
        for told in components.values_mut() {
            for list in [&mut told.edges_only_in_other_stream, &mut told.edges_to_verify] {
                list.sort();
                list.dedup();
            }
            told.message = message(told);
        }
    }
    all
}

fn message(told: &Feedback) -> String {
    let mut parts = Vec::new();
    if !told.edges_only_in_other_stream.is_empty() {
        parts.push(format!(
            "Another reader of this code sees calls that you do not name: {}.",
            told.edges_only_in_other_stream.join(", ")
        ));
    }
    if !told.edges_to_verify.is_empty() {
        parts.push(format!(
            "Another reader does not see calls that you name: {}.",
            told.edges_to_verify.join(", ")
        ));
    }
    if !told.other_says.is_empty() {
        let fields: Vec<&str> = told.other_says.keys().map(String::as_str).collect();
        parts.push(format!("Another reader says something else at {}.", fields.join(", ")));
    }
    parts.push(
        "Read the code again; where the other one is right, say what he says, in his words.".to_owned(),
    );
    parts.join(" ")
}
