//! The live page: plain HTML, CSS and JavaScript modules inside the executable. What stands in `assets/` is what the browser
//! reads; nothing is loaded from elsewhere, and the policy forbids it. Sound goes to the recogniser, wherever that is.

use axum::{
    Router,
    extract::Path,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

/// What a browser may do with the page. The recogniser is another origin, which only the configuration knows.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SVG: &str = "image/svg+xml";
const JS: &str = "text/javascript; charset=utf-8";

/// Every file: its path, what it is, its bytes. A test holds this against the folder.
pub const FILES: &[(&str, &str, &str)] = &[
    ("index.html", HTML, include_str!("../../assets/index.html")),
    ("icon.svg", SVG, include_str!("../../assets/icon.svg")),
    ("theatre.css", CSS, include_str!("../../assets/theatre.css")),
    ("js/api.js", JS, include_str!("../../assets/js/api.js")),
    ("js/board.js", JS, include_str!("../../assets/js/board.js")),
    ("js/dom.js", JS, include_str!("../../assets/js/dom.js")),
    ("js/link.js", JS, include_str!("../../assets/js/link.js")),
    ("js/main.js", JS, include_str!("../../assets/js/main.js")),
    ("js/microphone.js", JS, include_str!("../../assets/js/microphone.js")),
    ("js/room.js", JS, include_str!("../../assets/js/room.js")),
    ("js/talk.js", JS, include_str!("../../assets/js/talk.js")),
    ("js/tap.js", JS, include_str!("../../assets/js/tap.js")),
];

/// `GET /` and `GET /assets/…`.
pub(super) fn routes() -> Router {
    Router::new().route("/", get(|headers: HeaderMap| async move { file("index.html", &headers) })).route(
        "/assets/{*path}",
        get(|Path(path): Path<String>, headers: HeaderMap| async move { file(&path, &headers) }),
    )
}

fn file(path: &str, headers: &HeaderMap) -> Response {
    let Some((_, kind, text)) = FILES.iter().find(|(name, ..)| *name == path) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let etag = format!("\"{:.32}\"", blake3::hash(text.as_bytes()).to_hex());
    let about = [
        (header::CONTENT_TYPE, (*kind).to_owned()),
        (header::ETAG, etag.clone()),
        (header::CACHE_CONTROL, "no-cache".to_owned()),
        (header::CONTENT_SECURITY_POLICY, POLICY.to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::REFERRER_POLICY, "no-referrer".to_owned()),
    ];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    (about, *text).into_response()
}
