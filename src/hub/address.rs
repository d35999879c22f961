//! Under which addresses a hub can be reached: what the operator says, else what its interfaces have.

use std::net::{IpAddr, SocketAddr};

use netwatch::interfaces::State;

use crate::{
    content::{HostPort, MAX_HUB_HOSTS, escape},
    events::{Failure, FailureKind},
};

/// The hosts of a hub that listens at `bound`, the best first: what the operator named in `public`
/// and `domain`, else the addresses of this computer, those first that all the world can reach.
///
/// # Errors
/// `Usage` when a public address is none.
pub(super) async fn hosts(
    public: &[String],
    domain: Option<&str>,
    bound: &[SocketAddr],
) -> Result<Vec<String>, Failure> {
    let port = bound.first().map_or(443, SocketAddr::port);
    let mut hosts = Vec::new();
    for said in domain.into_iter().chain(public.iter().map(String::as_str)) {
        hosts.push(with_port(said, port)?);
    }
    if hosts.is_empty() {
        let any = bound.iter().any(|addr| addr.ip().is_unspecified());
        let mut ips: Vec<IpAddr> = bound.iter().map(SocketAddr::ip).collect();
        ips.retain(|ip| !ip.is_unspecified());
        if any {
            ips.extend(of_this_computer(bound).await);
        }
        ips.sort_by_key(rank);
        hosts.extend(ips.iter().map(|ip| SocketAddr::new(*ip, port).to_string()));
    }
    let mut known = std::collections::BTreeSet::new();
    hosts.retain(|host| known.insert(host.clone()));
    hosts.truncate(MAX_HUB_HOSTS);
    Ok(hosts)
}

/// The addresses of the interfaces, of the families that are listened at; loopback where there is
/// nothing else.
async fn of_this_computer(bound: &[SocketAddr]) -> Vec<IpAddr> {
    let addresses = State::new().await.local_addresses;
    let listens = |ip: &IpAddr| {
        let mut bound = bound.iter().filter(|addr| addr.ip().is_unspecified());
        bound.any(|addr| addr.is_ipv4() == ip.is_ipv4())
    };
    // An address of the link needs the name of an interface with it, which is another on each computer.
    let usable = |ip: &IpAddr| listens(ip) && !is_of_the_link(ip);
    let mut found: Vec<IpAddr> = addresses.regular.into_iter().filter(usable).collect();
    if found.is_empty() {
        found.extend(addresses.loopback.into_iter().filter(listens));
    }
    found
}

fn is_of_the_link(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

/// Lower is better: addresses of the internet, then of this network, then of this computer.
fn rank(ip: &IpAddr) -> u8 {
    let local = match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64,
        IpAddr::V6(ip) => ip.is_unique_local(),
    };
    match ip {
        _ if ip.is_loopback() => 4,
        IpAddr::V4(_) if !local => 0,
        IpAddr::V6(_) if !local => 1,
        IpAddr::V4(_) => 2,
        IpAddr::V6(_) => 3,
    }
}

/// Whether everybody can reach this host, as far as its text tells.
pub(super) fn is_public(host: &str) -> bool {
    host.parse::<SocketAddr>()
        .map_or(true, |addr| rank(&addr.ip()) < 2)
}

/// `name:port` or `address:port` of what an operator wrote.
fn with_port(said: &str, port: u16) -> Result<String, Failure> {
    if let Ok(ip) = said.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Ok(HostPort::from((ip, port)).to_string());
    }
    let place = said.parse::<HostPort>();
    let place = place.or_else(|_| format!("{said}:{port}").parse());
    place.map(|place| place.to_string()).map_err(|_| {
        let message = format!(
            "{} is no address under which a hub can be reached",
            escape(said)
        );
        Failure::new(FailureKind::Usage, message)
            .hint("say a name or an address, with a port if it is another: hub.example.org:8443")
    })
}

/// The name or address of `host`, without its port.
pub(super) fn without_port(host: &str) -> Option<String> {
    let place: HostPort = host.parse().ok()?;
    Some(place.host().to_owned())
}
