//! Scratch places: copies of a project in which fixers and tests may do as they like. The live tree is only read here.
//!
//! A place is a git worktree where the project is a repository, else a plain folder, and has the live tree's content of this
//! moment, uncommitted changes too. Places are kept and brought up to date by what differs, so that a build in one goes on
//! from the build before. Each has one user at a time; what a killed process left running in them is ended at the start.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;

use crate::{
    paths::{RelPath, content_hash},
    process::{self, RunError, Surroundings},
    rules::{GIT_RULES, Place, Rules},
};

/// Longest time of a git command.
const GIT: Duration = Duration::from_secs(120);

/// The scratch places of a service.
#[derive(Debug, Clone)]
pub struct Scratch {
    folder: PathBuf,
    taken: Arc<Mutex<BTreeSet<(String, usize)>>>,
}

/// Why a place cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScratchError {
    /// A file or folder.
    #[error("the scratch place cannot be made like the project")]
    Io(#[from] io::Error),
    /// Git.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Git, which said no.
    #[error("git refused a worktree: {0}")]
    Git(String),
}

/// A place, taken until it is dropped.
#[derive(Debug)]
pub struct Taken {
    scratch: Scratch,
    project: String,
    number: usize,
    live: PathBuf,
    link: Vec<String>,
    state: Mutex<String>,
}

impl Scratch {
    /// Places below this folder, which is the service's own. Ends what still works in them.
    ///
    /// # Errors
    /// If the folder cannot be made.
    pub fn open(folder: impl Into<PathBuf>) -> io::Result<Self> {
        let folder: PathBuf = folder.into();
        std::fs::create_dir_all(&folder)?;
        let folder = folder.canonicalize()?;
        end_leftovers(&folder);
        Ok(Self { folder, taken: Arc::default() })
    }

    /// Takes a free place and makes it like the project is now.
    ///
    /// # Errors
    /// [`ScratchError`].
    pub async fn take(&self, project: &str, live: &Path, link: &[String]) -> Result<Taken, ScratchError> {
        let number = {
            let mut taken = self.taken.lock();
            let free = (0..).find(|number| !taken.contains(&(project.to_owned(), *number))).unwrap_or(0);
            taken.insert((project.to_owned(), free));
            free
        };
        let place = Taken {
            scratch: self.clone(),
            project: project.to_owned(),
            number,
            live: live.to_owned(),
            link: link.to_vec(),
            state: Mutex::default(),
        };
        place.prepare().await?;
        place.refresh().await?;
        Ok(place)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.scratch.taken.lock().remove(&(self.project.clone(), self.number));
    }
}

impl Taken {
    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.scratch.folder.join(&self.project).join(self.number.to_string())
    }

    /// A folder for what a build leaves, kept with the place and outside of it.
    #[must_use]
    pub fn build_folder(&self) -> PathBuf {
        self.scratch.folder.join(&self.project).join(format!("{}-build", self.number))
    }

    /// Makes the folder, as a worktree where there is git.
    async fn prepare(&self) -> Result<(), ScratchError> {
        let folder = self.folder();
        let is_repository = self.live.join(".git").exists();
        if is_repository && !folder.join(".git").exists() {
            remove(&folder)?;
            std::fs::create_dir_all(folder.parent().unwrap_or(&folder))?;
            let text = folder.to_string_lossy().into_owned();
            let add = ["worktree", "add", "--force", "--detach", "--no-checkout", &text];
            match git(&self.live, &add).await {
                Ok(()) => {}
                // A repository without a commit has nothing to make a worktree of.
                Err(ScratchError::Git(_)) if git(&self.live, &["rev-parse", "HEAD"]).await.is_err() => {}
                Err(error) => return Err(error),
            }
        }
        std::fs::create_dir_all(&folder)?;
        Ok(())
    }

    /// Makes its files those of the live tree, as they are now.
    ///
    /// # Errors
    /// [`ScratchError`].
    pub async fn refresh(&self) -> Result<(), ScratchError> {
        let folder = self.folder();
        if folder.join(".git").exists() && self.live.join(".git").exists() {
            let head = process::run(&words(&["git", "rev-parse", "HEAD"]), &self.live, GIT, &bare()).await?;
            git(&folder, &["reset", "--quiet", "--mixed", head.out.trim()]).await?;
        }
        let tracked = match self.live.join(".git").exists() {
            true => process::run(&words(&["git", "ls-files", "-z"]), &self.live, GIT, &bare()).await?.out,
            false => String::new(),
        };
        let (live, link) = (self.live.clone(), self.link.clone());
        let work = tokio::task::spawn_blocking(move || make_alike(&live, &folder, &tracked, &link));
        *self.state.lock() = work.await.map_err(io::Error::other)??;
        Ok(())
    }

    /// What the whole project was like when the place was made like it: a hash of all names and contents.
    #[must_use]
    pub fn state(&self) -> String {
        self.state.lock().clone()
    }
}

