//! `segue course report`: the quality of a course, measured by a checker apart from the code that made it.

use std::process::ExitCode;

use anyhow::Result;

use crate::{cli::Course, logging::say};

pub(super) fn run(command: &Course) -> Result<ExitCode> {
    let Course::Report { folder, json } = command;
    let report = course::quality::check_folder(folder)?;
    say(&if *json { serde_json::to_string_pretty(&report)? } else { report.to_string() });
    Ok(if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::from(2) })
}
