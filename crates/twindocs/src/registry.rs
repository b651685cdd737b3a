//! The twin documentation's services by name: what `segue serve NAME` serves.

use phase_kit::{
    catalog::{Catalog, ServiceSettings, options},
    service::ServiceBuilder,
};

use crate::{analysis::phase::AnalysisPhase, package::phase::PackagePhase};

/// Every service of the twin documentation.
pub const CATALOG: Catalog = Catalog { services: &[("analysis", analysis), ("package", package)] };

fn analysis(
    builder: ServiceBuilder,
    settings: &ServiceSettings,
) -> Result<ServiceBuilder, serde_json::Error> {
    Ok(builder.phase(AnalysisPhase::new(options(settings)?)))
}

fn package(
    builder: ServiceBuilder,
    _settings: &ServiceSettings,
) -> Result<ServiceBuilder, serde_json::Error> {
    Ok(builder.phase(PackagePhase))
}
