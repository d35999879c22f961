//! Reading one request.

use iroh::endpoint::RecvStream;
use tokio::sync::OwnedSemaphorePermit;

use super::{Shared, guest::Guest};
use crate::transfer::wire::{MAX_REQUEST, Request, RequestError, Reset, Wanted};

/// Longer requests are large: few are read or answered at once. One of ours hardly ever is.
const SMALL: usize = 16 * 1024;

/// A request that takes less memory than this while it is answered is not counted.
const TINY: usize = 4 * 1024;

/// A request that was read and belongs to the share.
pub(super) struct Accepted {
    pub(super) wanted: Wanted,
    /// The offset of its first blob in the whole share.
    pub(super) first: u64,
    /// Held while it is answered.
    pub(super) room: Vec<OwnedSemaphorePermit>,
}

impl Accepted {
    /// Whether it asks for content, rather than for the list of what there is.
    pub(super) fn asks_for_content(&self) -> bool {
        self.wanted.reaches(2u64.saturating_sub(self.first))
    }
}

/// Reads a request and checks it against the share.
pub(super) async fn read(
    shared: &Shared,
    guest: &Guest,
    recv: &mut RecvStream,
) -> Result<Accepted, Reset> {
    let read = read_bytes(shared, guest, recv);
    let read = tokio::time::timeout(shared.limits.request_within, read).await;
    let (bytes, mut room) = read.map_err(|_| Reset::Limit)??;
    let request = Request::decode(&bytes).map_err(|error| match error {
        RequestError::Kind => Reset::NotShared,
        RequestError::TooManyRanges => Reset::Limit,
        RequestError::Malformed => Reset::Internal,
    })?;
    drop(bytes);
    let (first, count) = shared
        .share
        .find(&request.hash)
        .await
        .ok_or(Reset::NotShared)?;
    let wanted = request.into_wanted(count);
    if room.is_empty() && wanted.memory() > TINY {
        let kib = u32::try_from(wanted.memory() / 1024).unwrap_or(u32::MAX);
        let permit = guest.requests_kib.clone().acquire_many_owned(kib).await;
        room.extend(permit.ok());
    }
    Ok(Accepted {
        wanted,
        first,
        room,
    })
}

async fn read_bytes(
    shared: &Shared,
    guest: &Guest,
    recv: &mut RecvStream,
) -> Result<(Vec<u8>, Vec<OwnedSemaphorePermit>), Reset> {
    let mut bytes = Vec::new();
    let mut room = Vec::new();
    while let Some(chunk) = recv.read_chunk(SMALL).await.map_err(|_| Reset::Limit)? {
        if bytes.len() + chunk.len() > MAX_REQUEST {
            return Err(Reset::Limit);
        }
        if bytes.len() + chunk.len() > SMALL && room.is_empty() {
            // Its own turn first, so that a peer takes one of the few places at most.
            for turns in [&guest.large_request, &shared.large_requests] {
                room.extend(turns.clone().acquire_owned().await.ok());
            }
        }
        bytes.extend_from_slice(&chunk);
        if !Request::may_be(&bytes) {
            // Said at once: there may be a gigabyte behind it.
            return Err(Reset::NotShared);
        }
    }
    Ok((bytes, room))
}
