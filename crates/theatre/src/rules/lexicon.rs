//! The words that the parser knows, as data: a phrase means a [`Term`], the longest phrase wins. Orders come first, because
//! the recogniser's grammar is made of the same tables ([`crate::surgery::grammar`]).
//!
//! Hyphens and contractions are gone when phrases are compared ([`super::tokens`]): `stand by`, `do not`.

use crate::model::{
    Action::{self, Off, On, Standby},
    Temporal,
};

mod small;
mod terms;

pub(crate) use terms::{Lexicon, begins_with, is_reserved};

/// What a phrase is to the parser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Term {
    /// One of the surgery's machines.
    Machine,
    /// An order that needs nothing more: `stop`, `turn on`.
    Order(Action, Firm),
    /// The beginning of an order whose end comes later: `turn … on`.
    Stem(Stem),
    /// The end of one: `on`, `off`, `to standby`.
    Particle(Action),
    /// `up`, `down`.
    Way(Way),
    /// Changes a machine without switching it: `dim`, `adjust`.
    Adjust,
    /// Says that it was done: `turned on`, `started`.
    Done(Action),
    /// Says that it is being done: `turning on`, `starting`.
    Doing(Action),
    /// The beginning of an order, told or under way: `turned … on`, `leaving … off`.
    Told,
    /// `not`, `never`.
    Not,
    /// Forbids or puts off without a verb: `hold off on`, `no need for`.
    Refrain,
    /// Wants an end: `no more`, `done with`.
    Enough,
    /// `is`, `was`…
    Be,
    /// `did not`, `is not`: not how it is.
    BeNot,
    /// `do`, `does`, `did`, `has`…
    Aux,
    /// `can`, `should`…
    Modal,
    /// `must be`, `can go`: after a machine, an order.
    MustBe,
    /// Words that ask for a thing: `i need`, `give me`, `may i have`.
    Want,
    /// Words before an order that leave it an order: `could you`, `go ahead and`, `i want you to`.
    Request,
    /// Words before `X is on` that make an order of it: `make sure`.
    Ensure,
    /// `check whether`, `tell me if`.
    Asks,
    /// `what`, `which`, `why`…
    Wh,
    /// `right`, `correct`: at the end, with a question mark, a question.
    Tag,
    /// `i`, `we`, `they`…
    Subject,
    /// `it`, `that`.
    It,
    /// `both`, `them`.
    Both,
    /// `the other one`.
    Other,
    /// When.
    Time(Temporal, Option<u64>),
    /// Begins a condition: `after`, `when`.
    Condition(Temporal),
    /// `until`: what follows ends it and does not put it off.
    Until,
    /// Takes back what was said or done: `scratch that`, `undo that`.
    Undo,
    /// Takes back what was said in the same breath: `never mind`.
    Drop,
    /// `no`.
    No,
    /// `i meant`, `correction`.
    Meant,
    /// `sorry`, `actually`: puts right what was said in the same breath, otherwise is politeness.
    Sorry,
    /// `wait`: at the end it takes back, before an order it says nothing.
    Wait,
    /// `instead`.
    Instead,
    /// Joins clauses.
    Join(Join),
    /// Says nothing about what is meant: `okay`, `nurse`, `again`.
    Filler,
    /// As a filler, and what it is said with is an order.
    Please,
    /// `the`, `a`, `my`: a noun follows.
    Det,
    /// `of`, `at`, `near`…
    Prep,
    /// `to`.
    To,
    /// A part of a machine, not the machine: `tip`, `alarm`.
    Part,
    /// How strong: `high`.
    Level,
    /// Any other word.
    Word,
}

/// Whether an order is said of machines only, so that a word or two may stand before the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Firm {
    /// `turn on`.
    Yes,
    /// `stop`.
    No,
}

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// `up`.
    Up,
    /// `down`.
    Down,
}

/// How clauses are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Join {
    /// `and`, `plus`.
    And,
    /// `or`: a negation reaches over it.
    Or,
    /// `then`.
    Then,
    /// `but`.
    But,
    /// A mark, or nothing at all.
    Comma,
}

