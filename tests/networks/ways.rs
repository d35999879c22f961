//! The way changes in the middle of a transfer: both sides say so, and it goes on.

use std::time::Duration;

use crate::{
    common::{Peer, Running, assert_same_tree, filler},
    hub::Hub,
    lab::{Computer, Kind, Lab},
};

const MIB: u64 = 1 << 20;

/// How soon a direct way is found once there is one: it is looked for every minute.
const FOUND_WITHIN: Duration = Duration::from_secs(75);

/// How soon the relay is used once there is no direct way any more.
const RELAYED_WITHIN: Duration = Duration::from_mins(1);

/// Slow enough that there is something left when the way has changed.
const RATE: &str = "512K";

/// Two people at home, and a hub that both joined.
struct Scene {
    alice: Peer,
    bob: Peer,
    at_bob: Computer,
    _hub: Hub,
    _lab: Lab,
}

impl Scene {
    /// She has a file `large` of so many bytes.
    fn new(bytes: u64) -> Self {
        let lab = Lab::new();
        let hub = Hub::new(&lab, "hub");
        let alice = hub.member(&lab.behind("alice", Kind::Home), "alice");
        let at_bob = lab.behind("bob", Kind::Home);
        let bob = hub.member(&at_bob, "bob");
        alice.write("large", filler(usize::try_from(bytes).unwrap()));
        Self {
            alice,
            bob,
            at_bob,
            _hub: hub,
            _lab: lab,
        }
    }

    fn assert_fetched(&self) {
        assert_same_tree(&self.alice.path("large"), &self.bob.path("large"));
    }
}

fn becomes(running: &mut Running, way: &str, within: Duration) {
    running.wait_within(within, way, |event| {
        event["event"] == "path_changed" && event["path"] == way
    });
}

#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn a_relayed_transfer_becomes_direct_once_it_can() {
    let scene = Scene::new(48 * MIB);
    let mut sharing = scene.alice.share(&["large"]);
    scene.at_bob.block_peers();
    let mut getting = scene
        .bob
        .start_get(&sharing.ticket, &["--limit-rate", RATE]);
    let first = getting.wait_for("peer_connected");
    assert_eq!(first["path"], "relay", "{first}");
    getting.wait_until_fetched(2 * MIB);
    scene.at_bob.unblock_peers();
    becomes(&mut getting, "direct", FOUND_WITHIN);
    becomes(&mut sharing, "direct", FOUND_WITHIN);
    let so_far = getting.wait_for("progress")["bytes"].as_u64().unwrap();
    getting.wait_until_fetched(so_far + MIB);
    // What is left is soon done by whoever may use the whole line.
    getting.kill();
    scene.bob.get(&sharing.ticket, &[]).expect(0);
    scene.assert_fetched();
}

#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn a_direct_transfer_goes_on_through_the_relay() {
    let scene = Scene::new(24 * MIB);
    let mut sharing = scene.alice.share(&["large"]);
    let mut getting = scene
        .bob
        .start_get(&sharing.ticket, &["--limit-rate", "2M"]);
    getting.wait_until("direct", |event| event["path"] == "direct");
    getting.wait_until_fetched(4 * MIB);
    scene.at_bob.block_peers();
    getting.wait_within(RELAYED_WITHIN, "relay", |event| {
        let connected = event["event"] == "peer_connected" || event["event"] == "path_changed";
        connected && event["path"] == "relay"
    });
    let got = getting.end_within(RELAYED_WITHIN).expect(0);
    scene.assert_fetched();
    let fetched = got.number("finished", "bytes_fetched");
    assert!(fetched < 32 * MIB, "{fetched} bytes: {got}");
    sharing.wait_until("relay", |event| event["path"] == "relay");
}
