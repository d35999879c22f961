//! What is known at a moment about everything that moves, gathered from events.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use crate::{
    content::PeerId,
    events::{Event, Path, Phase},
};

/// Nothing of a phase is shown before it has taken this long: most are over by then, and something
/// that flashes up and goes is worse than nothing.
const QUIET_FOR: Duration = Duration::from_millis(250);

/// The rate is that of the last seconds.
const RATE_OVER: Duration = Duration::from_secs(5);

/// How far one thing is.
#[derive(Debug, Clone)]
pub(super) struct Track {
    pub(super) bytes: u64,
    pub(super) total: u64,
    pub(super) files: u64,
    pub(super) files_total: u64,
    /// The file that is being worked on, escaped.
    pub(super) current: Option<String>,
    since: Instant,
    samples: VecDeque<(Instant, u64)>,
}

/// Why nothing moves.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    pub(super) reason: String,
    pub(super) attempt: u32,
    pub(super) until: Instant,
}

/// All that moves.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Looking for files, hashing or fetching: one at a time.
    pub(super) own: Option<(Phase, Track)>,
    /// What goes to whom.
    pub(super) sends: BTreeMap<PeerId, Track>,
    /// How each peer is reached.
    pub(super) paths: BTreeMap<PeerId, Path>,
    pub(super) waiting: Option<Waiting>,
}

impl State {
    /// Takes in one event.
    pub(super) fn update(&mut self, event: &Event, now: Instant) {
        match event {
            Event::Progress { phase, peer, .. } => {
                if let Some(sample) = Sample::of(event) {
                    self.progress(*phase, *peer, &sample, now);
                }
            }
            Event::PeerConnected { peer, path } => {
                self.paths.insert(*peer, *path);
                self.waiting = None;
            }
            Event::PathChanged { peer, path } => {
                self.paths.insert(*peer, *path);
            }
            Event::PeerGone { peer } => {
                self.paths.remove(peer);
                self.sends.remove(peer);
            }
            Event::TransferFinished { peer, .. } | Event::TransferBroken { peer, .. } => {
                self.sends.remove(peer);
            }
            Event::Waiting {
                reason,
                attempt,
                retry_in_ms,
            } => {
                let wait = Duration::from_millis((*retry_in_ms).min(86_400_000));
                self.waiting = Some(Waiting {
                    reason: reason.clone(),
                    attempt: *attempt,
                    until: now + wait,
                });
            }
            Event::ShareReady { .. } | Event::Finished { .. } => {
                self.own = None;
                self.waiting = None;
            }
            _ => {}
        }
    }

    fn progress(&mut self, phase: Phase, peer: Option<PeerId>, sample: &Sample, now: Instant) {
        if let (Phase::Send, Some(peer)) = (phase, peer) {
            let track = self.sends.entry(peer).or_insert_with(|| Track::new(now));
            track.update(sample, now);
            return;
        }
        match &mut self.own {
            Some((running, track)) if *running == phase => {
                if sample.bytes > track.bytes {
                    self.waiting = None;
                }
                track.update(sample, now);
            }
            own => {
                self.waiting = None;
                let mut track = Track::new(now);
                track.update(sample, now);
                *own = Some((phase, track));
            }
        }
    }

    /// The path to the peer that content comes from.
    pub(super) fn only_path(&self) -> Option<Path> {
        self.paths.values().next().copied()
    }

    /// Whether anything is under way.
    pub(super) fn moves(&self) -> bool {
        self.own.is_some() || self.waiting.is_some() || !self.sends.is_empty()
    }
}

/// The numbers of one progress event.
struct Sample {
    bytes: u64,
    total: u64,
    files: u64,
    files_total: u64,
    current: Option<String>,
}

impl Sample {
    fn of(event: &Event) -> Option<Self> {
        match event {
            Event::Progress {
                bytes,
                total,
                files,
                files_total,
                current,
                ..
            } => Some(Self {
                bytes: *bytes,
                total: *total,
                files: *files,
                files_total: *files_total,
                current: current.as_ref().map(ToString::to_string),
            }),
            _ => None,
        }
    }
}

