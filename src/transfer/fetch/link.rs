//! The connection to the sharer, which comes back by itself.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use iroh::{
    EndpointAddr,
    endpoint::{Connection, ConnectionError},
};

use crate::{
    events::{Event, Events, Failure, FailureKind, Path},
    node::{Node, PathWatch, current_path},
    transfer::wire::{ALPN, Close},
};

/// How long nothing at all may happen before a fetch gives up; `None` for ever.
pub type Patience = Option<Duration>;

/// How long an attempt to connect may take, by turns. A new attempt starts with fresh packets at
/// once, where an old one waits ever longer between its retries; but a directory or a relay that is
/// slow to answer needs a longer one now and then.
const CONNECT_WITHIN: [Duration; 2] = [Duration::from_secs(6), Duration::from_secs(15)];

/// A connection on which nothing came for so long, although something was asked, is given up.
const SILENT: Duration = Duration::from_secs(30);

/// How often is looked after a connection on which something is overdue.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A connection on which not a single packet came for so long is probably dead: signs of life are
/// asked for more often, see [`crate::node::Role`].
const DEAD: Duration = Duration::from_secs(5);

/// After so long a dead connection is given up. As long as there is one, the endpoint does not ask
/// the local network or a directory where the other side may be now.
const GONE: Duration = Duration::from_secs(12);

/// How long a new connection is tried beside one that is probably dead.
const PROBE_WITHIN: Duration = Duration::from_secs(3);

/// A first attempt that takes longer is mentioned.
const SAY_AFTER: Duration = Duration::from_secs(1);

/// An attempt to connect gets at least so long, however little patience is left.
const SHORTEST_ATTEMPT: Duration = Duration::from_secs(1);

/// The pauses between attempts; the last one repeats.
const PAUSES_MS: [u64; 6] = [100, 300, 700, 1500, 3000, 5000];

/// A link to one sharer. Shared by all requests of a fetch.
#[derive(Debug)]
pub struct Link {
    node: Node,
    address: EndpointAddr,
    patience: Patience,
    events: Events,
    start: Instant,
    /// Milliseconds after `start` at which anything last came, or a connection was made.
    heard: AtomicU64,
    /// Milliseconds after `start` at which content was last verified: what patience is measured by.
    progressed: AtomicU64,
    attempt: AtomicU32,
    connected: tokio::sync::Mutex<Option<Connected>>,
    reason: Mutex<String>,
    /// Which connection had received how many packets, and since when.
    pulse: Mutex<((usize, u64), Instant)>,
}

#[derive(Debug)]
struct Connected {
    connection: Connection,
    _watch: PathWatch,
}

impl Link {
    /// A link to whoever answers at `address`. Nothing is sent before [`Link::connection`].
    #[must_use]
    pub fn new(node: Node, address: &EndpointAddr, patience: Patience, events: Events) -> Self {
        Self {
            address: node.also_at(address),
            node,
            patience,
            events,
            start: Instant::now(),
            heard: AtomicU64::new(0),
            progressed: AtomicU64::new(0),
            attempt: AtomicU32::new(0),
            connected: tokio::sync::Mutex::new(None),
            reason: Mutex::new("the other side is not reachable".to_owned()),
            pulse: Mutex::new(((0, 0), Instant::now())),
        }
    }

    /// The connection, made again when it is gone. Waits as long as the patience lasts.
    ///
    /// # Errors
    /// `Unreachable` when nothing happened for too long; `Refused` when the sharer said no.
    pub async fn connection(&self) -> Result<Connection, Failure> {
        let mut connected = self.connected.lock().await;
        if let Some(now) = connected.as_ref() {
            match now.connection.close_reason() {
                None => return Ok(now.connection.clone()),
                Some(reason) => {
                    *connected = None;
                    self.note(&reason)?;
                    // Said at once: an attempt in vain takes seconds.
                    self.events.emit(Event::Waiting {
                        reason: self.reason(),
                        attempt: 1,
                        retry_in_ms: 0,
                    });
                }
            }
        }
        loop {
            if self.attempt.load(Ordering::Relaxed) > 0 {
                self.pause().await?;
                self.node.renew().await;
            }
            let attempt = self.attempt.fetch_add(1, Ordering::Relaxed);
            let within = CONNECT_WITHIN[usize::from(attempt % 2 == 1)];
            let within = match self.patience_left() {
                Some(left) => within.min(left.max(SHORTEST_ATTEMPT)),
                None => within,
            };
            let connecting = self.connect(within);
            tokio::pin!(connecting);
            let made = if let Ok(made) = tokio::time::timeout(SAY_AFTER, &mut connecting).await {
                made
            } else {
                if attempt == 0 {
                    let reason = "looking for the other side".to_owned();
                    self.events.emit(Event::Waiting {
                        reason,
                        attempt: 1,
                        retry_in_ms: 0,
                    });
                }
                connecting.await
            };
            if let Some(connection) = made {
                *connected = Some(self.begin(&connection));
                return Ok(connection);
            }
        }
    }

