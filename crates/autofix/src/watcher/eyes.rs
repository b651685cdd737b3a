//! File-system events: which folders are watched, and what an event means for which file.
//!
//! Only folders that are not ignored are watched, each for itself: a build's output would cost a watch for each of its
//! folders, and events without end. Events come through a bounded channel; where it is full, or the system says that some were
//! lost, everything is looked at anew instead.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use notify::{
    Config, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _,
    event::{AccessKind, AccessMode},
};
use parking_lot::Mutex;
use tokio::sync::mpsc::{Receiver, Sender, channel, error::TrySendError};

use crate::{
    desk::WatchedProject,
    paths::RelPath,
    replace::BESIDE,
    rules::{Place, Rules, WATCH_RULES},
};

/// Events that wait to be looked at.
const ROOM: usize = 16_384;

/// A project with its rules.
#[derive(Debug)]
pub(super) struct Project {
    pub(super) name: String,
    pub(super) root: PathBuf,
    pub(super) extensions: Vec<String>,
    pub(super) rules: Rules,
}

/// What a path that an event names is to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Nothing.
    Nothing,
    /// A file that may have changed.
    File(String, RelPath),
    /// A folder that came to be: by its project and path.
    Folder(String, RelPath),
    /// Rules of a project changed.
    Rules(String),
}

/// The watches.
#[derive(Debug)]
pub(super) struct Eyes {
    watcher: Mutex<RecommendedWatcher>,
    /// Events were lost.
    lost: Arc<AtomicBool>,
    /// Folders that cannot be watched, as when the system allows no more watches: then only looking again helps.
    blind: AtomicBool,
}

impl Project {
    pub(super) fn new(project: &WatchedProject) -> Self {
        let WatchedProject { name, path, extensions } = project.clone();
        Self { name, rules: Rules::new(&path, WATCH_RULES), root: path, extensions }
    }

    /// Whether changes of this file start jobs.
    pub(super) fn wants(&self, file: &RelPath) -> bool {
        let hidden = file.as_str().rsplit('/').next().is_some_and(|name| name.starts_with(BESIDE));
        !hidden
            && self.extensions.iter().any(|extension| extension == file.extension())
            && !self.rules.ignores(file, false)
    }

    /// The file at a place, if its changes start jobs.
    pub(super) fn wanted(&self, place: Place) -> Option<RelPath> {
        match place {
            Place::File(file) if self.wants(&file) => Some(file),
            _ => None,
        }
    }

    fn meaning(&self, path: &Path) -> Meaning {
        let Some(file) = RelPath::inside(&self.root, path) else { return Meaning::Nothing };
        if self.rules.is_rule(&file) {
            return Meaning::Rules(self.name.clone());
        }
        let is_folder = path.symlink_metadata().is_ok_and(|kind| kind.is_dir());
        if is_folder && !self.rules.ignores(&file, true) {
            return Meaning::Folder(self.name.clone(), file);
        }
        if !is_folder && self.wants(&file) {
            Meaning::File(self.name.clone(), file)
        } else {
            Meaning::Nothing
        }
    }
}

/// What a path means for the nearest of the projects that it is in.
pub(super) fn meaning(projects: &[Project], path: &Path) -> Meaning {
    let holding = projects.iter().filter(|project| path.starts_with(&project.root));
    let nearest = holding.max_by_key(|project| project.root.as_os_str().len());
    nearest.map_or(Meaning::Nothing, |project| project.meaning(path))
}

