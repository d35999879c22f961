//! Hubs in the place of public servers: joining, leaving, and what goes through them.

use std::{
    os::unix::fs::PermissionsExt as _,
    time::{Duration, Instant},
};

use grove::content::{HubTicket, Relays, Ticket};

use crate::common::{
    Ended, Hub, Peer, Running, Sharing, assert_same_tree, filler, member, poll, poll_for,
};

/// The paths over which a peer was reached, one after the other.
fn paths(ended: &Ended) -> Vec<String> {
    let events = ended.events().into_iter();
    let paths = events.filter_map(|event| event["path"].as_str().map(str::to_owned));
    paths.collect()
}

/// There was a connection, and all of its paths were of this kind.
fn is_only(ended: &Ended, path: &str) {
    let all = paths(ended);
    let is_it = !all.is_empty() && all.iter().all(|one| one == path);
    assert!(is_it, "{path} and nothing else: {ended}");
}

/// Shares until the ticket is as expected: what a hub did not say within three seconds is not in it.
fn share_until(peer: &Peer, args: &[&str], is: impl Fn(&str) -> bool) -> Sharing {
    poll(|| {
        let sharing = peer.share(args);
        let ticket = sharing.ticket.clone();
        if is(&ticket) {
            Ok(sharing)
        } else {
            Err(ticket)
        }
    })
}

/// Whether a ticket says nothing of where its sharer is.
fn is_short(ticket: &str) -> bool {
    let read = Ticket::parse_with(ticket, &Relays::Any).unwrap().0;
    read.addr.addrs.is_empty()
}

#[test]
fn content_goes_through_the_relay_of_a_hub() {
    let hub = Hub::start(&[]);
    let alice = Peer::new("alice").online();
    let joined = alice.grove(&["join", &hub.ticket]).expect(0);
    let joined = joined.event("joined");
    assert_eq!(
        (&joined["relay"], &joined["directory"]),
        (&true.into(), &true.into())
    );
    assert_eq!(
        (&joined["pinned"], &joined["again"]),
        (&true.into(), &false.into())
    );
    assert!(
        joined["clock_ahead"].as_i64().unwrap().abs() <= 60,
        "{joined}"
    );

    let bob = member("bob", &[&hub]);
    alice.write("p/large", filler(3 << 20));
    alice.write("p/small", filler(100));
    // Of a hub that is slow to answer there is a warning.
    let shared = || {
        _ = std::fs::remove_dir_all(bob.path("p"));
        let sharing = alice.share(&["p", "--relay-only"]);
        let got = bob.get(&sharing.ticket, &["--relay-only"]).expect(0);
        assert_same_tree(&alice.path("p"), &bob.path("p"));
        is_only(&got, "relay");
        let shared = sharing.into_running().interrupt().expect(130);
        is_only(&shared, "relay");
        shared
    };
    poll_for(shared, |shared| shared.all("warning").is_empty());
}

#[test]
fn one_side_is_enough_to_stay_on_relays() {
    let hub = Hub::start(&[]);
    let (alice, bob) = (member("alice", &[&hub]), member("bob", &[&hub]));
    alice.write("a", filler(200_000));
    let sharing = alice.share(&["a"]);
    let listed = bob
        .grove(&["ls", &sharing.ticket, "--relay-only"])
        .expect(0);
    assert_eq!(paths(&listed)[0], "relay", "{listed}");
    let got = bob.get(&sharing.ticket, &["--relay-only"]).expect(0);
    is_only(&got, "relay");
}

#[test]
fn a_direct_way_is_taken_where_there_is_one() {
    let hub = Hub::start(&[]);
    let (alice, bob) = (member("alice", &[&hub]), member("bob", &[&hub]));
    alice.write("a", filler(200_000));
    let sharing = alice.share(&["a", "--direct-only"]);
    for args in [&[][..], &["--direct-only", "--verify"]] {
        let got = bob.get(&sharing.ticket, args).expect(0);
        assert!(paths(&got).iter().all(|path| path == "direct"), "{got}");
    }
}

/// Who wants no relay gets nothing through one, and who wants nothing else is never reached straight.
#[test]
fn direct_and_relayed_do_not_meet() {
    let hub = Hub::start(&[]);
    let (alice, bob) = (member("alice", &[&hub]), member("bob", &[&hub]));
    alice.write("a", filler(200_000));
    for (one, other) in [
        ("--relay-only", "--direct-only"),
        ("--direct-only", "--relay-only"),
    ] {
        let sharing = alice.share(&["a", one]);
        let got = bob.get(&sharing.ticket, &[other, "--wait", "3s"]).expect(4);
        assert!(got.all("peer_connected").is_empty(), "{got}");
        let shared = sharing.into_running().interrupt().expect(130);
        assert!(shared.all("peer_connected").is_empty(), "{shared}");
    }
    let both = bob.grove(&["ls", "x", "--direct-only", "--relay-only"]);
    both.expect(2);
}

