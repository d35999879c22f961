//! Memory for content that is under way.
//!
//! Content is held from the moment it is read until the peer's computer has acknowledged it, and a
//! peer decides how long that takes. So every batch of content takes room from a budget, and gives
//! it back when the last byte of it is no longer needed: the room travels with the bytes.
//!
//! Each connection has a little room of its own, enough for all of its requests to go on slowly. What
//! others hold cannot take that away. Beyond it there is room that all share, which a fast receiver on
//! a long line needs. It is earned by taking content, so that those who ask and take nothing do not
//! hold it. While more than half of it is left, everybody has some to begin with: otherwise a long line
//! would wait for its room longer than for anything else.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::transfer::proof::GROUP;

/// Room is handed out in pieces of so many bytes.
const UNIT: usize = 32 * 1024;

#[expect(clippy::cast_possible_truncation, reason = "a chunk group is 16 KiB")]
/// What a batch may overshoot its goal by: one chunk group, one pair of hashes, one size.
const OVERSHOOT: usize = GROUP as usize + 64 + 8;

/// The room of one connection's own: a unit for each request that is worked on.
pub(super) const OWN_UNITS: usize = super::guest::REQUESTS_AT_ONCE;

/// Most of the shared room that one connection may hold: what the transport keeps for it
/// (`node::transport`) and as much again for what is being made.
const MOST_UNITS: usize = 16 * 1024 * 1024 / UNIT;

/// What a connection may hold of the shared room before it earned any, while there is plenty: a tenth
/// of a second at 330 Mbit/s.
const TO_BEGIN_WITH: usize = 4 * 1024 * 1024 / UNIT;

/// The room of a provider.
pub(super) struct Memory {
    shared: Arc<Semaphore>,
    units: usize,
}

impl Memory {
    /// So many `bytes` that all connections share.
    pub(super) fn new(bytes: usize) -> Self {
        let units = bytes / UNIT;
        Self {
            shared: Arc::new(Semaphore::new(units)),
            units,
        }
    }

    /// The room of a new connection.
    pub(super) fn allowance(&self) -> Allowance {
        Allowance {
            own: Arc::new(Semaphore::new(OWN_UNITS)),
            most: Arc::new(Semaphore::new(MOST_UNITS)),
            shared: self.shared.clone(),
            half: self.half(),
            earned: AtomicUsize::new(0),
        }
    }

    /// Whether less than half of the shared room is left.
    pub(super) fn is_short(&self) -> bool {
        self.shared.available_permits() < self.half()
    }

    fn half(&self) -> usize {
        self.units / 2
    }
}

/// What one connection may hold.
pub(super) struct Allowance {
    own: Arc<Semaphore>,
    most: Arc<Semaphore>,
    shared: Arc<Semaphore>,
    /// While so many units of it are left, nobody has to earn the first of them.
    half: usize,
    /// Units of the shared room that it may hold at the moment.
    earned: AtomicUsize,
}

impl Allowance {
    /// Room for `bytes`, or for less when there is little; waits until there is any. Whoever waits
    /// here must hold no room that was not handed to the network yet: that could wait for ever.
    pub(super) async fn take(&self, bytes: usize) -> Room {
        if let Some(room) = self.try_take(bytes) {
            return room;
        }
        let own = self.own.clone().acquire_owned();
        // The semaphore is never closed.
        let permit = own.await.ok();
        Room::of(1, permit.into_iter().collect())
    }

    /// Notes that it took so many bytes within some seconds: half of that is more than what can be
    /// under way at such a speed, on any line.
    pub(super) fn earn(&self, lately: u64) {
        let lately = usize::try_from(lately).unwrap_or(usize::MAX);
        self.earned.store(lately / 2 / UNIT, Ordering::Relaxed);
    }

    /// Whether this one holds any of the shared room.
    pub(super) fn holds_shared(&self) -> bool {
        self.shared_units() > 0
    }

    fn shared_units(&self) -> usize {
        MOST_UNITS - self.most.available_permits()
    }

    /// Room for `bytes`, or for less; `None` when there is none at the moment.
    pub(super) fn try_take(&self, bytes: usize) -> Option<Room> {
        let wanted = bytes.div_ceil(UNIT).max(1);
        let mut may_hold = self.earned.load(Ordering::Relaxed);
        if self.shared.available_permits() >= self.half {
            may_hold = may_hold.max(TO_BEGIN_WITH);
        }
        let mut units = wanted.min(may_hold.saturating_sub(self.shared_units()));
        while units > 0 {
            let permits = u32::try_from(units).unwrap_or(u32::MAX);
            let most = self.most.clone().try_acquire_many_owned(permits);
            let shared = self.shared.clone().try_acquire_many_owned(permits);
            if let (Ok(most), Ok(shared)) = (most, shared) {
                return Some(Room::of(units, vec![most, shared]));
            }
            units /= 2;
        }
        // Some is left for the other requests.
        let units = wanted.min(self.own.available_permits() / 4).max(1);
        let permits = u32::try_from(units).unwrap_or(u32::MAX);
        let own = self.own.clone().try_acquire_many_owned(permits).ok()?;
        Some(Room::of(units, vec![own]))
    }
}

