//! Keeps callbacks rare.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

/// Shared between threads that all have something to report; lets one of them through every 50 ms.
#[derive(Debug)]
pub(super) struct Throttle {
    start: Instant,
    /// Milliseconds after `start`, when the next report is due.
    due: AtomicU64,
}

impl Throttle {
    const PAUSE_MS: u64 = 50;

    pub(super) fn new() -> Self {
        Self {
            start: Instant::now(),
            due: AtomicU64::new(0),
        }
    }

    /// Whether the caller should report now; then nobody else will for a while.
    pub(super) fn is_due(&self) -> bool {
        let now = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let due = self.due.load(Ordering::Relaxed);
        now >= due
            && self
                .due
                .compare_exchange(
                    due,
                    now + Self::PAUSE_MS,
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                )
                .is_ok()
    }
}
