//! Reads a JSON object from outside so that every refusal names the place: line and column where it is not JSON, a JSON
//! pointer where a field is wrong.
//!
//! A body is checked whole, once (depth, escapes, numbers), without building anything. After that a payload may stay text for
//! ever: whoever parses it later cannot meet an error that its sender should have heard of.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{code::Code, problem::Problem};

/// So many names are compared with each other.
const FEW: usize = 32;

/// The members of a JSON object, each still text. A member that is `null` counts as absent.
#[derive(Debug)]
pub struct Fields<'a> {
    pointer: String,
    members: Vec<(Cow<'a, str>, &'a RawValue)>,
}

impl<'a> Fields<'a> {
    /// Checks a body and takes it apart.
    ///
    /// # Errors
    /// 400 `invalid-utf8` or `malformed-json` with line and column; 422 if it is no object or names a member twice.
    pub fn parse(body: &'a [u8]) -> Result<Self, Problem> {
        let text = std::str::from_utf8(body).map_err(|error| not_utf8(body, error.valid_up_to()))?;
        serde_json::from_str::<Sound>(text).map_err(|error| not_json(body, &error))?;
        Self::of_checked(text, String::new())
    }

    /// Takes the value of a member apart; `pointer` is where it stands in the body.
    ///
    /// # Errors
    /// 422 if it is no object or names a member twice.
    pub fn parse_member(raw: &'a RawValue, pointer: impl Into<String>) -> Result<Self, Problem> {
        Self::of_checked(raw.get(), pointer.into())
    }

    fn of_checked(text: &'a str, pointer: String) -> Result<Self, Problem> {
        let Members(members) = serde_json::from_str(text).map_err(|_| {
            Problem::field(&*pointer, format!("expected a JSON object, found {}", kind_of(text)))
        })?;
        let fields = Self { pointer, members };
        match fields.doubled() {
            Some(name) => Err(Problem::field(fields.pointer_to(name), format!("`{name}` is given twice"))),
            None => Ok(fields),
        }
    }

    /// A name that is there twice. Few names are compared with each other; many are sorted, so that a body of a hundred
    /// thousand does not cost seconds.
    fn doubled(&self) -> Option<&str> {
        if self.members.len() <= FEW {
            let twice = |(at, (name, _)): &(usize, &(Cow<'a, str>, &RawValue))| {
                self.members[..*at].iter().any(|(earlier, _)| earlier == name)
            };
            return self.members.iter().enumerate().find(twice).map(|(_, (name, _))| &**name);
        }
        let mut names: Vec<&str> = self.members.iter().map(|(name, _)| &**name).collect();
        names.sort_unstable();
        names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
    }

    /// The JSON pointer of a member.
    #[must_use]
    pub fn pointer_to(&self, name: &str) -> String {
        format!("{}/{}", self.pointer, name.replace('~', "~0").replace('/', "~1"))
    }

    /// The text of a member; `None` if it is absent or `null`.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<&'a RawValue> {
        self.members
            .iter()
            .find(|(member, _)| member == name)
            .map(|(_, raw)| *raw)
            .filter(|raw| raw.get() != "null")
    }

    /// Names and texts of all members, in the body's order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.members.iter().map(|(name, raw)| (&**name, *raw))
    }

    /// A member that may be absent. `expected` says in words what it must be ("a whole number of seeds").
    ///
    /// # Errors
    /// 422 with the pointer.
    pub fn optional<T: DeserializeOwned>(&self, name: &str, expected: &str) -> Result<Option<T>, Problem> {
        let Some(raw) = self.raw(name) else { return Ok(None) };
        serde_json::from_str(raw.get()).map(Some).map_err(|_| self.wrong(name, expected))
    }

    /// A member that must be there.
    ///
    /// # Errors
    /// 422 with the pointer.
    pub fn required<T: DeserializeOwned>(&self, name: &str, expected: &str) -> Result<T, Problem> {
        self.optional(name, expected)?
            .ok_or_else(|| Problem::field(self.pointer_to(name), format!("`{name}` is missing: {expected}")))
    }

    /// The refusal of a member: what was expected and what was found.
    #[must_use]
    pub fn wrong(&self, name: &str, expected: &str) -> Problem {
        let found = self.raw(name).map_or("nothing", |raw| kind_of(raw.get()));
        Problem::field(self.pointer_to(name), format!("`{name}` must be {expected}, found {found}"))
    }
}

