//! The same line typed again goes on where it stopped.

use std::{
    fs,
    path::Path,
    time::{Duration, SystemTime},
};

use crate::common::{Peer, Sharing, assert_same_tree, filler, free_port, snapshot};

const MIB: u64 = 1 << 20;

/// What a repeated fetch may cost on the wire beside the content itself.
fn allowed(size: u64) -> u64 {
    size + size / 100 + 32 * MIB
}

#[test]
fn a_killed_fetch_goes_on() {
    const SIZE: u64 = 64 * MIB;
    let alice = Peer::new("alice");
    alice.write("p/large", filler(48 << 20));
    for number in 0..64 {
        alice.write(&format!("p/many/{number}"), filler((256 << 10) - number));
    }
    let sharing = alice.share(&["p"]);
    let bob = Peer::new("bob");

    let (mut wasted, mut had, mut have) = (0, 0, 0);
    for at in [Some(5), Some(30), Some(55), Some(90), None] {
        let slow: &[_] = if at.is_some() {
            &["--limit-rate", "16M"]
        } else {
            &[]
        };
        let mut getting = bob.start_get(&sharing.ticket, slow);
        let seen = at.map(|at| getting.wait_until_fetched(SIZE / 100 * at));
        let ended = if at.is_some() {
            getting.kill()
        } else {
            getting.end()
        };
        if had > 0 {
            have = ended.number("resumed", "bytes_have");
            wasted += had - have.min(had);
            // Of the first moments nothing need be on the disk.
            assert!(have > 0 || had < SIZE / 10, "{had} were fetched: {ended}");
        }
        had = seen.map_or(0, |seen| seen["bytes"].as_u64().unwrap());
        // On a machine that stalls one may be done before it is killed.
        if ended.code().is_some() {
            let last = ended.number("finished", "bytes_fetched");
            assert!(
                have + last + wasted <= allowed(SIZE),
                "{wasted} wasted: {ended}"
            );
            let most_was_there = at.is_some() || last < SIZE / 2;
            assert!(most_was_there, "{ended}");
            ended.expect(0);
            break;
        }
    }
    assert_same_tree(&alice.path("p"), &bob.path("p"));
    assert!(!bob.path(".grove-partial").exists(), "nothing is left over");
}

#[test]
fn a_part_of_a_large_file_is_enough_to_go_on() {
    let alice = Peer::new("alice");
    alice.write("large", filler(64 << 20));
    let sharing = alice.share(&["large"]);
    let bob = Peer::new("bob");
    let mut getting = bob.start_get(&sharing.ticket, &["--limit-rate", "3M"]);
    getting.wait_until_fetched(12 * MIB);
    getting.kill();
    assert!(
        !bob.path("large").exists(),
        "what is unfinished has no name yet"
    );
    let got = bob.get(&sharing.ticket, &[]).expect(0);
    let fetched = got.number("finished", "bytes_fetched");
    assert!(fetched <= 58 * MIB, "{fetched} fetched again");
    assert_same_tree(&alice.path("large"), &bob.path("large"));
}

/// A large file that is complete and got its name, by somebody who was killed just before the other name
/// went that it had until then. Some file systems give names in these two steps.
fn killed_between_two_names() -> (Peer, Sharing, Peer) {
    let alice = Peer::new("alice");
    let content = filler(48 << 20);
    alice.write("large", &content);
    let sharing = alice.share(&["large"]);
    let bob = Peer::new("bob");
    let mut getting = bob.start_get(&sharing.ticket, &["--limit-rate", "2M"]);
    getting.wait_until_fetched(6 * MIB);
    getting.kill();
    let data = format!(".grove-partial/{}/0.data", sharing.root);
    fs::write(bob.path(&data), content).unwrap();
    let time = fs::metadata(alice.path("large")).unwrap().modified();
    set_mtime_of(&bob.path(&data), time.unwrap());
    fs::hard_link(bob.path(&data), bob.path("large")).unwrap();
    (alice, sharing, bob)
}

#[test]
fn what_is_complete_under_two_names_is_done() {
    let (alice, sharing, bob) = killed_between_two_names();
    let got = bob.get(&sharing.ticket, &[]).expect(0);
    assert_eq!(got.number("finished", "bytes_fetched"), 0);
    assert_same_tree(&alice.path("large"), &bob.path("large"));
    assert!(!bob.path(".grove-partial").exists());
}

