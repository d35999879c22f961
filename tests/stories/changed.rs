//! Files that change while they are shared.

use std::{
    fs::{self, File},
    io::Write as _,
    os::unix::fs::FileExt as _,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use crate::common::{Ended, Peer, Sharing, assert_same_tree, filler, free_port, set_mode};

const SIZE: usize = 3_000_000;

/// Alice shares three files, and then `change` happens to the one in the middle.
fn changed(change: impl Fn(&Path)) -> (Peer, Sharing, Peer, Ended) {
    let alice = Peer::new("alice");
    for name in ["p/a", "p/m", "p/z"] {
        alice.write(name, filler(SIZE));
    }
    // Not the same content thrice, which would be fetched once.
    alice.write("p/m", filler(SIZE + 1));
    alice.write("p/z", filler(SIZE + 2));
    let sharing = alice.share(&["p"]);
    change(&alice.path("p/m"));
    let bob = Peer::new("bob");
    let got = bob.get(&sharing.ticket, &[]);
    (alice, sharing, bob, got)
}

/// Bob gets the rest and is told which one is missing; so is Alice.
fn is_noticed(change: impl Fn(&Path)) {
    let (alice, mut sharing, bob, got) = changed(change);
    let got = got.expect(3);
    for name in ["p/a", "p/z"] {
        assert_same_tree(&alice.path(name), &bob.path(name));
    }
    assert!(
        !bob.path("p/m").exists(),
        "never what nobody offered: {got}"
    );
    assert!(got.told().contains("p/m"), "{got}");
    assert!(!got.told().contains("p/a"), "{got}");
    let warning = sharing.wait_for("warning");
    assert_eq!(warning["kind"], "changed", "{warning}");
    assert!(
        warning["message"].as_str().unwrap().contains("p/m"),
        "{warning}"
    );
}

/// What was offered is still all there, in front of what came later.
#[test]
fn longer() {
    let (_alice, _sharing, bob, got) = changed(|path| {
        let mut file = File::options().append(true).open(path).unwrap();
        file.write_all(b"one more line").unwrap();
    });
    let got = got.expect(0);
    assert!(
        bob.read("p/m") == filler(SIZE + 1),
        "what was offered: {got}"
    );
}

#[test]
fn shorter() {
    is_noticed(|path| {
        let file = File::options().write(true).open(path).unwrap();
        file.set_len(1000).unwrap();
    });
}

#[test]
fn replaced() {
    is_noticed(|path| {
        fs::write(path.with_extension("new"), filler(SIZE + 7)).unwrap();
        fs::rename(path.with_extension("new"), path).unwrap();
    });
}

#[test]
fn gone() {
    is_noticed(|path| fs::remove_file(path).unwrap());
}

#[test]
fn a_folder_now() {
    is_noticed(|path| {
        fs::remove_file(path).unwrap();
        fs::create_dir(path).unwrap();
    });
}

#[test]
fn a_link_to_something_secret_now() {
    is_noticed(|path| {
        fs::remove_file(path).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", path).unwrap();
    });
}

#[test]
fn other_bytes_of_the_same_size_and_time() {
    is_noticed(|path| {
        let time = fs::metadata(path).unwrap().modified().unwrap();
        let mut content = filler(SIZE + 1);
        content[SIZE / 2] ^= 1;
        fs::write(path, content).unwrap();
        File::open(path).unwrap().set_modified(time).unwrap();
    });
}

#[test]
fn in_the_middle_of_a_fetch() {
    let alice = Peer::new("alice");
    alice.write("p/large", filler(24 << 20));
    alice.write("p/small", filler(100));
    let sharing = alice.share(&["p"]);
    let bob = Peer::new("bob");
    let mut getting = bob.start_get(&sharing.ticket, &["--limit-rate", "1M"]);
    getting.wait_until_fetched(2 << 20);
    fs::write(alice.path("p/large"), vec![b'x'; 24 << 20]).unwrap();
    let got = getting.end().expect(3);
    assert!(got.told().contains("p/large"), "{got}");
    assert!(!bob.path("p/large").exists(), "never a mixture");
    assert_same_tree(&alice.path("p/small"), &bob.path("p/small"));
}

/// Somebody whom permissions stop, which they do not for root.
fn stopped_by_permissions(name: &'static str) -> Peer {
    let peer = Peer::new(name);
    if rustix::process::geteuid().is_root() {
        let without = "--bounding-set=-dac_override,-dac_read_search";
        return peer.run_by(&["setpriv", without]);
    }
    peer
}

type Change = fn(&Path);

/// What may happen to a file, by name.
const CHANGES: [(&str, Change); 7] = [
    ("append", |path| {
        let mut file = File::options().append(true).open(path).unwrap();
        file.write_all(&filler(100_000)).unwrap();
    }),
    ("truncate", |path| {
        let file = File::options().write(true).open(path).unwrap();
        file.set_len(SIZE as u64 / 3).unwrap();
    }),
    ("overwrite near the end", |path| {
        let file = File::options().write(true).open(path).unwrap();
        file.write_all_at(b"new", 2 * SIZE as u64 - 100_000)
            .unwrap();
    }),
    ("replace", |path| {
        fs::write(path.with_extension("new"), filler(2 * SIZE + 7)).unwrap();
        fs::rename(path.with_extension("new"), path).unwrap();
    }),
    ("replace by a file of the same size", |path| {
        fs::write(path.with_extension("new"), vec![7; 2 * SIZE]).unwrap();
        fs::rename(path.with_extension("new"), path).unwrap();
    }),
    ("delete", |path| fs::remove_file(path).unwrap()),
    ("forbid", |path| set_mode(path, 0)),
];

/// Either all of what was offered, or nothing and both are told.
fn is_whole_or_told(got: &Ended, alice: &mut Sharing, bob: &Peer, what: &str) {
    match got.code() {
        Some(0) => assert!(bob.read("p/m") == filler(2 * SIZE), "{what}: {got}"),
        Some(3) => {
            assert!(!bob.path("p/m").exists(), "{what}: {got}");
            assert!(got.told().contains("p/m"), "{what}: {got}");
            let warning = alice.wait_for("warning");
            let message = warning["message"].as_str().unwrap();
            assert!(message.contains("p/m"), "{what}: {warning}");
        }
        _ => panic!("{what}: {got}"),
    }
    assert!(bob.read("p/z") == filler(SIZE), "{what}: {got}");
}

#[test]
fn whatever_happens_while_it_is_fetched() {
    for (what, change) in CHANGES {
        let alice = stopped_by_permissions("alice");
        alice.write("p/m", filler(2 * SIZE));
        alice.write("p/z", filler(SIZE));
        let mut sharing = alice.share(&["p"]);
        let bob = Peer::new("bob");
        let mut getting = bob.start_get(&sharing.ticket, &["--limit-rate", "12M"]);
        getting.wait_until_fetched(1 << 20);
        change(&alice.path("p/m"));
        is_whole_or_told(&getting.end(), &mut sharing, &bob, what);
    }
}

#[test]
fn whatever_happens_between_two_receivers() {
    for (what, change) in CHANGES {
        let alice = stopped_by_permissions("alice");
        alice.write("p/m", filler(2 * SIZE));
        alice.write("p/z", filler(SIZE));
        let mut sharing = alice.share(&["p"]);
        let bob = Peer::new("bob");
        bob.get(&sharing.ticket, &[]).expect(0);
        change(&alice.path("p/m"));
        let carol = Peer::new("carol");
        let got = carol.get(&sharing.ticket, &[]);
        // What is still all there is sent, all else cannot be.
        let got = got.expect(if what == "append" { 0 } else { 3 });
        is_whole_or_told(&got, &mut sharing, &carol, what);
        // Whoever has it already has lost nothing.
        bob.get(&sharing.ticket, &[]).expect(0);
        assert!(bob.read("p/m") == filler(2 * SIZE), "{what}");
    }
}

#[test]
fn a_log_that_grows_all_the_time() {
    let alice = Peer::new("alice");
    let path = alice.write("p/log", filler(SIZE));
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut log = File::options().append(true).open(&path).unwrap();
            while !stop.load(Ordering::Relaxed) {
                log.write_all(&filler(997)).unwrap();
                std::thread::yield_now();
                if log.metadata().unwrap().len() > 200 << 20 {
                    break;
                }
            }
        });
        let sharing = alice.share(&["p"]);
        let bob = Peer::new("bob");
        let got = bob.get(&sharing.ticket, &[]);
        stop.store(true, Ordering::Relaxed);
        let got = got.expect(0);
        let (there, here) = (alice.read("p/log"), bob.read("p/log"));
        assert!(here.len() >= SIZE && there.starts_with(&here), "{got}");
    });
}

