//! Secrets in the configuration: callers' tokens, kept as hashes only, and the secret that signs. Neither can be printed.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What a caller may do; each role may do all that the ones before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Looks.
    Read,
    /// Starts and steers jobs.
    Operate,
    /// Stops services, reads the audit log.
    Admin,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Operate => "operate",
            Self::Admin => "admin",
        })
    }
}

/// A caller's token: its SHA-256, never itself.
#[derive(Clone, PartialEq, Eq)]
pub struct CallerToken {
    /// Whose it is, for the audit log.
    pub name: String,
    /// What it allows.
    pub role: Role,
    pub(crate) hash: [u8; 32],
}

impl fmt::Debug for CallerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallerToken({}, {})", self.name, self.role)
    }
}

/// A secret of Standard Webhooks.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret(Vec<u8>);

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret(…)")
    }
}

impl SigningSecret {
    /// Reads `whsec_` and base64, or base64 alone; 24 to 64 bytes.
    ///
    /// # Errors
    /// What is wrong with it, without showing it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || "a signing secret is whsec_ and 24 to 64 bytes in base64".to_owned();
        let text = text.trim();
        let bytes = STANDARD.decode(text.strip_prefix("whsec_").unwrap_or(text)).map_err(|_| wrong())?;
        if (24..=64).contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(wrong()) }
    }

    /// As it is written.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("whsec_{}", STANDARD.encode(&self.0))
    }

    /// The key.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A token as it is written: a text, or a table with a name, a role, and the token or its hash.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum RawToken {
    Text(String),
    Table(RawTokenTable),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTokenTable {
    name: String,
    role: Role,
    token: Option<String>,
    sha256: Option<String>,
}

/// Shortest token, in bytes: one that can't be guessed.
const SHORTEST: usize = 16;

impl RawToken {
    pub(super) fn read(&self) -> Result<CallerToken, String> {
        match self {
            Self::Text(token) => of_token("token", Role::Admin, token),
            Self::Table(table) => match (&table.token, &table.sha256) {
                (Some(token), None) => of_token(&table.name, table.role, token),
                (None, Some(hash)) => of_hash(&table.name, table.role, hash),
                _ => Err(format!("token '{}' has either `token` or `sha256`", table.name)),
            },
        }
    }
}

/// A token that was given in the clear.
pub(super) fn of_token(name: &str, role: Role, token: &str) -> Result<CallerToken, String> {
    if token.len() < SHORTEST {
        return Err(format!(
            "a token has at least {SHORTEST} characters; make one with: openssl rand -hex 24"
        ));
    }
    Ok(CallerToken { name: name.to_owned(), role, hash: hash(token) })
}

/// A token of which only the hash is known.
pub(super) fn of_hash(name: &str, role: Role, hash: &str) -> Result<CallerToken, String> {
    let hash = from_hex(hash)
        .ok_or_else(|| "sha256 is 64 hexadecimal digits: printf %s TOKEN | sha256sum".to_owned())?;
    Ok(CallerToken { name: name.to_owned(), role, hash })
}

pub(crate) fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let text = text.trim();
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_read_and_never_shown() {
        let token = of_token("dash", Role::Read, "0123456789abcdef").unwrap();
        let hex: String = token.hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let table =
            RawTokenTable { name: "dash".to_owned(), role: Role::Read, token: None, sha256: Some(hex) };
        assert_eq!(RawToken::Table(table).read().unwrap(), token);
        assert_eq!(format!("{token:?}"), "CallerToken(dash, read)");
        assert!(of_token("x", Role::Admin, "short").is_err());
        let secret = SigningSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        assert_eq!((secret.bytes().len(), format!("{secret:?}")), (24, "SigningSecret(…)".to_owned()));
        assert!(SigningSecret::parse("hunter2").is_err());
        assert!(Role::Read < Role::Operate && Role::Operate < Role::Admin);
    }
}
