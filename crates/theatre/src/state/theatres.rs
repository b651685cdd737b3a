//! All theatres of this service, each with its folder, its writer, and what follows the writer: the copy of the state and the
//! starter of jobs.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;
use tokio::{sync::broadcast, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    copy,
    log::OpenError,
    starter::Starter,
    writer::{Clock, Theatre},
};

/// The theatre that is meant where none is named.
pub const MAIN: &str = "main";
/// The longest name of a theatre.
const MOST_NAME: usize = 40;
/// Theatres of one service at most.
const MOST_THEATRES: usize = 500;
/// Partial transcripts that a reader may be behind.
const PARTIALS: usize = 32;

/// Why there is no such theatre.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NoTheatre {
    /// It cannot be a name.
    #[error("a theatre's name has 1 to {MOST_NAME} of a-z, 0-9, - and _, and begins with a letter or digit")]
    InvalidName,
    /// Nothing was said there yet.
    #[error("there is no theatre '{0}' yet: choosing a surgery there makes it")]
    Unknown(String),
    /// There are too many.
    #[error("{MOST_THEATRES} theatres are the most for one service")]
    TooMany,
    /// Its log is damaged.
    #[error("{0}")]
    Damaged(String),
    /// Its folder or log cannot be used.
    #[error("{0}")]
    Unusable(String),
}

/// A theatre with what belongs to it.
#[derive(Debug, Clone)]
pub struct Place {
    /// Its writer.
    pub theatre: Theatre,
    /// What is being said right now, before the sentence is over: shown, never kept.
    pub partials: broadcast::Sender<Arc<str>>,
}

#[derive(Debug)]
enum Slot {
    Open(Place),
    /// Its log cannot be used; why.
    Shut(NoTheatre),
}

#[derive(Debug, Default)]
struct Inner {
    slots: BTreeMap<String, Slot>,
    writers: Vec<JoinHandle<()>>,
    followers: Vec<JoinHandle<()>>,
}

/// All theatres.
pub struct Theatres {
    folder: PathBuf,
    clock: Clock,
    starter: Starter,
    stop: CancellationToken,
    inner: Mutex<Inner>,
}

impl std::fmt::Debug for Theatres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Theatres").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Theatres {
    /// Theatres in a folder. Nothing is opened yet.
    #[must_use]
    pub fn new(folder: PathBuf, clock: Clock, starter: Starter) -> Self {
        Self { folder, clock, starter, stop: CancellationToken::new(), inner: Mutex::default() }
    }

    /// Opens every theatre that has a folder, and the main one. One whose log is damaged stays shut; the others do not suffer.
    ///
    /// # Errors
    /// The folder cannot be used.
    pub fn open(&self) -> io::Result<()> {
        std::fs::create_dir_all(&self.folder)?;
        let mut names = vec![MAIN.to_owned()];
        for entry in std::fs::read_dir(&self.folder)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if is_name(&name) && name != MAIN {
                names.push(name);
            }
        }
        let inner = &mut *self.inner.lock();
        for name in names {
            if let Err(error) = self.open_one(inner, &name) {
                tracing::error!(theatre = name, %error, "a theatre stays shut");
            }
        }
        Ok(())
    }

    /// A theatre that is there.
    ///
    /// # Errors
    /// There is none of this name, or its log cannot be used.
    pub fn find(&self, name: &str) -> Result<Place, NoTheatre> {
        if !is_name(name) {
            return Err(NoTheatre::InvalidName);
        }
        match self.inner.lock().slots.get(name) {
            Some(Slot::Open(place)) => Ok(place.clone()),
            Some(Slot::Shut(why)) => Err(why.clone()),
            None => Err(NoTheatre::Unknown(name.to_owned())),
        }
    }

    /// A theatre, made if it is not there.
    ///
    /// # Errors
    /// It cannot be a name, there are too many, or its log cannot be used.
    pub fn find_or_make(&self, name: &str) -> Result<Place, NoTheatre> {
        match self.find(name) {
            Err(NoTheatre::Unknown(_) | NoTheatre::Unusable(_)) => {}
            found => return found,
        }
        let inner = &mut *self.inner.lock();
        match inner.slots.get(name) {
            Some(Slot::Open(place)) => Ok(place.clone()),
            // A full disk passes; damage does not.
            Some(Slot::Shut(NoTheatre::Unusable(_))) => self.open_one(inner, name),
            Some(Slot::Shut(why)) => Err(why.clone()),
            None if inner.slots.len() >= MOST_THEATRES => Err(NoTheatre::TooMany),
            None => self.open_one(inner, name),
        }
    }

    /// Names of all theatres, also of those that are shut.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.inner.lock().slots.keys().cloned().collect()
    }

    /// Where a theatre's log is.
    #[must_use]
    pub fn log_of(&self, name: &str) -> PathBuf {
        self.folder.join(name).join("log.jsonl")
    }

    /// Writes what waits, and ends all that runs here.
    pub async fn close(&self) {
        self.stop.cancel();
        let Inner { slots, writers, followers } = std::mem::take(&mut *self.inner.lock());
        for slot in slots.values() {
            if let Slot::Open(place) = slot {
                place.theatre.stop().await;
            }
        }
        drop(slots);
        for one in writers.into_iter().chain(followers) {
            if let Err(error) = one.await {
                tracing::error!(%error, "a theatre's writer broke down");
            }
        }
    }

    fn open_one(&self, inner: &mut Inner, name: &str) -> Result<Place, NoTheatre> {
        let opened = self.open_log(name);
        let (theatre, writer) = match opened {
            Ok(opened) => opened,
            Err(why) => {
                inner.slots.insert(name.to_owned(), Slot::Shut(why.clone()));
                return Err(why);
            }
        };
        inner.writers.push(writer);
        let copy = self.folder.join(name).join("state.json");
        inner.followers.push(tokio::spawn(copy::keep(copy, theatre.latest())));
        let (starter, starting, stop) = (self.starter.clone(), theatre.clone(), self.stop.clone());
        inner.followers.push(tokio::spawn(async move {
            let Some(room) = starting.look().await else { return };
            starter.run(starting, room.session, stop).await;
        }));
        let place = Place { theatre, partials: broadcast::Sender::new(PARTIALS) };
        inner.slots.insert(name.to_owned(), Slot::Open(place.clone()));
        Ok(place)
    }

    fn open_log(&self, name: &str) -> Result<(Theatre, JoinHandle<()>), NoTheatre> {
        let path = self.log_of(name);
        make_folder(&self.folder, name)
            .map_err(|error| NoTheatre::Unusable(format!("{}: {error}", path.display())))?;
        let session = Uuid::now_v7().to_string();
        Theatre::open(path, name, session, Arc::clone(&self.clock)).map_err(|error| match error {
            OpenError::Damaged { .. } => NoTheatre::Damaged(error.to_string()),
            OpenError::File { ref source, .. } => NoTheatre::Unusable(format!("{error}: {source}")),
        })
    }
}

/// Makes a theatre's folder so that it is there after a power cut too.
fn make_folder(parent: &Path, name: &str) -> io::Result<()> {
    std::fs::create_dir_all(parent.join(name))?;
    std::fs::File::open(parent)?.sync_all()
}

/// Whether a text can be the name of a theatre, and of its folder.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=MOST_NAME).contains(&text.len())
        && text.bytes().next().is_some_and(plain)
        && text.bytes().all(|byte| plain(byte) || matches!(byte, b'-' | b'_'))
}
