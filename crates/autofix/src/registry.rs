//! The auto-fixer's services by name: what `segue serve NAME` serves.

use phase_kit::catalog::Catalog;

/// Every service of the auto-fixer.
pub const CATALOG: Catalog = Catalog { services: &[] };
