//! Words that take back or put right: `no, the other one`, `sorry, I meant irrigation`, `scratch that`. They reach what was said
//! before them in the same breath, and where nothing was, what the last understood sentence did.

use super::{
    bind::{Binder, Part, name, referred, targets},
    draft::Target,
    lexicon::Term,
    orders::Object,
    scan::{self, Mention},
};
use crate::model::{Action, ClauseKind, Reference};

/// Meets a word that takes back or puts right. `end`: nothing is said after it.
pub(crate) fn marked(binder: &mut Binder<'_>, term: Term, part: &Part, end: bool) {
    match term {
        Term::Undo if binder.marker == Some(Term::Undo) => {
            binder.tell(part, ClauseKind::Correction, "it says again what was just taken back");
            binder.marker = Some(Term::Undo);
        }
        Term::Undo if take_back(binder, part) => {}
        Term::Undo => undo_last(binder, part),
        Term::Drop => {
            if !take_back(binder, part) {
                let why = "it takes back nothing that was said in the same breath: say 'undo that'";
                binder.tell(part, ClauseKind::Correction, why);
            }
        }
        Term::No | Term::Wait if end && said_here(binder) => drop(take_back(binder, part)),
        _ if end => binder.tell(part, ClauseKind::Chatter, "no machine is named"),
        _ => {
            let stronger = binder.marker.filter(|known| *known != Term::Wait && *known != Term::Sorry);
            binder.marker = stronger.or(Some(term));
            binder.hold(part);
        }
    }
}

fn said_here(binder: &Binder<'_>) -> bool {
    binder.drafts.iter().any(|draft| !draft.gone && draft.sentence + 1 >= binder.sentence)
}

/// Drops what was ordered in the last sentence that ordered anything.
fn take_back(binder: &mut Binder<'_>, part: &Part) -> bool {
    let Some(sentence) = binder.drafts.iter().rev().find(|draft| !draft.gone).map(|draft| draft.sentence)
    else {
        return false;
    };
    let mut dropped = Vec::new();
    for at in 0..binder.drafts.len() {
        if !binder.drafts[at].gone && binder.drafts[at].sentence == sentence {
            dropped.extend(gone(binder, at));
        }
    }
    binder.clause(
        part,
        ClauseKind::Correction,
        "it takes back what was said just before".to_owned(),
        &dropped,
    );
    // What follows may put something else in its place.
    binder.marker = Some(Term::Undo);
    true
}

/// Takes a draft back and says so in its clause.
fn gone(binder: &mut Binder<'_>, at: usize) -> Vec<Target> {
    let draft = &mut binder.drafts[at];
    draft.gone = true;
    let clause = &mut binder.clauses[draft.clause];
    clause.why = format!("{}; taken back by what follows", clause.why);
    draft.targets.clone()
}

/// What the last sentence switched, as it was before.
fn reverted(binder: &Binder<'_>, words: &str) -> Vec<Target> {
    let last = binder.utterance.context.last.iter();
    let known =
        last.filter(|one| binder.surgery.machines.contains_key(&one.machine_id) && one.was != one.action);
    known.map(|one| Target { mention: referred(&one.machine_id, words), action: one.was }).collect()
}

fn undo_last(binder: &mut Binder<'_>, part: &Part) {
    let back = reverted(binder, "undo");
    if back.is_empty() {
        binder.tell(part, ClauseKind::Correction, "there is nothing to take back");
        return;
    }
    let why = "it takes back what the last order did".to_owned();
    binder.draft(part, ClauseKind::Correction, back, Some(why));
    binder.marker = Some(Term::Undo);
}

/// "don't" by itself: takes back what was said in the same breath.
pub(crate) fn forbidden(binder: &mut Binder<'_>, part: &Part) {
    if !(said_here(binder) && take_back(binder, part)) {
        binder.tell(part, ClauseKind::Chatter, "it forbids something, but no machine is named");
    }
}

/// What all of the last order's machines were told, where it is one thing.
fn last_action(last: &[Reference]) -> Option<Action> {
    let first = last.first()?.action;
    last.iter().all(|one| one.action == first).then_some(first)
}

/// Machines without a verb after "no", "I meant": they take the place of those before. False where they are no correction.
pub(crate) fn replaced(binder: &mut Binder<'_>, part: &Part) -> bool {
    let reading = &part.reading;
    let other = matches!(reading.object, Object::Reference(Term::Other, _));
    let marker = if other || reading.instead { Some(Term::Meant) } else { binder.marker };
    let Some(marker) = marker.filter(|marker| *marker != Term::Wait) else { return false };
    let found = if other { other_one(binder) } else { reading.named.clone() };
    let draft = binder.drafts.iter().rposition(|draft| match marker {
        Term::Not => draft.gone,
        Term::Undo => true,
        _ => !draft.gone,
    });
    if let Some(at) = draft.filter(|at| binder.drafts[*at].when.is_none() || !other) {
        let draft = binder.drafts[at].clone();
        let context = draft.targets.iter().all(|target| target.mention.phrase == "undo");
        if !context {
            if !draft.gone {
                gone(binder, at);
            }
            let action = draft.targets.first().map_or(Action::On, |target| target.action);
            let mut part = part.clone();
            part.reading.when = part.reading.when.or(draft.when);
            let why = put_right(&found, action);
            binder.draft(&part, ClauseKind::Correction, targets(&found, action), Some(why));
            return true;
        }
    }
    // An apology is none for an order that was given long ago.
    if marker == Term::Sorry || (reading.please && marker != Term::Meant) {
        return false;
    }
    let Some(action) = last_action(&binder.utterance.context.last) else {
        return false;
    };
    let before: Vec<_> = binder.utterance.context.last.iter().map(|one| one.machine_id.clone()).collect();
    let negated = marker == Term::Not;
    if negated && !binder.groups.last().is_some_and(|group| group.iter().any(|one| before.contains(&one.id)))
    {
        return false;
    }
    let mut changes = if marker == Term::Undo { Vec::new() } else { reverted(binder, "no") };
    changes.retain(|target| !found.iter().any(|one| one.id == target.mention.id));
    changes.extend(targets(&found, action));
    let why = put_right(&found, action);
    binder.draft(part, ClauseKind::Correction, changes, Some(why));
    true
}

