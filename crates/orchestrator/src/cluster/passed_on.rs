//! What one orchestrator tells another of a call that it passes on: where it came from, proved by the secret that they share.
//!
//! Whoever can't prove it is an ordinary caller. A call that was passed on is not passed on again: where nobody leads any more it
//! goes back to whoever passed it on, who knows by then who does.

use std::net::SocketAddr;

use axum::{
    http::{HeaderMap, HeaderValue, Method, Uri},
    response::Response,
};
use subtle::ConstantTimeEq;

/// Where a call came from, and the proof.
const PASSED_ON: &str = "segue-passed-on";
/// On an answer to one who passed a call on: ask whoever leads now. `1`: nothing was done; `?`: that is not known.
pub(crate) const UNDONE: &str = "segue-undone";

/// That a call was passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PassedOn {
    /// Where it came from.
    pub(crate) peer: SocketAddr,
}

impl PassedOn {
    /// Writes it into the headers, in place of what a caller has put there.
    pub(crate) fn write(self, key: &[u8; 32], method: &Method, uri: &Uri, headers: &mut HeaderMap) {
        let value = format!("{} {}", self.peer, proof(key, method, uri, &self.peer.to_string()));
        // Addresses and hexadecimal digits are a header.
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(PASSED_ON, value);
        }
    }

    /// Takes it out of the headers; none where it is not there or not proved.
    pub(crate) fn take(key: &[u8; 32], method: &Method, uri: &Uri, headers: &mut HeaderMap) -> Option<Self> {
        let value = headers.remove(PASSED_ON)?;
        let (peer, proved) = value.to_str().ok()?.split_once(' ')?;
        let genuine: bool = proof(key, method, uri, peer).as_bytes().ct_eq(proved.as_bytes()).into();
        genuine.then(|| peer.parse().ok()).flatten().map(|peer| Self { peer })
    }
}

fn proof(key: &[u8; 32], method: &Method, uri: &Uri, peer: &str) -> String {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let text = format!("{method} {path} {peer}");
    blake3::keyed_hash(key, text.as_bytes()).to_hex()[..32].to_owned()
}

/// Says on an answer that nothing was done, or that it is not known.
pub(crate) fn mark_undone(mut response: Response, surely: bool) -> Response {
    let value = HeaderValue::from_static(if surely { "1" } else { "?" });
    response.headers_mut().insert(UNDONE, value);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_has_the_key_says_where_a_call_came_from() {
        let (key, peer) = ([7; 32], "10.1.2.3:456".parse().unwrap());
        let (method, uri) = (Method::POST, Uri::from_static("http://x/api/jobs?a=1"));
        let mut headers = HeaderMap::new();
        PassedOn { peer }.write(&key, &method, &uri, &mut headers);
        let written = headers.clone();
        assert_eq!(PassedOn::take(&key, &method, &uri, &mut headers), Some(PassedOn { peer }));
        assert!(headers.is_empty(), "whoever answers does not see it");
        let other = Uri::from_static("/api/jobs?a=2");
        for (key, method, uri) in
            [([8; 32], &method, &uri), (key, &Method::PUT, &uri), (key, &method, &other)]
        {
            assert_eq!(PassedOn::take(&key, method, uri, &mut written.clone()), None);
        }
        let mut forged = written.clone();
        let text = written[PASSED_ON].to_str().unwrap().replace("10.1.2.3", "10.1.2.4");
        forged.insert(PASSED_ON, text.parse().unwrap());
        assert_eq!(PassedOn::take(&key, &method, &uri, &mut forged), None);
    }
}
