//! What an address says: its segments and its query. Axum refuses in plain text what it can't read; our callers are promised
//! a problem body whatever is wrong, so both are wrapped.

use axum::{
    extract::{FromRequestParts, Path as AxumPath, Query as AxumQuery},
    http::request::Parts,
};
use protocol::{Code, Problem};
use serde::de::DeserializeOwned;

use super::Failure;

/// The segments of an address.
pub(super) struct Path<T>(pub(super) T);

/// The query of an address.
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Failure;

    /// Refuses with `not-found`: what is no text is no address of ours.
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let read = AxumPath::from_request_parts(parts, state).await;
        let AxumPath(value) = read.map_err(|_| Problem::new(Code::NotFound, "the address is not UTF-8"))?;
        Ok(Self(value))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Failure;

    /// Refuses with `invalid-field`, and names the field where it is known.
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let read = AxumQuery::from_request_parts(parts, state).await;
        let AxumQuery(value) = read.map_err(|rejection| unreadable(&rejection.body_text()))?;
        Ok(Self(value))
    }
}

/// `Failed to deserialize query string: limit: invalid digit found in string`, in our form.
fn unreadable(said: &str) -> Problem {
    let said = said.split_once("query string: ").map_or(said, |(_, rest)| rest);
    let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match said.split_once(": ").filter(|(name, _)| is_name(name)) {
        Some((name, what)) => Problem::field(format!("?{name}"), format!("`{name}` can't be read: {what}")),
        None => Problem::field("?", format!("the query can't be read: {said}")),
    }
}

/// How many of a list are asked for: one to `most`, and where nothing is said 100.
///
/// # Errors
/// `invalid-field`, where it is none of these.
pub(super) fn limit(asked: Option<usize>, most: usize) -> Result<usize, Failure> {
    match asked {
        None => Ok(most.min(100)),
        Some(limit) if (1..=most).contains(&limit) => Ok(limit),
        Some(_) => Err(Problem::field("?limit", format!("`limit` is a number from 1 to {most}")).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::unreadable;

    #[test]
    fn a_query_that_can_not_be_read_names_its_field() {
        for (said, pointer) in [
            ("Failed to deserialize query string: limit: invalid digit found in string", "?limit"),
            ("Failed to deserialize query string: missing field `from`", "?"),
        ] {
            assert_eq!(unreadable(said).pointer.as_deref(), Some(pointer), "{said}");
        }
    }
}
