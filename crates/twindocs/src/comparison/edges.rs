//! Calls: whether they are claimed, on which line, of which kind.
//!
//! Where a call is evident or ruled out, the code decides, also against both streams. Where it is not, two streams that say the
//! same are believed; two that differ are asked again once, then a strong hint decides, and where there is none, people.

use std::collections::BTreeSet;

use serde_json::json;

use super::{
    field::{Field, Side, ends},
    look::{Differs, Look, absent},
    truth::{STRONG_HINT, TrueEdge, Verdict},
};
use crate::records::{
    Stream,
    compared::{BlockingType, DiscrepancyType, Severity},
    documented::{CallKind, CallRef},
};

/// What the streams claim of one call; none where one does not claim it.
type Claims<'x> = Vec<(Stream, Option<&'x CallRef>)>;

/// Finds what differs in the calls of a component.
pub(super) fn compare(look: &mut Look<'_>) {
    for side in [Side::Callees, Side::Callers] {
        let truth = look.around.truth;
        let mut others: BTreeSet<&str> =
            truth.edges(&look.component.id, side).filter(|it| it.1.evident).map(|it| it.0).collect();
        for (_, entry) in look.said() {
            others.extend(ends(entry, side).iter().map(|it| it.component_id.as_str()));
        }
        for other in others {
            let claims: Claims<'_> = look
                .said()
                .map(|(stream, entry)| (stream, ends(entry, side).iter().find(|it| it.component_id == other)))
                .collect();
            compare_one(look, side, other, &claims);
        }
    }
}

fn compare_one(look: &mut Look<'_>, side: Side, other: &str, claims: &Claims<'_>) {
    let verdict = look.around.truth.verdict(&look.component.id, side, other);
    presence(look, side, other, claims, verdict);
    match verdict {
        Verdict::Evident(edge) => {
            line(look, side, other, claims, edge);
            kind(look, side, other, claims, edge);
        }
        Verdict::Hint(edge) => place(look, side, other, claims, Some(edge)),
        Verdict::Open => place(look, side, other, claims, None),
        Verdict::RuledOut => {}
    }
}

/// Whether it is there.
fn presence(look: &mut Look<'_>, side: Side, other: &str, claims: &Claims<'_>, verdict: Verdict<'_>) {
    let severity = match (side, verdict) {
        (_, Verdict::Hint(_) | Verdict::Open) => Severity::Medium,
        (Side::Callees, _) => Severity::Critical,
        // The same call is told once more at its other end.
        (Side::Callers, _) => Severity::High,
    };
    let differs = Differs::new(Field::Edge(side, other.to_owned()), DiscrepancyType::CallGraphEdge, severity);
    let with = |there: bool| claims.iter().filter(move |it| it.1.is_some() == there).map(|it| it.0);
    let agreed = with(true).count() == 0 || with(false).count() == 0;
    let enforced = !agreed || look.asks_code_though_agreed();
    match verdict {
        Verdict::Evident(edge) => {
            let wrong: Vec<Stream> = with(false).collect();
            if !wrong.is_empty() && enforced {
                let truth = json!(true_ref(other, claims, edge));
                let differs = differs.blocks(BlockingType::MissingCriticalCall).truth(truth);
                look.by_code(differs, &wrong);
            }
        }
        Verdict::RuledOut => {
            let wrong: Vec<Stream> = with(true).collect();
            if !wrong.is_empty() && enforced {
                let differs = differs.blocks(BlockingType::FalseCriticalCall).truth(absent());
                look.by_code(differs, &wrong);
            }
        }
        Verdict::Hint(_) | Verdict::Open if agreed => {}
        Verdict::Hint(edge) => {
            let mut hint = json!(true_ref(other, claims, edge));
            hint["confidence"] = json!(edge.confidence);
            let differs = differs.truth(hint);
            match with(true).next() {
                _ if look.age(&differs) == 0 => look.by_agreement(differs, edge.confidence),
                Some(right) if edge.confidence >= STRONG_HINT => {
                    look.by_hint(differs, right, edge.confidence);
                }
                _ => look.by_people(differs, edge.confidence),
            }
        }
        Verdict::Open if look.age(&differs) == 0 => look.by_agreement(differs, 0.5),
        Verdict::Open => look.by_people(differs, 0.5),
    }
}

