//! The assistant's services by name: what `segue serve NAME` serves.

use phase_kit::catalog::Catalog;

/// Every service of the assistant.
pub const CATALOG: Catalog = Catalog { services: &[] };
