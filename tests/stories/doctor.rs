//! `grove doctor`, as far as one computer without servers goes; tests/networks has the rest.

use crate::common::Peer;

#[test]
fn the_other_side_is_there_and_then_it_is_not() {
    let alice = Peer::new("alice");
    alice.write("file", "x");
    let sharing = alice.share(&["file"]);
    let ticket = sharing.ticket.clone();
    let bob = Peer::new("bob");
    let there = bob.grove(&["doctor", &ticket]).expect(0).event("doctor");
    let other = &there["other_side"];
    assert_eq!(other["reachable"], true, "{there}");
    assert_eq!(other["path"], "direct", "{there}");
    assert!(other["rtt_ms"].as_f64().is_some(), "{there}");
    assert_eq!(there["problems"].as_array().unwrap().len(), 0, "{there}");

    // Looking is not fetching.
    let ended = sharing.into_running().interrupt().expect(130);
    assert_eq!(ended.all("peer_connected").len(), 0, "{ended}");

    let gone = bob.grove(&["doctor", &ticket]).expect(4);
    let other = &gone.event("doctor")["other_side"];
    assert_eq!(other["reachable"], false, "{gone}");
    assert_eq!(gone.event("error")["kind"], "unreachable", "{gone}");
}
