//! Ctrl-C and its relatives, on either side and at any time.

use std::io::Write as _;

use crate::common::{Ended, Peer, Running, Signal, assert_same_tree, filler};

/// Under `nohup` these tests inherit that SIGHUP is ignored; people at a terminal do not.
const AS_AT_A_TERMINAL: [&str; 2] = ["env", "--default-signal=HUP"];

/// Whoever stops what is over already hears that it is over.
#[test]
fn the_end_comes_before_the_stop() {
    let alice = Peer::new("alice");
    alice.write("small", filler(100_000));
    let sharing = alice.share(&["small"]);
    for _ in 0..5 {
        let bob = Peer::new("bob").run_by(&AS_AT_A_TERMINAL);
        let getting = bob.start_get(&sharing.ticket, &[]);
        while !bob.path("small").exists() || bob.path(".grove-partial").exists() {
            std::thread::yield_now();
        }
        getting.signal(Signal::INT);
        let ended = getting.end().expect(0);
        assert_eq!(ended.number("finished", "files"), 1, "{ended}");
    }
}

#[test]
fn the_receiver_stops_and_goes_on_later() {
    let alice = Peer::new("alice");
    alice.write("p/large", filler(48 << 20));
    alice.write("p/small", filler(100));
    let sharing = alice.share(&["p"]);
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let bob = Peer::new("bob").run_by(&AS_AT_A_TERMINAL);
        let mut getting = bob.start_get(&sharing.ticket, &["--limit-rate", "3M"]);
        getting.wait_until_fetched(8 << 20);
        getting.signal(signal);
        let stopped = getting.end().expect(code);
        let error = stopped.event("error");
        assert_eq!(error["kind"], "interrupted", "{stopped}");
        assert!(!bob.path("p/large").exists(), "half a file has no name");

        let got = bob.get(&sharing.ticket, &[]).expect(0);
        let have = got.number("resumed", "bytes_have");
        assert!(have >= 6 << 20, "all that was verified is kept: {have}");
        assert_same_tree(&alice.path("p"), &bob.path("p"));
        assert!(!bob.path(".grove-partial").exists());
    }
}

#[test]
fn the_sharer_stops() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let alice = Peer::new("alice").run_by(&AS_AT_A_TERMINAL);
        alice.write("large", filler(24 << 20));
        let sharing = alice.share(&["large"]);
        let bob = Peer::new("bob");
        let mut getting = bob.start_get(&sharing.ticket, &["--limit-rate", "1M"]);
        getting.wait_until_fetched(1 << 20);
        sharing.signal(signal);
        let stopped = sharing.into_running().end().expect(code);
        assert_eq!(stopped.event("error")["kind"], "interrupted", "{stopped}");
        assert_eq!(stopped.all("transfer_broken").len(), 1, "{stopped}");
        getting.wait_for("waiting");
    }
}

#[test]
fn the_second_signal_ends_it_at_once() {
    let alice = Peer::new("alice");
    alice.write("large", filler(16 << 20));
    let sharing = alice.share(&["large"]);
    let bob = Peer::new("bob");
    let mut getting = bob.start_get(&sharing.ticket, &["--limit-rate", "1M"]);
    getting.wait_until_fetched(1 << 20);
    getting.signal(Signal::INT);
    getting.signal(Signal::INT);
    getting.end().expect(130);
    bob.get(&sharing.ticket, &[]).expect(0);
    assert_same_tree(&alice.path("large"), &bob.path("large"));
}

#[test]
fn a_receiver_who_waits_for_nobody_stops() {
    let alice = Peer::new("alice");
    alice.write("file", "x");
    let ticket = alice.share(&["file"]).ticket.clone();
    let bob = Peer::new("bob");
    let mut getting = bob.start_get(&ticket, &["--wait", "forever"]);
    getting.wait_for("waiting");
    getting.signal(Signal::INT);
    getting.end().expect(130);
}

#[test]
fn sharing_stops_while_it_reads() {
    let alice = Peer::new("alice");
    // A hole takes no room, and hashing it takes longer than any signal.
    let path = alice.write("huge", "");
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_len(1 << 40).unwrap();
    let mut sharing = alice.start(&["share", "huge"]);
    sharing.wait_until("hashing", |event| event["phase"] == "hash");
    sharing.signal(Signal::INT);
    sharing.end().expect(130);
}

