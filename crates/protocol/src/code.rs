//! Every way in which Segue says no: a stable code, its HTTP status, its title and its page.
//!
//! The table is the one place. A code without a page in `docs/errors/` does not compile; a page without a code fails a test.

use std::fmt;

/// The stable name of a kind of refusal. Programs may depend on it; the texts beside it may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the table below gives each code its title and its page")]
pub enum Code {
    MalformedJson,
    InvalidField,
    PayloadTooLarge,
    UnknownPipeline,
    UnknownPhase,
    UnknownService,
    /// No instance of the service is registered under this name.
    UnknownInstance,
    UnknownJob,
    UnknownAttempt,
    UnknownArtifact,
    UnknownCallback,
    UnknownRoute,
    UnsupportedLanguage,
    EmptySeeds,
    TooManySeeds,
    InvalidUtf8,
    InvalidPipeline,
    InvalidConfig,
    KeyInUse,
    ConflictingOutcome,
    Superseded,
    WrongToken,
    NotAllowed,
    NotNow,
    UnknownSignal,
    PrerequisitesMissing,
    DiskFull,
    JournalStopped,
    JournalDamaged,
    ShuttingDown,
    Recovering,
    JournalAway,
    NoLeader,
    LeaderLost,
    ServiceUnreachable,
    MethodNotAllowed,
    UnsupportedMediaType,
    UpgradeRequired,
    UnknownMachine,
    UnknownAction,
    EmptyText,
    InvalidAudio,
    UnknownSurgery,
    OverrideTooLong,
    UnknownTheatre,
    UnknownPending,
    NotFound,
    TooManyRequests,
    Internal,
}

/// What the table holds for a code.
#[derive(Debug)]
struct Entry {
    code: Code,
    name: &'static str,
    status: u16,
    title: &'static str,
    page: &'static str,
}

/// One line of the table: `row!(Variant, "name", status, "title")` becomes an [`Entry`] with the page `docs/errors/name.md`.
macro_rules! row {
    ($code:ident, $name:literal, $status:literal, $title:literal) => {
        Entry {
            code: Code::$code,
            name: $name,
            status: $status,
            title: $title,
            page: include_str!(concat!("../../../docs/errors/", $name, ".md")),
        }
    };
}

