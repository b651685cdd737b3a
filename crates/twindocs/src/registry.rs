//! The twin documentation's services by name: what `segue serve NAME` serves.

use phase_kit::{
    catalog::{Catalog, ServiceSettings, options},
    service::ServiceBuilder,
};

use crate::{analysis::phase::AnalysisPhase, documenter, package::phase::PackagePhase, records::Stream};

/// Every service of the twin documentation.
pub const CATALOG: Catalog = Catalog {
    services: &[
        ("analysis", analysis),
        ("documenter_a", documenter_a),
        ("documenter_b", documenter_b),
        ("package", package),
    ],
};

fn analysis(
    builder: ServiceBuilder,
    settings: &ServiceSettings,
) -> Result<ServiceBuilder, serde_json::Error> {
    Ok(builder.phase(AnalysisPhase::new(options(settings)?)))
}

fn documenter_a(
    builder: ServiceBuilder,
    settings: &ServiceSettings,
) -> Result<ServiceBuilder, serde_json::Error> {
    documenter::service(builder, settings, Stream::A)
}

fn documenter_b(
    builder: ServiceBuilder,
    settings: &ServiceSettings,
) -> Result<ServiceBuilder, serde_json::Error> {
    documenter::service(builder, settings, Stream::B)
}

fn package(
    builder: ServiceBuilder,
    _settings: &ServiceSettings,
) -> Result<ServiceBuilder, serde_json::Error> {
    Ok(builder.phase(PackagePhase))
}
