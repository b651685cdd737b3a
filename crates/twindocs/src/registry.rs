//! The twin documentation's services by name: what `segue serve NAME` serves.

use phase_kit::catalog::Catalog;

/// Every service of the twin documentation.
pub const CATALOG: Catalog = Catalog { services: &[] };
