//! The way changes in the middle of a transfer: both sides say so, and it goes on.

use std::time::Duration;

use crate::{
    common::{Running, assert_same_tree, filler},
    hub::Hub,
    lab::{Kind, Lab},
};

const MIB: u64 = 1 << 20;

/// How soon a direct way is found once there is one: it is looked for every minute.
const FOUND_WITHIN: Duration = Duration::from_secs(75);

/// How soon the relay is used once there is no direct way any more.
const RELAYED_WITHIN: Duration = Duration::from_mins(1);

/// Slow enough that there is something left when the way has changed.
const RATE: &str = "512K";

fn becomes(running: &mut Running, way: &str, within: Duration) {
    running.wait_within(within, way, |event| {
        event["event"] == "path_changed" && event["path"] == way
    });
}

#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn a_relayed_transfer_becomes_direct_once_it_can() {
    let lab = Lab::new();
    let hub = Hub::new(&lab, "hub");
    let alice = hub.member(&lab.behind("alice", Kind::Home), "alice");
    let at_bob = lab.behind("bob", Kind::Home);
    let bob = hub.member(&at_bob, "bob");
    alice.write("large", filler(usize::try_from(48 * MIB).unwrap()));
    let mut sharing = alice.share(&["large"]);
    at_bob.block_peers();
    let mut getting = bob.start_get(&sharing.ticket, &["--limit-rate", RATE]);
    let first = getting.wait_for("peer_connected");
    assert_eq!(first["path"], "relay", "{first}");
    getting.wait_until_fetched(2 * MIB);
    at_bob.unblock_peers();
    becomes(&mut getting, "direct", FOUND_WITHIN);
    becomes(&mut sharing, "direct", FOUND_WITHIN);
    let so_far = getting.wait_for("progress")["bytes"].as_u64().unwrap();
    getting.wait_until_fetched(so_far + MIB);
    // What is left is soon done by whoever may use the whole line.
    getting.kill();
    bob.get(&sharing.ticket, &[]).expect(0);
    assert_same_tree(&alice.path("large"), &bob.path("large"));
}

#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn a_direct_transfer_goes_on_through_the_relay() {
    let lab = Lab::new();
    let hub = Hub::new(&lab, "hub");
    let alice = hub.member(&lab.behind("alice", Kind::Home), "alice");
    let at_bob = lab.behind("bob", Kind::Home);
    let bob = hub.member(&at_bob, "bob");
    alice.write("large", filler(usize::try_from(24 * MIB).unwrap()));
    let mut sharing = alice.share(&["large"]);
    let mut getting = bob.start_get(&sharing.ticket, &["--limit-rate", "2M"]);
    getting.wait_until("direct", |event| event["path"] == "direct");
    getting.wait_until_fetched(4 * MIB);
    at_bob.block_peers();
    getting.wait_within(RELAYED_WITHIN, "relay", |event| {
        let connected = event["event"] == "peer_connected" || event["event"] == "path_changed";
        connected && event["path"] == "relay"
    });
    let got = getting.end_within(RELAYED_WITHIN).expect(0);
    assert_same_tree(&alice.path("large"), &bob.path("large"));
    let fetched = got.number("finished", "bytes_fetched");
    assert!(fetched < 32 * MIB, "{fetched} bytes: {got}");
    sharing.wait_until("relay", |event| event["path"] == "relay");
}
