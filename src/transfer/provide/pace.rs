//! How much a connection takes lately, and who makes room for whom by that.

use std::time::{Duration, Instant};

use super::Limits;

/// What is "lately": the span that has passed since it began, and the one before.
const SPAN: Duration = Duration::from_secs(5);

/// Differences below this are those of handshakes and signs of life.
const SAME: u64 = 32 * 1024;

/// How many bytes went over a connection in the last five to ten seconds.
///
/// Measured by what was sent in packets: the congestion control of QUIC sends no more than the other
/// side acknowledges, so nobody gets a good pace by asking for much and taking nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    span_began: Instant,
    /// What had been sent in all when the span began.
    at_begin: u64,
    /// What was sent in the span before.
    before: u64,
    now: u64,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            span_began: now,
            at_begin: 0,
            before: 0,
            now: 0,
        }
    }

    /// Notes that `sent` bytes were sent in all.
    pub(super) fn note(&mut self, sent: u64, now: Instant) {
        self.now = sent;
        if now.saturating_duration_since(self.span_began) >= SPAN {
            self.before = sent.saturating_sub(self.at_begin);
            self.at_begin = sent;
            self.span_began = now;
        }
    }

    /// Bytes sent lately.
    pub(super) fn lately(&self) -> u64 {
        self.before + self.now.saturating_sub(self.at_begin)
    }
}

/// What counts when somebody has to make room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    /// How long it is connected.
    pub(super) age: Duration,
    /// What it took lately.
    pub(super) lately: u64,
    /// Connections that the same peer has beside this one.
    pub(super) siblings: usize,
}

/// Which of `all` makes room for a new connection; `None` when nobody has to.
///
/// Somebody who takes nothing is easy to be, many times over, and costs nothing; somebody who takes
/// much has to have the bandwidth for it. So it is the one that took least lately, and among those
/// who took the same the one that had the most time to. New connections are left in peace until they
/// had the time to begin, unless all are new: then those go first that have not begun. One that
/// takes enough is left in peace too, but for one turn only, so that whoever waits gets a place in the
/// end even when all places are in good hands.
pub(super) fn who_makes_room<K>(
    all: impl Iterator<Item = (K, Standing)> + Clone,
    limits: &Limits,
) -> Option<K> {
    let settled = all
        .clone()
        .filter(|(_, standing)| standing.age >= limits.settle);
    let least = |(_, standing): &(K, Standing)| {
        let extra = standing.siblings.min(limits.connections_of_one);
        (
            // Nobody stands better by being there several times.
            standing.lately / (1 + extra as u64) / SAME,
            std::cmp::Reverse(standing.age),
        )
    };
    let chosen = settled.min_by_key(least).or_else(|| all.min_by_key(least));
    let (key, standing) = chosen?;
    let in_good_hands = standing.lately >= limits.enough && standing.age < limits.turn;
    (!in_good_hands).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    fn standing(age_ms: u64, lately: u64) -> Standing {
        Standing {
            age: Duration::from_millis(age_ms),
            lately,
            siblings: 0,
        }
    }

    fn chosen(all: &[Standing]) -> Option<usize> {
        who_makes_room(all.iter().copied().enumerate(), &Limits::default())
    }

    #[test]
    fn whoever_takes_least_makes_room() {
        let all = [
            standing(90_000, 5 * MIB),
            standing(90_000, 2000),
            standing(90_000, 3000),
        ];
        assert_eq!(chosen(&all), Some(1));
        assert_eq!(
            chosen(&[standing(9000, 400), standing(30_000, 400)]),
            Some(1),
            "who had the most time among the same"
        );
    }

    #[test]
    fn a_new_one_has_time_to_begin() {
        let all = [standing(1000, 0), standing(60_000, 100_000)];
        assert_eq!(chosen(&all), Some(1));
    }

    #[test]
    fn when_all_are_new_those_go_that_have_not_begun() {
        let all = [
            standing(100, MIB),
            standing(2000, 3000),
            standing(1000, 3000),
        ];
        assert_eq!(chosen(&all), Some(1));
    }

    #[test]
    fn good_hands_keep_a_place_for_a_turn() {
        let good = [standing(59_000, MIB), standing(30_000, 8 * MIB)];
        assert_eq!(chosen(&good), None);
        let long = [standing(61_000, MIB), standing(30_000, 8 * MIB)];
        assert_eq!(chosen(&long), Some(0));
    }

    #[test]
    fn many_connections_do_not_add_up() {
        let mut many = standing(60_000, 4 * MIB);
        many.siblings = 7;
        assert_eq!(chosen(&[many, standing(60_000, MIB)]), Some(0));
    }

    #[test]
    fn lately_is_not_long_ago() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let at = |second: u64| start + Duration::from_secs(second);
        for second in 1..=20 {
            pace.note(second * MIB, at(second));
        }
        assert!((5 * MIB..=10 * MIB).contains(&pace.lately()));
        pace.note(20 * MIB, at(26));
        pace.note(20 * MIB, at(32));
        assert_eq!(pace.lately(), 0);
    }
}
