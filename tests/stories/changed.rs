//! Files that change while they are shared.

use std::{
    fs::{self, File},
    io::Write as _,
    path::Path,
};

use crate::common::{Ended, Peer, Sharing, assert_same_tree, filler};

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
    let mut getting = bob.start_get(&sharing.ticket, &["--limit-rate", "8M"]);
    getting.wait_until_fetched(4 << 20);
    fs::write(alice.path("p/large"), vec![b'x'; 24 << 20]).unwrap();
    let got = getting.end().expect(3);
    assert!(got.told().contains("p/large"), "{got}");
    assert!(!bob.path("p/large").exists(), "never a mixture");
    assert_same_tree(&alice.path("p/small"), &bob.path("p/small"));
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
