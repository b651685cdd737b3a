//! Which address may be registered.

use std::net::IpAddr;

use crate::outbound::{Network, is_a_host};

/// Whether an address may be called as an instance of a service in these networks: `http(s)://IP:port` and nothing behind. A
/// name may not: what it leads to could change after it was looked at.
///
/// # Errors
/// What is wrong with it, and what to do.
pub fn may_register(url: &str, networks: &[Network]) -> Result<String, String> {
    let wrong = || format!("'{url}' is no address of an instance: write http://IP:port");
    let parsed: hyper::Uri = url.parse().map_err(|_| wrong())?;
    let is_plain = matches!(parsed.scheme_str(), Some("http" | "https"))
        && matches!(parsed.path(), "" | "/")
        && parsed.query().is_none()
        && !url.contains(['@', '#', '\\']);
    let host = parsed.host().filter(|_| is_plain).ok_or_else(wrong)?;
    let address: IpAddr = host.trim_matches(['[', ']']).parse().map_err(|_| wrong())?;
    let address = address.to_canonical();
    if !is_a_host(address) || !networks.iter().any(|network| network.has(address)) {
        return Err(format!("{address} is in none of the networks of this service in services.toml"));
    }
    Ok(url.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_addresses_of_the_networks_are_taken() {
        let networks = [Network::parse("10.0.0.0/8").unwrap(), Network::parse("fd00::/8").unwrap()];
        for url in [
            "http://10.1.2.3:80",
            "https://10.1.2.3:443/",
            "http://[fd00::1]:80",
            "http://[::ffff:10.0.0.1]:1",
        ] {
            assert!(may_register(url, &networks).is_ok(), "{url}");
        }
        let refused = [
            "http://127.0.0.1:80",
            "http://169.254.169.254",
            "http://10.0.0.1.evil.example",
            "http://name:80",
            "http://10.0.0.1:80/path",
            "http://10.0.0.1:80?x",
            "http://u:p@10.0.0.1:80",
            "http://10.0.0.1#@127.0.0.1",
            "ftp://10.0.0.1",
            "http://0x0a000001",
            "http://167772161",
            "http://[::ffff:127.0.0.1]",
            "10.0.0.1:80",
            "",
        ];
        for url in refused {
            assert!(may_register(url, &networks).is_err(), "{url}");
        }
        assert!(may_register("http://10.0.0.1:1", &[]).is_err(), "no networks, no registration");
        let all = [Network::parse("0.0.0.0/0").unwrap()];
        assert!(may_register("http://169.254.169.254", &all).is_err());
    }
}
