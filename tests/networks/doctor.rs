//! What `grove doctor` finds.

use crate::{
    common::{Event, Peer},
    hub::Hub,
    lab::{Kind, Lab},
};

/// What it says of a network, with two hubs to ask.
#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn every_kind_of_network() {
    let lab = Lab::new();
    let hubs = [Hub::new(&lab, "hub"), Hub::new(&lab, "hub2")];
    let kinds_of_networks = [
        (Kind::Public, "none", true, None),
        (Kind::FullCone, "endpoint_independent", true, None),
        (Kind::Home, "endpoint_independent", true, None),
        (Kind::Symmetric, "endpoint_dependent", true, Some("nat")),
        (Kind::NoUdp, "", false, Some("udp")),
        (Kind::WebOnly, "", false, Some("udp")),
    ];
    for (kind, nat, udp, problem) in kinds_of_networks {
        let bob = lab
            .behind(&format!("bob-{kind:?}"), kind)
            .peer("bob")
            .online();
        for hub in &hubs {
            hub.let_join(&bob);
        }
        let found = bob.grove(&["doctor"]).expect(0).event("doctor");
        assert_eq!(
            found["nat"].as_str().unwrap_or_default(),
            nat,
            "{kind:?}: {found}"
        );
        assert_eq!(found["udp_v4"], udp, "{kind:?}: {found}");
        assert_eq!(
            kinds(&found),
            problem.into_iter().collect::<Vec<_>>(),
            "{kind:?}: {found}"
        );
        assert_eq!(found["clock_ahead_s"], 0, "{kind:?}: {found}");
        let servers = found["servers"].as_array().unwrap();
        let names = servers
            .iter()
            .map(|server| server["kind"].as_str().unwrap());
        assert_eq!(
            names.collect::<Vec<_>>(),
            ["relay", "directory", "relay", "directory"]
        );
        assert!(
            servers.iter().all(|server| server["ms"].is_number()),
            "{found}"
        );
    }
}

#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn the_other_side_is_found_by_a_hub() {
    let lab = Lab::new();
    let hub = Hub::new(&lab, "hub");
    let alice = hub.member(&lab.behind("alice", Kind::Home), "alice");
    alice.write("file", "x");
    let sharing = alice.share(&["file", "--short"]);
    for (kind, way, problem) in [
        (Kind::Home, "direct", None),
        (Kind::Public, "direct", None),
        (Kind::NoUdp, "relay", Some("udp")),
    ] {
        let bob = hub.member(&lab.behind(&format!("bob-{kind:?}"), kind), "bob");
        let found = bob
            .grove(&["doctor", &sharing.ticket])
            .expect(0)
            .event("doctor");
        let other = &found["other_side"];
        assert_eq!(other["path"], way, "{kind:?}: {found}");
        assert!(other["rtt_ms"].is_number(), "{found}");
        assert_eq!(
            kinds(&found),
            problem.into_iter().collect::<Vec<_>>(),
            "{kind:?}: {found}"
        );
    }
    sharing.into_running().interrupt().expect(130);
}

/// The hub says what time it is.
#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn a_clock_that_is_wrong() {
    let lab = Lab::new();
    let hub = Hub::new(&lab, "hub");
    let computer = lab.behind("bob", Kind::Home);
    // Into the program itself; timers go by the clock that is not touched.
    let preload = "LD_PRELOAD=/usr/$LIB/faketime/libfaketimeMT.so.1";
    let faked = [
        "env",
        preload,
        "DONT_FAKE_MONOTONIC=1",
        "NO_FAKE_STAT=1",
        "FAKETIME=+1h",
    ];
    let prefix = [&computer.prefix()[..], &faked].concat();
    let bob = Peer::new("bob")
        .run_by(&prefix)
        .on_all_interfaces()
        .online();
    let ended = bob.grove(&["--hub", &hub.ticket, "doctor"]).expect(0);
    let found = ended.event("doctor");
    assert_eq!(kinds(&found), ["clock"], "{ended}");
    let ahead = found["clock_ahead_s"].as_i64().unwrap();
    assert!((3590..3610).contains(&ahead), "{ended}");
}

fn kinds(doctor: &Event) -> Vec<&str> {
    let problems = doctor["problems"].as_array().unwrap();
    problems
        .iter()
        .map(|p| p["kind"].as_str().unwrap())
        .collect()
}

#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn the_other_side_is_tried_without_any_server() {
    let lab = Lab::new();
    let alice = lab.behind("alice", Kind::Public).peer("alice");
    alice.write("file", "x");
    let sharing = alice.share(&["file"]);
    let bob = lab.behind("bob", Kind::Home).peer("bob");
    let found = bob.grove(&["doctor", &sharing.ticket]).expect(0);
    let found = found.event("doctor");
    assert_eq!(found["other_side"]["reachable"], true, "{found}");
    assert_eq!(found["other_side"]["path"], "direct", "{found}");
    assert_eq!(kinds(&found), [] as [&str; 0], "{found}");
    sharing.into_running().interrupt().expect(130);
}

#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn without_a_network_there_is_a_clear_answer() {
    let lab = Lab::new();
    let computer = lab.behind("bob", Kind::Home);
    computer.link(false);
    for bob in [computer.peer("bob"), computer.peer("bob").online()] {
        let ended = bob.grove(&["doctor"]).expect(4);
        assert_eq!(kinds(&ended.event("doctor")), ["no_network"], "{ended}");
        assert_eq!(ended.event("error")["kind"], "unreachable");
    }
}

/// A network that leads nowhere: the public servers are asked for, and are not there.
#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn without_a_way_out_there_is_a_clear_answer() {
    let lab = Lab::new();
    let computer = lab.behind("bob", Kind::Home);
    let ended = computer.peer("bob").online().grove(&["doctor"]).expect(4);
    let found = ended.event("doctor");
    assert_eq!(kinds(&found), ["no_server"], "{ended}");
    assert!(
        !found["addresses"].as_array().unwrap().is_empty(),
        "{ended}"
    );
    // It had to ask.
    assert!(computer.packets_abroad() > 0);
}
