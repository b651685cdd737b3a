//! The twin documentation's services by name: what `segue serve NAME` serves.

use std::sync::Arc;

use phase_kit::{
    catalog::{Catalog, ServiceSettings, options},
    service::ServiceBuilder,
};
use serde::de::Error as _;

use crate::{
    analysis::phase::AnalysisPhase,
    comparison::phase::ComparePhase,
    documenter,
    package::phase::PackagePhase,
    records::Stream,
    resolution::phase::ResolvePhase,
    tickets::{apply::ApplyPhase, ask::AskPhase, companion::Tickets},
    validator,
};

/// Every service of the twin documentation.
pub const CATALOG: Catalog = Catalog {
    services: &[
        ("analysis", analysis),
        ("documenter_a", documenter_a),
        ("documenter_b", documenter_b),
        ("validator_a", validator_a),
        ("validator_b", validator_b),
        ("comparison", comparison),
        ("resolution", resolution),
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

fn validator_a(
    builder: ServiceBuilder,
    settings: &ServiceSettings,
) -> Result<ServiceBuilder, serde_json::Error> {
    validator::service(builder, settings, Stream::A)
}

fn validator_b(
    builder: ServiceBuilder,
    settings: &ServiceSettings,
) -> Result<ServiceBuilder, serde_json::Error> {
    validator::service(builder, settings, Stream::B)
}

fn comparison(
    builder: ServiceBuilder,
    settings: &ServiceSettings,
) -> Result<ServiceBuilder, serde_json::Error> {
    Ok(builder.phase(ComparePhase::new(options(settings)?)))
}

/// It measures once more, after people have answered.
fn resolution(
    builder: ServiceBuilder,
    settings: &ServiceSettings,
) -> Result<ServiceBuilder, serde_json::Error> {
    let tickets = Tickets::new(&settings.orchestrator).map_err(serde_json::Error::custom)?;
    let apply = ApplyPhase::new(options(settings)?);
    Ok(builder.phase(ResolvePhase).phase(AskPhase).phase(apply).companion(Arc::new(tickets)))
}

fn package(
    builder: ServiceBuilder,
    _settings: &ServiceSettings,
) -> Result<ServiceBuilder, serde_json::Error> {
    Ok(builder.phase(PackagePhase))
}
