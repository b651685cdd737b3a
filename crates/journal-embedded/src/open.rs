//! Opening: the lock, the tail, the index brought up to the log; and the definitions, a file each beside the log.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use journal::{JournalError, Position};
use parking_lot::Mutex;

use crate::{
    EmbeddedJournal, Inner, Options,
    disk::{Disk, RealDisk},
    index::{Index, Indexed, Resume},
    record::{Header, Kind},
    scan::{Damage, Gap, Next, Scan},
    segment::{self, MAGIC, io_error},
    writer::{Tail, Writer},
};

/// Records told to the index at a time.
const GROUP: usize = 10_000;

/// A journal, and what was found when it was opened.
#[derive(Debug)]
pub struct Opened {
    /// The journal.
    pub journal: EmbeddedJournal,
    /// Bytes at the end that a crash had torn and nobody had been told of: they were cut.
    pub torn: u64,
    /// Damaged places that were left (`leave_damaged`).
    pub damaged: Vec<JournalError>,
    /// The index was built again.
    pub index_rebuilt: bool,
}

impl EmbeddedJournal {
    /// Opens the journal in a folder, which is made where it is not there.
    ///
    /// # Errors
    /// [`JournalError::Io`] where somebody else has it or the disk fails, [`JournalError::Damaged`] where records in the
    /// middle can't be read.
    pub fn open(options: Options) -> Result<Opened, JournalError> {
        Self::open_on(Arc::new(RealDisk), options)
    }

    /// The same, on another disk.
    ///
    /// # Errors
    /// As [`EmbeddedJournal::open`].
    pub fn open_on(disk: Arc<dyn Disk>, options: Options) -> Result<Opened, JournalError> {
        let folder = options.folder.clone();
        let failed = |error: io::Error| io_error(&folder, &error);
        disk.make_folder(&segment::log_folder(&folder)).map_err(failed)?;
        let lock = disk.lock(&folder).map_err(failed)?;
        disk.sync_folder(&folder).map_err(failed)?;
        let index_path = disk.index_path(&folder);
        let (mut index, mut resume) = Index::open(index_path.as_deref())?;
        let mut opening = Opening::new(&*disk, &options);
        let mut index_rebuilt = false;
        if !opening.fits(resume).map_err(failed)? {
            drop(index);
            index_rebuilt = true;
            opening.known = Some(resume);
            (index, resume) = opening.fresh_index(index_path.as_deref())?;
        }
        opening.read_on(&index, resume)?;
        // The writer asks the index how many events a job has: it must not ask too early.
        index.flush()?;
        let tail = opening.tail().map_err(failed)?;
        let dropped = opening.dropped().map_err(failed)?;
        let (torn, damaged) = (opening.torn, opening.damaged);
        let writer = Writer::start(disk.clone(), folder.clone(), options.segment_bytes, tail, index.clone());
        let inner = Inner {
            writer: writer?,
            disk,
            options,
            index,
            retaining: Mutex::new(()),
            defining: Mutex::new(()),
            readers: Mutex::default(),
            files: Mutex::default(),
            dropped: Mutex::new(dropped),
            _lock: lock,
        };
        Ok(Opened { journal: Self { inner: Arc::new(inner) }, torn, damaged, index_rebuilt })
    }
}

/// Reads the log from where the index had come to.
struct Opening<'a> {
    disk: &'a dyn Disk,
    options: &'a Options,
    last: Position,
    /// How far an index had come that was thrown away since: proof that what lies before was durable.
    known: Option<Resume>,
    end: Option<(u64, u64)>,
    torn: u64,
    damaged: Vec<JournalError>,
}

impl<'a> Opening<'a> {
    fn new(disk: &'a dyn Disk, options: &'a Options) -> Self {
        Self { disk, options, last: Position(0), known: None, end: None, torn: 0, damaged: Vec::new() }
    }

    /// Whether the index belongs to this log: where it stopped, the log must go on or end.
    fn fits(&self, resume: Resume) -> io::Result<bool> {
        let numbers = segment::numbers(self.disk, &self.options.folder)?;
        if resume.segment == 0 {
            return Ok(true);
        }
        if !numbers.contains(&resume.segment) {
            return Ok(false);
        }
        let Some(mut scan) = Scan::open(self.disk, &self.options.folder, resume.segment)? else {
            return Ok(false);
        };
        let mut last = Position(0);
        while scan.at < resume.offset {
            match scan.next()? {
                Next::Record(record, _) => last = last.max(record.header.position),
                Next::End | Next::Unreadable => return Ok(false),
            }
        }
        Ok(scan.at == resume.offset && last <= resume.position)
    }

