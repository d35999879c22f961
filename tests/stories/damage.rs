//! Files that Grove keeps, damaged by whatever damages files: it is noticed, what can be made again is,
//! and nobody's files suffer.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::common::{Peer, Signal, assert_same_tree, filler, free_port, snapshot};

/// What happens to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Damage {
    FlippedBit,
    CutInHalf,
    Empty,
    Gone,
    Folder,
}

const ALL: [Damage; 5] = [
    Damage::FlippedBit,
    Damage::CutInHalf,
    Damage::Empty,
    Damage::Gone,
    Damage::Folder,
];

impl Damage {
    fn do_to(self, path: &Path) {
        let mut bytes = fs::read(path).unwrap();
        match self {
            Self::FlippedBit => {
                let at = bytes.len() / 3;
                bytes
                    .iter_mut()
                    .skip(at)
                    .take(1)
                    .for_each(|byte| *byte ^= 4);
                fs::write(path, bytes).unwrap();
            }
            Self::CutInHalf => fs::write(path, &bytes[..bytes.len() / 2]).unwrap(),
            Self::Empty => fs::write(path, b"").unwrap(),
            Self::Gone => fs::remove_file(path).unwrap(),
            Self::Folder => {
                fs::remove_file(path).unwrap();
                fs::create_dir(path).unwrap();
            }
        }
    }
}

fn copy(from: &Path, to: &Path) {
    _ = fs::remove_dir_all(to);
    let status = Command::new("cp").arg("-a").args([from, to]).status();
    assert!(status.unwrap().success());
}

/// All files below a folder.
fn files_below(dir: &Path) -> Vec<PathBuf> {
    let paths = snapshot(dir).into_keys();
    paths.filter(|path| dir.join(path).is_file()).collect()
}

/// The files are the same, whatever the folders look like.
fn same_files(alice: &Peer, bob: &Peer) {
    for file in files_below(&alice.path("p")) {
        assert_same_tree(&alice.path("p").join(&file), &bob.path("p").join(&file));
    }
}

#[test]
fn what_is_kept_of_an_unfinished_fetch() {
    let alice = Peer::new("alice");
    alice.write("p/large", filler(16 << 20));
    alice.write("p/d/small", filler(1000));
    let sharing = alice.share(&["p"]);
    let bob = Peer::new("bob");
    bob.write("mine", "precious");
    let mut getting = bob.start_get(&sharing.ticket, &["--limit-rate", "1M"]);
    getting.wait_until_fetched(4 << 20);
    getting.interrupt().expect(130);
    let carol = Peer::new("carol");
    copy(&bob.path("."), &carol.path("begun"));

    let partial = Path::new(".grove-partial").join(&sharing.root);
    for file in files_below(&bob.path(&partial)) {
        for damage in ALL {
            copy(&carol.path("begun/."), &bob.path(""));
            let path = bob.path(&partial).join(&file);
            damage.do_to(&path);
            let what = format!("{} {damage:?}", file.display());
            let got = bob.get(&sharing.ticket, &[]);
            if damage == Damage::Folder {
                let told = got.expect(8).told();
                assert!(told.contains(".grove-partial"), "{what}: {told}");
                fs::remove_dir_all(bob.path(".grove-partial")).unwrap();
                bob.get(&sharing.ticket, &[]).expect(0);
            } else {
                assert_eq!(got.code(), Some(0), "{what}: {got}");
            }
            if file == Path::new("made") || damage == Damage::Folder {
                // Which folders are Grove's to give modes and times, nobody knows any more.
                same_files(&alice, &bob);
            } else {
                assert_same_tree(&alice.path("p"), &bob.path("p"));
            }
            assert!(!bob.path(".grove-partial").exists(), "{what}");
            assert_eq!(bob.read("mine"), b"precious");
        }
    }
}

