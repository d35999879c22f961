//! A node: an iroh endpoint with our transport settings, and the paths to a peer.
//!
//! By default a node uses the public relays and directory of the iroh project and looks for peers on
//! the local network; [`Network`] narrows that, or puts hubs in their place, and then no public server is
//! contacted. The settings differ by [`Role`]: a provider reads only small requests and takes tiny receive
//! windows, so that a stranger cannot make it hold much; a getter fills a long link with many streams of
//! the default window (one large window breaks a connection that loses packets, since more than 1024
//! pieces of a stream may not wait at once).
//!
//! What can fail: binding a socket, and settings that leave no way to anybody. Relays, directories and mDNS
//! that do not answer never do; they only leave fewer ways to be found.

mod hubs;
mod network;
mod paths;
pub mod probe;
mod transport;

use std::{
    net::SocketAddr,
    time::{Duration, SystemTime},
};

use iroh::{
    Endpoint, EndpointAddr, RelayMap, RelayMode, SecretKey, TransportAddr, Watcher as _,
    endpoint::{Builder, PortmapperConfig, RelayStatus, presets},
};
use iroh_mdns_address_lookup::MdnsAddressLookup;
use n0_future::StreamExt as _;
use tokio::{sync::watch, time::Instant};

pub use hubs::{HubCheck, check_hub};
pub use network::{Network, Ways};
pub use paths::{PathWatch, current_path};
pub use transport::Role;

use crate::events::{Failure, FailureKind};

/// How long a ticket waits for a relay and for addresses to be discovered. A ticket without them
/// still works on the local network and, once the directory knows us, everywhere.
const ONLINE_WITHIN: Duration = Duration::from_millis(2500);

/// How long a ticket waits for the addresses of our own interfaces, which need no network.
const ADDRESSES_WITHIN: Duration = Duration::from_millis(200);

/// How long a short ticket waits in all for a directory to have the record.
const FINDABLE_WITHIN: Duration = Duration::from_millis(2900);

/// A bound endpoint. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Node {
    endpoint: Endpoint,
    network: Network,
    bound: Instant,
    /// How publishing at each hub with a directory goes, and where that hub is.
    directories: Vec<(String, watch::Receiver<hubs::Outcome>)>,
    _relays: Option<hubs::RelayWatch>,
}

impl Node {
    /// Binds an endpoint that answers to `secret`'s id and speaks `alpn`.
    ///
    /// # Errors
    /// `Failed` when no socket can be bound, or the clock is set to before 1970. `Usage` when the settings
    /// leave no way to anybody.
    pub async fn bind(
        secret: SecretKey,
        network: &Network,
        role: Role,
        alpn: &[u8],
    ) -> Result<Self, Failure> {
        check_clock()?;
        network.check()?;
        let direct_only = network.ways == Ways::DirectOnly;
        let mut directories = Vec::new();
        let mut builder = if network.offline {
            Endpoint::builder(presets::Minimal).relay_mode(RelayMode::Disabled)
        } else if let Some(relays) = network.hub_relays() {
            let mut builder = Endpoint::builder(presets::Minimal);
            builder = hubs::configure(builder, &network.hubs, &relays);
            for hub in &network.hubs {
                let started = hubs::Directory::start(hub, secret.clone());
                if let Some((directory, outcome)) = started {
                    let directory = hubs::OfHubs::new(directory, relays.clone());
                    builder = builder.address_lookup(directory);
                    directories.push((hub.name(), outcome));
                }
            }
            builder
        } else if direct_only {
            Endpoint::builder(presets::N0).relay_mode(RelayMode::Disabled)
        } else {
            Endpoint::builder(presets::N0)
        };
        builder = builder
            .secret_key(secret)
            .transport_config(role.transport());
        if role == Role::Provide {
            builder = builder.alpns(vec![alpn.to_vec()]);
        }
        builder = if network.ways == Ways::RelayOnly {
            builder
                .clear_ip_transports()
                .portmapper_config(PortmapperConfig::Disabled)
        } else {
            bind_sockets(builder, &network.bind)?
        };
        let endpoint = builder.bind().await.map_err(|error| {
            Failure::new(
                FailureKind::Failed,
                format!("no network socket could be opened: {error}"),
            )
            .hint("another program may hold the port given with --bind")
        })?;
        if network.lan && network.ways != Ways::RelayOnly {
            find_on_lan(&endpoint, role, network.hub_relays());
        }
        let relays = network.hub_relays().unwrap_or_else(RelayMap::empty);
        Ok(Self {
            _relays: hubs::RelayWatch::start(&endpoint, relays),
            endpoint,
            network: network.clone(),
            bound: Instant::now(),
            directories,
        })
    }

