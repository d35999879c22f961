//! What `grove doctor` finds.

use crate::{
    common::Event,
    lab::{Kind, Lab},
};

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
    let bob = lab.behind("bob", Kind::Home).peer("bob").online();
    let ended = bob.grove(&["doctor"]).expect(4);
    let found = ended.event("doctor");
    assert_eq!(kinds(&found), ["no_server"], "{ended}");
    assert!(
        !found["addresses"].as_array().unwrap().is_empty(),
        "{ended}"
    );
}
