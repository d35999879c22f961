//! A limit on bytes a second, shared by everything that moves content in one direction.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Hands out bytes at a steady rate. What is not used for a while is not saved up beyond a fifth of
/// a second's worth, so that a pause is not followed by a burst.
#[derive(Debug)]
pub struct RateLimit {
    bytes_per_second: f64,
    /// The moment at which everything handed out so far has been paid for.
    paid_until: Mutex<Instant>,
}

const BURST: Duration = Duration::from_millis(200);

impl RateLimit {
    /// Limits to `bytes_per_second`, at least 1.
    #[must_use]
    pub fn new(bytes_per_second: u64) -> Self {
        Self {
            bytes_per_second: bytes_per_second.max(1) as f64,
            paid_until: Mutex::new(Instant::now()),
        }
    }

    /// Waits until `bytes` more may move.
    pub async fn take(&self, bytes: usize) {
        tokio::time::sleep_until(self.book(bytes, Instant::now()).into()).await;
    }

    /// When `bytes` that are asked for at `now` may move.
    fn book(&self, bytes: usize, now: Instant) -> Instant {
        let cost = Duration::from_secs_f64(bytes as f64 / self.bytes_per_second);
        let mut paid_until = self
            .paid_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let earliest = now.checked_sub(BURST).unwrap_or(now);
        *paid_until = (*paid_until).max(earliest) + cost;
        *paid_until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_at_the_given_rate() {
        let limit = RateLimit::new(1_000_000);
        let start = Instant::now();
        let mut last = start;
        for _ in 0..100 {
            last = limit.book(50_000, start);
        }
        let seconds = (last - start).as_secs_f64();
        assert!(
            (4.7..=5.1).contains(&seconds),
            "5 MB at 1 MB/s take {seconds} s"
        );
    }

    #[test]
    fn a_pause_is_not_followed_by_a_burst() {
        let limit = RateLimit::new(1_000_000);
        let start = Instant::now();
        limit.book(1, start);
        let later = start + Duration::from_mins(1);
        let end = limit.book(1_000_000, later);
        assert!(end - later >= Duration::from_millis(750));
    }
}