#[test]
fn a_short_ticket_works_through_the_directory() {
    let hub = Hub::start(&[]);
    let (alice, bob) = (member("alice", &[&hub]), member("bob", &[&hub]));
    alice.write("a", filler(200_000));
    for way in ["--relay-only", "--direct-only"] {
        let shared = || {
            let sharing = share_until(&alice, &["a", "--short", way], is_short);
            bob.get(&sharing.ticket, &[way, "--verify"]).expect(0);
            sharing.into_running().interrupt().expect(130)
        };
        poll_for(shared, |shared| shared.all("warning").is_empty());
    }
}

#[test]
fn a_hub_for_the_directory_alone_is_enough_where_there_are_direct_ways() {
    let hub = Hub::start(&["--no-relay"]);
    let (alice, bob) = (member("alice", &[&hub]), member("bob", &[&hub]));
    alice.write("a", filler(200_000));
    let sharing = share_until(&alice, &["a", "--short"], is_short);
    let got = bob.get(&sharing.ticket, &[]).expect(0);
    is_only(&got, "direct");
    let carol = member("carol", &[&hub]);
    let refused = carol.get(&sharing.ticket, &["--relay-only"]).expect(2);
    assert!(
        refused.message().contains("none of your hubs relays"),
        "{refused}"
    );
}

#[test]
fn who_has_no_token_gets_nothing() {
    let hub = Hub::start(&[]);
    let carol = Peer::new("carol").online();
    for wrong in [Some("wrong"), None] {
        let ticket = hub.with_token(wrong);
        let refused = carol.grove(&["join", &ticket]).expect(5);
        assert!(refused.message().contains("token"), "{refused}");
    }
    let listed = carol.grove(&["join"]).expect(0);
    assert_eq!(listed.event("hubs")["hubs"], serde_json::json!([]));

    let alice = member("alice", &[&hub]);
    alice.write("a", filler(1000));
    let sharing = alice.share(&["a", "--relay-only"]);
    // With the hub, but without its token.
    let hub_flag = format!("--hub={}", hub.with_token(Some("wrong")));
    let hint = |wait| {
        let args = [&hub_flag, "--wait", wait];
        let got = carol.get(&sharing.ticket, &args).expect(4);
        assert!(got.all("peer_connected").is_empty(), "{got}");
        got.event("error")["hint"].as_str().unwrap().to_owned()
    };
    // The longer one where the hub takes its time to answer.
    let mut hints = ["4s", "30s"].into_iter().map(hint);
    assert!(hints.any(|hint| hint.contains("does not take your token")));
    // Sharing works as far as it does without: here, on one computer.
    carol.write("c", filler(1000));
    let shared = || {
        let sharing = carol.share(&["c", &hub_flag, "--short"]);
        assert!(!is_short(&sharing.ticket), "{}", sharing.ticket);
        alice.get(&sharing.ticket, &[]).expect(0);
        sharing.into_running().interrupt().expect(130)
    };
    poll_for(shared, |shared| {
        shared.told().contains("does not take your token")
    });
}

#[test]
fn a_hub_that_is_down_stops_nothing() {
    let mut hub = Hub::start(&[]);
    let (alice, bob) = (member("alice", &[&hub]), member("bob", &[&hub]));
    hub.kill();
    alice.write("a", filler(200_000));
    // The ticket is not waited for for ever.
    let sharing = alice.share(&["a", "--short"]);
    let got = bob.get(&sharing.ticket, &[]).expect(0);
    assert_eq!(paths(&got)[0], "direct", "{got}");
    let told = sharing.into_running().interrupt().expect(130).told();
    assert!(told.contains("does not answer"), "{told}");

    let carol = Peer::new("carol").online();
    let down = carol.grove(&["join", &hub.ticket]).expect(4);
    assert!(
        down.message()
            .contains("cannot be reached: connection refused"),
        "{down}"
    );
    hub.start_again();
    carol.grove(&["join", &hub.ticket]).expect(0);
}

