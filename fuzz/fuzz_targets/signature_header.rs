//! The headers by which somebody proves who he is: a signature of Standard Webhooks, and an attempt's token.
//!
//! The input is three lines (id, time, signatures) and the body.
#![no_main]

use engine::ids::Timestamp;
use hyper::{HeaderMap, header::HeaderValue};
use libfuzzer_sys::fuzz_target;
use orchestrator::{
    config::SigningSecret,
    signature::{check, sign},
    token::TokenKey,
};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// The moment of the published example, to which the seeds are signed.
const NOW: Timestamp = Timestamp(1_614_265_330_000);

fuzz_target!(|input: &[u8]| {
    let secret = SigningSecret::parse(SECRET).expect("it is one");
    let mut parts = input.splitn(4, |byte| *byte == b'\n');
    let mut headers = HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let Some(Ok(value)) = parts.next().map(HeaderValue::from_bytes) else { return };
        headers.insert(name, value);
    }
    let body = parts.next().unwrap_or_default();
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (id, seconds, signatures) =
        (text("webhook-id"), text("webhook-timestamp"), text("webhook-signature"));

    let token = signatures.as_deref().unwrap_or_default();
    if let Some((job, attempt)) = TokenKey::new([7; 32]).open(token) {
        assert_eq!(TokenKey::new([7; 32]).token(job, attempt), token, "a token has one form");
    }
    let fits = check(&secret, &headers, body, NOW).is_ok();
    let (Some(id), Some(seconds), Some(signatures)) = (id, seconds, signatures) else {
        assert!(!fits, "a header that is no text was accepted");
        return;
    };
    let right = sign(&secret, &id, &seconds, body);
    if fits {
        assert!(signatures.split(' ').any(|one| one == right), "a signature has one form");
        let signed_at: u64 = seconds.parse().expect("what was accepted has a time");
        assert!(signed_at.abs_diff(NOW.0 / 1000) <= 300);
    }

    // Whatever the message: its right signature fits, and fits nothing else.
    let now = (NOW.0 / 1000).to_string();
    headers.insert("webhook-timestamp", HeaderValue::from_str(&now).expect("a number"));
    let right = sign(&secret, &id, &now, body);
    headers.insert("webhook-signature", HeaderValue::from_str(&right).expect("base64"));
    assert!(check(&secret, &headers, body, NOW).is_ok(), "the right signature was refused");
    let mut other = body.to_vec();
    other.push(b' ');
    assert!(check(&secret, &headers, &other, NOW).is_err(), "another body was accepted");
    assert!(check(&secret, &headers, body, Timestamp(NOW.0 + 301_000)).is_err(), "an old one was accepted");
});
