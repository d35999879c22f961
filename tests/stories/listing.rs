//! `grove ls`: what a ticket holds.

use std::fs;

use crate::common::{Peer, Sharing, filler, link, set_mtime, snapshot};

fn alice() -> (Peer, Sharing) {
    let alice = Peer::new("alice");
    alice.write("p/a.txt", filler(1500));
    alice.write("p/sub/b.bin", filler(2_000_000));
    link(&alice.path("p/link"), "a.txt");
    fs::create_dir(alice.path("p/hollow")).unwrap();
    for path in ["p/a.txt", "p/sub/b.bin", "p/link", "p/hollow", "p/sub", "p"] {
        set_mtime(&alice.path(path), 1_000_000_000.0);
    }
    let sharing = alice.share(&["p"]);
    // What is gone cannot have been fetched.
    fs::remove_dir_all(alice.path("p")).unwrap();
    (alice, sharing)
}

#[test]
fn names_and_sizes_and_no_content() {
    let (_alice, sharing) = alice();
    let bob = Peer::new("bob");
    let listed = bob.plain(&["ls", &sharing.ticket]).expect(0);
    let expected = "        -  2001-09-09 01:46  p/
   1.5 kB  2001-09-09 01:46  p/a.txt
        -  2001-09-09 01:46  p/hollow/
        -  2001-09-09 01:46  p/link -> a.txt
        -  2001-09-09 01:46  p/sub/
   2.0 MB  2001-09-09 01:46  p/sub/b.bin
2 files, 2.0 MB
";
    assert_eq!(listed.stdout_text(), expected);
    assert_eq!(snapshot(&bob.path("")).len(), 1, "nothing is written");
}

#[test]
fn as_a_tree() {
    let (_alice, sharing) = alice();
    let bob = Peer::new("bob");
    let listed = bob.plain(&["ls", "--tree", &sharing.ticket]).expect(0);
    let expected = "p/
  a.txt  1.5 kB
  hollow/
  link -> a.txt
  sub/
    b.bin  2.0 MB
2 files, 2.0 MB
";
    assert_eq!(listed.stdout_text(), expected);
}

#[test]
fn as_json() {
    let (_alice, sharing) = alice();
    let bob = Peer::new("bob");
    let listed = bob.grove(&["ls", &sharing.ticket]).expect(0);
    let listing = listed.event("listing");
    let entries = listing["entries"].as_array().unwrap();
    let mut rows: Vec<_> = entries
        .iter()
        .map(|entry| {
            let text = |field: &str| entry[field].as_str().unwrap().to_owned();
            assert_eq!(entry["mtime"], 1_000_000_000, "{entry}");
            (text("path"), text("kind"), entry["bytes"].as_u64())
        })
        .collect();
    rows.sort();
    let row = |path: &str, kind: &str, bytes| (path.to_owned(), kind.to_owned(), bytes);
    let expected = [
        row("p", "dir", None),
        row("p/a.txt", "file", Some(1500)),
        row("p/hollow", "dir", None),
        row("p/link", "link", None),
        row("p/sub", "dir", None),
        row("p/sub/b.bin", "file", Some(2_000_000)),
    ];
    assert_eq!(rows, expected);
}

#[test]
fn only_what_is_asked_for() {
    let (_alice, sharing) = alice();
    let bob = Peer::new("bob");
    let listed = bob
        .plain(&["ls", &sharing.ticket, "--only", "*.txt"])
        .expect(0);
    assert!(listed.stdout_text().contains("a.txt"), "{listed}");
    assert!(!listed.stdout_text().contains("b.bin"), "{listed}");
}

#[test]
fn the_id_is_kept_and_is_that_of_the_ticket() {
    let alice = Peer::new("alice");
    let id = alice.id();
    assert_eq!(alice.id(), id);
    assert_ne!(Peer::new("bob").id(), id);
    assert_eq!(alice.grove(&["id"]).expect(0).event("id")["peer"], id);
}
