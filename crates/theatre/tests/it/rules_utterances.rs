//! The set of utterances: what the parser must make of them, and how well it does, per class. `cargo test -p theatre
//! utterances -- --nocapture` prints the table.
//!
//! The rows marked `tuned` were used while the parser was written, and all of them must be right. Those marked `seen` were
//! written before it and held out until it was measured with them (exact 0.926, precision 0.957, recall 0.910); their faults
//! were looked at then, and the general ones mended. Those marked `held_out` were written after that and measured once (exact
//! 0.955, precision 0.985, recall 0.943; one fault was mended since, "for the moment"): what they measure may be said of
//! sentences that nobody has thought of. The floors are what was measured.

use std::collections::{BTreeMap, BTreeSet};

use theatre::{
    model::{Action, ClauseKind, Context, MachineId, Reference, Understanding, Utterance},
    rules::understand,
    surgery::Library,
};

const SET: &str = include_str!("../data/utterances.tsv");

/// A row of the set.
#[derive(Debug)]
struct Row {
    line: usize,
    set: &'static str,
    surgery: &'static str,
    class: &'static str,
    last: &'static str,
    text: &'static str,
    /// `M06=ON`, and `M06=ON@after` for what is pending.
    changes: BTreeSet<String>,
    kinds: BTreeSet<String>,
}

fn rows() -> Vec<Row> {
    let lines = SET.lines().enumerate().skip(1).filter(|(_, line)| !line.starts_with('#'));
    lines
        .map(|(at, line)| {
            let cells: Vec<&str> = line.split('\t').collect();
            let &[set, surgery, class, last, text, toggles, pending, kinds] = &cells[..] else {
                panic!("line {}: {} cells", at + 1, cells.len())
            };
            let list = |cell: &str| -> Vec<String> {
                cell.split(',').filter(|one| !one.is_empty()).map(str::to_owned).collect()
            };
            Row {
                line: at + 1,
                set,
                surgery,
                class,
                last,
                text,
                changes: list(toggles).into_iter().chain(list(pending)).collect(),
                kinds: list(kinds).into_iter().collect(),
            }
        })
        .collect()
}

pub(crate) fn action(text: &str) -> Action {
    serde_json::from_value(text.into()).expect("an action")
}

/// `M06:ON<OFF`: M06 was switched on and was off before.
pub(crate) fn last(text: &str) -> Vec<Reference> {
    let one = |part: &str| {
        let (id, rest) = part.split_once(':').expect("id:action<was");
        let (now, was) = rest.split_once('<').expect("action<was");
        Reference { machine_id: MachineId::parse(id).expect("an id"), action: action(now), was: action(was) }
    };
    text.split(',').filter(|part| !part.is_empty()).map(one).collect()
}

pub(crate) fn utterance(surgery: &str, text: &str, last: Vec<Reference>) -> Utterance {
    Utterance {
        theatre: "OR-1".to_owned(),
        seq: 1,
        epoch: 1,
        surgery: surgery.to_owned(),
        phase: "Phase4".to_owned(),
        text: text.to_owned(),
        speaker: "surgeon".to_owned(),
        said_at: "2026-11-21T10:00:00Z".parse().expect("a time"),
        session_s: 42.5,
        context: Context { last, ..Context::default() },
    }
}

/// What changes, as the set writes it.
pub(crate) fn changes(understanding: &Understanding) -> BTreeSet<String> {
    let show =
        |action: Action| serde_json::to_value(action).expect("JSON").as_str().expect("text").to_owned();
    let now = understanding.toggles.iter().map(|one| format!("{}={}", one.machine_id, show(one.action)));
    let later = understanding.pending.iter().map(|one| {
        let temporal = serde_json::to_value(one.temporal).expect("JSON");
        format!("{}={}@{}", one.toggle.machine_id, show(one.toggle.action), temporal.as_str().expect("text"))
    });
    now.chain(later).collect()
}

fn kinds(understanding: &Understanding) -> BTreeSet<String> {
    let kinds = understanding.clauses.iter().map(|clause| clause.kind);
    let mut named: BTreeSet<ClauseKind> = kinds.collect();
    if named.len() > 1 {
        // "okay", "nurse": a word to itself beside what matters.
        named.remove(&ClauseKind::Chatter);
    }
    let show =
        |kind: ClauseKind| serde_json::to_value(kind).expect("JSON").as_str().expect("text").to_owned();
    named.into_iter().map(show).collect()
}

/// Counts of one class.
#[derive(Debug, Default, Clone, Copy)]
struct Score {
    rows: usize,
    exact: usize,
    right: usize,
    wrong: usize,
    missed: usize,
}

