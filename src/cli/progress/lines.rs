//! Progress without a terminal: a plain line when something changes, and every few seconds.

use std::time::{Duration, Instant};

use super::{Reader, Shows, format, state::State};
use crate::{cli::output::Output, events::Event};

/// Time between two lines about the same work.
const EVERY: Duration = Duration::from_secs(5);

/// Time between two lines that say the same reason for waiting.
const WAITING_EVERY: Duration = Duration::from_mins(1);

/// Nothing is cut: the line goes to a file or a log.
const WIDTH: usize = usize::MAX;

pub(super) struct Lines {
    output: Output,
    plain: Plain,
}

/// Which lines are due, apart from printing them.
struct Plain {
    shows: Shows,
    state: State,
    /// When the last line about work was written, or the work began.
    last: Option<Instant>,
    /// What the last line about waiting said, and when.
    waited: Option<(String, Instant)>,
}

impl Lines {
    pub(super) fn new(output: &Output, shows: Shows) -> Self {
        Self {
            output: output.clone(),
            plain: Plain {
                shows,
                state: State::default(),
                last: None,
                waited: None,
            },
        }
    }
}

impl Reader for Lines {
    fn event(&mut self, event: Event, now: Instant) {
        if let Some(message) = super::warning(&event, self.plain.shows) {
            self.output.warn(message);
        }
        if let Some(line) = self.plain.event(&event, now) {
            self.output.say(&line);
        }
    }

    fn tick(&mut self, now: Instant) {
        for line in self.plain.due(now) {
            self.output.say(&line);
        }
    }

    fn moves(&self) -> bool {
        self.plain.state.moves()
    }

    fn hide(&mut self, _hide: bool) {}

    fn finish(&mut self) {}
}

impl Plain {
    /// The line that an event deserves at once.
    fn event(&mut self, event: &Event, now: Instant) -> Option<String> {
        let line = format::lasting(event, &self.state).or_else(|| self.change(event, now));
        self.state.update(event, now);
        if !self.state.moves() {
            self.last = None;
        }
        line
    }

    fn change(&mut self, event: &Event, now: Instant) -> Option<String> {
        match event {
            Event::PeerConnected { peer, path } => {
                self.waited = None;
                let path = format::path_word(*path);
                Some(match self.shows {
                    Shows::Share => format!("{} connected ({path})", format::short(peer)),
                    Shows::Get => format!("Connected ({path})"),
                })
            }
            Event::PathChanged { peer, path } if self.state.paths.get(peer) != Some(path) => {
                let path = format::path_word(*path);
                Some(match self.shows {
                    Shows::Share => format!("{} is now {path}", format::short(peer)),
                    Shows::Get => format!("The connection is now {path}"),
                })
            }
            Event::Waiting { reason, .. } => {
                let told = self.waited.as_ref().is_some_and(|(last, at)| {
                    last == reason && now.duration_since(*at) < WAITING_EVERY
                });
                if told {
                    return None;
                }
                self.waited = Some((reason.clone(), now));
                Some(format!("Waiting: {reason}"))
            }
            _ => None,
        }
    }

    /// The lines about work under way, when it is time for them.
    fn due(&mut self, now: Instant) -> Vec<String> {
        if !self.state.moves() {
            return Vec::new();
        }
        let last = *self.last.get_or_insert(now);
        if now.duration_since(last) < EVERY || self.state.waiting.is_some() {
            return Vec::new();
        }
        self.last = Some(now);
        let mut lines = Vec::new();
        if let Some((phase, track)) = &self.state.own {
            lines.push(format::own_line(*phase, track, None, now, WIDTH));
        }
        for (peer, track) in &self.state.sends {
            let path = self.state.paths.get(peer).copied();
            lines.push(format::send_line(peer, track, path, now, WIDTH));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::{Path, Phase};

    fn plain(shows: Shows) -> Plain {
        Plain {
            shows,
            state: State::default(),
            last: None,
            waited: None,
        }
    }

    fn fetching(bytes: u64) -> Event {
        Event::Progress {
            phase: Phase::Fetch,
            peer: None,
            bytes,
            total: 10_000_000,
            files: 0,
            files_total: 1,
            current: None,
        }
    }

    #[test]
    fn work_gets_a_line_every_five_seconds() {
        let start = Instant::now();
        let mut plain = plain(Shows::Get);
        let mut said = Vec::new();
        for second in 0..=11 {
            let now = start + Duration::from_secs(second);
            said.extend(plain.event(&fetching(second * 500_000), now));
            said.extend(plain.due(now));
        }
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said[0].contains("25 %"), "{said:?}");
        assert!(said[1].contains("50 %"), "{said:?}");
    }

    #[test]
    fn a_reason_to_wait_is_not_repeated_at_every_attempt() {
        let start = Instant::now();
        let mut plain = plain(Shows::Get);
        let mut said = Vec::new();
        for (second, reason) in [
            (0, "gone"),
            (1, "gone"),
            (30, "refused"),
            (31, "refused"),
            (91, "refused"),
        ] {
            let waiting = Event::Waiting {
                reason: reason.into(),
                attempt: 1,
                retry_in_ms: 1_000,
            };
            said.extend(plain.event(&waiting, start + Duration::from_secs(second)));
        }
        assert_eq!(
            said,
            ["Waiting: gone", "Waiting: refused", "Waiting: refused"]
        );
    }

    #[test]
    fn a_path_is_named_when_it_changes() {
        let now = Instant::now();
        let peer = "ae58ff8833241ac82d6ff7611046ed67b5072d142c588d0063e942d9a75502b6"
            .parse()
            .unwrap();
        let mut plain = plain(Shows::Share);
        let mut said = Vec::new();
        for event in [
            Event::PeerConnected {
                peer,
                path: Path::Relay,
            },
            Event::PathChanged {
                peer,
                path: Path::Relay,
            },
            Event::PathChanged {
                peer,
                path: Path::Direct,
            },
            Event::TransferFinished {
                peer,
                bytes: 20,
                seconds: 1.0,
            },
            Event::PeerGone { peer },
        ] {
            said.extend(plain.event(&event, now));
        }
        assert_eq!(
            said,
            [
                "ae58ff8833 connected (relayed)",
                "ae58ff8833 is now direct",
                "ae58ff8833 fetched 20 B in 1.0 s (direct)",
            ]
        );
    }
}
