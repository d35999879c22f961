//! Events as JSON lines.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::Reader;
use crate::{
    cli::{json, output::Output},
    content::PeerId,
    events::{Event, Phase},
};

/// Least time between two progress lines about the same thing.
const EVERY: Duration = Duration::from_millis(100);

/// Writes each event as a line; progress at most ten times a second.
pub(super) struct Json {
    output: Output,
    progress: BTreeMap<(u8, Option<PeerId>), Held>,
}

/// The last progress of one kind.
struct Held {
    written: Instant,
    newer: Option<Event>,
}

impl Json {
    pub(super) fn new(output: &Output) -> Self {
        Self {
            output: output.clone(),
            progress: BTreeMap::new(),
        }
    }

    fn write(&self, event: &Event) {
        self.output.object(&json::event(event));
    }

    /// Writes progress that was held back, if `due` says so.
    fn release(&mut self, now: Instant, due: impl Fn(&Held) -> bool) {
        let mut lines = Vec::new();
        for held in self.progress.values_mut() {
            if due(held)
                && let Some(event) = held.newer.take()
            {
                held.written = now;
                lines.push(event);
            }
        }
        for event in lines {
            self.write(&event);
        }
    }
}

impl Reader for Json {
    fn event(&mut self, event: Event, now: Instant) {
        if let Event::Progress { phase, peer, .. } = event {
            let held = self.progress.get_mut(&(order(phase), peer));
            match held {
                Some(held) if now.duration_since(held.written) < EVERY => held.newer = Some(event),
                Some(held) => {
                    held.written = now;
                    held.newer = None;
                    self.write(&event);
                }
                None => {
                    let held = Held {
                        written: now,
                        newer: None,
                    };
                    self.progress.insert((order(phase), peer), held);
                    self.write(&event);
                }
            }
            return;
        }
        // What was held back happened before this.
        self.release(now, |_| true);
        if let Event::PeerGone { peer } = event {
            self.progress.retain(|(_, of), _| *of != Some(peer));
        }
        self.write(&event);
    }

    fn tick(&mut self, now: Instant) {
        self.release(now, |held| now.duration_since(held.written) >= EVERY);
    }

    fn moves(&self) -> bool {
        self.progress.values().any(|held| held.newer.is_some())
    }

    fn hide(&mut self, _hide: bool) {}

    fn finish(&mut self) {
        self.release(Instant::now(), |_| true);
    }
}

fn order(phase: Phase) -> u8 {
    phase as u8
}
