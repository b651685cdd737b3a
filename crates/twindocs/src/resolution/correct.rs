//! Corrections: what was decided, written into the entries that were wrong, and nothing else.

use std::collections::BTreeMap;

use serde_json::Value;

use super::answer::{AnswerError, becomes};
use crate::{
    comparison::{Streams, absent, field::Field, field::set, is_blank, truth::Truth},
    records::{
        Stream,
        compared::{Action, Discrepancy, HumanResolution, ResolutionSource, TicketAnswer},
        documented::{Correction, Entry},
    },
};

/// What was changed, by stream and component.
pub type Corrections = BTreeMap<Stream, BTreeMap<String, Vec<Correction>>>;

/// The streams while they are corrected.
#[derive(Debug)]
pub struct Corrector<'x> {
    /// The code, for the order of parameters.
    pub truth: &'x Truth<'x>,
    /// The streams.
    pub streams: Streams,
    /// What was changed.
    pub made: Corrections,
}

impl<'x> Corrector<'x> {
    /// Begins with the streams as they are.
    #[must_use]
    pub fn new(truth: &'x Truth<'x>, streams: Streams) -> Self {
        Self { truth, streams, made: Corrections::new() }
    }

    /// What a stream says of a component.
    #[must_use]
    pub fn entry(&self, stream: Stream, component: &str) -> Option<&Entry> {
        self.streams.get(&stream)?.entries.get(component)
    }

    /// Writes what the code has decided.
    pub fn by_code(&mut self, it: &Discrepancy, field: &Field) {
        let (wrong, other): (&[Stream], &Value) = match it.resolution {
            Action::AcceptStreamA => (&[Stream::B], &it.stream_a_value),
            Action::AcceptStreamB => (&[Stream::A], &it.stream_b_value),
            Action::AcceptGroundTruth => (&Stream::ALL, &it.ground_truth),
            _ => return,
        };
        // A hint has only said who is right; where the code is evident, it says what is right.
        let value = if it.confidence >= 1.0 { &it.ground_truth } else { other };
        let value = if *value == absent() { &Value::Null } else { value };
        let why = match &it.ground_truth {
            truth if *truth == absent() => "the code has no such thing",
            _ if it.confidence >= 1.0 => "the code says so",
            _ => "the other stream says so, and the analysis has a hint of it",
        };
        for stream in wrong {
            let said = self.entry(*stream, &it.component_id).map(|entry| field.get(entry));
            let stays = said.is_none_or(|it| field.is_presence() && it.is_null() == value.is_null());
            if !stays {
                self.write(*stream, &it.component_id, field, value, why);
            }
        }
    }

    /// Writes what only one of them says into the other.
    pub fn by_keeping(&mut self, it: &Discrepancy, field: &Field) {
        let (silent, text) = if is_blank(&it.stream_a_value) {
            (Stream::A, &it.stream_b_value)
        } else {
            (Stream::B, &it.stream_a_value)
        };
        let why = "the other stream has said it twice, and this one nothing";
        self.write(silent, &it.component_id, field, text, why);
    }

    /// Writes what a person has decided into both streams.
    ///
    /// # Errors
    /// Where the answer is none to this field. Nothing is changed then.
    pub fn by_person(
        &mut self,
        component: &str,
        field: &Field,
        answer: &TicketAnswer,
    ) -> Result<(), AnswerError> {
        let [a, b] = Stream::ALL.map(|stream| self.entry(stream, component));
        let becomes = becomes(field, answer, a, b)?;
        let why = match answer.resolution {
            HumanResolution::AcceptA => "a person says that stream a is right",
            HumanResolution::AcceptB => "a person says that stream b is right",
            HumanResolution::Merge => "a person says that both are right in part",
            HumanResolution::Manual => "a person wrote it",
        };
        for stream in Stream::ALL {
            self.write(stream, component, field, &becomes.value, why);
            let Some(further) = &becomes.further else { continue };
            let said = self.entry(stream, component).map(|it| it.documentation.description.clone());
            if let Some(said) = said.filter(|it| !it.contains(further.as_str())) {
                let text = format!("{said}\n\n{further}");
                self.write(
                    stream,
                    component,
                    &Field::Description,
                    &Value::String(text.trim().to_owned()),
                    why,
                );
            }
        }
        Ok(())
    }

    /// Writes one field of one entry, where it is not so already.
    fn write(&mut self, stream: Stream, component: &str, field: &Field, value: &Value, why: &str) {
        let order = self.order(stream, component, field);
        let Some(file) = self.streams.get_mut(&stream) else { return };
        let Some(entry) = file.entries.get_mut(component) else { return };
        let original_value = field.get(entry);
        if original_value == *value {
            return;
        }
        match set(entry, field, value, &order) {
            Ok(true) => {}
            // The parameter or the call whose part it is was taken away by an earlier correction.
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(component, %field, %error, "a correction does not fit");
                return;
            }
        }
        let action = match (&original_value, value) {
            (Value::Null, _) => "added",
            (_, Value::Null) => "removed",
            _ => "replaced",
        };
        let correction = Correction {
            field: field.to_string(),
            action: action.to_owned(),
            original_value,
            corrected_value: value.clone(),
            reason: why.to_owned(),
        };
        self.made.entry(stream).or_default().entry(component.to_owned()).or_default().push(correction);
    }

    /// In which order a list's members stand: as in the signature, else as in the other stream.
    fn order(&self, stream: Stream, component: &str, field: &Field) -> Vec<String> {
        let other = self.entry(stream.other(), component).map(|it| &it.documentation);
        match (field, other) {
            (Field::Parameter(_), other) => match (self.truth.parameters(component), other) {
                (Some(all), _) => all.into_iter().map(|it| it.0.to_owned()).collect(),
                (None, Some(docs)) => docs.parameters.iter().map(|it| it.name.clone()).collect(),
                (None, None) => Vec::new(),
            },
            (Field::Raises(_), Some(docs)) => docs.raises.iter().map(|it| it.kind.clone()).collect(),
            _ => Vec::new(),
        }
    }
}

/// Marks a discrepancy as decided by a person.
pub fn mark(it: &mut Discrepancy, answer: &TicketAnswer) {
    it.resolution = match answer.resolution {
        HumanResolution::AcceptA => Action::AcceptStreamA,
        HumanResolution::AcceptB => Action::AcceptStreamB,
        HumanResolution::Merge => Action::MergeBoth,
        HumanResolution::Manual => Action::AcceptConsensus,
    };
    it.resolution_source = ResolutionSource::HumanReview;
    it.confidence = 1.0;
    it.requires_ticket = false;
}
