//! What a tool's own check says of a file, read from its JSON.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Tool;
use crate::paths::RelPath;

/// Something wrong in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fault {
    /// The rule, in the tool's words.
    pub code: String,
    /// For people.
    pub message: String,
    /// Line, from 1; 0: not said.
    pub line: u64,
    /// Column, from 1; 0: not said.
    pub column: u64,
}

/// Those of `after` that were not there `before`. A fault's place does not count: lines move.
#[must_use]
pub fn new_ones(before: &[Fault], after: &[Fault]) -> Vec<Fault> {
    let mut left: Vec<(&str, &str)> =
        before.iter().map(|fault| (fault.code.as_str(), fault.message.as_str())).collect();
    let mut new = Vec::new();
    for fault in after {
        let same = |known: &(&str, &str)| *known == (fault.code.as_str(), fault.message.as_str());
        match left.iter().position(same) {
            Some(at) => drop(left.swap_remove(at)),
            None => new.push(fault.clone()),
        }
    }
    new
}

/// Reads what a tool printed.
///
/// # Errors
/// Where it is not what that tool prints.
pub(super) fn read(tool: Tool, text: &str, file: &RelPath) -> Result<Vec<Fault>, serde_json::Error> {
    let mut faults = match tool {
        Tool::Clippy => clippy(text, file),
        Tool::Ruff => ruff(text)?,
        Tool::Eslint => eslint(text)?,
    };
    // Clippy says the same of a file once for each target that it belongs to.
    faults.sort();
    faults.dedup();
    Ok(faults)
}

/// One JSON object a line. Other lines are of build scripts.
fn clippy(text: &str, file: &RelPath) -> Vec<Fault> {
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let messages = lines.filter(|line| line["reason"] == "compiler-message");
    let mut faults = Vec::new();
    for message in messages.map(|mut line| line["message"].take()) {
        let serious = message["level"] == "warning" || message["level"] == "error";
        let spans = message["spans"].as_array().map_or(&[][..], Vec::as_slice);
        let primary = spans.iter().find(|span| span["is_primary"] == true);
        let Some(span) = primary.filter(|span| serious && is_file(&span["file_name"], file)) else {
            continue;
        };
        faults.push(Fault {
            code: text_of(&message["code"]["code"]),
            message: text_of(&message["message"]),
            line: span["line_start"].as_u64().unwrap_or(0),
            column: span["column_start"].as_u64().unwrap_or(0),
        });
    }
    faults
}

/// What keeps a crate from being compiled in another file than this one, in which then no fault can be found: not that there is
/// none. Lints that are denied keep nothing from being looked at.
pub(super) fn uncompiled(text: &str, file: &RelPath) -> Option<String> {
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut errors =
        lines.map(|mut line| line["message"].take()).filter(|message| message["level"] == "error");
    let elsewhere = |message: &Value| {
        let code = message["code"]["code"].as_str().unwrap_or("E");
        let is_lint =
            !code.strip_prefix('E').is_some_and(|rest| rest.chars().all(|one| one.is_ascii_digit()));
        let spans = message["spans"].as_array().map_or(&[][..], Vec::as_slice);
        let here = |span: &Value| span["is_primary"] == true && is_file(&span["file_name"], file);
        !is_lint && !spans.is_empty() && !spans.iter().any(here)
    };
    errors.find(elsewhere).map(|message| text_of(&message["message"]))
}

/// Names are relative to the workspace, which may be a folder of the project.
fn is_file(name: &Value, file: &RelPath) -> bool {
    let Some(name) = name.as_str() else { return false };
    let whole = |rest: &str| rest.is_empty() || rest.ends_with('/');
    file.as_str().strip_suffix(name).is_some_and(whole)
}

