//! What the sharer is told about refusals.
//!
//! Peers decide how often something is refused, so nothing is told twice for the same file or peer
//! within a while, and no more than a few lines a second in all. What was swallowed is counted and
//! told with the next line.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::door::Bucket;
use crate::{
    content::PeerId,
    events::{Events, WarningKind},
};

/// Lines a second, and how many may come at once.
const LINES_A_SECOND: f64 = 2.0;
const BURST: f64 = 10.0;

/// Peers that are told of a second, and how many may come at once. Each is good for two lines.
const PEERS_A_SECOND: f64 = 2.0;
const PEERS: f64 = 64.0;

/// How long the same refusal of the same peer is not told again.
const QUIET: Duration = Duration::from_mins(10);

/// Refusals that are remembered.
const REMEMBERED: usize = 4096;

/// What a warning is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum About {
    /// The record of who has the share.
    Record,
    /// A file that is no longer sent.
    File(u32),
    /// A peer that may not have the share, or that asked too often.
    TurnedAway(PeerId),
    /// A peer that asked for something that is not shared.
    NotShared(PeerId),
    /// A peer that made a request which is too large or makes no sense.
    Request(PeerId),
}

/// Tells the sharer about refusals, sparingly.
pub(super) struct Warnings {
    events: Events,
    state: Mutex<State>,
    peers: Mutex<Bucket>,
}

struct State {
    told: HashMap<About, Instant>,
    lines: f64,
    refilled: Instant,
    swallowed: u64,
}

impl Warnings {
    pub(super) fn new(events: Events) -> Self {
        Self {
            events,
            state: Mutex::new(State {
                told: HashMap::new(),
                lines: BURST,
                refilled: Instant::now(),
                swallowed: 0,
            }),
            peers: Mutex::new(Bucket::new(PEERS_A_SECOND, PEERS, Instant::now())),
        }
    }

    /// Whether there are few enough peers that one more is worth being told of.
    pub(super) fn may_tell_of_a_peer(&self) -> bool {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        peers.take(Instant::now())
    }

    /// Tells `message`, unless that was told a moment ago or too much is told already.
    pub(super) fn warn(&self, about: About, kind: WarningKind, message: impl FnOnce() -> String) {
        let now = Instant::now();
        let swallowed = self
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .tell(about, now);
        match swallowed {
            None => {}
            Some(0) => self.events.warn(kind, message()),
            Some(count) => {
                let others = if count == 1 { "warning" } else { "warnings" };
                let message = format!("{} (and {count} {others} before)", message());
                self.events.warn(kind, message);
            }
        }
    }
}

impl State {
    /// Whether to tell something now, and how many warnings were swallowed before.
    fn tell(&mut self, about: About, now: Instant) -> Option<u64> {
        let recent = |told: &Instant| now.saturating_duration_since(*told) < QUIET;
        if self.told.get(&about).is_some_and(recent) {
            return None;
        }
        let passed = now.saturating_duration_since(self.refilled);
        self.refilled = now;
        self.lines = (self.lines + passed.as_secs_f64() * LINES_A_SECOND).min(BURST);
        if self.lines < 1.0 {
            self.swallowed = self.swallowed.saturating_add(1);
            return None;
        }
        self.lines -= 1.0;
        if self.told.len() >= REMEMBERED {
            self.told.retain(|_, told| recent(told));
        }
        if self.told.len() < REMEMBERED {
            self.told.insert(about, now);
        }
        Some(std::mem::take(&mut self.swallowed))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use iroh::SecretKey;

    use super::*;
    use crate::events::Event;

    fn warnings() -> (Warnings, Arc<Mutex<Vec<String>>>) {
        let told = Arc::new(Mutex::new(Vec::new()));
        let events = Events::to({
            let told = told.clone();
            move |event| {
                if let Event::Warning { message, .. } = event {
                    told.lock().unwrap().push(message);
                }
            }
        });
        (Warnings::new(events), told)
    }

    fn peer(n: u32) -> PeerId {
        let mut seed = [0; 32];
        seed[..4].copy_from_slice(&n.to_le_bytes());
        SecretKey::from_bytes(&seed).public()
    }

    #[test]
    fn the_same_is_told_once() {
        let (warnings, told) = warnings();
        for _ in 0..100 {
            warnings.warn(About::File(3), WarningKind::Changed, || "changed".into());
        }
        assert_eq!(*told.lock().unwrap(), ["changed"]);
    }

    #[test]
    fn a_crowd_of_peers_does_not_flood() {
        let (warnings, told) = warnings();
        for n in 0..1000 {
            warnings.warn(About::NotShared(peer(n)), WarningKind::Refused, || {
                "refused".into()
            });
        }
        let told = told.lock().unwrap().len();
        assert!((10..30).contains(&told), "{told} lines");
    }

    #[test]
    fn what_was_swallowed_is_counted() {
        let (warnings, _) = warnings();
        let mut state = warnings.state.lock().unwrap();
        let start = Instant::now();
        let told = (0..14).filter_map(|n| state.tell(About::File(n), start));
        assert_eq!(told.count(), 10);
        let later = start + Duration::from_secs(5);
        assert_eq!(state.tell(About::File(99), later), Some(4));
    }
}