#[test]
fn nothing_is_written_into_a_file_that_has_its_name() {
    let (alice, sharing, bob) = killed_between_two_names();
    let edited = filler(48 << 19);
    // In place, as an editor may do.
    fs::write(bob.path("large"), &edited).unwrap();
    bob.get(&sharing.ticket, &[]).expect(7);
    bob.get(&sharing.ticket, &["--rename"]).expect(0);
    assert!(bob.read("large") == edited, "it was written into");
    assert_same_tree(&alice.path("large"), &bob.path("large (1)"));
    assert!(!bob.path(".grove-partial").exists());
}

/// Eighty files that are fetched whole, of which a getter had more than a quarter when it was killed.
fn killed_half_way() -> (Peer, Sharing, Peer) {
    let alice = Peer::new("alice");
    for number in 0..80 {
        alice.write(&format!("p/{number:02}"), filler((1 << 20) - number));
    }
    let sharing = alice.share(&["p"]);
    let bob = Peer::new("bob");
    let mut getting = bob.start_get(&sharing.ticket, &["--limit-rate", "4M"]);
    getting.wait_until_fetched(24 * MIB);
    getting.kill();
    (alice, sharing, bob)
}

#[test]
fn what_is_finished_has_its_name_before_the_rest() {
    let (alice, _sharing, bob) = killed_half_way();
    let placed = snapshot(&bob.path("p"));
    let placed: Vec<_> = placed
        .keys()
        .filter(|path| bob.path("p").join(path).is_file())
        .collect();
    assert!(!placed.is_empty(), "whole files are there already");
    for path in placed {
        let (whole, here) = (alice.path("p").join(path), bob.path("p").join(path));
        assert!(
            std::fs::read(whole).unwrap() == std::fs::read(here).unwrap(),
            "{path:?}"
        );
    }
}

/// What a power cut leaves: files that are empty, short, or full of zeros. Each was placed by the fetch
/// that goes on, so nobody has to settle what is in the way; what somebody wrote meanwhile is.
#[test]
fn what_a_power_cut_damaged_is_fetched_again_and_nothing_else() {
    let (alice, sharing, bob) = killed_half_way();
    let mut placed: Vec<_> = fs::read_dir(bob.path("p")).unwrap().flatten().collect();
    placed.sort_by_key(fs::DirEntry::file_name);
    let [empty, short, zeros, edited] = [0, 1, 2, 3].map(|at| placed[at].path());
    let time = |path: &Path| fs::metadata(path).unwrap().modified().unwrap();
    let cut = |path: &Path, len| {
        let (before, file) = (
            time(path),
            fs::File::options().write(true).open(path).unwrap(),
        );
        file.set_len(len).unwrap();
        file.set_modified(before).unwrap();
    };
    cut(&empty, 0);
    cut(&short, 500_000);
    let len = fs::metadata(&zeros).unwrap().len();
    fs::write(&zeros, vec![0; len.try_into().unwrap()]).unwrap();
    let original = fs::read(&edited).unwrap();
    fs::write(&edited, "of Bob").unwrap();

    let stopped = bob.get(&sharing.ticket, &[]).expect(7);
    for (path, is_named) in [
        (&empty, false),
        (&short, false),
        (&zeros, false),
        (&edited, true),
    ] {
        let name = format!("p/{}", path.file_name().unwrap().to_str().unwrap());
        assert_eq!(
            stopped.told().contains(&name),
            is_named,
            "{name}: {stopped}"
        );
    }
    assert_eq!(fs::read(&edited).unwrap(), b"of Bob");
    fs::write(&edited, original).unwrap();
    set_mtime_of(
        &edited,
        time(&alice.path("p").join(edited.file_name().unwrap())),
    );
    let got = bob.get(&sharing.ticket, &[]).expect(0);
    assert!(got.number("finished", "bytes_fetched") < 72 * MIB, "{got}");
    assert_same_tree(&alice.path("p"), &bob.path("p"));
}

fn set_mtime_of(path: &Path, time: SystemTime) {
    let file = fs::File::open(path).unwrap();
    file.set_modified(time).unwrap();
}

