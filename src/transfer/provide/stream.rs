//! Answering one request.
//!
//! Content is read and proven in batches on threads that may block, and written to the network by
//! the async side, the next batch being made while one is written. A batch takes room
//! ([`super::memory`]) before it is made, and takes its turn among all requests, so that nobody who
//! asks much, or reads nothing, keeps others from being answered. Batches grow as long as there is
//! room.

use std::sync::{Arc, atomic::Ordering};

use bao_tree::ChunkRanges;
use bytes::Bytes;
use iroh::endpoint::SendStream;

use super::{
    Shared,
    check::Verdict,
    guest::Guest,
    memory::Room,
    request::Accepted,
    share::{Opened, Served, Share, Unservable},
};
use crate::transfer::{
    proof::EncodeError,
    wire::{Reset, Wanted},
};

/// What is written at once.
const SLICE: usize = 32 * 1024;

const FIRST_BATCH: usize = 128 * 1024;

/// Most bytes that are read ahead of the network.
const LARGEST_BATCH: usize = 1024 * 1024;

/// A batch also ends after so many bytes were read for it beside those that it holds, so that others
/// have their turn.
const LARGEST_WORK: u64 = 8 * 1024 * 1024;

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answered {
    /// Everything asked for was sent.
    Sent,
    /// The stream was reset, for this reason.
    Refused(Reset),
    /// The peer stopped listening, or took too long.
    Broken,
}

/// Sends what was asked for.
pub(super) async fn answer(
    shared: &Shared,
    guest: &Guest,
    accepted: Accepted,
    send: &mut SendStream,
) -> Answered {
    let Accepted {
        wanted,
        first,
        room: _room,
    } = accepted;
    let mut producer = Some(Producer {
        share: shared.share.clone(),
        wanted,
        first,
        pending: None,
        current: None,
    });
    let mut size = FIRST_BATCH;
    let mut ahead = None;
    loop {
        // The producer is either here or at work on the batch ahead.
        let made = match (ahead.take(), producer.take()) {
            (Some(made), _) => made,
            (None, Some(producer)) => {
                let room = guest.waiting(guest.allowance.take(size)).await;
                producer.make(shared, guest, room).await
            }
            (None, None) => Err(Reset::Internal),
        };
        let (next, batch) = match made {
            Ok(made) => made,
            Err(reset) => return refuse(send, reset),
        };
        size = (size * 4).min(LARGEST_BATCH);
        let room = match batch.end {
            None => guest.allowance.try_take(size),
            Some(_) => None,
        };
        let written = write(shared, guest, send, batch.bytes);
        let written = if let Some(room) = room {
            let (written, made) = tokio::join!(written, next.make(shared, guest, room));
            ahead = Some(made);
            written
        } else {
            producer = Some(next);
            written.await
        };
        if written.is_err() {
            return Answered::Broken;
        }
        guest.sent.fetch_add(batch.content_bytes, Ordering::Relaxed);
        match batch.end {
            None => {}
            Some(End::Complete) if send.finish().is_ok() => return Answered::Sent,
            Some(End::Complete) => return Answered::Broken,
            Some(End::Refused(reset)) => return refuse(send, reset),
            Some(End::NoOutboard(file)) => match shared.share.restore_outboard(file).await {
                Verdict::Good => {}
                Verdict::Changed => return refuse(send, Reset::Changed(file)),
                Verdict::Later => return refuse(send, Reset::Internal),
            },
            Some(End::Mismatch { file, checks }) => {
                return match shared.share.look_again(file, checks).await {
                    // Only the stored hashes were damaged, or it changed and changed back: the
                    // getter may ask again.
                    Verdict::Good | Verdict::Later => refuse(send, Reset::Internal),
                    Verdict::Changed => refuse(send, Reset::Changed(file)),
                };
            }
        }
    }
}

/// Ends a stream with a code that says why.
pub(super) fn refuse(send: &mut SendStream, reset: Reset) -> Answered {
    let _ = send.reset(reset.code());
    Answered::Refused(reset)
}

async fn write(
    shared: &Shared,
    guest: &Guest,
    send: &mut SendStream,
    mut bytes: Bytes,
) -> Result<(), ()> {
    while !bytes.is_empty() {
        let slice = bytes.split_to(SLICE.min(bytes.len()));
        if let Some(rate) = &shared.rate {
            rate.take(slice.len()).await;
        }
        guest
            .writing(send.write_chunk(slice), &shared.limits)
            .await?;
    }
    Ok(())
}

/// Why a batch is the last, at least for now.
#[derive(Debug, Clone, Copy)]
enum End {
    Complete,
    Refused(Reset),
    /// The outboard of this file has to be made again first.
    NoOutboard(u32),
    /// This file did not match, having passed so many checks.
    Mismatch {
        file: u32,
        checks: u32,
    },
}

