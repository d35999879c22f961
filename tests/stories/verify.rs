//! Damage on the receiver's own disk.

use std::{
    fs::{self, File},
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::Path,
};

use crate::common::{Ended, Peer, Sharing, assert_same_tree, filler};

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
    alice.write("p/large", filler(16 << 20));
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
    let mut getting = bob.start_get(&sharing.ticket, &["--limit-rate", "1M"]);
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

/// Flips bits in all of what an interrupted fetch left and synced, in a file that keeps its time. Returns
/// the receiver.
fn wrong_bits(ticket: &str, root: &str) -> Peer {
    let bob = Peer::new("bob");
    let mut getting = bob.start_get(ticket, &["--limit-rate", "1M"]);
    getting.wait_until_fetched(5 << 20);
    getting.interrupt().expect(130);
    let partial = bob.path(".grove-partial").join(root);
    assert!(partial.join("0.have").exists(), "what is there was synced");
    assert!(!partial.join("0.more").exists(), "all of it");
    damage(&partial.join("0.data"));
    bob
}

/// How many bytes counted as there, and the most that did before some turned out not to be.
fn counted(got: &Ended) -> (u64, u64) {
    let had = got.number("resumed", "bytes_have");
    let events = got.all("progress").into_iter();
    let fetching = events.filter(|event| event["phase"] == "fetch");
    let counts = [had]
        .into_iter()
        .chain(fetching.map(|event| event["bytes"].as_u64().unwrap()));
    let counts: Vec<u64> = counts.collect();
    let falls = counts.windows(2).filter(|two| two[1] < two[0]);
    let most = falls.map(|two| two[0]).max();
    (
        had,
        most.unwrap_or_else(|| panic!("no byte is taken back: {got}")),
    )
}

/// What was synced is believed until the file is complete, and read before it gets its name; with
/// `--verify` it is read first.
#[test]
fn wrong_bits_in_what_was_synced_are_found_before_anything_is_fetched() {
    let (alice, sharing) = alice();
    let (ticket, root) = (&sharing.ticket, &sharing.root);
    let is_found = |args: &[&str], finds_it_first| {
        let bob = wrong_bits(ticket, root);
        // So slowly that what is fetched again is not there before it is seen to be missing.
        let args = [args, &["--limit-rate", "2M"]].concat();
        let got = bob.get(ticket, &args).expect(0);
        assert_same_tree(&alice.path("p"), &bob.path("p"));
        let (had, most) = counted(&got);
        assert_eq!(most <= had, finds_it_first, "{most} of {had}: {got}");
    };
    std::thread::scope(|scope| {
        scope.spawn(|| is_found(&[], false));
        scope.spawn(|| is_found(&["--verify"], true));
    });
}

#[test]
fn nothing_is_wrong_with_what_is_whole() {
    let (_alice, sharing) = alice();
    let bob = Peer::new("bob");
    bob.get(&sharing.ticket, &[]).expect(0);
    let got = bob.get(&sharing.ticket, &["--verify"]).expect(0);
    assert_eq!(got.number("finished", "bytes_fetched"), 0, "{got}");
}