impl Score {
    fn add(&mut self, expected: &BTreeSet<String>, found: &BTreeSet<String>) {
        self.rows += 1;
        self.exact += usize::from(expected == found);
        self.right += expected.intersection(found).count();
        self.wrong += found.difference(expected).count();
        self.missed += expected.difference(found).count();
    }

    /// Of what was found, how much is right; nothing found is nothing wrong.
    fn precision(&self) -> f64 {
        ratio(self.right, self.right + self.wrong)
    }

    /// Of what is right, how much was found.
    fn recall(&self) -> f64 {
        ratio(self.right, self.right + self.missed)
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

type Table = BTreeMap<&'static str, Score>;

/// Changes per class of utterance, and how often each kind of clause was recognised.
fn measure(set: &str) -> (Table, BTreeMap<String, Score>, Vec<String>) {
    let library = Library::built_in().expect("they are right");
    let (mut classes, mut clauses, mut faults) = (Table::new(), BTreeMap::<String, Score>::new(), Vec::new());
    for row in rows().iter().filter(|row| row.set == set) {
        let surgery = library.get(row.surgery).unwrap_or_else(|| panic!("line {}: a surgery", row.line));
        let understood = understand(surgery, &utterance(row.surgery, row.text, last(row.last)));
        let (found, kinds) = (changes(&understood), kinds(&understood));
        for class in [row.class, "all"] {
            classes.entry(class).or_default().add(&row.changes, &found);
        }
        for kind in row.kinds.union(&kinds) {
            let only = |set: &BTreeSet<String>| set.iter().filter(|one| *one == kind).cloned().collect();
            clauses.entry(kind.clone()).or_default().add(&only(&row.kinds), &only(&kinds));
        }
        if found != row.changes || (set == "tuned" && kinds != row.kinds) {
            let whys: Vec<String> = understood
                .clauses
                .iter()
                .map(|one| format!("[{}] {:?}: {}", one.text, one.kind, one.why))
                .collect();
            faults.push(format!(
                "line {} {} '{}'\n  expected {:?} {:?}\n  found    {found:?} {kinds:?}\n  {}",
                row.line,
                row.surgery,
                row.text,
                row.changes,
                row.kinds,
                whys.join("\n  ")
            ));
        }
    }
    (classes, clauses, faults)
}

fn table(name: &str, (classes, clauses, _): &(Table, BTreeMap<String, Score>, Vec<String>)) -> String {
    let line = |name: &str, score: &Score| {
        let Score { rows, right, wrong, missed, .. } = *score;
        let (precision, recall, exact) = (score.precision(), score.recall(), ratio(score.exact, rows));
        format!(
            "{name:<12} {rows:>4} {exact:>6.3} {right:>6} {wrong:>6} {missed:>7} {precision:>10.3} {recall:>7.3}\n"
        )
    };
    let head = |what: &str| format!("{what:<12} rows  exact  right  wrong  missed  precision  recall\n");
    let mut text = format!("\n{name}: changes of machines, by class of utterance\n{}", head("class"));
    classes.iter().for_each(|(class, score)| text += &line(class, score));
    text += &format!("{name}: kinds of clauses, by utterance\n{}", head("kind"));
    clauses.iter().for_each(|(kind, score)| text += &line(kind, score));
    text
}

#[test]
fn every_utterance_of_the_tuned_set_is_understood() {
    let measured = measure("tuned");
    println!("{}", table("tuned", &measured));
    let faults = measured.2;
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}

/// What was measured when the parser was done, exact, precision and recall; it may only get better.
const FLOORS: [(&str, f64, f64, f64); 2] = [("seen", 0.96, 0.98, 0.95), ("held_out", 0.95, 0.98, 0.94)];

#[test]
fn utterances_that_nobody_tuned_for_are_understood_as_well_as_measured() {
    for (set, exact, precision, recall) in FLOORS {
        let measured = measure(set);
        let shown = table(set, &measured);
        println!("{shown}");
        let all = measured.0["all"];
        assert!(ratio(all.exact, all.rows) >= exact, "{shown}");
        assert!(all.precision() >= precision && all.recall() >= recall, "{shown}");
    }
}

#[test]
fn the_set_is_large_and_has_every_class_in_every_surgery() {
    let rows = rows();
    let held_out = rows.iter().filter(|row| row.set == "held_out").count();
    assert!(rows.len() >= 320 && held_out >= 80, "{} rows, {held_out} held out", rows.len());
    let texts: BTreeSet<_> = rows.iter().map(|row| (row.surgery, row.text, row.last)).collect();
    assert_eq!(texts.len(), rows.len(), "no row twice");
    let cells: BTreeSet<_> = rows.iter().map(|row| (row.set, row.surgery, row.class)).collect();
    assert_eq!(cells.len(), 3 * 3 * 7, "{cells:?}");
}