#[test]
fn somebody_else_in_the_place_of_a_hub_is_noticed() {
    let (hub, other) = (Hub::start(&[]), Hub::start(&[]));
    let alice = Peer::new("alice").online();
    let mixed = HubTicket {
        hosts: other.parsed().hosts,
        ..hub.parsed()
    };
    let refused = alice.grove(&["join", &mixed.to_string()]).expect(6);
    let port = other.parsed().places().next().unwrap().port();
    let says = format!("what answers at 127.0.0.1:{port} is not the hub that this line means");
    assert_eq!(refused.message(), says);
    // An ordinary certificate is not what it has, either.
    let ordinary = HubTicket {
        pin: None,
        ..hub.parsed()
    };
    let refused = alice.grove(&["join", &ordinary.to_string()]).expect(6);
    assert!(
        refused
            .message()
            .ends_with("is not the hub that this line means"),
        "{refused}"
    );
}

#[test]
fn hubs_are_listed_and_left() {
    let (one, two) = (Hub::start(&[]), Hub::start(&["--no-directory"]));
    let alice = member("alice", &[&one, &two]);
    let names = |ended: &Ended| -> Vec<String> {
        let hubs = ended.event("hubs")["hubs"].clone();
        let hubs = hubs.as_array().unwrap().clone();
        hubs.iter()
            .map(|hub| hub["hub"].as_str().unwrap().to_owned())
            .collect()
    };
    let expected = [one.parsed().name(), two.parsed().name()];
    assert_eq!(names(&alice.grove(&["join"])), expected);
    let plain = alice.plain(&["join"]).expect(0).stdout_text();
    let lines = format!(
        "{}  relay and directory\n{}  relay\n",
        expected[0], expected[1]
    );
    assert_eq!(plain, lines, "no token in it");
    // Again, with a new ticket: still two.
    let again = alice.grove(&["join", &one.ticket]).expect(0);
    assert_eq!(again.event("joined")["again"], true);
    alice.grove(&["leave"]).expect(2);
    alice.grove(&["leave", "nobody.example"]).expect(2);
    alice.grove(&["leave", &expected[0]]).expect(0);
    assert_eq!(names(&alice.grove(&["join"])), expected[1..]);
    let left = alice.plain(&["leave"]).expect(0);
    assert!(
        left.stderr_text().contains("public servers are used again"),
        "{left}"
    );
    assert!(names(&alice.grove(&["join"])).is_empty());
}

/// The list of hubs keeps public servers away, so damage to it must not bring them back.
#[test]
fn a_damaged_list_of_hubs_is_not_taken_for_an_empty_one() {
    let alice = Peer::new("alice").online();
    alice.write("a", filler(10));
    alice.grove(&["id"]).expect(0);
    std::fs::write(
        alice.home().join("hubs.toml"),
        "[[hub]]\nticket = \"hubaaaa\"\n",
    )
    .unwrap();
    for args in [&["share", "a"][..], &["join"], &["leave"]] {
        let refused = alice.grove(args).expect(8);
        assert!(
            refused.message().contains("hubs.toml is damaged"),
            "{refused}"
        );
    }
}

#[test]
fn one_hub_goes_away_in_the_middle_and_the_other_takes_over() {
    let (mut one, mut two) = (Hub::start(&[]), Hub::start(&[]));
    let (alice, bob) = (member("alice", &[&one, &two]), member("bob", &[&one, &two]));
    alice.write("large", filler(24 << 20));
    let sharing = alice.share(&["large", "--relay-only"]);
    let mut getting = bob.start_get(&sharing.ticket, &["--relay-only", "--limit-rate", "2M"]);
    getting.wait_until_fetched(4 << 20);
    // The one that is in the ticket, hence in use.
    let ticket = Ticket::parse_with(&sharing.ticket, &Relays::Any);
    let relay = ticket
        .unwrap()
        .0
        .addr
        .relay_urls()
        .next()
        .unwrap()
        .to_string();
    if relay.contains(&one.parsed().hosts[0]) {
        one.kill();
    } else {
        two.kill();
    }
    let killed = Instant::now();
    // Connected again, within the minute that is promised.
    getting.wait_for("peer_connected");
    let took = killed.elapsed();
    assert!(took < Duration::from_mins(1), "{took:?}");
    getting.end_within(Duration::from_mins(2)).expect(0);
    assert_eq!(alice.read("large"), bob.read("large"));
}

