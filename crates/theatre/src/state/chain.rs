//! The chain of hashes over the log: what makes it an audit.
//!
//! A line is `{"seq":…,"at":…,"who":…,"kind":…,"payload":…,"prev":"…","hash":"…"}`. Its hash is BLAKE3 over the hash of the line
//! before and the bytes of the line up to `,"hash"`: the canonical form of an entry is the bytes that were written, so that no
//! second way to write it can pass. The first line follows a hash of the theatre's name: no log passes for another's.

use std::fmt::Write as _;

use serde::Deserialize;

use super::event::Entry;

/// Length of a hash in hexadecimal.
const HEX: usize = 64;

/// The end of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The last line's number; 0 where there is none.
    pub seq: u64,
    /// Its hash.
    pub hash: blake3::Hash,
}

/// The first line that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct Broken {
    /// From 1.
    pub line: u64,
    /// What does not fit.
    pub why: String,
}

#[derive(Deserialize)]
struct Links {
    prev: String,
    hash: String,
}

impl Head {
    /// Where a theatre's chain begins.
    #[must_use]
    pub fn genesis(theatre: &str) -> Self {
        Self { seq: 0, hash: blake3::hash(format!("segue theatre {theatre}").as_bytes()) }
    }

    /// Appends an entry to `lines` as a line with its newline, and moves on to it.
    ///
    /// # Errors
    /// Where the entry cannot be written as JSON.
    pub fn append(&mut self, entry: &Entry, lines: &mut String) -> Result<(), serde_json::Error> {
        let mut line = serde_json::to_string(entry)?;
        line.pop();
        // Writing to a String does not fail.
        let _ = write!(line, ",\"prev\":\"{}\"", self.hash.to_hex());
        self.hash = digest(self.hash, line.as_bytes());
        self.seq = entry.seq;
        lines.push_str(&line);
        lines.push_str(&end_of_line(self.hash));
        lines.push('\n');
        Ok(())
    }

    /// Checks the line that follows, without its newline, and moves on to it.
    ///
    /// # Errors
    /// What does not fit, in words.
    pub fn follow(&mut self, line: &[u8]) -> Result<Entry, String> {
        let end = line.len().checked_sub(HEX + r#","hash":""}"#.len());
        let (body, rest) = line.split_at(end.ok_or_else(|| "it is too short for an entry".to_owned())?);
        let links: Links =
            serde_json::from_slice(line).map_err(|error| format!("it is no entry: {error}"))?;
        if links.prev != self.hash.to_hex().as_str() {
            return Err(format!(
                "it does not follow the line before: it names {:.12}… as its hash",
                links.prev
            ));
        }
        let hash = digest(self.hash, body);
        if links.hash != hash.to_hex().as_str() || rest != end_of_line(hash).as_bytes() {
            return Err("its hash is not that of its content".to_owned());
        }
        let entry: Entry =
            serde_json::from_slice(line).map_err(|error| format!("it is no entry: {error}"))?;
        if entry.seq != self.seq + 1 {
            return Err(format!("it has the number {}, and {} is next", entry.seq, self.seq + 1));
        }
        *self = Self { seq: entry.seq, hash };
        Ok(entry)
    }
}

/// Goes through a whole log, and hands each entry on.
///
/// # Errors
/// The first line that does not fit. Bytes after the last newline are such a line.
pub fn walk(theatre: &str, log: &[u8], mut each: impl FnMut(Entry)) -> Result<Head, Broken> {
    let mut head = Head::genesis(theatre);
    for line in log.split_inclusive(|&byte| byte == b'\n') {
        each(walk_one(&mut head, line).map_err(|why| Broken { line: head.seq + 1, why })?);
    }
    Ok(head)
}

/// Checks one line with its newline, and moves on to it.
///
/// # Errors
/// What does not fit, in words; then nothing has moved.
pub fn walk_one(head: &mut Head, line: &[u8]) -> Result<Entry, String> {
    head.follow(line.strip_suffix(b"\n").ok_or_else(|| "it has no end".to_owned())?)
}

fn end_of_line(hash: blake3::Hash) -> String {
    format!(",\"hash\":\"{}\"}}", hash.to_hex())
}

fn digest(before: blake3::Hash, body: &[u8]) -> blake3::Hash {
    blake3::Hasher::new().update(before.as_bytes()).update(body).finalize()
}
