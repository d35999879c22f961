//! Which addresses of a ticket may be contacted, or of what others say of a peer ([`sift`]).
//!
//! Whoever writes a ticket decides where the computer of whoever reads it sends packets. So only a
//! bounded number of plausible addresses is taken, and only relays that are servers on the open
//! internet: else a ticket could make its reader knock at services inside its own network.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr as _,
};

use iroh::{EndpointAddr, RelayUrl, TransportAddr};

use super::{
    MAX_OTHERS, Ticket,
    wire::{Node, RawTicket},
};
use crate::content::{HostPort, escape, shorten};

/// Most direct addresses that are taken from one ticket, all its people together.
pub const MAX_ADDRESSES: usize = 30;

/// Most bytes of a relay's address.
const RELAY_BYTES: usize = 255;

/// Most relays that are taken from what a directory, or somebody on the local network, says of one peer.
const MAX_RELAYS: usize = 4;

/// Which relays a ticket may name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Relays {
    /// Servers on the open internet, by `https`.
    #[default]
    Public,
    /// Those of hubs that answer at these places, wherever they are, by `https`; and nobody else's: who uses
    /// hubs of their own wants no other server to be contacted.
    OfHubs(BTreeSet<HostPort>),
    /// Any host, also by `http` and in a private network: for people who run their own.
    Any,
}

/// Leaves out what is not to be contacted, and says what that was.
pub(super) fn filter(raw: &RawTicket<'_>, relays: &Relays) -> (Ticket, Vec<String>) {
    let mut dropped = Dropped::default();
    let nodes = || std::iter::once(&raw.node).chain(&raw.others);
    // A ticket with loopback addresses alone is for somebody on the same computer; beside others
    // they are of no use to anybody, and could reach services that trust this computer.
    let keep_loopback = !nodes()
        .flat_map(|node| &node.direct)
        .any(|addr| is_destination(addr) && !addr.ip().to_canonical().is_loopback());
    let mut room = MAX_ADDRESSES;
    let mut take = |node: &Node<'_>| {
        let mut addrs = BTreeSet::new();
        let mut seen = BTreeSet::new();
        for addr in &node.direct {
            let addr = SocketAddr::new(addr.ip().to_canonical(), addr.port());
            if !is_destination(&addr) || (addr.ip().is_loopback() && !keep_loopback) {
                dropped.useless += 1;
            } else if seen.insert(addr) {
                if room == 0 {
                    dropped.too_many += 1;
                } else {
                    room -= 1;
                    addrs.insert(TransportAddr::Ip(addr));
                }
            }
        }
        if let Some(relay) = node.relay {
            match check_relay(relay, relays) {
                Ok(url) => {
                    addrs.insert(TransportAddr::Relay(url));
                }
                Err(why) => dropped.relays.push(format!(
                    "left out the relay {} of the ticket: {why}",
                    shorten(&escape(relay.get(..RELAY_BYTES).unwrap_or(relay)), 60)
                )),
            }
        }
        EndpointAddr { id: node.id, addrs }
    };
    let addr = take(&raw.node);
    let others = raw.others.iter().take(MAX_OTHERS).map(&mut take).collect();
    dropped.people = raw.others.len().saturating_sub(MAX_OTHERS);
    let ticket = Ticket {
        addr,
        hash: raw.hash,
        format: raw.format,
        expires: raw.expires,
        others,
    };
    (ticket, dropped.lines())
}

#[derive(Default)]
struct Dropped {
    useless: usize,
    too_many: usize,
    people: usize,
    relays: Vec<String>,
}

impl Dropped {
    fn lines(self) -> Vec<String> {
        let mut lines = self.relays;
        let addresses = |n| if n == 1 { "address" } else { "addresses" };
        if self.useless > 0 {
            let n = self.useless;
            lines.push(format!(
                "left out {n} {} of the ticket that no peer can have",
                addresses(n)
            ));
        }
        if self.too_many > 0 {
            let n = self.too_many;
            lines.push(format!(
                "left out {n} {} of the ticket beyond the first {MAX_ADDRESSES}",
                addresses(n)
            ));
        }
        if self.people > 0 {
            lines.push(format!(
                "left out {} people of the ticket beyond the first {MAX_OTHERS}",
                self.people
            ));
        }
        lines
    }
}

