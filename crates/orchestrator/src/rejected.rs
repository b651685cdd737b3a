//! Callbacks that changed nothing: of an attempt that is over, contradicting what was accepted, of nobody we know, not
//! understood, or of a stranger.
//!
//! None is thrown away unseen: an operator can look at them, and apply or drop each. They are files in a folder beside the
//! journal, a bounded number of bounded size; the oldest make room. The same callback sent again is counted, not kept again.
//!
//! Of what was not understood, or came without a right token, only a note is kept, in memory: who it said it was, and why it
//! was refused. Not its body, since nobody vouches for it and a token may stand anywhere in it. Of strangers there are few:
//! whoever can reach the port must not be able to push out what services sent, or to keep the disk busy.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use engine::ids::{AttemptId, JobId, Timestamp};
use parking_lot::Mutex;
use protocol::{Callback, Problem};
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};
use uuid::Uuid;

use crate::{clock::moment, small_file};

/// Most that are kept.
const MOST: usize = 1_000;
/// Most notes of strangers among them.
const MOST_STRANGERS: usize = 100;
/// Most names that are taken out of one.
const MOST_NAMES: usize = 16;
/// Most bytes of them together.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// A callback that changed nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RejectedCallback {
    /// Names it here, sorting by age.
    pub id: Uuid,
    /// When it came.
    pub at: jiff::Timestamp,
    /// When it last came, since the orchestrator was started.
    pub last_at: jiff::Timestamp,
    /// How often, since the orchestrator was started.
    pub times: u64,
    /// The problem code of its answer.
    pub code: String,
    /// What the answer said.
    pub detail: String,
    /// The job that it named, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<JobId>,
    /// The attempt that it named, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt_id: Option<AttemptId>,
    /// The other names in it, such as the original's `courseCode`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub names: BTreeMap<String, String>,
    /// Itself, without its token; `null` where only this note of it is kept.
    pub callback: Box<RawValue>,
    /// Nobody vouches for it: it came without a right token.
    #[serde(skip)]
    stranger: bool,
}

/// Who a callback said it was, and whether a token vouched for that.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Claim<'a> {
    /// Of its token.
    pub(crate) proven: Option<(JobId, AttemptId)>,
    /// What it says of itself, where that could be read.
    pub(crate) said: Option<&'a Callback>,
}

/// All that are kept.
#[derive(Debug)]
pub struct RejectedCallbacks {
    folder: PathBuf,
    most: usize,
    kept: Mutex<BTreeMap<Uuid, RejectedCallback>>,
}

impl RejectedCallbacks {
    /// Reads what is kept in `folder`, which is made where it is not there. A file that can't be read is left alone.
    ///
    /// # Errors
    /// Where the folder can't be made or read.
    pub fn open(folder: &Path) -> io::Result<Self> {
        Self::open_for(folder, MOST)
    }

