//! Serving one peer.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use iroh::endpoint::{Connection, ConnectionError, RecvStream, SendStream};
use tokio::{sync::Semaphore, task::JoinSet};

use super::{
    Shared,
    door::Bucket,
    guest::{Guest, REQUESTS_AT_ONCE, STALLED},
    guests::NoPlace,
    pace::Pace,
    request,
    stream::{self, Answered},
    warnings::About,
};
use crate::{
    events::{Event, Phase, WarningKind},
    transfer::wire::{Close, Reset},
};

/// How often a peer's progress is told.
const TELL_EVERY: Duration = Duration::from_millis(200);

/// Addresses that a peer may have us contact on the way to a direct connection: as many as iroh offers
/// in sixteen rounds, of which it makes one in five seconds. Each gets a few small packets, whoever it
/// belongs to.
const REACH_OUTS: f64 = 512.0;
const REACH_OUTS_A_SECOND: f64 = 16.0;

/// Serves one connection until it ends.
pub(super) async fn serve(connection: &Connection, shared: &Arc<Shared>) {
    let peer = connection.remote_id();
    let guest = Arc::new(Guest::new(peer, &shared.memory));
    let admitted = shared.guests.admit(&peer);
    let place = admitted.and_then(|()| shared.peers.enter(connection, &guest, &shared.limits));
    let _place = match place {
        Ok(place) => place,
        Err(why) => {
            tracing::trace!(peer = %peer.fmt_short(), ?why, "turned away");
            connection.close(why.code(), why.reason());
            let about = About::TurnedAway(peer);
            shared.warnings.warn(about, WarningKind::Refused, || {
                format!("{} was turned away", peer.fmt_short())
            });
            return;
        }
    };
    let reason = requests(connection, shared, &guest).await;
    tell_end(connection, shared, &guest, &reason).await;
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
    let mut pace = Pace::new(guest.began);
    let mut reach_outs = Bucket::new(REACH_OUTS_A_SECOND, REACH_OUTS, guest.began);
    let (mut told, mut packets) = (0, 0);
    let closed = connection.closed();
    tokio::pin!(closed);
    loop {
        let next = async {
            let slot = slots.clone().acquire_owned().await;
            (slot, connection.accept_bi().await)
        };
        tokio::select! {
            // Also when all slots are taken and no stream is accepted.
            reason = &mut closed => {
                // What is under way cannot be delivered any more, and must not wait for its turn.
                streams.shutdown().await;
                return reason;
            }
            (slot, Ok((send, recv))) = next => {
                let request = answer(shared.clone(), guest.clone(), connection.clone(), send, recv);
                let refused_for = shared.limits.refused_for;
                streams.spawn(async move {
                    if request.await == Request::Refused {
                        tokio::time::sleep(refused_for).await;
                    }
                    drop(slot);
                });
            }
            Some(ended) = streams.join_next(), if !streams.is_empty() => {
                if let Err(error) = ended && error.is_panic() {
                    tracing::error!("answering a request failed");
                }
            }
            _ = tick.tick() => {
                let stats = connection.stats();
                if stats.udp_rx.datagrams != packets {
                    packets = stats.udp_rx.datagrams;
                    guest.hear();
                }
                pace.note(stats.udp_tx.bytes, Instant::now());
                guest.lately.store(pace.lately(), Ordering::Relaxed);
                guest.allowance.earn(pace.lately());
                let sent = guest.sent.load(Ordering::Relaxed);
                if sent != told {
                    told = sent;
                    tell_progress(shared, guest, sent);
                }
                let asks_too_often = !reach_outs.spend(stats.frame_rx.reach_out, Instant::now());
                if let Some((why, told)) = guest.is_a_burden(shared, asks_too_often) {
                    guest.close(connection, why, told);
                }
            }
        }
    }
}

/// How a request ended, as far as the next one is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Request {
    Answered,
    /// It made no sense, or not here.
    Refused,
}

