//! The theatre's services by name: what `segue serve NAME` serves.

use phase_kit::{
    catalog::{Catalog, ServiceSettings, options},
    service::ServiceBuilder,
};
use serde::de::Error as _;

use crate::rules::phase::Rules;

/// Every service of a theatre.
pub const CATALOG: Catalog = Catalog {
    services: &[
        ("asr", crate::asr::service::add),
        ("llm", crate::llm::service),
        ("rules", rules),
        ("state", crate::state::service::add),
    ],
};

fn rules(builder: ServiceBuilder, settings: &ServiceSettings) -> Result<ServiceBuilder, serde_json::Error> {
    Ok(builder.forgetful().phase(Rules::new(&options(settings)?).map_err(serde_json::Error::custom)?))
}
