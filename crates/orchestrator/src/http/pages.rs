//! The dashboard's files. They hold no data, so they need no token: what they show comes from the API, which asks for one.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use dashboard::{Asset, CONTENT_SECURITY_POLICY, INDEX};
use protocol::{Code, Problem};

use super::{Failure, Shared, extract::Path, operations};

/// `GET /`: the page for a browser; for other callers what can be called here.
pub(super) async fn index(state: State<Shared>, headers: HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let page = accept.filter(|accept| accept.contains("text/html")).and_then(|_| dashboard::asset(INDEX));
    let mut response = match page {
        Some(page) => send(&page, &headers),
        None => operations::index(state).await,
    };
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
    response
}

/// `GET /dashboard`: where the page is.
pub(super) async fn home() -> Redirect {
    Redirect::permanent("/")
}

/// `GET /dashboard/{path}`.
pub(super) async fn file(Path(path): Path<String>, headers: HeaderMap) -> Result<Response, Failure> {
    let missing = || Problem::new(Code::NotFound, format!("the dashboard has no file '{path}'"));
    Ok(send(&dashboard::asset(&path).ok_or_else(missing)?, &headers))
}

fn send(asset: &Asset, headers: &HeaderMap) -> Response {
    let etag = asset.etag();
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let unchanged = known.is_some_and(|known| known.split(',').any(|one| one.trim() == etag));
    let mut response = match unchanged {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => ([(header::CONTENT_TYPE, asset.content_type)], asset.bytes).into_response(),
    };
    let fixed: [(HeaderName, &'static str); 4] = [
        // Asked for again each time: after an update of the executable no page is half old.
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in fixed {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    if let Ok(etag) = etag.parse() {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}