/// Room for a batch.
pub(super) struct Room {
    units: usize,
    permits: Vec<OwnedSemaphorePermit>,
}

impl Room {
    fn of(units: usize, permits: Vec<OwnedSemaphorePermit>) -> Self {
        Self { units, permits }
    }

    /// Bytes that fit.
    pub(super) fn capacity(&self) -> usize {
        self.units * UNIT
    }

    /// The length at which a batch must stop to grow so that it fits for sure.
    pub(super) fn goal(&self) -> usize {
        self.capacity() - OVERSHOOT
    }

    /// Puts a batch there; what it does not need is free again.
    pub(super) fn hold(mut self, mut bytes: Vec<u8>) -> Bytes {
        let needed = bytes.len().div_ceil(UNIT).max(1);
        if needed < self.units {
            bytes.shrink_to_fit();
            for permit in &mut self.permits {
                drop(permit.split(self.units - needed));
            }
            self.units = needed;
        }
        Bytes::from_owner(Held { bytes, _room: self })
    }
}

/// A batch and the room it takes.
struct Held {
    bytes: Vec<u8>,
    _room: Room,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARED_UNITS: usize = 1024;

    fn memory() -> Memory {
        Memory::new(SHARED_UNITS * UNIT)
    }

    /// All the shared room, taken by as many connections as it needs.
    fn exhaust(memory: &Memory) -> Vec<Room> {
        let mut held = Vec::new();
        while memory.shared.available_permits() > 0 {
            let greedy = memory.allowance();
            greedy.earn(u64::MAX);
            for _ in 0..MOST_UNITS {
                held.extend(greedy.try_take(UNIT));
            }
        }
        held
    }

    #[test]
    fn a_connection_has_room_whatever_others_hold() {
        let memory = memory();
        let _held = exhaust(&memory);
        assert!(memory.is_short());
        let honest = memory.allowance();
        let rooms: Vec<_> = (0..OWN_UNITS)
            .map_while(|_| honest.try_take(1024 * 1024))
            .collect();
        let units: usize = rooms.iter().map(|room| room.units).sum();
        assert_eq!(units, OWN_UNITS);
        assert!(rooms.len() > 8, "for several requests");
        assert!(honest.try_take(1).is_none(), "and no more than that");
    }

    #[test]
    fn one_connection_cannot_take_everything() {
        let memory = memory();
        let greedy = memory.allowance();
        greedy.earn(u64::MAX);
        let held: Vec<_> = std::iter::from_fn(|| greedy.try_take(1024 * 1024)).collect();
        let bytes: usize = held.iter().map(Room::capacity).sum();
        assert_eq!(bytes, (MOST_UNITS + OWN_UNITS) * UNIT);
        assert!(!memory.is_short());
    }

    #[test]
    fn shared_room_is_earned() {
        let memory = memory();
        let allowance = memory.allowance();
        let taken = || -> usize {
            let held: Vec<_> = std::iter::from_fn(|| allowance.try_take(1024 * 1024)).collect();
            held.iter().map(Room::capacity).sum()
        };
        let at_first = (OWN_UNITS + TO_BEGIN_WITH) * UNIT;
        assert_eq!(taken(), at_first, "nothing was taken yet");
        allowance.earn(16 * 1024 * 1024);
        assert_eq!(taken(), OWN_UNITS * UNIT + 8 * 1024 * 1024);
        allowance.earn(0);
        assert_eq!(taken(), at_first, "nothing was taken lately");
    }

    #[test]
    fn those_who_take_nothing_leave_half_of_it() {
        let memory = memory();
        let idle: Vec<_> = (0..64).map(|_| memory.allowance()).collect();
        let all = |allowance: &Allowance| -> Vec<Room> {
            std::iter::from_fn(|| allowance.try_take(1024 * 1024)).collect()
        };
        let _held: Vec<_> = idle.iter().flat_map(&all).collect();
        let one_batch = 1024 * 1024 / UNIT;
        assert!(memory.shared.available_permits() >= SHARED_UNITS / 2 - one_batch);
        let late = memory.allowance();
        let _few = all(&late);
        assert_eq!(late.shared_units(), 0, "not earned yet");
        late.earn(8 * 1024 * 1024);
        let _more = all(&late);
        assert_eq!(late.shared_units() * UNIT, 4 * 1024 * 1024);
    }

    #[test]
    fn room_is_free_again_with_the_last_slice() {
        let memory = memory();
        let allowance = memory.allowance();
        allowance.earn(u64::MAX);
        let room = allowance.take(1024 * 1024);
        let room = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(room);
        let mut bytes = room.hold(vec![7; 40 * 1024]);
        assert_eq!(
            memory.shared.available_permits(),
            SHARED_UNITS - 2,
            "shrunk"
        );
        let slice = bytes.split_to(10);
        drop(bytes);
        assert_eq!(memory.shared.available_permits(), SHARED_UNITS - 2);
        drop(slice);
        assert_eq!(memory.shared.available_permits(), SHARED_UNITS);
    }
}
