//! What a theatre can be told, and what that makes happen: a pure function from a state and a command to events. Everything
//! that may be refused is refused here, before anything is written.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{
    event::{Definition, Event, Said},
    room::Room,
    safety,
};
use crate::model::{Action, InvalidMachineId, MachineId, ModelAnswer, Understanding};

/// The longest override, in minutes.
pub const MOST_MINUTES: u64 = 12 * 60;
/// How long an override holds where nothing is said, in minutes.
pub const DEFAULT_MINUTES: u64 = 30;
/// The longest utterance, in bytes.
pub const MOST_TEXT: usize = 4 * 1024;
/// The longest name or reason, in bytes.
pub const MOST_WORDS: usize = 500;
/// Something pending whose time was so long ago (nobody was here to see to it) is dropped instead.
const STALE: SignedDuration = SignedDuration::from_mins(10);

/// What a theatre is told.
#[derive(Debug, Clone)]
pub enum Command {
    /// Choose a surgery.
    Select {
        /// Its definition.
        surgery: Chosen,
        /// By whom.
        operator: String,
    },
    /// Take down what was said.
    Say {
        /// The words.
        text: String,
        /// Whose.
        speaker: String,
        /// When, where that is known; otherwise now.
        said_at: Option<Timestamp>,
    },
    /// The orchestrator accepted the job of an utterance.
    Started {
        /// Which.
        utterance: u64,
        /// The job's id.
        job: String,
    },
    /// The rules' answer.
    Understood(Reply<Understanding>),
    /// The model's answer.
    Answered(Reply<ModelAnswer>),
    /// Take a machine out of the rules' hands.
    Override {
        /// Which machine, as it was written.
        machine_id: String,
        /// What it is to be, as it was written.
        action: String,
        /// Why.
        reason: String,
        /// By whom.
        operator: String,
        /// For how long.
        minutes: Option<u64>,
    },
    /// Give it back.
    Release {
        /// Which machine, as it was written.
        machine_id: String,
        /// By whom.
        operator: String,
    },
    /// The condition of something pending is met, or it is not to be.
    Settle {
        /// Which.
        pending: u64,
        /// Is it to happen?
        happens: bool,
        /// By whom.
        operator: String,
    },
    /// Look at the clock.
    Tick,
}

/// A surgery with what the state needs of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// Its name.
    pub name: String,
    /// Its phases' ids in their order.
    pub phases: Vec<String>,
    /// Its machines.
    pub machines: BTreeMap<MachineId, Definition>,
}

/// An answer to an utterance.
#[derive(Debug, Clone)]
pub struct Reply<T> {
    /// Which utterance.
    pub utterance: u64,
    /// Of which epoch.
    pub epoch: u64,
    /// When that was said: what does not fit is of another life of a theatre of this name.
    pub said_at: Timestamp,
    /// The answer.
    pub body: T,
}

/// What a command came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is written down.
    Done,
    /// It had been taken before; nothing is written.
    Duplicate,
    /// It came too late; that is written down.
    Dropped,
    /// The same was said by the same at the same instant: it is this utterance, sent again. Nothing is written.
    SaidBefore(u64),
}

/// Why a command is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Nothing was said.
    #[error("there are no words in the text")]
    EmptyText,
    /// Too much was said.
    #[error("`{field}` has {size} bytes, and {most} are the most")]
    TooLong {
        /// Where.
        field: &'static str,
        /// How much.
        size: usize,
        /// How much may be.
        most: usize,
    },
    /// No surgery was chosen.
    #[error("no surgery is selected in this theatre")]
    NoSurgery,
    /// Not a machine of this surgery.
    #[error("'{machine_id}' is no machine of {surgery}")]
    UnknownMachine {
        /// What was written.
        machine_id: String,
        /// The surgery.
        surgery: String,
    },
    /// Not an action.
    #[error("'{0}' is no action: write ON, OFF or STANDBY")]
    UnknownAction(String),
    /// Too long, or no time at all.
    #[error("an override holds 1 to {MOST_MINUTES} minutes, not {0}")]
    OverrideTooLong(u64),
    /// Nothing to release.
    #[error("{0} is not overridden")]
    NotOverridden(String),
    /// Nothing of this number is pending.
    #[error("nothing pending has the number {0}")]
    UnknownPending(u64),
    /// It could not be written down; nothing of it happened.
    #[error("it could not be written down: {0}")]
    NotWritten(String),
    /// As above, for there is no room; it can be said again when there is.
    #[error("it could not be written down, for the disk is full: {0}")]
    DiskFull(String),
    /// The theatre's log cannot be used.
    #[error("the theatre has stopped: {0}")]
    Stopped(String),
}

