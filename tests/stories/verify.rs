//! Damage on the receiver's own disk.

use std::{
    fs::{self, File},
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::Path,
};

use crate::common::{Peer, Sharing, assert_same_tree, filler};

/// Flips a bit in each chunk group of a file, and leaves its time as it was.
fn damage(path: &Path) {
    let file = File::options().read(true).write(true).open(path).unwrap();
    let metadata = file.metadata().unwrap();
    for at in (0..metadata.size()).step_by(16 * 1024) {
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).unwrap();
        file.write_all_at(&[byte[0] ^ 1], at).unwrap();
    }
    file.set_modified(metadata.modified().unwrap()).unwrap();
}

fn alice() -> (Peer, Sharing) {
    let alice = Peer::new("alice");
    alice.write("p/large", filler(12 << 20));
    alice.write("p/small", filler(20_000));
    let sharing = alice.share(&["p"]);
    (alice, sharing)
}

#[test]
fn damage_of_a_finished_file_is_found_and_mended() {
    let (alice, sharing) = alice();
    for name in ["p/large", "p/small"] {
        let bob = Peer::new("bob");
        bob.get(&sharing.ticket, &[]).expect(0);
        damage(&bob.path(name));
        let found = bob.get(&sharing.ticket, &["--verify"]).expect(7);
        assert!(found.told().contains(name), "{found}");
        bob.get(&sharing.ticket, &["--verify", "--overwrite"])
            .expect(0);
        for name in ["p/large", "p/small"] {
            assert_same_tree(&alice.path(name), &bob.path(name));
        }
    }
}

#[test]
fn damage_of_an_unfinished_file_is_found_and_fetched_again() {
    let (alice, sharing) = alice();
    let bob = Peer::new("bob");
    let mut getting = bob.start_get(&sharing.ticket, &["--limit-rate", "4M"]);
    getting.wait_until_fetched(5 << 20);
    getting.kill();
    let partial = bob.path(".grove-partial").join(&sharing.root);
    let mut damaged = 0;
    for entry in fs::read_dir(partial).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "data")
        {
            damage(&path);
            damaged += 1;
        }
    }
    assert_eq!(damaged, 1, "the large file is unfinished");
    bob.get(&sharing.ticket, &["--verify"]).expect(0);
    assert_same_tree(&alice.path("p"), &bob.path("p"));
}

#[test]
fn nothing_is_wrong_with_what_is_whole() {
    let (_alice, sharing) = alice();
    let bob = Peer::new("bob");
    bob.get(&sharing.ticket, &[]).expect(0);
    let got = bob.get(&sharing.ticket, &["--verify"]).expect(0);
    assert_eq!(got.number("finished", "bytes_fetched"), 0, "{got}");
}