fn kind_of(text: &str) -> &'static str {
    match text.trim_start().as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b'"') => "a text",
        Some(b't' | b'f') => "true or false",
        Some(b'n') => "null",
        Some(_) => "a number",
        None => "nothing",
    }
}

fn not_utf8(body: &[u8], at: usize) -> Problem {
    let before = &body[..at];
    let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
    let column = at - before.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1) + 1;
    Problem::new(Code::InvalidUtf8, format!("byte {at} is not UTF-8")).position(line, column)
}

fn not_json(body: &[u8], error: &serde_json::Error) -> Problem {
    let detail = if body.iter().all(u8::is_ascii_whitespace) {
        "the body is empty".to_owned()
    } else {
        let text = error.to_string();
        text.split_once(" at line ").map_or(&*text, |(what, _)| what).to_owned()
    };
    Problem::new(Code::MalformedJson, detail).position(error.line().max(1), error.column().max(1))
}

/// Parses a value whole and keeps nothing of it.
struct Sound;

impl<'de> Deserialize<'de> for Sound {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Sound {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self, A::Error> {
        while object.next_entry::<Self, Self>()?.is_some() {}
        Ok(self)
    }
}

/// The members of an object in their order.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((Name(name), value)) = object.next_entry()? {
                    members.push((name, value));
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Object).map(Self)
    }
}

/// A member's name, borrowed where it has no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::Fields;
    use crate::Code;

    fn refusal(body: &[u8]) -> (Code, Option<u32>, Option<u32>) {
        let problem = Fields::parse(body).expect_err("refused");
        (problem.code, problem.line, problem.column)
    }

    #[test]
    fn what_is_not_json_is_refused_with_its_place() {
        assert_eq!(refusal(b"{\n  \"a\": 1,\n  oops\n}"), (Code::MalformedJson, Some(3), Some(3)));
        assert_eq!(refusal(b""), (Code::MalformedJson, Some(1), Some(1)));
        assert_eq!(refusal(b"{\"a\": \"\xff\"}"), (Code::InvalidUtf8, Some(1), Some(8)));
        assert_eq!(refusal(br#"{"a": "\ud800"}"#).0, Code::MalformedJson);
        assert_eq!(refusal(br#"{"a": 1e999}"#).0, Code::MalformedJson);
        assert_eq!(refusal(format!("{{\"a\": {}", "[".repeat(5000)).as_bytes()).0, Code::MalformedJson);
    }

    #[test]
    fn of_many_names_too_a_doubled_one_is_found() {
        let many = |last: u32| {
            let names: Vec<String> = (0..100_000).chain([last]).map(|name| format!("\"{name}\":0")).collect();
            format!("{{{}}}", names.join(","))
        };
        let doubled = many(777);
        let problem = Fields::parse(doubled.as_bytes()).expect_err("twice");
        assert_eq!(problem.pointer.as_deref(), Some("/777"));
        // A body of so many names once took seconds of the one thread that reads it.
        let sound = many(100_000);
        assert_eq!(Fields::parse(sound.as_bytes()).expect("each once").iter().count(), 100_001);
    }

    #[test]
    fn a_wrong_field_is_named_by_its_pointer() {
        assert_eq!(Fields::parse(b"[1]").expect_err("a list").pointer.as_deref(), Some(""));
        assert_eq!(
            Fields::parse(br#"{"a/b":1,"a/b":2}"#).expect_err("twice").pointer.as_deref(),
            Some("/a~1b")
        );
        let fields = Fields::parse(br#"{"totalSeeds":"many","inner":{"x":true}}"#).expect("an object");
        let problem = fields.required::<u32>("totalSeeds", "a whole number").expect_err("a text");
        assert_eq!(problem.detail, "`totalSeeds` must be a whole number, found a text");
        let inner = Fields::parse_member(fields.raw("inner").expect("there"), "/inner").expect("an object");
        assert_eq!(
            inner.required::<u32>("x", "a number").expect_err("a bool").pointer.as_deref(),
            Some("/inner/x")
        );
        assert_eq!(
            inner.required::<u32>("y", "a number").expect_err("absent").pointer.as_deref(),
            Some("/inner/y")
        );
    }
}
