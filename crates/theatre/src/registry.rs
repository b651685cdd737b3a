//! The theatre's services by name: what `segue serve NAME` serves.

use phase_kit::catalog::Catalog;

/// Every service of a theatre.
pub const CATALOG: Catalog = Catalog {
    services: &[
        ("llm", crate::llm::service),
        ("state", crate::state::service::add),
        ("asr", crate::asr::service::add),
    ],
};
