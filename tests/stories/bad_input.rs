//! What people type wrong, and what they cannot have.

use crate::common::{Ended, Peer, filler, snapshot, write};

/// Two lines on standard error, and nothing on the disk.
fn is_refused(peer: &Peer, args: &[&str], code: i32) -> Ended {
    let before = snapshot(&peer.path(""));
    let plain = peer.plain(args).expect(code);
    let text = plain.stderr_text();
    let lines: Vec<&str> = text.lines().collect();
    let is_error = |line: &&&str| line.starts_with("error: ");
    assert_eq!(lines.iter().filter(is_error).count(), 1, "{plain}");
    assert!(lines.last().unwrap().starts_with("hint: "), "{plain}");
    assert!(plain.stdout.is_empty(), "{plain}");

    let refused = peer.grove(args).expect(code);
    assert!(text.contains(&refused.message()), "{text}");
    assert!(snapshot(&peer.path("")) == before, "nothing is written");
    refused
}

#[test]
fn damaged_tickets_are_refused_at_once() {
    let alice = Peer::new("alice");
    alice.write("file", "x");
    let mut sharing = alice.share(&["file"]);
    let ticket = sharing.ticket.clone();
    let bob = Peer::new("bob");
    let middle = ticket.len() / 2;
    let other = if &ticket[middle..=middle] == "a" {
        "b"
    } else {
        "a"
    };
    let damaged = [
        ticket[..ticket.len() - 1].to_owned(),
        ticket[..middle].to_owned(),
        format!("{}{other}{}", &ticket[..middle], &ticket[middle + 1..]),
        format!("{}{}", &ticket[..middle], &ticket[middle + 1..]),
        format!("{ticket}a"),
    ];
    for ticket in &damaged {
        let refused = is_refused(&bob, &["get", ticket], 2);
        assert!(refused.message().contains("damaged"), "{refused}");
        is_refused(&bob, &["ls", ticket], 2);
    }
    // The first who knocks is the one with the right ticket.
    bob.get(&ticket, &[]).expect(0);
    assert_eq!(sharing.wait_for("peer_connected")["peer"], bob.id());
}

#[test]
fn what_is_no_ticket_is_named() {
    let bob = Peer::new("bob");
    for (text, says) in [
        ("", "empty"),
        ("  ", "empty"),
        ("hello", "not a ticket"),
        ("7-guitar-tango", "magic-wormhole"),
        ("1234-one-two-three", "croc"),
        ("https://example.com/file", "web address"),
        ("photos/summer", "path"),
        (
            "endpointaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "iroh endpoint",
        ),
    ] {
        let refused = is_refused(&bob, &["get", text], 2);
        assert!(refused.message().contains(says), "{text:?}: {refused}");
    }
}

#[test]
fn a_sharer_who_is_not_there() {
    let alice = Peer::new("alice");
    alice.write("file", "x");
    let ticket = alice.share(&["file"]).ticket.clone();
    let bob = Peer::new("bob");
    let refused = is_refused(&bob, &["get", &ticket, "--wait", "1s"], 4);
    assert_eq!(refused.event("error")["kind"], "unreachable", "{refused}");
    is_refused(&bob, &["ls", &ticket, "--wait", "1s"], 4);
    is_refused(&bob, &["get", &ticket, "--wait", "1s", "-o", "new"], 4);
}

#[test]
fn ones_own_ticket() {
    let alice = Peer::new("alice");
    alice.write("file", "x");
    let sharing = alice.share(&["file"]);
    let refused = is_refused(&alice, &["get", &sharing.ticket], 2);
    assert!(refused.message().contains("own"), "{refused}");
}

#[test]
fn patterns_that_match_nothing_or_make_no_sense() {
    let alice = Peer::new("alice");
    alice.write("p/file", "x");
    let sharing = alice.share(&["p"]);
    let bob = Peer::new("bob");
    let refused = is_refused(&bob, &["get", &sharing.ticket, "--only", "*.jpg"], 2);
    assert!(refused.message().contains("--only"), "{refused}");
    let refused = is_refused(&bob, &["get", &sharing.ticket, "--only", "a["], 2);
    assert!(refused.message().contains("a["), "{refused}");
    let refused = is_refused(&alice, &["share", "p", "--exclude", "{a"], 2);
    assert!(refused.message().contains("{a"), "{refused}");
}

#[test]
fn a_name_for_standard_input_that_leads_elsewhere() {
    let alice = Peer::new("alice");
    for name in ["../x", "/etc/x", "..", "", "a/../b"] {
        is_refused(&alice, &["share", "-", "--name", name], 2);
    }
}

#[test]
fn a_home_that_cannot_be() {
    let alice = Peer::new("alice");
    alice.write("file", "x");
    is_refused(&alice, &["--home", "file", "share", "file"], 8);
    is_refused(&alice, &["--home", "/dev/null/home", "id"], 8);
}

#[test]
fn settings_that_make_no_sense() {
    let alice = Peer::new("alice");
    alice.write("file", "x");
    let settings = alice.home().join("config.toml");
    for (text, says) in [
        ("offline = maybe", "line 1"),
        ("\nlimit-rate = \"lots\"", "lots"),
        ("\ncolour = \"red\"", "colour"),
    ] {
        write(&settings, text.as_bytes());
        let refused = is_refused(&alice, &["share", "file"], 2);
        assert!(refused.message().contains("config.toml"), "{refused}");
        assert!(refused.message().contains(says), "{refused}");
    }
}

#[test]
fn names_that_other_systems_cannot_have() {
    let alice = Peer::new("alice");
    alice.write("p/back\\slash", "x");
    alice.write("p/fine", "x");
    let refused = is_refused(&alice, &["share", "p"], 1);
    assert!(refused.message().contains("p/back\\slash"), "{refused}");
    let _sharing = alice.share(&["p", "--exclude", "back*"]);
}

#[test]
fn an_identity_that_is_damaged_is_never_replaced() {
    let alice = Peer::new("alice");
    alice.write("file", filler(10));
    let before = alice.id();
    let identity = alice.home().join("identity");
    let good = std::fs::read(&identity).unwrap();
    for damaged in [&good[..20], b"", b"\xff\xfe", &[b'z'; 65]] {
        std::fs::write(&identity, damaged).unwrap();
        let refused = is_refused(&alice, &["share", "file"], 8);
        assert!(refused.message().contains("identity"), "{refused}");
        assert_eq!(std::fs::read(&identity).unwrap(), damaged);
    }
    std::fs::write(&identity, good).unwrap();
    assert_eq!(alice.id(), before);
}
