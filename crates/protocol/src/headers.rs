//! Names of headers and the limits of bodies, so that both sides agree on them.

/// On a start: the attempt's id. The same key again is the same attempt.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// W3C trace context, passed on.
pub const TRACEPARENT: &str = "traceparent";
/// On a PUT of an artifact without a body: the BLAKE3 hash (hexadecimal) of a blob that the orchestrator has already.
pub const ARTIFACT_HASH: &str = "x-artifact-hash";
/// Standard Webhooks: id of the message, here the attempt's.
pub const WEBHOOK_ID: &str = "webhook-id";
/// Standard Webhooks: seconds since 1970.
pub const WEBHOOK_TIMESTAMP: &str = "webhook-timestamp";
/// Standard Webhooks: signatures, separated by spaces, each `v1,BASE64`.
pub const WEBHOOK_SIGNATURE: &str = "webhook-signature";

/// Media type of JSON bodies.
pub const JSON: &str = "application/json";
/// Media type of problem bodies (RFC 9457).
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Most bytes of a callback's body; larger results are artifacts.
pub const CALLBACK_LIMIT: usize = 1024 * 1024;
/// Most bytes of a start's body.
pub const START_LIMIT: usize = 1024 * 1024;
