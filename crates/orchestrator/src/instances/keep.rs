//! Looks names up again and ends leases, as long as the orchestrator serves.

use std::{collections::BTreeSet, net::IpAddr, sync::Arc, time::Duration};

use engine::ids::{AttemptId, Name};

use crate::{
    core::{Core, Member},
    outbound::is_a_host,
};

/// How often leases are looked at.
const EVERY: Duration = Duration::from_secs(1);
/// Names are looked up every so many times.
const LOOK_UP_EVERY: u64 = 5;

/// Keeps what is known of instances as it is outside. Never ends by itself.
pub async fn keep(core: &Core) {
    let fleet = core.fleet().clone();
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for round in 0u64.. {
        every.tick().await;
        for (name, member) in fleet.members() {
            if member.config.register {
                end_leases(core, name);
            }
            if member.config.resolve && round.is_multiple_of(LOOK_UP_EVERY) {
                look_up(core, name, member).await;
            }
        }
    }
}

/// Ends the leases of a service that are over.
fn end_leases(core: &Core, service: &Name) {
    let now = core.world().now();
    let lapsed = core.fleet().with_instances(service, |instances| instances.lapse(now)).flatten();
    if let Some(left) = lapsed {
        tracing::warn!(%service, attempts = left.len(), "an instance did not renew its lease in time");
        ask_about(core, service, left);
    }
}

/// What has become of attempts whose instance has gone: they count as silent, and are asked about.
pub(crate) fn ask_about(core: &Core, service: &Name, attempts: Vec<AttemptId>) {
    for attempt in attempts {
        core.gone_silent(attempt);
    }
    core.pump(service);
}

async fn look_up(core: &Core, service: &Name, member: &Member) {
    let mut urls = BTreeSet::new();
    for url in &member.config.urls {
        match addresses_of(url).await {
            Ok(found) => {
                let allowed = found.into_iter().filter(|(address, _)| {
                    let networks = &member.config.networks;
                    is_a_host(*address)
                        && (networks.is_empty() || networks.iter().any(|network| network.has(*address)))
                });
                urls.extend(allowed.map(|(_, url)| url));
            }
            Err(error) => {
                // What was known stays: a name server that is away for a moment stops nothing.
                tracing::debug!(%service, %url, %error, "a name could not be looked up");
                return;
            }
        }
    }
    if urls.is_empty() {
        return;
    }
    let changed = core.fleet().with_instances(service, |instances| instances.resolved(&urls)).flatten();
    if let Some(left) = changed {
        tracing::info!(%service, instances = urls.len(), "the service's name leads to these instances now");
        ask_about(core, service, left);
    }
}

/// The addresses that the name in a URL leads to, each with the URL by which it is called. With TLS, and where it is an address
/// already, the URL stays: a certificate is for a name. Of a name that has addresses of both kinds only those of version 4 count,
/// for an instance may have one of each.
async fn addresses_of(url: &Arc<str>) -> Result<Vec<(IpAddr, Arc<str>)>, String> {
    let uri: hyper::Uri = url.parse().map_err(|error: hyper::http::uri::InvalidUri| error.to_string())?;
    let host = uri.host().unwrap_or_default().to_owned();
    let found = tokio::net::lookup_host((host.trim_matches(['[', ']']), 0)).await;
    let found: Vec<IpAddr> =
        found.map_err(|error| error.to_string())?.map(|address| address.ip().to_canonical()).collect();
    let by_name =
        uri.scheme_str() == Some("https") || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    if by_name {
        return Ok(found.into_iter().map(|address| (address, url.clone())).collect());
    }
    let any_v4 = found.iter().any(IpAddr::is_ipv4);
    let kept = found.into_iter().filter(|address| address.is_ipv4() || !any_v4);
    let path = uri.path().trim_end_matches('/');
    let port = uri.port_u16().unwrap_or(80);
    let url_of = |address: IpAddr| -> Arc<str> {
        match address {
            IpAddr::V4(v4) => format!("http://{v4}:{port}{path}").into(),
            IpAddr::V6(v6) => format!("http://[{v6}]:{port}{path}").into(),
        }
    };
    Ok(kept.map(|address| (address, url_of(address))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_becomes_addresses_and_an_address_stays() {
        let urls = addresses_of(&"http://localhost:81/base".into()).await.unwrap();
        assert!(
            urls.iter()
                .all(|(_, url)| &**url == "http://127.0.0.1:81/base" || &**url == "http://[::1]:81/base")
        );
        let kinds: BTreeSet<bool> = urls.iter().map(|(address, _)| address.is_ipv4()).collect();
        assert_eq!(kinds.len(), 1, "of one kind: {urls:?}");
        let urls = addresses_of(&"http://127.0.0.1:81".into()).await.unwrap();
        assert_eq!(&*urls[0].1, "http://127.0.0.1:81");
        let urls = addresses_of(&"https://localhost:81".into()).await.unwrap();
        assert!(urls.iter().all(|(_, url)| &**url == "https://localhost:81"));
    }
}
