//! Who may shake hands.
//!
//! A handshake costs a millisecond or so of a processor, and a stranger can ask for thousands a
//! second, from addresses that are not even its own. As long as there are few, everybody is let in at
//! once. When there are many, an address has to be proven first (a retry of QUIC, which takes one
//! more round trip and no memory here), and each proven address gets a share of what can be done.
//! Who is ignored tries again by itself, after a second.

use std::{collections::HashMap, net::IpAddr, time::Instant};

use iroh::endpoint::{Incoming, IncomingAddr};

use super::Limits;

/// Seconds for which an allowance that is not used is saved up.
const SAVED_UP: f64 = 2.0;

/// Addresses that are remembered. More than this at once, proven, are few people's to have.
const REMEMBERED: usize = 4096;

/// What to do with somebody at the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// Begin the handshake.
    Enter,
    /// Let it prove its address first.
    Prove,
    /// Say nothing.
    Ignore,
}

/// Where somebody comes from, as far as having many of it takes effort.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Origin {
    /// An address; of IPv6 the network that one household gets.
    Ip(IpAddr),
    /// By way of a relay, which lets nobody pretend to be somewhere else.
    Elsewhere,
}

impl Origin {
    pub(super) fn of(incoming: &Incoming) -> Self {
        match incoming.remote_addr() {
            IncomingAddr::Ip(address) => Self::ip(address.ip()),
            _ => Self::Elsewhere,
        }
    }

    fn ip(address: IpAddr) -> Self {
        Self::Ip(match address.to_canonical() {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => {
                let network = address.to_bits() >> 64 << 64;
                IpAddr::V6(network.into())
            }
        })
    }
}

/// An allowance that is filled up again over time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    level: f64,
    most: f64,
    a_second: f64,
    filled: Instant,
    spent: u64,
}

impl Bucket {
    /// A full one.
    pub(super) fn new(a_second: f64, most: f64, now: Instant) -> Self {
        Self {
            level: most,
            most,
            a_second,
            filled: now,
            spent: 0,
        }
    }

    /// What is in it.
    fn level(&mut self, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(self.filled);
        self.filled = now;
        self.level = (self.level + passed.as_secs_f64() * self.a_second).min(self.most);
        self.level
    }

    /// Takes one out, if there is one.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let there = self.level(now) >= 1.0;
        if there {
            self.level -= 1.0;
        }
        there
    }

    /// Takes out what brings the sum of all that was ever spent to `in_all`; whether it was there.
    pub(super) fn spend(&mut self, in_all: u64, now: Instant) -> bool {
        let more = in_all.saturating_sub(self.spent);
        self.spent = in_all;
        self.level(now);
        self.level -= more as f64;
        self.level >= 0.0
    }

    fn is_full(&mut self, now: Instant) -> bool {
        self.level(now) >= self.most
    }
}

/// Decides who may shake hands.
#[derive(Debug)]
pub(super) struct Door {
    all: Bucket,
    of_one: HashMap<Origin, Bucket>,
    a_second_of_one: f64,
}

impl Door {
    pub(super) fn new(limits: &Limits, now: Instant) -> Self {
        let a_second = limits.handshakes_a_second;
        Self {
            all: Bucket::new(a_second, a_second * SAVED_UP, now),
            of_one: HashMap::new(),
            a_second_of_one: limits.handshakes_a_second_of_one,
        }
    }

    /// What to do with somebody from `from`, whose address is proven or not, while handshakes under
    /// way are `crowded`: so many that somebody is not finishing them.
    pub(super) fn answer(
        &mut self,
        from: Origin,
        is_proven: bool,
        crowded: bool,
        now: Instant,
    ) -> Answer {
        let calm = self.all.level(now) >= self.all.most / 2.0 && !crowded;
        if !calm {
            if !is_proven {
                return Answer::Prove;
            }
            if !self.bucket(from, now).is_some_and(|own| own.take(now)) {
                return Answer::Ignore;
            }
        }
        if self.all.take(now) {
            Answer::Enter
        } else {
            Answer::Ignore
        }
    }

    fn bucket(&mut self, from: Origin, now: Instant) -> Option<&mut Bucket> {
        if self.of_one.len() >= REMEMBERED && !self.of_one.contains_key(&from) {
            // A full one says nothing that a new one does not.
            self.of_one.retain(|_, own| !own.is_full(now));
            if self.of_one.len() >= REMEMBERED {
                return None;
            }
        }
        let a_second = self.a_second_of_one;
        let new = || Bucket::new(a_second, a_second * SAVED_UP, now);
        Some(self.of_one.entry(from).or_insert_with(new))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn from(n: u32) -> Origin {
        Origin::ip(IpAddr::V4(n.into()))
    }

    fn door(now: Instant) -> Door {
        Door::new(&Limits::default(), now)
    }

    #[test]
    fn a_few_are_let_in_at_once() {
        let start = Instant::now();
        let mut door = door(start);
        for second in 0..10 {
            for _ in 0..100 {
                let now = start + second * SECOND;
                assert_eq!(door.answer(from(1), false, false, now), Answer::Enter);
            }
        }
    }

    #[test]
    fn many_have_to_prove_where_they_are() {
        let start = Instant::now();
        let mut door = door(start);
        let answers: Vec<_> = (0..5000)
            .map(|n| door.answer(from(n), false, false, start))
            .collect();
        let entered = answers.iter().filter(|a| **a == Answer::Enter).count();
        assert!((100..=250).contains(&entered), "{entered} unproven");
        assert_eq!(answers.last(), Some(&Answer::Prove));
        assert!(door.of_one.is_empty(), "nothing is kept for the unproven");
        let proven = door.answer(from(7), true, false, start);
        assert_eq!(proven, Answer::Enter);
    }

    #[test]
    fn handshakes_that_are_not_finished_make_everybody_prove() {
        let start = Instant::now();
        let mut door = door(start);
        assert_eq!(door.answer(from(1), false, true, start), Answer::Prove);
        assert_eq!(door.answer(from(1), true, true, start), Answer::Enter);
    }

    #[test]
    fn one_address_does_not_keep_others_out() {
        let start = Instant::now();
        let mut door = door(start);
        let mut entered = 0;
        for step in 0..20_000u32 {
            let now = start + Duration::from_micros(200) * step;
            let greedy = door.answer(from(1), true, false, now);
            entered += u32::from(greedy == Answer::Enter);
            if step % 5000 == 4999 {
                let other = door.answer(from(2), true, false, now);
                assert_eq!(other, Answer::Enter, "after {step}");
            }
        }
        // 4 seconds: what is saved up, and 200 a second at most.
        assert!(entered < 1300, "{entered} of one address");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let start = Instant::now();
        let mut door = door(start);
        for n in 0..10_000 {
            door.answer(from(n), true, true, start);
        }
        assert!(door.of_one.len() <= REMEMBERED);
        let later = start + 10 * SECOND;
        assert_eq!(door.answer(from(1 << 20), true, true, later), Answer::Enter);
    }

    #[test]
    fn a_household_is_one() {
        let ip = |text: &str| Origin::ip(text.parse().unwrap());
        assert_eq!(ip("2001:db8:1:2::3"), ip("2001:db8:1:2:ffff::"));
        assert_ne!(ip("2001:db8:1:2::3"), ip("2001:db8:1:3::3"));
        assert_eq!(ip("::ffff:192.0.2.1"), ip("192.0.2.1"));
    }
}
