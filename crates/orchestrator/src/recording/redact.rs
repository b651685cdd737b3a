//! What must not leave the house, blackened: values under names that are names of secrets, and secrets within texts.
//!
//! Nothing can find every secret. What an operator knows to be confidential he takes out with [`Redaction::Payloads`], which
//! leaves of inputs and results only that they were there.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What stands in the place of what was taken out.
const BLACK: &str = "[redacted]";
/// Names of secrets, without `_` and `-`, in lower case: a name that contains one.
const SECRETS: [&str; 10] = [
    "secret",
    "password",
    "passwd",
    "apikey",
    "accesskey",
    "privatekey",
    "credential",
    "authorization",
    "cookie",
    "bearer",
];
/// Members of events that carry what callers and services said.
const PAYLOADS: [&str; 8] = ["input", "item", "items", "output", "stats", "checkpoint", "payload", "details"];

/// How much is blackened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Redaction {
    /// What looks like a secret.
    #[default]
    Secrets,
    /// All inputs, items, results, figures, checkpoints and decisions too.
    Payloads,
}

/// Blackens a value.
#[must_use]
pub fn redact(mut value: Value, how: Redaction) -> Value {
    blacken(&mut value, how);
    value
}

/// An event as stored, blackened. Where nothing has to be, it stays as it is to the byte.
pub(super) fn event(stored: &[u8], how: Redaction) -> String {
    let as_stored = || String::from_utf8_lossy(stored).into_owned();
    let Ok(before) = serde_json::from_slice::<Value>(stored) else { return as_stored() };
    let after = redact(before.clone(), how);
    if before == after { as_stored() } else { after.to_string() }
}

fn blacken(value: &mut Value, how: Redaction) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let is_payload = how == Redaction::Payloads && PAYLOADS.contains(&name.as_str());
                if is_payload {
                    blacken_payload(name, member);
                } else if is_secret(name)
                    && matches!(member, Value::String(_) | Value::Array(_) | Value::Object(_))
                {
                    *member = BLACK.into();
                } else {
                    blacken(member, how);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| blacken(item, how)),
        Value::String(text) => {
            if let Some(black) = without_secrets(text) {
                *text = black;
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A list of items keeps its length: it is how many runs there were.
fn blacken_payload(name: &str, member: &mut Value) {
    match member {
        Value::Array(items) if name == "items" => items.iter_mut().for_each(|item| *item = BLACK.into()),
        Value::Null => {}
        member => *member = BLACK.into(),
    }
}

fn is_secret(name: &str) -> bool {
    let plain: String =
        name.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).collect::<String>().to_lowercase();
    plain.ends_with("token") || SECRETS.iter().any(|secret| plain.contains(secret))
}

/// A text with what is a secret in it blackened: `Bearer …`, keys that begin with `sk-`, passwords in addresses. None where
/// there is nothing.
fn without_secrets(text: &str) -> Option<String> {
    let mut found = false;
    let mut after_bearer = false;
    let words: Vec<String> = text
        .split(' ')
        .map(|word| {
            let is_key =
                word.trim_matches(|c: char| !c.is_ascii_alphanumeric()).starts_with("sk-") && word.len() > 12;
            let is_bearer = std::mem::replace(&mut after_bearer, word.to_lowercase().ends_with("bearer"));
            let black = match is_key || (is_bearer && word.len() > 4) {
                true => Some(BLACK.to_owned()),
                false => without_password(word),
            };
            found |= black.is_some();
            black.unwrap_or_else(|| word.to_owned())
        })
        .collect();
    found.then(|| words.join(" "))
}

/// `https://user:password@host` without its password.
fn without_password(word: &str) -> Option<String> {
    let (scheme, rest) = word.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (user, host) = authority.rsplit_once('@')?;
    let (name, _) = user.split_once(':')?;
    Some(format!("{scheme}://{name}:{BLACK}@{host}{}", &rest[authority.len()..]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_blackened_and_what_is_none_stays() {
        let value = json!({
            "apiKey": "k1", "API-Key": "k2", "nested": [{ "clientSecret": { "a": "k3" }, "accessToken": "k4" }],
            "tokens": 12, "promptTokens": 9, "key": "spa_for_eng", "note": "Authorization: Bearer k5abcdef was refused",
            "url": "see postgres://me:k6@host:1/db?x=1", "model": "sk-k7k7k7k7k7k7k7k7",
        });
        let text = redact(value, Redaction::Secrets).to_string();
        for secret in ["k1", "k2", "k3", "k4", "k5", "k6", "k7"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        for kept in ["\"tokens\":12", "spa_for_eng", "was refused", "postgres://me:[redacted]@host:1/db?x=1"]
        {
            assert!(text.contains(kept), "{kept} not in {text}");
        }
    }

    #[test]
    fn payloads_go_and_their_number_stays() {
        let stored = r#"{"at":1,"is":{"mapExpanded":{"phase":"a","turn":1,"items":[{"x":1},{"x":2}]}}}"#;
        assert_eq!(event(stored.as_bytes(), Redaction::Secrets), stored);
        let black = event(stored.as_bytes(), Redaction::Payloads);
        assert!(black.contains(r#"["[redacted]","[redacted]"]"#) && !black.contains("\"x\""), "{black}");
    }
}