async fn answer(
    shared: Arc<Shared>,
    guest: Arc<Guest>,
    connection: Connection,
    mut send: SendStream,
    mut recv: RecvStream,
) -> Request {
    let began = Instant::now();
    let request = match request::read(&shared, &guest, &mut recv).await {
        Ok(request) => request,
        Err(reset) => {
            let _ = recv.stop(reset.code());
            stream::refuse(&mut send, reset);
            guest.warn(&shared, reset);
            let within = shared.limits.request_within;
            if began.elapsed() >= within && guest.idle() >= within {
                // It kept us waiting for a request all the time, and did nothing else meanwhile.
                guest.close(&connection, Close::Busy, "its request never came");
            }
            return Request::Refused;
        }
    };
    guest.touch();
    guest.tell(&shared, &connection);
    let admitted = if request.asks_for_content() {
        guest.asked_for_content.store(true, Ordering::Relaxed);
        shared.guests.begin(&guest.peer).await
    } else {
        shared.guests.is_open().map_err(NoPlace::Refused)
    };
    if let Err(why) = admitted {
        let (why, told) = match why {
            NoPlace::Refused(Close::Expired) => (Close::Expired, "the share's time is over"),
            NoPlace::Refused(why) => (why, "others have it already"),
            NoPlace::NotRecorded(error) => {
                shared.cannot_record(&error);
                (Close::Busy, "its place could not be written down")
            }
        };
        guest.close(&connection, why, told);
        return Request::Answered;
    }
    guest.unanswered.fetch_add(1, Ordering::Relaxed);
    guest.unacknowledged.fetch_add(1, Ordering::Relaxed);
    let answered = stream::answer(&shared, &guest, request, &mut send).await;
    if answered != Answered::Broken {
        guest.unanswered.fetch_sub(1, Ordering::Relaxed);
    }
    match answered {
        // Trouble of ours, and for a moment only: the peer asks again.
        Answered::Refused(Reset::Internal) => {}
        Answered::Refused(reset) => guest.warn(&shared, reset),
        // Waiting for the peer's acknowledgement keeps the stream from being taken down with the
        // last bytes under way.
        Answered::Sent => {
            let stopped = tokio::time::timeout(shared.limits.stalled, send.stopped()).await;
            if matches!(stopped, Ok(Ok(None))) {
                guest.unacknowledged.fetch_sub(1, Ordering::Relaxed);
            }
        }
        Answered::Broken => {
            let _ = send.reset(Reset::Limit.code());
            if guest.idle() >= shared.limits.stalled {
                guest.close(&connection, Close::Busy, STALLED);
            }
        }
    }
    guest.touch();
    Request::Answered
}

fn tell_progress(shared: &Shared, guest: &Guest, bytes: u64) {
    if !guest.is_told() {
        return;
    }
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

async fn tell_end(
    connection: &Connection,
    shared: &Shared,
    guest: &Guest,
    reason: &ConnectionError,
) {
    let peer = guest.peer;
    if guest.asked_for_content.load(Ordering::Relaxed) {
        let bytes = guest.sent.load(Ordering::Relaxed);
        let close = match reason {
            ConnectionError::ApplicationClosed(close) => Close::from_code(close.error_code),
            _ => None,
        };
        let in_all = shared.guests.sent(&peer, bytes);
        // Not every tool says that it has everything, and not every one gets to say it. It is
        // believed when it was sent everything, if need be over several connections, and when this
        // one left nothing open.
        let has_all = in_all >= shared.share.total_bytes()
            && match close {
                // The last acknowledgement may come together with the end.
                Some(Close::Done) => guest.unanswered.load(Ordering::Relaxed) == 0,
                Some(Close::Interrupted | Close::Protocol) => false,
                _ => guest.unacknowledged.load(Ordering::Relaxed) == 0,
            };
        if close == Some(Close::Complete) || has_all {
            // However many there are: this is what the share is for.
            guest.tell_for_sure(shared, connection);
            let seconds = guest.began.elapsed().as_secs_f64();
            shared.events.emit(Event::TransferFinished {
                peer,
                bytes,
                seconds,
            });
            if let Err(error) = shared.guests.complete(&peer).await {
                shared.cannot_record(&error);
            }
        } else if guest.is_told() {
            let reason = match (close, reason) {
                (Some(Close::Interrupted), _) => "stopped by the other side",
                (_, ConnectionError::ApplicationClosed(_)) => "closed by the other side",
                (_, ConnectionError::TimedOut) => "the connection was lost",
                (_, ConnectionError::LocallyClosed) => {
                    guest.closed.get().copied().unwrap_or("the share ended")
                }
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
    let told = guest.told().take();
    if told.is_some() {
        drop(told);
        shared.events.emit(Event::PeerGone { peer });
    }
}
