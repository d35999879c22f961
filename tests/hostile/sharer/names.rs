//! Names that lead elsewhere, that are there twice, or that no list may have.

use super::{
    blob::Blob,
    list::{List, bytes, sequence, varint},
    peer::{Sharer, Store},
    victim::{DEST, Victim},
};
use grove::content::Hash;

/// Somebody who offers these files, with content.
fn offers<N: AsRef<[u8]>>(names: &[N], plain: bool) -> (Sharer, String) {
    let file = Blob::real("hostile");
    let mut list = List::of(names.iter().map(|name| (name, file.clone())));
    if plain {
        list = list.plain();
    }
    let sharer = Sharer::serving(Store::of(&list, [file]));
    let ticket = sharer.ticket(list.root().hash);
    (sharer, ticket)
}

#[test]
fn names_that_lead_elsewhere_are_refused_before_content() {
    let victim = Victim::new();
    let long = "x".repeat(256);
    let deep = "d/".repeat(2000) + "x";
    let names: [&[u8]; 25] = [
        b"../x",
        b"a/../../x",
        b"..",
        b"/etc/grove-was-here",
        b"//x",
        b"a//b",
        b"./a",
        b".",
        b"a/.",
        b"",
        b"a/",
        b"/",
        b"C:\\x",
        b"\\\\srv\\x",
        b"a\\..\\b",
        b"..\\x",
        b"~/.ssh/authorized_keys",
        b"~",
        b"a\0b",
        b"\0",
        b".grove-partial/x",
        b".GROVE-PARTIAL/x",
        "a/.grove\u{200c}-partial ./x".as_bytes(),
        long.as_bytes(),
        deep.as_bytes(),
    ];
    for plain in [false, true] {
        for name in names {
            let (sharer, ticket) = offers(&[name], plain);
            let refused = victim.refuses(&ticket, &["--yes", "--overwrite"], 6);
            assert!(refused.message().contains("not allowed"), "{refused}");
            assert_eq!(sharer.asked(), 1, "only the list was asked for: {refused}");
        }
        let (_sharer, ticket) = offers(&names, plain);
        victim.refuses_line(&["ls", &ticket], 6);
    }
    assert!(!std::path::Path::new("/etc/grove-was-here").exists());
}

#[test]
fn every_name_that_is_refused_is_named() {
    let victim = Victim::new();
    let (_sharer, ticket) = offers(&["../a", "\u{1b}[2J/..", "../c"], true);
    let refused = victim.refuses(&ticket, &[], 6);
    for name in ["\"../a\"", "\"\\u{1b}[2J/..\"", "\"../c\"", "3 names"] {
        assert!(refused.message().contains(name), "{name}: {refused}");
    }
}

#[test]
fn two_entries_at_one_place_are_refused() {
    let victim = Victim::new();
    for names in [
        &["a", "a"][..],
        &["a", "a/b"],
        &["x/y/z", "x/y"],
        &["a/b", "c", "a/b"],
    ] {
        for plain in [false, true] {
            let (sharer, ticket) = offers(names, plain);
            let refused = victim.refuses(&ticket, &[], 6);
            assert_eq!(sharer.asked(), 1, "{refused}");
        }
    }
    let file = Blob::real("hostile");
    let one = || List::of([("a", file.clone())]);
    for list in [
        one().folder("a", 0o755, 0),
        one().link("a", "b"),
        one().link("a/b", "c"),
        one().folder("b", 0o755, 0).folder("b", 0o755, 0),
        one().link("b", "a").folder("b/c", 0o755, 0),
        one().link("b", ""),
        one().link("b", "a\0b"),
        one().link("b", "x".repeat(4097)),
        one().folder("../b", 0o755, 0),
        one().link("../b", "a"),
    ] {
        let sharer = Sharer::serving(Store::of(&list, [file.clone()]));
        victim.refuses(&sharer.ticket(list.root().hash), &[], 6);
        assert_eq!(sharer.asked(), 1);
    }
}

