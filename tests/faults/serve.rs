//! A file that cannot be read any more while it is served.

use nix::errno::Errno;

use crate::{
    calls::Watch,
    common::{Peer, assert_same_tree, filler, write},
    tracer::{Deed, Fault, Tracing},
};

/// How often the file is read to be served before the disk fails.
const READS: usize = 8;

#[test]
#[ignore = "takes minutes, see CONTRIBUTING"]
fn a_file_that_cannot_be_read_half_way_is_named_on_both_sides() {
    let shares = |alice: &Peer, fault| {
        write(&alice.path("p/large"), &filler(12 << 20));
        write(&alice.path("p/small"), &filler(1000));
        let watch = Watch {
            below: vec![alice.path("p/large").canonicalize().unwrap()],
            reading: true,
        };
        Tracing::start(
            &alice.command(&["--json", "share", "p"]),
            None,
            watch,
            fault,
        )
    };
    // So often it is read to be hashed.
    let nothing = Fault {
        at: usize::MAX,
        deed: Deed::Watch,
    };
    let before = Peer::new("alice");
    let mut sharing = shares(&before, nothing);
    sharing.wait_for("share_ready").unwrap();
    sharing.terminate();
    let hashing = sharing.end().calls.len();

    let alice = Peer::new("alice");
    let fault = Fault {
        at: hashing + READS,
        deed: Deed::FailFromHere(Errno::EIO),
    };
    let mut sharing = shares(&alice, fault);
    let ready = sharing.wait_for("share_ready").unwrap();
    let bob = Peer::new("bob");
    let got = bob.get(ready["ticket"].as_str().unwrap(), &[]).expect(3);
    assert!(
        got.told().contains("the sharer cannot read p/large"),
        "{got}"
    );
    assert_same_tree(&alice.path("p/small"), &bob.path("p/small"));
    assert!(!bob.path("p/large").exists(), "half a file has no name");
    sharing.terminate();
    let ended = sharing.end();
    let warned = ended.events().into_iter().any(|event| {
        event["event"] == "warning" && event["message"].to_string().contains("p/large")
    });
    assert!(warned, "{ended}");

    // The disk is well again.
    let sharing = alice.share(&["p"]);
    bob.get(&sharing.ticket, &[]).expect(0);
    assert_same_tree(&alice.path("p"), &bob.path("p"));
}
