//! Files with holes, and content that several files have: neither is fetched or stored more than it
//! has to be.

use std::{
    fs::{self, File},
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::Path,
};

use crate::common::{Peer, assert_same_tree, filler};

const MIB: u64 = 1 << 20;

/// A file of `size` bytes with a few kilobytes of content at each of these places.
fn write_sparse(path: &Path, size: u64, places: &[u64]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let file = File::create(path).unwrap();
    file.set_len(size).unwrap();
    for place in places {
        file.write_all_at(&filler(5000), *place).unwrap();
    }
}

/// Bytes that a file takes on the disk.
fn allocated(path: &Path) -> u64 {
    fs::metadata(path).unwrap().blocks() * 512
}

#[test]
fn holes_stay_holes() {
    let alice = Peer::new("alice");
    write_sparse(&alice.path("p/disk"), 64 * MIB, &[0, 7 * MIB, 40 * MIB]);
    write_sparse(&alice.path("p/ends in data"), 9 * MIB, &[9 * MIB - 5000]);
    write_sparse(&alice.path("p/nothing"), 3 * MIB + 1, &[]);
    write_sparse(&alice.path("p/small"), 900_000, &[500_000]);
    write_sparse(&alice.path("p/smaller"), 10_000, &[]);
    alice.write("p/full", filler(3 << 20));
    let sharing = alice.share(&["p"]);
    let bob = Peer::new("bob");
    bob.get(&sharing.ticket, &[]).expect(0);
    assert_same_tree(&alice.path("p"), &bob.path("p"));
    for entry in fs::read_dir(bob.path("p")).unwrap() {
        let path = entry.unwrap().path();
        let (here, there) = (
            allocated(&path),
            allocated(&alice.path("p").join(path.file_name().unwrap())),
        );
        // Each piece of content may touch two units of 16 KiB.
        assert!(here <= there + 3 * 32 * 1024, "{path:?}: {here}, {there}");
    }
}

#[test]
fn holes_stay_holes_when_a_fetch_goes_on() {
    let alice = Peer::new("alice");
    write_sparse(
        &alice.path("disk"),
        96 * MIB,
        &[0, 20 * MIB, 96 * MIB - 5000],
    );
    let sharing = alice.share(&["disk"]);
    let bob = Peer::new("bob");
    for at in [8, 16, 28] {
        let mut getting = bob.start_get(&sharing.ticket, &["--limit-rate", "5M"]);
        getting.wait_until_fetched(at * MIB);
        getting.kill();
    }
    let got = bob.get(&sharing.ticket, &[]).expect(0);
    assert!(got.number("resumed", "bytes_have") >= 20 * MIB, "{got}");
    assert_same_tree(&alice.path("disk"), &bob.path("disk"));
    assert!(allocated(&bob.path("disk")) <= 256 * 1024);
}

#[test]
fn zeros_are_written_over_what_should_not_be_there() {
    let alice = Peer::new("alice");
    write_sparse(&alice.path("disk"), 48 * MIB, &[0]);
    let sharing = alice.share(&["disk"]);
    let bob = Peer::new("bob");
    let mut getting = bob.start_get(&sharing.ticket, &["--limit-rate", "3M"]);
    getting.wait_until_fetched(8 * MIB);
    getting.kill();
    let partial = bob.path(".grove-partial").join(&sharing.root);
    let data = File::options().write(true).open(partial.join("0.data"));
    let data = data.unwrap();
    for place in [MIB, 6 * MIB, 23 * MIB] {
        data.write_all_at(&filler(100_000), place).unwrap();
    }
    bob.get(&sharing.ticket, &["--verify"]).expect(0);
    assert_same_tree(&alice.path("disk"), &bob.path("disk"));
}

#[test]
fn what_several_files_have_is_fetched_once() {
    let alice = Peer::new("alice");
    for name in ["a", "b/c", "d"] {
        alice.write(&format!("p/{name}/large"), filler(6 << 20));
        alice.write(&format!("p/{name}/small"), filler(700_000));
        alice.write(&format!("p/{name}/empty"), b"");
    }
    let once = 6 * MIB + 700_000;
    let sharing = alice.share(&["p"]);
    let bob = Peer::new("bob");
    let got = bob.get(&sharing.ticket, &[]).expect(0);
    assert_eq!(got.number("finished", "bytes_fetched"), once, "{got}");
    assert_eq!(got.number("finished", "bytes"), 3 * once, "{got}");
    assert_same_tree(&alice.path("p"), &bob.path("p"));

    for name in ["a", "b/c"] {
        fs::remove_file(bob.path("p").join(name).join("large")).unwrap();
        fs::remove_file(bob.path("p").join(name).join("small")).unwrap();
    }
    let got = bob.get(&sharing.ticket, &[]).expect(0);
    assert_eq!(got.number("finished", "bytes_fetched"), 0, "{got}");
    for name in ["large", "small"] {
        for twin in ["a", "b/c"] {
            let (theirs, ours) = (format!("p/{twin}/{name}"), format!("p/{twin}/{name}"));
            assert_same_tree(&alice.path(theirs), &bob.path(ours));
        }
    }
}

#[test]
fn a_copy_of_a_file_that_changed_meanwhile_is_fetched_instead() {
    let alice = Peer::new("alice");
    for name in ["a", "b"] {
        alice.write(&format!("p/large {name}"), filler(3 << 20));
        alice.write(&format!("p/small {name}"), filler(100_000));
    }
    alice.write("p/other", filler(8 << 20));
    let sharing = alice.share(&["p"]);
    let bob = Peer::new("bob");
    bob.get(&sharing.ticket, &["--only", "* a"]).expect(0);
    let mut getting = bob.start_get(&sharing.ticket, &["--limit-rate", "4M"]);
    getting.wait_until_fetched(5 * MIB);
    bob.write("p/large a", vec![7; 3 << 20]);
    fs::remove_file(bob.path("p/small a")).unwrap();
    getting.end().expect(0);
    for name in ["large b", "small b", "other"] {
        let name = format!("p/{name}");
        assert_same_tree(&alice.path(&name), &bob.path(&name));
    }
    assert_eq!(
        bob.read("p/large a"),
        vec![7; 3 << 20],
        "what somebody wrote is left alone"
    );
}

#[test]
fn a_path_too_deep_for_a_share_is_named_before_the_ticket() {
    // Deeper than a share may be; and, sooner than that, longer than a path of this system.
    let cases = [
        ("d", 2000, 1, "deep"),
        ("long name of a folder", 300, 8, "too long"),
    ];
    for (name, depth, code, why) in cases {
        let alice = Peer::new("alice");
        fs::create_dir(alice.path("p")).unwrap();
        make_deep(&alice.path("p"), name, depth);
        let refused = alice.grove(&["share", "p"]).expect(code);
        let message = refused.message();
        assert!(message.contains(&format!("p/{name}/{name}/")), "{message}");
        assert!(message.contains(why), "{message}");
        assert!(message.len() < 4000, "{message}");
        assert!(refused.all("share_ready").is_empty());
    }
}

/// Makes folders in each other, one by one: no single path reaches so far down.
fn make_deep(top: &Path, name: &str, depth: usize) {
    use rustix::fs::{Mode, OFlags, mkdirat, open, openat};
    let mut dir = open(top, OFlags::DIRECTORY, Mode::empty()).unwrap();
    for _ in 0..depth {
        mkdirat(&dir, name, Mode::RWXU).unwrap();
        dir = openat(&dir, name, OFlags::DIRECTORY, Mode::empty()).unwrap();
    }
}
