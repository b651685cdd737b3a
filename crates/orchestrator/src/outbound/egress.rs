//! Where calls may go: only to declared services, and only to addresses that their names may lead to.
//!
//! A name is declared once and looked up again and again: what it leads to is checked at every connection. Addresses of the
//! link itself, where clouds keep their credentials, and those that are no host are never called. A service may name the
//! networks that it is in; then nothing else is called for it. Redirects are never followed.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs},
    sync::Arc,
    task::{Context, Poll},
};

use engine::ids::Name as ServiceName;
use futures::{FutureExt, future::BoxFuture};
use hyper_util::client::legacy::connect::dns::Name;
use tower::Service;

use crate::config::ServiceConfig;

/// A network: an address and how many of its first bits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    /// Reads `10.0.0.0/8`, or an address alone.
    ///
    /// # Errors
    /// What is understood.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is no network: write 10.0.0.0/8, or an address");
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse().map_err(|_| wrong())?)),
            None => (text, None),
        };
        let address: IpAddr = address.trim().parse().map_err(|_| wrong())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        if bits > most {
            return Err(wrong());
        }
        Ok(Self { address, bits })
    }

    pub(crate) fn has(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                let differ = u32::from(ours) ^ u32::from(theirs);
                self.bits == 0 || differ >> (32 - self.bits) == 0
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                let differ = u128::from(ours) ^ u128::from(theirs);
                self.bits == 0 || differ >> (128 - self.bits) == 0
            }
            _ => false,
        }
    }
}

/// Which addresses are called for which host.
#[derive(Debug, Clone, Default)]
pub(super) struct Egress {
    /// By host, in lower case: networks of the services there; empty: any.
    hosts: Arc<HashMap<String, Vec<Network>>>,
}

impl Egress {
    pub(super) fn new<'a>(services: impl Iterator<Item = (&'a ServiceName, &'a ServiceConfig)>) -> Self {
        let mut hosts: HashMap<String, Vec<Network>> = HashMap::new();
        for (_, service) in services {
            for url in &service.urls {
                let Ok(uri) = url.parse::<hyper::Uri>() else { continue };
                let Some(host) = uri.host() else { continue };
                hosts.entry(host.to_ascii_lowercase()).or_default().extend(&service.networks);
            }
        }
        Self { hosts: Arc::new(hosts) }
    }

    /// Whether a host may be called at an address.
    pub(super) fn allows(&self, host: &str, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let networks = self.hosts.get(&host.to_ascii_lowercase());
        networks.is_some_and(|networks| {
            is_a_host(address) && (networks.is_empty() || networks.iter().any(|network| network.has(address)))
        })
    }
}

/// Whether an address can be that of a service at all.
pub(crate) fn is_a_host(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            !(v4.is_link_local() || v4.is_unspecified() || v4.is_multicast() || v4 == Ipv4Addr::BROADCAST)
        }
        IpAddr::V6(v6) => !(v6.is_unicast_link_local() || v6.is_unspecified() || v6.is_multicast()),
    }
}

impl Service<Name> for Egress {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let egress = self.clone();
        async move {
            let host = name.as_str().to_owned();
            let looked_up = tokio::task::spawn_blocking({
                let host = host.clone();
                move || (host.as_str(), 0).to_socket_addrs().map(Iterator::collect::<Vec<_>>)
            });
            let found = looked_up.await.map_err(|error| io::Error::other(error.to_string()))??;
            let allowed: Vec<SocketAddr> =
                found.iter().copied().filter(|address| egress.allows(&host, address.ip())).collect();
            if allowed.is_empty() {
                let detail = format!("'{host}' leads to no address that may be called: {found:?}");
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, detail));
            }
            Ok(allowed.into_iter())
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn egress(text: &str) -> Egress {
        let config = crate::config::read(text, std::path::Path::new("/tmp"), &|_| None).unwrap();
        Egress::new(config.services.iter())
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_not_called() {
        let egress = egress(
            "[service.a]\nurl='http://tts.example:80'\nnetworks=['10.1.0.0/16','fd00::/8']\n[service.b]\nurl='http://any.example'\n",
        );
        let cases = [
            ("tts.example", "10.1.2.3", true),
            ("TTS.example", "fd12::1", true),
            ("tts.example", "10.2.0.1", false),
            ("tts.example", "127.0.0.1", false),
            ("any.example", "127.0.0.1", true),
            ("any.example", "203.0.113.7", true),
            ("any.example", "169.254.169.254", false),
            ("any.example", "::ffff:169.254.169.254", false),
            ("any.example", "fe80::1", false),
            ("any.example", "0.0.0.0", false),
            ("any.example", "255.255.255.255", false),
            ("undeclared.example", "203.0.113.7", false),
        ];
        for (host, address, allowed) in cases {
            assert_eq!(egress.allows(host, address.parse().unwrap()), allowed, "{host} {address}");
        }
        assert!(Network::parse("10.0.0.0/33").is_err() && Network::parse("home").is_err());
    }

    #[tokio::test]
    async fn a_lookup_gives_only_what_may_be_called() {
        let open = "[service.a]\nurl='http://localhost:1'\n";
        let name = || "localhost".parse::<Name>().unwrap();
        assert!(egress(open).call(name()).await.unwrap().next().is_some());
        let closed = format!("{open}networks=['10.0.0.0/8']\n");
        let refused = egress(&closed).call(name()).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
    }
}
