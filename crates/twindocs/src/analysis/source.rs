//! The files of a codebase: which there are, what was left out and why.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use ignore::{WalkBuilder, overrides::OverrideBuilder};
use serde::{Deserialize, Serialize};

/// What code is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Python.
    Python,
    /// Rust.
    Rust,
    /// JavaScript, with JSX.
    JavaScript,
    /// TypeScript, with JSX.
    TypeScript,
    /// Go.
    Go,
    /// Java.
    Java,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Python, Self::Rust, Self::JavaScript, Self::TypeScript, Self::Go, Self::Java];

    /// By a file's name.
    #[must_use]
    pub fn of_path(path: &str) -> Option<Self> {
        Some(match path.rsplit_once('.')?.1 {
            "py" | "pyi" => Self::Python,
            "rs" => Self::Rust,
            "js" | "jsx" | "mjs" | "cjs" => Self::JavaScript,
            "ts" | "tsx" | "mts" | "cts" => Self::TypeScript,
            "go" => Self::Go,
            "java" => Self::Java,
            _ => return None,
        })
    }
}

/// How much is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Limits {
    /// Largest file, in bytes; a larger one is skipped.
    pub file_bytes: u64,
    /// Most files; more is an error.
    pub files: usize,
    /// Most bytes together; more is an error.
    pub total_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { file_bytes: 1 << 20, files: 20_000, total_bytes: 256 << 20 }
    }
}

/// What is looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only these languages; none named: all.
    pub languages: Vec<Language>,
    /// Only paths that one of these patterns fits, as in a `.gitignore`; none: all.
    pub include: Vec<String>,
    /// No path that one of these fits.
    pub exclude: Vec<String>,
    /// How much.
    pub limits: Limits,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// From the root, with `/`.
    pub path: String,
    /// In what it is written.
    pub language: Language,
    /// Its text.
    pub text: String,
}

/// A file that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedFile {
    /// From the root, with `/`.
    pub path: String,
    /// `too-large`, `binary`, `unreadable`.
    pub reason: String,
}

/// The files of a codebase, in the order of their paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Codebase {
    /// The name of the root folder: a Python package is called so.
    pub name: String,
    /// The files.
    pub files: Vec<SourceFile>,
    /// `Cargo.toml` and `go.mod`, by path: they say how code names itself.
    pub manifests: BTreeMap<String, String>,
    /// What was left out for its size or form.
    pub skipped: Vec<SkippedFile>,
}

/// Why there is no codebase.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// There is nothing at the path.
    #[error("there is no file or folder at {path}")]
    NoSuchPath {
        /// The path.
        path: PathBuf,
    },
    /// A pattern cannot be read.
    #[error("the pattern '{pattern}' cannot be read: {why}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        why: String,
    },
    /// The walk failed.
    #[error("{path} cannot be walked: {why}")]
    Walk {
        /// The root.
        path: PathBuf,
        /// What went wrong.
        why: String,
    },
    /// There is more than the limits let in.
    #[error("more than {limit} {what}: name fewer with include and exclude, or raise the limit")]
    TooMuch {
        /// The limit.
        limit: u64,
        /// Of what.
        what: &'static str,
    },
}

/// Reads a codebase. What `.gitignore` names and hidden files are not looked at, also where there is no repository.
///
/// # Errors
/// See [`SourceError`].
pub fn read(root: &Path, selection: &Selection) -> Result<Codebase, SourceError> {
    if !root.exists() {
        return Err(SourceError::NoSuchPath { path: root.to_owned() });
    }
    let absolute = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    let name = absolute.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut codebase = Codebase { name, ..Codebase::default() };
    let mut walk = WalkBuilder::new(root);
    walk.overrides(patterns(root, selection)?).require_git(false).sort_by_file_path(Path::cmp);
    let mut total = 0;
    for entry in walk.build() {
        let walk_error = |why: String| SourceError::Walk { path: root.to_owned(), why };
        let entry = entry.map_err(|error| walk_error(error.to_string()))?;
        if !entry.file_type().is_some_and(|kind| kind.is_file()) {
            continue;
        }
        let file = entry.path();
        let relative = file.strip_prefix(root).unwrap_or(file);
        let relative = if relative.as_os_str().is_empty() {
            file.file_name().map_or(relative, Path::new)
        } else {
            relative
        };
        let path = relative.to_string_lossy().replace('\\', "/");
        let is_manifest = path.ends_with("Cargo.toml") || path.ends_with("go.mod");
        let language = Language::of_path(&path);
        let wanted =
            language.is_some_and(|one| selection.languages.is_empty() || selection.languages.contains(&one));
        if !wanted && !is_manifest {
            continue;
        }
        let text = match text_of(file, selection.limits.file_bytes) {
            Ok(text) => text,
            Err(reason) => {
                codebase.skipped.push(SkippedFile { path, reason: reason.to_owned() });
                continue;
            }
        };
        total += text.len() as u64;
        let limits = &selection.limits;
        if total > limits.total_bytes {
            return Err(SourceError::TooMuch { limit: limits.total_bytes, what: "bytes" });
        }
        match language {
            Some(language) => codebase.files.push(SourceFile { path, language, text }),
            None => drop(codebase.manifests.insert(path, text)),
        }
        if codebase.files.len() > limits.files {
            return Err(SourceError::TooMuch { limit: limits.files as u64, what: "files" });
        }
    }
    codebase.files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(codebase)
}

fn patterns(root: &Path, selection: &Selection) -> Result<ignore::overrides::Override, SourceError> {
    let mut builder = OverrideBuilder::new(root);
    let wrong = |pattern: &str, error: ignore::Error| SourceError::Pattern {
        pattern: pattern.to_owned(),
        why: error.to_string(),
    };
    let mut all: Vec<String> = selection.include.clone();
    if !all.is_empty() {
        all.extend(["Cargo.toml".to_owned(), "go.mod".to_owned()]);
    }
    all.extend(selection.exclude.iter().map(|pattern| format!("!{pattern}")));
    for pattern in &all {
        builder.add(pattern).map_err(|error| wrong(pattern, error))?;
    }
    builder.build().map_err(|error| wrong("", error))
}

/// The text of a file, or the reason why it is left out.
fn text_of(file: &Path, most: u64) -> Result<String, &'static str> {
    let size = file.metadata().map_err(|_| "unreadable")?.len();
    if size > most {
        return Err("too-large");
    }
    let bytes = std::fs::read(file).map_err(|_| "unreadable")?;
    if bytes.contains(&0) {
        return Err("binary");
    }
    String::from_utf8(bytes).map_err(|_| "binary")
}
