//! Several at once: fetches into one place, fetches that have content in common, and programs with one
//! home.

use std::{fs, path::Path, process::Command};

use crate::common::{Ended, Peer, Running, Sharing, Signal, assert_same_tree, filler, free_port};

/// Ended well, or said that another one is at it.
fn is_done_or_busy(ended: &Ended) -> bool {
    match ended.code() {
        Some(0) => true,
        Some(7) => {
            assert!(ended.message().contains("another grove"), "{ended}");
            false
        }
        _ => panic!("neither done nor busy: {ended}"),
    }
}

#[test]
fn many_fetches_of_one_share_into_one_place() {
    let alice = Peer::new("alice");
    alice.write("p/large", filler(2_500_000));
    for number in 0..40 {
        alice.write(&format!("p/{}/{number}", number % 7), filler(100 * number));
    }
    let sharing = alice.share(&["p"]);
    let bob = Peer::new("bob");
    for round in 0..3 {
        let dest = format!("round {round}");
        let running: Vec<_> = (0..6)
            .map(|_| bob.start_get(&sharing.ticket, &["-o", &dest]))
            .collect();
        let done = running
            .into_iter()
            .map(|getting| is_done_or_busy(&getting.end()))
            .filter(|done| *done)
            .count();
        assert!(done >= 1, "somebody gets it");
        assert_same_tree(&alice.path("p"), &bob.path(&dest).join("p"));
        assert_eq!(fs::read_dir(bob.path(&dest)).unwrap().count(), 1);
    }
}

/// One that ends as the next one begins takes nothing away from it.
#[test]
fn one_after_the_other_without_a_pause() {
    let alice = Peer::new("alice");
    alice.write("small", filler(1000));
    let sharing = alice.share(&["small"]);
    let bob = Peer::new("bob");
    let mut done = 0;
    for _ in 0..4 {
        let running: Vec<_> = (0..5)
            .map(|_| bob.start_get(&sharing.ticket, &["--overwrite"]))
            .collect();
        for getting in running {
            done += u32::from(is_done_or_busy(&getting.end()));
        }
        assert_same_tree(&alice.path("small"), &bob.path("small"));
        assert!(!bob.path(".grove-partial").exists());
        fs::remove_file(bob.path("small")).unwrap();
    }
    assert!(done >= 4);
}

#[test]
fn the_one_after_a_kill_need_not_wait() {
    let alice = Peer::new("alice");
    alice.write("large", filler(48 << 20));
    let sharing = alice.share(&["large"]);
    let bob = Peer::new("bob");
    for bytes in [2 << 20, 6 << 20] {
        let mut getting = bob.start_get(&sharing.ticket, &["--limit-rate", "2M"]);
        getting.wait_until_fetched(bytes);
        let busy = bob.get(&sharing.ticket, &[]);
        assert!(!is_done_or_busy(&busy));
        getting.kill();
    }
    bob.get(&sharing.ticket, &[]).expect(0);
    assert_same_tree(&alice.path("large"), &bob.path("large"));
}

#[test]
fn two_shares_with_content_in_common_at_once() {
    let (alice, carol) = (Peer::new("alice"), Peer::new("carol"));
    for (peer, own) in [(&alice, "of alice"), (&carol, "of carol")] {
        peer.write(&format!("{own}/large"), filler(4_000_000));
        peer.write(&format!("{own}/{own}"), filler(3_000_000 + own.len() * 7));
        for number in 0..30 {
            peer.write(&format!("{own}/{number}"), filler(5000 + number));
        }
    }
    let shares = [alice.share(&["of alice"]), carol.share(&["of carol"])];
    let bob = Peer::new("bob");
    let running = shares
        .each_ref()
        .map(|sharing| bob.start_get(&sharing.ticket, &["--limit-rate", "10M"]));
    for getting in running {
        getting.end().expect(0);
    }
    assert_same_tree(&alice.path("of alice"), &bob.path("of alice"));
    assert_same_tree(&carol.path("of carol"), &bob.path("of carol"));
    assert!(!bob.path(".grove-partial").exists());
}

/// As `cp -r` would, while files come and go.
fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").args([from, to]).status();
    assert!(status.unwrap().success());
}

/// A home that was copied while it was in use is one that works, and of the same person.
#[test]
fn a_copied_home_is_the_same_person() {
    let alice = Peer::new("alice").at_port(free_port());
    alice.write("p/large", filler(3_000_000));
    alice.write("p/small", filler(1000));
    let sharing = alice.share(&["p"]);
    let there = Peer::new("alice elsewhere").at_port(free_port());
    copy(&alice.home(), &there.home());
    assert_eq!(there.id(), alice.id());
    copy(&alice.path("p"), &there.path("p"));
    // The same content of the same person has the same hash, and only the way there differs.
    let both = there.share(&["p"]);
    assert_eq!(both.root, sharing.root);
    for (ticket, name) in [(&sharing.ticket, "bob"), (&both.ticket, "carol")] {
        let peer = Peer::new(name);
        peer.get(ticket, &[]).expect(0);
        assert_same_tree(&alice.path("p"), &peer.path("p"));
    }
    // One's own share is told from a copy of the home, too.
    there.get(&sharing.ticket, &[]).expect(2);
}

/// The sharer, or the receiver, is stopped for a while, as by closing a laptop.
#[test]
fn a_pause_of_either_side_is_survived() {
    let pause = |sleeper: &Running| {
        sleeper.signal(Signal::STOP);
        // Not to wait for anything: this is how long the pause is.
        std::thread::sleep(std::time::Duration::from_secs(5));
        sleeper.signal(Signal::CONT);
    };
    for at_the_sharer in [true, false] {
        let alice = Peer::new("alice");
        alice.write("large", filler(12 << 20));
        let sharing: Sharing = alice.share(&["large"]);
        let bob = Peer::new("bob");
        let mut getting = bob.start_get(&sharing.ticket, &["--limit-rate", "8M"]);
        getting.wait_until_fetched(3 << 20);
        pause(if at_the_sharer { &sharing } else { &getting });
        let got = getting.end().expect(0);
        assert_same_tree(&alice.path("large"), &bob.path("large"));
        let fetched = got.number("finished", "bytes_fetched");
        assert!(fetched < 16 << 20, "hardly anything twice: {got}");
    }
}
