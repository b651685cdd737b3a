//! The repository as the checks see it: every text file, read once.
//!
//! A check gets a [`Repo`] and never touches the disk, so that its tests can plant a fault in a few lines of text.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::rust_text::RustText;

/// Folders that are not ours or not kept.
const SKIPPED_FOLDERS: [&str; 8] = [
    "target",
    ".git",
    ".segue",
    "node_modules",
    "out",
    "proptest-regressions",
    "fuzz/corpus",
    "fuzz/artifacts",
];

/// Files above this are data, and data has no lines to point at.
const LARGEST_TEXT: u64 = 2 * 1024 * 1024;

/// One text file.
pub(crate) struct SourceFile {
    /// From the repository's root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
    /// For `.rs` files: code apart from comments and strings.
    pub(crate) rust: Option<RustText>,
}

impl SourceFile {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let rust = path.ends_with(".rs").then(|| RustText::of(text));
        Self { path: path.to_owned(), text: text.to_owned(), rust }
    }

    /// Whether the whole file is test code.
    pub(crate) fn is_test(&self) -> bool {
        self.path.split('/').any(|part| matches!(part, "tests" | "tests.rs" | "test_data" | "benches"))
    }

    /// The file's crate folder, `crates/engine`, where it is inside one.
    pub(crate) fn crate_folder(&self) -> Option<&str> {
        if self.path.starts_with("xtask/") {
            return Some("xtask");
        }
        let rest = self.path.strip_prefix("crates/")?;
        let name = rest.split('/').next()?;
        Some(&self.path[.."crates/".len() + name.len()])
    }
}

/// Every text file of the repository, sorted by path.
pub(crate) struct Repo {
    pub(crate) files: Vec<SourceFile>,
}

impl Repo {
    /// Reads the tree under `root`. Files that are not UTF-8 are left out: they are data.
    ///
    /// # Errors
    /// A folder or file that cannot be read, named.
    pub(crate) fn load(root: &Path) -> Result<Self, String> {
        let mut files = Vec::new();
        let mut folders = vec![root.to_path_buf()];
        while let Some(folder) = folders.pop() {
            let entries = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
            for entry in entries {
                let entry = entry.map_err(|error| format!("{}: {error}", folder.display()))?;
                let name = entry.file_name();
                let kind = entry.file_type().map_err(|error| format!("{}: {error}", folder.display()))?;
                if kind.is_dir() {
                    if !SKIPPED_FOLDERS.iter().any(|skipped| entry.path().ends_with(skipped)) {
                        folders.push(entry.path());
                    }
                } else if kind.is_file()
                    // In a work tree of its own `.git` is a file, which names a path of this machine.
                    && name != ".git"
                    && let Some(file) = read_text(root, &entry.path())?
                {
                    files.push(file);
                }
            }
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self { files })
    }

    /// A repository of these files only.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        Self { files: files.iter().map(|(path, text)| SourceFile::new(path, text)).collect() }
    }

    pub(crate) fn file(&self, path: &str) -> Option<&SourceFile> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Every `.rs` file with its text taken apart.
    pub(crate) fn rust_files(&self) -> impl Iterator<Item = (&SourceFile, &RustText)> {
        self.files.iter().filter_map(|file| file.rust.as_ref().map(|rust| (file, rust)))
    }
}

/// The repository's root: the folder above this crate.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

fn read_text(root: &Path, path: &Path) -> Result<Option<SourceFile>, String> {
    // Another editor's temporary file may be gone by now: that is no finding.
    let Ok(metadata) = fs::metadata(path) else { return Ok(None) };
    if metadata.len() > LARGEST_TEXT {
        return Ok(None);
    }
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("{}: {error}", path.display())),
    };
    let Ok(text) = String::from_utf8(bytes) else { return Ok(None) };
    let relative = path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/");
    Ok(Some(SourceFile::new(&relative, &text)))
}
