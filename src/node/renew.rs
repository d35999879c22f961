//! Going on with another relay when the one in use went away.
//!
//! An endpoint finds another relay by itself, but packets for the one that is gone fill a queue that all
//! relays share, and for more than a minute nothing gets past them. A new endpoint has no such queue. It has the
//! same key, the same ports, and finds the relays that answer within a second or two. That ends all connections,
//! so it is done only when no connection is a direct one: those need no relay.
//!
//! A getter renews its endpoint when nothing comes any more through a relay; a provider looks after the relay
//! that it is reached at.

use std::{
    sync::{PoisonError, Weak},
    time::Duration,
};

use iroh::{
    Watcher as _,
    endpoint::{Connection, RelayStatus, WeakConnectionHandle},
};
use tokio::time::Instant;

use super::{Inner, Node, Role, Ways, bind, current_path, hubs};
use crate::{content::HubTicket, events::Path};

/// How long a relay may be away before another one is taken: a hub that starts again takes less.
const AWAY: Duration = Duration::from_secs(4);

/// How often is looked after the relay that a provider is reached at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long one endpoint lives at least.
const AGAIN_AFTER: Duration = Duration::from_secs(15);

impl Node {
    /// Notes a connection, for as long as it lasts: while it is direct, the endpoint is not renewed.
    pub fn note(&self, connection: &Connection) {
        let connections = &self.inner.connections;
        let mut connections = connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.retain(|weak| weak.upgrade().is_some_and(|is| is.close_reason().is_none()));
        connections.push(connection.weak_handle());
    }

    /// Gives the node a new endpoint, where that helps: it uses several hubs, one of them does not answer and
    /// another one does, and no connection is direct. Whether it did; then all connections are over. Takes a
    /// few seconds.
    pub async fn renew(&self) -> bool {
        let inner = &self.inner;
        let hubs = hubs_with_relays(inner);
        let mut renewed = inner.renewed.lock().await;
        let too_soon = renewed.is_some_and(|at| at.elapsed() < AGAIN_AFTER);
        if hubs.len() < 2 || too_soon || self.is_direct() || !hubs::some_answer(&hubs).await {
            return false;
        }
        let old = self.endpoint();
        let mut same_place = inner.network.clone();
        if inner.network.ways != Ways::RelayOnly {
            same_place.bind = old.bound_sockets();
        }
        let _ = tokio::time::timeout(Duration::from_secs(1), old.close()).await;
        drop(old);
        let (secret, role, alpn) = (&inner.secret, inner.role, &inner.alpn);
        let mut bound = bind::endpoint(secret, &same_place, role, alpn).await;
        if bound.is_err() {
            // Somebody took the port meanwhile, or it is not free yet; the directory knows the new one.
            bound = bind::endpoint(secret, &inner.network, role, alpn).await;
        }
        *renewed = Some(Instant::now());
        match bound {
            Ok(bound) => {
                tracing::debug!("a new endpoint, since a relay went away");
                drop(inner.current.send_replace(bound));
                true
            }
            Err(failure) => {
                tracing::warn!(%failure, "no new endpoint");
                false
            }
        }
    }

    /// Whether any connection is a direct one.
    fn is_direct(&self) -> bool {
        let connections = &self.inner.connections;
        let connections = connections.lock().unwrap_or_else(PoisonError::into_inner);
        let mut live = connections.iter().filter_map(WeakConnectionHandle::upgrade);
        live.any(|connection| {
            connection.close_reason().is_none() && current_path(&connection) == Some(Path::Direct)
        })
    }
}

fn hubs_with_relays(inner: &Inner) -> Vec<HubTicket> {
    let network = &inner.network;
    if network.offline || network.ways == Ways::DirectOnly {
        return Vec::new();
    }
    let relays = network.hubs.iter().filter(|hub| hub.relay);
    relays.cloned().collect()
}

/// Looks after the relay of a provider that has several to choose from, for as long as there is the node.
pub(super) fn keep(node: &Node) {
    let several = hubs_with_relays(&node.inner).len() > 1;
    if several && node.inner.role == Role::Provide {
        let inner = std::sync::Arc::downgrade(&node.inner);
        tokio::spawn(look_after(inner));
    }
}

async fn look_after(inner: Weak<Inner>) {
    let mut was_there = false;
    let mut away_since: Option<Instant> = None;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let Some(inner) = inner.upgrade() else { return };
        if inner.closed.load(std::sync::atomic::Ordering::Relaxed) {
            return;
        }
        let node = Node { inner };
        let statuses = node.endpoint().home_relay_status().get();
        if statuses.iter().any(RelayStatus::is_connected) {
            (was_there, away_since) = (true, None);
        } else if was_there {
            let since = *away_since.get_or_insert_with(Instant::now);
            if since.elapsed() >= AWAY && node.renew().await {
                (was_there, away_since) = (false, None);
            }
        }
    }
}
