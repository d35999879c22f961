//! Secrets stay with their owner: the identity everywhere, a ticket wherever its owner did not put it
//! into an argument.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::Command,
};

use data_encoding::{
    BASE32, BASE32_DNSCURVE, BASE32_NOPAD, BASE32HEX, BASE64, BASE64_NOPAD, BASE64URL_NOPAD,
    HEXLOWER,
};

use crate::common::{Peer, Running, Sharing, Signal, filler};

/// The identity that gives itself away wherever it turns up.
const CANARY: [u8; 32] = *b"\xc0\xffeeCanaryCanaryCanaryCanary\xfe\xed\xfa\xce";

/// All ways of writing 32 bytes that somebody might have thought of, in lower case where case may
/// differ.
fn spellings(secret: &[u8; 32]) -> Vec<Vec<u8>> {
    let hex = HEXLOWER.encode(secret);
    let z_base_32: String = {
        let mut spec = data_encoding::Specification::new();
        spec.symbols.push_str("ybndrfg8ejkmcpqxot1uwisza345h769");
        spec.encoding().unwrap().encode(secret)
    };
    let listed = format!("{secret:?}");
    let texts = [
        hex.clone(),
        listed.trim_matches(['[', ']']).to_owned(),
        format!("{secret:x?}").trim_matches(['[', ']']).to_owned(),
        format!("{secret:02x?}").trim_matches(['[', ']']).to_owned(),
        hex.as_bytes()
            .chunks(2)
            .map(|pair| String::from_utf8_lossy(pair).into_owned())
            .collect::<Vec<_>>()
            .join(":"),
        BASE32.encode(secret),
        BASE32_NOPAD.encode(secret),
        BASE32HEX.encode(secret),
        BASE32_DNSCURVE.encode(secret),
        BASE64.encode(secret),
        BASE64_NOPAD.encode(secret),
        BASE64URL_NOPAD.encode(secret),
        secret.escape_ascii().to_string(),
        z_base_32,
    ];
    let texts = texts
        .into_iter()
        .map(|text| text.to_lowercase().into_bytes());
    texts.chain([secret.to_ascii_lowercase()]).collect()
}

/// The secrets of a person: the identity, and the key of each share.
struct Secrets(Vec<Vec<u8>>);

impl Secrets {
    /// Gives `peer` the canary as identity.
    fn of(peer: &Peer) -> Self {
        fs::create_dir_all(peer.home()).unwrap();
        let identity = peer.home().join("identity");
        fs::write(&identity, format!("{}\n", HEXLOWER.encode(&CANARY))).unwrap();
        fs::set_permissions(identity, fs::Permissions::from_mode(0o600)).unwrap();
        Self(spellings(&CANARY))
    }

    fn with_share(mut self, root: &str) -> Self {
        let mut derive = blake3::Hasher::new_derive_key("grove 2026-11-22 endpoint of a share");
        derive.update(&CANARY);
        derive.update(&HEXLOWER.decode(root.as_bytes()).unwrap());
        self.0.extend(spellings(derive.finalize().as_bytes()));
        self
    }

    fn are_not_in(&self, bytes: &[u8], what: &str) {
        let text = bytes.to_ascii_lowercase();
        for secret in &self.0 {
            let found = text.windows(secret.len()).any(|window| window == secret);
            assert!(!found, "{} in {what}", secret.escape_ascii());
        }
    }
}

fn is_in(bytes: &[u8], what: &str) -> bool {
    bytes.windows(what.len()).any(|w| w == what.as_bytes())
}

/// Every file and folder at and below `top`.
fn everything(top: &Path) -> Vec<PathBuf> {
    let mut found = vec![top.to_owned()];
    if top.is_dir() && !top.is_symlink() {
        for entry in fs::read_dir(top).unwrap() {
            found.extend(everything(&entry.unwrap().path()));
        }
    }
    found
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o777
}

/// What others on this computer see of a process, and of those it started.
fn seen(pid: u32) -> Vec<(String, Vec<u8>)> {
    let mut seen = Vec::new();
    for file in ["cmdline", "comm", "stat", "status", "limits"] {
        let path = format!("/proc/{pid}/{file}");
        // Gone meanwhile.
        let Ok(bytes) = fs::read(&path) else { continue };
        seen.push((path, bytes));
    }
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    for child in children.unwrap_or_default().split_whitespace() {
        let child = child.parse().unwrap();
        seen.extend(seen_of_child(child));
    }
    seen
}

