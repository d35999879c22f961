//! Serving one peer.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use iroh::endpoint::{Connection, ConnectionError, RecvStream, SendStream};
use tokio::{sync::Semaphore, task::JoinSet};

use super::{
    Shared,
    stream::{self, Answered},
};
use crate::{
    content::PeerId,
    events::{Event, Path, Phase, WarningKind},
    node::{PathWatch, current_path},
    transfer::wire::{Close, Reset},
};

/// Requests of one peer that are worked on at once. A getter of ours uses fewer.
const REQUESTS_AT_ONCE: usize = 32;

/// How often a peer's progress is told.
const TELL_EVERY: Duration = Duration::from_millis(200);

/// How long a peer may be connected without asking anything.
const IDLE: Duration = Duration::from_mins(2);

/// What is known about a peer that is being served.
struct Guest {
    peer: PeerId,
    /// Bytes of content handed to the network.
    sent: AtomicU64,
    asked_for_content: AtomicBool,
    warned: Mutex<HashSet<Refusal>>,
    last_request: Mutex<Instant>,
}

/// Files that a peer was refused, so that each is told once.
type Refusal = (u8, u32);

/// Serves one connection until it ends.
pub(super) async fn serve(connection: &Connection, shared: &Arc<Shared>) {
    let peer = connection.remote_id();
    if let Err(why) = shared.guests.admit(&peer) {
        tracing::debug!(peer = %peer.fmt_short(), ?why, "turned away");
        connection.close(why.code(), why.reason());
        let message = format!("{} was turned away", peer.fmt_short());
        shared.events.warn(WarningKind::Refused, message);
        return;
    }
    let first_path = current_path(connection);
    let path = first_path.unwrap_or(Path::Direct);
    shared.events.emit(Event::PeerConnected { peer, path });
    let _watch = PathWatch::start(connection, Some(path), {
        let events = shared.events.clone();
        move |path| events.emit(Event::PathChanged { peer, path })
    });
    let guest = Arc::new(Guest {
        peer,
        sent: AtomicU64::new(0),
        asked_for_content: AtomicBool::new(false),
        warned: Mutex::default(),
        last_request: Mutex::new(Instant::now()),
    });
    let began = Instant::now();
    let reason = requests(connection, shared, &guest).await;
    tell_end(shared, &guest, began, &reason);
}

/// Takes requests until the connection ends; says why it did.
async fn requests(
    connection: &Connection,
    shared: &Arc<Shared>,
    guest: &Arc<Guest>,
) -> ConnectionError {
    let slots = Arc::new(Semaphore::new(REQUESTS_AT_ONCE));
    let mut streams = JoinSet::new();
    let mut tick = tokio::time::interval(TELL_EVERY);
    let mut told = 0;
    loop {
        let next = async {
            let slot = slots.clone().acquire_owned().await;
            (slot, connection.accept_bi().await)
        };
        tokio::select! {
            (slot, stream) = next => match stream {
                Ok((send, recv)) => {
                    guest.touch();
                    let request = answer(shared.clone(), guest.clone(), connection.clone(), send, recv);
                    streams.spawn(async move {
                        request.await;
                        drop(slot);
                    });
                }
                Err(error) => {
                    // What is under way cannot be delivered any more.
                    streams.shutdown().await;
                    return error;
                }
            },
            Some(ended) = streams.join_next(), if !streams.is_empty() => {
                guest.touch();
                if let Err(error) = ended && error.is_panic() {
                    tracing::error!("answering a request failed");
                }
            }
            _ = tick.tick() => {
                let sent = guest.sent.load(Ordering::Relaxed);
                if sent != told {
                    told = sent;
                    tell_progress(shared, guest, sent);
                } else if streams.is_empty() && guest.idle() > IDLE {
                    connection.close(Close::Done.code(), b"idle");
                }
            }
        }
    }
}

