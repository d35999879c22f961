//! What breaks in the middle of a transfer: it goes on by itself.

use std::{thread, time::Duration};

use crate::{
    common::{Event, Peer, Running, Sharing, assert_same_tree, filler},
    hub::Hub,
    lab::{Computer, Kind, Lab},
};

const MIB: u64 = 1 << 20;
const SIZE: u64 = 20 * MIB;

/// So much has come when something breaks.
const FIRST: u64 = 4 * MIB;

/// Slow enough that there is something left to break. More slowly where the way was not found before it was
/// all there, as on a machine that stalls.
const RATES: [&str; 3] = ["4M", "1M", "512K"];

/// How long the rest may take once all is well again: for attempts that wait ever longer.
const AFTER: Duration = Duration::from_mins(2);

/// Alice shares and Bob fetches.
struct Scene {
    alice: Peer,
    sharing: Sharing,
    at_alice: Computer,
    bob: Peer,
    at_bob: Computer,
    getting: Running,
    hubs: Vec<Hub>,
    lab: Lab,
}

impl Scene {
    /// Both are behind networks of this kind, joined these many hubs, and a part has come.
    fn new(kind: Kind, hubs: usize) -> Self {
        let lab = Lab::new();
        let names = ["hub", "hub2"].into_iter().take(hubs);
        let hubs: Vec<_> = names.map(|name| Hub::new(&lab, name)).collect();
        let (at_alice, at_bob) = (lab.behind("alice", kind), lab.behind("bob", kind));
        let (alice, bob) = (at_alice.peer("alice").online(), at_bob.peer("bob").online());
        for hub in &hubs {
            hub.let_join(&alice);
            hub.let_join(&bob);
        }
        alice.write("large", filler(usize::try_from(SIZE).unwrap()));
        let sharing = alice.share(&["large"]);
        let way = if kind == Kind::Symmetric {
            "relay"
        } else {
            "direct"
        };
        let begin = |rate| {
            let mut getting = bob.start_get(&sharing.ticket, &["--limit-rate", rate]);
            let is_it = |event: &Event| event["path"] == way || event["event"] == "finished";
            if getting.wait_until(way, is_it)["event"] != "finished" {
                getting.wait_until_fetched(FIRST);
                return Some(getting);
            }
            getting.end().expect(0);
            std::fs::remove_file(bob.path("large")).unwrap();
            None
        };
        let getting = RATES.into_iter().find_map(begin);
        let getting = getting.unwrap_or_else(|| panic!("it never went {way}"));
        Self {
            alice,
            sharing,
            at_alice,
            bob,
            at_bob,
            getting,
            hubs,
            lab,
        }
    }

    /// All came, and little of it twice.
    fn ends_well(self) {
        self.ends_well_within(AFTER);
    }

    fn ends_well_within(self, within: Duration) {
        let got = self.getting.end_within(within).expect(0);

        assert_same_tree(&self.alice.path("large"), &self.bob.path("large"));
        let fetched = got.number("finished", "bytes_fetched");
        assert!(
            fetched < SIZE + 8 * MIB,
            "{fetched} bytes for {SIZE}: {got}"
        );
        drop(self.sharing);
        drop(self.lab);
    }
}

/// Not to wait for anything: this is how long it lasts.
fn for_secs(secs: u64) {
    thread::sleep(Duration::from_secs(secs));
}

#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn a_cable_that_is_out() {
    thread::scope(|scope| {
        for (kind, secs, at_alice) in [
            (Kind::Home, 5, true),
            (Kind::Home, 40, false),
            (Kind::Symmetric, 5, false),
            (Kind::Symmetric, 40, true),
        ] {
            scope.spawn(move || {
                let scene = Scene::new(kind, 1);
                let computer = if at_alice {
                    &scene.at_alice
                } else {
                    &scene.at_bob
                };
                computer.link(false);
                for_secs(secs);
                computer.link(true);
                scene.ends_well();
            });
        }
    });
}

#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn the_receiver_moves_to_another_network() {
    for to in [Kind::Home, Kind::Symmetric] {
        let scene = Scene::new(Kind::Home, 1);
        let elsewhere = scene.lab.router("elsewhere", to);
        scene.at_bob.move_to(&elsewhere);
        scene.ends_well();
    }
}

#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn the_sharer_moves_to_another_network() {
    for to in [Kind::Home, Kind::Symmetric] {
        let scene = Scene::new(Kind::Home, 1);
        let elsewhere = scene.lab.router("elsewhere", to);
        scene.at_alice.move_to(&elsewhere);
        scene.ends_well();
    }
}

#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn a_hub_that_restarts_while_it_relays() {
    let mut scene = Scene::new(Kind::Symmetric, 1);
    scene.hubs[0].kill();
    scene.hubs[0].start();
    scene.ends_well();
}

#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn the_only_hub_goes_away_and_comes_back() {
    let mut scene = Scene::new(Kind::Symmetric, 1);
    scene.hubs[0].kill();
    for_secs(20);
    scene.hubs[0].start();
    scene.ends_well();
}

#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn a_direct_transfer_needs_no_hub() {
    let mut scene = Scene::new(Kind::Home, 1);
    scene.hubs[0].kill();
    scene.ends_well();
}

/// Whichever of the two relays: the other one does it, within a minute.
#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn one_of_two_hubs_goes_away_for_good() {
    thread::scope(|scope| {
        for gone in 0..2 {
            scope.spawn(move || {
                let mut scene = Scene::new(Kind::Symmetric, 2);
                scene.hubs[gone].kill();
                scene.ends_well_within(Duration::from_mins(1));
            });
        }
    });
}

/// The ticket says nothing but who; where, the directory says.
#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn a_directory_that_restarts() {
    let lab = Lab::new();
    let mut hub = Hub::new(&lab, "hub");
    let alice = hub.member(&lab.behind("alice", Kind::Home), "alice");
    let bob = hub.member(&lab.behind("bob", Kind::Home), "bob");
    alice.write("file", "content");
    let sharing = alice.share(&["file", "--short"]);
    hub.kill();
    let getting = bob.start_get(&sharing.ticket, &[]);
    hub.start();
    getting.end_within(AFTER).expect(0);
    assert_eq!(bob.read("file"), b"content");
}