    async fn connect(&self, within: Duration) -> Option<Connection> {
        let endpoint = self.node.endpoint();
        let connecting = endpoint.connect(self.address.clone(), ALPN);
        match tokio::time::timeout(within, connecting).await {
            Ok(Ok(connection)) => return Some(connection),
            Ok(Err(error)) => tracing::debug!(%error, "no connection"),
            Err(_) => tracing::debug!("connecting took too long"),
        }
        None
    }

    /// Notes that something came.
    pub(super) fn heard(&self) {
        self.heard.store(self.now(), Ordering::Relaxed);
    }

    /// Notes that something came and was verified, or that waiting begins anew for another reason.
    pub fn progressed(&self) {
        self.progressed.store(self.now(), Ordering::Relaxed);
        self.attempt.store(0, Ordering::Relaxed);
    }

    /// Gives up a connection that reading from failed. If the other side closed it, its reason is
    /// kept for [`Link::connection`] to read.
    pub(super) fn give_up(connection: &Connection) {
        if connection.close_reason().is_none() {
            connection.close(Close::Done.code(), b"");
        }
    }

    /// Waits for `reading`, which something is expected to come from, and gives up the connection
    /// when nothing comes on it for too long.
    pub(super) async fn patiently<T>(
        &self,
        connection: &Connection,
        reading: impl Future<Output = T>,
    ) -> T {
        tokio::pin!(reading);
        loop {
            match tokio::time::timeout(LOOK_EVERY, &mut reading).await {
                Ok(result) => return result,
                Err(_) => self.look_after(connection).await,
            }
        }
    }

    /// Looks at a connection on which something is overdue.
    ///
    /// A peer that was killed, or has another address now, says nothing, not even that it is alive:
    /// then a new connection is tried beside the old one, which stays in case the silence passes. A
    /// peer that is alive and sends no content is given up after a longer while.
    async fn look_after(&self, connection: &Connection) {
        if self.since(&self.heard) >= SILENT {
            self.set_reason("the other side has gone silent");
            connection.close(Close::Done.code(), b"silent");
            return;
        }
        let dead = self.dead_for(connection);
        if dead < DEAD {
            return;
        }
        if dead >= GONE {
            connection.close(Close::Done.code(), b"dead");
            return;
        }
        // Only one of the requests that wait for this connection tries.
        let Ok(mut connected) = self.connected.try_lock() else {
            return;
        };
        let is_current = |now: &Connected| now.connection.stable_id() == connection.stable_id();
        if !connected.as_ref().is_some_and(is_current) || connection.close_reason().is_some() {
            return;
        }
        let reason = "nothing comes from the other side".to_owned();
        self.events.emit(Event::Waiting {
            reason,
            attempt: 1,
            retry_in_ms: 0,
        });
        // A relay that went away holds up what goes through others.
        if current_path(connection) != Some(Path::Direct) && self.node.renew().await {
            connection.close(Close::Done.code(), b"dead");
            return;
        }
        if let Some(new) = self.connect(PROBE_WITHIN).await {
            connection.close(Close::Done.code(), b"replaced");
            *connected = Some(self.begin(&new));
        }
    }