/// The beginning of an order, by what its particles mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stem {
    /// `turn`, `switch`, `put`, `get`: nothing without a particle.
    Turn,
    /// `bring`, `fire`, `boot`: on with `up`.
    Bring,
    /// `shut`: off with `down`.
    Shut,
    /// `power`: on with `up`, off with `down`.
    Power,
    /// `keep`, `leave`: as it is, or as the particle says.
    Keep,
}

/// Orders that are whole by themselves, with what they do; those that are said of machines only.
pub(crate) const FIRM: [(Action, &[&str]); 3] = [
    (
        On,
        &[
            "turn on",
            "turn back on",
            "switch on",
            "switch back on",
            "power on",
            "power up",
            "activate",
            "enable",
            "initiate",
            "fire up",
            "bring up",
            "start up",
            "boot up",
            "put on",
            "switch over to",
            "on with",
            "restart",
            "reactivate",
            "crank up",
            "start using",
            "start running",
            "bring in",
            "spin up",
            "wake up",
            "warm up",
        ],
    ),
    (
        Off,
        &[
            "turn off",
            "turn back off",
            "switch off",
            "power off",
            "power down",
            "deactivate",
            "disable",
            "shut off",
            "stop using",
            "stop running",
            "shut down",
            "cut off",
            "off with",
            "unplug",
            "disengage",
        ],
    ),
    (Standby, &["stand by with", "stand by", "idle", "suspend", "put on stand by", "put on hold"]),
];

/// As [`FIRM`], but said of people and tissue, too.
pub(crate) const LOOSE: [(Action, &[&str]); 3] = [
    (On, &["start", "begin", "go ahead with", "engage", "resume", "run", "commence"]),
    (Off, &["stop", "end", "kill", "cut", "quit", "cease", "halt", "terminate", "cancel"]),
    (Standby, &["pause", "hold"]),
];

/// Beginnings of orders, and the forms that say that they are carried out.
pub(crate) const STEMS: [(Stem, &[&str]); 5] = [
    (Stem::Turn, &["turn", "switch", "put", "get", "flip", "set", "have"]),
    (Stem::Bring, &["bring", "fire", "boot", "start", "crank", "spin", "wake", "warm"]),
    (Stem::Shut, &["shut", "cut", "take"]),
    (Stem::Power, &["power"]),
    (Stem::Keep, &["keep", "leave"]),
];

/// Ends of orders.
pub(crate) const PARTICLES: [(Action, &[&str]); 3] = [
    (On, &["on", "back on", "to on", "running", "going", "up and running"]),
    (Off, &["off", "back off", "to off"]),
    (
        Standby,
        &[
            "stand by",
            "on stand by",
            "in stand by",
            "to stand by",
            "into stand by",
            "on hold",
            "on pause",
            "to idle",
            "on idle",
        ],
    ),
];

/// Orders as they stand after the machine: `irrigation stop`.
pub(crate) const AFTER: [(Action, &[&str]); 3] =
    [(On, &["on", "start"]), (Off, &["off", "stop"]), (Standby, &["stand by", "pause", "hold"])];

/// What comes before an order and leaves it one.
pub(crate) const POLITE: [&str; 12] = [
    "please",
    "could you",
    "could you please",
    "can you",
    "can you please",
    "would you",
    "would you please",
    "okay",
    "now",
    "nurse",
    "go ahead and",
    "let us",
];

/// Orders with a negation.
pub(crate) const FORBID: [&str; 6] =
    ["do not", "please do not", "never", "hold off on", "no need for", "do not yet"];

/// What takes back.
pub(crate) const TAKE_BACK: [&str; 8] =
    ["undo that", "scratch that", "cancel that", "never mind", "no", "wait", "sorry", "i meant"];

/// When, as it is said in an order.
pub(crate) const SOON: [&str; 6] = ["now", "right now", "immediately", "stat", "right away", "at once"];
