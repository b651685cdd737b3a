//! Finding out what became of a group whose answer was lost, and of a head that is not where it was.

use std::collections::{HashMap, HashSet};

use engine::ids::JobId;
use journal::{JournalError, Position};
use uuid::Uuid;

use super::{Appender, PAUSES, Request, refuse};
use crate::{
    connect::{Session, Trouble, answer},
    group::{Group, count, number},
};

/// Uses the positions of a group up. Waits for whoever holds the row: a server that still works on the group.
const BURN: &str = "UPDATE segue.head SET last = $3 WHERE one AND epoch = $1 AND last = $2";
const HEAD: &str = "SELECT epoch, last FROM segue.head WHERE one";
/// Which batches have their first event at their position.
const FIND: &str = "
    SELECT e.job FROM unnest($1::uuid[], $2::int8[], $3::int8[]) AS b(job, seq, position)
    JOIN segue.events e ON e.job = b.job AND e.seq = b.seq AND e.position = b.position
    WHERE e.job = ANY ($1)";
const EVENTS: &str = "SELECT job, events FROM segue.jobs WHERE job = ANY ($1)";

/// Where the journal ends.
struct Head {
    epoch: u64,
    last: Position,
}

impl Appender {
    /// Finds out which batches of a group were stored. After that nothing of it will be: its positions are used up, also for
    /// a server that has the statement still before it. Stored ones are answered; the others wait to be sent again.
    pub(super) async fn settle(&mut self, group: Group, requests: Vec<Request>) -> Result<(), JournalError> {
        let (head, stored) = loop {
            match self.find_out(&group).await {
                Ok(found) => break found,
                Err(trouble) => {
                    if self.inbox.is_closed() && requests.iter().all(|request| request.reply.is_closed()) {
                        // Nobody wants to know any more.
                        return Err(super::gone());
                    }
                    tracing::warn!(?trouble, "what became of events is not known yet; asking again");
                    self.session = None;
                    self.take_in();
                    self.give_up(&trouble.into_error());
                    tokio::time::sleep(self.pause).await;
                    self.pause = (self.pause * 2).min(PAUSES.1);
                }
            }
        };
        let (_, _, positions) = group.places();
        let mut open = Vec::new();
        for (request, position) in requests.into_iter().zip(positions) {
            if stored.contains(&request.batch.job.0) {
                let _ = request.reply.send(Ok(Position(count(*position))));
            } else {
                open.push(request);
            }
        }
        let after = self.last;
        self.last = head.last;
        let known = self.judge(&head, after);
        if let Err(error) = &known {
            refuse(open, error);
        } else {
            self.put_back(open);
        }
        known
    }

    /// What a head means that was not found where it was expected.
    pub(super) async fn moved(&mut self, group: &Group) -> Result<(), JournalError> {
        let Some((session, _)) = &self.session else { return Ok(()) };
        match head(session).await {
            Ok(head) => {
                self.judge(&head, group.after)?;
                // Nobody else writes in our epoch; whoever did was one of us.
                self.last = head.last;
            }
            Err(_) => self.session = None,
        }
        Ok(())
    }

    /// Whether we may go on from a head, where positions up to `after` were given out.
    fn judge(&self, head: &Head, after: Position) -> Result<(), JournalError> {
        if head.epoch > self.epoch {
            return Err(JournalError::Fenced { epoch: self.epoch, current: head.epoch });
        }
        if head.epoch < self.epoch || head.last < after {
            let Head { epoch, last } = head;
            let reason = format!(
                "the database has forgotten what it had stored: it is at position {last} of epoch {epoch}, and was at \
                 {after} of epoch {}; was it replaced by a copy that was behind?",
                self.epoch
            );
            return Err(JournalError::Stopped { reason });
        }
        Ok(())
    }

    async fn find_out(&mut self, group: &Group) -> Result<(Head, HashSet<Uuid>), Trouble> {
        if self.session.as_ref().is_none_or(|(session, _)| session.is_closed()) {
            self.try_to_connect().await?;
        }
        let Some((session, _)) = &self.session else {
            return Err(Trouble::Lost("there is no connection".to_owned()));
        };
        let (epoch, after, last) = (number(self.epoch), number(group.after.0), number(group.last().0));
        answer(session.client().execute(BURN, &[&epoch, &after, &last]), None).await?;
        let head = head(session).await?;
        let (jobs, expected, positions) = group.places();
        let rows = answer(session.client().query(FIND, &[&jobs, &expected, &positions]), None).await?;
        Ok((head, rows.iter().map(|row| row.get(0)).collect()))
    }

    /// How many events jobs have.
    pub(super) async fn heads_of(&self, jobs: &[JobId]) -> Result<HashMap<JobId, u64>, Trouble> {
        let Some((session, _)) = &self.session else {
            return Err(Trouble::Lost("there is no connection".to_owned()));
        };
        let jobs: Vec<Uuid> = jobs.iter().map(|job| job.0).collect();
        let rows = answer(session.client().query(EVENTS, &[&jobs]), None).await?;
        Ok(rows.iter().map(|row| (JobId(row.get(0)), count(row.get(1)))).collect())
    }
}

async fn head(session: &Session) -> Result<Head, Trouble> {
    let row = answer(session.client().query_one(HEAD, &[]), None).await?;
    Ok(Head { epoch: count(row.get(0)), last: Position(count(row.get(1))) })
}
