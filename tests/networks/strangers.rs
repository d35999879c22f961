//! Who has no token, or a wrong one, gets nothing from a hub, and no hub means no server at all.

use grove::content::HubTicket;

use crate::{
    hub::Hub,
    lab::{Kind, Lab},
};

/// The same hub with another token.
fn with_token(ticket: &str, token: Option<&str>) -> String {
    let mut ticket = HubTicket::parse(ticket).unwrap();
    ticket.token = token.map(str::to_owned);
    ticket.to_string()
}

#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn whoever_lacks_the_token_gets_nothing() {
    let lab = Lab::new();
    let hub = Hub::new(&lab, "hub");
    let alice = hub.member(&lab.behind("alice", Kind::Home), "alice");
    alice.write("file", "content");
    let sharing = alice.share(&["file"]);
    let short = alice.share(&["file", "--short"]);
    let computer = lab.behind("eve", Kind::Home);
    let eve = computer.peer("eve").online();
    for wrong in [None, Some("wrong")] {
        let ticket = with_token(&hub.ticket, wrong);
        let joined = eve.grove(&["join", &ticket]).expect(5);
        assert!(joined.message().contains("token"), "{joined}");
        // Relay and directory are of no use either to somebody who does not ask politely.
        for shared in [&sharing.ticket, &short.ticket] {
            let got = eve.grove(&["--hub", &ticket, "get", shared, "--wait", "3s"]);
            got.expect(4);
            assert!(!eve.path("file").exists());
        }
        let doctor = eve.grove(&["--hub", &ticket, "doctor"]).expect(5);
        assert_eq!(
            doctor.event("doctor")["problems"][0]["kind"],
            "denied",
            "{doctor}"
        );
    }
    // All of that was for want of the token.
    let got = eve.grove(&["--hub", &hub.ticket, "get", &short.ticket]);
    got.expect(0);
    assert_eq!(eve.read("file"), b"content");
}

/// The counter that every lab ends with counts.
#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn packets_to_elsewhere_are_counted() {
    let lab = Lab::new();
    let computer = lab.behind("bob", Kind::Home);
    computer.run("sh", &["-c", "ping -c 1 -W 1 192.0.2.1 || true"]);
    assert!(computer.packets_abroad() > 0);
    // Without a hub the public servers are asked, or would be.
    computer.peer("bob").online().grove(&["doctor"]).expect(4);
    assert!(computer.packets_abroad() > 0);
}

/// A hub that is down is not replaced by anybody.
#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn without_the_hub_nobody_else_is_asked() {
    let lab = Lab::new();
    let mut hub = Hub::new(&lab, "hub");
    let alice = hub.member(&lab.behind("alice", Kind::Public), "alice");
    let bob = hub.member(&lab.behind("bob", Kind::Home), "bob");
    hub.kill();
    alice.write("file", "content");
    let sharing = alice.share(&["file"]);
    // Directly it works all the same.
    bob.get(&sharing.ticket, &[]).expect(0);
    assert_eq!(bob.read("file"), b"content");
    let doctor = bob.grove(&["doctor"]).expect(4);
    assert_eq!(
        doctor.event("doctor")["problems"][0]["kind"],
        "no_server",
        "{doctor}"
    );
}