/// Who did it and what happened.
pub type Happened = Vec<(String, Event)>;

/// What a command makes happen.
///
/// # Errors
/// What is refused, and why; then nothing happens.
pub fn decide(room: &Room, command: Command, now: Timestamp) -> Result<(Outcome, Happened), Refused> {
    let one = |who: &str, event| Ok((Outcome::Done, vec![(who.to_owned(), event)]));
    match command {
        Command::Select { surgery, operator } => {
            let Chosen { name, phases, machines } = surgery;
            let event = Event::SurgerySelected { epoch: room.epoch + 1, surgery: name, phases, machines };
            one(&operator, event)
        }
        Command::Say { text, speaker, said_at } => {
            if let Some(utterance) = said_at.and_then(|at| said_before(room, &text, &speaker, at)) {
                return Ok((Outcome::SaidBefore(utterance), Vec::new()));
            }
            let said = say(room, &text, &speaker, said_at.unwrap_or(now))?;
            one(&speaker, Event::Said(said))
        }
        Command::Started { utterance, job } => match room.unstarted.contains_key(&utterance) {
            true => one("orchestrator", Event::JobStarted { utterance, job }),
            false => Ok((Outcome::Duplicate, Vec::new())),
        },
        Command::Understood(reply) => understood(room, reply),
        Command::Answered(reply) => answered(room, reply),
        Command::Override { machine_id, action, reason, operator, minutes } => {
            let machine_id = machine(room, &machine_id)?;
            let action = self::action(&action)?;
            short("reason", &reason)?;
            let minutes = minutes.unwrap_or(DEFAULT_MINUTES);
            let allowed = i64::try_from(minutes).ok().filter(|_| (1..=MOST_MINUTES).contains(&minutes));
            let lasts = allowed.map(SignedDuration::from_mins).ok_or(Refused::OverrideTooLong(minutes))?;
            let until = now.checked_add(lasts).map_err(|_| Refused::OverrideTooLong(minutes))?;
            one(&operator, Event::Overridden { machine_id, action, reason, until })
        }
        Command::Release { machine_id, operator } => {
            let machine_id = machine(room, &machine_id)?;
            if room.machines.get(&machine_id).is_none_or(|machine| machine.over.is_none()) {
                return Err(Refused::NotOverridden(machine_id.to_string()));
            }
            one(&operator, Event::Released { machine_id, expired: false })
        }
        Command::Settle { pending, happens, operator } => {
            if !room.pending.contains_key(&pending) {
                return Err(Refused::UnknownPending(pending));
            }
            let confirmed = Event::PendingConfirmed { pending };
            one(&operator, if happens { confirmed } else { Event::PendingDropped { pending } })
        }
        Command::Tick => Ok((Outcome::Done, due(room, now))),
    }
}

fn say(room: &Room, text: &str, speaker: &str, said_at: Timestamp) -> Result<Said, Refused> {
    if text.trim().is_empty() {
        return Err(Refused::EmptyText);
    }
    if text.len() > MOST_TEXT {
        return Err(Refused::TooLong { field: "text", size: text.len(), most: MOST_TEXT });
    }
    short("speaker", speaker)?;
    if room.epoch == 0 {
        return Err(Refused::NoSurgery);
    }
    Ok(Said {
        utterance: room.last_utterance + 1,
        epoch: room.epoch,
        text: text.trim().to_owned(),
        speaker: speaker.to_owned(),
        said_at,
        session_s: room.session_s(said_at),
    })
}

