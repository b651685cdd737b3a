//! Where surgeries come from: three are compiled in, further ones are files in a folder.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use super::{Fault, Faults, Surgery, parse};

const BUILT_IN: [(&str, &str); 3] = [
    ("pcnl.toml", include_str!("../../surgeries/pcnl.toml")),
    ("partial_hepatectomy.toml", include_str!("../../surgeries/partial_hepatectomy.toml")),
    ("lobectomy.toml", include_str!("../../surgeries/lobectomy.toml")),
];

/// Every surgery that can be chosen, by name.
#[derive(Debug, Clone)]
pub struct Library {
    surgeries: BTreeMap<String, Arc<Surgery>>,
}

impl Library {
    /// The surgeries that are compiled in.
    ///
    /// # Errors
    /// Faults of their files; a test sees to it that there are none.
    pub fn built_in() -> Result<Self, Faults> {
        let files = BUILT_IN.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned()));
        let mut library = Self { surgeries: BTreeMap::new() };
        library.add(files)?;
        Ok(library)
    }

    /// The surgeries that are compiled in, and those of a folder (`*.toml`). One of the folder takes the place of one of the
    /// same name that is compiled in, so that a hospital can name its own machines.
    ///
    /// # Errors
    /// Faults of all files together; two files with the same name; a folder that cannot be read.
    pub fn with_folder(folder: &Path) -> Result<Self, Faults> {
        let mut library = Self::built_in()?;
        let (mut texts, mut faults) = (Vec::new(), Vec::new());
        for path in toml_files(folder).map_err(|error| unreadable(folder, &error))? {
            match fs::read_to_string(&path) {
                Ok(text) => texts.push((path.display().to_string(), text)),
                Err(error) => faults.extend(unreadable(&path, &error).0),
            }
        }
        if let Err(more) = library.add(texts) {
            faults.extend(more.0);
        }
        if faults.is_empty() { Ok(library) } else { Err(Faults(faults)) }
    }

    fn add(&mut self, files: impl IntoIterator<Item = (String, String)>) -> Result<(), Faults> {
        let (mut faults, mut added) = (Vec::new(), BTreeMap::<String, String>::new());
        for (file, text) in files {
            match parse(&file, &text) {
                Ok(surgery) => {
                    if let Some(first) = added.insert(surgery.name.clone(), file.clone()) {
                        let what = format!("'{}' is already in {first}", surgery.name);
                        let hint = "give each surgery a name of its own".to_owned();
                        faults.push(Fault { file, line: 1, what, hint });
                    }
                    self.surgeries.insert(surgery.name.clone(), Arc::new(surgery));
                }
                Err(more) => faults.extend(more.0),
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(Faults(faults)) }
    }

    /// The surgery of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<Surgery>> {
        self.surgeries.get(name)
    }

    /// All names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.surgeries.keys().map(String::as_str)
    }

    /// All surgeries, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Surgery>> {
        self.surgeries.values()
    }
}

fn toml_files(folder: &Path) -> std::io::Result<Vec<std::path::PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Faults {
    let hint = "a folder of *.toml files, or none".to_owned();
    Faults(vec![Fault {
        file: path.display().to_string(),
        line: 1,
        what: format!("cannot be read: {error}"),
        hint,
    }])
}
