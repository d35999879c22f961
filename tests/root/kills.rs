//! Kills at random moments, of either side and whatever it is doing: reading what it shares, serving,
//! fetching, finishing, or mending what the kill before left. Nothing that has its name is ever wrong,
//! and at the end there is what was shared, and nothing else.
//!
//! `GROVE_TEST_SEED` repeats a run, `GROVE_TEST_KILLS` says how many kills there are.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use crate::{
    common::{Peer, Random, Running, Sharing, assert_same_tree, filler, free_port, snapshot},
    lab::{number, seed},
};

/// Pairs of people at once: while one waits for the other's computer, another pair goes on.
const PAIRS: u64 = 3;

/// Some files, most of them small, and two large ones, of which one is recorded on the way.
fn tree(alice: &Peer, random: &mut Random) {
    let file = |path: String, size: u64| {
        alice.write(&path, filler(size.try_into().unwrap()));
    };
    for number in 0..60 {
        let size = match random.below(10) {
            0 => 0,
            1..=6 => random.below(20_000),
            _ => random.below(150_000),
        };
        file(format!("p/{}/{number}", random.below(8)), size);
    }
    file("p/large".to_owned(), (9 << 20) + random.below(100_000));
    file("p/medium".to_owned(), (2 << 20) + random.below(100_000));
}

/// What has its name already is whole.
fn nothing_is_damaged(alice: &Peer, bob: &Peer) {
    if !bob.path("p").exists() {
        return;
    }
    for path in snapshot(&bob.path("p")).into_keys() {
        let (whole, here) = (alice.path("p").join(&path), bob.path("p").join(&path));
        if here.is_file() {
            let same = std::fs::read(whole).unwrap() == std::fs::read(here).unwrap();
            assert!(same, "{} is damaged", path.display());
        }
    }
}

fn everything_is_there(alice: &Peer, bob: &Peer) {
    assert_same_tree(&alice.path("p"), &bob.path("p"));
    assert!(!bob.path(".grove-partial").exists());
}

/// Somebody who shares, somebody who fetches, and who has been killed how often.
struct Pair {
    alice: Peer,
    bob: Peer,
    /// `None` while the sharer is dead.
    sharing: Option<Sharing>,
    ticket: String,
    /// What was there at first, and is never touched.
    shared: Vec<u8>,
    random: Random,
    /// How long the line took that took longest, which kills come within.
    fetch: Duration,
    share: Duration,
}

impl Pair {
    fn new(mut random: Random) -> Self {
        let alice = Peer::new("alice").at_port(free_port());
        tree(&alice, &mut random);
        let shared = alice.read("p/large");
        let began = Instant::now();
        let sharing = alice.share(&["p"]);
        let share = began.elapsed();
        let ticket = sharing.ticket.clone();
        let bob = Peer::new("bob");
        let began = Instant::now();
        bob.get(&ticket, &[]).expect(0);
        Self {
            fetch: began.elapsed(),
            share,
            alice,
            bob: Peer::new("bob"),
            sharing: Some(sharing),
            ticket,
            shared,
            random,
        }
    }

    /// Lets a line go on for a while that is as often short as long.
    fn a_while(&mut self, longest: Duration) {
        let longest = u64::try_from(longest.as_micros()).unwrap();
        std::thread::sleep(Duration::from_micros(self.random.below(longest)));
    }

    /// Kills somebody at some moment, and looks at what is there then.
    fn kill(&mut self) {
        match self.random.below(10) {
            0 => self.kill_who_reads(),
            1 => self.kill_who_serves(),
            _ => self.kill_who_fetches(),
        }
        nothing_is_damaged(&self.alice, &self.bob);
    }

    fn kill_who_fetches(&mut self) {
        self.serve();
        let getting = self.bob.start_get(&self.ticket, &[]);
        self.a_while(self.fetch * 5 / 4);
        let ended = getting.kill();
        if ended.code().is_some() {
            // It was not killed any more.
            ended.expect(0);
            everything_is_there(&self.alice, &self.bob);
            self.bob = Peer::new("bob");
        }
    }

    /// Kills the sharer while it makes ready, half of the time for the first time.
    fn kill_who_reads(&mut self) {
        self.sharing = None;
        if self.random.below(2) == 0 {
            _ = std::fs::remove_dir_all(self.alice.home().join("cache"));
        }
        let sharing = self.alice.start(&["share", "p"]);
        self.a_while(self.share);
        sharing.kill();
    }

    /// Kills the sharer while somebody fetches, who goes on when it is back.
    fn kill_who_serves(&mut self) {
        self.serve();
        let getting = self.bob.start_get(&self.ticket, &[]);
        self.a_while(self.fetch);
        if let Some(sharing) = self.sharing.take() {
            sharing.into_running().kill();
        }
        self.serve();
        self.finishes(getting);
    }

    fn finishes(&mut self, getting: Running) {
        getting.end_within(Duration::from_mins(2)).expect(0);
        everything_is_there(&self.alice, &self.bob);
        self.bob = Peer::new("bob");
    }

    /// Shares, if nobody does, and what is shared is always the same.
    fn serve(&mut self) {
        if self.sharing.is_none() {
            let again = self.alice.share(&["p"]);
            assert_eq!(again.ticket, self.ticket);
            self.sharing = Some(again);
        }
    }

    fn end(mut self) {
        self.serve();
        let getting = self.bob.start_get(&self.ticket, &[]);
        self.finishes(getting);
        assert!(self.alice.read("p/large") == self.shared);
    }
}

#[test]
#[ignore = "takes minutes, see CONTRIBUTING"]
fn random_kills_do_no_harm() {
    let seed = seed();
    let kills = number("GROVE_TEST_KILLS").unwrap_or(200);
    let done = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for number in 0..PAIRS {
            let done = &done;
            scope.spawn(move || {
                let mut pair = Pair::new(Random(seed.wrapping_add(number)));
                while done.fetch_add(1, Ordering::Relaxed) < kills {
                    pair.kill();
                }
                pair.end();
            });
        }
    });
}
