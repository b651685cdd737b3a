//! Problem bodies (RFC 9457): what is wrong, where, and what to do about it.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value};

use crate::code::Code;

/// A refusal as it goes over the wire. Nothing secret belongs into it: its reader is whoever made the call.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// Which refusal.
    pub code: Code,
    /// This occurrence in one sentence.
    pub detail: String,
    /// The job, attempt or file that it is about, as a path or an address.
    pub instance: Option<Box<str>>,
    /// JSON pointer (RFC 6901) to the field of the body that is wrong; empty text: the whole body.
    pub pointer: Option<String>,
    /// Line of the body or file, counted from 1.
    pub line: Option<u32>,
    /// Column of that line, counted from 1.
    pub column: Option<u32>,
    /// What to do.
    pub hint: Option<Box<str>>,
    /// Further members, such as `outcome` or `currentAttempt`.
    pub more: Box<Map<String, Value>>,
}

impl Problem {
    /// A problem with a sentence about this occurrence. It may quote what somebody sent: it stays one line whatever that is.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let mut detail = detail.into();
        if detail.contains(char::is_control) {
            detail = detail.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        }
        Self {
            code,
            detail,
            instance: None,
            pointer: None,
            line: None,
            column: None,
            hint: None,
            more: Box::default(),
        }
    }

    /// A field of the body is wrong.
    pub fn field(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(Code::InvalidField, detail).pointer(pointer)
    }

    /// Names the field by its JSON pointer.
    #[must_use]
    pub fn pointer(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = Some(pointer.into());
        self
    }

    /// Names the place by line and column, both from 1.
    #[must_use]
    pub fn position(mut self, line: usize, column: usize) -> Self {
        self.line = u32::try_from(line).ok();
        self.column = u32::try_from(column).ok();
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Box<str>>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says what it is about.
    #[must_use]
    pub fn instance(mut self, instance: impl Into<Box<str>>) -> Self {
        self.instance = Some(instance.into());
        self
    }

    /// Adds a member.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.code.status()
    }

    /// Where the code is explained: the `type` member, relative to the orchestrator.
    #[must_use]
    pub fn kind(&self) -> String {
        format!("/errors/{}", self.code)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)?;
        if let Some(pointer) = self.pointer.as_deref().filter(|pointer| !pointer.is_empty()) {
            write!(f, " (at {pointer})")?;
        }
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, " (line {line}, column {column})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", &self.kind())?;
        map.serialize_entry("title", self.code.title())?;
        map.serialize_entry("status", &self.code.status())?;
        map.serialize_entry("code", self.code.as_str())?;
        map.serialize_entry("detail", &self.detail)?;
        let (instance, pointer, hint) =
            (self.instance.as_deref(), self.pointer.as_deref(), self.hint.as_deref());
        for (name, value) in [("instance", instance), ("pointer", pointer), ("hint", hint)] {
            if let Some(value) = value {
                map.serialize_entry(name, value)?;
            }
        }
        for (name, value) in [("line", self.line), ("column", self.column)] {
            if let Some(value) = value {
                map.serialize_entry(name, &value)?;
            }
        }
        for (name, value) in self.more.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Problem {
    /// Reads a problem body of Segue. A code that this version does not know is read as `internal`, its name kept in the
    /// member `unknownCode`.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut more = Map::<String, Value>::deserialize(deserializer)?;
        let mut text = |name: &str| match more.remove(name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        let name = text("code").ok_or_else(|| serde::de::Error::missing_field("code"))?;
        let (detail, instance) = (text("detail").unwrap_or_default(), text("instance").map(Into::into));
        let (pointer, hint) = (text("pointer"), text("hint").map(Into::into));
        let mut number = |name: &str| {
            more.remove(name).and_then(|value| value.as_u64()).and_then(|number| u32::try_from(number).ok())
        };
        let (line, column) = (number("line"), number("column"));
        for name in ["type", "title", "status"] {
            more.remove(name);
        }
        let code = Code::from_name(&name).unwrap_or_else(|| {
            more.insert("unknownCode".to_owned(), Value::String(name));
            Code::Internal
        });
        Ok(Self { code, detail, instance, pointer, line, column, hint, more: Box::new(more) })
    }
}

#[cfg(test)]
mod tests {
    use super::Problem;
    use crate::Code;

    #[test]
    fn a_problem_survives_the_wire_with_its_extra_members() {
        let problem = Problem::new(Code::Superseded, "attempt 1 was retried")
            .with("currentAttempt", 2)
            .instance("/api/jobs/7")
            .position(3, 4)
            .hint("stop");
        let text = serde_json::to_string(&problem).expect("a problem is JSON");
        assert_eq!(
            text,
            r#"{"type":"/errors/superseded","title":"The attempt is over","status":409,"code":"superseded","detail":"attempt 1 was retried","instance":"/api/jobs/7","hint":"stop","line":3,"column":4,"currentAttempt":2}"#
        );
        assert_eq!(serde_json::from_str::<Problem>(&text).expect("reads back"), problem);
    }
}