/// What may be contacted of what somebody else says of a peer: by the same rules, without a word about the rest.
#[must_use]
pub fn sift(said: &EndpointAddr, relays: &Relays) -> EndpointAddr {
    let direct = said.ip_addrs();
    let direct: BTreeSet<SocketAddr> = direct
        .map(|addr| SocketAddr::new(addr.ip().to_canonical(), addr.port()))
        .filter(is_destination)
        .collect();
    let is_far = |addr: &&SocketAddr| !addr.ip().is_loopback();
    let keep_loopback = !direct.iter().any(|addr| is_far(&addr));
    let direct = direct.iter().filter(|addr| keep_loopback || is_far(addr));
    let relays = said
        .relay_urls()
        .filter_map(|url| check_relay(url.as_str(), relays).ok());
    let relays = relays.take(MAX_RELAYS).map(TransportAddr::Relay);
    let direct = direct.take(MAX_ADDRESSES).copied().map(TransportAddr::Ip);
    EndpointAddr::from_parts(said.id, direct.chain(relays))
}

/// Whether `ip` is an address of the open internet.
#[must_use]
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

/// Whether one computer can be at `addr`.
fn is_destination(addr: &SocketAddr) -> bool {
    let possible = match addr.ip().to_canonical() {
        IpAddr::V4(ip) => {
            // Network 0 is "this host", 224 and above are groups, reserved, and broadcast.
            ip.octets()[0] != 0 && ip.octets()[0] < 224
        }
        IpAddr::V6(ip) => !ip.is_unspecified() && !ip.is_multicast(),
    };
    possible && addr.port() != 0
}

fn check_relay(text: &str, relays: &Relays) -> Result<RelayUrl, &'static str> {
    if text.len() > RELAY_BYTES {
        return Err("its address is too long");
    }
    let url = RelayUrl::from_str(text).map_err(|_| "it has no valid address")?;
    // Letters beyond ASCII take more in the form that is kept and handed on.
    if url.as_str().len() > RELAY_BYTES {
        return Err("its address is too long");
    }
    match (url.scheme(), relays) {
        ("https", _) | ("http", Relays::Any) => {}
        _ => return Err("it does not use https"),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("its address has a user name in it");
    }
    let host = url.host_str().unwrap_or_default();
    if host.is_empty() {
        return Err("it has no valid address");
    }
    match relays {
        Relays::Public if !is_public_host(host) => {
            return Err(
                "it is inside a private network; if it is a hub's, grove join lets you use it",
            );
        }
        Relays::OfHubs(places) => {
            let port = url.port_or_known_default().unwrap_or_default();
            let place = format!("{}:{port}", host.trim_end_matches('.')).parse();
            if !place.is_ok_and(|place| places.contains(&place)) {
                return Err("it is of no hub that you joined");
            }
        }
        Relays::Public | Relays::Any => {}
    }
    Ok(url)
}

/// Whether a host, as a parsed URL writes it, is an address or name of the open internet.
fn is_public_host(host: &str) -> bool {
    if let Some(ip) = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        return ip.parse().is_ok_and(is_public_v6);
    }
    if let Ok(ip) = host.parse() {
        return is_public_v4(ip);
    }
    // A name without a dot means a computer in the local network, as do these suffixes.
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let local = [
        "localhost",
        "local",
        "internal",
        "lan",
        "home.arpa",
        "invalid",
    ];
    host.contains('.')
        && !local.iter().any(|suffix| {
            host.strip_suffix(suffix)
                .is_some_and(|stem| stem.ends_with('.'))
        })
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let carrier_grade_nat = a == 100 && (64..128).contains(&b);
    let benchmark = a == 198 && (18..20).contains(&b);
    let protocol_assignments = (a, b, c) == (192, 0, 0);
    !(ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_documentation()
        || carrier_grade_nat
        || benchmark
        || protocol_assignments
        || a == 0
        || a >= 224)
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = ip.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match (a, b, c, d, e, f) {
        // IPv4 written as IPv6: mapped, by a translator, by 6to4.
        (0, 0, 0, 0, 0, 0xFFFF) | (0x64, 0xFF9B, 0, 0, 0, 0) => is_public_v4(v4(g, h)),
        (0x2002, high, low, ..) => is_public_v4(v4(high, low)),
        // 2001:db8::/32 is for documentation, 2001::/32 (Teredo) hides an IPv4 address.
        (0x2001, 0xDB8 | 0, ..) => false,
        // All of the open internet is in 2000::/3.
        _ => a & 0xE000 == 0x2000,
    }
}
