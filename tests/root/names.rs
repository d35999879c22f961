//! Destinations that take some names for one, and one where nothing can be locked.

use std::fs;

use crate::{
    common::{Ended, Peer, Sharing, assert_same_tree, filler, set_mtime},
    folding::{Folding, Kind},
};

const KINDS: [Kind; 3] = [Kind::Case, Kind::Decomposed, Kind::Stripped];

/// Two names that are one to such a file system, in the order of a share.
fn twins(kind: Kind) -> [&'static str; 2] {
    match kind {
        Kind::Case => ["Straße", "straße"],
        Kind::Decomposed => ["cafe\u{301}", "caf\u{e9}"],
        Kind::Stripped => ["notes", "notes. ."],
        Kind::NoLocks | Kind::Timeless => unreachable!("that tells all names apart"),
    }
}

/// Alice shares `p` with two such names and a third; Bob has such a destination.
fn shared(kind: Kind) -> (Peer, Sharing, Peer, Folding) {
    let alice = Peer::new("alice");
    let [first, second] = twins(kind);
    alice.write(&format!("p/{first}"), filler(40_000));
    alice.write(&format!("p/{second}"), filler(3_000_000));
    alice.write("p/other", filler(50_000));
    let sharing = alice.share(&["p"]);
    let bob = Peer::new("bob");
    let folding = Folding::new(&bob.path("dest"), kind);
    (alice, sharing, bob, folding)
}

/// Nothing was asked for but the list, and nothing is there.
fn is_refused_at_once(got: &Ended, folding: &Folding, names: [&str; 2]) {
    for name in names {
        assert!(got.message().contains(name), "{got}");
    }
    let fetched = got.all("progress").into_iter();
    let fetched = fetched.filter(|event| event["phase"] == "fetch");
    assert_eq!(fetched.count(), 0, "{got}");
    assert_eq!(folding.names(""), Vec::<&str>::new(), "{got}");
}

fn fetched(got: &Ended) -> u64 {
    got.number("finished", "bytes_fetched")
}

#[test]
#[ignore = "needs root, see CONTRIBUTING"]
fn names_that_are_one_are_refused_before_anything_is_fetched() {
    for kind in KINDS {
        let (alice, sharing, bob, folding) = shared(kind);
        let [first, second] = twins(kind);
        for flags in [&[][..], &["--overwrite"]] {
            let args = [&["-o", "dest"], flags].concat();
            let refused = bob.get(&sharing.ticket, &args).expect(7);
            is_refused_at_once(&refused, &folding, [first, second]);
        }
        // One of them is no trouble, nor is the other in its place.
        let only = format!("p/{second}");
        let args = ["-o", "dest", "--only", &only, "--only", "p/other"];
        bob.get(&sharing.ticket, &args).expect(0);
        for name in [second, "other"] {
            let there = bob.read(&format!("dest/p/{name}"));
            assert!(there == alice.read(&format!("p/{name}")), "{kind:?}");
        }
        for flags in [&[][..], &["--overwrite"]] {
            let args = [&["-o", "dest"], flags].concat();
            bob.get(&sharing.ticket, &args).expect(7);
            let there = bob.read(&format!("dest/p/{second}"));
            assert!(there == alice.read(&format!("p/{second}")), "{kind:?}");
        }
    }
}

#[test]
#[ignore = "needs root, see CONTRIBUTING"]
fn rename_keeps_names_apart_that_are_one() {
    for kind in KINDS {
        let (alice, sharing, bob, folding) = shared(kind);
        let [first, second] = twins(kind);
        let args = ["-o", "dest", "--rename"];
        bob.get(&sharing.ticket, &args).expect(0);
        let there = bob.read(&format!("dest/p/{first}"));
        assert!(there == alice.read(&format!("p/{first}")), "{kind:?}");
        let names = folding.names("p");
        assert_eq!(names.len(), 3, "{names:?}");
        let other = names.iter().find(|n| n.to_string_lossy().contains("(1)"));
        let other = fs::read(bob.path("dest/p").join(other.unwrap())).unwrap();
        assert!(other == alice.read(&format!("p/{second}")), "{kind:?}");
        // Everything is found again.
        let again = bob.get(&sharing.ticket, &args).expect(0);
        assert_eq!(fetched(&again), 0, "{again}");
        assert_eq!(folding.names("p"), names);
    }
}

#[test]
#[ignore = "needs root, see CONTRIBUTING"]
fn skip_leaves_out_the_second_of_names_that_are_one() {
    for kind in KINDS {
        let (alice, sharing, bob, folding) = shared(kind);
        let [first, second] = twins(kind);
        for _ in 0..2 {
            let got = bob.get(&sharing.ticket, &["-o", "dest", "--skip"]);
            let got = got.expect(3);
            assert!(got.told().contains(second), "{got}");
            let there = bob.read(&format!("dest/p/{first}"));
            assert!(there == alice.read(&format!("p/{first}")), "{kind:?}");
            assert_eq!(folding.names("p").len(), 2, "{got}");
            assert_eq!(folding.names(""), ["p"], "{got}");
        }
    }
}