/// What a child was given is nobody's own doing but the program's.
fn seen_of_child(pid: u32) -> Vec<(String, Vec<u8>)> {
    let path = format!("/proc/{pid}/environ");
    let environment = fs::read(&path).unwrap_or_default();
    seen(pid).into_iter().chain([(path, environment)]).collect()
}

/// Runs a line under a umask that closes nothing.
fn openly(peer: &Peer, args: &[&str]) -> Command {
    let line = peer.command(args);
    let mut command = peer.program("sh".as_ref());
    command.args(["-c", "umask 000; exec \"$@\"", "sh"]);
    command.arg(line.get_program()).args(line.get_args());
    command
}

#[test]
fn what_is_kept_is_for_its_owner_alone() {
    let alice = Peer::new("alice");
    alice.write("p/large", filler(16 << 20));
    alice.write("p/small", "x");
    let bob = Peer::new("bob");
    let sharing = Sharing::new(Running::start(
        "alice",
        openly(&alice, &["--json", "share", "p", "--snapshot"]),
    ));
    let second = Sharing::new(Running::start(
        "alice",
        openly(&alice, &["--json", "share", "p"]),
    ));
    let line = ["--json", "get", &second.ticket, "--limit-rate", "1M"];
    let mut getting = Running::start("bob", openly(&bob, &line));
    getting.wait_until_fetched(1_000_000);
    // Nothing is renamed while it is looked at.
    getting.halt();
    let mut checked = 0;
    for top in [alice.home(), bob.home(), bob.path(".grove-partial")] {
        for path in everything(&top) {
            let closed = mode(&path).trailing_zeros() >= 6;
            // What is in a folder that only its owner can enter is closed by that.
            let above = path.ancestors().take_while(|above| above.starts_with(&top));
            let inside = above.skip(1).any(|above| mode(above) == 0o700);
            let is_content = path.starts_with(bob.path(".grove-partial"))
                || path.starts_with(alice.home().join("cache/copies"));
            assert!(
                closed || inside && is_content,
                "{}: {:o}",
                path.display(),
                mode(&path)
            );
            checked += 1;
        }
    }
    assert!(checked > 12, "{checked}");
    for home in [alice.home(), bob.home()] {
        assert_eq!(mode(&home), 0o700);
        assert_eq!(mode(&home.join("identity")), 0o600);
    }
    drop(sharing);
}

/// An identity that came out of a backup open to everybody is closed before it is used.
#[test]
fn an_open_identity_is_closed() {
    let alice = Peer::new("alice");
    _ = Secrets::of(&alice);
    let identity = alice.home().join("identity");
    fs::set_permissions(&identity, fs::Permissions::from_mode(0o644)).unwrap();
    alice.id();
    assert_eq!(mode(&identity), 0o600);
}

#[test]
fn the_identity_is_told_nowhere() {
    let alice = Peer::new("alice");
    let secrets = Secrets::of(&alice);
    alice.write("p/file", filler(100_000));
    alice.write("p/large", filler(2_000_000));
    let noisy = |args: &[&str]| {
        let mut command = alice.command(args);
        command.env("GROVE_LOG", "trace").env("RUST_BACKTRACE", "1");
        command
    };
    let sharing = Sharing::new(Running::start(
        "alice",
        noisy(&["-vv", "--json", "share", "p"]),
    ));
    let secrets = secrets.with_share(&sharing.root);
    let bob = Peer::new("bob");
    bob.get(&sharing.ticket, &[]).expect(0);
    let from_bob = bob.share(&["p"]);
    for (what, bytes) in seen(sharing.pid()) {
        secrets.are_not_in(&bytes, &what);
    }
    for args in [
        &["-vv", "get", &from_bob.ticket, "-o", "got"][..],
        &["-vv", "--json", "get", &from_bob.ticket, "-o", "got again"],
        &["-vv", "ls", &from_bob.ticket],
        &["-vv", "id"],
        &["-vv", "--json", "id"],
        &["-vv", "cache", "list"],
        &["-vv", "get", &sharing.ticket],
        &["-vv", "get", "blobnonsense"],
        &["-vv", "share", "not there"],
    ] {
        let ended = Running::start("alice", noisy(args)).end();
        secrets.are_not_in(&ended.stdout, &args.join(" "));
        secrets.are_not_in(&ended.stderr, &args.join(" "));
    }
    // A damaged one is not repeated, either.
    let ended = sharing.into_running().interrupt().expect(130);
    assert!(ended.stderr.len() > 10_000, "there are logs");
    secrets.are_not_in(&ended.stdout, "what is shared");
    secrets.are_not_in(&ended.stderr, "the log of the share");
    let mut holding = 0;
    for top in [alice.home(), alice.path(""), bob.home(), bob.path("")] {
        for path in everything(&top) {
            if path.is_file() && path != alice.home().join("identity") {
                secrets.are_not_in(&fs::read(&path).unwrap(), &path.to_string_lossy());
                holding += 1;
            }
        }
    }
    assert!(holding > 5, "{holding}");
    let damaged = format!("{}zz\n", HEXLOWER.encode(&CANARY[..31]));
    fs::write(alice.home().join("identity"), damaged).unwrap();
    let ended = Running::start("alice", noisy(&["-vv", "id"]))
        .end()
        .expect(8);
    let most = HEXLOWER.encode(&CANARY[..16]);
    assert!(!is_in(&ended.stderr, &most), "{ended}");
}

