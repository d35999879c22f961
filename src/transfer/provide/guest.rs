//! What is known about a connection while it is served, and when it has to end.

use std::{
    future::Future,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use iroh::endpoint::Connection;
use tokio::sync::Semaphore;

use super::{
    Limits, Shared,
    memory::{Allowance, Memory},
    warnings::About,
};
use crate::{
    content::PeerId,
    events::{Event, Path, WarningKind},
    node::{PathWatch, current_path},
    transfer::wire::{Close, Reset},
};

/// Requests of one peer that are worked on at once. A getter of ours uses fewer.
pub(super) const REQUESTS_AT_ONCE: usize = 32;

/// Batches of one peer that are made, or wait for their turn, at once.
const MAKING: usize = 2;

/// Memory that the requests of one peer may take while they are answered. One of ours takes at most
/// 32 KiB.
const REQUESTS_KIB: usize = 512;

/// What the sharer is told about a peer that took nothing for as long as it may.
pub(super) const STALLED: &str = "nothing was taken for too long";

/// A connection that is being served.
pub(super) struct Guest {
    pub(super) peer: PeerId,
    /// Bytes of content handed to the network.
    pub(super) sent: AtomicU64,
    /// What it may hold.
    pub(super) allowance: Allowance,
    /// Turns to make a batch.
    pub(super) making: Arc<Semaphore>,
    /// Memory for requests.
    pub(super) requests_kib: Arc<Semaphore>,
    /// The turn of a large request.
    pub(super) large_request: Arc<Semaphore>,
    pub(super) asked_for_content: AtomicBool,
    /// Requests that were not answered to the end.
    pub(super) unanswered: AtomicUsize,
    /// Answers that were not acknowledged to the end.
    pub(super) unacknowledged: AtomicUsize,
    pub(super) began: Instant,
    /// Milliseconds after `began` at which content or a request for it last moved.
    moved: AtomicU64,
    /// Milliseconds after `began` at which a packet last came, as far as it was looked at.
    heard: AtomicU64,
    /// Writes that wait for the peer.
    waiting: AtomicUsize,
    /// See [`Pace::lately`].
    pub(super) lately: AtomicU64,
    /// What is told about its paths, once it was told that it is there.
    told: Mutex<Option<PathWatch>>,
    /// Why we closed it.
    pub(super) closed: OnceLock<&'static str>,
}

impl Guest {
    pub(super) fn new(peer: PeerId, memory: &Memory) -> Self {
        Self {
            peer,
            sent: AtomicU64::new(0),
            allowance: memory.allowance(),
            making: Arc::new(Semaphore::new(MAKING)),
            requests_kib: Arc::new(Semaphore::new(REQUESTS_KIB)),
            large_request: Arc::new(Semaphore::new(1)),
            asked_for_content: AtomicBool::new(false),
            unanswered: AtomicUsize::new(0),
            unacknowledged: AtomicUsize::new(0),
            began: Instant::now(),
            moved: AtomicU64::new(0),
            heard: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            lately: AtomicU64::new(0),
            told: Mutex::default(),
            closed: OnceLock::new(),
        }
    }

    /// Closes the connection; `told` is what the sharer is told.
    pub(super) fn close(&self, connection: &Connection, why: Close, told: &'static str) {
        let _ = self.closed.set(told);
        connection.close(why.code(), why.reason());
    }

    /// How long it is connected.
    pub(super) fn age(&self) -> Duration {
        self.began.elapsed()
    }

    /// Bytes that it took lately.
    pub(super) fn lately(&self) -> u64 {
        self.lately.load(Ordering::Relaxed)
    }

    /// Whether the connection has to end: the code, and what the sharer is told.
    pub(super) fn is_a_burden(
        &self,
        shared: &Shared,
        asks_too_often: bool,
    ) -> Option<(Close, &'static str)> {
        let limits = &shared.limits;
        let waiting = self.waiting.load(Ordering::Relaxed) > 0;
        let had_time = self.age() > limits.stalled;
        if asks_too_often {
            Some((Close::Busy, "it had us contact too many addresses"))
        } else if !waiting && self.idle() > limits.idle {
            Some((Close::Done, "nothing was asked for 2 minutes"))
        } else if waiting && self.idle() > limits.stalled {
            Some((Close::Busy, STALLED))
        } else if waiting
            && had_time
            && self.lately() < limits.enough_when_short
            && self.allowance.holds_shared()
            && shared.memory.is_short()
        {
            Some((Close::Busy, "it took too little, and others wait"))
        } else {
            None
        }
    }

    /// Tells the sharer that this peer is there, which is worth a line once it asks for something
    /// that is shared, and as long as there are not too many.
    pub(super) fn tell(&self, shared: &Shared, connection: &Connection) {
        if !self.is_told() && shared.warnings.may_tell_of_a_peer() {
            self.tell_for_sure(shared, connection);
        }
    }

    pub(super) fn tell_for_sure(&self, shared: &Shared, connection: &Connection) {
        let mut told = self.told();
        if told.is_some() {
            return;
        }
        let peer = self.peer;
        let path = current_path(connection).unwrap_or(Path::Direct);
        shared.events.emit(Event::PeerConnected { peer, path });
        let events = shared.events.clone();
        *told = Some(PathWatch::start(connection, Some(path), move |path| {
            events.emit(Event::PathChanged { peer, path });
        }));
    }

    pub(super) fn is_told(&self) -> bool {
        self.told().is_some()
    }

    pub(super) fn told(&self) -> MutexGuard<'_, Option<PathWatch>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long nothing has moved on the connection.
    pub(super) fn idle(&self) -> Duration {
        let moved = Duration::from_millis(self.moved.load(Ordering::Relaxed));
        self.began.elapsed().saturating_sub(moved)
    }

    /// Waits for a write. It fails when nothing has moved on the whole connection for as long as the
    /// limit says: a slow receiver with many streams takes a little here and a little there, and for
    /// minutes nothing of one of them.
    pub(super) async fn writing<E>(
        &self,
        write: impl Future<Output = Result<(), E>>,
        limits: &Limits,
    ) -> Result<(), ()> {
        // Whoever waited for room or a turn starts with a full deadline.
        self.touch();
        let _waiting = Waiting::new(&self.waiting);
        tokio::pin!(write);
        loop {
            let left = limits.stalled.saturating_sub(self.idle());
            if left.is_zero() {
                return Err(());
            }
            if let Ok(written) = tokio::time::timeout(left, &mut write).await {
                self.touch();
                return written.map_err(|_| ());
            }
        }
    }

    /// Waits for something that only the peer can bring about.
    pub(super) async fn waiting<T>(&self, until: impl Future<Output = T>) -> T {
        let _waiting = Waiting::new(&self.waiting);
        until.await
    }

    /// Notes that something moved.
    pub(super) fn touch(&self) {
        self.moved.store(self.now(), Ordering::Relaxed);
    }

    /// Notes that a packet came.
    pub(super) fn hear(&self) {
        self.heard.store(self.now(), Ordering::Relaxed);
    }

    /// How long not a single packet came.
    pub(super) fn silent(&self) -> Duration {
        let heard = Duration::from_millis(self.heard.load(Ordering::Relaxed));
        self.began.elapsed().saturating_sub(heard)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Tells the sharer about a refusal.
    pub(super) fn warn(&self, shared: &Shared, reset: Reset) {
        let path = |file| shared.share.path(file).map(ToString::to_string);
        let who = self.peer.fmt_short();
        match reset {
            Reset::Changed(file) => {
                shared
                    .warnings
                    .warn(About::File(file), WarningKind::Changed, || {
                        let path = path(file).unwrap_or_default();
                        format!("{path} changed after it was shared and is no longer sent")
                    });
            }
            Reset::Unreadable(file) => {
                shared
                    .warnings
                    .warn(About::File(file), WarningKind::Changed, || {
                        let path = path(file).unwrap_or_default();
                        format!("{path} can no longer be read")
                    });
            }
            Reset::NotShared => {
                let about = About::NotShared(self.peer);
                shared.warnings.warn(about, WarningKind::Refused, || {
                    format!("{who} asked for something that is not shared")
                });
            }
            Reset::Limit | Reset::Internal => {
                let about = About::Request(self.peer);
                shared.warnings.warn(about, WarningKind::Refused, || {
                    format!("a request of {who} was refused")
                });
            }
        }
    }
}

/// Counts a write that waits for the peer, also when it is given up half-way.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