/// The edge as it is written down where the code decides.
fn true_ref(other: &str, claims: &Claims<'_>, edge: &TrueEdge) -> CallRef {
    let claimed = || claims.iter().filter_map(|it| it.1);
    CallRef {
        component_id: other.to_owned(),
        call_site_line: edge.line(claimed().filter_map(|it| it.call_site_line)),
        call_type: edge.kind(claimed().map(|it| it.call_type)),
    }
}

/// On which line, where the code says it.
fn line(look: &mut Look<'_>, side: Side, other: &str, claims: &Claims<'_>, edge: &TrueEdge) {
    let claimed: Vec<(Stream, Option<u32>)> =
        claims.iter().filter_map(|(stream, it)| Some((*stream, (*it)?.call_site_line))).collect();
    let truth = edge.line(claimed.iter().filter_map(|it| it.1));
    let is_right = |line: Option<u32>| line.is_none_or(|line| edge.sites.iter().any(|site| site.0 == line));
    let differ = claimed.iter().any(|it| it.1 != claimed[0].1);
    let enforced = claimed.iter().any(|it| !is_right(it.1)) && look.asks_code_though_agreed();
    // The other one is given the call with its line.
    let given = claimed.len() < claims.len() && claimed.iter().any(|it| it.1 != truth);
    if !differ && !enforced && !given {
        return;
    }
    let wrong: Vec<Stream> = claimed.iter().filter(|it| it.1 != truth).map(|it| it.0).collect();
    let field = Field::EdgeLine(side, other.to_owned());
    let differs = Differs::new(field, DiscrepancyType::CallSiteLine, Severity::Low).truth(json!(truth));
    look.by_code(differs, &wrong);
}

/// Of which kind, where the code says it.
fn kind(look: &mut Look<'_>, side: Side, other: &str, claims: &Claims<'_>, edge: &TrueEdge) {
    let claimed: Vec<(Stream, CallKind)> =
        claims.iter().filter_map(|(stream, it)| Some((*stream, (*it)?.call_type))).collect();
    if claimed.is_empty() {
        return;
    }
    let truth = edge.kind(claimed.iter().map(|it| it.1));
    let is_right = |kind: CallKind| edge.sites.iter().any(|site| site.1 == kind);
    let differ = claimed.iter().any(|it| it.1 != claimed[0].1);
    let enforced = claimed.iter().any(|it| !is_right(it.1)) && look.asks_code_though_agreed();
    if !differ && !enforced {
        return;
    }
    let wrong: Vec<Stream> = claimed.iter().filter(|it| it.1 != truth).map(|it| it.0).collect();
    let field = Field::EdgeKind(side, other.to_owned());
    let differs =
        Differs::new(field, DiscrepancyType::CallTypeMismatch, Severity::Medium).truth(json!(truth));
    look.by_code(differs, &wrong);
}

/// Line and kind of a call that both claim and that is not evident. Who is on the side of a hint is right in the end.
fn place(look: &mut Look<'_>, side: Side, other: &str, claims: &Claims<'_>, hint: Option<&TrueEdge>) {
    let [(_, Some(a)), (_, Some(b))] = claims.as_slice() else { return };
    let has = |fits: &dyn Fn(u32, CallKind) -> bool| {
        hint.is_some_and(|edge| edge.sites.iter().any(|(line, kind)| fits(*line, *kind)))
    };
    if a.call_site_line != b.call_site_line {
        let field = Field::EdgeLine(side, other.to_owned());
        let differs = Differs::new(field, DiscrepancyType::CallSiteLine, Severity::Low);
        let is_right = |it: &CallRef| has(&|line, _| it.call_site_line == Some(line));
        by_hint_or_agreement(look, differs, [is_right(a), is_right(b)], hint);
    }
    if a.call_type != b.call_type {
        let field = Field::EdgeKind(side, other.to_owned());
        let differs = Differs::new(field, DiscrepancyType::CallTypeMismatch, Severity::Medium);
        let is_right = |it: &CallRef| has(&|_, kind| it.call_type == kind);
        by_hint_or_agreement(look, differs, [is_right(a), is_right(b)], hint);
    }
}

fn by_hint_or_agreement(look: &mut Look<'_>, differs: Differs, right: [bool; 2], hint: Option<&TrueEdge>) {
    let confidence = hint.map_or(0.5, |it| it.confidence);
    match right {
        [true, false] if look.age(&differs) > 0 => look.by_hint(differs, Stream::A, confidence),
        [false, true] if look.age(&differs) > 0 => look.by_hint(differs, Stream::B, confidence),
        _ => look.by_agreement(differs, confidence),
    }
}
