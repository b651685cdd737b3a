//! Replacing a file whole, and only if it is what we think it is.
//!
//! The new content is written beside the file, synced, and the two change places in one step of the file system. What came
//! out is then looked at: if somebody wrote to the file in between, the two change places again and nothing has happened. So
//! there is no moment at which a change of somebody else could be lost, and none at which the file is half written. Whoever
//! is killed on the way finds the file beside it the next time and goes on from there.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::{
    desk::live_content,
    paths::{RelPath, content_hash},
};

/// What came of a replacement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replaced {
    /// The new content stands there.
    Done,
    /// It stood there already.
    Already,
    /// Something else stands there than was expected; nothing was changed.
    Changed,
}

/// A replacement.
#[derive(Debug, Clone, Copy)]
pub struct Replacement<'a> {
    /// The project's real folder.
    pub root: &'a Path,
    /// The file.
    pub file: &'a RelPath,
    /// Hash of what must stand there.
    pub old_hash: &'a str,
    /// What shall stand there.
    pub new: &'a [u8],
    /// Of the file beside it: the same for the same replacement, so that a killed one is gone on with.
    pub id: &'a str,
}

impl Replacement<'_> {
    /// Replaces.
    ///
    /// # Errors
    /// Of the file system. The file is whole in any case.
    pub fn run(&self) -> io::Result<Replaced> {
        let (path, beside) = (self.file.under(self.root), self.beside());
        let new_hash = content_hash(self.new);
        if beside.symlink_metadata().is_ok() {
            self.settle_leftover(&path, &beside, &new_hash)?;
        }
        let Some(there) = live_content(self.root, self.file)? else { return Ok(Replaced::Changed) };
        let there = content_hash(&there);
        if there == new_hash {
            return Ok(Replaced::Already);
        }
        if there != self.old_hash {
            return Ok(Replaced::Changed);
        }
        self.write_beside(&path, &beside)?;
        exchange(&beside, &path)?;
        if content_hash(&fs::read(&beside)?) != self.old_hash {
            exchange(&beside, &path)?;
            fs::remove_file(&beside)?;
            return Ok(Replaced::Changed);
        }
        fs::remove_file(&beside)?;
        sync_folder(&path)?;
        Ok(Replaced::Done)
    }

    /// A hidden name, which watchers leave alone.
    fn beside(&self) -> PathBuf {
        let path = self.file.under(self.root);
        let digest = blake3::hash(format!("{}\0{}", self.id, self.file).as_bytes()).to_hex();
        path.with_file_name(format!("{BESIDE}{}", &digest[..24]))
    }

    /// Killed before or after the exchange: the content beside is ours, the old one, or a change of somebody else.
    fn settle_leftover(&self, path: &Path, beside: &Path, new_hash: &str) -> io::Result<()> {
        let left = content_hash(&fs::read(beside)?);
        let there = live_content(self.root, self.file)?.map(|content| content_hash(&content));
        if left != new_hash && left != self.old_hash && there.as_deref() == Some(new_hash) {
            return exchange(beside, path).and_then(|()| fs::remove_file(beside));
        }
        fs::remove_file(beside)
    }

    /// Under another name until all of it is on disk: what stands beside the file is always whole.
    fn write_beside(&self, path: &Path, beside: &Path) -> io::Result<()> {
        let like = path.symlink_metadata()?;
        let begun = beside.with_extension("begun");
        let mut file = File::options().write(true).create(true).truncate(true).open(&begun)?;
        file.set_permissions(like.permissions())?;
        file.write_all(self.new)?;
        file.sync_all()?;
        fs::rename(&begun, beside)
    }
}

/// How the name of a file beside another begins.
pub const BESIDE: &str = ".segue-fix-";

/// Lets two files change places.
fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?;
    Ok(())
}

fn sync_folder(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt, path::Path};

    use super::{Replaced, Replacement, exchange};
    use crate::paths::{RelPath, content_hash};

    struct Case {
        folder: tempfile::TempDir,
        file: RelPath,
        old_hash: String,
    }

    impl Case {
        fn new() -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            fs::write(folder.path().join("a.sh"), "old").expect("written");
            let file = RelPath::new("a.sh").expect("a path");
            Self { folder, file, old_hash: content_hash(b"old") }
        }

        fn of(&self) -> Replacement<'_> {
            let root = self.folder.path();
            Replacement { root, file: &self.file, old_hash: &self.old_hash, new: b"new content", id: "job" }
        }

        fn path(&self) -> std::path::PathBuf {
            self.folder.path().join("a.sh")
        }

        fn files(&self) -> usize {
            fs::read_dir(self.folder.path()).expect("read").count()
        }
    }

    fn text(path: &Path) -> String {
        fs::read_to_string(path).expect("it is there")
    }

    #[test]
    fn a_file_is_replaced_once_and_keeps_its_mode() {
        let case = Case::new();
        fs::set_permissions(case.path(), fs::Permissions::from_mode(0o750)).expect("set");
        assert_eq!(case.of().run().expect("replaced"), Replaced::Done);
        assert_eq!((text(&case.path()).as_str(), case.files()), ("new content", 1));
        let mode = fs::metadata(case.path()).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o750);
        assert_eq!(case.of().run().expect("nothing to do"), Replaced::Already);
    }

    #[test]
    fn a_file_changed_meanwhile_is_never_overwritten() {
        let case = Case::new();
        fs::write(case.path(), "somebody's").expect("written");
        assert_eq!(case.of().run().expect("left alone"), Replaced::Changed);
        assert_eq!((text(&case.path()).as_str(), case.files()), ("somebody's", 1));
        fs::remove_file(case.path()).expect("removed");
        assert_eq!(case.of().run().expect("left alone"), Replaced::Changed);
        std::os::unix::fs::symlink("/etc/passwd", case.path()).expect("a link");
        assert_eq!(case.of().run().expect("left alone"), Replaced::Changed);
    }

    #[test]
    fn killed_while_writing_beside_it_begins_anew() {
        for (name, begun) in [("begun", ""), ("begun", "new co"), ("", "new content")] {
            let case = Case::new();
            fs::write(case.of().beside().with_extension(name), begun).expect("written");
            assert_eq!(case.of().run().expect("replaced"), Replaced::Done, "{begun:?}");
            assert_eq!((text(&case.path()).as_str(), case.files()), ("new content", 1));
        }
    }

    #[test]
    fn killed_after_the_exchange_it_is_done() {
        let case = Case::new();
        fs::write(case.of().beside(), "new content").expect("written");
        exchange(&case.of().beside(), &case.path()).expect("exchanged");
        assert_eq!(case.of().run().expect("done"), Replaced::Already);
        assert_eq!((text(&case.path()).as_str(), case.files()), ("new content", 1));
    }

    #[test]
    fn killed_after_it_took_somebodys_change_out_it_puts_it_back() {
        let case = Case::new();
        fs::write(case.path(), "somebody's").expect("written");
        fs::write(case.of().beside(), "new content").expect("written");
        exchange(&case.of().beside(), &case.path()).expect("exchanged");
        assert_eq!(case.of().run().expect("put back"), Replaced::Changed);
        assert_eq!((text(&case.path()).as_str(), case.files()), ("somebody's", 1));
    }
}
