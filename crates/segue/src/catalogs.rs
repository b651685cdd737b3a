//! All services that this executable can serve, whichever crate they are from.

use phase_kit::{
    Service,
    catalog::{Catalog, CatalogError, ServiceSettings},
};
use serde_json::Value;

const CATALOGS: [Catalog; 5] = [
    course::registry::CATALOG,
    theatre::registry::CATALOG,
    autofix::registry::CATALOG,
    assistant::registry::CATALOG,
    twindocs::registry::CATALOG,
];

/// Makes a service by its name in `services.toml`.
///
/// # Errors
/// Where the name or an option is unknown, or the folder cannot be used.
pub(crate) fn service(name: &str, settings: &ServiceSettings) -> Result<Service, CatalogError> {
    let catalog = CATALOGS.iter().find(|catalog| catalog.names().any(|known| known == name));
    catalog
        .ok_or_else(|| CatalogError::Unknown {
            name: name.to_owned(),
            known: CATALOGS.iter().flat_map(Catalog::names).collect::<Vec<_>>().join(", "),
        })?
        .service(name, settings)
}

/// Checks the options of a service without making it; a service that is not ours passes.
///
/// # Errors
/// [`CatalogError::Options`].
pub(crate) fn check(name: &str, options: &Value) -> Result<(), CatalogError> {
    CATALOGS.iter().try_for_each(|catalog| catalog.check(name, options))
}