#[test]
fn lists_that_are_none_are_refused() {
    let victim = Victim::new();
    let file = Blob::real("hostile");
    let one = List::of([("a", file.clone())]);
    let good = one.bytes();
    let plain = one.clone().plain().bytes();
    let mut huge = b"CollectionV0.\x01".to_vec();
    bytes(&mut huge, &vec![b'x'; 16 << 20]);
    let mut endless = b"CollectionV0.\x01".to_vec();
    varint(&mut endless, u64::MAX);
    let changed = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    let section = plain.len();
    let lists = [
        Vec::new(),
        b"CollectionV0.".to_vec(),
        b"CollectionV1.\x01\x01a".to_vec(),
        b"CollectionV0.\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01".to_vec(),
        b"CollectionV0.\x01\x02\xff\xfe".to_vec(),
        endless,
        huge,
        good[..good.len() - 1].to_vec(),
        good[..section + 9].to_vec(),
        one.clone().claiming(0).bytes(),
        one.clone().claiming(2).bytes(),
        one.clone().claiming(u64::MAX).bytes(),
        one.clone().with_behind(b"more").bytes(),
        // The version, and a byte of the length.
        changed(section + 8, 0),
        changed(section + 8, 2),
        changed(section + 9, 0xff),
        changed(section + 16, 0xff),
        // Raw names beyond all number, and flags of nobody.
        changed(section + 17, 0x7f),
        changed(section + 18, 0xff),
    ];
    for list in lists {
        let meta = Blob::real(list);
        let root = Blob::real(sequence(&[meta.hash, file.hash]));
        let ticket_of = root.hash;
        let sharer = Sharer::serving(Store::new([root, meta, file.clone()]));
        victim.refuses(&sharer.ticket(ticket_of), &[], 6);
        assert_eq!(sharer.asked(), 1);
    }
    // What does not start as a section of ours belongs to another tool.
    let list = one.plain().with_behind(b"something else");
    let sharer = Sharer::serving(Store::of(&list, [file]));
    let (got, _) = victim.run(&["get", &sharer.ticket(list.root().hash), "-o", DEST]);
    got.expect(0);
    assert_eq!(std::fs::read(victim.dest("a")).unwrap(), b"hostile");
}

#[test]
fn lists_within_lists_are_plain_bytes() {
    let victim = Victim::new();
    let inner_file = Blob::real("inner");
    let inner = List::of([("inner", inner_file.clone())]);
    let (inner_root, inner_meta) = (inner.root(), inner.meta());
    // A list whose own metadata is one of its files cannot say its size before it is known, so it
    // is one of another tool.
    let outer = List::new([
        ("list", inner_root.hash, inner_root.size),
        ("names", inner_meta.hash, inner_meta.size),
    ])
    .plain();
    // In such a list the names do not depend on the hashes, so that it can hold its own names.
    let names_of = |hash| List::new([("itself", hash, 0), ("again", hash, 0)]).plain();
    let own_names = names_of(Hash::EMPTY).meta();
    let with_itself = names_of(own_names.hash);
    let blobs = [&inner_root, &inner_meta, &inner_file, &own_names];
    for (list, names) in [
        (&outer, ["list", "names"]),
        (&with_itself, ["itself", "again"]),
    ] {
        let sharer = Sharer::serving(Store::of(list, blobs.into_iter().cloned()));
        let ticket = sharer.ticket(list.root().hash);
        let (got, _) = victim.run(&["get", &ticket, "-o", DEST]);
        got.expect(0);
        for name in names {
            assert!(victim.dest(name).is_file(), "{name}");
        }
    }
    assert_eq!(std::fs::read(victim.dest("list")).unwrap().len(), 64);
    assert!(!victim.dest("inner").exists());
    assert_eq!(
        Hash::new(std::fs::read(victim.dest("itself")).unwrap()),
        own_names.hash
    );
}
