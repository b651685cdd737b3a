//! Which files of a project count: rules as in `.gitignore`, read from the files that are there, for one path or for a walk.
//!
//! One source for both, so that an event and a scan never judge a file differently. Links are never followed.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use parking_lot::Mutex;

use crate::paths::RelPath;

/// Where the rules of git stand; also taken by the scratch place.
pub const GIT_RULES: &[&str] = &[".gitignore"];
/// Where the rules of the watcher stand.
pub const WATCH_RULES: &[&str] = &[".gitignore", ".segueignore"];

/// The rules of one project. What was read is kept until [`Rules::forget`].
#[derive(Debug)]
pub struct Rules {
    root: PathBuf,
    names: &'static [&'static str],
    read: Mutex<HashMap<String, Arc<Vec<Gitignore>>>>,
}

/// A place in a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A folder that is not ignored.
    Folder(RelPath),
    /// A plain file that is not ignored.
    File(RelPath),
}

impl Rules {
    /// Of a project's folder, from files with these names.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>, names: &'static [&'static str]) -> Self {
        Self { root: root.into(), names, read: Mutex::default() }
    }

    /// Whether a change of this file changes the rules.
    #[must_use]
    pub fn is_rule(&self, path: &RelPath) -> bool {
        path.as_str().rsplit('/').next().is_some_and(|name| self.names.contains(&name))
    }

    /// Reads everything anew from now on.
    pub fn forget(&self) {
        self.read.lock().clear();
    }

    /// Whether a path is left out: by a rule for it, or for a folder that it is in.
    #[must_use]
    pub fn ignores(&self, path: &RelPath, is_folder: bool) -> bool {
        let text = path.as_str();
        let ends = text.match_indices('/').map(|(end, _)| (end, true)).chain([(text.len(), is_folder)]);
        ends.into_iter().any(|(end, is_folder)| self.ignores_itself(&text[..end], is_folder))
    }

    /// The nearest folder's rules come first; within one the later file counts more.
    fn ignores_itself(&self, path: &str, is_folder: bool) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        if name == ".git" {
            return true;
        }
        let Ok(path) = RelPath::new(path) else { return true };
        for folder in path.folders() {
            let rules = self.of_folder(folder);
            let found = rules.iter().rev().map(|rules| rules.matched(path.under(&self.root), is_folder));
            if let Some(found) = found.into_iter().find(|found| !found.is_none()) {
                return found.is_ignore();
            }
        }
        false
    }

    fn of_folder(&self, folder: &str) -> Arc<Vec<Gitignore>> {
        if let Some(rules) = self.read.lock().get(folder) {
            return Arc::clone(rules);
        }
        let at = if folder.is_empty() { self.root.clone() } else { self.root.join(folder) };
        let mut files: Vec<PathBuf> = self.names.iter().map(|name| at.join(name)).collect();
        if folder.is_empty() {
            files.insert(0, self.root.join(".git/info/exclude"));
        }
        let rules = files.iter().filter(|file| file.is_file()).filter_map(|file| {
            let mut builder = GitignoreBuilder::new(&at);
            if let Some(error) = builder.add(file) {
                tracing::warn!(file = %file.display(), %error, "some rules cannot be used");
            }
            builder.build().inspect_err(|error| tracing::warn!(%error, "rules cannot be used")).ok()
        });
        let rules = Arc::new(rules.collect::<Vec<_>>());
        self.read.lock().insert(folder.to_owned(), Arc::clone(&rules));
        rules
    }

    /// All that is not ignored, in the order of names. A folder that vanishes meanwhile is none.
    ///
    /// # Errors
    /// If the root cannot be read, or what is there cannot be looked at.
    pub fn walk(&self) -> io::Result<Vec<Place>> {
        self.walk_from(None)
    }

    /// The same below a folder, without that folder.
    ///
    /// # Errors
    /// As [`Rules::walk`].
    pub fn walk_from(&self, folder: Option<&RelPath>) -> io::Result<Vec<Place>> {
        let mut found = Vec::new();
        let mut open = vec![folder.cloned()];
        while let Some(folder) = open.pop() {
            let at = folder.as_ref().map_or_else(|| self.root.clone(), |folder| folder.under(&self.root));
            let entries = match std::fs::read_dir(&at) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound && folder.is_some() => continue,
                Err(error) => return Err(error),
            };
            let mut here = Vec::new();
            for entry in entries {
                let entry = entry?;
                let Ok(kind) = entry.file_type() else { continue };
                let Some(path) = RelPath::inside(&self.root, &entry.path()) else { continue };
                if (kind.is_dir() || kind.is_file()) && !self.ignores_itself(path.as_str(), kind.is_dir()) {
                    here.push(if kind.is_dir() { Place::Folder(path) } else { Place::File(path) });
                }
            }
            here.sort_by(|a, b| a.path().cmp(b.path()));
            let folders = here.iter().rev().filter(|place| matches!(place, Place::Folder(_)));
            open.extend(folders.map(|place| Some(place.path().clone())));
            found.extend(here);
        }
        Ok(found)
    }

    /// The project's folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }
}

impl Place {
    /// Its path.
    #[must_use]
    pub fn path(&self) -> &RelPath {
        match self {
            Self::Folder(path) | Self::File(path) => path,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::{Place, Rules, WATCH_RULES};
    use crate::paths::RelPath;

    fn write(root: &Path, file: &str, text: &str) {
        let path = root.join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }

    #[test]
    fn a_single_path_and_a_walk_are_judged_alike() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        write(root, ".gitignore", "target/\n*.log\n!keep.log\n");
        write(root, "src/.segueignore", "gen_*\n");
        write(root, "src/sub/.gitignore", "!gen_kept.rs\n");
        for file in [
            "a.rs",
            "x.log",
            "keep.log",
            "target/b.rs",
            "src/c.rs",
            "src/gen_d.rs",
            "src/sub/gen_kept.rs",
            "src/sub/gen_e.rs",
            "src/target/f.rs",
            ".git/config",
        ] {
            write(root, file, "x");
        }
        std::os::unix::fs::symlink(root.join("a.rs"), root.join("link.rs")).expect("a link");
        let rules = Rules::new(root, WATCH_RULES);
        let walked = rules.walk().expect("it can be read");
        let files: Vec<&str> = walked
            .iter()
            .filter(|place| matches!(place, Place::File(path) if !rules.is_rule(path)))
            .map(|place| place.path().as_str())
            .collect();
        assert_eq!(files, ["a.rs", "keep.log", "src/c.rs", "src/sub/gen_kept.rs"]);
        for path in ["target/b.rs", "src/target/f.rs", ".git/config", "src/gen_d.rs", "x.log"] {
            assert!(rules.ignores(&RelPath::new(path).expect("a path"), false), "{path}");
        }
        assert!(files.iter().all(|path| !rules.ignores(&RelPath::new(path).expect("a path"), false)));
    }
}