    /// How long not a single packet came, although we ask for a sign of life.
    fn dead_for(&self, connection: &Connection) -> Duration {
        let packets = connection.stats().udp_rx.datagrams;
        let mut pulse = self.pulse.lock().unwrap_or_else(PoisonError::into_inner);
        let now = (connection.stable_id(), packets);
        if pulse.0 != now {
            *pulse = (now, Instant::now());
        }
        pulse.1.elapsed()
    }

    /// How much longer nothing may happen.
    fn patience_left(&self) -> Patience {
        let patience = self.patience?;
        Some(patience.saturating_sub(self.since(&self.progressed)))
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn since(&self, moment: &AtomicU64) -> Duration {
        Duration::from_millis(self.now().saturating_sub(moment.load(Ordering::Relaxed)))
    }

    /// Ends the connection, telling the sharer why, and the node.
    pub async fn close(&self, why: Close) {
        if let Some(connected) = self.connected.lock().await.take() {
            connected.connection.close(why.code(), why.reason());
        }
        self.node.close().await;
    }

    fn begin(&self, connection: &Connection) -> Connected {
        self.heard();
        self.node.note(connection);
        let peer = connection.remote_id();
        let first = current_path(connection);
        let path = first.unwrap_or(Path::Direct);
        self.events.emit(Event::PeerConnected { peer, path });
        let events = self.events.clone();
        let watch = PathWatch::start(connection, Some(path), move |path| {
            events.emit(Event::PathChanged { peer, path });
        });
        self.set_reason("the connection was lost");
        Connected {
            connection: connection.clone(),
            _watch: watch,
        }
    }

    /// Remembers why a connection ended; fails when it makes no sense to come back.
    fn note(&self, reason: &ConnectionError) -> Result<(), Failure> {
        let ConnectionError::ApplicationClosed(close) = reason else {
            return Ok(());
        };
        let refused =
            |message: &str, hint: &str| Err(Failure::new(FailureKind::Refused, message).hint(hint));
        match Close::from_code(close.error_code) {
            Some(Close::Expired) => {
                refused("this share has expired", "ask the sharer for a new ticket")
            }
            Some(Close::NotAllowed) => refused(
                "this is shared with other people only",
                "send the sharer your id, which `grove id` prints, for --for",
            ),
            Some(Close::Taken) => refused(
                "others have fetched this already, and it is not shared any further",
                "ask the sharer for a new ticket",
            ),
            Some(Close::Protocol) => refused(
                "the other side does not understand this grove",
                "update both sides",
            ),
            Some(Close::Stopped) => {
                self.set_reason("the other side stopped sharing");
                Ok(())
            }
            Some(Close::Busy) => {
                self.set_reason("the other side is busy");
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Waits before the next attempt, unless patience has run out.
    async fn pause(&self) -> Result<(), Failure> {
        let attempt = self.attempt.load(Ordering::Relaxed);
        let index = usize::try_from(attempt)
            .unwrap_or(usize::MAX)
            .saturating_sub(1);
        let pause = PAUSES_MS
            .get(index)
            .or(PAUSES_MS.last())
            .copied()
            .unwrap_or_default();
        let mut pause = Duration::from_millis(pause);
        let reason = self.reason();
        if let (Some(patience), Some(left)) = (self.patience, self.patience_left()) {
            if left.is_zero() {
                return Err(self.unreachable(&reason, patience));
            }
            pause = pause.min(left);
        }
        let retry_in_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        self.events.emit(Event::Waiting {
            reason,
            attempt,
            retry_in_ms,
        });
        tokio::time::sleep(pause).await;
        Ok(())
    }

    fn unreachable(&self, reason: &str, patience: Duration) -> Failure {
        let peer = self.address.id.fmt_short();
        let message = format!("{reason} ({peer}), for {} s", patience.as_secs());
        let trouble = self.node.troubles().into_iter().next();
        let trouble = trouble.or_else(|| self.node.stranger(&self.address));
        Failure::new(FailureKind::Unreachable, message).hint(trouble.unwrap_or_else(|| {
            "is `grove share` running there, and online? the same line goes on later; \
             --wait sets how long to try"
                .to_owned()
        }))
    }

    fn reason(&self) -> String {
        self.reason
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set_reason(&self, reason: &str) {
        reason.clone_into(&mut self.reason.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
