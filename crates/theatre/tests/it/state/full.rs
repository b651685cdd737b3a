//! A disk that fails or is full: who asked is told, what was acknowledged stays, what was refused did not happen, and it goes on
//! when there is room.

use std::{
    fs, io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU8, Ordering},
    },
};

use theatre::{
    model::Action,
    state::{
        chain,
        command::{Command, Refused},
        log::{Log, Medium, Opener},
        writer::Theatre,
    },
};

use super::support::{Bare, Hands, id};

/// A file on a disk with so much room left; negative: as much as is wanted.
#[derive(Debug, Clone)]
struct Disk {
    room: Arc<AtomicI64>,
    /// What else fails: see the constants.
    fails: Arc<AtomicU8>,
}

/// Syncs fail, once.
const SYNC: u8 = 1;
/// It cannot be opened.
const OPEN: u8 = 2;

#[derive(Debug)]
struct Kept {
    disk: Disk,
    file: fs::File,
}

impl Disk {
    fn new() -> Self {
        Self { room: Arc::new(AtomicI64::new(-1)), fails: Arc::default() }
    }

    fn opener(&self) -> Opener {
        let disk = self.clone();
        Opener(Arc::new(move |path: &Path| {
            if disk.fails.load(Ordering::SeqCst) == OPEN {
                return Err(io::Error::other("the disk is gone"));
            }
            let mut options = fs::OpenOptions::new();
            let file = options.read(true).write(true).create(true).truncate(false).open(path)?;
            Ok(Box::new(Kept { disk: disk.clone(), file }))
        }))
    }
}

impl Medium for Kept {
    fn read_all(&mut self) -> io::Result<Vec<u8>> {
        self.file.read_all()
    }

    /// As a file system does: what fits is written, then there is no room.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let room = self.disk.room.load(Ordering::SeqCst);
        let fits = usize::try_from(room).map_or(bytes.len(), |room| room.min(bytes.len()));
        self.file.append(&bytes[..fits])?;
        if room >= 0 {
            self.disk.room.fetch_sub(i64::try_from(fits).expect("short"), Ordering::SeqCst);
        }
        if fits < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.disk.fails.compare_exchange(SYNC, 0, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            return Err(io::Error::other("the disk did not take it"));
        }
        self.file.sync()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.file.cut(length)
    }
}

fn say(text: &str) -> Command {
    Command::Say { text: text.to_owned(), speaker: "surgeon".to_owned(), said_at: None }
}

fn force(machine: &str) -> Command {
    let (machine_id, action) = (machine.to_owned(), "ON".to_owned());
    Command::Override {
        machine_id,
        action,
        reason: String::new(),
        operator: "Ada".to_owned(),
        minutes: Some(30),
    }
}

/// How many lines the log has, the chain checked.
fn lines(bare: &Bare) -> u64 {
    let bytes = fs::read(bare.folder.path().join("log.jsonl")).expect("a log");
    chain::walk("main", &bytes, |_| ()).expect("it is whole").seq
}

/// What another process would find.
async fn found_again(bare: &Bare) -> theatre::state::room::Room {
    let path = bare.folder.path().join("log.jsonl");
    let (again, _) = Theatre::open(path, "main", "other".to_owned(), Hands::new().clock()).expect("it opens");
    again.look().await.expect("it runs")
}

#[tokio::test]
async fn a_full_disk_refuses_shows_nothing_of_it_and_goes_on_when_there_is_room() {
    let disk = Disk::new();
    let bare = Bare::open_with(disk.opener()).await;
    bare.say("suction on").await;
    let before = bare.theatre.look().await.expect("it runs");
    let shown = bare.theatre.latest().borrow().json.clone();
    let mut live = bare.theatre.follow();
    // Half a line fits.
    for room in [40, 0] {
        disk.room.store(room, Ordering::SeqCst);
        let refused = bare.theatre.tell(force("M05")).await.expect_err("there is no room");
        assert!(matches!(refused, Refused::DiskFull(_)), "{refused}");
        let refused = bare.theatre.tell(say("irrigation on")).await.expect_err("there is no room");
        assert!(matches!(refused, Refused::DiskFull(_)), "{refused}");
        assert_eq!(bare.theatre.look().await.as_ref(), Some(&before), "what was refused did not happen");
        assert_eq!(bare.theatre.latest().borrow().json, shown);
        assert!(live.try_recv().is_err(), "nobody was told");
        assert_eq!((lines(&bare), found_again(&bare).await), (before.seq, before.clone()));
    }
    disk.room.store(-1, Ordering::SeqCst);
    let done = bare.tell(force("M05")).await;
    assert_eq!(done.seq, before.seq + 1, "no number is left out");
    bare.say("irrigation on").await;
    let after = bare.theatre.look().await.expect("it runs");
    assert_eq!(after.machines[&id("M05")].state(), Action::On);
    assert_eq!((lines(&bare), found_again(&bare).await), (after.seq, after));
}

#[tokio::test]
async fn whole_lines_that_were_not_synced_were_refused_and_do_not_come_back() {
    let disk = Disk::new();
    let bare = Bare::open_with(disk.opener()).await;
    bare.say("suction on").await;
    let before = bare.theatre.look().await.expect("it runs");
    disk.fails.store(SYNC, Ordering::SeqCst);
    let refused = bare.theatre.tell(force("M05")).await.expect_err("it was not synced");
    assert!(matches!(refused, Refused::NotWritten(_)), "{refused}");
    assert_eq!(bare.theatre.look().await.as_ref(), Some(&before));
    assert_eq!((lines(&bare), found_again(&bare).await), (before.seq, before));
    bare.tell(force("M06")).await;
}

#[tokio::test]
async fn while_the_log_cannot_be_opened_nothing_is_claimed_and_nothing_is_lost() {
    let disk = Disk::new();
    let bare = Bare::open_with(disk.opener()).await;
    bare.say("suction on").await;
    let before = bare.theatre.look().await.expect("it runs");
    let shown = bare.theatre.latest().borrow().json.clone();
    disk.room.store(0, Ordering::SeqCst);
    disk.fails.store(OPEN, Ordering::SeqCst);
    assert!(matches!(bare.theatre.tell(force("M05")).await, Err(Refused::DiskFull(_))));
    for _ in 0..3 {
        assert!(matches!(bare.theatre.tell(force("M05")).await, Err(Refused::Stopped(_))));
        assert_eq!(bare.theatre.look().await, None, "nothing is known");
        assert_eq!(bare.theatre.latest().borrow().json, shown, "the last that was durable is shown");
    }
    disk.fails.store(0, Ordering::SeqCst);
    disk.room.store(-1, Ordering::SeqCst);
    assert_eq!(bare.tell(force("M05")).await.seq, before.seq + 1);
    let after = bare.theatre.look().await.expect("it runs");
    assert_eq!((lines(&bare), found_again(&bare).await), (after.seq, after));
}

#[test]
fn a_log_is_cut_back_to_what_was_acknowledged() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log.jsonl");
    fs::write(&path, "not acknowledged\n").expect("written");
    let log = Log::open(&Opener::default(), &path, "main", Some(0), |_| ()).expect("it opens");
    assert_eq!((log.end(), fs::read(&path).expect("read")), (0, Vec::new()));
}