/// Ends processes that work in a folder of ours: after the death of a service nobody else would.
fn end_leftovers(folder: &Path) {
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let pid = entry.file_name().to_str().and_then(|name| name.parse().ok());
        let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) else { continue };
        let inside = std::fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder));
        if inside {
            tracing::warn!(pid = pid.as_raw_nonzero(), "ends a command that an earlier process left running");
            // It may end by itself meanwhile.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Git looks at the folder it is in, whatever a hook's environment says.
fn bare() -> Surroundings {
    Surroundings { hidden: words(&["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"]), added: Vec::new() }
}

async fn git(folder: &Path, arguments: &[&str]) -> Result<(), ScratchError> {
    // Hooks are programs of the project, and nothing here asks for them.
    let mut line = words(&["git", "-c", "core.hooksPath=/dev/null"]);
    line.extend(words(arguments));
    let ran = process::run(&line, folder, GIT, &bare()).await?;
    if ran.code == Some(0) { Ok(()) } else { Err(ScratchError::Git(ran.summary())) }
}

/// Copies what differs, removes what is too much. Returns a hash of it all.
fn make_alike(live: &Path, copy: &Path, tracked: &str, link: &[String]) -> io::Result<String> {
    let rules = Rules::new(live, GIT_RULES);
    let linked =
        |path: &RelPath| path.folders().chain([path.as_str()]).any(|at| link.iter().any(|l| l == at));
    let mut wanted: BTreeSet<RelPath> =
        tracked.split('\0').filter_map(|path| RelPath::new(path).ok()).collect();
    for place in rules.walk()? {
        if let Place::File(path) = place {
            wanted.insert(path);
        }
    }
    wanted.retain(|path| !linked(path));
    for place in Rules::new(copy, &[]).walk()? {
        let keep = match &place {
            Place::File(path) => wanted.contains(path),
            Place::Folder(_) => true,
        };
        if !keep {
            remove(&place.path().under(copy))?;
        }
    }
    let mut all = blake3::Hasher::new();
    for path in &wanted {
        let content = copy_file(&path.under(live), &path.under(copy))?;
        all.update(path.as_str().as_bytes()).update(&[0]).update(content.as_bytes());
    }
    for name in link {
        let (from, to) = (live.join(name), copy.join(name));
        if from.is_dir() && to.symlink_metadata().is_err() {
            std::os::unix::fs::symlink(&from, &to)?;
        }
    }
    Ok(all.finalize().to_hex().to_string())
}

/// A file that is the same already keeps its time, so that a build need not do it again. Returns its content's hash.
fn copy_file(from: &Path, to: &Path) -> io::Result<String> {
    let kind = match from.symlink_metadata() {
        Ok(kind) => kind,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            remove(to)?;
            return Ok(String::new());
        }
        Err(error) => return Err(error),
    };
    if kind.is_symlink() {
        return copy_link(from, to).map(|()| String::new());
    }
    if !kind.is_file() {
        return Ok(String::new());
    }
    let content = std::fs::read(from)?;
    let hash = content_hash(&content);
    if let Ok(there) = to.symlink_metadata() {
        let alike = there.is_file()
            && there.len() == kind.len()
            && there.permissions() == kind.permissions()
            && hash == content_hash(&std::fs::read(to)?);
        if alike {
            return Ok(hash);
        }
        remove(to)?;
    }
    if let Some(parent) = to.parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::fs::write(to, content)?;
    std::fs::set_permissions(to, kind.permissions())?;
    Ok(hash)
}

/// A link inside the project stays one. One that leads anywhere else is left out: writing through it would reach the live tree.
fn copy_link(from: &Path, to: &Path) -> io::Result<()> {
    let target = std::fs::read_link(from)?;
    if target.is_absolute() || target.components().any(|part| part == std::path::Component::ParentDir) {
        return remove(to);
    }
    if std::fs::read_link(to).is_ok_and(|there| there == target) {
        return Ok(());
    }
    remove(to)?;
    if let Some(parent) = to.parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::os::unix::fs::symlink(target, to)
}

/// Removes a file, a link or a folder; nothing there is fine.
fn remove(path: &Path) -> io::Result<()> {
    let removed = match path.symlink_metadata() {
        Ok(kind) if kind.is_dir() => std::fs::remove_dir_all(path),
        Ok(_) => std::fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