    fn fresh_index(&self, path: Option<&Path>) -> Result<(Index, Resume), JournalError> {
        if let Some(path) = path {
            for ending in ["", "-wal", "-shm"] {
                let file = path.with_file_name(format!("index.sqlite{ending}"));
                if file.exists() {
                    std::fs::remove_file(&file).map_err(|error| io_error(&file, &error))?;
                }
            }
        }
        Index::open(path)
    }

    fn read_on(&mut self, index: &Index, resume: Resume) -> Result<(), JournalError> {
        let folder = &self.options.folder;
        let failed = |error: io::Error| io_error(folder, &error);
        self.last = resume.position;
        let numbers = segment::numbers(self.disk, folder).map_err(failed)?;
        let newest = self.newest(&numbers).map_err(failed)?;
        for number in numbers.iter().filter(|number| (resume.segment..=newest).contains(*number)) {
            let Some(mut scan) = Scan::open(self.disk, folder, *number).map_err(failed)? else {
                // Writing must not go on in it, nor in one before it.
                self.end = None;
                self.note_damage(*number, 0, "the file is no segment of a journal".to_owned())?;
                continue;
            };
            // Segments are begun only when everything in those before them is durable.
            let mut promised = if *number == newest { 0 } else { u64::MAX };
            if *number == resume.segment {
                scan.at = scan.at.max(resume.offset);
            }
            if self.known.is_some_and(|known| known.segment == *number) {
                promised = promised.max(self.known.map_or(0, |known| known.offset));
            }
            self.read_segment(index, &mut scan, *number, promised)?;
        }
        Ok(())
    }

    /// The last segment that anything was written to; those behind it are only laid out.
    fn newest(&self, numbers: &[u64]) -> io::Result<u64> {
        for number in numbers.iter().rev() {
            match Scan::open(self.disk, &self.options.folder, *number)? {
                Some(scan) if scan.last_written()?.is_none() => {}
                Some(_) | None => return Ok(*number),
            }
        }
        Ok(numbers.first().copied().unwrap_or(0))
    }

    fn read_segment(
        &mut self,
        index: &Index,
        scan: &mut Scan,
        number: u64,
        promised: u64,
    ) -> Result<(), JournalError> {
        let failed = |error: io::Error| io_error(&self.options.folder, &error);
        let mut group = Vec::new();
        loop {
            match scan.next().map_err(failed)? {
                Next::Record(record, place) => {
                    self.last = self.last.max(record.header.position);
                    group.push(Indexed::of(*record, place));
                    if group.len() >= GROUP {
                        index.follow(std::mem::take(&mut group), self.last);
                    }
                }
                Next::End | Next::Unreadable => {
                    let at = scan.at;
                    match scan.gap(promised).map_err(failed)? {
                        Gap::Nothing => break,
                        Gap::Torn(until) => {
                            self.cut(number, at, until).map_err(failed)?;
                            break;
                        }
                        Gap::Damage(damage) => self.note_damage(number, at, lost(&damage))?,
                    }
                }
            }
        }
        self.end = Some((number, scan.at));
        index.follow(group, self.last);
        Ok(())
    }

    fn note_damage(&mut self, segment: u64, offset: u64, lost: String) -> Result<(), JournalError> {
        let segment = segment::path(&self.options.folder, segment).display().to_string();
        let damage = JournalError::Damaged { segment, offset, lost };
        if !self.options.leave_damaged {
            return Err(damage);
        }
        self.damaged.push(damage);
        Ok(())
    }

    /// Clears what a crash left half written, so that it can never be taken for something.
    fn cut(&mut self, number: u64, at: u64, until: u64) -> io::Result<()> {
        let file = self.disk.open(&segment::path(&self.options.folder, number), false)?;
        let zeros = vec![0; 1 << 20];
        let mut from = at;
        while from < until {
            let len = usize::try_from(until - from).unwrap_or(zeros.len()).min(zeros.len());
            file.write_at(&zeros[..len], from)?;
            from += len as u64;
        }
        self.torn = until - at;
        file.sync()
    }

    /// Where writing goes on; segments behind it that were laid out and never used are removed.
    fn tail(&self) -> io::Result<Tail> {
        let folder = &self.options.folder;
        let mut numbers = segment::numbers(self.disk, folder)?;
        for name in self.disk.list(&segment::log_folder(folder))? {
            if name.ends_with(".new") {
                self.disk.remove(&segment::log_folder(folder).join(name))?;
            }
        }
        let fresh = numbers.last().map_or(1, |last| last + 1);
        let (number, offset) = self.end.unwrap_or((fresh, MAGIC.len() as u64));
        let unused: Vec<u64> = numbers.iter().copied().filter(|other| *other > number).collect();
        for other in unused {
            self.disk.remove(&segment::path(folder, other))?;
        }
        numbers.retain(|other| *other <= number);
        let file = match numbers.contains(&number) {
            true => self.disk.open(&segment::path(folder, number), false)?,
            false => {
                numbers.push(number);
                segment::lay_out(self.disk, folder, number, self.options.segment_bytes)?
            }
        };
        let mut bytes = 0;
        for other in &numbers {
            bytes += self.disk.open(&segment::path(folder, *other), false)?.len()?;
        }
        let len = file.len()?;
        Ok(Tail { file, segment: number, offset, len, last: self.last, segments: numbers.len(), bytes })
    }

