//! What the link does to packets on their way: when each comes out at the other end, if at all.

use std::time::{Duration, Instant};

/// A kind of link, the same in both directions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// Bits a second; `None` for as many as the machine carries.
    pub(crate) rate: Option<u64>,
    /// From one end to the other: half of a round trip.
    pub(crate) delay: Duration,
    /// The part of the packets that is lost at random, from 0 to 1.
    pub(crate) loss: f64,
}

impl Shape {
    /// A link that does nothing to what it carries.
    pub(crate) const OPEN: Self = Self {
        rate: None,
        delay: Duration::ZERO,
        loss: 0.0,
    };

    /// How much time's worth of packets waits for its turn before more are dropped: a little above one
    /// bandwidth-delay product on the long link, as routers are set up.
    const QUEUE: Duration = Duration::from_millis(100);
}

/// One direction of a link, as a clock: it knows until when it is busy.
pub(crate) struct Way {
    shape: Shape,
    /// When the last packet that was let in has been sent in full.
    free_at: Instant,
    random: Random,
}

impl Way {
    /// The losses follow from the seed.
    pub(crate) fn new(shape: Shape, seed: u64) -> Self {
        Self {
            shape,
            free_at: Instant::now(),
            random: Random(seed),
        }
    }

    /// Lets in a packet of so many bytes: when it is due at the other end, or `None` if it is lost.
    pub(crate) fn admit(&mut self, bytes: usize, now: Instant) -> Option<Instant> {
        if self.shape.loss > 0.0 && self.random.next() < self.shape.loss {
            return None;
        }
        let Some(rate) = self.shape.rate else {
            return Some(now + self.shape.delay);
        };
        let begins = self.free_at.max(now);
        if begins - now > Shape::QUEUE {
            return None;
        }
        self.free_at = begins + Duration::from_nanos(bytes as u64 * 8 * 1_000_000_000 / rate);
        Some(self.free_at + self.shape.delay)
    }
}

/// Numbers at random, the same for the same seed: splitmix64.
struct Random(u64);

impl Random {
    /// From 0 to just below 1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        (mixed >> 11) as f64 / (1u64 << 53) as f64
    }
}