/// What the logs say on either side never suffices to fetch.
#[test]
fn logs_tell_no_tickets() {
    let alice = Peer::new("alice");
    alice.write("file", filler(100_000));
    let mut command = alice.command(&["-vv", "--json", "share", "file", "--once"]);
    command.env("GROVE_LOG", "trace");
    let sharing = Sharing::new(Running::start("alice", command));
    let bob = Peer::new("bob");
    let mut command = bob.command(&["-vv", "--json", "get", "-"]);
    command.env("GROVE_LOG", "trace");
    let got = Running::start_with_input("bob", command, sharing.ticket.as_bytes())
        .end()
        .expect(0);
    let ticket = sharing.ticket.clone();
    let shared = sharing.into_running().end().expect(0);
    assert!(shared.stderr.len() > 10_000, "there are logs");
    for log in [&shared.stderr, &got.stderr, &got.stdout] {
        assert!(!is_in(log, &ticket), "{}", log.escape_ascii());
    }
}

/// Others see a ticket only where its owner gave it as an argument.
#[test]
fn a_ticket_is_in_no_arguments_but_its_owners() {
    let alice = Peer::new("alice");
    alice.write("large", filler(6_000_000));
    let sharing = alice.share(&["large"]);
    let ticket = &sharing.ticket;
    let is_seen = |pid| {
        seen(pid)
            .into_iter()
            .find(|(_, bytes)| is_in(bytes, ticket))
    };
    for way in ["argument", "input", "file", "environment"] {
        let bob = Peer::new("bob");
        bob.write("ticket", ticket);
        let slow = ["--limit-rate", "6M"];
        let words = |word: &[&'static str]| [&["--json", "get"], word, &slow[..]].concat();
        let mut getting = match way {
            "argument" => bob.start_get(ticket, &slow),
            "input" => {
                Running::start_with_input("bob", bob.command(&words(&["-"])), ticket.as_bytes())
            }
            "file" => Running::start("bob", bob.command(&words(&["@ticket"]))),
            _ => {
                let mut command = bob.command(&words(&[]));
                command.env("GROVE_TICKET", ticket);
                Running::start("bob", command)
            }
        };
        // From its beginning until content comes in.
        let found = is_seen(getting.pid());
        let mut found = vec![found];
        getting.wait_until_fetched(1_000_000);
        for _ in 0..50 {
            found.push(is_seen(getting.pid()));
        }
        let found: Vec<_> = found.into_iter().flatten().map(|(what, _)| what).collect();
        if way == "argument" {
            assert!(!found.is_empty(), "the others are looked for well enough");
        } else {
            assert!(found.is_empty(), "{way}: {found:?}");
        }
        getting.end().expect(0);
    }
    let found = is_seen(sharing.pid());
    assert!(found.is_none(), "{found:?}");
}

/// What a crash would write to the disk holds the key.
#[test]
fn a_crash_leaves_no_memory_on_the_disk() {
    let alice = Peer::new("alice");
    _ = Secrets::of(&alice);
    alice.write("file", "x");
    let line = alice.command(&["--json", "share", "file"]);
    let mut command = alice.program("sh".as_ref());
    command.args(["-c", "ulimit -c \"$(ulimit -H -c)\"; exec \"$@\"", "sh"]);
    command.arg(line.get_program()).args(line.get_args());
    let sharing = Sharing::new(Running::start("alice", command));
    let limits = fs::read_to_string(format!("/proc/{}/limits", sharing.pid())).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file"));
    let words: Vec<_> = core.unwrap().split_whitespace().collect();
    assert_eq!(words[4], "0", "{limits}");
    sharing.signal(Signal::ABORT);
    assert_eq!(sharing.into_running().end().code(), None);
    let names = everything(&alice.path(""));
    assert_eq!(names.len(), 2, "{names:?}");
}