#[test]
fn a_file_with_holes() {
    let alice = Peer::new("alice");
    let path = alice.write("p/sparse", filler(100_000));
    let file = File::options().write(true).open(path).unwrap();
    file.set_len(40 << 20).unwrap();
    file.write_all_at(&filler(70_000), 20 << 20).unwrap();
    let sharing = alice.share(&["p"]);
    let bob = Peer::new("bob");
    bob.get(&sharing.ticket, &[]).expect(0);
    assert_same_tree(&alice.path("p"), &bob.path("p"));
}

/// A time that was set back hides no change from the next share.
#[test]
fn a_time_that_was_set_back_deceives_nobody() {
    let alice = Peer::new("alice");
    let path = alice.write("p/file", filler(SIZE));
    let time = fs::metadata(&path).unwrap().modified().unwrap();
    let sharing = alice.share(&["p"]);
    let before = sharing.root.clone();
    sharing.into_running().interrupt().expect(130);
    fs::write(&path, vec![7; SIZE]).unwrap();
    File::open(&path).unwrap().set_modified(time).unwrap();
    let sharing = alice.share(&["p"]);
    assert_ne!(sharing.root, before);
    let bob = Peer::new("bob");
    bob.get(&sharing.ticket, &[]).expect(0);
    assert_same_tree(&alice.path("p"), &bob.path("p"));
}

