//! Rules: what a sentence means for machines, clause by clause, without a model and within a millisecond.
//!
//! ```text
//! text ─ tokens ─ scan (machines, lexicon, times) ─ pieces ─ read (order? forbidden? question?) ─ bind (verb ↔ machine) ─▶
//! ```
//!
//! Whatever is not surely an order switches nothing, and every clause says why it is taken as it is. Reading order:
//! [`understand`], then `lexicon` (the words, as data), `tokens`, `scan`, `pieces`, `read` with `conditions` and `orders`,
//! `bind` with `corrections`, and `draft`. [`phase`] is the service, with `phase_filter`.

mod bind;
mod conditions;
mod corrections;
mod draft;
pub(crate) mod lexicon;
mod orders;
pub mod phase;
mod phase_filter;
mod pieces;
mod read;
mod scan;
mod times;
pub(crate) mod tokens;

use crate::{
    model::{Understanding, Utterance},
    surgery::Surgery,
};
use bind::{Binder, Part};
use lexicon::Join;
use orders::Object;
use read::Shape;

/// Says what an utterance means for the machines of a surgery. Pure: the same words in the same context mean the same.
#[must_use]
pub fn understand(surgery: &Surgery, utterance: &Utterance) -> Understanding {
    let sentences = scan::scan(surgery, &utterance.text);
    let mut binder = Binder::new(surgery, utterance);
    for (at, sentence) in sentences.iter().enumerate() {
        let parts = joined(asked(parts(sentence), sentence.asks));
        binder.sentence(&parts, at + 1 == sentences.len());
    }
    if binder.clauses.is_empty() && !sentences.is_empty() {
        binder.idle();
    }
    let mut understanding = draft::finish(surgery, &binder.drafts, binder.clauses);
    understanding.speaker = utterance.speaker.clone();
    understanding.negations = binder.negations;
    understanding.matched_keywords = binder.keywords;
    understanding
}

fn parts(sentence: &scan::Sentence) -> Vec<Part> {
    let pieces = pieces::pieces(sentence);
    let part = |piece: &pieces::Piece| Part {
        reading: read::read(piece),
        join: piece.join,
        start: piece.items.first().map_or(0, |item| item.span.start),
        end: piece.items.last().map_or(0, |item| item.span.end),
    };
    pieces.iter().map(part).collect()
}

/// A question mark makes questions of orders, unless somebody asks politely; so does "isn't it".
fn asked(mut parts: Vec<Part>, asks: bool) -> Vec<Part> {
    let polite = parts.iter().any(|part| part.reading.request || part.reading.shape == Shape::Polite);
    // "lights off, okay?"
    let nods = parts.len() > 1
        && parts.last().is_some_and(|part| {
            matches!(&part.reading.shape, Shape::Remark(_)) && part.reading.named.is_empty()
        });
    // "suction on, where is the camera?"
    let asked = parts.iter().any(|part| matches!(part.reading.shape, Shape::Question(_)));
    let tag = parts.iter().rposition(|part| part.reading.shape == Shape::Tag);
    let (end, why) = match tag {
        Some(tag) => (tag, "the words after it make it a question"),
        None if asks && !polite && !nods && !asked => (parts.len(), "it ends with a question mark"),
        None => return parts,
    };
    let single = parts.len() == 1;
    for part in &mut parts[..end.max(usize::from(single))] {
        let told = matches!(part.reading.shape, Shape::Remark(_)) && (part.reading.speaks || single);
        if matches!(part.reading.shape, Shape::Order(_) | Shape::Bare | Shape::Open) || tag.is_some() || told
        {
            part.reading.shape = Shape::Question(why);
        }
    }
    parts
}

/// Joins machines with the verb that comes after the last of them: `suction and irrigation on`.
fn joined(mut parts: Vec<Part>) -> Vec<Part> {
    for at in (1..parts.len()).rev() {
        let (before, part) = (&parts[at - 1], &parts[at]);
        let ends = matches!(part.reading.shape, Shape::Order(_)) && part.reading.after;
        let (Object::Machines(first), Object::Machines(second)) =
            (&before.reading.object, &part.reading.object)
        else {
            continue;
        };
        let begins =
            matches!(before.reading.shape, Shape::Bare | Shape::Open) && before.reading.when.is_none();
        // In "turn on the suction, the camera and lights off" the camera has a verb already.
        let taken =
            at >= 2 && matches!(parts[at - 2].reading.shape, Shape::Order(_)) && !parts[at - 2].reading.after
                || (at >= 2 && matches!(parts[at - 2].reading.shape, Shape::Marker(_)));
        let listed = matches!(part.join, Join::And | Join::Or | Join::Comma) && !before.reading.please;
        if !(ends && begins && listed) || (taken && before.reading.shape == Shape::Bare) {
            continue;
        }
        let all: Vec<_> = first.iter().chain(second).cloned().collect();
        let mut reading = part.reading.clone();
        reading.object = Object::Machines(all.clone());
        reading.named = all;
        let (start, join, end) = (before.start, before.join, part.end);
        parts.splice(at - 1..=at, [Part { reading, join, start, end }]);
    }
    parts
}
