//! Piece after piece: which verb goes with which machine, what "it" is, and what a word takes back.

use super::{
    conditions::When,
    corrections,
    draft::{Draft, Target},
    lexicon::{Join, Term},
    orders::Object,
    read::{Reading, Shape},
    scan::Mention,
};
use crate::{
    model::{Action, Clause, ClauseKind, MatchType, Utterance},
    surgery::Surgery,
};

/// A reading, with where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Part {
    /// What it is.
    pub(crate) reading: Reading,
    /// How it follows what was before.
    pub(crate) join: Join,
    /// From where in the text.
    pub(crate) start: usize,
    /// To where.
    pub(crate) end: usize,
}

/// What was understood so far of an utterance.
#[derive(Debug)]
pub(crate) struct Binder<'a> {
    pub(crate) surgery: &'a Surgery,
    pub(crate) utterance: &'a Utterance,
    pub(crate) clauses: Vec<Clause>,
    /// Where each clause begins in the text.
    begins: Vec<usize>,
    pub(crate) drafts: Vec<Draft>,
    /// Machines that were named together, oldest first.
    pub(crate) groups: Vec<Vec<Mention>>,
    pub(crate) sentence: usize,
    pub(crate) negations: Vec<String>,
    pub(crate) keywords: Vec<String>,
    /// A word that takes back or puts right, and has not yet met what it is for.
    pub(crate) marker: Option<Term>,
    /// The condition at the head of the sentence.
    condition: Option<When>,
    /// What ends the order before: "then" comes after it.
    until: Option<When>,
    /// The part before, for what is joined to it.
    previous: Option<Reading>,
    /// Where the next clause begins, where words before it belong to it.
    start: Option<usize>,
}

impl<'a> Binder<'a> {
    pub(crate) fn new(surgery: &'a Surgery, utterance: &'a Utterance) -> Self {
        Self {
            surgery,
            utterance,
            clauses: Vec::new(),
            begins: Vec::new(),
            drafts: Vec::new(),
            groups: Vec::new(),
            sentence: 0,
            negations: Vec::new(),
            keywords: Vec::new(),
            marker: None,
            condition: None,
            until: None,
            previous: None,
            start: None,
        }
    }

    /// Takes in a sentence.
    pub(crate) fn sentence(&mut self, parts: &[Part], last_sentence: bool) {
        self.sentence += 1;
        // "When the stone is out. Turn on the suction": a condition by itself waits for its order.
        if self.start.is_none() {
            self.condition = None;
        }
        (self.until, self.previous) = (None, None);
        for (at, part) in parts.iter().enumerate() {
            let end = last_sentence && at + 1 == parts.len();
            self.part(part, end);
        }
        let (Some(last), Some(_)) = (parts.last(), self.start) else { return };
        if self.put_off(last.end) {
            return;
        }
        if last_sentence {
            let kind = if self.groups.is_empty() { ClauseKind::Chatter } else { ClauseKind::Remark };
            self.tell(last, kind, "it says when, but not what");
        }
    }

    /// "stop the irrigation, in five minutes": a condition at the very end is for the order before it.
    fn put_off(&mut self, end: usize) -> bool {
        let Some(when) = self.condition.clone() else { return false };
        let here =
            |draft: &&mut Draft| !draft.gone && draft.sentence == self.sentence && draft.when.is_none();
        let Some(draft) = self.drafts.iter_mut().rfind(here) else { return false };
        let clause = &mut self.clauses[draft.clause];
        let begins = self.begins.get(draft.clause).copied().unwrap_or_default();
        if let Some(text) = self.utterance.text.get(begins..end) {
            text.clone_into(&mut clause.text);
        }
        clause.why = format!("{}, but not now: '{}'", clause.why, when.words);
        clause.kind = ClauseKind::Pending;
        draft.when = Some(when);
        (self.start, self.condition) = (None, None);
        true
    }