    fn open_for(folder: &Path, most: usize) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let mut kept = BTreeMap::new();
        for file in fs::read_dir(folder)? {
            let path = file?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            match serde_json::from_slice::<RejectedCallback>(&fs::read(&path)?) {
                Ok(one) => _ = kept.insert(one.id, one),
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "a rejected callback can't be read")
                }
            }
        }
        Ok(Self { folder: folder.to_owned(), most, kept: Mutex::new(kept) })
    }

    /// Keeps a callback with the problem that it was answered with; on disk when this returns, or a line in the log.
    pub(crate) fn keep(
        &self,
        now: Timestamp,
        problem: &Problem,
        whose: Option<(JobId, AttemptId)>,
        callback: &Callback,
    ) {
        let Ok(text) = serde_json::value::to_raw_value(callback) else { return };
        let claim = Claim { proven: whose, said: Some(callback) };
        self.add(RejectedCallback { callback: text, ..note(now, problem, claim) });
    }

    /// Keeps a note of a callback that was not understood, or came without a right token.
    pub(crate) fn note(&self, now: Timestamp, problem: &Problem, claim: Claim<'_>) {
        let stranger = claim.proven.is_none();
        self.add(RejectedCallback { stranger, ..note(now, problem, claim) });
    }

    fn add(&self, one: RejectedCallback) {
        let dropped = {
            let mut kept = self.kept.lock();
            if let Some(same) = kept.values_mut().find(|there| there.is_same(&one)) {
                same.times += 1;
                same.last_at = one.at;
                return;
            }
            kept.insert(one.id, one.clone());
            make_room(&mut kept, self.most)
        };
        for id in dropped {
            self.remove_file(id);
        }
        if one.is_note() {
            return;
        }
        let written = serde_json::to_vec(&one).map_err(io::Error::from);
        if let Err(error) = written.and_then(|bytes| small_file::replace(&self.path(one.id), &bytes)) {
            tracing::error!(%error, id = %one.id, "a rejected callback is kept in memory only");
        }
    }

    /// Those of a job, or all; the newest first, at most `limit`.
    #[must_use]
    pub fn list(&self, job: Option<JobId>, limit: usize) -> Vec<RejectedCallback> {
        let kept = self.kept.lock();
        let wanted = kept.values().rev().filter(|one| job.is_none_or(|job| one.job_id == Some(job)));
        wanted.take(limit).cloned().collect()
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, id: Uuid) -> Option<RejectedCallback> {
        self.kept.lock().get(&id).cloned()
    }

    /// How many are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.lock().len()
    }

    /// Whether none is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops one; false where there is none.
    pub fn drop_one(&self, id: Uuid) -> bool {
        let there = self.kept.lock().remove(&id).is_some();
        if there {
            self.remove_file(id);
        }
        there
    }

    /// Drops those that came longer ago than `keep`.
    pub fn drop_older(&self, now: Timestamp, keep: Duration) {
        let before = i64::try_from(now.0)
            .unwrap_or(i64::MAX)
            .saturating_sub_unsigned(u64::try_from(keep.as_millis()).unwrap_or(u64::MAX));
        let old: Vec<Uuid> = {
            let kept = self.kept.lock();
            kept.values().filter(|one| one.last_at.as_millisecond() < before).map(|one| one.id).collect()
        };
        for id in old {
            self.drop_one(id);
        }
    }

    fn path(&self, id: Uuid) -> PathBuf {
        self.folder.join(format!("{id}.json"))
    }

    fn remove_file(&self, id: Uuid) {
        match fs::remove_file(self.path(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::error!(%error, %id, "a rejected callback could not be removed");
            }
            _ => {}
        }
    }
}

impl RejectedCallback {
    /// Whether only a note is kept: there is nothing to apply.
    #[must_use]
    pub fn is_note(&self) -> bool {
        self.callback.get() == RawValue::NULL.get()
    }

    fn is_same(&self, other: &Self) -> bool {
        let by = |one: &Self| (one.code.clone(), one.job_id, one.attempt_id);
        by(self) == by(other) && self.names == other.names && self.callback.get() == other.callback.get()
    }

