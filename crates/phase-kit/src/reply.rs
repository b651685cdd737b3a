//! Answers of a service: JSON, problem bodies, and when to come back.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use protocol::{Code, Problem, headers::PROBLEM_JSON};
use serde::Serialize;

/// Seconds after which a busy or stopping service may be asked again.
const RETRY_AFTER: &str = "1";

/// A refusal on its way out: `application/problem+json` with the code's status. For a service's own calls, too.
#[derive(Debug)]
pub struct Refusal(pub Problem);

impl<E: Into<Problem>> From<E> for Refusal {
    fn from(problem: E) -> Self {
        Self(problem.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let comes_back = matches!(self.0.code, Code::TooManyRequests | Code::ShuttingDown);
        let mut response = json(status, &self.0);
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if comes_back {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
        }
        response
    }
}

pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    (status, Json(body)).into_response()
}
