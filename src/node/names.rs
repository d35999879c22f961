//! Looking up names.
//!
//! With hubs, names are looked up where this computer is told to, and nowhere else: what a hub is called
//! within a network is not for public servers to know. Without, names lead to the open internet only:
//! whoever writes a ticket chooses its relay's name, and may let that be an address in our own network. The
//! names of the iroh project's servers are nobody's choice, and may be translated to such addresses on the
//! way (by NAT64, or by what tunnels all traffic). What is an IPv6 address in the form of a name (see
//! [`HostPort::url_host`]) is that address, and nobody is asked.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::LazyLock,
};

use iroh::{
    RelayMode, RelayUrl,
    address_lookup::N0_DNS_PKARR_RELAY_PROD,
    dns::{BoxIter, DNS_TIMEOUT, DnsError, DnsResolver, Resolver, TxtRecordData},
};
use n0_future::boxed::BoxFuture;
use url::Url;

use crate::content::{HostPort, is_public};

/// Whose names are looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// Those of one's hubs, wherever they are.
    OfHubs,
    /// Those of servers on the open internet.
    Public,
}

/// What an endpoint looks names up with.
pub(super) fn resolver(names: Names) -> DnsResolver {
    DnsResolver::custom(Lookup::new(names))
}

#[derive(Debug, Clone)]
struct Lookup {
    names: Names,
    resolver: DnsResolver,
}

impl Lookup {
    fn new(names: Names) -> Self {
        let resolver = DnsResolver::builder().with_system_defaults();
        let resolver = match names {
            Names::OfHubs => resolver.disable_fallback(),
            Names::Public => resolver,
        };
        Self {
            names,
            resolver: resolver.build(),
        }
    }

    /// Which addresses `host` may lead to.
    fn filter(&self, host: &str) -> impl Fn(IpAddr) -> bool + Send + 'static {
        let anywhere = self.names == Names::OfHubs || is_of_iroh(host);
        move |ip| anywhere || is_public(ip)
    }
}

/// Whether it is one of the iroh project's servers that are used without hubs.
fn is_of_iroh(host: &str) -> bool {
    static HOSTS: LazyLock<Vec<String>> = LazyLock::new(|| {
        let relays: Vec<RelayUrl> = RelayMode::Default.relay_map().urls();
        let directory = N0_DNS_PKARR_RELAY_PROD.parse::<Url>();
        let hosts = relays.iter().filter_map(|url| url.host_str());
        let hosts = hosts.chain(directory.iter().filter_map(|url| url.host_str()));
        hosts.map(plain).collect()
    });
    HOSTS.contains(&plain(host))
}

fn plain(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

impl Resolver for Lookup {
    fn lookup_ipv4(&self, host: String) -> BoxFuture<Result<BoxIter<Ipv4Addr>, DnsError>> {
        let this = self.clone();
        Box::pin(async move {
            if HostPort::ipv6_of(&host).is_some() {
                return Ok(Box::new(std::iter::empty()) as BoxIter<_>);
            }
            let may_be = this.filter(&host);
            let found = this.resolver.lookup_ipv4(host, DNS_TIMEOUT).await?;
            let found = found.filter_map(move |ip| match ip {
                IpAddr::V4(v4) if may_be(ip) => Some(v4),
                _ => None,
            });
            Ok(Box::new(found) as BoxIter<_>)
        })
    }

    fn lookup_ipv6(&self, host: String) -> BoxFuture<Result<BoxIter<Ipv6Addr>, DnsError>> {
        let this = self.clone();
        Box::pin(async move {
            if let Some(ip) = HostPort::ipv6_of(&host) {
                return Ok(Box::new(std::iter::once(ip)) as BoxIter<_>);
            }
            let may_be = this.filter(&host);
            let found = this.resolver.lookup_ipv6(host, DNS_TIMEOUT).await?;
            let found = found.filter_map(move |ip| match ip {
                IpAddr::V6(v6) if may_be(ip) => Some(v6),
                _ => None,
            });
            Ok(Box::new(found) as BoxIter<_>)
        })
    }

    fn lookup_txt(&self, host: String) -> BoxFuture<Result<BoxIter<TxtRecordData>, DnsError>> {
        let resolver = self.resolver.clone();
        Box::pin(async move {
            let found: Vec<_> = resolver.lookup_txt(host, DNS_TIMEOUT).await?.collect();
            Ok(Box::new(found.into_iter()) as BoxIter<_>)
        })
    }

    fn clear_cache(&self) {
        self.resolver.clear_cache();
    }

    fn reset(&self) -> Box<dyn Resolver> {
        Box::new(Self::new(self.names))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The one name that every computer knows, for an address that is nobody else's.
    #[tokio::test]
    async fn names_lead_into_ones_own_network_for_hubs_only() {
        let found = async |names| {
            let found = Lookup::new(names).lookup_ipv4("localhost".to_owned()).await;
            found.map_or(0, Iterator::count)
        };
        assert_eq!(found(Names::OfHubs).await, 1);
        assert_eq!(found(Names::Public).await, 0);
    }
    #[test]
    fn what_translates_addresses_does_not_hide_the_servers_of_iroh() {
        let translated = IpAddr::from([198, 18, 0, 7]);
        let lookup = Lookup::new(Names::Public);
        let relays: Vec<RelayUrl> = RelayMode::Default.relay_map().urls();
        assert!(!relays.is_empty());
        for relay in relays {
            assert!(lookup.filter(relay.host_str().unwrap())(translated));
        }
        assert!(lookup.filter("dns.iroh.link")(translated));
        assert!(!lookup.filter("relay.example.org")(translated));
    }
}