    /// Everything up to here may be gone: what lay before the last segment that one is missing in front of.
    fn dropped(&self) -> io::Result<Position> {
        let numbers = segment::numbers(self.disk, &self.options.folder)?;
        let mut before = 0;
        let mut complete_from = 0;
        for (place, number) in numbers.iter().enumerate() {
            if *number != before + 1 {
                complete_from = place;
            }
            before = *number;
        }
        if numbers.get(complete_from).is_none_or(|first| *first == 1) {
            return Ok(Position(0));
        }
        for number in &numbers[complete_from..] {
            let Some(mut scan) = Scan::open(self.disk, &self.options.folder, *number)? else { continue };
            while let Next::Record(record, _) = scan.next()? {
                if record.header.kind == Kind::Batch {
                    return Ok(Position(record.header.position.0.saturating_sub(1)));
                }
            }
        }
        Ok(self.last)
    }
}

/// What damage has taken, for a person.
pub(crate) fn lost(damage: &Damage) -> String {
    let what = match damage.of {
        Some(Header { kind: Kind::Dropped, job, .. }) => format!("the mark that job {job} was dropped"),
        Some(of) => {
            let more = if damage.bytes > of.record_len() { ", and what followed them," } else { "" };
            format!("{} events of job {} from its event {} on{more} are lost", of.count, of.job, of.first)
        }
        None => "what is lost can't be told".to_owned(),
    };
    let bytes = damage.bytes;
    match damage.after {
        Some(Header { position, job, .. }) => {
            format!("{what}; {bytes} bytes before the batch at position {position} of job {job}")
        }
        None => format!("{what}; {bytes} bytes, to the end of what was written"),
    }
}

fn definition_path(folder: &Path, hash: [u8; 32]) -> PathBuf {
    let name: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    folder.join("definitions").join(format!("{name}.toml"))
}

/// Keeps a definition; durable when this returns.
pub(crate) fn put_definition(
    disk: &dyn Disk,
    folder: &Path,
    hash: [u8; 32],
    text: &str,
) -> Result<(), JournalError> {
    let path = definition_path(folder, hash);
    let put = || {
        let definitions = folder.join("definitions");
        disk.make_folder(&definitions)?;
        let names = disk.list(&definitions)?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if names.contains(&name) {
            return Ok(());
        }
        let fresh = path.with_extension("new");
        if names.contains(&name.replace(".toml", ".new")) {
            disk.remove(&fresh)?;
        }
        let file = disk.open(&fresh, true)?;
        file.write_at(text.as_bytes(), 0)?;
        file.sync()?;
        disk.rename(&fresh, &path)?;
        disk.sync_folder(&definitions)?;
        disk.sync_folder(folder)
    };
    put().map_err(|error: io::Error| match error.kind() {
        io::ErrorKind::StorageFull => JournalError::Full,
        _ => io_error(&path, &error),
    })
}

/// A definition; none where it is not there or not what its name says.
pub(crate) fn definition(
    disk: &dyn Disk,
    folder: &Path,
    hash: [u8; 32],
) -> Result<Option<String>, JournalError> {
    let path = definition_path(folder, hash);
    let file = match disk.open(&path, false) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error(&path, &error)),
    };
    let read = || {
        let mut bytes = vec![0; usize::try_from(file.len()?).unwrap_or(0)];
        file.read_at(&mut bytes, 0)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|error: io::Error| io_error(&path, &error))?;
    if *blake3::hash(&bytes).as_bytes() != hash {
        let lost = "the definition is not what its name says".to_owned();
        return Err(JournalError::Damaged { segment: path.display().to_string(), offset: 0, lost });
    }
    Ok(String::from_utf8(bytes).ok())
}

/// The hashes of all definitions, sorted.
pub(crate) fn definitions(disk: &dyn Disk, folder: &Path) -> Result<Vec<[u8; 32]>, JournalError> {
    let path = folder.join("definitions");
    let names = disk.list(&path).map_err(|error| io_error(&path, &error))?;
    // What is no hash is not ours: one that was being written when the machine stopped.
    Ok(names.iter().filter_map(|name| hash_of(name.strip_suffix(".toml")?)).collect())
}

/// The hash that a name stands for.
fn hash_of(name: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    if name.len() != 64 || !name.is_ascii() {
        return None;
    }
    for (nth, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(name.get(2 * nth..2 * nth + 2)?, 16).ok()?;
    }
    Some(hash)
}