#[test]
#[ignore = "needs root, see CONTRIBUTING"]
fn folders_that_are_one_are_never_merged() {
    for (kind, names) in [
        (Kind::Case, ["Foo", "foo"]),
        (Kind::Decomposed, ["e\u{301}", "\u{e9}"]),
        (Kind::Stripped, ["a", "a."]),
    ] {
        let alice = Peer::new("alice");
        alice.write(&format!("p/{}/a", names[0]), filler(1000));
        alice.write(&format!("p/{}/b", names[1]), filler(2000));
        let sharing = alice.share(&["p"]);
        let bob = Peer::new("bob");
        let folding = Folding::new(&bob.path("dest"), kind);
        for flag in [&[][..], &["--rename"], &["--skip"], &["--overwrite"]] {
            let args = [&["-o", "dest"], flag].concat();
            let refused = bob.get(&sharing.ticket, &args).expect(7);
            is_refused_at_once(&refused, &folding, names);
        }
    }
}

/// What is there under a name that is one with that of a new file is in the way like any other.
#[test]
#[ignore = "needs root, see CONTRIBUTING"]
fn what_is_there_under_another_spelling_is_in_the_way() {
    for kind in KINDS {
        let [there, new] = twins(kind);
        let alice = Peer::new("alice");
        alice.write(new, filler(5000));
        let sharing = alice.share(&[new]);
        let bob = Peer::new("bob");
        let folding = Folding::new(&bob.path("dest"), kind);
        let there = format!("dest/{there}");
        bob.write(&there, "of Bob");
        bob.get(&sharing.ticket, &["-o", "dest"]).expect(7);
        bob.get(&sharing.ticket, &["-o", "dest", "--skip"])
            .expect(3);
        assert_eq!(bob.read(&there), b"of Bob");
        bob.get(&sharing.ticket, &["-o", "dest", "--rename"])
            .expect(0);
        assert_eq!(bob.read(&there), b"of Bob");
        assert_eq!(folding.names("").len(), 2);
        bob.get(&sharing.ticket, &["-o", "dest", "--overwrite"])
            .expect(0);
        assert!(bob.read(&there) == alice.read(new), "{kind:?}");
    }
}

/// Names that are kept in another form than they were sent in are found again.
#[test]
#[ignore = "needs root, see CONTRIBUTING"]
fn what_arrived_is_found_again() {
    for kind in [Kind::Case, Kind::Decomposed, Kind::NoLocks] {
        let alice = Peer::new("alice");
        for (number, name) in ["\u{c5}ngstr\u{f6}m", "e\u{301}", "MiXed", "a: b", "CON. "]
            .into_iter()
            .enumerate()
        {
            alice.write(&format!("p/Fol\u{e9}/{name}"), filler(100 + number));
            alice.write(&format!("p/{name} large"), filler(2_000_000 + number));
        }
        set_mtime(&alice.path("p"), 1_000_000_000.0);
        let sharing = alice.share(&["p"]);
        let bob = Peer::new("bob");
        let folding = Folding::new(&bob.path("dest"), kind);
        let mut getting = bob.start_get(&sharing.ticket, &["-o", "dest", "--limit-rate", "10M"]);
        getting.wait_until_fetched(5_000_000);
        getting.kill();
        bob.get(&sharing.ticket, &["-o", "dest"])
            .expect(if kind == Kind::NoLocks { 7 } else { 0 });
        if kind == Kind::NoLocks {
            continue;
        }
        for flags in [&[][..], &["--verify"], &["--overwrite"]] {
            let args = [&["-o", "dest"], flags].concat();
            let again = bob.get(&sharing.ticket, &args).expect(0);
            assert_eq!(fetched(&again), 0, "{again}");
        }
        assert_eq!(folding.names(""), ["p"]);
        let shared_again = bob.share(&["dest/p"]);
        if kind == Kind::Case {
            assert_same_tree(&alice.path("p"), &bob.path("dest/p"));
            assert_eq!(shared_again.root, sharing.root);
        }
    }
}

