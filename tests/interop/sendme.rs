//! With sendme 0.37.1.

use std::{
    ffi::OsString,
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::Command,
};

use crate::common::{Peer, Running, every_kind_of_entry, filler, snapshot};

/// Keeps sendme off the network.
const LOCAL: [&str; 4] = ["--relay", "disabled", "--magic-ipv4-addr", "127.0.0.1:0"];

fn sendme(peer: &Peer, args: &[&str]) -> Command {
    let place = std::env::var_os("GROVE_TEST_SENDME").unwrap_or_else(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        OsString::from(root.join("target/peers/bin/sendme"))
    });
    let found = Path::new(&place).is_file();
    assert!(found, "no sendme at {}: see CONTRIBUTING", place.display());
    let mut command = peer.program(&place);
    command.args(args).args(LOCAL).arg("--no-progress");
    command
}

/// Shares with sendme, until the value is dropped; its ticket.
fn send(peer: &Peer, path: &str) -> (Running, String) {
    let (reader, writer) = std::io::pipe().unwrap();
    let command = sendme(peer, &["send", path, "--ticket-type", "addresses"]);
    let running = Running::start_into(peer.name(), command, writer);
    for line in BufReader::new(reader).lines() {
        let line = line.unwrap();
        let ticket = line
            .split_whitespace()
            .find(|word| word.starts_with("blob"));
        if let Some(ticket) = ticket {
            return (running, ticket.to_owned());
        }
    }
    panic!("sendme prints no ticket: {}", running.end());
}

/// The content of every file below `top`.
fn files(top: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let paths = snapshot(top)
        .into_keys()
        .map(|path| (top.join(&path), path));
    let files = paths.filter(|(full, _)| full.is_file() && !full.is_symlink());
    files
        .map(|(full, path)| (path, fs::read(full).unwrap()))
        .collect()
}

/// Names and sizes that both tools know.
fn tree(top: &Path) {
    every_kind_of_entry(top);
    // These are bytes that sendme does not take for a name.
    fs::remove_dir_all(top.join("names")).unwrap();
    for name in [
        "with space",
        "emoji 🎄.png",
        ".hidden",
        "-rf",
        "it's \"quoted\"",
    ] {
        crate::common::write(&top.join("names").join(name), name.as_bytes());
    }
}

#[test]
#[ignore = "needs sendme, see CONTRIBUTING"]
fn sendme_fetches_from_grove() {
    let alice = Peer::new("alice");
    tree(&alice.path("tree"));
    let sharing = alice.share(&["tree"]);
    let bob = Peer::new("bob");
    let ended = Running::start("bob", sendme(&bob, &["receive", &sharing.ticket])).end();
    ended.expect(0);
    assert!(files(&alice.path("tree")) == files(&bob.path("tree")));
}

#[test]
#[ignore = "needs sendme, see CONTRIBUTING"]
fn sendme_fetches_a_single_file_from_grove() {
    let alice = Peer::new("alice");
    alice.write("large.bin", filler((20 << 20) + 5));
    let mut sharing = alice.share(&["large.bin", "--once"]);
    let bob = Peer::new("bob");
    let ended = Running::start("bob", sendme(&bob, &["receive", &sharing.ticket])).end();
    ended.expect(0);
    assert!(bob.read("large.bin") == filler((20 << 20) + 5));
    sharing.wait_for("transfer_finished");
    sharing.into_running().end().expect(0);
}

#[test]
#[ignore = "needs sendme, see CONTRIBUTING"]
fn grove_fetches_from_sendme() {
    let alice = Peer::new("alice");
    tree(&alice.path("tree"));
    let (sending, ticket) = send(&alice, "tree");
    let bob = Peer::new("bob");
    let listed = bob.plain(&["ls", &ticket]).expect(0).stdout_text();
    assert!(listed.contains("tree/sizes/1048577"), "{listed}");
    bob.get(&ticket, &[]).expect(0);
    assert!(files(&alice.path("tree")) == files(&bob.path("tree")));
    let again = bob.get(&ticket, &[]).expect(0);
    assert_eq!(again.number("finished", "bytes_fetched"), 0, "{again}");
    drop(sending);
}

#[test]
#[ignore = "needs sendme, see CONTRIBUTING"]
fn grove_goes_on_with_what_it_fetched_from_sendme() {
    let alice = Peer::new("alice");
    alice.write("large.bin", filler(24 << 20));
    let (sending, ticket) = send(&alice, "large.bin");
    let bob = Peer::new("bob");
    let mut getting = bob.start_get(&ticket, &["--limit-rate", "8M"]);
    getting.wait_until_fetched(12 << 20);
    getting.kill();
    let got = bob.get(&ticket, &[]).expect(0);
    assert!(got.number("finished", "bytes_fetched") < 20 << 20, "{got}");
    assert!(bob.read("large.bin") == filler(24 << 20));
    drop(sending);
}
