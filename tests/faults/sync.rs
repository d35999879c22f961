//! Waiting for the disk fails. A system says so once: from then on it takes what it has in memory for what
//! the disk has, and waits for nothing. So whatever was not known to be on the disk has to be written
//! anew, though reading it finds nothing wrong.
//!
//! Here the content is there, since the call fails without being made; that it comes again is what
//! tells.

use std::{fs, path::PathBuf};

use nix::{
    errno::Errno,
    libc::{self, user_regs_struct},
    unistd::Pid,
};

use crate::{
    calls::Watch,
    common::{Ended, Peer, Sharing, assert_same_tree, filler, poll, set_mode},
    tracer::{Deed, Fault, Traced, Tracing},
};

const MIB: u64 = 1 << 20;

/// In which ways a disk may be found not to have taken what was written.
const ERRORS: [(Errno, &str); 3] = [
    (Errno::EIO, "Input/output error"),
    (Errno::ENOSPC, "the disk is full"),
    (Errno::EDQUOT, "the disk quota is used up"),
];

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Synced {
    /// Everything on a file system.
    All,
    /// A file of an unfinished fetch with this ending.
    File(&'static str),
}

impl Synced {
    /// Whether a thread of `program` is about to wait for it.
    pub(crate) fn is_waited_for(self, program: Pid, regs: &user_regs_struct) -> bool {
        let number = i64::try_from(regs.orig_rax).unwrap_or(-1);
        match self {
            Self::All => number == libc::SYS_syncfs,
            Self::File(ending) => {
                let is_it = |path: PathBuf| {
                    let is_partial = path.iter().any(|name| name == ".grove-partial");
                    is_partial && path.extension().is_some_and(|found| found == ending)
                };
                [libc::SYS_fsync, libc::SYS_fdatasync].contains(&number)
                    && fs::read_link(format!("/proc/{program}/fd/{}", regs.rdi)).is_ok_and(is_it)
            }
        }
    }
}

/// Starts to fetch; the `at`th time that `what` is waited for, that fails.
fn start(bob: &Peer, ticket: &str, args: &[&str], at: usize, fails: (Synced, Errno)) -> Tracing {
    let command = bob.command(&[&["--json", "get", ticket], args].concat());
    let watch = Watch {
        below: Vec::new(),
        reading: false,
    };
    let deed = Deed::FailSync(fails.0, fails.1);
    Tracing::start(&command, None, watch, Fault { at, deed })
}

/// The fetch failed, and a person is told why, where, and what to do.
fn is_told(ended: &Traced, why: &str, place: &str) {
    assert_eq!(ended.status.code(), Some(8), "{ended}");
    let (message, hint) = ended.error().unwrap();
    assert!(
        message.contains(why) && message.contains(place),
        "{message}"
    );
    assert!(hint.contains("same line"), "{hint}");
}

fn fetched(ended: &Ended) -> u64 {
    ended.number("finished", "bytes_fetched")
}

/// All is there and in order, nothing is left beside it, and the same line has nothing more to do.
fn is_done(alice: &Peer, bob: &Peer, ticket: &str) {
    assert_same_tree(&alice.path("p"), &bob.path("p"));
    assert!(!bob.path(".grove-partial").exists());
    assert_eq!(fetched(&bob.get(ticket, &[]).expect(0)), 0);
}

/// So many bytes are in each of the folders that [`small_files`] shares.
const IN_FOLDER: u64 = 120_101;

/// Two folders of small files, one of which nothing can be put into once it is finished.
fn small_files() -> (Peer, Sharing) {
    let alice = Peer::new("alice");
    for (folder, sizes) in [("open", [1, 100, 120_000]), ("shut", [2, 99, 120_000])] {
        for size in sizes {
            alice.write(&format!("p/{folder}/{size}"), filler(size));
        }
    }
    // No twin of the other one.
    alice.write("p/shut/120000", vec![7; 120_000]);
    set_mode(&alice.path("p/shut"), 0o555);
    let sharing = alice.share(&["p"]);
    (alice, sharing)
}

/// Somebody who fetched it all, only to hear at the end that the disk may not have it.
fn unlucky(ticket: &str, error: Errno, why: &str) -> Peer {
    let mut bob = Peer::new("bob");
    if rustix::process::geteuid().is_root() {
        // Root may write into folders that are shut; this takes the right to.
        bob = bob.run_by(&["setpriv", "--bounding-set=-dac_override"]);
    }
    let ended = start(&bob, ticket, &[], 1, (Synced::All, error)).end();
    is_told(&ended, why, "/files");
    bob
}

#[test]
fn what_may_be_lost_at_the_end_is_fetched_again() {
    let (alice, sharing) = small_files();
    for (error, why) in ERRORS {
        let bob = unlucky(&sharing.ticket, error, why);
        let got = bob.get(&sharing.ticket, &[]).expect(0);
        assert_eq!(fetched(&got), 2 * IN_FOLDER, "{got}");
        is_done(&alice, &bob, &sharing.ticket);
    }
}

#[test]
fn what_may_be_lost_again_is_fetched_once_more() {
    let (alice, sharing) = small_files();
    let bob = unlucky(&sharing.ticket, Errno::EIO, "");
    // The first is about what was written before, and all of that is written anew.
    let ended = start(&bob, &sharing.ticket, &[], 2, (Synced::All, Errno::EIO)).end();
    is_told(&ended, "Input/output error", "");
    let ended = start(&bob, &sharing.ticket, &[], 1, (Synced::All, Errno::EIO)).end();
    assert!(ended.status.success(), "{ended}");
    is_done(&alice, &bob, &sharing.ticket);
}

#[test]
fn a_part_that_is_safe_says_nothing_of_the_rest() {
    let (alice, sharing) = small_files();
    let bob = unlucky(&sharing.ticket, Errno::EIO, "");
    let got = bob.get(&sharing.ticket, &["--only", "p/open"]).expect(0);
    assert_eq!(fetched(&got), IN_FOLDER, "{got}");
    let got = bob.get(&sharing.ticket, &[]).expect(0);
    assert_eq!(fetched(&got), IN_FOLDER, "{got}");
    is_done(&alice, &bob, &sharing.ticket);
}

#[test]
fn what_cannot_be_had_is_no_reason_to_fetch_the_rest_again() {
    let (alice, sharing) = small_files();
    let bob = unlucky(&sharing.ticket, Errno::EIO, "");
    alice.write("p/open/100", "of Alice, later");
    let got = bob.get(&sharing.ticket, &[]).expect(3);
    assert_eq!(fetched(&got), 2 * IN_FOLDER - 100, "{got}");
    let got = bob.get(&sharing.ticket, &[]).expect(3);
    assert_eq!(fetched(&got), 0, "{got}");
}

/// The disk is the same for both fetches, and tells one of them.
#[test]
fn what_another_fetch_was_told_is_heeded() {
    const COUNT: u64 = 300;
    let alice = Peer::new("alice");
    for number in 0..COUNT {
        let mut content = filler(100_000);
        content[..8].copy_from_slice(&number.to_le_bytes());
        alice.write(&format!("many/{number}"), content);
    }
    alice.write("one/file", "x");
    let many = alice.share(&["many"]);
    let one = alice.share(&["one"]);
    let bob = Peer::new("bob");
    let mut getting = bob.start_get(&many.ticket, &["--limit-rate", "2M"]);
    getting.wait_until("a file", |event| {
        event["event"] == "progress" && event["files"].as_u64() > Some(0)
    });
    assert_eq!(getting.kill().code(), None);
    let ended = start(&bob, &one.ticket, &[], 1, (Synced::All, Errno::EIO)).end();
    is_told(&ended, "Input/output error", "/files");
    let got = bob.get(&many.ticket, &[]).expect(0);
    assert_eq!(fetched(&got), COUNT * 100_000, "{got}");
}

#[test]
fn what_may_be_lost_is_not_remembered() {
    let (_alice, sharing) = small_files();
    let bob = Peer::new("bob");
    let remembered = || {
        let listed = bob.grove(&["cache", "list"]).expect(0).event("cache");
        listed["trees"].as_array().unwrap().len()
    };
    bob.get(&sharing.ticket, &[]).expect(0);
    // What was changed just now is not remembered, with good reason.
    poll(|| {
        bob.get(&sharing.ticket, &[]).expect(0);
        (remembered() == 1)
            .then_some(())
            .ok_or("nothing is remembered")
    });
    fs::remove_file(bob.path("p/open/100")).unwrap();
    let ended = start(&bob, &sharing.ticket, &[], 1, (Synced::All, Errno::EIO)).end();
    is_told(&ended, "Input/output error", "/files");
    assert_eq!(remembered(), 0);
}

#[test]
fn what_somebody_changed_meanwhile_is_theirs() {
    let (alice, sharing) = small_files();
    let bob = unlucky(&sharing.ticket, Errno::EIO, "");
    bob.write("p/open/100", "of Bob");
    let stopped = bob.get(&sharing.ticket, &[]).expect(7);
    assert!(stopped.told().contains("p/open/100"), "{stopped}");
    assert!(!stopped.told().contains("120000"), "{stopped}");
    assert_eq!(bob.read("p/open/100"), b"of Bob");
    bob.get(&sharing.ticket, &["--overwrite"]).expect(0);
    is_done(&alice, &bob, &sharing.ticket);
}

/// One large file.
fn large_file(mib: u64) -> (Peer, Sharing) {
    let alice = Peer::new("alice");
    alice.write("p", filler(usize::try_from(mib * MIB).unwrap()));
    let sharing = alice.share(&["p"]);
    (alice, sharing)
}

#[test]
fn a_large_file_that_may_be_lost_when_it_is_complete() {
    let (alice, sharing) = large_file(9);
    for (error, why) in ERRORS {
        let bob = Peer::new("bob");
        let fails = (Synced::File("data"), error);
        let ended = start(&bob, &sharing.ticket, &[], 1, fails).end();
        is_told(&ended, why, "p");
        assert!(!bob.path("p").exists());
        let got = bob.get(&sharing.ticket, &[]).expect(0);
        assert!(fetched(&got) >= 9 * MIB, "{got}");
        is_done(&alice, &bob, &sharing.ticket);
    }
}

#[test]
fn a_large_file_that_may_be_lost_but_for_what_was_safe_before() {
    let (alice, sharing) = large_file(64);
    let bob = Peer::new("bob");
    let slowly = ["--limit-rate", "2M"];
    let mut getting = bob.start_get(&sharing.ticket, &slowly);
    getting.wait_until_fetched(8 * MIB);
    getting.interrupt().expect(130);

    let fails = (Synced::File("data"), Errno::EIO);
    let mut getting = start(&bob, &sharing.ticket, &slowly, 1, fails);
    let safe = getting.wait_for("resumed").unwrap()["bytes_have"].as_u64();
    let safe = safe.unwrap();
    let mut bytes = Some(0);
    while bytes.is_some_and(|bytes| bytes < 18 * MIB) {
        let progress = getting.wait_for("progress");
        bytes = progress.map(|progress| progress["bytes"].as_u64().unwrap_or_default());
    }
    getting.terminate();
    let ended = getting.end();
    // It heard of it when it stopped, or of its own accord.
    let code = ended.status.code();
    assert!(code == Some(143) || code == Some(8), "{ended}");

    let got = bob.get(&sharing.ticket, &[]).expect(0);
    let again = fetched(&got);
    assert!(again >= 64 * MIB - safe, "{again}, {safe} was safe: {got}");
    assert!(again <= 57 * MIB, "{again}: {got}");
    is_done(&alice, &bob, &sharing.ticket);
}

/// A large file is on the disk before it has its name however it gets there.
#[test]
fn a_copy_of_a_large_file_that_may_be_lost() {
    let alice = Peer::new("alice");
    for name in ["p/one", "p/two"] {
        alice.write(name, filler(2 << 20));
    }
    let sharing = alice.share(&["p"]);
    let bob = Peer::new("bob");
    let fails = (Synced::File("new"), Errno::EIO);
    let ended = start(&bob, &sharing.ticket, &[], 1, fails).end();
    is_told(&ended, "Input/output error", "p/two");
    assert!(bob.path("p/one").exists() && !bob.path("p/two").exists());
    bob.get(&sharing.ticket, &[]).expect(0);
    is_done(&alice, &bob, &sharing.ticket);
}

/// Under its other name nobody could tell later whether it is what was placed or somebody's.
#[test]
fn a_file_with_another_name_that_may_be_lost() {
    let alice = Peer::new("alice");
    alice.write("note", "of Alice");
    let sharing = alice.share(&["note"]);
    let bob = Peer::new("bob");
    bob.write("note", "of Bob");
    let rename = ["--rename"];
    let fails = (Synced::File("new"), Errno::EIO);
    let ended = start(&bob, &sharing.ticket, &rename, 1, fails).end();
    is_told(&ended, "Input/output error", "note (1)");
    assert!(!bob.path("note (1)").exists());
    bob.get(&sharing.ticket, &rename).expect(0);
    assert_eq!(bob.read("note"), b"of Bob");
    assert_eq!(bob.read("note (1)"), b"of Alice");
    assert!(!bob.path(".grove-partial").exists());
    let got = bob.get(&sharing.ticket, &rename).expect(0);
    assert_eq!(fetched(&got), 0, "{got}");
}