impl Eyes {
    /// Opens them; nothing is watched yet. Paths of events come out of the receiver.
    ///
    /// # Errors
    /// Where the system gives no events.
    pub(super) fn open() -> notify::Result<(Self, Receiver<Vec<PathBuf>>)> {
        let (sender, receiver) = channel(ROOM);
        let lost = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&lost);
        let tell = move |event: notify::Result<Event>| hear(event, &sender, &told);
        let watcher = RecommendedWatcher::new(tell, Config::default().with_follow_symlinks(false))?;
        Ok((Self { watcher: Mutex::new(watcher), lost, blind: AtomicBool::new(false) }, receiver))
    }

    /// Watches one folder, without those in it.
    pub(super) fn watch(&self, folder: &Path) {
        let watched = self.watcher.lock().watch(folder, RecursiveMode::NonRecursive);
        match watched {
            Ok(()) => {}
            // It is gone again.
            Err(error) if matches!(error.kind, notify::ErrorKind::PathNotFound) => {}
            Err(_) if !folder.exists() => {}
            Err(error) => {
                if !self.blind.swap(true, Ordering::SeqCst) {
                    tracing::error!(folder = %folder.display(), %error, "a folder cannot be watched: all are looked at each minute");
                }
            }
        }
    }

    /// Watches a project's folders, all of them or those below one, and returns the files that are there. Folders first: what
    /// changes meanwhile is an event then.
    pub(super) fn watch_below(
        &self,
        project: &Project,
        folder: Option<&RelPath>,
    ) -> std::io::Result<Vec<RelPath>> {
        self.watch(&folder.map_or_else(|| project.root.clone(), |folder| folder.under(&project.root)));
        for place in project.rules.walk_from(folder)? {
            if let Place::Folder(folder) = place {
                self.watch(&folder.under(&project.root));
            }
        }
        let places = project.rules.walk_from(folder)?.into_iter();
        Ok(places.filter_map(|place| project.wanted(place)).collect())
    }

    /// Whether events were lost since this was last asked.
    pub(super) fn lost_some(&self) -> bool {
        self.lost.swap(false, Ordering::SeqCst)
    }

    /// Whether some folder is not watched.
    pub(super) fn is_blind(&self) -> bool {
        self.blind.load(Ordering::SeqCst)
    }
}

fn hear(event: notify::Result<Event>, sender: &Sender<Vec<PathBuf>>, lost: &AtomicBool) {
    let event = match event {
        Ok(event) => event,
        Err(error) => {
            tracing::warn!(%error, "events may be lost");
            lost.store(true, Ordering::SeqCst);
            return;
        }
    };
    if event.need_rescan() {
        lost.store(true, Ordering::SeqCst);
    }
    let reads = matches!(event.kind, EventKind::Access(kind) if kind != AccessKind::Close(AccessMode::Write));
    if reads || event.paths.is_empty() {
        return;
    }
    // Without room the whole tree is looked at, which finds this one, too.
    if let Err(TrySendError::Full(_)) = sender.try_send(event.paths) {
        lost.store(true, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::{path::PathBuf, sync::atomic::AtomicBool, sync::atomic::Ordering};

    use notify::{Event, EventKind, event::CreateKind, event::Flag};
    use tokio::sync::mpsc::channel;

    use super::{Meaning, Project, hear, meaning};
    use crate::{desk::WatchedProject, paths::RelPath};

    #[test]
    fn only_configured_files_that_no_rule_leaves_out_count() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("a real path");
        std::fs::create_dir(root.join("src")).expect("made");
        std::fs::write(root.join(".segueignore"), "gen.rs\n").expect("written");
        let project =
            WatchedProject { name: "p".to_owned(), path: root.clone(), extensions: vec!["rs".to_owned()] };
        let projects = [Project::new(&project)];
        let of = |file: &str| meaning(&projects, &root.join(file));
        let path = |file: &str| RelPath::new(file).expect("a path");
        assert_eq!(of("src/a.rs"), Meaning::File("p".to_owned(), path("src/a.rs")));
        assert_eq!(of("src"), Meaning::Folder("p".to_owned(), path("src")));
        assert_eq!(of(".segueignore"), Meaning::Rules("p".to_owned()));
        for nothing in ["src/a.md", "src/gen.rs", ".git/x.rs", "src/.segue-fix-0123", "src/a.log"] {
            assert_eq!(of(nothing), Meaning::Nothing, "{nothing}");
        }
        assert_eq!(meaning(&projects, &PathBuf::from("/elsewhere/a.rs")), Meaning::Nothing);
    }

    #[test]
    fn lost_events_are_known_to_be_lost() {
        let (sender, mut receiver) = channel(1);
        let lost = AtomicBool::new(false);
        let event = || Event::new(EventKind::Create(CreateKind::File)).add_path(PathBuf::from("/a"));
        hear(Ok(event()), &sender, &lost);
        assert!(!lost.load(Ordering::SeqCst));
        hear(Ok(event()), &sender, &lost);
        assert!(lost.swap(false, Ordering::SeqCst), "no room for the second");
        assert_eq!(receiver.try_recv().expect("the first"), [PathBuf::from("/a")]);
        hear(Ok(Event::new(EventKind::Other).set_flag(Flag::Rescan)), &sender, &lost);
        assert!(lost.load(Ordering::SeqCst), "the system's own queue was full");
    }
}
