//! Progress at a terminal: a few lines at the bottom that change, and lines above that stay.

use std::time::Instant;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::{Reader, Shows, format, state::State};
use crate::{
    cli::output::{Output, columns},
    events::{Event, Phase},
};

/// Most peers that have a line; more would push everything else off the screen.
const PEERS_MAX: usize = 8;

pub(super) struct Bars {
    output: Output,
    shows: Shows,
    state: State,
    rows: Rows,
    hidden: bool,
}

impl Bars {
    pub(super) fn new(output: &Output, shows: Shows) -> Self {
        Self {
            output: output.clone(),
            shows,
            state: State::default(),
            rows: Rows::new(output.bars().clone()),
            hidden: false,
        }
    }

    /// What is to be seen now.
    fn lines(&self, now: Instant, width: usize) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(waiting) = &self.state.waiting {
            lines.push(format::waiting_line(waiting, now, width));
        } else if let Some((phase, track)) = &self.state.own
            && track.is_due(now)
        {
            let path = match self.shows {
                Shows::Get => self.state.only_path(),
                Shows::Share => None,
            };
            lines.push(format::own_line(*phase, track, path, now, width));
            if *phase != Phase::Scan {
                lines.extend(format::current_line(track, width));
            }
        }
        let due = self.state.sends.iter().filter(|(_, t)| t.is_due(now));
        for (peer, track) in due.clone().take(PEERS_MAX) {
            let path = self.state.paths.get(peer).copied();
            lines.push(format::send_line(peer, track, path, now, width));
        }
        let more = due.count().saturating_sub(PEERS_MAX);
        if more > 0 {
            lines.push(format::cut(&format!("and {more} more"), width));
        }
        lines
    }
}

impl Reader for Bars {
    fn event(&mut self, event: Event, now: Instant) {
        if let Some(line) = format::lasting(&event, &self.state) {
            self.output.say(&line);
        }
        if let Some(message) = super::warning(&event, self.shows) {
            self.output.warn(message);
        }
        self.state.update(&event, now);
    }

    fn tick(&mut self, now: Instant) {
        let lines = if self.hidden {
            Vec::new()
        } else {
            // The last column stays free: some terminals wrap as soon as it is written.
            self.lines(now, columns().saturating_sub(1))
        };
        self.rows.show(lines);
    }

    fn moves(&self) -> bool {
        self.state.moves()
    }

    fn hide(&mut self, hide: bool) {
        self.hidden = hide;
        self.tick(Instant::now());
    }

    fn finish(&mut self) {
        self.rows.show(Vec::new());
    }
}

/// Lines at the bottom of the terminal.
struct Rows {
    bars: MultiProgress,
    rows: Vec<ProgressBar>,
}

impl Rows {
    fn new(bars: MultiProgress) -> Self {
        Self {
            bars,
            rows: Vec::new(),
        }
    }

    /// Shows exactly these lines.
    fn show(&mut self, lines: Vec<String>) {
        while self.rows.len() > lines.len() {
            if let Some(row) = self.rows.pop() {
                row.finish_and_clear();
                self.bars.remove(&row);
            }
        }
        while self.rows.len() < lines.len() {
            let style = ProgressStyle::with_template("{msg}").expect("the template is sound");
            let row = ProgressBar::new_spinner().with_style(style);
            self.rows.push(self.bars.add(row));
        }
        for (row, line) in self.rows.iter().zip(lines) {
            row.set_message(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{cli::output::Style, content::PeerId, events::Path};

    fn peer(number: u8) -> PeerId {
        PeerId::from_bytes(&[number; 32]).unwrap_or_else(|_| peer(number + 1))
    }

    fn progress(phase: Phase, peer: Option<PeerId>) -> Event {
        Event::Progress {
            phase,
            peer,
            bytes: 1,
            total: 2,
            files: 0,
            files_total: 2,
            current: None,
        }
    }

    #[test]
    fn what_is_over_at_once_is_never_seen() {
        let start = Instant::now();
        let mut bars = Bars::new(&Output::new(Style::default()), Shows::Get);
        bars.event(progress(Phase::Fetch, None), start);
        assert!(bars.lines(start, 80).is_empty());
        let later = start + Duration::from_secs(1);
        assert_eq!(bars.lines(later, 80).len(), 2);
        let waiting = Event::Waiting {
            reason: "gone".into(),
            attempt: 1,
            retry_in_ms: 1_000,
        };
        bars.event(waiting, later);
        assert_eq!(
            bars.lines(later, 80),
            ["Waiting: gone; trying again in 1 s"],
            "a bar that stands still would look like progress"
        );
    }

    #[test]
    fn many_peers_do_not_fill_the_screen() {
        let start = Instant::now();
        let later = start + Duration::from_secs(1);
        let mut bars = Bars::new(&Output::new(Style::default()), Shows::Share);
        let mut peers: Vec<PeerId> = (0..100).map(peer).collect();
        peers.dedup();
        for peer in &peers {
            let path = Path::Direct;
            bars.event(Event::PeerConnected { peer: *peer, path }, start);
            bars.event(progress(Phase::Send, Some(*peer)), start);
        }
        let lines = bars.lines(later, 80);
        assert_eq!(lines.len(), PEERS_MAX + 1);
        let more = peers.len() - PEERS_MAX;
        assert_eq!(lines[PEERS_MAX], format!("and {more} more"));
        for peer in &peers {
            bars.event(Event::PeerGone { peer: *peer }, later);
        }
        assert!(bars.lines(later, 80).is_empty());
    }
}
