//! What a recogniser should listen for: the words and sentences that mean something in a surgery, made of its machines and of
//! the parser's own lexicon, so that what is heard and what is understood cannot drift apart.

use std::{collections::BTreeSet, fmt::Write as _};

use super::Surgery;
use crate::{
    model::Action,
    rules::{lexicon, tokens},
};

/// Every word that may be said in an order, a question about a machine or a correction: lower case, no marks, sorted.
#[must_use]
pub fn vocabulary(surgery: &Surgery) -> BTreeSet<String> {
    let spoken = spoken().chain(REST).chain(NUMBERS).flat_map(tokens::words);
    machines(surgery).into_iter().flatten().chain(spoken).collect()
}

/// The same for a recogniser of free speech, which is told what is likely to be said: names of every machine, then the usual
/// orders, at most `most` bytes. Never whole sentences: a model that hears nothing sometimes says its hint.
#[must_use]
pub fn hint(surgery: &Surgery, most: usize) -> String {
    let orders = USUAL.join(", ") + ".";
    let room = most.saturating_sub(orders.len());
    let mut names: Vec<String> = Vec::new();
    let mut size = 0;
    // The first name of each machine, then the second of each.
    for number in 0..NAMES {
        for machine in surgery.machines.values() {
            let named =
                std::iter::once(machine.name.as_str()).chain(machine.phrases().map(|(phrase, _)| phrase));
            let Some(name) = named.map(|name| tokens::words(name).join(" ")).nth(number) else { continue };
            let is_known = names.iter().any(|known| format!(" {known} ").contains(&format!(" {name} ")));
            if !is_known && size + name.len() + 2 <= room {
                size += name.len() + 2;
                names.push(name);
            }
        }
    }
    names.iter().map(|name| format!("{name}, ")).collect::<String>() + &orders
}

/// A grammar in JSGF (version 1.0): orders before, around and after a machine, several in one sentence, negations, times,
/// questions about machines, and what takes an order back. `<sentence>` is its one public rule; its words are those of
/// [`vocabulary`].
#[must_use]
pub fn jsgf(surgery: &Surgery) -> String {
    let name: String =
        surgery.name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    let mut text = format!("#JSGF V1.0;\n\ngrammar {};\n\n", if name.is_empty() { "surgery" } else { &name });
    let mut rule = |head: &str, body: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{head} = {body};");
    };
    rule("public <sentence>", "<clause> (<joined>)* | <correction> [<clause>] | <question>");
    rule("<clause>", "[<polite>] <part> [<soon> | <later>] [please]");
    rule("<joined>", "(and | then | and then | but) <clause>");
    rule("<part>", "<command> | <forbidden>");
    rule(
        "<command>",
        "<order> <machines> | <stem> <machines> <particle> | <machines> <after> | <machines> | <keep> <object> <particle>",
    );
    rule("<forbidden>", "<forbid> (<order> <machines> | <machines> | <stem> <machines> <particle>)");
    rule("<correction>", &format!("({}) [<machines>]", either(lexicon::TAKE_BACK.iter().copied())));
    rule("<question>", "(is | are) <machines> (on | off | ready | running) | what about <machines>");
    rule("<machines>", "<one> [and <one>]");
    rule("<one>", "[the] <machine>");
    rule("<object>", "it | them | both | <one>");
    rule("<keep>", "keep | leave");
    rule("<polite>", &either(lexicon::POLITE.iter().copied()));
    rule("<forbid>", &either(lexicon::FORBID.iter().copied()));
    rule("<soon>", &either(lexicon::SOON.iter().copied()));
    rule("<later>", &format!("in ({}) (minutes | minute | seconds)", either(NUMBERS.iter().copied())));
    rule("<stem>", "turn | switch | put | bring | power | shut");
    rule("<particle>", "on | off | up | down | on stand by");
    rule("<order>", &either(orders().filter(|order| !ODD.contains(order))));
    rule("<after>", &either(phrases(&lexicon::AFTER)));
    let machines: Vec<String> = machines(surgery).iter().map(|words| words.join(" ")).collect();
    rule("<machine>", &either(machines.iter().map(String::as_str)));
    text
}

/// Most names of a machine in a hint.
const NAMES: usize = 6;

/// What is said most, for a hint.
const USUAL: [&str; 12] = [
    "please",
    "do not",
    "turn on",
    "turn off",
    "switch on",
    "switch off",
    "shut off",
    "activate",
    "start",
    "stop",
    "pause",
    "and",
];

/// Orders of which people say another form more often; a smaller grammar hears better.
const ODD: [&str; 10] = [
    "switch over to",
    "on with",
    "off with",
    "crank up",
    "boot up",
    "commence",
    "cease",
    "terminate",
    "unplug",
    "stand by with",
];

/// Words of times, questions and pronouns that are in no table of orders.
const REST: [&str; 14] = [
    "the",
    "it",
    "that",
    "them",
    "both",
    "other one",
    "is are was",
    "what about",
    "ready running",
    "and then but or",
    "after when before during until",
    "in minutes seconds minute",
    "a an some",
    "up down",
];

/// Numbers that are said of minutes and seconds.
const NUMBERS: [&str; 16] = [
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "fifteen",
    "twenty",
    "thirty",
    "forty",
    "forty five",
    "sixty",
];

/// What machines are called by; nobody says their ids.
fn machines(surgery: &Surgery) -> BTreeSet<Vec<String>> {
    let phrases = surgery.machines.values().flat_map(super::Machine::phrases);
    phrases.map(|(phrase, _)| tokens::words(phrase)).collect()
}

fn phrases(table: &'static [(Action, &'static [&'static str])]) -> impl Iterator<Item = &'static str> {
    table.iter().flat_map(|(_, phrases)| phrases.iter().copied())
}

fn orders() -> impl Iterator<Item = &'static str> {
    phrases(&lexicon::FIRM).chain(phrases(&lexicon::LOOSE))
}

fn spoken() -> impl Iterator<Item = &'static str> {
    let stems = lexicon::STEMS.iter().flat_map(|(_, stems)| stems.iter().copied());
    let lists = [&lexicon::POLITE[..], &lexicon::FORBID, &lexicon::TAKE_BACK, &lexicon::SOON];
    orders()
        .chain(stems)
        .chain(phrases(&lexicon::PARTICLES))
        .chain(phrases(&lexicon::AFTER))
        .chain(lists.into_iter().flatten().copied())
}

fn either<'a>(phrases: impl Iterator<Item = &'a str>) -> String {
    phrases.collect::<Vec<_>>().join(" | ")
}