async fn answer(
    shared: Arc<Shared>,
    guest: Arc<Guest>,
    connection: Connection,
    mut send: SendStream,
    mut recv: RecvStream,
) {
    let request = match stream::read_request(&shared, &mut recv).await {
        Ok(request) => request,
        Err(reset) => {
            stream::refuse(&mut send, reset);
            guest.warn(&shared, reset);
            return;
        }
    };
    if request.asks_for_content() {
        if let Err(why) = shared.guests.begin(&guest.peer) {
            connection.close(why.code(), why.reason());
            return;
        }
        guest.asked_for_content.store(true, Ordering::Relaxed);
    }
    let Ok(slot) = shared.requests.acquire().await else {
        return;
    };
    let answered = stream::answer(&shared, request, &mut send, &guest.sent).await;
    drop(slot);
    match answered {
        Answered::Refused(reset) => guest.warn(&shared, reset),
        // Waiting for the peer's acknowledgement keeps the stream from being taken down with the
        // last bytes under way.
        Answered::Sent => {
            let _ = tokio::time::timeout(Duration::from_mins(1), send.stopped()).await;
        }
        Answered::Broken => {
            let _ = send.reset(Reset::Limit.code());
        }
    }
}

fn tell_progress(shared: &Shared, guest: &Guest, bytes: u64) {
    shared.events.emit(Event::Progress {
        phase: Phase::Send,
        peer: Some(guest.peer),
        bytes,
        total: shared.share.total_bytes(),
        files: 0,
        files_total: 0,
        current: None,
    });
}

fn tell_end(shared: &Shared, guest: &Guest, began: Instant, reason: &ConnectionError) {
    let peer = guest.peer;
    let bytes = guest.sent.load(Ordering::Relaxed);
    let close = match reason {
        ConnectionError::ApplicationClosed(close) => Close::from_code(close.error_code),
        _ => None,
    };
    // Tools that do not say that they have everything are believed when they were sent everything.
    let complete = close == Some(Close::Complete)
        || (close == Some(Close::Done) && bytes >= shared.share.total_bytes());
    if guest.asked_for_content.load(Ordering::Relaxed) {
        if complete {
            let seconds = began.elapsed().as_secs_f64();
            shared.events.emit(Event::TransferFinished {
                peer,
                bytes,
                seconds,
            });
            shared.guests.complete(&peer);
        } else {
            let reason = match (close, reason) {
                (Some(Close::Interrupted), _) => "stopped by the other side",
                (_, ConnectionError::ApplicationClosed(_)) => "closed by the other side",
                (_, ConnectionError::TimedOut) => "the connection was lost",
                (_, ConnectionError::LocallyClosed) => "the share ended",
                _ => "the connection broke",
            };
            let reason = reason.to_owned();
            shared.events.emit(Event::TransferBroken {
                peer,
                bytes,
                reason,
            });
        }
    }
    shared.events.emit(Event::PeerGone { peer });
}

impl Guest {
    fn touch(&self) {
        *self
            .last_request
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn idle(&self) -> Duration {
        self.last_request
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .elapsed()
    }

    /// Tells the sharer about a refusal, once for each file and kind.
    fn warn(&self, shared: &Shared, reset: Reset) {
        let key = match reset {
            Reset::Changed(file) => (0, file),
            Reset::Unreadable(file) => (1, file),
            Reset::NotShared => (2, 0),
            Reset::Limit => (3, 0),
            Reset::Internal => (4, 0),
        };
        if !self
            .warned
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key)
        {
            return;
        }
        let path = |file| {
            shared
                .share
                .path(file)
                .map(ToString::to_string)
                .unwrap_or_default()
        };
        let who = self.peer.fmt_short();
        let (kind, message) = match reset {
            Reset::Changed(file) => (
                WarningKind::Changed,
                format!(
                    "{} changed after it was shared and is no longer sent",
                    path(file)
                ),
            ),
            Reset::Unreadable(file) => (
                WarningKind::Changed,
                format!("{} can no longer be read", path(file)),
            ),
            Reset::NotShared => (
                WarningKind::Refused,
                format!("{who} asked for something that is not shared"),
            ),
            Reset::Limit | Reset::Internal => (
                WarningKind::Refused,
                format!("a request of {who} was refused"),
            ),
        };
        shared.events.warn(kind, message);
    }
}
