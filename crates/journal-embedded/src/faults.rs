//! A disk in memory that fails on command: loses what was not synced, tears writes, fills up, lies.
//!
//! For tests of ours and for the simulator. Nothing in it is random: every fault is asked for.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;

use crate::disk::{Disk, File, Lock};

/// What happens at a write or sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It fails, and nothing was done.
    Fails,
    /// It is done, and reported as failed.
    DoneButFails,
    /// The disk is full.
    Full,
    /// Everything stops: nothing is done from here on.
    Crash,
}

/// A disk in memory. Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub struct FaultDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// Which file a name is for: an open file stays the same under another name.
    names: BTreeMap<PathBuf, u64>,
    files: BTreeMap<u64, Content>,
    /// What happens at the n-th operation that changes something, from 0.
    faults: BTreeMap<u64, Fault>,
    operations: u64,
    crashed: bool,
    /// Bytes that files may still grow by; none: no limit.
    room: Option<u64>,
}

#[derive(Debug, Default, Clone)]
struct Content {
    durable: Vec<u8>,
    now: Vec<u8>,
    /// Writes since the last sync, oldest first: offset and bytes.
    unsynced: Vec<(usize, Vec<u8>)>,
}

impl FaultDisk {
    /// Lets the n-th operation that changes something (from 0) go wrong.
    pub fn plan(&self, operation: u64, fault: Fault) {
        self.state.lock().faults.insert(operation, fault);
    }

    /// How many operations have changed something.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.state.lock().operations
    }

    /// Bounds by how many bytes files may still grow; none lifts the bound. What was laid out before has its room.
    pub fn set_room(&self, room: Option<u64>) {
        self.state.lock().room = room;
    }

    /// The power goes: of what was written since the last sync of each file, `keep` says how many writes survive whole, and
    /// of the next one how many bytes. Afterwards the disk works again.
    pub fn crash(&self, keep: usize, torn_bytes: usize) {
        let mut state = self.state.lock();
        state.crashed = false;
        state.faults.clear();
        for content in state.files.values_mut() {
            let mut survived = content.durable.clone();
            for (number, (offset, bytes)) in content.unsynced.drain(..).enumerate() {
                let len = match number {
                    number if number < keep => bytes.len(),
                    number if number == keep => torn_bytes.min(bytes.len()),
                    _ => 0,
                };
                put(&mut survived, offset, &bytes[..len]);
            }
            content.durable.clone_from(&survived);
            content.now = survived;
        }
    }

    /// Changes one byte of a file, as a failing disk does.
    pub fn flip(&self, path: &Path, offset: usize) {
        let mut state = self.state.lock();
        if let Some(content) = state.named(path) {
            for bytes in [&mut content.now, &mut content.durable] {
                if let Some(byte) = bytes.get_mut(offset) {
                    *byte ^= 0x40;
                }
            }
        }
    }

    /// What a file holds.
    #[must_use]
    pub fn content(&self, path: &Path) -> Option<Vec<u8>> {
        self.state.lock().named(path).map(|content| content.now.clone())
    }

    /// Puts a file there, durable.
    pub fn set_content(&self, path: &Path, bytes: Vec<u8>) {
        let content = Content { durable: bytes.clone(), now: bytes, unsynced: Vec::new() };
        self.state.lock().add(path, content);
    }
}

fn put(into: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    if into.len() < offset + bytes.len() {
        into.resize(offset + bytes.len(), 0);
    }
    into[offset..offset + bytes.len()].copy_from_slice(bytes);
}

impl State {
    fn named(&mut self, path: &Path) -> Option<&mut Content> {
        self.files.get_mut(self.names.get(path)?)
    }

    fn add(&mut self, path: &Path, content: Content) -> u64 {
        let number = self.files.keys().next_back().map_or(0, |last| last + 1);
        self.files.insert(number, content);
        self.names.insert(path.to_owned(), number);
        number
    }