#[test]
fn what_is_kept_to_save_work() {
    let alice = Peer::new("alice");
    alice.write("p/large", filler(3 << 20));
    alice.write("p/small", filler(1000));
    let root = alice.share(&["p"]).root.clone();
    let before = snapshot(&alice.path("p"));
    let cache = alice.home().join("cache");
    let carol = Peer::new("carol");
    copy(&cache, &carol.path("cache"));
    let bob = Peer::new("bob");
    for file in files_below(&cache) {
        for damage in ALL {
            copy(&carol.path("cache/."), &cache);
            damage.do_to(&cache.join(&file));
            let what = format!("{} {damage:?}", file.display());
            if damage == Damage::Folder {
                // The one thing that Grove does not put right by itself.
                alice.grove(&["cache", "clear"]).expect(0);
            }
            let sharing = alice.share(&["p"]);
            assert_eq!(sharing.root, root, "{what}");
            _ = fs::remove_dir_all(bob.path("p"));
            let got = bob.get(&sharing.ticket, &[]);
            assert_eq!(got.code(), Some(0), "{what}: {got}");
            assert_same_tree(&alice.path("p"), &bob.path("p"));
        }
    }
    assert_eq!(snapshot(&alice.path("p")), before);
}

#[test]
fn the_list_that_is_kept_of_a_share() {
    let alice = Peer::new("alice");
    alice.write("p/file", filler(1000));
    let sharing = alice.share(&["p"]);
    let bob = Peer::new("bob");
    bob.get(&sharing.ticket, &[]).expect(0);
    let kept = bob.home().join("cache/manifests").join(&sharing.root);
    for damage in ALL {
        fs::remove_file(bob.path("p/file")).unwrap();
        damage.do_to(&kept);
        let got = bob.get(&sharing.ticket, &[]);
        assert_eq!(got.code(), Some(0), "{damage:?}: {got}");
        assert_same_tree(&alice.path("p/file"), &bob.path("p/file"));
        if damage == Damage::Folder {
            fs::remove_dir_all(&kept).unwrap();
        }
    }
}

#[test]
fn the_identity() {
    let alice = Peer::new("alice");
    alice.write("file", "x");
    let id = alice.id();
    let identity = alice.home().join("identity");
    let good = fs::read(&identity).unwrap();
    for damage in [Damage::FlippedBit, Damage::Empty, Damage::Folder] {
        damage.do_to(&identity);
        let damaged = fs::read(&identity).ok();
        let refused = alice.grove(&["share", "file"]).expect(8);
        assert!(refused.message().contains("identity"), "{refused}");
        assert_eq!(fs::read(&identity).ok(), damaged, "it stays as it is");
        if damage == Damage::Folder {
            fs::remove_dir(&identity).unwrap();
        }
        fs::write(&identity, &good).unwrap();
        assert_eq!(alice.id(), id);
    }
}

#[test]
fn the_partial_folder_goes_while_a_fetch_is_at_work() {
    let alice = Peer::new("alice").at_port(free_port());
    alice.write("p/large", filler(48 << 20));
    alice.write("p/small", filler(100));
    let slowly = alice.share(&["p", "--limit-rate", "2M"]);
    let bob = Peer::new("bob");
    bob.write("mine", "precious");
    let mut getting = bob.start_get(&slowly.ticket, &[]);
    getting.wait_until_fetched(6 << 20);
    // Nothing is made in it while it is emptied.
    getting.halt();
    fs::remove_dir_all(bob.path(".grove-partial")).unwrap();
    getting.signal(Signal::CONT);
    slowly.into_running().interrupt().expect(130);
    let sharing = alice.share(&["p"]);
    let ended = getting.end().expect(8);
    assert!(ended.message().contains("p/large"), "{ended}");
    assert!(!bob.path("p/large").exists());
    bob.get(&sharing.ticket, &[]).expect(0);
    same_files(&alice, &bob);
    assert!(!bob.path(".grove-partial").exists());
    assert_eq!(bob.read("mine"), b"precious");
}

#[test]
fn the_cache_goes_while_a_share_is_served() {
    let alice = Peer::new("alice");
    alice.write("p/large", filler(12 << 20));
    alice.write("p/small", filler(100));
    let sharing = alice.share(&["p"]);
    fs::remove_dir_all(alice.home().join("cache")).unwrap();
    let bob = Peer::new("bob");
    bob.get(&sharing.ticket, &[]).expect(0);
    assert_same_tree(&alice.path("p"), &bob.path("p"));
}
