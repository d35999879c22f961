//! Networks that are cut, or not there.

use std::{thread, time::Duration};

use crate::{
    common::{Peer, assert_same_tree, filler},
    lab::Computer,
};

const MIB: u64 = 1 << 20;

fn at(computer: &Computer, name: &'static str) -> Peer {
    Peer::new(name)
        .run_by(&computer.prefix())
        .on_all_interfaces()
}

#[test]
#[ignore = "needs root, see CONTRIBUTING"]
fn a_ticket_without_any_network() {
    for with_loopback in [false, true] {
        let computer = Computer::new();
        if with_loopback {
            computer.ip(&["link", "set", "lo", "up"]);
        }
        for alice in [at(&computer, "alice"), at(&computer, "alice").online()] {
            alice.write("file", "x");
            let sharing = alice.share(&["file"]);
            assert!(sharing.ticket.starts_with("blob"));
            sharing.into_running().interrupt().expect(130);
        }
    }
}

#[test]
#[ignore = "needs root, see CONTRIBUTING"]
fn a_fetch_without_any_network_ends() {
    let alice = Peer::new("alice");
    alice.write("file", "x");
    let ticket = alice.share(&["file"]).ticket.clone();
    let computer = Computer::new();
    for bob in [at(&computer, "bob"), at(&computer, "bob").online()] {
        bob.get(&ticket, &["--wait", "1s"]).expect(4);
    }
}

#[test]
#[ignore = "needs root, see CONTRIBUTING"]
fn from_one_computer_to_another_that_have_no_way_out() {
    let [left, right] = Computer::pair();
    let alice = at(&left, "alice").online();
    alice.write("large", filler(8 << 20));
    let mut sharing = alice.share(&["large"]);
    let bob = at(&right, "bob").online();
    bob.get(&sharing.ticket, &[]).expect(0);
    assert_same_tree(&alice.path("large"), &bob.path("large"));
    assert_eq!(sharing.wait_for("peer_connected")["path"], "direct");
}

#[test]
#[ignore = "needs root, see CONTRIBUTING"]
fn a_cable_that_is_out_for_some_seconds() {
    for (outage, at_the_sharer) in [(5, true), (5, false), (40, false)] {
        let [left, right] = Computer::pair();
        let alice = at(&left, "alice");
        alice.write("large", filler(24 << 20));
        let sharing = alice.share(&["large"]);
        let bob = at(&right, "bob");
        let mut getting = bob.start_get(&sharing.ticket, &["--limit-rate", "8M"]);
        getting.wait_until_fetched(6 * MIB);
        let end = if at_the_sharer { &left } else { &right };
        end.ip(&["link", "set", "cable", "down"]);
        // Not to wait for anything: this is how long the outage is.
        thread::sleep(Duration::from_secs(outage));
        end.ip(&["link", "set", "cable", "up"]);
        let got = getting.end_within(Duration::from_mins(2)).expect(0);
        assert_same_tree(&alice.path("large"), &bob.path("large"));
        assert!(got.number("finished", "bytes_fetched") < 28 * MIB, "{got}");
    }
}

#[test]
#[ignore = "needs root, see CONTRIBUTING"]
fn a_receiver_that_moves_to_another_address() {
    let [left, right] = Computer::pair();
    let alice = at(&left, "alice");
    alice.write("large", filler(24 << 20));
    let sharing = alice.share(&["large"]);
    let bob = at(&right, "bob");
    let mut getting = bob.start_get(&sharing.ticket, &["--limit-rate", "8M"]);
    getting.wait_until_fetched(6 * MIB);
    right.ip(&["address", "delete", "10.77.0.2/24", "dev", "cable"]);
    right.ip(&["address", "add", "10.77.0.3/24", "dev", "cable"]);
    getting.end_within(Duration::from_mins(2)).expect(0);
    assert_same_tree(&alice.path("large"), &bob.path("large"));
}

/// What a kill costs, counted at the cable.
#[test]
#[ignore = "needs root, see CONTRIBUTING"]
fn a_resume_costs_little_on_the_wire() {
    const SIZE: u64 = 96 * MIB;
    for percent in [20, 50, 80] {
        let [left, right] = Computer::pair();
        let alice = at(&left, "alice");
        alice.write("p/large", filler(64 << 20));
        for number in 0..128 {
            alice.write(&format!("p/many/{number}"), filler((256 << 10) - number));
        }
        let sharing = alice.share(&["p"]);
        let bob = at(&right, "bob");
        let mut getting = bob.start_get(&sharing.ticket, &["--limit-rate", "40M"]);
        getting.wait_until_fetched(SIZE / 100 * percent);
        getting.kill();
        bob.get(&sharing.ticket, &[]).expect(0);
        assert_same_tree(&alice.path("p"), &bob.path("p"));
        // Of what the cable carries, headers of packets are four percent.
        let content = right.bytes_received() / 104 * 100;
        let most = SIZE + SIZE / 100 + 32 * MIB;
        println!("killed at {percent} %: {content} bytes for {SIZE}");
        assert!(
            content <= most,
            "killed at {percent} %: {content} bytes for {SIZE}"
        );
    }
}
