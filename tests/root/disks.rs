//! Disks that are full, or take no writing.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt as _,
};

use crate::{
    common::{Peer, assert_same_tree, filler, snapshot},
    lab::{Disk, Mount},
};

const MIB: u64 = 1 << 20;

#[test]
#[ignore = "needs root, see CONTRIBUTING"]
fn what_does_not_fit_is_refused_before_it_is_fetched() {
    let alice = Peer::new("alice");
    alice.write("large", filler(24 << 20));
    let sharing = alice.share(&["large"]);
    let bob = Peer::new("bob");
    let small = Mount::new(&bob.path("small"), 16 * MIB);
    let refused = bob.get(&sharing.ticket, &["-o", "small"]).expect(8);
    for word in ["25 MB needed", "17 MB free"] {
        assert!(refused.message().contains(word), "{refused}");
    }
    assert!(
        refused
            .all("progress")
            .iter()
            .all(|event| event["phase"] != "fetch"),
        "{refused}"
    );
    assert_eq!(
        snapshot(&bob.path("small")).len(),
        1,
        "nothing is left there"
    );

    small.remount("size=64m");
    bob.get(&sharing.ticket, &["-o", "small"]).expect(0);
    assert_same_tree(&alice.path("large"), &bob.path("small/large"));
}

/// Of what is larger than the disk and mostly holes, nobody but the receiver knows that it fits.
#[test]
#[ignore = "needs root, see CONTRIBUTING"]
fn what_is_larger_than_the_disk_is_fetched_when_asked_to() {
    let alice = Peer::new("alice");
    let image = File::create(alice.path("image")).unwrap();
    image.set_len(64 * MIB).unwrap();
    for at in [0, 33 * MIB, 63 * MIB] {
        image.write_all_at(&filler(1 << 20), at).unwrap();
    }
    alice.write("full", filler(24 << 20));
    let (image, full) = (alice.share(&["image"]), alice.share(&["full"]));
    let bob = Peer::new("bob");
    let disk = Mount::new(&bob.path("small"), 16 * MIB);
    let refused = bob.get(&image.ticket, &["-o", "small"]).expect(8);
    let hint = refused.event("error")["hint"].to_string();
    assert!(hint.contains("--sparse"), "{refused}");
    bob.get(&image.ticket, &["-o", "small", "--sparse"])
        .expect(0);
    assert_same_tree(&alice.path("image"), &bob.path("small/image"));

    let stopped = bob
        .get(&full.ticket, &["-o", "small", "--sparse"])
        .expect(8);
    assert!(stopped.message().contains("the disk is full"), "{stopped}");
    disk.remount("size=64m");
    bob.get(&full.ticket, &["-o", "small"]).expect(0);
    assert_same_tree(&alice.path("full"), &bob.path("small/full"));
}

#[test]
#[ignore = "needs root, see CONTRIBUTING"]
fn a_disk_that_fills_up_meanwhile_costs_nothing_that_is_there() {
    let alice = Peer::new("alice");
    alice.write("large", filler(24 << 20));
    let sharing = alice.share(&["large"]);
    let bob = Peer::new("bob");
    let disk = Mount::new(&bob.path("disk"), 32 * MIB);
    let mut getting = bob.start_get(&sharing.ticket, &["-o", "disk", "--limit-rate", "1M"]);
    getting.wait_until_fetched(6 * MIB);
    // As much of it as there is room for.
    _ = fs::write(bob.path("disk/somebody else's"), filler(32 << 20));
    let stopped = getting.end().expect(8);
    assert!(!bob.path("disk/large").exists(), "{stopped}");

    fs::remove_file(bob.path("disk/somebody else's")).unwrap();
    let got = bob.get(&sharing.ticket, &["-o", "disk"]).expect(0);
    let have = got.number("resumed", "bytes_have");
    assert!(have >= 2 * MIB, "{got}");
    let fetched = got.number("finished", "bytes_fetched");
    assert!(
        fetched <= 25 * MIB - have,
        "nothing is fetched twice: {got}"
    );
    assert_same_tree(&alice.path("large"), &bob.path("disk/large"));
    drop(disk);
}

#[test]
#[ignore = "needs root, see CONTRIBUTING"]
fn a_disk_that_takes_no_writing_is_named() {
    let alice = Peer::new("alice");
    alice.write("file", filler(1000));
    let sharing = alice.share(&["file"]);
    let bob = Peer::new("bob");
    let disk = Mount::new(&bob.path("disk"), MIB);
    disk.remount("ro");
    for dest in ["disk", "disk/new"] {
        let refused = bob.get(&sharing.ticket, &["-o", dest]).expect(8);
        assert!(refused.message().contains("disk"), "{refused}");
    }
}

