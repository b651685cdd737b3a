//! The phases by which answers reach the state: each takes one answer and says what became of it. They only write a line, so
//! they answer at once; the same attempt again finds its answer taken.

use std::sync::Arc;

use phase_kit::{Context, Phase, PhaseError, Success};
use serde::Serialize;

use super::{
    command::{Command, Outcome, Refused, Reply},
    theatres::{NoTheatre, Theatres},
};
use crate::model::{ModelAnswer, Understanding, Utterance};

/// Takes in what the rules understood.
#[derive(Debug)]
pub struct ApplyRules(pub Arc<Theatres>);

/// Takes in what the model answered.
#[derive(Debug)]
pub struct ApplyModel(pub Arc<Theatres>);

/// What became of an answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Applied {
    /// It is in the state.
    pub applied: bool,
    /// It had been taken in before.
    pub duplicate: bool,
    /// It came too late, because another surgery has been chosen since; or there was nothing to take.
    pub dropped: bool,
    /// The last event's number; 0 where nothing was taken.
    pub seq: u64,
}

impl Phase for ApplyRules {
    const NAME: &'static str = "apply_rules";
    type Input = Utterance;
    type Output = Applied;

    async fn run(&self, ctx: Context, said: Utterance) -> Result<Success<Applied>, PhaseError> {
        let understanding: Understanding = ctx.upstream("rules")?;
        take(&self.0, &said, Command::Understood(reply(&said, understanding))).await
    }
}

impl Phase for ApplyModel {
    const NAME: &'static str = "apply_model";
    type Input = Utterance;
    type Output = Applied;

    async fn run(&self, ctx: Context, said: Utterance) -> Result<Success<Applied>, PhaseError> {
        // None: a newer utterance was asked about instead.
        match ctx.upstream::<Option<ModelAnswer>>("llm")? {
            Some(answer) => take(&self.0, &said, Command::Answered(reply(&said, answer))).await,
            None => Ok(Success::new(Applied { applied: false, duplicate: false, dropped: true, seq: 0 })),
        }
    }
}

fn reply<T>(said: &Utterance, body: T) -> Reply<T> {
    Reply { utterance: said.seq, epoch: said.epoch, said_at: said.said_at, body }
}

async fn take(
    theatres: &Theatres,
    said: &Utterance,
    command: Command,
) -> Result<Success<Applied>, PhaseError> {
    let place = theatres.find(&said.theatre).map_err(|why| match why {
        NoTheatre::InvalidName | NoTheatre::Unknown(_) => {
            PhaseError::permanent("unknown-theatre", why.to_string())
        }
        _ => PhaseError::retry("theatre-shut", why.to_string()),
    })?;
    let done = place.theatre.tell(command).await.map_err(|why| match why {
        Refused::NotWritten(_) | Refused::DiskFull(_) | Refused::Stopped(_) => {
            PhaseError::retry("not-written", why.to_string())
        }
        _ => PhaseError::permanent("refused", why.to_string()),
    })?;
    Ok(Success::new(Applied {
        applied: done.outcome == Outcome::Done,
        duplicate: done.outcome == Outcome::Duplicate,
        dropped: done.outcome == Outcome::Dropped,
        seq: done.seq,
    }))
}
