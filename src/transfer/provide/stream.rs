//! Answering one request.
//!
//! Content is read and proven in batches on threads that may block, and written to the network by
//! the async side, the next batch being made while one is written. A batch starts small and grows as
//! long as the peer takes what it gets, so that a peer that reads nothing holds little.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use iroh::endpoint::{RecvStream, SendStream};
use tokio::task::JoinHandle;

use super::{
    Shared,
    share::{Served, Share, Unservable},
};
use crate::transfer::{
    proof::EncodeError,
    wire::{MAX_REQUEST, Request, RequestError, Reset, Wanted},
};

/// How long a peer may take to send its request.
const REQUEST_WITHIN: Duration = Duration::from_secs(10);

/// How long a peer may take to accept [`SLICE`] bytes.
const SLICE_WITHIN: Duration = Duration::from_mins(1);

/// What is written at once: a slice over the slowest line we care for (a few kilobytes a second)
/// must fit into [`SLICE_WITHIN`].
const SLICE: usize = 64 * 1024;

const FIRST_BATCH: usize = 64 * 1024;

/// Most bytes that are read ahead of the network.
pub(super) const LARGEST_BATCH: usize = 1024 * 1024;

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

/// A request that was read and belongs to the share.
pub(super) struct Accepted {
    wanted: Wanted,
    first: u64,
}

impl Accepted {
    /// Whether it asks for content, rather than for the list of what there is.
    pub(super) fn asks_for_content(&self) -> bool {
        self.wanted.reaches(2u64.saturating_sub(self.first))
    }
}

/// Reads a request and checks it against the share.
pub(super) async fn read_request(
    shared: &Shared,
    recv: &mut RecvStream,
) -> Result<Accepted, Reset> {
    let bytes = tokio::time::timeout(REQUEST_WITHIN, recv.read_to_end(MAX_REQUEST)).await;
    let Ok(Ok(bytes)) = bytes else {
        return Err(Reset::Limit);
    };
    let request = Request::decode(&bytes).map_err(|error| match error {
        RequestError::Kind => Reset::NotShared,
        RequestError::TooManyRanges => Reset::Limit,
        RequestError::Malformed => Reset::Internal,
    })?;
    let (first, count) = shared.share.find(&request.hash).ok_or(Reset::NotShared)?;
    Ok(Accepted {
        wanted: request.into_wanted(count),
        first,
    })
}

/// Sends what was asked for; `sent` counts bytes of content as they are handed to the network.
pub(super) async fn answer(
    shared: &Shared,
    accepted: Accepted,
    send: &mut SendStream,
    sent: &AtomicU64,
) -> Answered {
    let mut batch_size = FIRST_BATCH;
    let producer = Producer {
        share: shared.share.clone(),
        wanted: accepted.wanted,
        first: accepted.first,
        current: None,
    };
    let mut making = Some(producer.start(batch_size));
    while let Some(batch) = making.take() {
        let Ok((producer, batch)) = batch.await else {
            return refuse(send, Reset::Internal);
        };
        batch_size = (batch_size * 4).min(LARGEST_BATCH);
        if batch.end.is_none() {
            making = Some(producer.start(batch_size));
        }
        if write(shared, send, batch.bytes).await.is_err() {
            return Answered::Broken;
        }
        sent.fetch_add(batch.content_bytes, Ordering::Relaxed);
        match batch.end {
            None => {}
            Some(End::Complete) => {
                return if send.finish().is_ok() {
                    Answered::Sent
                } else {
                    Answered::Broken
                };
            }
            Some(End::Refused(reset)) => return refuse(send, reset),
        }
    }
    Answered::Broken
}

/// Ends a stream with a code that says why.
pub(super) fn refuse(send: &mut SendStream, reset: Reset) -> Answered {
    let _ = send.reset(reset.code());
    Answered::Refused(reset)
}

async fn write(shared: &Shared, send: &mut SendStream, bytes: Vec<u8>) -> Result<(), ()> {
    let mut bytes = Bytes::from(bytes);
    while !bytes.is_empty() {
        let slice = bytes.split_to(SLICE.min(bytes.len()));
        if let Some(rate) = &shared.rate {
            rate.take(slice.len()).await;
        }
        match tokio::time::timeout(SLICE_WITHIN, send.write_chunk(slice)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return Err(()),
        }
    }
    Ok(())
}

/// Why a producer has nothing more.
#[derive(Debug, Clone, Copy)]
enum End {
    Complete,
    Refused(Reset),
}

struct Batch {
    bytes: Vec<u8>,
    content_bytes: u64,
    end: Option<End>,
}

/// Makes the answer to a request, batch by batch, without knowing the network.
struct Producer {
    share: Arc<Share>,
    wanted: Wanted,
    first: u64,
    current: Option<(u64, Served)>,
}

impl Producer {
    fn start(mut self, enough: usize) -> JoinHandle<(Self, Batch)> {
        tokio::task::spawn_blocking(move || {
            let batch = self.batch(enough);
            (self, batch)
        })
    }

    fn batch(&mut self, enough: usize) -> Batch {
        let mut batch = Batch {
            bytes: Vec::with_capacity(enough + 32 * 1024),
            content_bytes: 0,
            end: None,
        };
        while batch.bytes.len() < enough && batch.end.is_none() {
            batch.end = self.fill(&mut batch, enough).err();
        }
        batch
    }

    fn fill(&mut self, batch: &mut Batch, enough: usize) -> Result<(), End> {
        let (offset, encoder) = match &mut self.current {
            Some(current) => current,
            none => {
                let (offset, ranges) = self.wanted.next().ok_or(End::Complete)?;
                let offset = self.first + offset;
                let (size, encoder) = self.share.open(offset, &ranges).map_err(refused)?;
                batch.bytes.extend_from_slice(&size.to_le_bytes());
                none.insert((offset, encoder))
            }
        };
        let before = encoder.leaf_bytes();
        let result = encoder.fill(&mut batch.bytes, enough);
        if *offset >= 2 {
            batch.content_bytes += encoder.leaf_bytes() - before;
        }
        match result {
            Ok(true) => self.current = None,
            Ok(false) => {}
            Err(error) => {
                let file = offset.checked_sub(2).and_then(|n| u32::try_from(n).ok());
                let file = file.ok_or(End::Refused(Reset::Internal))?;
                return Err(match error {
                    EncodeError::Io(_) => refused(Unservable::Unreadable(file)),
                    // Only the stored hashes were damaged: the getter may ask again.
                    EncodeError::Changed if self.share.is_still_good(file) => {
                        End::Refused(Reset::Internal)
                    }
                    EncodeError::Changed => refused(Unservable::Changed(file)),
                });
            }
        }
        Ok(())
    }
}

fn refused(why: Unservable) -> End {
    End::Refused(match why {
        Unservable::Changed(file) => Reset::Changed(file),
        Unservable::Unreadable(file) => Reset::Unreadable(file),
    })
}
