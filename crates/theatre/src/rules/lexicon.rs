//! The words that the parser knows, as data: a phrase means a [`Term`], the longest phrase wins. Orders come first, because
//! the recogniser's grammar is made of the same tables ([`crate::surgery::grammar`]).
//!
//! Hyphens and contractions are gone when phrases are compared ([`super::tokens`]): `stand by`, `do not`.

use crate::model::{
    Action::{self, Off, On, Standby},
    Temporal,
};

mod terms;

pub(crate) use terms::is_reserved;

/// What a phrase is to the parser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Term {
    /// An order that needs nothing more: `stop`, `turn on`. Firm ones are said of machines only, so that a word or two may
    /// stand before the machine; `stop`, `hold`, `cut` are said of much else.
    Order(Action, Firm),
    /// The beginning of an order whose end comes later: `turn … on`.
    Stem(Stem),
    /// The end of one: `on`, `off`, `to standby`.
    Particle(Action),
    /// Changes a machine without switching it: `dim`, `turn up`, `adjust`.
    Adjust,
    /// Says that it was done: `turned on`, `started`.
    Done(Action),
    /// Says that it is being done: `turning on`, `starting`.
    Doing(Action),
    /// `not`, `never`.
    Not,
    /// Forbids or puts off without a verb: `hold off on`, `no need for`.
    Refrain,
    /// Wants an end: `no more`, `done with`.
    Enough,
    /// `is`, `was`…
    Be,
    /// `do`, `does`, `did`, `has`…
    Aux,
    /// `can`, `should`…
    Modal,
    /// Words that ask for something: `i need`, `give me`, `may i have`.
    Want,
    /// Words before an order that leave it an order: `could you`, `go ahead and`, `i want you to`.
    Request,
    /// Words before `X is on` that make an order of it: `make sure`.
    Ensure,
    /// `if`, `whether` after a verb of asking: `check whether`, `tell me if`.
    Asks,
    /// `what`, `which`, `why`…
    Wh,
    /// `i`, `we`, `they`…
    Subject,
    /// `it`, `that`.
    It,
    /// `both`, `them`.
    Both,
    /// `the other one`.
    Other,
    /// When.
    Time(Temporal, Length),
    /// Begins a condition: `after`, `when`.
    Condition(Temporal),
    /// Takes back what was said or done: `scratch that`, `undo that`.
    Undo,
    /// Takes back what was said in the same breath: `never mind`.
    Drop,
    /// `no`.
    No,
    /// `sorry`, `i meant`, `correction`.
    Meant,
    /// `wait`: by itself it takes back, before an order it says nothing.
    Wait,
    /// `instead`.
    Instead,
    /// Joins clauses.
    Join(Join),
    /// Says nothing about what is meant: `please`, `the`, `nurse`.
    Filler,
    /// As a filler, and an order is not a question because of it.
    Please,
    /// `the`, `a`, `my`: a noun follows.
    Det,
    /// `of`, `at`, `near`…
    Prep,
    /// `to`.
    To,
    /// A part of a machine, not the machine: `tip`, `alarm`.
    Part,
    /// How strong: `on high`.
    Level,
    /// Any other word.
    Word,
}

/// Whether an order is said of machines only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Firm {
    /// `turn on`.
    Yes,
    /// `stop`.
    No,
}

/// How long something is put off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// It is not.
    Now,
    /// So many seconds.
    Seconds(u64),
    /// It does not say.
    Vague,
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
    /// A mark.
    Comma,
}

/// The beginning of an order, by what its particles mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stem {
    /// `turn`, `switch`, `put`, `get`: nothing without a particle.
    Turn,
    /// `bring`, `fire`, `boot`: on with `up`.
    Bring,
    /// `shut`, `power`: off with `down`.
    Shut,
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
    (Off, &["stop", "end", "kill", "cut", "quit", "cease", "halt", "terminate"]),
    (Standby, &["pause", "hold"]),
];

/// Beginnings of orders, and the forms that say that they are carried out.
pub(crate) const STEMS: [(Stem, &[&str]); 4] = [
    (Stem::Turn, &["turn", "switch", "put", "get", "flip", "set", "have", "go"]),
    (Stem::Bring, &["bring", "fire", "boot", "start", "crank"]),
    (Stem::Shut, &["shut", "power", "cut", "take"]),
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
