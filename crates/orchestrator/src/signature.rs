//! Signatures of Standard Webhooks: made on starts, and checked on callbacks where that is asked for.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use engine::ids::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use hyper::HeaderMap;
use protocol::{Code, Problem};

use crate::config::SigningSecret;

/// Furthest that the signed time may be from now, in seconds.
const TOLERANCE: u64 = 300;

/// The value of `webhook-signature`: HMAC-SHA256 over id, time (seconds since 1970) and body.
#[must_use]
pub fn sign(secret: &SigningSecret, id: &str, seconds: &str, body: &[u8]) -> String {
    let Some(mac) = mac(secret, id, seconds, body) else { return String::new() };
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

fn mac(secret: &SigningSecret, id: &str, seconds: &str, body: &[u8]) -> Option<Hmac<sha2::Sha256>> {
    // A key of any length is a key of HMAC.
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.bytes()).ok()?;
    mac.update(format!("{id}.{seconds}.").as_bytes());
    mac.update(body);
    Some(mac)
}

/// Checks the three headers of a message, in constant time. One right signature of several is enough.
///
/// # Errors
/// `wrong-token`: a header is missing, the time is far from now, or no signature fits.
pub fn check(
    secret: &SigningSecret,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Result<(), Problem> {
    let refuse = |detail: &str| Problem::new(Code::WrongToken, detail).hint("callbacks must be signed here");
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let (Some(id), Some(seconds), Some(signatures)) =
        (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"))
    else {
        return Err(refuse("the headers of a Standard Webhooks signature are missing"));
    };
    let signed_at: u64 = seconds.parse().map_err(|_| refuse("webhook-timestamp is no time"))?;
    if signed_at.abs_diff(now.0 / 1000) > TOLERANCE {
        return Err(refuse("webhook-timestamp is more than five minutes away"));
    }
    let fits = |signature: &str| {
        let bytes = signature.strip_prefix("v1,").and_then(|text| STANDARD.decode(text).ok());
        bytes.zip(mac(secret, id, seconds, body)).is_some_and(|(bytes, mac)| mac.verify_slice(&bytes).is_ok())
    };
    match signatures.split(' ').any(fits) {
        true => Ok(()),
        false => Err(refuse("no signature fits")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_example_is_signed_as_its_authors_say() {
        let secret = SigningSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = br#"{"test": 2432232314}"#;
        let signature = sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let mut headers = HeaderMap::new();
        headers.insert("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek".parse().unwrap());
        headers.insert("webhook-timestamp", "1614265330".parse().unwrap());
        headers.insert("webhook-signature", format!("v1,AAAA {signature}").parse().unwrap());
        let at = |seconds: u64| Timestamp(seconds * 1000);
        assert!(check(&secret, &headers, body, at(1_614_265_400)).is_ok());
        assert!(check(&secret, &headers, body, at(1_614_266_000)).is_err(), "too late");
        assert!(check(&secret, &headers, b"{}", at(1_614_265_400)).is_err(), "another body");
        headers.remove("webhook-id");
        assert!(check(&secret, &headers, body, at(1_614_265_400)).is_err(), "no id");
    }
}
