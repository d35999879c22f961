//! Who may fetch, how often, and for how long.

use crate::common::{DEADLINE, Peer, filler};

#[test]
fn once_is_once() {
    let alice = Peer::new("alice");
    alice.write("file", filler(100_000));
    let sharing = alice.share(&["file", "--once"]);
    let ticket = sharing.ticket.clone();
    let bob = Peer::new("bob");
    bob.get(&ticket, &[]).expect(0);
    assert_eq!(bob.read("file"), filler(100_000));
    sharing.into_running().end().expect(0);
    let late = Peer::new("carol").get(&ticket, &["--wait", "1s"]);
    late.expect(4);
}

#[test]
fn twice_is_twice() {
    let alice = Peer::new("alice");
    alice.write("file", filler(100_000));
    let sharing = alice.share(&["file", "--max-gets", "2"]);
    for name in ["bob", "carol"] {
        let peer = Peer::new(name);
        peer.get(&sharing.ticket, &[]).expect(0);
        assert_eq!(peer.read("file"), filler(100_000));
    }
    sharing.into_running().end().expect(0);
}

#[test]
fn a_listing_is_not_a_fetch() {
    let alice = Peer::new("alice");
    alice.write("file", filler(100_000));
    let sharing = alice.share(&["file", "--once"]);
    let bob = Peer::new("bob");
    bob.grove(&["ls", &sharing.ticket]).expect(0);
    bob.get(&sharing.ticket, &[]).expect(0);
    sharing.into_running().end().expect(0);
}

#[test]
fn a_share_ends_in_time_and_its_ticket_says_so() {
    let alice = Peer::new("alice");
    alice.write("file", "x");
    let sharing = alice.share(&["file", "--expire", "1s"]);
    let ticket = sharing.ticket.clone();
    sharing.into_running().end().expect(0);
    let late = Peer::new("bob").get(&ticket, &[]).expect(5);
    assert!(late.message().contains("expired"), "{late}");
}

#[test]
fn for_one_person_alone() {
    let (alice, bob, carol) = (Peer::new("alice"), Peer::new("bob"), Peer::new("carol"));
    alice.write("file", "for bob");
    let mut sharing = alice.share(&["file", "--for", &bob.id()]);
    let refused = carol.get(&sharing.ticket, &[]).expect(5);
    assert!(!carol.path("file").exists(), "{refused}");
    carol.grove(&["ls", &sharing.ticket]).expect(5);
    bob.get(&sharing.ticket, &[]).expect(0);
    assert_eq!(bob.read("file"), b"for bob");
    let named =
        |event: &serde_json::Value| event["event"] == "warning" && event["kind"] == "refused";
    sharing.wait_within(DEADLINE, "a refusal that the sharer sees", named);
}

#[test]
fn more_than_the_reader_wants_is_refused() {
    let alice = Peer::new("alice");
    alice.write("file", filler(100_001));
    let sharing = alice.share(&["file"]);
    let bob = Peer::new("bob");
    let refused = bob.get(&sharing.ticket, &["--max-size", "100K"]).expect(5);
    assert!(refused.message().contains("100 kB"), "{refused}");
    assert!(!bob.path("file").exists());
    bob.get(&sharing.ticket, &["--max-size", "100001"])
        .expect(0);
    assert_eq!(bob.read("file"), filler(100_001));
}