/// One fetch at a time also where nothing can be locked, and what a kill leaves is told.
#[test]
#[ignore = "needs root, see CONTRIBUTING"]
fn where_nothing_can_be_locked() {
    let alice = Peer::new("alice");
    alice.write("p/large", filler(48 << 20));
    alice.write("p/small", filler(1000));
    let sharing = alice.share(&["p"]);
    let bob = Peer::new("bob");
    let _folding = Folding::new(&bob.path("dest"), Kind::NoLocks);
    // So slowly that there is time to start another one.
    let args = ["-o", "dest", "--limit-rate", "2M"];
    let mut getting = bob.start_get(&sharing.ticket, &args);
    getting.wait_until_fetched(6 << 20);
    let busy = bob.get(&sharing.ticket, &args).expect(7);
    assert!(busy.message().contains("another grove"), "{busy}");
    getting.kill();
    let left = bob.get(&sharing.ticket, &args).expect(7);
    assert!(left.message().contains("was killed"), "{left}");
    let held = format!("dest/.grove-partial/{}/held", sharing.root);
    fs::remove_file(bob.path(held)).unwrap();
    let got = bob.get(&sharing.ticket, &["-o", "dest"]).expect(0);
    assert!(got.number("resumed", "bytes_have") >= 1 << 20, "{got}");
    assert_same_tree(&alice.path("p"), &bob.path("dest/p"));
    assert!(!bob.path("dest/.grove-partial").exists());
    // Whoever is stopped leaves nothing in the way.
    fs::remove_dir_all(bob.path("dest/p")).unwrap();
    let mut getting = bob.start_get(&sharing.ticket, &args);
    getting.wait_until_fetched(2 << 20);
    getting.interrupt().expect(130);
    bob.get(&sharing.ticket, &["-o", "dest"]).expect(0);
    assert_same_tree(&alice.path("p"), &bob.path("dest/p"));
}

/// A home where nothing can be locked serves as well; only what is in use cannot be told, and stays.
#[test]
#[ignore = "needs root, see CONTRIBUTING"]
fn a_home_where_nothing_can_be_locked() {
    let alice = Peer::new("alice");
    let _folding = Folding::new(&alice.home(), Kind::NoLocks);
    alice.write("p/large", filler(3_000_000));
    alice.write("p/small", filler(1000));
    let sharing = alice.share(&["p"]);
    alice.grove(&["cache", "clear"]).expect(0);
    let bob = Peer::new("bob");
    bob.get(&sharing.ticket, &[]).expect(0);
    assert_same_tree(&alice.path("p"), &bob.path("p"));
    let from_bob = bob.share(&["p"]);
    alice.get(&from_bob.ticket, &["-o", "back"]).expect(0);
    assert_same_tree(&alice.path("p"), &alice.path("back/p"));
}

/// A change that shows in no time of a file is noticed when it is sent, and what was remembered about
/// it is not believed again.
#[test]
#[ignore = "needs root, see CONTRIBUTING"]
fn a_change_that_does_not_show_is_believed_once_at_most() {
    let alice = Peer::new("alice");
    let _folding = Folding::new(&alice.path("disk"), Kind::Timeless);
    let path = alice.write("disk/p/file", filler(2_000_000));
    alice.write("disk/p/other", filler(1000));
    let mut sharing = alice.share(&["disk/p"]);
    let before = sharing.root.clone();
    fs::write(&path, vec![7; 2_000_000]).unwrap();
    let bob = Peer::new("bob");
    let got = bob.get(&sharing.ticket, &[]).expect(3);
    assert!(got.told().contains("p/file"), "{got}");
    assert!(!bob.path("p/file").exists(), "{got}");
    sharing.wait_for("warning");
    drop(sharing);
    let sharing = alice.share(&["disk/p"]);
    assert_ne!(sharing.root, before, "it was read again");
    bob.get(&sharing.ticket, &[]).expect(0);
    assert!(bob.read("p/file") == vec![7; 2_000_000]);
}

/// What was fetched is not read again while its state is as it was noted, whatever it holds by now.
/// `--verify` reads it.
#[test]
#[ignore = "needs root, see CONTRIBUTING"]
fn only_verify_finds_a_change_that_does_not_show() {
    let alice = Peer::new("alice");
    for (name, size) in [("p/large", 3_000_000), ("p/small", 1000)] {
        alice.write(name, filler(size));
    }
    let sharing = alice.share(&["p"]);
    let bob = Peer::new("bob");
    let _folding = Folding::new(&bob.path("disk"), Kind::Timeless);
    let get = |args: &[&str]| bob.get(&sharing.ticket, &[&["-o", "disk"], args].concat());
    get(&[]).expect(0);
    for name in ["p/large", "p/small"] {
        let place = format!("disk/{name}");
        let mut damaged = alice.read(name);
        damaged[500] ^= 1;
        fs::write(bob.path(&place), &damaged).unwrap();
        let got = get(&[]).expect(0);
        assert_eq!(got.number("finished", "bytes_fetched"), 0, "{got}");
        assert!(bob.read(&place) == damaged, "it was not looked at");

        let found = get(&["--verify"]).expect(7);
        assert!(found.told().contains(name), "{found}");
        assert!(bob.read(&place) == damaged, "somebody may want it");
        get(&["--verify", "--overwrite"]).expect(0);
        assert!(bob.read(&place) == alice.read(name));
    }
}