#[test]
fn what_stopped_says_how_to_go_on() {
    let alice = Peer::new("alice");
    alice.write("file", "x");
    let ticket = alice.share(&["file"]).ticket.clone();
    let bob = Peer::new("bob");
    let mut getting = bob.start_get(&ticket, &["--wait", "forever"]);
    getting.wait_for("waiting");
    let stopped = getting.interrupt().expect(130);
    let hint = stopped.event("error")["hint"].to_string();
    assert!(hint.contains("same line"), "{stopped}");
}

/// The signals that end a program, each with its exit code.
const SIGNALS: [(Signal, i32); 3] = [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)];

/// Sends a signal once or twice, and expects the end that goes with it.
fn stops(running: Running, signal: Signal, code: i32, times: usize) -> Ended {
    for _ in 0..times {
        running.signal(signal);
    }
    running.end().expect(code)
}

#[test]
fn a_sharer_stops_whatever_it_is_doing() {
    let alice = Peer::new("alice").run_by(&AS_AT_A_TERMINAL);
    alice.write("file", filler(1000));
    let huge = alice.write("huge", "");
    let huge = std::fs::File::options().write(true).open(huge).unwrap();
    huge.set_len(1 << 40).unwrap();
    for (signal, code) in SIGNALS {
        for times in [1, 2] {
            // Nothing comes, and the end does not, either.
            let (reader, writer) = std::io::pipe().unwrap();
            let mut command = alice.command(&["--json", "share", "-", "--name", "input"]);
            command.stdin(reader);
            let mut reading = Running::start("alice", command);
            (&writer).write_all(b"something").unwrap();
            reading.wait_until("reading", |event| event["phase"] == "scan");
            stops(reading, signal, code, times);

            let mut hashing = alice.start(&["share", "huge"]);
            hashing.wait_until("hashing", |event| event["phase"] == "hash");
            stops(hashing, signal, code, times);

            let idle = alice.share(&["file"]).into_running();
            stops(idle, signal, code, times);
        }
    }
    // A second signal leaves a copy behind; the next share sweeps it.
    let sharing = alice.share_input(b"something", &["--name", "input"]);
    stops(sharing.into_running(), Signal::INT, 130, 1);
    let copies = alice.home().join("cache/copies");
    assert_eq!(std::fs::read_dir(copies).unwrap().count(), 0);
}

#[test]
fn a_receiver_stops_whatever_it_is_doing() {
    let alice = Peer::new("alice");
    alice.write("p/large", filler(48 << 20));
    for number in 0..40 {
        alice.write(&format!("p/{number}"), filler(number));
    }
    let sharing = alice.share(&["p"]);
    let stops_always = &|signal, code, times| {
        let bob = Peer::new("bob").run_by(&AS_AT_A_TERMINAL);
        let slow = ["--limit-rate", "2M"];
        let mut getting = bob.start_get(&sharing.ticket, &slow);
        getting.wait_for("offer");
        stops(getting, signal, code, times);

        let mut getting = bob.start_get(&sharing.ticket, &slow);
        getting.wait_until_fetched(6 << 20);
        stops(getting, signal, code, times);

        let mut resuming = bob.start_get(&sharing.ticket, &slow);
        resuming.wait_for("resumed");
        stops(resuming, signal, code, times);
        assert!(!bob.path("p/large").exists(), "half a file has no name");

        bob.get(&sharing.ticket, &[]).expect(0);
        assert_same_tree(&alice.path("p"), &bob.path("p"));
        assert!(!bob.path(".grove-partial").exists());
    };
    // Each of them fetches for seconds, so all at once.
    std::thread::scope(|scope| {
        for (signal, code) in SIGNALS {
            for times in [1, 2] {
                scope.spawn(move || stops_always(signal, code, times));
            }
        }
    });
}

#[test]
fn a_listing_stops() {
    let alice = Peer::new("alice");
    alice.write("file", "x");
    let ticket = alice.share(&["file"]).ticket.clone();
    for (signal, code) in SIGNALS {
        for times in [1, 2] {
            let bob = Peer::new("bob").run_by(&AS_AT_A_TERMINAL);
            let mut listing = bob.start(&["ls", &ticket]);
            listing.wait_for("waiting");
            stops(listing, signal, code, times);
        }
    }
}