fn put_right(found: &[Mention], action: Action) -> String {
    if found.is_empty() {
        return "it takes back the last order; which other machine is meant is not clear: name it".to_owned();
    }
    let machines: Vec<&str> = found.iter().map(|one| &*one.phrase).collect();
    format!(
        "it puts right what was said before: {} is meant, and goes {}",
        machines.join(" and "),
        name(action)
    )
}

/// A whole order, or only `off`, after "no": false where there is nothing that it puts right.
pub(crate) fn corrected(binder: &mut Binder<'_>, part: &Part, action: Action) -> bool {
    let reading = &part.reading;
    let Some(marker) = binder.marker.or_else(|| reading.instead.then_some(Term::Meant)) else { return false };
    let draft = binder.drafts.iter().rposition(|draft| !draft.gone);
    let stops = reading.words.as_deref() == Some("stop") && matches!(marker, Term::No | Term::Wait);
    if reading.object == Object::Nothing && stops && said_here(binder) {
        return take_back(binder, part);
    }
    if reading.object == Object::Nothing {
        let found: Vec<Mention> = match draft {
            Some(at) => gone(binder, at).into_iter().map(|target| target.mention).collect(),
            None if matches!(marker, Term::No | Term::Meant) => {
                binder.utterance.context.last.iter().map(|one| referred(&one.machine_id, "it")).collect()
            }
            None => Vec::new(),
        };
        if found.is_empty() {
            return false;
        }
        let why = format!("it puts right what was said before: it goes {}", name(action));
        binder.draft(part, ClauseKind::Correction, targets(&found, action), Some(why));
        return true;
    }
    let Some(found) = binder.resolve(&reading.object) else { return false };
    let Some(at) = draft else {
        return reading.instead && swapped(binder, part, &found, action);
    };
    let here = binder.drafts[at].sentence == binder.sentence;
    let same = binder.drafts[at]
        .targets
        .iter()
        .any(|target| target.action == action || found.iter().any(|one| one.id == target.mention.id));
    let strong = matches!(marker, Term::No | Term::Meant) && here;
    if !(strong || (same && marker != Term::Wait)) {
        return false;
    }
    gone(binder, at);
    let why =
        format!("it takes the place of what was said before; '{}'", reading.words.as_deref().unwrap_or(""));
    binder.draft(part, ClauseKind::Correction, targets(&found, action), Some(why));
    true
}

/// "start the irrigation instead": what the last order did is taken back.
fn swapped(binder: &mut Binder<'_>, part: &Part, found: &[Mention], action: Action) -> bool {
    if last_action(&binder.utterance.context.last) != Some(action) {
        return false;
    }
    let mut changes = reverted(binder, "instead");
    changes.retain(|target| !found.iter().any(|one| one.id == target.mention.id));
    changes.extend(targets(found, action));
    binder.draft(part, ClauseKind::Correction, changes, Some(put_right(found, action)));
    true
}

fn other_one(binder: &Binder<'_>) -> Vec<Mention> {
    other(binder).into_iter().collect()
}

/// Which machine "the other one" is: the last that was spoken of beside those that were switched, or the only other of its kind.
pub(crate) fn other(binder: &Binder<'_>) -> Option<Mention> {
    let draft = binder.drafts.iter().rev().find(|draft| !draft.gone);
    let taken: Vec<_> = match draft {
        Some(draft) => draft.targets.iter().map(|target| target.mention.id.clone()).collect(),
        None => binder.utterance.context.last.iter().map(|one| one.machine_id.clone()).collect(),
    };
    let free = |mention: &&Mention| !taken.contains(&mention.id);
    if let Some(found) = binder.groups.iter().rev().flatten().find(free) {
        return Some(found.clone());
    }
    let window = &binder.utterance.context.window;
    // The last line is this utterance.
    for line in window.iter().rev().skip(1) {
        let sentences = scan::scan(binder.surgery, &line.text);
        let mut named =
            sentences.iter().flat_map(|sentence| &sentence.items).filter_map(|item| item.mention.as_ref());
        if let Some(found) = named.rfind(|mention| free(mention)) {
            return Some(referred(&found.id, "the other one"));
        }
    }
    let [one] = &taken[..] else { return None };
    let category = &binder.surgery.machines.get(one)?.category;
    let mut alike =
        binder.surgery.machines.iter().filter(|(id, machine)| *id != one && machine.category == *category);
    let (id, _) = alike.next()?;
    alike.next().is_none().then(|| referred(id, "the other one"))
}