impl Track {
    fn new(now: Instant) -> Self {
        Self {
            bytes: 0,
            total: 0,
            files: 0,
            files_total: 0,
            current: None,
            since: now,
            samples: VecDeque::new(),
        }
    }

    fn update(&mut self, sample: &Sample, now: Instant) {
        self.bytes = sample.bytes;
        self.total = sample.total;
        self.files = sample.files;
        self.files_total = sample.files_total;
        self.current.clone_from(&sample.current);
        self.samples.push_back((now, sample.bytes));
        // One sample from before the window stays, to measure from.
        while self
            .samples
            .get(1)
            .is_some_and(|(at, _)| now.duration_since(*at) >= RATE_OVER)
        {
            self.samples.pop_front();
        }
    }

    /// Whether it has taken long enough to be worth showing.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        now.duration_since(self.since) >= QUIET_FOR
    }

    /// Bytes a second over the last seconds; `None` until there is something to measure.
    pub(super) fn rate(&self, now: Instant) -> Option<f64> {
        let (since, from) = self.samples.front()?;
        let seconds = now.duration_since(*since).as_secs_f64();
        let bytes = self.bytes.checked_sub(*from)?;
        (seconds >= 0.5).then(|| bytes as f64 / seconds)
    }

    /// Seconds until the end at the present rate.
    pub(super) fn left(&self, now: Instant) -> Option<f64> {
        let rate = self.rate(now).filter(|rate| *rate >= 1.0)?;
        let missing = self.total.checked_sub(self.bytes)?;
        (self.total > 0).then(|| missing as f64 / rate)
    }

    /// How much is done, 0 to 100; `None` where the whole is not known. 100 only when all is done.
    pub(super) fn percent(&self) -> Option<u64> {
        (self.total > 0).then(|| {
            let percent = u128::from(self.bytes) * 100 / u128::from(self.total);
            u64::try_from(percent.min(100)).unwrap_or(100)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(phase: Phase, bytes: u64) -> Event {
        Event::Progress {
            phase,
            peer: None,
            bytes,
            total: 1_000,
            files: 0,
            files_total: 1,
            current: None,
        }
    }

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut state = State::default();
        // What an earlier run left counts as done, not as speed.
        state.update(&progress(Phase::Fetch, 500), at(0));
        let rate = |state: &State, now| state.own.as_ref().and_then(|(_, t)| t.rate(now));
        assert_eq!(rate(&state, at(0)), None);
        state.update(&progress(Phase::Fetch, 600), at(1));
        assert_eq!(rate(&state, at(1)), Some(100.0));
        for (second, bytes) in (2..12).zip((610..).step_by(10)) {
            state.update(&progress(Phase::Fetch, bytes), at(second));
        }
        assert_eq!(rate(&state, at(11)), Some(10.0));
        let left = state.own.as_ref().and_then(|(_, track)| track.left(at(11)));
        assert_eq!(left, Some(30.0));
    }

    #[test]
    fn waiting_ends_when_something_moves() {
        let now = Instant::now();
        let mut state = State::default();
        let waiting = Event::Waiting {
            reason: "nobody there".into(),
            attempt: 1,
            retry_in_ms: u64::MAX,
        };
        state.update(&progress(Phase::Fetch, 1), now);
        state.update(&waiting, now);
        state.update(&progress(Phase::Fetch, 1), now);
        assert!(state.waiting.is_some(), "nothing moved");
        state.update(&progress(Phase::Fetch, 2), now);
        assert!(state.waiting.is_none());
    }

    #[test]
    fn a_phase_is_quiet_at_first() {
        let start = Instant::now();
        let mut state = State::default();
        state.update(&progress(Phase::Hash, 1), start);
        let due = |state: &State, after| {
            let now = start + Duration::from_millis(after);
            state
                .own
                .as_ref()
                .is_some_and(|(_, track)| track.is_due(now))
        };
        assert!(!due(&state, 249));
        assert!(due(&state, 250));
        let later = start + Duration::from_millis(300);
        state.update(&progress(Phase::Fetch, 1), later);
        assert!(!due(&state, 400), "the next phase begins anew");
    }
}
