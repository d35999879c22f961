//! Serving a share to strangers.
//!
//! A [`Provider`] answers requests on the wire protocol of iroh-blobs, straight from the files that
//! were shared. It is our own handler because the one of iroh-blobs serves whatever is in a store to
//! anybody, without deadlines. This one:
//!
//! - answers for the root that is shared and its children only, and takes no push;
//! - checks a request against the share before any work is done for it;
//! - has a deadline on every read and every write, and bounds connections, streams and memory;
//! - keeps a panic within the request that caused it;
//! - notices a file that changed since it was hashed, says so on both sides, and never sends it.
//!
//! `share` is what is served, `stream` answers one request, `connection` serves one peer, and `guests`
//! decides who may have it and counts.

mod connection;
mod content;
mod guests;
mod share;
mod stream;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::{
    sync::{Notify, Semaphore},
    task::JoinSet,
};

pub use guests::Policy;
pub use share::Share;

use self::guests::Guests;
use crate::{
    events::Events,
    node::Node,
    transfer::{rate::RateLimit, wire::Close},
};

/// Connections served at once; more are turned away before they cost anything.
const CONNECTIONS: usize = 512;

/// Requests answered at once, over all peers. Each holds at most two buffers of
/// [`stream::LARGEST_BATCH`].
const REQUESTS: usize = 256;

/// What all connections share.
struct Shared {
    share: Arc<Share>,
    guests: Guests,
    rate: Option<RateLimit>,
    events: Events,
    requests: Arc<Semaphore>,
}

/// A share that is being served. Dropping it ends it at once.
#[derive(Debug)]
pub struct Provider {
    node: Node,
    accepting: tokio::task::JoinHandle<()>,
    ended: Arc<Notify>,
    closing: Arc<CloseWith>,
}

/// What peers are told when the share ends.
#[derive(Debug, Default)]
struct CloseWith(std::sync::OnceLock<Close>, Notify);

impl Provider {
    /// Starts to serve `share` on `node` to those whom `policy` allows, sending at most
    /// `limit_rate` bytes a second.
    #[must_use]
    pub fn start(
        node: Node,
        share: Share,
        policy: Policy,
        limit_rate: Option<u64>,
        events: Events,
    ) -> Self {
        let ended = Arc::new(Notify::new());
        let closing = Arc::new(CloseWith::default());
        let shared = Arc::new(Shared {
            share: Arc::new(share),
            guests: Guests::new(policy, ended.clone()),
            rate: limit_rate.map(RateLimit::new),
            events,
            requests: Arc::new(Semaphore::new(REQUESTS)),
        });
        let accepting = tokio::spawn(accept(node.clone(), shared, closing.clone()));
        Self {
            node,
            accepting,
            ended,
            closing,
        }
    }

    /// Waits until the share was fetched as often as its policy allows.
    pub async fn used_up(&self) {
        self.ended.notified().await;
    }

    /// Tells peers `why`, and stops serving.
    pub async fn stop(mut self, why: Close) {
        let _ = self.closing.0.set(why);
        self.closing.1.notify_one();
        let _ = tokio::time::timeout(Duration::from_millis(500), &mut self.accepting).await;
        self.node.close().await;
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// How long a peer may take for the handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

async fn accept(node: Node, shared: Arc<Shared>, closing: Arc<CloseWith>) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let mut peers = JoinSet::new();
    loop {
        let incoming = tokio::select! {
            incoming = node.endpoint().accept() => incoming,
            Some(ended) = peers.join_next(), if !peers.is_empty() => {
                if let Err(error) = ended && error.is_panic() {
                    tracing::error!("serving a connection failed");
                }
                continue;
            }
            () = closing.1.notified() => break,
        };
        let Some(incoming) = incoming else { break };
        let Ok(slot) = slots.clone().try_acquire_owned() else {
            incoming.refuse();
            continue;
        };
        let shared = shared.clone();
        let closing = closing.clone();
        peers.spawn(async move {
            let Ok(connecting) = incoming.accept() else {
                return;
            };
            match tokio::time::timeout(HANDSHAKE, connecting).await {
                Ok(Ok(connection)) => {
                    let ended = connection::serve(&connection, &shared);
                    tokio::pin!(ended);
                    tokio::select! {
                        () = &mut ended => {}
                        () = closing.wait() => {
                            let why = closing.0.get().copied().unwrap_or(Close::Stopped);
                            connection.close(why.code(), why.reason());
                            ended.await;
                        }
                    }
                }
                Ok(Err(error)) => tracing::debug!(%error, "handshake failed"),
                Err(_) => tracing::debug!("handshake took too long"),
            }
            drop(slot);
        });
    }
    closing.1.notify_waiters();
    while peers.join_next().await.is_some() {}
}

impl CloseWith {
    /// Waits until the share ends.
    async fn wait(&self) {
        let notified = self.1.notified();
        tokio::pin!(notified);
        notified.as_mut().enable();
        if self.0.get().is_none() {
            notified.await;
        }
    }
}

/// Seconds since 1970 by this computer's clock; 0 before.
pub(crate) fn unix_now() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |d| d.as_secs())
}
