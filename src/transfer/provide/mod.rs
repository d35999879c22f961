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
//! `share` is what is served and `check` looks again at files that do not match; `request` reads
//! one request and `stream` answers it, with room from `memory`; `connection` serves one peer and
//! `guest` is what is known about it, `door` decides who may shake hands, `peers` knows all that are
//! there and `pace` which of them makes room, `guests` decides who may have the share and counts, with
//! a `record` that outlasts the program, `warnings` tells the sharer, `limits` has all the numbers.
//!
//! What strangers can make a provider hold, at most, with the limits as they are: 512 MiB for content
//! that is under way (256 connections with 1 MiB each of their own, and 256 MiB that they share), and
//! some 300 MiB for requests: 64 MiB that wait to be read, 128 MiB of small ones while they are answered,
//! 100 MiB of large ones. Open files are bounded by the batches that are made at once.

mod check;
mod connection;
mod content;
mod door;
mod guest;
mod guests;
mod limits;
mod memory;
mod pace;
mod peers;
mod record;
mod request;
mod share;
mod stream;
mod warnings;

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use iroh::endpoint::Incoming;
use tokio::{
    sync::{Notify, Semaphore, watch},
    task::JoinSet,
};

pub use guests::Policy;
pub use limits::Limits;
pub use record::{Places, Record};
#[cfg(any(test, fuzzing))]
pub(crate) use record::{decode as decode_places, encode as encode_places};
pub use share::Share;

use self::{
    door::{Answer, Door, Origin},
    guests::Guests,
    memory::Memory,
    peers::Peers,
    warnings::{About, Warnings},
};
use crate::{
    disk,
    events::{Events, WarningKind},
    node::Node,
    transfer::{rate::RateLimit, wire::Close},
};

/// Requests of more than a few kilobytes that are read or answered at once, over all peers.
const LARGE_REQUESTS: usize = 32;

/// What all connections share.
struct Shared {
    share: Arc<Share>,
    guests: Guests,
    peers: Peers,
    limits: Limits,
    rate: Option<RateLimit>,
    events: Events,
    warnings: Warnings,
    memory: Memory,
    making: Arc<Semaphore>,
    large_requests: Arc<Semaphore>,
}

impl Shared {
    /// Tells the sharer that the record of who has a place cannot be written.
    fn cannot_record(&self, error: &io::Error) {
        self.warnings.warn(About::Record, WarningKind::Refused, || {
            let why = disk::reason(error);
            format!("who fetches this cannot be written down, so nobody new may: {why}")
        });
    }
}

/// A share that is being served. Dropping it ends it at once.
#[derive(Debug)]
pub struct Provider {
    node: Node,
    accepting: tokio::task::JoinHandle<()>,
    used_up: Arc<Notify>,
    /// What peers are told when the share ends; `None` until it does.
    closing: watch::Sender<Option<Close>>,
    share: Arc<Share>,
}

impl Provider {
    /// Starts to serve `share` on `node` to those whom `policy` allows, sending at most
    /// `limit_rate` bytes a second, within `limits`.
    #[must_use]
    pub fn start(
        node: Node,
        share: Share,
        policy: Policy,
        limit_rate: Option<u64>,
        events: Events,
        limits: Limits,
    ) -> Self {
        let used_up = Arc::new(Notify::new());
        let (closing, closed) = watch::channel(None);
        let share = Arc::new(share);
        let shared = Arc::new(Shared {
            share: share.clone(),
            guests: Guests::new(policy, used_up.clone()),
            peers: Peers::default(),
            rate: limit_rate.map(RateLimit::new),
            warnings: Warnings::new(events.clone()),
            events,
            memory: Memory::new(limits.room),
            making: Arc::new(Semaphore::new(limits.batches.max(1))),
            large_requests: Arc::new(Semaphore::new(LARGE_REQUESTS)),
            limits,
        });
        let accepting = tokio::spawn(accept(node.clone(), shared, closed));
        Self {
            node,
            accepting,
            used_up,
            closing,
            share,
        }
    }

    /// Waits until the share was fetched as often as its policy allows.
    pub async fn used_up(&self) {
        self.used_up.notified().await;
    }

    /// Tells peers `why`, and stops serving.
    pub async fn stop(mut self, why: Close) {
        self.share.checks.stop();
        self.closing.send_replace(Some(why));
        let _ = tokio::time::timeout(Duration::from_millis(500), &mut self.accepting).await;
        self.node.close().await;
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.share.checks.stop();
        self.accepting.abort();
    }
}

async fn accept(node: Node, shared: Arc<Shared>, mut closing: watch::Receiver<Option<Close>>) {
    let handshakes = Arc::new(Semaphore::new(shared.limits.handshakes));
    let mut door = Door::new(&shared.limits, Instant::now());
    let mut peers = JoinSet::new();
    let closed = closing.clone();
    loop {
        let incoming = tokio::select! {
            incoming = node.accept() => incoming,
            Some(ended) = peers.join_next(), if !peers.is_empty() => {
                if let Err(error) = ended && error.is_panic() {
                    tracing::error!("serving a connection failed");
                }
                continue;
            }
            _ = closing.wait_for(Option::is_some) => break,
        };
        let Some(incoming) = incoming else { break };
        let crowded = handshakes.available_permits() < shared.limits.handshakes / 2;
        let is_proven = incoming.remote_addr_validated();
        match door.answer(Origin::of(&incoming), is_proven, crowded, Instant::now()) {
            Answer::Enter => {}
            Answer::Prove => {
                let _ = incoming.retry();
                continue;
            }
            Answer::Ignore => {
                incoming.ignore();
                continue;
            }
        }
        let Ok(handshake) = handshakes.clone().try_acquire_owned() else {
            // A peer that means it tries again by itself, in a second.
            incoming.ignore();
            continue;
        };
        let (node, shared, closed) = (node.clone(), shared.clone(), closed.clone());
        peers.spawn(async move {
            let shaken = tokio::time::timeout(shared.limits.handshake_within, shake(incoming));
            let connection = shaken.await.ok().flatten();
            drop(handshake);
            if let Some(connection) = connection {
                node.note(&connection);
                serve(&connection, &shared, closed).await;
            }
        });
    }
    while peers.join_next().await.is_some() {}
}

async fn shake(incoming: Incoming) -> Option<iroh::endpoint::Connection> {
    let accepted = async { Ok::<_, Box<dyn std::error::Error>>(incoming.accept()?.await?) };
    accepted
        .await
        // Strangers decide how often.
        .inspect_err(|error| tracing::trace!(%error, "handshake failed"))
        .ok()
}

/// Serves one connection until it or the share ends.
async fn serve(
    connection: &iroh::endpoint::Connection,
    shared: &Arc<Shared>,
    mut closed: watch::Receiver<Option<Close>>,
) {
    let served = connection::serve(connection, shared);
    tokio::pin!(served);
    let why = tokio::select! {
        () = &mut served => return,
        why = closed.wait_for(Option::is_some) => why.ok().and_then(|why| *why),
    };
    let why = why.unwrap_or(Close::Stopped);
    connection.close(why.code(), why.reason());
    served.await;
}
