//! Instances of a service: what one says of itself, and what is shown of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{fields::Fields, problem::Problem};

/// Most attempts that an instance may take at once.
const MOST: u32 = 1_000_000;
/// Longest version, in characters.
const LONGEST_VERSION: usize = 100;

/// `PUT /api/services/{name}/instances/{id}`: an instance says that it is there, or still is. What is absent stays as it was said
/// before; the first time `url` must be there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RegisterInstance {
    /// Where it listens: `http://IP:port`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Attempts that it takes at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
    /// What runs there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// How long this holds, as in `30s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease: Option<String>,
    /// It takes nothing new and finishes what it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draining: Option<bool>,
}

impl RegisterInstance {
    /// Reads the body.
    ///
    /// # Errors
    /// 400 or 422 with the place.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        let fields = Fields::parse(body)?;
        let read = Self {
            url: fields.optional("url", "an address: http://IP:port")?,
            capacity: fields.optional("capacity", "a number of attempts")?,
            version: fields.optional("version", "a text")?,
            lease: fields.optional("lease", "a time such as \"30s\"")?,
            draining: fields.optional("draining", "true or false")?,
        };
        if read.capacity.is_some_and(|capacity| !(1..=MOST).contains(&capacity)) {
            return Err(Problem::field("/capacity", format!("`capacity` is a number from 1 to {MOST}")));
        }
        if read.version.as_ref().is_some_and(|version| version.chars().count() > LONGEST_VERSION) {
            return Err(Problem::field("/version", format!("at most {LONGEST_VERSION} characters")));
        }
        Ok(read)
    }
}

/// What an instance is just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InstanceState {
    /// It takes work.
    Ready,
    /// It had no room a moment ago: others are asked first.
    Busy,
    /// It did not answer: others are asked first.
    Silent,
    /// It gets nothing new and finishes what it has.
    Draining,
    /// Its lease is over, or its name does not lead there any more; it still has attempts.
    Gone,
}

/// One instance in `GET /api/services`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceStatus {
    /// What it calls itself; host and port where it does not.
    pub id: String,
    /// Its address.
    pub url: String,
    /// What it is just now.
    pub state: InstanceState,
    /// Attempts that it takes at once.
    pub capacity: u32,
    /// Attempts that it has.
    pub running: u32,
    /// What runs there, where it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Until when its registration holds; absent: it is in `services.toml`, or its name leads there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_until: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registration_is_read_and_what_is_wrong_is_named() {
        let body = br#"{ "url": "http://10.0.0.1:80", "capacity": 4, "lease": "30s", "draining": false }"#;
        let read = RegisterInstance::parse(body).unwrap();
        assert_eq!((read.capacity, read.lease.as_deref()), (Some(4), Some("30s")));
        assert_eq!(RegisterInstance::parse(b"{}").unwrap(), RegisterInstance::default());
        for (body, place) in [
            (r#"{"capacity":0}"#, "/capacity"),
            (r#"{"capacity":"4"}"#, "/capacity"),
            (r#"{"draining":1}"#, "/draining"),
            (r#"{"url":7}"#, "/url"),
        ] {
            let problem = RegisterInstance::parse(body.as_bytes()).unwrap_err();
            assert_eq!(problem.pointer.as_deref(), Some(place), "{body}");
        }
    }
}