struct Batch {
    bytes: Bytes,
    content_bytes: u64,
    end: Option<End>,
}

/// A batch that is being made.
struct Making {
    bytes: Vec<u8>,
    content_bytes: u64,
    /// Bytes that were read beside those that are sent.
    work: u64,
    goal: usize,
    full: bool,
}

/// Makes the answer to a request, batch by batch, without knowing the network.
struct Producer {
    share: Arc<Share>,
    wanted: Wanted,
    first: u64,
    /// What comes next and could not be opened yet.
    pending: Option<(u64, Arc<ChunkRanges>)>,
    current: Option<Current>,
}

/// The blob that is being sent.
struct Current {
    offset: u64,
    encoder: Served,
    /// See [`super::check::Checks::good_checks`].
    checks: u32,
}

impl Producer {
    /// Makes the next batch when it is its turn.
    async fn make(
        mut self,
        shared: &Shared,
        guest: &Guest,
        room: Room,
    ) -> Result<(Self, Batch), Reset> {
        // A peer's requests take turns first, so that it waits with few of them among all others.
        let own = guest.making.clone().acquire_owned().await;
        let turn = shared.making.clone().acquire_owned().await;
        let made = tokio::task::spawn_blocking(move || {
            let _turns = (own, turn);
            let batch = self.batch(room);
            (self, batch)
        });
        made.await.map_err(|_| Reset::Internal)
    }

    fn batch(&mut self, room: Room) -> Batch {
        let mut batch = Making {
            bytes: Vec::with_capacity(room.capacity()),
            content_bytes: 0,
            work: 0,
            goal: room.goal(),
            full: false,
        };
        let mut end = None;
        while batch.bytes.len() < batch.goal
            && batch.work < LARGEST_WORK
            && !batch.full
            && end.is_none()
        {
            end = self.fill(&mut batch).err();
        }
        if let Some(current) = &mut self.current {
            current.encoder.content_mut().park();
        }
        Batch {
            content_bytes: batch.content_bytes,
            bytes: room.hold(batch.bytes),
            end,
        }
    }

    fn fill(&mut self, batch: &mut Making) -> Result<(), End> {
        let current = match &mut self.current {
            Some(current) => current,
            none => {
                let next = self.pending.take().or_else(|| self.wanted.next());
                let (offset, ranges) = next.ok_or(End::Complete)?;
                let at = self.first + offset;
                let checks = file_of(at).map_or(0, |file| self.share.checks.good_checks(file));
                let left = batch.goal - batch.bytes.len();
                match self.share.open(at, &ranges, left, batch.goal) {
                    Ok(Opened::Blob(size, encoder, work)) => {
                        batch.work += work;
                        batch.bytes.extend_from_slice(&size.to_le_bytes());
                        none.insert(Current {
                            offset: at,
                            encoder,
                            checks,
                        })
                    }
                    Ok(Opened::NextBatch) => {
                        self.pending = Some((offset, ranges));
                        batch.full = true;
                        return Ok(());
                    }
                    Err(why) => {
                        self.pending = Some((offset, ranges));
                        return Err(refused(why));
                    }
                }
            }
        };
        let before = current.encoder.leaf_bytes();
        let result = current.encoder.fill(&mut batch.bytes, batch.goal);
        let file = file_of(current.offset);
        if file.is_some() {
            batch.content_bytes += current.encoder.leaf_bytes() - before;
        }
        match (result, file) {
            (Ok(true), _) => self.current = None,
            (Ok(false), _) => {}
            (Err(_), None) => return Err(End::Refused(Reset::Internal)),
            (Err(EncodeError::Changed), Some(file)) => {
                let checks = current.checks;
                return Err(End::Mismatch { file, checks });
            }
            (Err(EncodeError::Io(error)), Some(file)) => {
                let why = current.encoder.content_mut().failure();
                let why = why.unwrap_or_else(|| super::share::unreadable(file, &error));
                if let Unservable::Changed(file) = why {
                    self.share.checks.note_changed(file);
                }
                return Err(match why {
                    // What was begun cannot be taken up again within this answer.
                    Unservable::NoOutboard(_) => End::Refused(Reset::Internal),
                    why => refused(why),
                });
            }
        }
        Ok(())
    }
}

/// The number of the file at `offset` of a share.
fn file_of(offset: u64) -> Option<u32> {
    offset.checked_sub(2).and_then(|n| u32::try_from(n).ok())
}

fn refused(why: Unservable) -> End {
    match why {
        Unservable::Changed(file) => End::Refused(Reset::Changed(file)),
        Unservable::Unreadable(file) => End::Refused(Reset::Unreadable(file)),
        Unservable::NoOutboard(file) => End::NoOutboard(file),
        Unservable::Later => End::Refused(Reset::Internal),
    }
}