/// In the order of the enum, so that a code is its own index.
const TABLE: [Entry; 49] = [
    row!(MalformedJson, "malformed-json", 400, "The body is not JSON"),
    row!(InvalidField, "invalid-field", 422, "A field is missing or has the wrong form"),
    row!(PayloadTooLarge, "payload-too-large", 413, "The body is too large"),
    row!(UnknownPipeline, "unknown-pipeline", 404, "There is no such pipeline"),
    row!(UnknownPhase, "unknown-phase", 422, "The pipeline has no such phase"),
    row!(UnknownService, "unknown-service", 404, "There is no such service"),
    row!(UnknownInstance, "unknown-instance", 404, "The service has no such instance"),
    row!(UnknownJob, "unknown-job", 404, "There is no such job"),
    row!(UnknownAttempt, "unknown-attempt", 404, "There is no such attempt"),
    row!(UnknownArtifact, "unknown-artifact", 404, "There is no such artifact"),
    row!(UnknownCallback, "unknown-callback", 404, "No such rejected callback is kept"),
    row!(UnknownRoute, "unknown-route", 404, "No pipeline has this route"),
    row!(UnsupportedLanguage, "unsupported-language", 422, "The language is not supported"),
    row!(EmptySeeds, "empty-seeds", 422, "There are no seed sentences"),
    row!(TooManySeeds, "too-many-seeds", 422, "There are too many seed sentences"),
    row!(InvalidUtf8, "invalid-utf8", 400, "The text is not UTF-8"),
    row!(InvalidPipeline, "invalid-pipeline", 422, "The pipeline is not valid"),
    row!(InvalidConfig, "invalid-config", 422, "The configuration is not valid"),
    row!(KeyInUse, "key-in-use", 409, "A live job has this key"),
    row!(ConflictingOutcome, "conflicting-outcome", 409, "The attempt has another outcome already"),
    row!(Superseded, "superseded", 409, "The attempt is over"),
    row!(WrongToken, "wrong-token", 401, "The token is missing or wrong"),
    row!(NotAllowed, "not-allowed", 403, "The token does not allow this"),
    row!(NotNow, "not-now", 409, "Not possible in this state"),
    row!(UnknownSignal, "unknown-signal", 404, "The pipeline waits for no such signal"),
    row!(PrerequisitesMissing, "prerequisites-missing", 400, "Earlier phases have not run"),
    row!(DiskFull, "disk-full", 507, "The disk is full"),
    row!(JournalStopped, "journal-stopped", 503, "The journal has stopped"),
    row!(JournalDamaged, "journal-damaged", 503, "The journal is damaged"),
    row!(ShuttingDown, "shutting-down", 503, "Shutting down"),
    row!(Recovering, "recovering", 503, "Recovering"),
    row!(JournalAway, "journal-away", 503, "The journal cannot be reached"),
    row!(NoLeader, "no-leader", 503, "No orchestrator leads"),
    row!(LeaderLost, "leader-lost", 503, "The leading orchestrator was lost"),
    row!(ServiceUnreachable, "service-unreachable", 502, "The service cannot be reached"),
    row!(MethodNotAllowed, "method-not-allowed", 405, "This address does not know the method"),
    row!(UnsupportedMediaType, "unsupported-media-type", 415, "The body must be JSON"),
    row!(UpgradeRequired, "upgrade-required", 426, "A WebSocket is expected here"),
    row!(UnknownMachine, "unknown-machine", 404, "The surgery has no such machine"),
    row!(UnknownAction, "unknown-action", 422, "There is no such action"),
    row!(EmptyText, "empty-text", 400, "Nothing was said"),
    row!(InvalidAudio, "invalid-audio", 422, "The sound cannot be read"),
    row!(UnknownSurgery, "unknown-surgery", 400, "There is no such surgery"),
    row!(OverrideTooLong, "override-too-long", 422, "An override cannot hold so long"),
    row!(UnknownTheatre, "unknown-theatre", 404, "There is no such theatre"),
    row!(UnknownPending, "unknown-pending", 404, "Nothing of this number is pending"),
    row!(NotFound, "not-found", 404, "There is nothing at this address"),
    row!(TooManyRequests, "too-many-requests", 429, "Busy"),
    row!(Internal, "internal", 500, "An error in Segue"),
];

impl Code {
    /// All codes, in the order of the table.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|entry| entry.code)
    }

    /// The code of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        TABLE.iter().find(|entry| entry.name == name).map(|entry| entry.code)
    }

    /// The name, as it stands in a problem body.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.entry().name
    }

    /// The HTTP status that goes with it.
    #[must_use]
    pub fn status(self) -> u16 {
        self.entry().status
    }

    /// A few words for people, the same for every occurrence.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.entry().title
    }

    /// The page in Markdown: what it means and what to do.
    #[must_use]
    pub fn page(self) -> &'static str {
        self.entry().page
    }

    fn entry(self) -> &'static Entry {
        &TABLE[self as usize]
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Code, TABLE};

    #[test]
    fn a_code_is_its_own_place_in_the_table() {
        for (index, entry) in TABLE.iter().enumerate() {
            assert_eq!(entry.code as usize, index, "{}", entry.name);
            assert_eq!(Code::from_name(entry.name), Some(entry.code));
        }
    }

    #[test]
    fn every_page_has_a_code_and_every_code_a_page() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors");
        let pages: BTreeSet<String> = std::fs::read_dir(folder)
            .expect("docs/errors")
            .map(|entry| entry.expect("a page").file_name().to_string_lossy().into_owned())
            .collect();
        let codes: BTreeSet<String> = Code::all().map(|code| format!("{code}.md")).collect();
        assert_eq!(pages, codes);
    }

    #[test]
    fn every_page_has_the_same_shape() {
        for code in Code::all() {
            let headings: Vec<&str> = code.page().lines().filter(|line| line.starts_with('#')).collect();
            assert_eq!(headings, [&*format!("# {code}"), "## What it means", "## What to do"]);
            let status = format!("**{}** · HTTP {}", code.title(), code.status());
            assert_eq!(code.page().lines().nth(2), Some(&*status), "third line of {code}.md");
        }
    }
}
