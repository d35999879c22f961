//! Two people behind every two kinds of network, with a hub: what is shared arrives, by the way by
//! which it should, and both say by which.

use std::{collections::HashMap, path::PathBuf, sync::Mutex, thread, time::Duration};

use crate::{
    common::{Ended, Peer, Sharing, assert_same_tree, filler},
    hub::{Hub, member_of},
    lab::{
        Computer,
        Kind::{self, Both, Home, NoUdp, Public, Symmetric, V6Only, WebOnly},
        Lab,
    },
};

const MIB: usize = 1 << 20;

/// How fast it comes, so that there is time to find a better way: two seconds. Where a machine stalls that
/// may be too little, so a direct way is looked for again, for up to eighty seconds.
const RATE: &str = "10M";
const SLOWER: [&str; 2] = ["2M", "256K"];

/// How long a fetch may take at most. A bound against waiting for ever.
const WITHIN: Duration = Duration::from_mins(5);

/// How many fetch at the same time.
const AT_ONCE: usize = 4;

const DIRECT: &str = "direct";
const RELAY: &str = "relay";

/// The ways that a connection took, one after the other.
fn ways(ended: &Ended) -> Vec<String> {
    let says = |event: &serde_json::Value| {
        event["event"] == "peer_connected" || event["event"] == "path_changed"
    };
    let events = ended.events().into_iter().filter(says);
    let ways = events.map(|event| event["path"].as_str().unwrap().to_owned());
    ways.collect()
}

/// Has the second of each pair fetch from the first.
fn fetch(pairs: &[(Kind, Kind, &str)]) {
    let lab = Lab::new();
    let hub = Hub::new(&lab, "hub");
    let mut sharers: Vec<(Kind, Peer, Sharing)> = Vec::new();
    for (kind, ..) in pairs {
        if sharers.iter().all(|(known, ..)| known != kind) {
            let computer = lab.behind(&format!("sharer-{kind:?}"), *kind);
            let alice = hub.member(&computer, "alice");
            alice.write("large", filler(20 * MIB));
            let sharing = alice.share(&["large"]);
            sharers.push((*kind, alice, sharing));
        }
    }
    let mut getters: HashMap<Kind, Computer> = HashMap::new();
    for (_, kind, _) in pairs {
        let new = || lab.behind(&format!("getter-{kind:?}"), *kind);
        getters.entry(*kind).or_insert_with(new);
    }
    let shares = sharers
        .iter()
        .map(|(kind, alice, sharing)| (*kind, (alice.path("large"), sharing.ticket.clone())));
    let shares: HashMap<Kind, (PathBuf, String)> = shares.collect();
    let (left, hub) = (Mutex::new(pairs.iter()), &hub.ticket);
    let wrong = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = left.lock().unwrap().next();
                    let Some((from, to, expected)) = next else {
                        return;
                    };
                    let (path, ticket) = &shares[from];
                    let get = |rate| {
                        let bob = member_of(hub, &getters[to], "bob");
                        let getting = bob.start_get(ticket, &["--limit-rate", rate]);
                        let got = getting.end_within(WITHIN).expect(0);
                        assert_same_tree(path, &bob.path("large"));
                        ways(&got)
                    };
                    let is_right = |ways: &Vec<String>| match *expected {
                        RELAY => !ways.is_empty() && ways.iter().all(|way| way == RELAY),
                        way => ways.last().is_some_and(|last| last == way),
                    };
                    let mut ways = get(RATE);
                    for rate in SLOWER {
                        if *expected == DIRECT && !is_right(&ways) {
                            ways = get(rate);
                        }
                    }
                    if !is_right(&ways) {
                        wrong
                            .lock()
                            .unwrap()
                            .push(format!("{from:?} → {to:?}: {ways:?} and not {expected}"));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A NAT that lets in only whom one has talked to, in front of somebody whom it cannot talk to, since
/// the other NAT always says another address: there is no direct way. All else has one.
#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn every_two_kinds_of_nat() {
    let mut pairs = Vec::new();
    for from in Kind::NATS {
        for to in Kind::NATS {
            let way = match (from, to) {
                (Symmetric, Symmetric | Home) | (Home, Symmetric) => RELAY,
                _ => DIRECT,
            };
            pairs.push((from, to, way));
        }
    }
    fetch(&pairs);
}

#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn no_udp_and_other_protocols() {
    fetch(&[
        (NoUdp, Public, RELAY),
        (Home, NoUdp, RELAY),
        (NoUdp, NoUdp, RELAY),
        (WebOnly, Home, RELAY),
        (Public, WebOnly, RELAY),
        (WebOnly, WebOnly, RELAY),
        (V6Only, Public, RELAY),
        (Home, V6Only, RELAY),
        (V6Only, V6Only, DIRECT),
        (Both, V6Only, DIRECT),
        (Both, Symmetric, DIRECT),
    ]);
}

/// Who wants to be sure of the way gets that way or nothing.
#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn only_directly_or_only_through_the_relay() {
    let lab = Lab::new();
    let hub = Hub::new(&lab, "hub");
    let alice = hub.member(&lab.behind("alice", Home), "alice");
    alice.write("file", filler(MIB));
    let sharing = alice.share(&["file"]);
    let short = alice.share(&["file", "--short"]);
    let home = lab.behind("home", Home);
    for ticket in [&sharing.ticket, &short.ticket] {
        let bob = hub.member(&home, "bob");
        let got = bob.get(ticket, &["--relay-only"]).expect(0);
        assert!(ways(&got).iter().all(|way| way == RELAY), "{got}");
    }
    // Without the relay nobody tells Alice's router to let Bob's packets in.
    let bob = hub.member(&home, "bob");
    let got = bob.get(&sharing.ticket, &["--direct-only", "--wait", "3s"]);
    got.expect(4);
    let public = hub.member(&lab.behind("public", Public), "carol");
    public.write("file", filler(MIB));
    let sharing = public.share(&["file", "--direct-only"]);
    let got = bob.get(&sharing.ticket, &["--direct-only"]).expect(0);
    got.connected_by(DIRECT);
    assert!(ways(&got).iter().all(|way| way == DIRECT), "{got}");
}

/// The hub has both, so whoever has one reaches whoever has the other through it.
#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn ipv6_alone_and_ipv4_alone() {
    let lab = Lab::new();
    let hub = Hub::new(&lab, "hub");
    let (six, four) = (lab.behind("six", V6Only), lab.behind("four", Public));
    for (from, to) in [(&six, &four), (&four, &six)] {
        let alice = hub.member(from, "alice");
        alice.write("large", filler(20 * MIB));
        let sharing = alice.share(&["large"]);
        let bob = hub.member(to, "bob");
        let got = bob.get(&sharing.ticket, &["--limit-rate", RATE]).expect(0);
        assert_same_tree(&alice.path("large"), &bob.path("large"));
        assert!(ways(&got).iter().all(|way| way == RELAY), "{got}");
    }
}
