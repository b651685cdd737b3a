//! The auto-fixer's services by name: what `segue serve NAME` serves.

use std::sync::Arc;

use phase_kit::{
    catalog::{Catalog, ServiceSettings, options},
    service::ServiceBuilder,
};
use serde::de::Error;

use crate::{
    desk::{Clock, Desk},
    options::AutofixOptions,
    phases::{ApplyPhase, EscalatePhase, FixPhase, StrategyPhase, VerifyPhase},
    watcher::{Neighbours, Watcher, WatcherOptions},
};

/// Every service of the auto-fixer.
pub const CATALOG: Catalog = Catalog { services: &[("watcher", watcher), ("autofix", autofix)] };

fn watcher(builder: ServiceBuilder, settings: &ServiceSettings) -> Result<ServiceBuilder, serde_json::Error> {
    let options: WatcherOptions = options(settings)?;
    let to = Neighbours {
        orchestrator: settings.orchestrator.clone(),
        token: settings.token.clone(),
        autofix: settings.peers.get("autofix").cloned(),
    };
    let watcher = Watcher::new(options, settings.data_dir.clone(), to, Clock::machine());
    Ok(builder.companion(Arc::new(watcher)))
}

fn autofix(builder: ServiceBuilder, settings: &ServiceSettings) -> Result<ServiceBuilder, serde_json::Error> {
    let options: AutofixOptions = options(settings)?;
    options.check().map_err(serde_json::Error::custom)?;
    let peer = settings.peers.get("watcher").cloned();
    let desk = Desk::new(options, settings.data_dir.clone(), peer, Clock::machine());
    Ok(at_desk(builder, Arc::new(desk)))
}

/// The phases over a desk: for callers with a clock or a model of their own.
#[must_use]
pub fn at_desk(builder: ServiceBuilder, desk: Arc<Desk>) -> ServiceBuilder {
    builder
        .phase(StrategyPhase(Arc::clone(&desk)))
        .phase(FixPhase(Arc::clone(&desk)))
        .phase(VerifyPhase(Arc::clone(&desk)))
        .phase(ApplyPhase(Arc::clone(&desk)))
        .phase(EscalatePhase(Arc::clone(&desk)))
        .companion(desk)
}