/// The utterance that this is, sent again by a recogniser that did not hear our answer.
fn said_before(room: &Room, text: &str, speaker: &str, said_at: Timestamp) -> Option<u64> {
    let mut said = room.window.iter().map(|heard| &heard.said);
    said.find(|said| said.said_at == said_at && said.speaker == speaker && said.text == text.trim())
        .map(|said| said.utterance)
}

/// What an answer of an earlier epoch, or of another life of the theatre, comes to.
fn too_late<T>(room: &Room, reply: &Reply<T>, what: &str) -> Option<(Outcome, Happened)> {
    let brief = room.said.get(&reply.utterance);
    let fits = reply.epoch == room.epoch && brief.is_some_and(|brief| brief.said_at == reply.said_at);
    let dropped = || Event::Dropped { what: what.to_owned(), utterance: reply.utterance, epoch: reply.epoch };
    (!fits).then(|| (Outcome::Dropped, vec![("orchestrator".to_owned(), dropped())]))
}

fn understood(room: &Room, reply: Reply<Understanding>) -> Result<(Outcome, Happened), Refused> {
    if let Some(dropped) = too_late(room, &reply, "understood") {
        return Ok(dropped);
    }
    if room.said.get(&reply.utterance).is_some_and(|brief| brief.understood) {
        return Ok((Outcome::Duplicate, Vec::new()));
    }
    let Reply { utterance, epoch, body: understanding, .. } = reply;
    let event = Event::Understood { utterance, epoch, understanding };
    Ok((Outcome::Done, vec![("rules".to_owned(), event)]))
}

fn answered(room: &Room, reply: Reply<ModelAnswer>) -> Result<(Outcome, Happened), Refused> {
    if let Some(dropped) = too_late(room, &reply, "model_answered") {
        return Ok(dropped);
    }
    if room.said.get(&reply.utterance).is_some_and(|brief| brief.modelled) {
        return Ok((Outcome::Duplicate, Vec::new()));
    }
    let Reply { utterance, epoch, body: mut answer, .. } = reply;
    let violations = safety::clean(&mut answer);
    answer.confidence = answer.confidence.clamp(0.0, 1.0);
    let event = Event::ModelAnswered { utterance, epoch, answer, violations };
    Ok((Outcome::Done, vec![("model".to_owned(), event)]))
}

/// What happens by itself, now that it is `now`.
fn due(room: &Room, now: Timestamp) -> Happened {
    let mut events = Vec::new();
    for later in room.pending.values() {
        if let Some(due) = later.due.filter(|due| *due <= now) {
            let stale = now.duration_since(due) > STALE;
            let pending = later.id;
            let event = if stale { Event::PendingDropped { pending } } else { Event::PendingDue { pending } };
            events.push((due, event));
        }
    }
    for (id, machine) in &room.machines {
        if let Some(over) = machine.over.as_ref().filter(|over| over.until <= now) {
            events.push((over.until, Event::Released { machine_id: id.clone(), expired: true }));
        }
    }
    events.sort_by_key(|(due, _)| *due);
    events.into_iter().map(|(_, event)| ("clock".to_owned(), event)).collect()
}

fn machine(room: &Room, written: &str) -> Result<MachineId, Refused> {
    if room.epoch == 0 {
        return Err(Refused::NoSurgery);
    }
    let unknown = || Refused::UnknownMachine {
        machine_id: written.chars().take(20).collect(),
        surgery: room.surgery.clone(),
    };
    let id = MachineId::parse(written).map_err(|_: InvalidMachineId| unknown())?;
    if room.machines.contains_key(&id) { Ok(id) } else { Err(unknown()) }
}

/// Reads an action; small letters will do.
fn action(written: &str) -> Result<Action, Refused> {
    match written.to_ascii_uppercase().as_str() {
        "ON" => Ok(Action::On),
        "OFF" => Ok(Action::Off),
        "STANDBY" => Ok(Action::Standby),
        _ => Err(Refused::UnknownAction(written.chars().take(20).collect())),
    }
}

fn short(field: &'static str, text: &str) -> Result<(), Refused> {
    if text.len() <= MOST_WORDS {
        return Ok(());
    }
    Err(Refused::TooLong { field, size: text.len(), most: MOST_WORDS })
}