#[test]
#[ignore = "needs root, see CONTRIBUTING"]
fn sharing_from_a_disk_that_takes_no_writing() {
    let alice = Peer::new("alice");
    let disk = Mount::new(&alice.path("disk"), 8 * MIB);
    alice.write("disk/p/file", filler(3_000_000));
    disk.remount("ro");
    let sharing = alice.share(&["disk/p"]);
    let bob = Peer::new("bob");
    bob.get(&sharing.ticket, &[]).expect(0);
    assert_same_tree(&alice.path("disk/p"), &bob.path("p"));
}

#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn a_disk_that_takes_no_more_writing_meanwhile() {
    let alice = Peer::new("alice");
    alice.write("p/large", filler(40 << 20));
    alice.write("p/small", filler(1000));
    let sharing = alice.share(&["p"]);
    let bob = Peer::new("bob");
    let disk = Disk::new(&bob.path("disk"), 64 * MIB);
    let mut getting = bob.start_get(&sharing.ticket, &["-o", "disk", "--limit-rate", "2M"]);
    getting.wait_until_fetched(8 * MIB);
    disk.fail();
    let stopped = getting.end().expect(8);
    assert!(stopped.message().contains("p/"), "{stopped}");
    disk.start_again();
    bob.get(&sharing.ticket, &["-o", "disk"]).expect(0);
    assert_same_tree(&alice.path("p"), &bob.path("disk/p"));
}

/// What Grove keeps for itself has no room; there is no store to be full.
#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn a_home_that_is_full_or_takes_no_writing_is_enough_to_get() {
    let alice = Peer::new("alice");
    alice.write("p/file", filler(3_000_000));
    let sharing = alice.share(&["p"]);
    let bob = Peer::new("bob");
    let home = Mount::new(&bob.home(), MIB);
    bob.id();
    _ = fs::write(bob.home().join("full"), filler(2 << 20));
    bob.get(&sharing.ticket, &[]).expect(0);
    assert_same_tree(&alice.path("p"), &bob.path("p"));
    home.remount("ro");
    fs::remove_dir_all(bob.path("p")).unwrap();
    bob.get(&sharing.ticket, &[]).expect(0);
    assert_same_tree(&alice.path("p"), &bob.path("p"));
}

#[test]
#[ignore = "needs root, see CONTRIBUTING"]
fn no_room_for_what_is_kept_about_a_share() {
    let alice = Peer::new("alice");
    alice.id();
    fs::remove_dir_all(alice.home().join("cache")).ok();
    let _cache = Mount::new(&alice.home().join("cache"), 64 << 10);
    alice.write("large", filler(48 << 20));
    let sharing = alice.start(&["share", "large"]);
    let ended = sharing.end().expect(8);
    assert!(ended.message().contains("cache"), "{ended}");
}

/// A home on a medium that takes no writing, or that belongs to somebody else, is used as far as that
/// goes, and never replaced by another identity.
#[test]
#[ignore = "needs root, see CONTRIBUTING"]
fn a_home_that_cannot_be_written() {
    let alice = Peer::new("alice");
    let home = Mount::new(&alice.home(), 8 * MIB);
    let id = alice.id();
    home.remount("ro");
    assert_eq!(alice.id(), id);
    alice.write("p/small", filler(100_000));
    let sharing = alice.share(&["p"]);
    let bob = Peer::new("bob");
    bob.get(&sharing.ticket, &[]).expect(0);
    let from_bob = bob.share(&["p"]);
    alice.get(&from_bob.ticket, &["-o", "got"]).expect(0);
    assert_same_tree(&alice.path("p"), &alice.path("got/p"));
    alice.write("q/large", filler(2 << 20));
    let refused = alice.grove(&["share", "q"]).expect(8);
    assert!(refused.message().contains("cache"), "{refused}");
}

#[test]
#[ignore = "needs root, see CONTRIBUTING"]
fn a_home_of_somebody_else() {
    // Root without the right to overlook permissions is a user like any other.
    let without = "--bounding-set=-dac_override,-dac_read_search";
    let alice = Peer::new("alice").run_by(&["setpriv", without]);
    alice.id();
    alice.write("file", "x");
    let identity = alice.home().join("identity");
    let before = fs::read(&identity).unwrap();
    for path in [&identity, &alice.home()] {
        std::os::unix::fs::chown(path, Some(65534), Some(65534)).unwrap();
        let refused = alice.grove(&["share", "file"]).expect(8);
        assert!(refused.message().contains("permission denied"), "{refused}");
        alice.grove(&["id"]).expect(8);
    }
    assert_eq!(fs::read(&identity).unwrap(), before);
    assert_eq!(fs::read_dir(alice.home()).unwrap().count(), 1);
}
