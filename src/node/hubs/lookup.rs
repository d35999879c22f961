//! Looking up names, as an endpoint with hubs does it.
//!
//! Names are looked up where this computer is told to, and nowhere else: what a hub is called within a
//! network is not for public servers to know. What is an IPv6 address in the form of a name (see
//! [`HostPort::url_host`]) is that address, and nobody is asked.

use std::net::{Ipv4Addr, Ipv6Addr};

use iroh::dns::{BoxIter, DNS_TIMEOUT, DnsError, DnsResolver, Resolver, TxtRecordData};
use n0_future::boxed::BoxFuture;

use crate::content::HostPort;

/// What an endpoint with hubs looks names up with.
pub(in crate::node) fn resolver() -> DnsResolver {
    DnsResolver::custom(Lookup::new())
}

#[derive(Debug, Clone)]
struct Lookup(DnsResolver);

impl Lookup {
    fn new() -> Self {
        let resolver = DnsResolver::builder().with_system_defaults();
        Self(resolver.disable_fallback().build())
    }
}

impl Resolver for Lookup {
    fn lookup_ipv4(&self, host: String) -> BoxFuture<Result<BoxIter<Ipv4Addr>, DnsError>> {
        let resolver = self.0.clone();
        Box::pin(async move {
            if HostPort::ipv6_of(&host).is_some() {
                return Ok(Box::new(std::iter::empty()) as BoxIter<_>);
            }
            let found = resolver.lookup_ipv4(host, DNS_TIMEOUT).await?;
            let found = found.filter_map(|ip| match ip {
                std::net::IpAddr::V4(ip) => Some(ip),
                std::net::IpAddr::V6(_) => None,
            });
            Ok(Box::new(found) as BoxIter<_>)
        })
    }

    fn lookup_ipv6(&self, host: String) -> BoxFuture<Result<BoxIter<Ipv6Addr>, DnsError>> {
        let resolver = self.0.clone();
        Box::pin(async move {
            if let Some(ip) = HostPort::ipv6_of(&host) {
                return Ok(Box::new(std::iter::once(ip)) as BoxIter<_>);
            }
            let found = resolver.lookup_ipv6(host, DNS_TIMEOUT).await?;
            let found = found.filter_map(|ip| match ip {
                std::net::IpAddr::V6(ip) => Some(ip),
                std::net::IpAddr::V4(_) => None,
            });
            Ok(Box::new(found) as BoxIter<_>)
        })
    }

    fn lookup_txt(&self, host: String) -> BoxFuture<Result<BoxIter<TxtRecordData>, DnsError>> {
        let resolver = self.0.clone();
        Box::pin(async move {
            let found: Vec<_> = resolver.lookup_txt(host, DNS_TIMEOUT).await?.collect();
            Ok(Box::new(found.into_iter()) as BoxIter<_>)
        })
    }

    fn clear_cache(&self) {
        self.0.clear_cache();
    }

    fn reset(&self) -> Box<dyn Resolver> {
        Box::new(Self::new())
    }
}