    /// The endpoint itself.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Where this node can be reached, as far as it is known in time: it waits for the relay and the
    /// public addresses, but never longer than two and a half seconds.
    pub async fn address(&self) -> EndpointAddr {
        if self.has_relays() {
            let _ = tokio::time::timeout(ONLINE_WITHIN, self.endpoint.online()).await;
        }
        let mut address = self.endpoint.addr();
        if self.network.ways == Ways::RelayOnly {
            return address;
        }
        if address.ip_addrs().next().is_none() {
            let mut changes = self.endpoint.watch_addr().stream();
            let _ = tokio::time::timeout(ADDRESSES_WITHIN, async {
                while let Some(next) = changes.next().await {
                    address = next;
                    if address.ip_addrs().next().is_some() {
                        break;
                    }
                }
            })
            .await;
        }
        if address.ip_addrs().next().is_none() {
            // A machine without any network still has itself.
            for socket in self.endpoint.bound_sockets() {
                if socket.ip().is_loopback() || socket.is_ipv4() {
                    let loopback = SocketAddr::from(([127, 0, 0, 1], socket.port()));
                    address = address.with_ip_addr(loopback);
                }
            }
        }
        address
    }

    /// Whether there is any relay to wait for.
    fn has_relays(&self) -> bool {
        let network = &self.network;
        let none = network.offline || network.ways == Ways::DirectOnly;
        let of_hubs = network.hub_relays();
        !none && of_hubs.is_none_or(|relays| !relays.is_empty())
    }

    /// Where else a peer at `address` may be reached: through the relays of all one's hubs. A peer comes to one
    /// of them, another one than its ticket says when that went away.
    #[must_use]
    pub fn also_at(&self, address: &EndpointAddr) -> EndpointAddr {
        let mut address = address.clone();
        if let Some(relays) = self.network.hub_relays() {
            let urls: Vec<_> = relays.urls();
            address
                .addrs
                .extend(urls.into_iter().map(TransportAddr::Relay));
        }
        if self.network.ways == Ways::RelayOnly {
            address.addrs.retain(TransportAddr::is_relay);
        } else if !self.has_relays() {
            address.addrs.retain(|addr| !addr.is_relay());
        }
        address
    }

    /// Waits until somebody who knows this node's id only can find it by a directory, but no longer than
    /// 2.9 seconds after the node was bound; whether that is so. A public directory does not say what it has,
    /// so there it is enough to be online.
    pub async fn is_findable(&self) -> bool {
        if self.network.offline {
            return false;
        }
        if self.network.hubs.is_empty() {
            return self.endpoint.addr().relay_urls().next().is_some();
        }
        let relays: Vec<_> = self.endpoint.addr().relay_urls().cloned().collect();
        let mut waiting: n0_future::FuturesUnordered<_> = self
            .directories
            .iter()
            .map(|(_, outcome)| {
                let (mut outcome, relays) = (outcome.clone(), &relays);
                async move {
                    let has_it = |now: &hubs::Outcome| {
                        now.published == hubs::Published::Yes
                            && relays.iter().all(|relay| now.relays.contains(relay))
                    };
                    outcome.wait_for(has_it).await.is_ok()
                }
            })
            .collect();
        let found = async {
            while let Some(has_it) = waiting.next().await {
                if has_it {
                    return true;
                }
            }
            false
        };
        let until = self.bound + FINDABLE_WITHIN;
        tokio::time::timeout_at(until, found).await.unwrap_or(false)
    }