#[test]
fn a_sharer_who_comes_back_is_found_again() {
    let alice = Peer::new("alice").at_port(free_port());
    alice.write("large", filler(32 << 20));
    let sharing = alice.share(&["large", "--limit-rate", "2M"]);
    let ticket = sharing.ticket.clone();
    let bob = Peer::new("bob");
    let mut getting = bob.start_get(&ticket, &[]);
    getting.wait_until_fetched(6 * MIB);
    sharing.into_running().kill();
    getting.wait_for("waiting");
    let again = alice.share(&["large"]);
    assert_eq!(again.ticket, ticket, "the ticket stays what it was");
    let got = getting.end_within(Duration::from_mins(2)).expect(0);
    assert_same_tree(&alice.path("large"), &bob.path("large"));
    let fetched = got.number("finished", "bytes_fetched");
    assert!(fetched < 36 * MIB, "{fetched} fetched in all");
}

#[test]
fn a_receiver_waits_for_a_sharer_who_is_not_there_yet() {
    let alice = Peer::new("alice").at_port(free_port());
    alice.write("file", filler(100_000));
    let ticket = {
        let sharing = alice.share(&["file"]);
        let ticket = sharing.ticket.clone();
        sharing.into_running().interrupt().expect(130);
        ticket
    };
    let bob = Peer::new("bob");
    let mut getting = bob.start_get(&ticket, &["--wait", "forever"]);
    let waiting = getting.wait_for("waiting");
    assert!(waiting["reason"].is_string(), "{waiting}");
    assert!(waiting["retry_in_ms"].is_u64(), "{waiting}");
    let _sharing = alice.share(&["file"]);
    getting.end_within(Duration::from_mins(2)).expect(0);
    assert_eq!(bob.read("file"), filler(100_000));
}

#[test]
fn a_sharer_who_stops_in_the_middle_is_waited_for() {
    let alice = Peer::new("alice").at_port(free_port());
    alice.write("large", filler(32 << 20));
    let sharing = alice.share(&["large", "--limit-rate", "2M"]);
    let bob = Peer::new("bob");
    let mut getting = bob.start_get(&sharing.ticket, &[]);
    getting.wait_until_fetched(6 * MIB);
    sharing.into_running().interrupt().expect(130);
    getting.wait_for("waiting");
    let _again = alice.share(&["large"]);
    getting.end_within(Duration::from_mins(2)).expect(0);
    assert_same_tree(&alice.path("large"), &bob.path("large"));
}

#[test]
fn a_fetch_that_was_begun_elsewhere_is_another_one() {
    let alice = Peer::new("alice");
    alice.write("large", filler(48 << 20));
    let sharing = alice.share(&["large"]);
    let bob = Peer::new("bob");
    let mut getting = bob.start_get(&sharing.ticket, &["-o", "one", "--limit-rate", "3M"]);
    getting.wait_until_fetched(8 * MIB);
    getting.kill();
    let got = bob.get(&sharing.ticket, &["-o", "two"]).expect(0);
    assert!(got.all("resumed").is_empty(), "{got}");
    assert_same_tree(&alice.path("large"), &bob.path("two/large"));
    bob.get(&sharing.ticket, &["-o", "one"]).expect(0);
    assert_same_tree(&alice.path("large"), &bob.path("one/large"));
}

/// A killed getter takes no leave, and the sharer has places for a few of each person only.
#[test]
fn whoever_is_killed_often_gets_in_again_soon() {
    let alice = Peer::new("alice");
    alice.write("file", filler(24 << 20));
    let sharing = alice.share(&["file"]);
    let bob = Peer::new("bob");
    for round in 1..=10 {
        let mut getting = bob.start_get(&sharing.ticket, &["--limit-rate", "2M"]);
        // What is not known to be dead counts for 3 s, a connection that is lost for 30 s.
        getting.wait_within(Duration::from_secs(28), "content", |event| {
            event["phase"] == "fetch" && event["bytes"].as_u64() >= Some(round * 200_000)
        });
        getting.kill();
    }
    bob.get(&sharing.ticket, &[]).expect(0);
    assert_same_tree(&alice.path("file"), &bob.path("file"));
}
