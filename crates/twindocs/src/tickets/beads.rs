//! Issues in the form that Beads keeps them: one JSON object a line, in `.beads/issues.jsonl`.
//!
//! Fields that are empty are left out, and `closed_at` is there exactly where the status is `closed`. What Beads adds itself
//! is kept as it came.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// An issue.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Issue {
    /// `bd-` and a hash.
    pub id: String,
    /// At most [`LONGEST_TITLE`] characters.
    pub title: String,
    /// Markdown.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// `open`, `in_progress`, `blocked`, `deferred`, `closed`, `pinned` or `hooked`.
    pub status: String,
    /// 0, the highest, to 4.
    pub priority: u8,
    /// `task`, `bug` and so on.
    pub issue_type: String,
    /// When it was made.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub created_at: String,
    /// When it was changed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub updated_at: String,
    /// When it was closed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub closed_at: String,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub close_reason: String,
    /// Anything.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub metadata: Value,
    /// Words to find it by.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// What people said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub comments: Vec<Comment>,
    /// What else Beads has written.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// What somebody said.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Comment {
    /// Who.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub author: String,
    /// What.
    pub text: String,
    /// When.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub created_at: String,
    /// What else Beads has written.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// Longest title, in characters.
pub const LONGEST_TITLE: usize = 500;

/// A line that is no issue.
#[derive(Debug, thiserror::Error)]
#[error("line {line} is no issue: {source}")]
pub struct NotAnIssue {
    /// Which, from 1.
    pub line: usize,
    /// Why.
    source: serde_json::Error,
}

impl Issue {
    /// Closes it, or opens it again where no time is given.
    pub fn set_status(&mut self, status: &str, now: &str, reason: &str) {
        status.clone_into(&mut self.status);
        let closed = status == "closed";
        self.closed_at = if closed { now.to_owned() } else { String::new() };
        self.close_reason = if closed { reason.to_owned() } else { String::new() };
    }
}

/// Writes issues, one a line.
///
/// # Errors
/// Where one cannot be written as JSON.
pub fn write(issues: &[Issue]) -> Result<String, serde_json::Error> {
    let lines: Result<Vec<String>, _> = issues.iter().map(serde_json::to_string).collect();
    Ok(lines?.into_iter().map(|line| line + "\n").collect())
}

/// Reads issues; empty lines are passed over.
///
/// # Errors
/// The first line that is no issue.
pub fn read(text: &str) -> Result<Vec<Issue>, NotAnIssue> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(at, line)| serde_json::from_str(line).map_err(|source| NotAnIssue { line: at + 1, source }))
        .collect()
}

/// A title that is not too long.
#[must_use]
pub fn title(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= LONGEST_TITLE {
        return line;
    }
    line.chars().take(LONGEST_TITLE - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Issue, read, title, write};

    #[test]
    fn empty_fields_are_left_out_and_what_beads_adds_is_kept() {
        let line = r#"{"id":"bd-1","title":"T","status":"open","priority":2,"issue_type":"task","assignee":"ann","comments":[{"text":"hi","id":7,"issue_id":"bd-1"}]}"#;
        let mut issues = read(&format!("\n{line}\n")).expect("issues");
        assert_eq!(
            (&issues[0].more["assignee"], &issues[0].comments[0].more["id"]),
            (&json!("ann"), &json!(7))
        );
        let same: serde_json::Value = serde_json::from_str(&write(&issues).expect("text")).expect("JSON");
        assert_eq!(same, serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
        issues[0].set_status("closed", "2026-11-21T00:00:00Z", "answered");
        assert!(write(&issues).expect("text").contains("\"closed_at\":\"2026-11-21T00:00:00Z\""));
        issues[0].set_status("open", "2026-11-22T00:00:00Z", "");
        assert!(!write(&issues).expect("text").contains("close"));
        assert_eq!(write(&[Issue::default()]).expect("text").matches(':').count(), 5, "the required ones");
    }

    #[test]
    fn a_line_that_is_no_issue_is_named() {
        assert_eq!(read("{}\n\nnone\n").expect_err("no").line, 3);
    }

    #[test]
    fn titles_are_one_line_and_not_too_long() {
        assert_eq!(title("a\n b"), "a b");
        assert_eq!(title(&"é".repeat(600)).chars().count(), 500);
    }
}
