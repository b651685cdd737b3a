//! Standard Webhooks signatures: who sends a start proves that it knows the service's secret, and that it sent it just now.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;

/// A shared secret, written `whsec_BASE64` (24 to 64 bytes). Its `Debug` shows nothing.
#[derive(Clone)]
pub struct Secret(Hmac<Sha256>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The text is no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecret {
    /// Not base64 after an optional `whsec_`.
    #[error("expected `whsec_` and base64")]
    NotBase64,
    /// Too short to be safe, or longer than the standard allows.
    #[error("the secret has {0} bytes; it must have 24 to 64")]
    Length(usize),
}

/// Why a signature was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSignature {
    /// No time, or not a number.
    #[error("the header webhook-timestamp is missing or not a number")]
    Timestamp,
    /// Signed more than five minutes away from now: perhaps recorded and sent again.
    #[error(
        "the message was signed more than five minutes ago, or in the future; compare the clocks of both machines"
    )]
    Stale,
    /// None of the signatures is right.
    #[error(
        "no signature fits: sender and receiver have different secrets, or the body was changed on its way"
    )]
    Mismatch,
}

/// Furthest that the signed time may be from now, in seconds.
const TOLERANCE: i64 = 300;

impl Secret {
    /// Reads `whsec_BASE64` or plain base64.
    ///
    /// # Errors
    /// If it is not base64 or has not 24 to 64 bytes.
    pub fn parse(text: &str) -> Result<Self, InvalidSecret> {
        let text = text.trim();
        let bytes = STANDARD
            .decode(text.strip_prefix("whsec_").unwrap_or(text))
            .map_err(|_| InvalidSecret::NotBase64)?;
        if !(24..=64).contains(&bytes.len()) {
            return Err(InvalidSecret::Length(bytes.len()));
        }
        Hmac::new_from_slice(&bytes).map(Self).map_err(|_| InvalidSecret::Length(bytes.len()))
    }

    /// The value of `webhook-signature` for a message with this id, time (seconds since 1970) and body.
    #[must_use]
    pub fn sign(&self, id: &str, seconds: i64, body: &[u8]) -> String {
        let digest = self.mac(id, &seconds.to_string(), body).finalize().into_bytes();
        format!("v1,{}", STANDARD.encode(digest))
    }

    /// Checks the three headers of a message in constant time.
    ///
    /// # Errors
    /// If the time is missing or too far from `now`, or no signature fits.
    pub fn verify(
        &self,
        id: &str,
        timestamp: &str,
        signatures: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(), InvalidSignature> {
        let seconds: i64 = timestamp.parse().map_err(|_| InvalidSignature::Timestamp)?;
        if now.as_second().abs_diff(seconds) > TOLERANCE.unsigned_abs() {
            return Err(InvalidSignature::Stale);
        }
        let fits = signatures
            .split_ascii_whitespace()
            .filter_map(|signature| signature.strip_prefix("v1,"))
            .any(|signature| {
                STANDARD
                    .decode(signature)
                    .is_ok_and(|digest| self.mac(id, timestamp, body).verify_slice(&digest).is_ok())
            });
        if fits { Ok(()) } else { Err(InvalidSignature::Mismatch) }
    }

    fn mac(&self, id: &str, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
            mac.update(part);
        }
        mac
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{InvalidSecret, InvalidSignature, Secret};

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn the_published_example_of_the_standard_is_signed_alike() {
        let secret = Secret::parse(SECRET).expect("a secret");
        let signature =
            secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_changed_body_an_old_time_and_another_secret_are_refused() {
        let secret = Secret::parse(SECRET).expect("a secret");
        let at = |seconds| Timestamp::from_second(seconds).expect("a time");
        let signatures = format!("v1,AAAA v2,x {}", secret.sign("a", 1000, b"body"));
        let verify = |body: &[u8], now| secret.verify("a", "1000", &signatures, body, at(now));
        assert_eq!(verify(b"body", 1200), Ok(()));
        assert_eq!(verify(b"Body", 1200), Err(InvalidSignature::Mismatch));
        assert_eq!(verify(b"body", 1301), Err(InvalidSignature::Stale));
        assert_eq!(
            secret.verify("a", "now", &signatures, b"body", at(1000)),
            Err(InvalidSignature::Timestamp)
        );
        assert_eq!(Secret::parse("whsec_c2hvcnQ=").err(), Some(InvalidSecret::Length(5)));
    }
}
