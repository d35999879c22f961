//! Kills at random points, of either side, until the fetch is complete: what is there at the end is
//! what was shared, and nothing else.
//!
//! `GROVE_TEST_SEED` repeats a run, `GROVE_TEST_KILLS` says how many kills there are.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::common::{
    Peer, Random, Running, Sharing, assert_same_tree, filler, free_port, snapshot,
};

/// A number from the environment.
fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is no number: {text}")),
    )
}

#[expect(
    clippy::print_stdout,
    reason = "whoever wants to repeat a run has to know it"
)]
pub(crate) fn seed() -> u64 {
    let now = || {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .subsec_nanos()
    };
    let seed = number("GROVE_TEST_SEED").unwrap_or_else(|| now().into());
    println!("GROVE_TEST_SEED={seed}");
    seed
}

/// About three hundred files, most of them small, and two large ones.
fn tree(alice: &Peer, random: &mut Random) -> u64 {
    let mut total = 0;
    let mut file = |path: String, size: u64| {
        total += size;
        alice.write(&path, filler(size.try_into().unwrap()));
    };
    for number in 0..300 {
        let size = match random.below(10) {
            0 => 0,
            1..=6 => random.below(20_000),
            _ => random.below(150_000),
        };
        file(format!("p/{}/{number}", random.below(20)), size);
    }
    file("p/large".to_owned(), (24 << 20) + random.below(100_000));
    file(
        "p/also large".to_owned(),
        (12 << 20) + random.below(100_000),
    );
    total
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

/// Kills the receiver within a step of the fetch, or lets it end where the step is behind the end.
fn kill_at(mut getting: Running, bytes: u64) -> bool {
    let enough = |event: &crate::common::Event| {
        let at = event["bytes"].as_u64();
        event["event"] == "finished" || event["phase"] == "fetch" && at >= Some(bytes)
    };
    let event = getting.wait_until("a point to kill at", enough);
    if event["event"] == "finished" {
        getting.end().expect(0);
        return false;
    }
    getting.kill();
    true
}

#[test]
#[ignore = "takes minutes, see CONTRIBUTING"]
fn random_kills_do_no_harm() {
    let mut random = Random(seed());
    let kills = number("GROVE_TEST_KILLS").unwrap_or(40);
    let alice = Peer::new("alice").at_port(free_port());
    let total = tree(&alice, &mut random);
    let mut sharing = alice.share(&["p"]);
    let ticket = sharing.ticket.clone();
    let mut bob = Peer::new("bob");
    let mut done = 0;
    while done < kills {
        if random.below(10) == 0 {
            sharing = restart(&alice, sharing, &ticket, &bob, random.below(total));
        } else {
            // From where the last run stopped, a little further, so that there are many runs to one fetch.
            let have = fetched_so_far(&bob);
            let step = total / 8;
            let at = have + random.below(step);
            let getting = bob.start_get(&ticket, &["--limit-rate", "20M"]);
            if !kill_at(getting, at) {
                assert_same_tree(&alice.path("p"), &bob.path("p"));
                assert!(!bob.path(".grove-partial").exists());
                bob = Peer::new("bob");
                continue;
            }
        }
        nothing_is_damaged(&alice, &bob);
        done += 1;
    }
    bob.get(&ticket, &[]).expect(0);
    assert_same_tree(&alice.path("p"), &bob.path("p"));
    assert!(!bob.path(".grove-partial").exists());
}

/// Bytes that stand on Bob's disk, finished or not.
fn fetched_so_far(bob: &Peer) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let paths = snapshot(&bob.path("")).into_keys();
    let sizes = paths.map(|path| std::fs::symlink_metadata(bob.path(path)).unwrap());
    sizes
        .filter(std::fs::Metadata::is_file)
        .map(|file| file.blocks() * 512)
        .sum()
}

/// Kills the sharer while Bob fetches, lets it come back, and kills Bob once he goes on.
fn restart(alice: &Peer, sharing: Sharing, ticket: &str, bob: &Peer, at: u64) -> Sharing {
    let mut getting = bob.start_get(ticket, &["--limit-rate", "20M"]);
    let begun = |event: &crate::common::Event| {
        let bytes = event["bytes"].as_u64();
        event["event"] == "finished" || event["phase"] == "fetch" && bytes >= Some(at)
    };
    let event = getting.wait_until("a point to kill the sharer at", begun);
    sharing.into_running().kill();
    let again = alice.share(&["p"]);
    assert_eq!(again.ticket, ticket);
    if event["event"] == "finished" {
        getting.end().expect(0);
    } else {
        getting.end_within(Duration::from_mins(2)).expect(0);
    }
    assert_same_tree(&alice.path("p"), &bob.path("p"));
    again
}
