//! Asking the servers of a node what they see of it, and another node whether it can be reached.
//!
//! Each relay is asked by HTTPS for its round trip and for the time of day, whether it lets us in,
//! and by QUIC under which address it sees us; each directory by HTTPS. All of it happens at once and
//! within [`WITHIN`], under a key that is made for this and forgotten after it: a second connection
//! of the same id would take the relay away from whoever has the first.
//!
//! Whatever a server does wrong becomes a [`Trouble`]; nothing here fails.

mod reach;
mod udp;
mod web;

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, SystemTime},
};

use iroh::{
    RelayConfig, SecretKey, TransportAddr, address_lookup::N0_DNS_PKARR_RELAY_PROD,
    endpoint::default_relay_mode,
};
use iroh_relay::client::ClientBuilder;
use n0_future::{future::zip, join_all};
use url::Url;

pub use reach::{Met, Reached};
pub use udp::{Family, Seen};

use super::{Network, Node, Role, hubs};
use crate::{content::HubTicket, events::Failure};

/// How long a server has to answer each question.
pub const WITHIN: Duration = Duration::from_secs(5);

/// What a server is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerKind {
    /// Carries packets between two nodes that cannot reach each other.
    Relay,
    /// Says where a node is.
    Directory,
}

/// Why a server is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Its name has no address.
    NoAddress,
    /// Nobody answers there, or not in time.
    Silent,
    /// What answers cannot prove that it is that server.
    Untrusted,
    /// Its certificate is of another time than this computer's clock.
    Clock,
    /// It does not let us in: the token is missing or wrong.
    Denied,
    /// It answers something that such a server would not.
    Strange,
}

/// What asking one server found.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Where it is, without the token.
    pub url: String,
    /// What it is for.
    pub kind: ServerKind,
    /// How long a question takes to be answered, once there is a connection; or why there is no answer.
    pub answer: Result<Duration, Trouble>,
    /// What its clock was ahead of ours by, in seconds; as exact as a second.
    pub clock_ahead: Option<i64>,
    /// Under which addresses a relay sees us by UDP.
    pub seen: Vec<Seen>,
}

/// A server to ask: where it is, under all its names. One that answers is enough.
#[derive(Debug, Clone)]
enum Server {
    /// A relay.
    Relay(Vec<Arc<RelayConfig>>),
    /// A directory: what records are below, and what it lets us in by.
    Directory(Vec<Url>, Option<String>),
}

impl Node {
    /// A node that asks and is not to be found, under a key made for this.
    ///
    /// # Errors
    /// Those of [`Node::bind`].
    pub async fn bind_to_ask(network: &Network, alpn: &[u8]) -> Result<Self, Failure> {
        Self::bind(SecretKey::generate(), network, Role::Fetch, alpn).await
    }

    /// Asks all servers of this node, at once.
    pub async fn ask_servers(&self) -> Vec<Asked> {
        let udp = udp::Sockets::open();
        let mut asking = tokio::task::JoinSet::new();
        for (number, server) in self.servers().into_iter().enumerate() {
            let (node, udp) = (self.clone(), udp.clone());
            asking.spawn(async move { (number, node.ask(&server, &udp).await) });
        }
        let mut asked = asking.join_all().await;
        asked.sort_by_key(|(number, _)| *number);
        asked.into_iter().filter_map(|(_, asked)| asked).collect()
    }

    /// The servers that this node uses.
    fn servers(&self) -> Vec<Server> {
        let network = &self.inner.network;
        if network.offline {
            return Vec::new();
        }
        if network.hubs.is_empty() {
            let relays = default_relay_mode().relay_map().relays::<Vec<_>>();
            let directory = N0_DNS_PKARR_RELAY_PROD.parse().into_iter().collect();
            let relays = relays.into_iter().map(|relay| Server::Relay(vec![relay]));
            return relays.chain([Server::Directory(directory, None)]).collect();
        }
        let of_hub = |hub: &HubTicket| {
            let relays = hub.relay.then(|| {
                let relays = hubs::relays(std::slice::from_ref(hub));
                // In the order of the ticket, the best first.
                let urls = hub.places().filter_map(|place| hubs::relay_url(&place));
                Server::Relay(urls.filter_map(|url| relays.get(&url)).collect())
            });
            let directory = hub.directory.then(|| {
                let urls = hub
                    .places()
                    .map(|place| format!("https://{place}/pkarr").parse());
                Server::Directory(urls.filter_map(Result::ok).collect(), hub.token.clone())
            });
            [relays, directory]
        };
        network.hubs.iter().flat_map(of_hub).flatten().collect()
    }

    /// Asks a server under all its names at once; the fastest answer counts. `None` if it has no name.
    async fn ask(&self, server: &Server, udp: &udp::Sockets) -> Option<Asked> {
        let mut answers: Vec<Asked> = match server {
            Server::Relay(relays) => {
                let asking = relays.iter().map(|relay| self.ask_relay(relay, udp));
                join_all(asking).await
            }
            Server::Directory(urls, token) => {
                let asking = urls
                    .iter()
                    .map(|url| self.ask_directory(url, token.as_deref()));
                join_all(asking).await
            }
        };
        let seen = answers
            .iter_mut()
            .flat_map(|asked| std::mem::take(&mut asked.seen))
            .collect();
        let best = answers.into_iter().min_by_key(|asked| match asked.answer {
            Ok(time) => (0, time),
            Err(Trouble::Denied) => (1, Duration::ZERO),
            Err(Trouble::Untrusted | Trouble::Clock | Trouble::Strange) => (2, Duration::ZERO),
            Err(Trouble::Silent | Trouble::NoAddress) => (3, Duration::ZERO),
        })?;
        Some(Asked { seen, ..best })
    }

