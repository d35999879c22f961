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

/// How long one attempt to connect may take. A new one starts with fresh packets at once, where an
/// old one would wait ever longer between its retries.
const CONNECT_WITHIN: Duration = Duration::from_secs(6);

/// A connection on which nothing came for so long, although something was asked, is given up.
const SILENT: Duration = Duration::from_secs(30);

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
    /// Milliseconds after `start` at which something last came.
    last_activity: AtomicU64,
    attempt: AtomicU32,
    connected: tokio::sync::Mutex<Option<Connected>>,
    reason: Mutex<String>,
}

#[derive(Debug)]
struct Connected {
    connection: Connection,
    _watch: PathWatch,
}

impl Link {
    /// A link to whoever answers at `address`. Nothing is sent before [`Link::connection`].
    #[must_use]
    pub fn new(node: Node, address: EndpointAddr, patience: Patience, events: Events) -> Self {
        Self {
            node,
            address,
            patience,
            events,
            start: Instant::now(),
            last_activity: AtomicU64::new(0),
            attempt: AtomicU32::new(0),
            connected: tokio::sync::Mutex::new(None),
            reason: Mutex::new("the other side is not reachable".to_owned()),
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
                }
            }
        }
        loop {
            if self.attempt.load(Ordering::Relaxed) > 0 {
                self.pause().await?;
            }
            self.attempt.fetch_add(1, Ordering::Relaxed);
            let connecting = self.node.endpoint().connect(self.address.clone(), ALPN);
            match tokio::time::timeout(CONNECT_WITHIN, connecting).await {
                Ok(Ok(connection)) => {
                    *connected = Some(self.begin(&connection));
                    return Ok(connection);
                }
                Ok(Err(error)) => tracing::debug!(%error, "no connection"),
                Err(_) => tracing::debug!("connecting took too long"),
            }
        }
    }

    /// Notes that something came.
    pub fn touch(&self) {
        let now = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_activity.store(now, Ordering::Relaxed);
        self.attempt.store(0, Ordering::Relaxed);
    }

    /// Gives up a connection on which nothing came for too long.
    pub fn give_up_if_silent(&self, connection: &Connection) {
        if self.idle() >= SILENT {
            self.set_reason("the other side has gone silent");
            connection.close(Close::Done.code(), b"silent");
        }
    }

    /// How long nothing came.
    fn idle(&self) -> Duration {
        let last = Duration::from_millis(self.last_activity.load(Ordering::Relaxed));
        self.start.elapsed().saturating_sub(last)
    }

    /// Ends the connection, telling the sharer why, and the node.
    pub async fn close(&self, why: Close) {
        if let Some(connected) = self.connected.lock().await.take() {
            connected.connection.close(why.code(), why.reason());
        }
        self.node.close().await;
    }

    /// How often is looked whether a connection has gone silent.
    pub(super) const fn look_every() -> Duration {
        Duration::from_secs(5)
    }

    fn begin(&self, connection: &Connection) -> Connected {
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
        let reason = self
            .reason
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(patience) = self.patience {
            let left = patience.saturating_sub(self.idle());
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
        Failure::new(FailureKind::Unreachable, message).hint(
            "is `grove share` running there, and online? the same line goes on later; \
             --wait sets how long to try",
        )
    }

    fn set_reason(&self, reason: &str) {
        reason.clone_into(&mut self.reason.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
