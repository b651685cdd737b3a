//! What a copy of a whole journal needs beside the contract of all journals.

use crate::{Answer, Batch, Journal, Position};

/// A journal that can be copied, and that takes copies.
pub trait Whole: Journal {
    /// The hashes of all definitions, sorted.
    fn definitions(&self) -> Answer<Vec<[u8; 32]>>;
    /// Makes a batch of another journal durable at the position that it has there, so that whoever follows the feed may go on
    /// where he was. It must come after all that is here; otherwise it is no batch ([`crate::JournalError::NotABatch`]).
    fn bring(&self, position: Position, batch: Batch) -> Answer<Position>;
}