    /// The addresses of this computer's interfaces that others might reach, with this node's port.
    /// None where there is no network.
    #[must_use]
    pub fn own_addresses(&self) -> BTreeSet<SocketAddr> {
        let addresses = self.endpoint().addr().addrs.into_iter();
        let ips = addresses.filter_map(|addr| match addr {
            TransportAddr::Ip(addr) => Some(addr),
            _ => None,
        });
        ips.filter(|addr| is_elsewhere(addr.ip())).collect()
    }

    async fn ask_relay(&self, relay: &RelayConfig, udp: &udp::Sockets) -> Asked {
        let endpoint = self.endpoint();
        let (mut asked, seen) =
            zip(self.ask_relay_by_https(relay), udp.ask(&endpoint, relay)).await;
        asked.seen = seen;
        asked
    }

    async fn ask_relay_by_https(&self, relay: &RelayConfig) -> Asked {
        let url: Url = relay.url.clone().into();
        let mut ping = url.clone();
        ping.set_path(iroh_relay::http::RELAY_PROBE_PATH);
        let mut asked = Asked::new(&url, ServerKind::Relay);
        let token = relay.auth_token.as_deref();
        web::ask(&self.endpoint(), &ping, token, &mut asked).await;
        if asked.answer.is_ok()
            && let Some(trouble) = self.log_in(relay).await
        {
            asked.answer = Err(trouble);
        }
        asked
    }

    /// Why the relay does not let us in; `None` if it does.
    async fn log_in(&self, relay: &RelayConfig) -> Option<Trouble> {
        let endpoint = self.endpoint();
        let Ok(resolver) = endpoint.dns_resolver() else {
            return Some(Trouble::Silent);
        };
        let key = SecretKey::generate();
        let mut client = ClientBuilder::new(relay.url.clone(), key, resolver.clone())
            .tls_client_config(endpoint.tls_config().clone());
        if let Some(token) = &relay.auth_token {
            client = client.auth_token(token.clone());
        }
        match tokio::time::timeout(WITHIN, client.connect()).await {
            Ok(Ok(_client)) => None,
            Ok(Err(error)) => {
                tracing::debug!(%error, "a relay does not let us in");
                Some(why_not(&error))
            }
            Err(_) => Some(Trouble::Silent),
        }
    }

    async fn ask_directory(&self, url: &Url, token: Option<&str>) -> Asked {
        // Nobody has this key, so the right answer is that there is nothing.
        let nobody = SecretKey::generate().public().to_z32();
        let mut record = url.clone();
        if let Ok(mut path) = record.path_segments_mut() {
            path.pop_if_empty().push(&nobody);
        }
        let mut asked = Asked::new(url, ServerKind::Directory);
        web::ask(&self.endpoint(), &record, token, &mut asked).await;
        asked
    }
}

impl Asked {
    fn new(url: &Url, kind: ServerKind) -> Self {
        Self {
            url: web::shown(url),
            kind,
            answer: Err(Trouble::Silent),
            clock_ahead: None,
            seen: Vec::new(),
        }
    }
}

/// What a relay that does not let us in means by it.
fn why_not(error: &iroh_relay::client::ConnectError) -> Trouble {
    use iroh_relay::{client::ConnectError, protos::handshake};
    match error {
        ConnectError::Handshake {
            source: handshake::Error::ServerDeniedAuth { .. },
            ..
        } => Trouble::Denied,
        ConnectError::UnexpectedUpgradeStatus { code, .. }
            if matches!(code.as_u16(), 401 | 403) =>
        {
            Trouble::Denied
        }
        ConnectError::Dial { .. } => Trouble::Silent,
        ConnectError::Tls { .. } => Trouble::Untrusted,
        _ => Trouble::Strange,
    }
}

/// Whether somebody on another computer may reach this.
fn is_elsewhere(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => !ip.is_loopback() && !ip.is_link_local() && !ip.is_unspecified(),
        IpAddr::V6(ip) => !ip.is_loopback() && !ip.is_unicast_link_local() && !ip.is_unspecified(),
    }
}

/// What a server's clock, read between `before` and `after`, is ahead of ours by.
fn ahead(server: SystemTime, before: SystemTime, after: SystemTime) -> i64 {
    let secs = |time: SystemTime| match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(_) => 0,
    };
    // The server rounds down to the second and answered some time in between: no difference if it
    // can have been none.
    let (server, before, after) = (secs(server), secs(before), secs(after));
    if server < before {
        (server + 1 - before).min(0)
    } else {
        (server - after).max(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_right_if_it_can_be() {
        let at = |secs| SystemTime::UNIX_EPOCH + Duration::from_millis(secs);
        for (server, before, after, expected) in [
            (1_000_000, 1_000_900, 1_001_100, 0),
            (1_001_000, 1_000_900, 1_001_100, 0),
            (999_000, 1_000_900, 1_001_100, 0),
            (998_000, 1_000_900, 1_001_100, -1),
            (1_101_000, 1_000_900, 1_001_100, 100),
            (900_000, 1_000_900, 1_001_100, -99),
        ] {
            assert_eq!(
                ahead(at(server), at(before), at(after)),
                expected,
                "{server}"
            );
        }
    }

    #[test]
    fn what_only_this_computer_reaches_is_no_address() {
        for ip in [
            "127.0.0.1",
            "::1",
            "169.254.1.1",
            "fe80::1",
            "0.0.0.0",
            "::",
        ] {
            assert!(!is_elsewhere(ip.parse().unwrap()), "{ip}");
        }
        for ip in ["192.168.1.2", "203.0.113.5", "2001:db8::1", "fd00::1"] {
            assert!(is_elsewhere(ip.parse().unwrap()), "{ip}");
        }
    }
}
