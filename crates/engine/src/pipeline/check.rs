//! What must hold of a start, so that a job that no service could do is refused at once instead of failing later.

use serde_json::Value;

use super::{Pipeline, parse::Finding};
use crate::condition::{Condition, EvaluationError};

/// Most checks of a pipeline.
pub const MAX_CHECKS: usize = 50;
/// The names that a check's condition may refer to.
pub const NAMES: [&str; 2] = ["key", "input"];

/// Something that must hold of a start.
#[derive(Debug)]
pub struct Check {
    /// Over `key` and `input`.
    pub that: Condition,
    /// The member of the body that is wrong otherwise, as a JSON pointer; empty: the whole body.
    pub at: String,
    /// What callers are told, for programs. Which codes there are is known to those who answer callers.
    pub code: String,
    /// The same for people.
    pub message: String,
}

/// A start that is refused.
#[derive(Debug)]
pub struct Refusal<'a> {
    /// By which check.
    pub check: &'a Check,
    /// Where the check could not even be evaluated.
    pub error: Option<EvaluationError>,
}

impl Pipeline {
    /// The first check that refuses a start with this key and input; none where it may go on.
    #[must_use]
    pub fn refuses(&self, key: &str, input: &Value) -> Option<Refusal<'_>> {
        let lookup = |name: &str| match name {
            "key" => Some(Value::from(key)),
            "input" => Some(input.clone()),
            _ => None,
        };
        self.checks.iter().find_map(|check| match check.that.holds(&lookup) {
            Ok(true) => None,
            Ok(false) => Some(Refusal { check, error: None }),
            Err(error) => Some(Refusal { check, error: Some(error) }),
        })
    }

    /// The places where checks answer with codes that are not among those known. As with services, whoever knows both asks.
    #[must_use]
    pub fn unknown_codes(&self, known: &[&str]) -> Vec<Finding> {
        super::parse::unknown_codes(&self.source, known)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pipeline() -> Pipeline {
        let text = r#"
name = "p"
[[check]]
that = 'key.matches("^[a-z]+-[a-z]+$") && key.split("-")[0] != key.split("-")[1]'
at = "/name"
code = "invalid-field"
message = "two different words"
[[check]]
that = "!has(input.total) || input.total == null || (type(input.total) == int && input.total < 10)"
at = "/total"
code = "too-many-seeds"
message = "at most ten"
[[check]]
that = "size(input.list) > 0"
at = "/list"
code = "empty-seeds"
message = "not empty"
[[phase]]
id = "a"
service = "s"
"#;
        Pipeline::parse(text).unwrap_or_else(|wrong| panic!("{wrong}"))
    }

    #[test]
    fn the_first_check_that_does_not_hold_refuses() {
        let pipeline = pipeline();
        let refused =
            |key: &str, input| pipeline.refuses(key, &input).map(|refusal| refusal.check.at.as_str());
        assert_eq!(refused("a-b", json!({ "list": [1] })), None);
        assert_eq!(refused("a-b", json!({ "list": [1], "total": null })), None);
        for key in ["A-b", "ab", "a-a"] {
            assert_eq!(refused(key, json!({})), Some("/name"), "{key}");
        }
        for total in [json!(10), json!("many"), json!(1.5), json!([])] {
            assert_eq!(refused("a-b", json!({ "list": [1], "total": total })), Some("/total"), "{total}");
        }
        assert_eq!(refused("a-b", json!({ "list": [] })), Some("/list"));
    }

    #[test]
    fn what_can_not_be_evaluated_refuses_and_says_so() {
        let pipeline = pipeline();
        let refusal = pipeline.refuses("a-b", &json!({})).expect("there is no list");
        assert_eq!((refusal.check.at.as_str(), refusal.error.is_some()), ("/list", true));
    }

    #[test]
    fn codes_that_are_not_known_have_a_place() {
        let found = pipeline().unknown_codes(&["invalid-field", "too-many-seeds", "empty-sheets"]);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].line, found[0].hint.as_str()), (16, "did you mean empty-sheets?"));
    }
}