    fn part(&mut self, part: &Part, end: bool) {
        let reading = &part.reading;
        if let Some(when) = reading.when.clone().filter(|when| when.leads) {
            self.groups.extend(Some(when.of.clone()).filter(|of| !of.is_empty()));
            self.condition = Some(when);
        }
        if let Some(words) = &reading.negation {
            self.negations.push(words.clone());
        }
        if part.join == Join::Then && self.until.is_some() {
            self.condition = self.until.take();
        }
        self.until = reading.until.clone().or_else(|| self.until.take());
        match &reading.shape {
            Shape::Marker(term) => corrections::marked(self, *term, part, end),
            Shape::Tag | Shape::Polite => {}
            Shape::Remark(_) if reading.empty && reading.when.is_none() => {
                let here =
                    self.drafts.iter_mut().rfind(|draft| !draft.gone && draft.sentence == self.sentence);
                // ", now"
                if let Some(draft) = here {
                    draft.now |= reading.now;
                }
                return;
            }
            Shape::Question(why) => self.tell(part, ClauseKind::Question, why),
            Shape::Remark(_)
                if reading.named.is_empty() && reading.when.as_ref().is_some_and(|when| when.leads) =>
            {
                self.start = self.start.or(Some(part.start));
            }
            Shape::Remark(why) => {
                let kind = if reading.speaks { ClauseKind::Remark } else { ClauseKind::Chatter };
                self.tell(part, kind, why);
            }
            Shape::Open => {
                self.tell(part, ClauseKind::Remark, "the order has no end: neither on nor off is said")
            }
            Shape::Forbid(action) => self.forbid(part, *action),
            Shape::Bare => self.bare(part),
            Shape::Order(action) => self.order(part, *action),
        }
        if !matches!(reading.shape, Shape::Tag | Shape::Polite | Shape::Marker(_)) {
            self.previous = Some(reading.clone());
        }
        if !reading.named.is_empty() {
            self.groups.push(reading.named.clone());
        }
    }

    /// Adds a clause and returns its number.
    pub(crate) fn clause(
        &mut self,
        part: &Part,
        kind: ClauseKind,
        why: String,
        machines: &[Target],
    ) -> usize {
        let start = self.start.take().unwrap_or(part.start);
        let text = self.utterance.text.get(start..part.end).unwrap_or_default().trim().to_owned();
        let machines = machines.iter().map(|target| target.mention.id.clone()).collect();
        self.clauses.push(Clause { text, kind, why, machines });
        self.begins.push(start);
        self.clauses.len() - 1
    }

    /// Nothing was said but politeness.
    pub(crate) fn idle(&mut self) {
        let text = self.utterance.text.trim().to_owned();
        let why = "no machine is named".to_owned();
        self.clauses.push(Clause { text, kind: ClauseKind::Chatter, why, machines: Vec::new() });
    }

    /// Words that belong to the next clause.
    pub(crate) fn hold(&mut self, part: &Part) {
        self.start = self.start.or(Some(part.start));
    }

    /// Adds a clause that switches nothing.
    pub(crate) fn tell(&mut self, part: &Part, kind: ClauseKind, why: &str) {
        let named: Vec<Target> = targets(&part.reading.named, Action::On);
        self.clause(part, kind, why.to_owned(), &named);
        self.marker = None;
    }

    /// Something is forbidden, so nothing changes; what was ordered before in the same words is taken back.
    fn forbid(&mut self, part: &Part, action: Option<Action>) {
        let reading = &part.reading;
        if reading.object == Object::Nothing && reading.named.is_empty() {
            corrections::forbidden(self, part);
            return;
        }
        let found = self.resolve(&reading.object).unwrap_or_default();
        let same = |target: &Target| {
            found.iter().any(|mention| mention.id == target.mention.id)
                && action.is_none_or(|action| action == target.action)
        };
        let hit = self.drafts.iter().any(|draft| draft.targets.iter().any(same));
        for draft in self.drafts.iter_mut().filter(|draft| !draft.gone) {
            if draft.targets.iter().all(same) {
                draft.gone = true;
            } else {
                draft.targets.retain(|target| !same(target));
            }
        }
        let found = targets(&found, action.unwrap_or(Action::On));
        if found.is_empty() {
            self.tell(part, ClauseKind::Chatter, "it forbids something, but no machine is named");
            return;
        }
        let why = match (action, &reading.negation) {
            (Some(action), Some(words)) => {
                format!("'{words}' forbids to switch {}: it stays as it is", name(action))
            }
            _ => "it forbids: everything stays as it is".to_owned(),
        };
        self.clause(part, ClauseKind::Negated, why, &found);
        // "not the suction, the irrigation" puts right what was said of the suction.
        let plain = action.is_none() && reading.words.is_none();
        let not = matches!(reading.negation.as_deref(), Some("not" | "no"));
        self.marker = (plain && not && (hit || self.drafts.is_empty())).then_some(Term::Not);
    }

