//! What is kept to save work, and what happens without it.

use std::{fs, os::unix::fs::MetadataExt as _, path::Path};

use crate::common::{Peer, Sharing, assert_same_tree, filler};

const SIZE: u64 = 48 << 20;

fn alice() -> Peer {
    let alice = Peer::new("alice");
    alice.write("p/large", filler(SIZE.try_into().unwrap()));
    let path = alice.write("p/small", filler(100));
    settle(&path);
    alice
}

/// Waits until the clock of the file system has moved on so far that one more change of this file
/// would surely show. What changed just now is not remembered, with good reason.
fn settle(path: &Path) {
    let changed = |path: &Path| {
        let metadata = fs::metadata(path).unwrap();
        i128::from(metadata.ctime()) * 1_000_000_000 + i128::from(metadata.ctime_nsec())
    };
    let probe = tempfile::NamedTempFile::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    while changed(probe.path()) - changed(path) < 100_000_000 {
        fs::write(probe.path(), "now").unwrap();
    }
}

/// Bytes that a process has read so far, from whatever it read them.
fn bytes_read(sharing: &Sharing) -> u64 {
    let path = format!("/proc/{}/io", sharing.pid());
    let text = fs::read_to_string(path).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("rchar: "));
    line.unwrap().parse().unwrap()
}

#[test]
fn an_unchanged_tree_is_not_read_again() {
    let alice = alice();
    let first = alice.share(&["p"]);
    assert!(bytes_read(&first) >= SIZE, "reading is counted");
    first.into_running().interrupt().expect(130);

    let again = alice.share(&["p"]);
    let read = bytes_read(&again);
    assert!(read < SIZE / 10, "{read} bytes read");
    let bob = Peer::new("bob");
    bob.get(&again.ticket, &[]).expect(0);
    assert_same_tree(&alice.path("p"), &bob.path("p"));
}

#[test]
fn only_what_changed_is_read_again() {
    let alice = alice();
    let first = alice.share(&["p"]);
    let root = first.root.clone();
    drop(first);
    settle(&alice.write("p/small", "changed"));
    let again = alice.share(&["p"]);
    assert_ne!(again.root, root);
    let read = bytes_read(&again);
    assert!(read < SIZE / 10, "{read} bytes read");
    let bob = Peer::new("bob");
    bob.get(&again.ticket, &[]).expect(0);
    assert_eq!(bob.read("p/small"), b"changed");
}

#[test]
fn of_many_files_only_the_one_that_changed_is_read_again() {
    let alice = Peer::new("alice");
    for number in 0..2000 {
        alice.write(
            &format!("p/{}/{number}", number % 50),
            filler(20_000 + number),
        );
    }
    settle(&alice.write("p/last", "x"));
    let first = alice.share(&["p"]);
    let (root, all) = (first.root.clone(), bytes_read(&first));
    assert!(all > 40_000_000, "reading is counted: {all}");
    drop(first);
    settle(&alice.write("p/7/1007", filler(30_000)));
    let again = alice.share(&["p"]);
    assert_ne!(again.root, root);
    let read = bytes_read(&again);
    assert!(read < all / 10, "{read} bytes read of {all}");
    let bob = Peer::new("bob");
    bob.get(&again.ticket, &[]).expect(0);
    assert_same_tree(&alice.path("p"), &bob.path("p"));
}

#[test]
fn it_is_listed_and_cleared() {
    let alice = alice();
    let sharing = alice.share(&["p"]);
    sharing.into_running().interrupt().expect(130);
    let listed = alice.grove(&["cache", "list"]).expect(0).event("cache");
    let trees = listed["trees"].as_array().unwrap();
    assert_eq!(trees.len(), 1, "{listed}");
    assert_eq!(trees[0]["path"], alice.path("p").to_str().unwrap());
    assert_eq!(trees[0]["files"], 2);
    assert_eq!(listed["outboards"]["count"], 1, "{listed}");

    let cleared = alice.grove(&["cache", "clear"]).expect(0);
    assert!(
        cleared.number("cache_cleared", "bytes") > SIZE / 1000,
        "{cleared}"
    );
    let listed = alice.grove(&["cache", "list"]).expect(0).event("cache");
    assert_eq!(listed["trees"].as_array().unwrap().len(), 0, "{listed}");
    let plain = alice.plain(&["cache", "clear"]).expect(0);
    assert!(plain.stderr_text().contains("Freed 0 B"), "{plain}");
}

#[test]
fn clearing_does_not_disturb_a_share() {
    let alice = alice();
    let sharing = alice.share(&["p"]);
    alice.grove(&["cache", "clear"]).expect(0);
    let bob = Peer::new("bob");
    bob.get(&sharing.ticket, &[]).expect(0);
    assert_same_tree(&alice.path("p"), &bob.path("p"));
}

#[test]
fn a_cache_that_vanishes_is_made_again() {
    let alice = alice();
    let sharing = alice.share(&["p"]);
    fs::remove_dir_all(alice.home().join("cache")).unwrap();
    let bob = Peer::new("bob");
    bob.get(&sharing.ticket, &[]).expect(0);
    assert_same_tree(&alice.path("p"), &bob.path("p"));
}

#[test]
fn a_damaged_cache_costs_only_time() {
    let alice = alice();
    let root = alice.share(&["p"]).root.clone();
    let mut folders = vec![alice.home().join("cache")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let mut content = fs::read(&path).unwrap();
                for byte in content.iter_mut().step_by(50) {
                    *byte ^= 0x20;
                }
                fs::write(&path, content).unwrap();
            }
        }
    }
    let sharing = alice.share(&["p"]);
    assert_eq!(sharing.root, root);
    let bob = Peer::new("bob");
    bob.get(&sharing.ticket, &[]).expect(0);
    assert_same_tree(&alice.path("p"), &bob.path("p"));
}
