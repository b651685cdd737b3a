//! Writes the package of a made-up job over real code into a folder: to look at the page without running the pipeline.

#![expect(clippy::unwrap_used, reason = "for people at a shell")]

use std::path::PathBuf;

use twindocs::analysis::{
    analyse,
    source::{Selection, read},
};
use twindocs::package::build;

#[path = "../tests/it/made_up.rs"]
mod made_up;

fn main() {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (code, out) = (arguments.next().unwrap(), arguments.next().unwrap());
    let analysis = analyse(&read(&code, &Selection::default()).unwrap()).unwrap();
    for file in build(&made_up::parts(&analysis)).unwrap().files {
        let path = out.join(&file.name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, file.bytes).unwrap();
    }
}
