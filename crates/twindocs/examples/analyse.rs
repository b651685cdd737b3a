//! Writes the analysis of a folder to standard output as JSON: what the oracles' scripts compare with.
//!
//! `cargo run -p twindocs --example analyse -- FOLDER [PATTERN-TO-EXCLUDE…]`

use std::{io::Write, path::PathBuf};

use twindocs::analysis::{
    analyse,
    source::{Selection, read},
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let root = PathBuf::from(args.next().ok_or("which folder?")?);
    let codebase = read(&root, &Selection { exclude: args.collect(), ..Selection::default() })?;
    let analysis = analyse(&codebase)?;
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, &analysis)?;
    Ok(out.write_all(b"\n")?)
}
