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

mod bind;
mod congestion;
mod hubs;
mod names;
mod network;
mod paths;
pub mod probe;
mod renew;
mod sifted;
mod transport;

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use iroh::{
    Endpoint, EndpointAddr, SecretKey, TransportAddr, Watcher as _,
    endpoint::{Incoming, RelayStatus, WeakConnectionHandle},
};
use n0_future::StreamExt as _;
use tokio::{sync::watch, time::Instant};

use hubs::Published;
pub use hubs::{HubCheck, check_hub, clocks_apart};
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
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    secret: SecretKey,
    network: Network,
    role: Role,
    alpn: Vec<u8>,
    /// When the node was bound first.
    since: Instant,
    /// What it is bound to now.
    current: watch::Sender<bind::Bound>,
    closed: AtomicBool,
    /// Connections that renewing the endpoint would end.
    connections: Mutex<Vec<WeakConnectionHandle>>,
    /// When the endpoint was renewed last; held while it is.
    renewed: tokio::sync::Mutex<Option<Instant>>,
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
        let bound = bind::endpoint(&secret, network, role, alpn).await?;
        let (current, _) = watch::channel(bound);
        let node = Self {
            inner: Arc::new(Inner {
                secret,
                network: network.clone(),
                role,
                alpn: alpn.to_vec(),
                since: Instant::now(),
                current,
                closed: AtomicBool::new(false),
                connections: Mutex::default(),
                renewed: tokio::sync::Mutex::default(),
            }),
        };
        renew::keep(&node);
        Ok(node)
    }

    /// The endpoint itself. It may be another one a moment later, see [`Node::renew`].
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        self.inner.current.borrow().endpoint.clone()
    }

    /// The next connection that somebody makes; `None` once the node is closed.
    pub async fn accept(&self) -> Option<Incoming> {
        let mut current = self.inner.current.subscribe();
        loop {
            let endpoint = current.borrow_and_update().endpoint.clone();
            if let Some(incoming) = endpoint.accept().await {
                return Some(incoming);
            }
            // It was closed for good, or there is another one soon.
            if self.inner.closed.load(Ordering::Relaxed) || current.changed().await.is_err() {
                return None;
            }
        }
    }

    /// Where this node can be reached, as far as it is known in time: it waits for the relay and the
    /// public addresses, but never longer than two and a half seconds.
    pub async fn address(&self) -> EndpointAddr {
        let endpoint = self.endpoint();
        if self.has_relays() {
            let _ = tokio::time::timeout(ONLINE_WITHIN, endpoint.online()).await;
        }
        let mut address = endpoint.addr();
        if self.inner.network.ways == Ways::RelayOnly {
            return address;
        }
        if address.ip_addrs().next().is_none() {
            let mut changes = endpoint.watch_addr().stream();
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
            for socket in endpoint.bound_sockets() {
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
        let network = &self.inner.network;
        let none = network.offline || network.ways == Ways::DirectOnly;
        let of_hubs = network.hub_relays();
        !none && of_hubs.is_none_or(|relays| !relays.is_empty())
    }

    /// Where else a peer at `address` may be reached: through the relays of all one's hubs. A peer comes to one
    /// of them, another one than its ticket says when that went away.
    #[must_use]
    pub fn also_at(&self, address: &EndpointAddr) -> EndpointAddr {
        let mut address = address.clone();
        if let Some(relays) = self.inner.network.hub_relays() {
            let urls: Vec<_> = relays.urls();
            address
                .addrs
                .extend(urls.into_iter().map(TransportAddr::Relay));
        }
        if self.inner.network.ways == Ways::RelayOnly {
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
        if self.inner.network.offline {
            return false;
        }
        if self.inner.network.hubs.is_empty() {
            return self.endpoint().addr().relay_urls().next().is_some();
        }
        let relays: Vec<_> = self.endpoint().addr().relay_urls().cloned().collect();
        let directories = self.inner.current.borrow().directories.clone();
        let mut waiting: n0_future::FuturesUnordered<_> = directories
            .iter()
            .map(|(_, outcome)| {
                let (mut outcome, relays) = (outcome.clone(), &relays);
                async move {
                    let has_it = |now: &hubs::Outcome| {
                        now.published == Published::Yes
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
        let until = self.inner.since + FINDABLE_WITHIN;
        tokio::time::timeout_at(until, found).await.unwrap_or(false)
    }

    /// Waits until each directory of one's hubs has said whether it takes the record, but not longer than a
    /// ticket waits for a relay: before that, [`Node::troubles`] knows little.
    pub async fn has_asked(&self) {
        let directories = self.inner.current.borrow().directories.clone();
        let until = self.inner.since + ONLINE_WITHIN;
        for (_, mut outcome) in directories {
            let said = outcome.wait_for(|now| now.published != Published::NotYet);
            _ = tokio::time::timeout_at(until, said).await;
        }
    }

    /// What is wrong with one's hubs right now, one line each; nothing where there are none.
    #[must_use]
    pub fn troubles(&self) -> Vec<String> {
        if self.inner.network.hubs.is_empty() || self.inner.network.offline {
            return Vec::new();
        }
        let bound = self.inner.current.borrow().clone();
        let statuses = bound.endpoint.home_relay_status().get();
        let mut lines = std::collections::BTreeSet::new();
        for hub in &self.inner.network.hubs {
            let relays = hubs::relays(std::slice::from_ref(hub));
            let ours = |status: &&RelayStatus| relays.contains(status.url());
            let status = statuses.iter().find(ours);
            let mut directory = bound
                .directories
                .iter()
                .filter(|(name, _)| *name == hub.name());
            let outcome = directory
                .next()
                .map(|(_, outcome)| outcome.borrow().clone());
            let outcome = outcome.unwrap_or_default();
            let denied = status.is_some_and(|status| status.auth_denied_reason().is_some());
            let name = hub.name();
            let ahead = outcome.ahead;
            if denied || outcome.published == Published::Refused {
                lines.insert(format!(
                    "the hub {name} does not take your token; ask for a new line"
                ));
            } else if outcome.published == Published::Untimely {
                lines.insert(format!(
                    "the certificate of the hub {name} is of another time than the clock of this computer; \
                     set whichever is wrong"
                ));
            } else if let Some(apart) = ahead.and_then(|ahead| clocks_apart(&name, ahead)) {
                // Whoever only fetches needs nobody to find them.
                if self.inner.role == Role::Provide {
                    lines.insert(apart);
                }
            } else if outcome.published == Published::Failed {
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
        (self.inner.network.hubs.is_empty() && self.has_relays()).then(|| {
            let host = crate::content::escape(host);
            format!("the other side uses {host}, a hub perhaps: ask for its line, for grove join")
        })
    }

    /// Closes all connections, telling peers, within a second.
    pub async fn close(&self) {
        self.inner.closed.store(true, Ordering::Relaxed);
        let _ = tokio::time::timeout(Duration::from_secs(1), self.endpoint().close()).await;
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
