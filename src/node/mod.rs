//! A node: an iroh endpoint with our transport settings, and the paths to a peer.
//!
//! By default a node uses the public relays and directory of the iroh project and looks for peers on
//! the local network; [`Network`] narrows that. The settings differ by [`Role`]: a provider reads
//! only small requests and takes tiny receive windows, so that a stranger cannot make it hold much;
//! a getter fills a long link with many streams of the default window (one large window breaks a
//! connection that loses packets, since more than 1024 pieces of a stream may not wait at once).
//!
//! What can fail: binding a socket. Relays, directories and mDNS that do not answer never do; they
//! only leave fewer ways to be found.

mod paths;
pub mod probe;
mod transport;

use std::{
    net::SocketAddr,
    time::{Duration, SystemTime},
};

use iroh::{
    Endpoint, EndpointAddr, RelayMap, RelayMode, SecretKey,
    address_lookup::N0_DNS_PKARR_RELAY_PROD,
    endpoint::{Builder, default_relay_mode, presets},
};
use iroh_mdns_address_lookup::MdnsAddressLookup;
use n0_future::StreamExt as _;

pub use paths::{PathWatch, current_path};
pub use transport::Role;

use self::probe::Servers;
use crate::events::{Failure, FailureKind};

/// Which parts of the network are used.
#[derive(Debug, Clone)]
pub struct Network {
    /// Use no relay and no directory: only direct addresses and the local network.
    pub offline: bool,
    /// Find peers on the local network, and be found there (mDNS).
    pub lan: bool,
    /// Addresses to listen at; empty means any port on all interfaces.
    pub bind: Vec<SocketAddr>,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            offline: false,
            lan: true,
            bind: Vec::new(),
        }
    }
}

/// How long a ticket waits for a relay and for addresses to be discovered. A ticket without them
/// still works on the local network and, once the directory knows us, everywhere.
const ONLINE_WITHIN: Duration = Duration::from_millis(2500);

/// How long a ticket waits for the addresses of our own interfaces, which need no network.
const ADDRESSES_WITHIN: Duration = Duration::from_millis(200);

/// A bound endpoint. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Node {
    endpoint: Endpoint,
    network: Network,
}

impl Node {
    /// Binds an endpoint that answers to `secret`'s id and speaks `alpn`.
    ///
    /// # Errors
    /// `Failed` when no socket can be bound, or the clock is set to before 1970.
    pub async fn bind(
        secret: SecretKey,
        network: &Network,
        role: Role,
        alpn: &[u8],
    ) -> Result<Self, Failure> {
        check_clock()?;
        let mut builder = if network.offline {
            Endpoint::builder(presets::Minimal).relay_mode(RelayMode::Disabled)
        } else {
            Endpoint::builder(presets::N0)
        };
        builder = builder
            .secret_key(secret)
            .transport_config(role.transport());
        if role == Role::Provide {
            builder = builder.alpns(vec![alpn.to_vec()]);
        }
        builder = bind_sockets(builder, &network.bind)?;
        let endpoint = builder.bind().await.map_err(|error| {
            Failure::new(
                FailureKind::Failed,
                format!("no network socket could be opened: {error}"),
            )
            .hint("another program may hold the port given with --bind")
        })?;
        if network.lan {
            find_on_lan(&endpoint, role);
        }
        Ok(Self {
            endpoint,
            network: network.clone(),
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
        if !self.network.offline {
            let _ = tokio::time::timeout(ONLINE_WITHIN, self.endpoint.online()).await;
        }
        let mut address = self.endpoint.addr();
        if address.ip_addrs().next().is_none() {
            let mut changes = iroh::Watcher::stream(self.endpoint.watch_addr());
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

    /// The relays and directories that this node uses.
    #[must_use]
    pub fn servers(&self) -> Servers {
        if self.network.offline {
            return Servers {
                relays: RelayMap::empty(),
                directories: Vec::new(),
            };
        }
        Servers {
            relays: default_relay_mode().relay_map(),
            directories: N0_DNS_PKARR_RELAY_PROD.parse().into_iter().collect(),
        }
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
/// interface), the node works without.
fn find_on_lan(endpoint: &Endpoint, role: Role) {
    let lookup = MdnsAddressLookup::builder()
        .advertise(role == Role::Provide)
        .service_name("grove")
        .build(endpoint.id());
    match (lookup, endpoint.address_lookup()) {
        (Ok(lookup), Ok(services)) => {
            services.add(lookup);
        }
        (Err(error), _) => tracing::debug!(%error, "no local network lookup"),
        (_, Err(error)) => tracing::debug!(%error, "no address lookup"),
    }
}
