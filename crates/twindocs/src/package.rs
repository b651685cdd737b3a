//! What is left of a job: the documentation that both streams and the code agree on, with what they do not agree on beside it.
//!
//! [`build`] is pure: the same [`Parts`] give the same files, byte for byte; [`phase`] only fetches and stores. Where the streams
//! differ and nobody has decided, both values are in every form of the package, and the confidence is lower ([`merge`]).

pub mod graph;
pub mod markdown;
pub mod merge;
pub mod metrics;
pub mod page;
pub mod parts;
pub mod phase;
pub mod rebuild;
pub mod report;
pub mod trends;

use parts::Parts;
use phase_kit::artifacts::canonical_json;

/// The folder of the package among the job's artifacts.
pub const FOLDER: &str = "package/";
/// The version of the package's form.
pub const VERSION: &str = "2.0.0";

/// One file of the package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageFile {
    /// Its name, from [`FOLDER`].
    pub name: String,
    /// What it is.
    pub media_type: &'static str,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl PackageFile {
    fn text(name: impl Into<String>, media_type: &'static str, text: String) -> Self {
        Self { name: name.into(), media_type, bytes: text.into_bytes() }
    }

    fn json<T: serde::Serialize>(name: &str, value: &T) -> Result<Self, serde_json::Error> {
        let bytes = canonical_json(value)?;
        Ok(Self { name: name.to_owned(), media_type: "application/json", bytes })
    }
}

/// All files, and what the phase says of them.
#[derive(Debug)]
pub struct Package {
    /// The files, in the order in which they are stored.
    pub files: Vec<PackageFile>,
    /// The figures.
    pub metrics: metrics::Metrics,
    /// The report.
    pub report: report::Report,
}

/// Makes the package.
///
/// # Errors
/// Where something cannot be written as JSON: a number that is none.
pub fn build(parts: &Parts) -> Result<Package, serde_json::Error> {
    let calls = graph::merged(parts);
    let documentation = merge::documentation(parts, &calls);
    let report = report::report(parts);
    let metrics = metrics::metrics(parts, &documentation, &calls);
    let rebuild = rebuild::tickets(parts, &documentation, &calls)?;
    let trends = trends::draw(&report.history, &report.criteria);
    let mut files = vec![
        PackageFile::json("documentation.json", &documentation)?,
        PackageFile::json("call_graph.json", &calls)?,
        PackageFile::text("rebuild_tickets.jsonl", "application/x-ndjson", rebuild),
        PackageFile::json("convergence_report.json", &report)?,
        PackageFile::text("convergence_report.md", MARKDOWN, markdown::report(parts, &report, &metrics)),
        PackageFile::json("metrics.json", &metrics)?,
        PackageFile::text("trends.svg", "image/svg+xml", trends.clone()),
    ];
    let pages = markdown::pages(parts, &documentation, &report);
    files.extend(pages.into_iter().map(|(name, text)| PackageFile::text(name, MARKDOWN, text)));
    let page = page::page(parts, &documentation, &calls, &report, &metrics, &trends)?;
    files.push(PackageFile::text("index.html", "text/html; charset=utf-8", page));
    Ok(Package { files, metrics, report })
}

const MARKDOWN: &str = "text/markdown; charset=utf-8";
