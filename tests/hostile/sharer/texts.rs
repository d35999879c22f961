//! Names and texts of a hostile sharer, on the screen, in logs and in JSON.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};

use super::{
    blob::Blob,
    list::List,
    peer::{Sharer, Store},
    victim::{DEST, Victim},
};

/// Names of up to 255 bytes that would do something to a terminal, or to whoever reads it.
fn hostile_names() -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> = [
        "\u{1b}[2J\u{1b}[31mred",
        "\u{1b}]0;title\u{7}",
        "\u{1b}]8;;mailto:x\u{7}click\u{1b}]8;;\u{7}",
        "\u{1b}]52;c;aGk=\u{7}",
        "\u{9b}2J\u{9d}0;x\u{9c}",
        "over\rwritten",
        "two\nlines",
        "\u{8}\u{8}\u{8}back",
        "bell\u{7}",
        "\u{202e}gpj.exe",
        "\u{2066}isolated\u{2069}",
        "zero\u{200b}width\u{feff}",
        "line\u{2028}separator",
        "\u{7f}delete",
    ]
    .map(|name| name.as_bytes().to_vec())
    .into();
    names.push(format!("marks{}", "\u{301}".repeat(120)).into_bytes());
    names.push(b"one byte \x9b2J and \xff".to_vec());
    names
}

/// A list that has such names everywhere, and of which everything arrives.
fn share() -> (List, Store) {
    let file = Blob::real("content");
    let mut names: Vec<Vec<u8>> = hostile_names();
    // Names that are not Unicode have a place of their own in a list, which is tested elsewhere.
    names.retain(|name| std::str::from_utf8(name).is_ok());
    names.sort();
    let below = |name: &Vec<u8>| [b"p/", &name[..]].concat();
    let mut list =
        List::of(names.iter().map(|name| (below(name), file.clone()))).folder("p", 0o755, 0);
    for name in &names {
        let at = [b"p/", &name[..], b" link"].concat();
        list = list.link(at, name);
    }
    let store = Store::of(&list, [file]);
    (list, store)
}

#[test]
fn nothing_of_a_sharer_reaches_a_terminal_raw() {
    let victim = Victim::new();
    let (list, store) = share();
    let sharer = Sharer::serving(store);
    let ticket = sharer.ticket(list.root().hash);
    for words in [
        &["ls", &ticket][..],
        &["-vv", "ls", "--tree", &ticket],
        &["-vv", "get", &ticket, "-o", DEST],
        // All is there, and is in the way.
        &["get", &ticket, "-o", DEST],
        &["get", &ticket, "-o", "in", "--max-size", "1"],
    ] {
        let shown = victim.at_a_terminal(words);
        assert!(matches!(shown.code(), Some(0 | 5)), "{shown}");
    }
    for name in hostile_names() {
        if let Ok(text) = std::str::from_utf8(&name) {
            assert!(
                victim.dest("p").join(text).is_file(),
                "{text:?} is kept as it is"
            );
        }
    }
    let other = victim
        .dest("p")
        .join(OsStr::from_bytes(&hostile_names()[0]));
    std::fs::write(other, "of the victim").unwrap();
    let shown = victim
        .at_a_terminal(&["-vv", "get", &ticket, "-o", DEST])
        .expect(7);
    assert!(shown.stdout_text().contains("\\u{1b}[2J"), "{shown}");
    for words in [
        &["ls", &ticket][..],
        &["get", &ticket, "-o", DEST, "--rename"],
        &["get", &ticket, "-o", DEST, "--skip"],
    ] {
        victim.run(words);
        victim.run(&[&["-q"], words].concat());
        let plain = victim.peer.plain(words);
        super::victim::holds_nothing_raw(&plain.stderr, "standard error");
    }
}

#[test]
fn refusals_quote_names_escaped_and_short() {
    let victim = Victim::new();
    let file = Blob::real("content");
    for name in hostile_names() {
        for bad in [
            [b"../", &name[..]].concat(),
            [&name[..], &[b'x'; 4000]].concat(),
        ] {
            let list = List::of([(&bad, file.clone())]).plain();
            let sharer = Sharer::serving(Store::of(&list, [file.clone()]));
            let ticket = sharer.ticket(list.root().hash);
            let refused = victim.refuses(&ticket, &[], 6);
            assert!(refused.message().len() < 600, "{refused}");
        }
        let words = ["get", "blobaaaa", "-o"];
        let there = String::from_utf8_lossy(&name).into_owned();
        victim.at_a_terminal(&[&words[..], &[&there]].concat());
    }
}

#[test]
fn links_out_of_the_share_are_not_a_million_lines() {
    let victim = Victim::new();
    let mut list = List::new::<&str>([]);
    for n in 0..20_000 {
        list = list.link(format!("l{n:05}\u{1b}[2J"), "/etc/passwd\u{1b}[31m");
    }
    let sharer = Sharer::serving(Store::of(&list, []));
    let (got, _) = victim.run(&["get", &sharer.ticket(list.root().hash), "-o", DEST]);
    let got = got.expect(3);
    assert!(got.all("warning").len() < 200, "{got}");
    assert!(got.told().contains("19900 more"), "{got}");
    victim.nothing_is_outside();
}