    /// Counts an operation and says whether it is to be done, and what its caller is told.
    fn operation(&mut self, grows: u64) -> (bool, io::Result<()>) {
        if self.crashed {
            return (false, Err(io::Error::other("the machine is off")));
        }
        let fault = self.faults.get(&self.operations).copied();
        self.operations += 1;
        if let Some(room) = &mut self.room {
            if *room < grows {
                return (false, Err(io::ErrorKind::StorageFull.into()));
            }
            *room -= grows;
        }
        match fault {
            None => (true, Ok(())),
            Some(Fault::Fails) => (false, Err(io::Error::other("planned failure"))),
            Some(Fault::DoneButFails) => (true, Err(io::Error::other("planned failure, but done"))),
            Some(Fault::Full) => (false, Err(io::ErrorKind::StorageFull.into())),
            Some(Fault::Crash) => {
                self.crashed = true;
                (false, Err(io::Error::other("the machine is off")))
            }
        }
    }
}

#[derive(Debug)]
struct FaultFile {
    number: u64,
    state: Arc<Mutex<State>>,
}

impl Disk for FaultDisk {
    fn open(&self, path: &Path, create: bool) -> io::Result<Box<dyn File>> {
        let mut state = self.state.lock();
        let number = match (state.names.get(path).copied(), create) {
            (Some(_), true) => return Err(io::ErrorKind::AlreadyExists.into()),
            (None, false) => return Err(io::ErrorKind::NotFound.into()),
            (Some(number), false) => number,
            (None, true) => {
                let (done, told) = state.operation(0);
                let number = done.then(|| state.add(path, Content::default()));
                told?;
                number.ok_or(io::ErrorKind::NotFound)?
            }
        };
        drop(state);
        Ok(Box::new(FaultFile { number, state: self.state.clone() }))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let state = self.state.lock();
        let inside = state.names.keys().filter(|path| path.parent() == Some(folder));
        Ok(inside.filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())).collect())
    }

    fn make_folder(&self, _folder: &Path) -> io::Result<()> {
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        let (done, told) = state.operation(0);
        if done && let Some(number) = state.names.remove(from) {
            state.names.insert(to.to_owned(), number);
        }
        told
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        let (done, told) = state.operation(0);
        if done {
            // Whoever has the file open may go on with it.
            state.names.remove(path);
        }
        told
    }

    fn sync_folder(&self, _folder: &Path) -> io::Result<()> {
        self.state.lock().operation(0).1
    }

    fn index_path(&self, _folder: &Path) -> Option<PathBuf> {
        None
    }

    fn lock(&self, _folder: &Path) -> io::Result<Option<Lock>> {
        Ok(None)
    }
}

impl File for FaultFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.state.lock();
        let len = state.files.get(&self.number).map_or(0, |content| content.now.len() as u64);
        let grows = (offset + bytes.len() as u64).saturating_sub(len);
        let (done, told) = state.operation(grows);
        if done && let Some(content) = state.files.get_mut(&self.number) {
            let offset = usize::try_from(offset).unwrap_or(usize::MAX);
            put(&mut content.now, offset, bytes);
            content.unsynced.push((offset, bytes.to_vec()));
        }
        told
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.state.lock();
        let content = state.files.get(&self.number).ok_or(io::ErrorKind::NotFound)?;
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(content.now.len());
        let len = bytes.len().min(content.now.len() - from);
        bytes[..len].copy_from_slice(&content.now[from..from + len]);
        Ok(len)
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.state.lock();
        let (done, told) = state.operation(0);
        if done && let Some(content) = state.files.get_mut(&self.number) {
            content.durable = content.now.clone();
            content.unsynced.clear();
        }
        told
    }

    fn len(&self) -> io::Result<u64> {
        let state = self.state.lock();
        Ok(state.files.get(&self.number).ok_or(io::ErrorKind::NotFound)?.now.len() as u64)
    }
}