/// What somebody saves under the final name while it is fetched is theirs.
#[test]
fn an_edit_at_the_destination_is_not_replaced() {
    for flags in [&[][..], &["--overwrite"], &["--rename"], &["--skip"]] {
        let alice = Peer::new("alice").at_port(free_port());
        alice.write("p/large", filler(8 * SIZE));
        let slowly = alice.share(&["p", "--limit-rate", "1M"]);
        let bob = Peer::new("bob");
        let mut getting = bob.start_get(&slowly.ticket, flags);
        getting.wait_until_fetched(1 << 20);
        assert!(!bob.path("p/large").exists(), "not before it is whole");
        bob.write("p/large", "of Bob");
        // There was time for that, and the rest need not take any.
        slowly.into_running().interrupt().expect(130);
        let sharing = alice.share(&["p"]);
        let got = getting.end().expect(7);
        assert!(got.message().contains("p/large"), "{got}");
        assert_eq!(bob.read("p/large"), b"of Bob");
        bob.get(&sharing.ticket, &["--rename"]).expect(0);
        assert_eq!(bob.read("p/large"), b"of Bob");
        assert!(bob.read("p/large (1)") == filler(8 * SIZE));
    }
}

#[test]
fn a_second_receiver_gets_the_rest_too() {
    let (alice, sharing, _bob, got) = changed(|path| fs::remove_file(path).unwrap());
    got.expect(3);
    let carol = Peer::new("carol");
    carol.get(&sharing.ticket, &[]).expect(3);
    assert_same_tree(&alice.path("p/a"), &carol.path("p/a"));
}

#[test]
fn shared_again_it_is_what_it_is_now() {
    let (alice, sharing, bob, got) = changed(|path| fs::write(path, "new").unwrap());
    got.expect(3);
    drop(sharing);
    let sharing = alice.share(&["p"]);
    bob.get(&sharing.ticket, &[]).expect(0);
    assert_eq!(bob.read("p/m"), b"new");
}

#[test]
fn a_snapshot_does_not_change() {
    let alice = Peer::new("alice");
    alice.write("p/a", filler(SIZE));
    let sharing = alice.share(&["p", "--snapshot"]);
    fs::write(alice.path("p/a"), "new").unwrap();
    let bob = Peer::new("bob");
    bob.get(&sharing.ticket, &[]).expect(0);
    assert_eq!(bob.read("p/a"), filler(SIZE));
    sharing.into_running().interrupt().expect(130);
    let cached = alice.plain(&["cache", "list"]).expect(0);
    assert!(
        !cached.stdout_text().contains("3.0 MB"),
        "the copy is gone: {cached}"
    );
}