    /// Machines without a verb: they take that of their neighbour, or are an order by themselves.
    fn bare(&mut self, part: &Part) {
        let reading = &part.reading;
        if corrections::replaced(self, part) {
            return;
        }
        if matches!(reading.object, Object::Reference(..)) {
            self.tell(part, ClauseKind::Remark, "what it refers to is not clear");
            return;
        }
        let joined = matches!(part.join, Join::And | Join::Or | Join::Comma);
        let listed = matches!(part.join, Join::And | Join::Or);
        let before = self
            .previous
            .as_ref()
            .map(|before| (before.shape.clone(), before.speaks || before.words.is_some()));
        match before {
            Some((Shape::Order(action), _)) if joined => self.also(part, action),
            // "no camera, suction please" wants the suction.
            Some((Shape::Forbid(action), _)) if joined && (!reading.please || part.join == Join::Or) => {
                self.forbid(part, action);
            }
            Some((Shape::Forbid(Some(action)), _)) if part.join == Join::But => {
                self.switch(part, &reading.named, action);
            }
            Some((Shape::Question(_), _)) if joined && !reading.please => {
                self.tell(part, ClauseKind::Question, "it belongs to the question before it");
            }
            Some((Shape::Remark(_), true)) if listed && !reading.please => {
                self.tell(part, ClauseKind::Remark, "it belongs to what is said before it");
            }
            _ if reading.pointed && !reading.please && !reading.now && !listed => {
                self.tell(part, ClauseKind::Remark, "a machine is named, but no order is given");
            }
            _ => self.switch(part, &reading.named, Action::On),
        }
    }

    /// One more machine of the order before: what has one verb happens at one time.
    fn also(&mut self, part: &Part, action: Action) {
        let mut part = part.clone();
        let before = self.previous.as_ref().and_then(|before| before.when.clone()).filter(|when| !when.leads);
        match (&part.reading.when, before) {
            (None, before) => part.reading.when = before,
            (Some(when), None) if !when.leads => {
                let last = self.drafts.iter_mut().rfind(|draft| !draft.gone && draft.when.is_none());
                if let Some(draft) = last.filter(|draft| draft.sentence == self.sentence && !draft.now) {
                    let clause = &mut self.clauses[draft.clause];
                    clause.kind = ClauseKind::Pending;
                    clause.why = format!("{}, but not now: '{}'", clause.why, when.words);
                    draft.when = Some(when.clone());
                }
            }
            (Some(_), _) => {}
        }
        self.switch(&part, &part.reading.named, action);
    }

    /// An order.
    fn order(&mut self, part: &Part, action: Action) {
        let reading = &part.reading;
        let before = self.previous.as_ref().map(|before| before.shape.clone());
        if part.join == Join::Or && matches!(before, Some(Shape::Forbid(_))) {
            self.forbid(part, Some(action));
            return;
        }
        let asked = matches!(before, Some(Shape::Question(_)));
        if asked && reading.after && matches!(part.join, Join::And | Join::Or) {
            self.tell(part, ClauseKind::Question, "it belongs to the question before it");
            return;
        }
        if corrections::corrected(self, part, action) {
            return;
        }
        match self.resolve(&reading.object) {
            Some(found) => self.switch(part, &found, action),
            None if matches!(reading.object, Object::Reference(..)) => {
                let words = "what it refers to is not clear: name the machine";
                self.tell(part, ClauseKind::Remark, words);
            }
            None => self.tell(part, ClauseKind::Chatter, "no machine is named"),
        }
    }

