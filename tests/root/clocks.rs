//! Clocks that are wrong, or jump. `faketime` runs the program with another one.

use std::time::Duration;

use grove::content::HubTicket;
use sha2::{Digest as _, Sha256};

use crate::{
    common::{Ended, Hub, Peer, Running, assert_same_tree, certify, filler, poll_for},
    lab::Computer,
};

/// Times as faketime has them: far off, the very beginning, and beyond 32 bits.
const CLOCKS: [&str; 4] = [
    "-1d",
    "+10y",
    "@1970-01-03 00:00:00",
    "@2040-01-01 00:00:00",
];

/// Goes into the program and tells it another time. The program that comes with it stays in between, and
/// takes the signals.
const PRELOAD: &str = "LD_PRELOAD=/usr/$LIB/faketime/libfaketimeMT.so.1";

/// What runs a program with another clock. Timers go by the one that is not touched, and times of files
/// are as they are.
fn at(clock: &str) -> Vec<String> {
    let clock = format!("FAKETIME={clock}");
    let words = [
        "env",
        PRELOAD,
        "DONT_FAKE_MONOTONIC=1",
        "NO_FAKE_STAT=1",
        &clock,
    ];
    words.map(str::to_owned).into()
}

/// Somebody with another clock.
fn peer(name: &'static str, clock: &str) -> Peer {
    let prefix = at(clock);
    Peer::new(name).run_by(&prefix.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Everything that one does with Grove, by somebody with a wrong clock, from and to somebody with a
/// right one.
#[test]
#[ignore = "needs faketime, see CONTRIBUTING"]
fn a_wrong_clock_of_either_side_changes_nothing() {
    for clock in CLOCKS {
        let wrong = peer("wrong", clock);
        let right = Peer::new("right");
        for (from, to) in [(&wrong, &right), (&right, &wrong)] {
            from.write("p/large", filler(2_000_000));
            from.write("p/small", clock);
            let sharing = from.share(&["p"]);
            to.grove(&["ls", &sharing.ticket]).expect(0);
            to.get(&sharing.ticket, &["-o", "got"]).expect(0);
            assert_same_tree(&from.path("p"), &to.path("got/p"));
            let again = to.get(&sharing.ticket, &["-o", "got", "--verify"]);
            let again = again.expect(0);
            assert_eq!(again.number("finished", "bytes_fetched"), 0, "{again}");
            std::fs::remove_dir_all(to.path("got")).unwrap();
        }
        // Caches that were written under one clock are read under another.
        let sharing = wrong.share(&["p"]);
        assert_eq!(wrong.share(&["p"]).root, sharing.root);
    }
}

/// Before 1970 there is no time that could be sent, so nothing is begun.
#[test]
#[ignore = "needs faketime, see CONTRIBUTING"]
fn a_clock_before_1970_is_told() {
    let alice = Peer::new("alice");
    alice.write("file", "x");
    let sharing = alice.share(&["file"]);
    for clock in ["@1969-06-01 00:00:00", "@1901-12-13 00:00:00"] {
        let bob = peer("bob", clock);
        bob.write("own", "x");
        bob.id();
        for args in [
            &["get", &sharing.ticket][..],
            &["ls", &sharing.ticket],
            &["share", "own"],
        ] {
            let refused = bob.grove(args).expect(1);
            assert!(refused.message().contains("clock"), "{refused}");
        }
    }
}

/// A ticket with an end is judged by the clock of whoever looks at it. The sharer's decides.
#[test]
#[ignore = "needs faketime, see CONTRIBUTING"]
fn a_ticket_ends_by_the_clock() {
    let alice = Peer::new("alice");
    alice.write("file", "x");
    let sharing = alice.share(&["file", "--expire", "1h"]);
    let get = |clock, code| -> Ended {
        let bob = peer("bob", clock);
        bob.get(&sharing.ticket, &[]).expect(code)
    };
    for clock in ["-1d", "+50m", "@1970-01-03 00:00:00"] {
        get(clock, 0);
    }
    for clock in ["+70m", "+10y"] {
        let refused = get(clock, 5);
        assert!(refused.message().contains("expired"), "{refused}");
        let error = refused.event("error");
        let hint = error["hint"].as_str().unwrap();
        assert!(hint.contains("clock"), "{hint}");
    }
}

/// The clock jumps by an hour and back while a file is on its way.
#[test]
#[ignore = "needs faketime, see CONTRIBUTING"]
fn a_clock_that_jumps_disturbs_nothing() {
    for at_the_sharer in [true, false] {
        let (alice, bob) = (Peer::new("alice"), Peer::new("bob"));
        alice.write("large", filler(16 << 20));
        let jumping = if at_the_sharer { &alice } else { &bob };
        let clock = jumping.write("clock", "+0");
        let run = |peer: &Peer, args: &[&str]| {
            let line = peer.command(&[&["--json"], args].concat());
            let mut command = peer.program("env".as_ref());
            command
                .args([PRELOAD, "DONT_FAKE_MONOTONIC=1", "NO_FAKE_STAT=1"])
                .args(["FAKETIME_NO_CACHE=1"])
                .arg(format!("FAKETIME_TIMESTAMP_FILE={}", clock.display()))
                .arg(line.get_program())
                .args(line.get_args());
            Running::start(peer.name(), command)
        };
        let mut sharing = run(&alice, &["share", "large", "--expire", "3h"]);
        let ready = sharing.wait_for("share_ready");
        let ticket = ready["ticket"].as_str().unwrap();
        let mut getting = run(
            &bob,
            &["get", ticket, "--limit-rate", "6M", "--wait", "20s"],
        );
        for (bytes, jump) in [(2 << 20, "+1h"), (6 << 20, "-1h"), (10 << 20, "+0")] {
            getting.wait_until_fetched(bytes);
            std::fs::write(&clock, jump).unwrap();
        }
        let got = getting.end().expect(0);
        assert_same_tree(&alice.path("large"), &bob.path("large"));
        let fetched = got.number("finished", "bytes_fetched");
        assert!(fetched < 17 << 20, "nothing twice: {got}");
        assert!(got.all("warning").is_empty(), "{got}");
        // That the clock did jump shows at the end of the ticket.
        std::fs::write(&clock, "+4h").unwrap();
        run(&bob, &["get", ticket, "-o", "late"]).end().expect(5);
        sharing.interrupt().expect(130);
    }
}

/// Records for a directory carry a time, too: a hub takes none that are far ahead of its clock, and keeps
/// newer ones. Whose clock is wrong nobody can know, so both are named, and by how much they differ.
#[test]
#[ignore = "needs faketime, see CONTRIBUTING"]
fn a_wrong_clock_of_a_hub_or_its_member_is_told() {
    for (clock, way, about) in [
        // An answer takes a moment, which counts as well.
        ("+10m", "behind", ["9 min ", "10 min"]),
        ("-2d", "ahead of", ["1 d 23 h", "2 d"]),
    ] {
        let hub = Hub::start_by(peer("hub", clock), &[]);
        let is_told = |ended: &Ended| {
            let warnings = ended.all("warning");
            let told: Vec<_> = warnings
                .iter()
                .filter_map(|w| w["message"].as_str())
                .collect();
            let is = |line: &&&str| {
                let by = line.strip_prefix("the clock of this computer is ");
                let by = by.filter(|by| by.contains(&format!(" {way} that of the hub")));
                by.is_some_and(|by| about.iter().any(|time| by.starts_with(time)))
            };
            told.iter().filter(is).count() == 1 && !ended.told().contains("does not answer")
        };
        let [alice, bob] = ["alice", "bob"].map(|name| Peer::new(name).online());
        for peer in [&alice, &bob] {
            let joined = peer.grove(&["join", &hub.ticket]).expect(0);
            assert!(is_told(&joined), "{joined}");
        }
        alice.write("file", filler(100_000));
        for args in [&[][..], &["--relay-only"], &["--short"]] {
            // Again where the hub was too slow to answer.
            let shared = || {
                let sharing = alice.share(&[&["file"], args].concat());
                // Whether the record was taken or not, the ticket is one that works.
                let got = bob.get(&sharing.ticket, &["-o", "got"]).expect(0);
                assert!(got.all("warning").is_empty(), "{got}");
                assert_same_tree(&alice.path("file"), &bob.path("got/file"));
                std::fs::remove_dir_all(bob.path("got")).unwrap();
                sharing.into_running().interrupt().expect(130)
            };
            poll_for(shared, is_told);
        }
        // Nobody has to find who fetches, so a clock is not what that fails of.
        let missing = alice.share(&["file"]);
        let ticket = missing.ticket.clone();
        missing.into_running().interrupt().expect(130);
        // The longer one where the hub takes its time to answer.
        let mut hints = ["3s", "30s"].into_iter().map(|wait| {
            let failed = bob.get(&ticket, &["--wait", wait]).expect(4);
            failed.event("error")["hint"].to_string()
        });
        assert!(hints.any(|hint| hint.contains("is `grove share` running there")));
    }
}

/// Ordinary certificates are good for a while only.
#[test]
#[ignore = "needs faketime, see CONTRIBUTING"]
fn a_clock_beyond_the_certificate_of_a_hub_is_told() {
    let owner = Peer::new("hub");
    let made = certify("127.0.0.1");
    let chain = [made.leaf.pem(), made.root.pem()].concat();
    let files = [("chain.pem", chain), ("key.pem", made.key.serialize_pem())];
    let [cert, key] = files.map(|(name, text)| owner.write(name, text));
    let [cert, key] = [&cert, &key].map(|path| path.to_str().unwrap());
    let hub = Hub::start_by(owner, &["--cert", cert, "--key", key]);
    let ticket = HubTicket {
        pin: Some(Sha256::digest(made.root.der()).into()),
        ..hub.parsed()
    };
    let alice = Peer::new("alice").online();
    alice.grove(&["join", &ticket.to_string()]).expect(0);
    alice.write("file", "x");
    let late = at(CLOCKS[3]);
    let alice = alice.run_by(&late.iter().map(String::as_str).collect::<Vec<_>>());
    let refused = alice.grove(&["join", &ticket.to_string()]).expect(1);
    assert!(refused.message().contains("another time"), "{refused}");
    // Again where the hub was too slow to answer.
    let told = || {
        let ended = alice.share(&["file"]).into_running().interrupt();
        ended.expect(130).told()
    };
    poll_for(told, |told| {
        told.contains("is of another time") && !told.contains("does not answer")
    });
}

/// Records of the public directories carry the wrong time, too. There are none here: what is left works.
#[test]
#[ignore = "needs root and faketime, see CONTRIBUTING"]
fn a_wrong_clock_where_no_directory_answers() {
    for clock in CLOCKS {
        let [left, right] = Computer::pair();
        let there = |computer: &Computer, name| {
            let clock = at(clock);
            let clock = clock.iter().map(String::as_str);
            let prefix: Vec<_> = computer.prefix().into_iter().chain(clock).collect();
            Peer::new(name).run_by(&prefix).on_all_interfaces().online()
        };
        let alice = there(&left, "alice");
        alice.write("file", filler(100_000));
        let sharing = alice.share(&["file"]);
        let bob = there(&right, "bob");
        let got = bob.start_get(&sharing.ticket, &[]);
        got.end_within(Duration::from_mins(1)).expect(0);
        assert_same_tree(&alice.path("file"), &bob.path("file"));
        sharing.into_running().interrupt().expect(130);
    }
}