fn ruff(text: &str) -> Result<Vec<Fault>, serde_json::Error> {
    let found: Vec<Value> = serde_json::from_str(text)?;
    let one = |fault: &Value| Fault {
        // A syntax error has no code in some versions.
        code: fault["code"].as_str().unwrap_or("syntax-error").to_owned(),
        message: text_of(&fault["message"]),
        line: fault["location"]["row"].as_u64().unwrap_or(0),
        column: fault["location"]["column"].as_u64().unwrap_or(0),
    };
    Ok(found.iter().map(one).collect())
}

fn eslint(text: &str) -> Result<Vec<Fault>, serde_json::Error> {
    let files: Vec<Value> = serde_json::from_str(text)?;
    let one = |fault: &Value| Fault {
        code: fault["ruleId"].as_str().unwrap_or("syntax-error").to_owned(),
        message: text_of(&fault["message"]),
        line: fault["line"].as_u64().unwrap_or(0),
        column: fault["column"].as_u64().unwrap_or(0),
    };
    Ok(files.iter().flat_map(|file| file["messages"].as_array().into_iter().flatten()).map(one).collect())
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or("").to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Fault, new_ones, read};
    use crate::{fixers::Tool, paths::RelPath};

    fn fault(code: &str, line: u64) -> Fault {
        Fault { code: code.to_owned(), message: "m".to_owned(), line, column: 1 }
    }

    #[test]
    fn a_fault_that_moved_is_not_new_and_a_second_one_is() {
        let before = [fault("a", 3), fault("b", 5)];
        assert!(new_ones(&before, &[fault("a", 1)]).is_empty());
        assert_eq!(new_ones(&before, &[fault("a", 1), fault("a", 9)]), [fault("a", 9)]);
    }

    #[test]
    fn a_file_of_a_crate_that_does_not_compile_is_not_clean_but_unknown() {
        let line = |file: &str, code: &str| {
            let span = format!(r#"{{"is_primary":true,"file_name":"{file}"}}"#);
            let code = format!(r#"{{"level":"error","code":{code},"message":"m","spans":[{span}]}}"#);
            format!(r#"{{"reason":"compiler-message","message":{code}}}"#)
        };
        let file = RelPath::new("src/a.rs").expect("a path");
        let of = |file_name: &str, code: &str| super::uncompiled(&line(file_name, code), &file);
        assert_eq!(of("src/b.rs", "null").as_deref(), Some("m"));
        assert_eq!(of("src/b.rs", r#"{"code":"E0433"}"#).as_deref(), Some("m"));
        assert_eq!(of("src/b.rs", r#"{"code":"clippy::eq_op"}"#), None);
        assert_eq!(of("src/a.rs", r#"{"code":"E0433"}"#), None, "a fault of its own");
    }

    #[test]
    fn what_tools_print_is_read() {
        let file = RelPath::new("core/src/a.rs").expect("a path");
        let span = r#"{"is_primary":true,"file_name":"src/a.rs","line_start":2,"column_start":5}"#;
        let line = format!(
            r#"{{"reason":"compiler-message","message":{{"level":"warning","code":{{"code":"clippy::x"}},"message":"m","spans":[{span}]}}}}"#
        );
        let other = line.replace("src/a.rs", "src/aa.rs");
        let found = read(Tool::Clippy, &format!("{line}\n{line}\n{other}\nwords of a build script\n"), &file);
        assert_eq!(found.expect("read"), [Fault { column: 5, ..fault("clippy::x", 2) }]);
        let text = r#"[{"code":"F401","message":"m","location":{"row":1,"column":1},"filename":"/x.py"}]"#;
        assert_eq!(read(Tool::Ruff, text, &file).expect("read"), [fault("F401", 1)]);
        let text =
            r#"[{"filePath":"/x.js","messages":[{"ruleId":"semi","message":"m","line":4,"column":1}]}]"#;
        assert_eq!(read(Tool::Eslint, text, &file).expect("read"), [fault("semi", 4)]);
        assert!(read(Tool::Ruff, "error: no such option", &file).is_err());
    }
}
