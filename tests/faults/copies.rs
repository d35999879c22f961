//! A file that cannot be read any more while it is copied, and a copy that cannot be written.

use std::path::PathBuf;

use nix::errno::Errno;

use crate::{
    calls::{Kind, Watch},
    common::{Peer, assert_same_tree, filler, write},
    tracer::{Deed, Fault, Traced, Tracing},
};

/// Shares a copy with something done to it at a call about what is at `below`.
fn start(alice: &Peer, below: PathBuf, args: &[&str], fault: Fault) -> Tracing {
    let watch = Watch {
        below: vec![below],
        reading: true,
    };
    let args = [&["--json", "share", "p", "--snapshot"], args].concat();
    Tracing::start(&alice.command(&args), None, watch, fault)
}

/// Somebody with a large and a small file.
fn alice() -> Peer {
    let alice = Peer::new("alice");
    // Copied in two steps.
    write(&alice.path("p/large"), &filler(20 << 20));
    write(&alice.path("p/small"), &filler(1000));
    alice
}

fn large(alice: &Peer) -> PathBuf {
    alice.path("p/large").canonicalize().unwrap()
}

/// The folder of the copies.
fn copies(alice: &Peer) -> PathBuf {
    alice
        .path("..")
        .canonicalize()
        .unwrap()
        .join("home/cache/copies")
}

/// The number of the last call that copies, among those about what is at a place.
fn half_way(below: fn(&Peer) -> PathBuf) -> usize {
    let alice = alice();
    let nothing = Fault {
        at: usize::MAX,
        deed: Deed::Watch,
    };
    let mut sharing = start(&alice, below(&alice), &[], nothing);
    sharing.wait_for("share_ready").unwrap();
    sharing.terminate();
    let calls = sharing.end().calls;
    let is_copying = |path: &PathBuf| path.ends_with("p/large") || path.ends_with("0/large");
    let last = calls
        .iter()
        .rposition(|call| call.kind == Kind::Write && is_copying(&call.path));
    1 + last.unwrap()
}

/// Shares a copy while the disk fails from the middle of the large file on.
fn failing(alice: &Peer, below: fn(&Peer) -> PathBuf, args: &[&str]) -> Tracing {
    let fault = Fault {
        at: half_way(below),
        deed: Deed::FailFromHere(Errno::EIO),
    };
    start(alice, below(alice), args, fault)
}

fn error(ended: &Traced) -> (String, String) {
    assert_eq!(ended.status.code(), Some(8), "{ended}");
    ended.error().unwrap()
}

#[test]
#[ignore = "takes minutes, see CONTRIBUTING"]
fn a_file_that_cannot_be_copied_half_way_is_named() {
    let alice = alice();
    let (message, hint) = error(&failing(&alice, large, &[]).end());
    assert_eq!(message, "cannot read p/large (Input/output error)");
    assert!(hint.contains("--skip-unreadable"), "{hint}");

    // The same as for any other that cannot be read.
    let mut sharing = failing(&alice, large, &["--skip-unreadable"]);
    let ready = sharing.wait_for("share_ready").unwrap();
    let bob = Peer::new("bob");
    bob.get(ready["ticket"].as_str().unwrap(), &[]).expect(0);
    assert_same_tree(&alice.path("p/small"), &bob.path("p/small"));
    assert!(!bob.path("p/large").exists(), "half a file is not shared");
    sharing.terminate();
    sharing.end();
}

#[test]
#[ignore = "takes minutes, see CONTRIBUTING"]
fn a_copy_that_cannot_be_written_half_way_is_named() {
    let alice = alice();
    let (message, hint) = error(&failing(&alice, copies, &[]).end());
    let cache = alice.path("../home/cache");
    let cache = cache.canonicalize().unwrap();
    let copy = format!(
        "cannot make a copy in {}: Input/output error",
        cache.display()
    );
    assert_eq!(message, copy);
    assert!(hint.contains("GROVE_HOME"), "{hint}");
}
