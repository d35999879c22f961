//! What must never be seen on a terminal: control sequences of strangers, and what nobody asked for.

use std::{
    ffi::OsStr,
    io::{BufRead as _, BufReader},
    os::unix::ffi::OsStrExt as _,
};

use crate::common::{Ended, Peer, Running, filler, write};

/// A name that clears the screen, sets the title, rings, hides and turns around.
const HOSTILE: &str = "a\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}2J\u{202e}gpj.\u{200b}exe\r";

/// What none of it may reach a terminal as.
const RAW: [&str; 6] = [
    "\u{1b}[2J",
    "\u{1b}]0;",
    "\u{7}",
    "\u{9b}",
    "\u{202e}",
    "\u{200b}",
];

/// Runs a line of Grove at a terminal; what the terminal got.
fn at_a_terminal(peer: &Peer, args: &[&str]) -> Ended {
    let mut words = vec![shell_word(env!("CARGO_BIN_EXE_grove"))];
    words.extend(["--no-lan", "--bind", "127.0.0.1:0"].map(shell_word));
    words.extend(args.iter().map(|arg| shell_word(arg)));
    let mut command = peer.program(OsStr::new("script"));
    command
        .args([
            "--quiet",
            "--return",
            "--command",
            &words.join(" "),
            "/dev/null",
        ])
        .env("TERM", "xterm");
    Running::start(peer.name(), command).end()
}

fn shell_word(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

fn holds_nothing_raw(bytes: &[u8], what: &str) {
    for raw in RAW {
        let found = bytes
            .windows(raw.len())
            .any(|window| window == raw.as_bytes());
        assert!(!found, "{what}: {raw:?} in {}", bytes.escape_ascii());
    }
}

#[test]
fn names_of_strangers_are_escaped_everywhere() {
    let alice = Peer::new("alice");
    alice.write(&format!("{HOSTILE}/{HOSTILE}"), filler(1000));
    alice.write(&format!("{HOSTILE}/other"), filler(1001));
    let sharing = alice.share(&[HOSTILE]);
    let bob = Peer::new("bob");
    for args in [
        &["ls", &sharing.ticket][..],
        &["ls", "--tree", &sharing.ticket],
        &["-v", "get", &sharing.ticket],
        &["get", &sharing.ticket],
    ] {
        let ended = at_a_terminal(&bob, args).expect(0);
        holds_nothing_raw(&ended.stdout, &args.join(" "));
    }
    // Something in the way is named in an error, and in a warning.
    bob.write(&format!("{HOSTILE}/{HOSTILE}"), "other");
    let stopped = at_a_terminal(&bob, &["get", &sharing.ticket]).expect(7);
    holds_nothing_raw(&stopped.stdout, "conflict");
    assert!(stopped.stdout_text().contains("\\u{1b}[2J"), "{stopped}");
    let left = at_a_terminal(&bob, &["get", "--skip", &sharing.ticket]).expect(3);
    holds_nothing_raw(&left.stdout, "skip");

    let listed = bob.plain(&["ls", &sharing.ticket]).expect(0);
    holds_nothing_raw(&listed.stdout, "piped listing");
    let listed = bob.grove(&["ls", &sharing.ticket]).expect(0);
    holds_nothing_raw(&listed.stdout, "JSON listing");
    let listing = listed.event("listing");
    let names: Vec<_> = listing["entries"].as_array().unwrap().iter().collect();
    let name = format!("{HOSTILE}/{HOSTILE}");
    assert!(
        names.iter().any(|entry| entry["path"] == name.as_str()),
        "{listed}"
    );
}

#[test]
fn a_sharer_sees_own_names_escaped_too() {
    let alice = Peer::new("alice");
    alice.write(HOSTILE, "x");
    let ended = at_a_terminal(&alice, &["share", HOSTILE, "--expire", "1s"]).expect(0);
    holds_nothing_raw(&ended.stdout, "share");
    let missing = format!("{HOSTILE} not there");
    let ended = at_a_terminal(&alice, &["share", &missing]).expect(2);
    holds_nothing_raw(&ended.stdout, "what does not exist");
}

#[test]
fn without_a_terminal_nothing_moves_the_cursor() {
    let alice = Peer::new("alice");
    alice.write("file", filler(3_000_000));
    let sharing = alice.share(&["file"]);
    let bob = Peer::new("bob");
    let got = bob
        .plain(&["get", &sharing.ticket, "--limit-rate", "2M"])
        .expect(0);
    for moves in [b'\r', 0x1b, 0x08] {
        assert!(!got.stderr.contains(&moves), "{got}");
    }
    assert_eq!(got.stdout_text(), "./file\n");
}

#[test]
fn quiet_is_quiet() {
    let alice = Peer::new("alice");
    alice.write("file", filler(1000));
    let sharing = alice.share(&["file"]);
    let bob = Peer::new("bob");
    let got = bob.plain(&["-q", "get", &sharing.ticket]).expect(0);
    assert_eq!(got.stderr_text(), "");
}

#[test]
fn a_closed_standard_output_does_not_end_a_share() {
    for flags in [&[][..], &["--json"]] {
        let alice = Peer::new("alice");
        alice.write("file", filler(1000));
        let (reader, writer) = std::io::pipe().unwrap();
        let command = alice.command(&[flags, &["share", "file"]].concat());
        let running = Running::start_into("alice", command, writer);
        let mut reader = BufReader::new(reader);
        let mut line = String::new();
        while !line.contains("blob") {
            line.clear();
            assert!(reader.read_line(&mut line).unwrap() > 0);
        }
        drop(reader);
        let start = line.find("blob").unwrap();
        let end = line[start..]
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap();
        let ticket = &line[start..start + end];
        for name in ["bob", "carol"] {
            let peer = Peer::new(name);
            peer.get(ticket, &[]).expect(0);
            assert_eq!(peer.read("file"), filler(1000));
        }
        running.interrupt().expect(130);
    }
}

#[test]
fn names_that_are_not_unicode_are_shown_and_kept() {
    let alice = Peer::new("alice");
    let name = OsStr::from_bytes(b"\xff\xfe.txt");
    write(&alice.path("p").join(name), b"x");
    let sharing = alice.share(&["p"]);
    let bob = Peer::new("bob");
    let listed = bob.plain(&["ls", &sharing.ticket]).expect(0);
    assert!(listed.stdout_text().contains("\\xff\\xfe.txt"), "{listed}");
    let listed = bob
        .grove(&["ls", &sharing.ticket])
        .expect(0)
        .event("listing");
    let entries = listed["entries"].as_array().unwrap();
    let encoded = entries
        .iter()
        .filter_map(|entry| entry["path_base64"].as_str());
    assert_eq!(encoded.collect::<Vec<_>>(), ["cC///i50eHQ="]);
}