    /// What is wrong with one's hubs right now, one line each; nothing where there are none.
    #[must_use]
    pub fn troubles(&self) -> Vec<String> {
        if self.network.hubs.is_empty() || self.network.offline {
            return Vec::new();
        }
        let statuses = self.endpoint.home_relay_status().get();
        let mut lines = std::collections::BTreeSet::new();
        for hub in &self.network.hubs {
            let relays = hubs::relays(std::slice::from_ref(hub));
            let ours = |status: &&RelayStatus| relays.contains(status.url());
            let status = statuses.iter().find(ours);
            let mut directory = self
                .directories
                .iter()
                .filter(|(name, _)| *name == hub.name());
            let published = directory
                .next()
                .map(|(_, outcome)| outcome.borrow().published);
            let denied = status.is_some_and(|status| status.auth_denied_reason().is_some());
            let name = hub.name();
            if denied || published == Some(hubs::Published::Refused) {
                lines.insert(format!(
                    "the hub {name} does not take your token; ask for a new line"
                ));
            } else if published == Some(hubs::Published::Failed) {
                lines.insert(format!("the hub {name} does not answer"));
            }
        }
        if lines.is_empty() && self.has_relays() && !statuses.iter().any(RelayStatus::is_connected)
        {
            lines.insert("no relay of your hubs answers".to_owned());
        }
        lines.into_iter().collect()
    }

    /// What a person can do who cannot reach a peer at `address`, because it is at a relay that is neither
    /// public nor of one's hubs.
    #[must_use]
    pub fn stranger(&self, address: &EndpointAddr) -> Option<String> {
        let hosts = address.relay_urls().filter_map(|url| url.host_str());
        let is_public = |host: &str| host.trim_end_matches('.').ends_with(".iroh.link");
        let host = hosts.into_iter().find(|host| !is_public(host))?;
        (self.network.hubs.is_empty() && self.has_relays()).then(|| {
            let host = crate::content::escape(host);
            format!("the other side uses {host}, a hub perhaps: ask for its line, for grove join")
        })
    }

    /// Closes all connections, telling peers, within a second.
    pub async fn close(&self) {
        let _ = tokio::time::timeout(Duration::from_secs(1), self.endpoint.close()).await;
    }
}

/// Refuses a clock that the libraries below cannot count from: they would abort in the middle of it.
fn check_clock() -> Result<(), Failure> {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map(|_| ())
        .map_err(|_| {
            let message = "the clock of this computer is set to before 1970";
            Failure::new(FailureKind::Failed, message).hint("set it, and run the same line again")
        })
}

fn bind_sockets(mut builder: Builder, addresses: &[SocketAddr]) -> Result<Builder, Failure> {
    if addresses.is_empty() {
        return Ok(builder);
    }
    builder = builder.clear_ip_transports();
    for address in addresses {
        builder = builder.bind_addr(*address).map_err(|error| {
            Failure::new(
                FailureKind::Usage,
                format!("cannot listen at {address}: {error}"),
            )
        })?;
    }
    Ok(builder)
}

/// Joins the local network's multicast group. Where there is none (a container, a machine without an
/// interface), the node works without. Of relays that somebody there names, only `known` ones are used, where
/// that is given.
fn find_on_lan(endpoint: &Endpoint, role: Role, known: Option<RelayMap>) {
    let lookup = MdnsAddressLookup::builder()
        .advertise(role == Role::Provide)
        .service_name("grove")
        .build(endpoint.id());
    match (lookup, endpoint.address_lookup()) {
        (Ok(lookup), Ok(services)) => match known {
            Some(known) => services.add(hubs::OfHubs::new(lookup, known)),
            None => services.add(lookup),
        },
        (Err(error), _) => tracing::debug!(%error, "no local network lookup"),
        (_, Err(error)) => tracing::debug!(%error, "no address lookup"),
    }
}
