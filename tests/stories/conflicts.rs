//! Something is in the way at the destination.

use std::fs;

use crate::common::{Peer, Sharing, assert_same_tree, filler, link, snapshot};

/// Alice shares `p` with two files; Bob has another `p/a` in the way.
fn in_the_way() -> (Peer, Sharing, Peer) {
    let alice = Peer::new("alice");
    alice.write("p/a", filler(50_000));
    alice.write("p/b", filler(60_000));
    let sharing = alice.share(&["p"]);
    let bob = Peer::new("bob");
    bob.write("p/a", "something of Bob's");
    (alice, sharing, bob)
}

#[test]
fn it_is_named_and_nothing_is_done() {
    let (_alice, mut sharing, bob) = in_the_way();
    let before = snapshot(&bob.path(""));
    let refused = bob.get(&sharing.ticket, &[]).expect(7);
    assert!(refused.told().contains("p/a"), "{refused}");
    assert!(!refused.told().contains("p/b"), "{refused}");
    assert!(snapshot(&bob.path("")) == before, "nothing changed");

    sharing.wait_for("peer_gone");
    let ended = sharing.into_running().interrupt().expect(130);
    let sent = ended
        .all("progress")
        .into_iter()
        .filter(|event| event["phase"] == "send");
    let most = sent.filter_map(|event| event["bytes"].as_u64()).max();
    assert!(most.unwrap_or(0) < 50_000, "nothing was fetched: {ended}");
}

#[test]
fn every_single_thing_is_named() {
    let alice = Peer::new("alice");
    let bob = Peer::new("bob");
    for name in ["one", "two", "three"] {
        alice.write(&format!("p/{name}"), name);
        bob.write(&format!("p/{name}"), "other");
    }
    let sharing = alice.share(&["p"]);
    let refused = bob.get(&sharing.ticket, &[]).expect(7);
    for name in ["p/one", "p/two", "p/three"] {
        assert!(refused.told().contains(name), "{name}: {refused}");
    }
}

#[test]
fn overwrite_replaces_it() {
    let (alice, sharing, bob) = in_the_way();
    bob.write("p/mine", "not part of the share");
    let twin = bob.path("twin");
    fs::hard_link(bob.path("p/a"), &twin).unwrap();
    bob.get(&sharing.ticket, &["--overwrite"]).expect(0);
    for path in ["p/a", "p/b"] {
        assert_same_tree(&alice.path(path), &bob.path(path));
    }
    assert_eq!(bob.read("p/mine"), b"not part of the share");
    assert_eq!(
        bob.read("twin"),
        b"something of Bob's",
        "another name of it"
    );
}

#[test]
fn rename_keeps_both() {
    let (alice, sharing, bob) = in_the_way();
    bob.write("p/a (1)", "in the way, too");
    let got = bob.get(&sharing.ticket, &["--rename"]).expect(0);
    assert_eq!(bob.read("p/a"), b"something of Bob's", "{got}");
    assert_eq!(bob.read("p/a (1)"), b"in the way, too", "{got}");
    assert_same_tree(&alice.path("p/a"), &bob.path("p/a (2)"));
    assert_same_tree(&alice.path("p/b"), &bob.path("p/b"));
}

#[test]
fn skip_leaves_it_alone_and_says_so() {
    let (alice, sharing, bob) = in_the_way();
    let got = bob.get(&sharing.ticket, &["--skip"]).expect(3);
    assert!(got.told().contains("p/a"), "{got}");
    assert_eq!(bob.read("p/a"), b"something of Bob's");
    assert_same_tree(&alice.path("p/b"), &bob.path("p/b"));
    let fetched = got.number("finished", "bytes_fetched");
    assert!(
        (60_000..110_000).contains(&fetched),
        "p/a is not fetched: {got}"
    );
}