/// Not in what it says, at any level of talk, and not in what it keeps but for the list of hubs.
#[test]
fn a_token_is_told_nowhere() {
    let hub = Hub::start(&[]);
    let token = hub.parsed().token.unwrap();
    let alice = member("alice", &[&hub]);
    alice.write("a", filler(1000));
    let logged = |args: &[&str]| {
        let mut command = alice.command(&[&["--json"], args].concat());
        command.env("GROVE_LOG", "trace");
        Running::start("alice", command)
    };
    let sharing = Sharing::new(logged(&["share", "a", "--short", "--relay-only"]));
    let bob = member("bob", &[&hub]);
    bob.get(&sharing.ticket, &[]).expect(0);
    let shared = sharing.into_running().interrupt().expect(130);
    let joined = logged(&["join", &hub.ticket]).end().expect(0);
    for ended in [&shared, &joined] {
        let said = ended.stdout_text() + &ended.stderr_text();
        assert!(said.len() > 1000, "there is a log");
        assert!(!said.contains(&token), "the token is in the log");
        assert!(!said.contains(&hub.ticket), "the ticket is in the log");
        // Nor does anybody else hear of anything.
        assert!(!said.contains("iroh.link"), "a public server is in the log");
    }
    let kept = std::fs::metadata(alice.home().join("hubs.toml")).unwrap();
    assert_eq!(kept.permissions().mode() & 0o777, 0o600);
}

/// For one command: by flag, by a file, by the environment, by the settings.
#[test]
fn a_hub_may_be_named_without_being_joined() {
    let hub = Hub::start(&[]);
    let alice = member("alice", &[&hub]);
    alice.write("a", filler(100_000));
    let sharing = alice.share(&["a", "--relay-only"]);
    let get = |bob: &Peer, args: &[&str], variable: Option<&str>| {
        let args = [
            &[
                "--json",
                "get",
                &sharing.ticket,
                "--relay-only",
                "--wait",
                "20s",
            ],
            args,
        ];
        let mut command = bob.command(&args.concat());
        command.envs(variable.map(|ticket| ("GROVE_HUB", ticket)));
        Running::start("bob", command).end()
    };
    let bob = |name| Peer::new(name).online();
    let flag = format!("--hub={}", hub.ticket);
    get(&bob("flag"), &[&flag], None).expect(0);
    let filed = bob("file");
    filed.write("line", format!("grove join {}\n", hub.ticket));
    get(&filed, &["--hub", "@line"], None).expect(0);
    get(&bob("variable"), &[], Some(&hub.ticket)).expect(0);
    let settled = bob("settings");
    std::fs::create_dir(settled.home()).unwrap();
    let settings = format!("hub = [\"{}\"]\n", hub.ticket);
    std::fs::write(settled.home().join("config.toml"), settings).unwrap();
    get(&settled, &[], None).expect(0);
    // None of that joined it.
    let listed = filed.grove(&["join"]).expect(0);
    assert_eq!(listed.event("hubs")["hubs"], serde_json::json!([]));
    let wrong = get(&filed, &["--hub", "nonsense"], None).expect(2);
    assert!(
        wrong.message().contains("not the ticket of a hub"),
        "{wrong}"
    );
}

/// Whoever is given a ticket out of a group with a hub hears what is missing.
#[test]
fn who_joined_no_hub_hears_of_it() {
    let hub = Hub::start(&[]);
    let alice = member("alice", &[&hub]);
    alice.write("a", filler(1000));
    let sharing = alice.share(&["a", "--relay-only"]);
    let carol = Peer::new("carol");
    let got = carol.get(&sharing.ticket, &["--wait", "2s"]).expect(4);
    assert!(got.told().contains("grove join lets you use it"), "{got}");
}

/// It lets connections in and says nothing, as behind a firewall that drops packets, or while it is stopped.
#[test]
fn a_hub_that_is_silent_delays_nothing_for_long() {
    let hub = Hub::start(&[]);
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let ticket = HubTicket {
        hosts: vec![silent.local_addr().unwrap().to_string()],
        quic_port: None,
        ..hub.parsed()
    };
    let flag = format!("--hub={ticket}");
    let (alice, bob) = (Peer::new("alice").online(), Peer::new("bob").online());
    alice.write("a", filler(100_000));
    // Again where whoever stalls is told of something else first.
    let told = || {
        // The ticket is not waited for for ever.
        let sharing = alice.share(&["a", "--short", &flag]);
        assert!(!is_short(&sharing.ticket), "{}", sharing.ticket);
        let got = bob.get(&sharing.ticket, &[&flag]).expect(0);
        is_only(&got, "direct");
        assert_same_tree(&alice.path("a"), &bob.path("a"));
        std::fs::remove_file(bob.path("a")).unwrap();
        sharing.into_running().interrupt().expect(130).told()
    };
    poll_for(told, |told| told.contains("no relay of your hubs answers"));
    let down = bob.grove(&["join", &ticket.to_string()]).expect(4);
    assert!(down.message().contains("does not answer in time"), "{down}");
}
