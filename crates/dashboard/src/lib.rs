//! The dashboard: pages in plain HTML, CSS and JavaScript modules, inside the executable.
//!
//! There is no build tool and no library, so that what stands in `assets/` is what the browser reads, and nothing is loaded
//! from elsewhere: [`CONTENT_SECURITY_POLICY`] forbids it. The pages know the orchestrator by its HTTP API alone.

/// What a browser may do with the pages: run and load what comes from the same origin, and nothing else. `blob:` is for
/// artifacts, which are fetched with a token and then shown or played.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' blob:; media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

/// The page itself, as [`asset`] knows it.
pub const INDEX: &str = "index.html";

/// A file of the dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asset {
    /// Its `Content-Type`.
    pub content_type: &'static str,
    /// Its bytes.
    pub bytes: &'static [u8],
}

impl Asset {
    /// A strong ETag with its quotes: the same bytes have the same, in every version of the executable.
    #[must_use]
    pub fn etag(&self) -> String {
        format!("\"{}\"", &blake3::hash(self.bytes).to_hex()[..32])
    }
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// Every file: its path, what it is, its bytes. A test holds this against the folder.
const FILES: &[(&str, &str, &[u8])] = &[
    ("base.css", CSS, include_bytes!("../assets/base.css")),
    ("course.css", CSS, include_bytes!("../assets/course.css")),
    ("icon.svg", SVG, include_bytes!("../assets/icon.svg")),
    (INDEX, HTML, include_bytes!("../assets/index.html")),
    ("js/actions.js", JS, include_bytes!("../assets/js/actions.js")),
    ("js/api.js", JS, include_bytes!("../assets/js/api.js")),
    ("js/artifacts.js", JS, include_bytes!("../assets/js/artifacts.js")),
    ("js/bars.js", JS, include_bytes!("../assets/js/bars.js")),
    ("js/chain.js", JS, include_bytes!("../assets/js/chain.js")),
    ("js/course.js", JS, include_bytes!("../assets/js/course.js")),
    ("js/coursemodel.js", JS, include_bytes!("../assets/js/coursemodel.js")),
    ("js/coursepanel.js", JS, include_bytes!("../assets/js/coursepanel.js")),
    ("js/coursereader.js", JS, include_bytes!("../assets/js/coursereader.js")),
    ("js/courserows.js", JS, include_bytes!("../assets/js/courserows.js")),
    ("js/courses.js", JS, include_bytes!("../assets/js/courses.js")),
    ("js/decisions.js", JS, include_bytes!("../assets/js/decisions.js")),
    ("js/dom.js", JS, include_bytes!("../assets/js/dom.js")),
    ("js/eventlist.js", JS, include_bytes!("../assets/js/eventlist.js")),
    ("js/gantt.js", JS, include_bytes!("../assets/js/gantt.js")),
    ("js/graph.js", JS, include_bytes!("../assets/js/graph.js")),
    ("js/history.js", JS, include_bytes!("../assets/js/history.js")),
    ("js/job.js", JS, include_bytes!("../assets/js/job.js")),
    ("js/jobs.js", JS, include_bytes!("../assets/js/jobs.js")),
    ("js/json.js", JS, include_bytes!("../assets/js/json.js")),
    ("js/layout.js", JS, include_bytes!("../assets/js/layout.js")),
    ("js/left.js", JS, include_bytes!("../assets/js/left.js")),
    ("js/main.js", JS, include_bytes!("../assets/js/main.js")),
    ("js/panel.js", JS, include_bytes!("../assets/js/panel.js")),
    ("js/player.js", JS, include_bytes!("../assets/js/player.js")),
    ("js/replay.js", JS, include_bytes!("../assets/js/replay.js")),
    ("js/services.js", JS, include_bytes!("../assets/js/services.js")),
    ("js/since.js", JS, include_bytes!("../assets/js/since.js")),
    ("js/store.js", JS, include_bytes!("../assets/js/store.js")),
    ("js/table.js", JS, include_bytes!("../assets/js/table.js")),
    ("js/tall.js", JS, include_bytes!("../assets/js/tall.js")),
    ("js/twinchart.js", JS, include_bytes!("../assets/js/twinchart.js")),
    ("js/twindocs.js", JS, include_bytes!("../assets/js/twindocs.js")),
    ("js/twinmodel.js", JS, include_bytes!("../assets/js/twinmodel.js")),
    ("js/twintickets.js", JS, include_bytes!("../assets/js/twintickets.js")),
    ("js/waiting.js", JS, include_bytes!("../assets/js/waiting.js")),
    ("js/words.js", JS, include_bytes!("../assets/js/words.js")),
    ("pages.css", CSS, include_bytes!("../assets/pages.css")),
    ("twindocs.css", CSS, include_bytes!("../assets/twindocs.css")),
];

/// The file with this path (`js/main.js`), or none.
#[must_use]
pub fn asset(path: &str) -> Option<Asset> {
    let (_, content_type, bytes) = FILES.iter().find(|(name, ..)| *name == path)?;
    Some(Asset { content_type, bytes })
}

/// The paths of all files.
pub fn paths() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(path, ..)| *path)
}