    /// As it is shown.
    #[must_use]
    pub fn view(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

fn note(now: Timestamp, problem: &Problem, claim: Claim<'_>) -> RejectedCallback {
    let at = moment(now);
    let names = claim.said.map(|said| &*said.names).unwrap_or_default();
    // Nothing secret hides in a text member that we do not know.
    let shown = |(name, value): &&(String, String)| {
        !name.to_lowercase().contains("token") && name.len() <= 100 && value.len() <= 200
    };
    RejectedCallback {
        id: Uuid::now_v7(),
        at,
        last_at: at,
        times: 1,
        code: problem.code.as_str().to_owned(),
        detail: problem.to_string(),
        job_id: claim.proven.map(|(job, _)| job).or_else(|| claim.said?.job_id.map(JobId)),
        attempt_id: claim
            .proven
            .map(|(_, attempt)| attempt)
            .or_else(|| claim.said?.attempt_id.map(AttemptId)),
        names: names.iter().filter(shown).take(MOST_NAMES).cloned().collect(),
        callback: RawValue::NULL.to_owned(),
        stranger: false,
    }
}

/// The oldest go until the bounds hold; strangers' among themselves.
fn make_room(kept: &mut BTreeMap<Uuid, RejectedCallback>, most: usize) -> Vec<Uuid> {
    let strangers: Vec<Uuid> = kept.values().filter(|one| one.stranger).map(|one| one.id).collect();
    if let Some(oldest) = strangers.first().filter(|_| strangers.len() > MOST_STRANGERS) {
        kept.remove(oldest);
    }
    let mut bytes: usize = kept.values().map(|one| one.callback.get().len()).sum();
    let mut dropped = Vec::new();
    while kept.len() > most || (bytes > MOST_BYTES && kept.len() > 1) {
        let Some((id, one)) = kept.pop_first() else { break };
        bytes = bytes.saturating_sub(one.callback.get().len());
        dropped.push(id);
    }
    dropped
}

#[cfg(test)]
mod tests {
    use protocol::Code;

    use super::*;

    #[test]
    fn strangers_are_noted_without_their_bodies_push_nobody_out_and_touch_no_disk() {
        let folder = tempfile::tempdir().unwrap();
        let kept = RejectedCallbacks::open_for(folder.path(), 1_000).unwrap();
        let late = Callback::parse(br#"{"success":true,"output":7}"#).unwrap();
        let (job, attempt) = (JobId(Uuid::from_u128(1)), AttemptId(Uuid::from_u128(2)));
        kept.keep(Timestamp(1), &Problem::new(Code::Superseded, "late"), Some((job, attempt)), &late);
        for n in 0..150 {
            let said = format!(
                "{{\"success\":true,\"courseCode\":\"c{n}\",\"output\":\"private\",\"token\":\"secret\"}}"
            );
            let said = Callback::parse(said.as_bytes()).unwrap();
            let claim = Claim { proven: None, said: Some(&said) };
            kept.note(Timestamp(2), &Problem::new(Code::WrongToken, "no"), claim);
        }
        let claim = Claim { proven: Some((job, attempt)), said: None };
        kept.note(Timestamp(3), &Problem::new(Code::MalformedJson, "no"), claim);
        let all = kept.list(None, usize::MAX);
        assert_eq!((all.len(), &*all[0].code, all[0].job_id), (102, "malformed-json", Some(job)));
        assert_eq!((&*all[1].names["courseCode"], &*all[101].code), ("c149", "superseded"));
        let shown: String = all.iter().map(|one| one.view().to_string()).collect();
        assert!(!shown.contains("private") && !shown.contains("secret"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_flood_is_bounded_and_what_is_kept_survives_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let kept = RejectedCallbacks::open_for(folder.path(), 20).unwrap();
        let problem = Problem::new(Code::UnknownJob, "there is no job of that name");
        let body = |n: usize| {
            format!("{{\"phase\":3,\"courseCode\":\"x{n}\",\"success\":true,\"token\":\"secret\"}}")
        };
        for n in 0..25 {
            for _ in 0..2 {
                let callback = Callback::parse(body(n).as_bytes()).unwrap();
                kept.keep(Timestamp(1_000), &problem, None, &callback);
            }
        }
        drop(kept);
        let kept = RejectedCallbacks::open_for(folder.path(), 20).unwrap();
        let all = kept.list(None, usize::MAX);
        assert_eq!((all.len(), &*all[0].names["courseCode"]), (20, "x24"));
        assert!(!all[0].view().to_string().contains("secret"));
        assert!(kept.drop_one(all[0].id) && !kept.drop_one(all[0].id));
        kept.drop_older(Timestamp(10_000), Duration::from_secs(3));
        assert_eq!(kept.list(None, usize::MAX).len(), 0);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