    /// Adds a clause that switches machines, now or later.
    fn switch(&mut self, part: &Part, found: &[Mention], action: Action) {
        let found = targets(found, action);
        let kind = if part.reading.negation.is_some() { ClauseKind::Negated } else { ClauseKind::Command };
        self.draft(part, kind, found, None);
    }

    /// Adds a clause and its draft. `why` where it is not plain from the words.
    pub(crate) fn draft(&mut self, part: &Part, kind: ClauseKind, found: Vec<Target>, why: Option<String>) {
        let reading = &part.reading;
        let when = reading.when.clone().or_else(|| self.condition.clone()).filter(|_| !reading.now);
        let kind = match (&when, kind) {
            (Some(_), ClauseKind::Command | ClauseKind::Negated) => ClauseKind::Pending,
            (_, kind) => kind,
        };
        let why = why.unwrap_or_else(|| explain(reading, &found, when.as_ref()));
        self.keywords.extend(reading.words.clone());
        self.keywords.extend(found.iter().map(|target| target.mention.phrase.clone()));
        self.keywords.extend(when.as_ref().map(|when| when.words.clone()));
        let clause = self.clause(part, kind, why, &found);
        self.drafts.push(Draft {
            clause,
            sentence: self.sentence,
            targets: found,
            when,
            negated: reading.negation.is_some(),
            now: reading.now,
            gone: false,
        });
        self.marker = None;
    }

    /// Which machines are meant; none where that is not clear.
    pub(crate) fn resolve(&self, object: &Object) -> Option<Vec<Mention>> {
        let context = || -> Vec<Mention> {
            self.utterance.context.last.iter().map(|one| referred(&one.machine_id, "it")).collect()
        };
        let found = match object {
            Object::Machines(mentions) => mentions.clone(),
            Object::Reference(Term::It, _) => match self.groups.last() {
                Some(group) if group.len() == 1 => group.clone(),
                Some(_) => return None,
                None => Some(context()).filter(|last| last.len() == 1)?,
            },
            Object::Reference(Term::Both, _) => match &self.groups[..] {
                [.., group] if group.len() > 1 => group.clone(),
                [.., first, second] => first.iter().chain(second).cloned().collect(),
                [group] => group.clone(),
                [] => context(),
            },
            Object::Reference(Term::Other, _) => vec![corrections::other(self)?],
            Object::Reference(..) | Object::Else => return None,
            Object::Nothing => {
                let draft = self.drafts.iter().rev().find(|draft| !draft.gone)?;
                let here = draft.sentence == self.sentence;
                here.then(|| draft.targets.iter().map(|target| target.mention.clone()).collect())?
            }
        };
        (!found.is_empty()).then_some(found)
    }
}

/// A machine that is not named, only referred to: as sure as by its full name, no surer.
pub(crate) fn referred(id: &crate::model::MachineId, words: &str) -> Mention {
    Mention { id: id.clone(), kind: MatchType::Name, phrase: words.to_owned() }
}

/// The machines as targets, each once.
pub(crate) fn targets(mentions: &[Mention], action: Action) -> Vec<Target> {
    let mut targets: Vec<Target> = Vec::new();
    for mention in mentions {
        if !targets.iter().any(|known| known.mention.id == mention.id) {
            targets.push(Target { mention: mention.clone(), action });
        }
    }
    targets
}

pub(crate) const fn name(action: Action) -> &'static str {
    match action {
        Action::On => "on",
        Action::Off => "off",
        Action::Standby => "to standby",
    }
}

fn explain(reading: &Reading, found: &[Target], when: Option<&When>) -> String {
    let machines: Vec<&str> = found.iter().map(|target| &*target.mention.phrase).collect();
    let machines = machines.join(" and ");
    let action = found.first().map_or("on", |target| name(target.action));
    let verb = match (&reading.words, &reading.negation) {
        (_, Some(words)) => format!("'{words}' wants {machines} {action}"),
        (Some(words), None) => format!("'{words}' switches {machines} {action}"),
        (None, None) => format!("{machines} without a verb of its own is switched {action}"),
    };
    match when {
        Some(when) => format!("{verb}, but not now: '{}'", when.words),
        None => verb,
    }
}