#[test]
fn a_folder_in_place_of_a_file_is_never_replaced() {
    let alice = Peer::new("alice");
    alice.write("thing", filler(1000));
    let sharing = alice.share(&["thing"]);
    let bob = Peer::new("bob");
    bob.write("thing/inside", "kept");
    for flags in [&[][..], &["--overwrite"]] {
        let refused = bob.get(&sharing.ticket, flags).expect(7);
        assert!(refused.told().contains("thing"), "{refused}");
        assert_eq!(bob.read("thing/inside"), b"kept");
    }
}

#[test]
fn a_file_in_place_of_a_folder() {
    let alice = Peer::new("alice");
    alice.write("p/q/file", "content");
    let sharing = alice.share(&["p"]);
    let bob = Peer::new("bob");
    bob.write("p/q", "a file");
    let refused = bob.get(&sharing.ticket, &[]).expect(7);
    assert!(refused.told().contains("p/q"), "{refused}");
    assert_eq!(bob.read("p/q"), b"a file");
}

#[test]
fn the_destination_is_a_file() {
    let alice = Peer::new("alice");
    alice.write("p", "content");
    let sharing = alice.share(&["p"]);
    let bob = Peer::new("bob");
    bob.write("there", "a file");
    for dest in ["there", "there/below"] {
        let refused = bob.get(&sharing.ticket, &["-o", dest]).expect(7);
        assert!(refused.told().contains("there"), "{refused}");
        assert_eq!(bob.read("there"), b"a file");
    }
}

#[test]
fn nothing_is_written_through_a_link() {
    let alice = Peer::new("alice");
    alice.write("p/q/file", "from alice");
    alice.write("p/plain", "from alice");
    let sharing = alice.share(&["p"]);
    for (place, target) in [("p", "../outside"), ("p/q", "../../outside")] {
        for flags in [&[][..], &["--overwrite"], &["--rename"], &["--skip"]] {
            let bob = Peer::new("bob");
            let outside = bob.path("outside");
            fs::create_dir_all(outside.join("q")).unwrap();
            fs::write(outside.join("file"), "of Bob").unwrap();
            let before = snapshot(&outside);
            link(&bob.path("dest").join(place), target);
            let got = bob.get(&sharing.ticket, &[&["-o", "dest"], flags].concat());
            assert!(snapshot(&outside) == before, "{place} {flags:?}: {got}");
            if flags.is_empty() {
                assert!(got.expect(7).told().contains(place));
            }
        }
    }
}

#[test]
fn a_link_in_place_of_a_file_is_not_followed() {
    let alice = Peer::new("alice");
    alice.write("file", "from alice");
    let sharing = alice.share(&["file"]);
    let bob = Peer::new("bob");
    bob.write("precious", "of Bob");
    link(&bob.path("dest/file"), "../precious");
    bob.get(&sharing.ticket, &["-o", "dest"]).expect(7);
    bob.get(&sharing.ticket, &["-o", "dest", "--overwrite"])
        .expect(0);
    assert_eq!(bob.read("precious"), b"of Bob");
    assert_same_tree(&alice.path("file"), &bob.path("dest/file"));
}

#[test]
fn the_destination_itself_may_be_a_link() {
    let alice = Peer::new("alice");
    alice.write("file", "content");
    let sharing = alice.share(&["file"]);
    let bob = Peer::new("bob");
    fs::create_dir(bob.path("real")).unwrap();
    link(&bob.path("downloads"), "real");
    bob.get(&sharing.ticket, &["-o", "downloads"]).expect(0);
    assert_eq!(bob.read("real/file"), b"content");
}

#[test]
fn two_at_once_into_one_place_do_no_harm() {
    let alice = Peer::new("alice");
    alice.write("p/large", filler(4_000_000));
    let sharing = alice.share(&["p"]);
    let bob = Peer::new("bob");
    let slow = ["--limit-rate", "2M"];
    let mut first = bob.start_get(&sharing.ticket, &slow);
    first.wait_until_fetched(1);
    let second = bob.get(&sharing.ticket, &slow);
    first.end().expect(0);
    // The second either waits for its turn and finds everything there, or says that it is taken.
    assert!(matches!(second.code(), Some(0 | 1 | 7 | 8)), "{second}");
    assert_same_tree(&alice.path("p"), &bob.path("p"));
}
