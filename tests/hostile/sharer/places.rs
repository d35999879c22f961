//! What lists do to the place where they arrive: to what is there already, and by what they say about
//! modes and times.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::{
        fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
        net::UnixListener,
    },
    path::Path,
};

use super::{
    blob::Blob,
    list::List,
    peer::{Sharer, Store},
    victim::{DEST, Victim, WORK},
};
use crate::common::{fifo, set_mode, snapshot};

/// A sharer of this list, whose files all hold `hostile`.
fn sharer_of(list: &List) -> (Sharer, String) {
    let sharer = Sharer::serving(Store::of(list, [file()]));
    let ticket = sharer.ticket(list.root().hash);
    (sharer, ticket)
}

fn file() -> Blob {
    Blob::real("hostile")
}

fn files<N: AsRef<[u8]>>(names: impl IntoIterator<Item = N>) -> List {
    List::of(names.into_iter().map(|name| (name, file()))).sorted()
}

/// Names that other systems take for one are as many here, where they are not.
#[test]
fn names_that_differ_little_are_kept_apart() {
    let victim = Victim::new();
    let names = BTreeSet::from([
        "A",
        "a",
        "\u{e9}",
        "e\u{301}",
        "\u{fb01}",
        "fi",
        "\u{df}",
        "SS",
        "ss",
        "\u{212a}",
        "k",
        "K",
        "nothing",
        "noth\u{200c}ing",
        "dot",
        "dot.",
        "space",
        "space ",
        "con",
        "CON",
        "d/x",
        "D/x",
    ]);
    let contents = names.iter().map(|name| (name, Blob::real(name.as_bytes())));
    let list = List::of(contents.clone());
    let store = Store::of(&list, contents.map(|(_, blob)| blob));
    let sharer = Sharer::serving(store);
    let (got, _) = victim.run(&["get", &sharer.ticket(list.root().hash), "-o", DEST]);
    got.expect(0);
    for name in names {
        assert_eq!(
            fs::read(victim.dest(name)).unwrap(),
            name.as_bytes(),
            "{name}"
        );
    }
}

/// Thousands of files whose other names are all the same where they are cut, so that each has to find
/// one that none of the others has.
#[test]
fn thousands_of_renamed_files_find_a_name_in_time() {
    let victim = Victim::new();
    let long: Vec<String> = (0..2000)
        .map(|n| format!("{}{n:05}", "x".repeat(250)))
        .collect();
    let short =
        (0..250).flat_map(|n| ["a", "A", "a (1)", "A (1)"].map(|name| format!("{n:04}/{name}")));
    let names: BTreeSet<String> = long.into_iter().chain(short).collect();
    for name in &names {
        victim
            .peer
            .write(&format!("{DEST}/{name}"), "of the victim");
    }
    let (_sharer, ticket) = sharer_of(&files(&names));
    let before = snapshot(&victim.dest(""));
    let words = ["get", &ticket, "-o", DEST, "--rename"];
    let (first, cost) = victim.run(&words);
    assert_eq!(first.code(), Some(0));
    println!("{} ms", cost.work.as_millis());
    assert!(cost.work < WORK, "{} ms", cost.work.as_millis());
    let after = snapshot(&victim.dest(""));
    let is_file = |path: &Path| victim.dest("").join(path).is_file();
    let kept = before.iter().filter(|(path, _)| is_file(path));
    for (path, entry) in kept {
        assert_eq!(after.get(path), Some(entry), "{}", path.display());
    }
    let count = after.keys().filter(|path| is_file(path)).count();
    assert_eq!(count, 2 * names.len());
    // The same line finds what it did before.
    let (again, _) = victim.run(&words);
    assert_eq!(again.code(), Some(0));
    assert!(snapshot(&victim.dest("")) == after, "nothing new");
}

/// Everything that can be at the place of a file.
#[test]
fn what_is_in_the_way_is_left_or_replaced_but_never_written_into() {
    let victim = Victim::new();
    let names = [
        "fifo",
        "folder",
        "hard",
        "link",
        "open",
        "read-only",
        "socket",
    ];
    let (_sharer, ticket) = sharer_of(&files(names));
    fs::create_dir_all(victim.dest("folder")).unwrap();
    let at = |name: &str| victim.dest(name);
    fifo(&at("fifo"));
    let _socket = UnixListener::bind(at("socket")).unwrap();
    fs::hard_link(victim.peer.path("in/precious"), at("hard")).unwrap();
    std::os::unix::fs::symlink("../precious", at("link")).unwrap();
    for name in ["open", "read-only"] {
        fs::write(at(name), "of the victim").unwrap();
    }
    set_mode(&at("read-only"), 0o400);
    let mut open = fs::File::open(at("open")).unwrap();
    let before = snapshot(&victim.peer.path(""));
    let words = ["get", &ticket, "-o", DEST];
    let (refused, _) = victim.run(&words);
    let refused = refused.expect(7);
    for what in [
        "a FIFO",
        "a folder",
        "a symbolic link",
        "a socket",
        "a file with other content",
    ] {
        assert!(refused.message().contains(what), "{what}: {refused}");
    }
    assert!(snapshot(&victim.peer.path("")) == before);
    let (refused, _) = victim.run(&[&words[..], &["--overwrite"]].concat());
    assert!(refused.expect(7).message().contains("folder (a folder)"));
    assert!(snapshot(&victim.peer.path("")) == before);

    let (skipped, _) = victim.run(&[&words[..], &["--skip"]].concat());
    skipped.expect(3);
    assert!(
        fs::symlink_metadata(at("fifo"))
            .unwrap()
            .file_type()
            .is_fifo()
    );
    assert!(snapshot(&victim.peer.path("")).keys().eq(before.keys()));

    fs::remove_dir(at("folder")).unwrap();
    let (got, _) = victim.run(&[&words[..], &["--overwrite"]].concat());
    got.expect(0);
    for name in names {
        assert!(fs::symlink_metadata(at(name)).unwrap().is_file(), "{name}");
        assert_eq!(fs::read(at(name)).unwrap(), b"hostile", "{name}");
    }
    assert_eq!(victim.peer.read("in/precious"), b"of the victim");
    let mut text = String::new();
    std::io::Read::read_to_string(&mut open, &mut text).unwrap();
    assert_eq!(
        text, "of the victim",
        "who has it open still sees the old one"
    );
}

#[test]
fn modes_and_times_beyond_all_sense() {
    let victim = Victim::new();
    for (nth, (mode, kept)) in [
        (0o4777, 0o777),
        (0o7777, 0o777),
        (0o2755, 0o755),
        (0o1777, 0o777),
        (0, 0o400),
        (0o222, 0o622),
        (0xffff_ffff, 0o777),
        (0o100_644, 0o644),
    ]
    .into_iter()
    .enumerate()
    {
        for (many, (secs, nanos)) in [
            (-1, 0),
            (253_402_300_799, 999_999_999),
            (1_000_000_000_000_000_000, 0),
            (-1_000_000_000_000_000_000, 7),
            (i64::MAX, u64::from(u32::MAX)),
            (i64::MIN, 0),
        ]
        .into_iter()
        .enumerate()
        {
            if nth != 0 && many != nth % 6 {
                continue;
            }
            let name = format!("{nth}-{many}");
            let list = files([format!("{name}/file")])
                .looking(mode, (secs, nanos))
                .folder(&name, mode, secs)
                .link(format!("{name}/link"), "file");
            let (_sharer, ticket) = sharer_of(&list);
            let (got, _) = victim.run(&["get", &ticket, "-o", DEST]);
            let got = got.expect(0);
            let place = victim.dest(&name);
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
            assert_eq!(mode(&place), kept | 0o500, "{got}");
            assert_eq!(mode(&place.join("file")), kept | 0o400, "{got}");
            assert_eq!(fs::read(place.join("file")).unwrap(), b"hostile");
            let time = fs::metadata(place.join("file")).unwrap().mtime();
            // What the file system makes of the years from 1 to 9999.
            assert!(
                (-62_135_596_800..=253_402_300_799).contains(&time),
                "{time}"
            );
            if secs == -1 {
                assert_eq!(time, -1);
            }
        }
    }
    // A number too large for any mode at all.
    let list = files(["file"]).looking(1 << 32, (0, 0));
    let (_sharer, ticket) = sharer_of(&list);
    victim.run(&["get", &ticket, "-o", "other"]).0.expect(6);
    assert!(!victim.peer.path("other").exists());
}

/// `HOME` of the victim is the folder above the working folder.
#[test]
fn what_programs_act_on_in_a_home_folder_is_not_put_there_unasked() {
    let victim = Victim::new();
    let home = victim.peer.path("..").canonicalize().unwrap();
    let user = home.file_name().unwrap().to_str().unwrap().to_owned();
    let risky = [
        ".bashrc",
        ".config/autostart/x.desktop",
        ".ssh/authorized_keys",
        "\u{200c}.profile",
        "Desktop/x.desktop",
        "Makefile",
        "bin/ls",
        "x.desktop",
    ];
    for name in risky {
        let (_sharer, ticket) = sharer_of(&files([name, "zz/harmless"]));
        let (refused, _) = victim.leaves_nothing(&["get", &ticket, "-o", ".."], 5);
        assert!(refused.message().contains("home folder"), "{refused}");
        // The part that does no harm is to be had.
        let words = ["get", &ticket, "-o", "..", "--only", "zz"];
        victim.run(&words).0.expect(0);
        fs::remove_dir_all(home.join("zz")).unwrap();
        // From above the home folder, too.
        let (_sharer, ticket) = sharer_of(&files([format!("{user}/{name}")]));
        victim.leaves_nothing(&["get", &ticket, "-o", "../.."], 5);
        // Elsewhere, they are files like others.
        victim.run(&["get", &ticket, "-o", DEST]).0.expect(0);
    }
    let many = files((0..2000).map(|n| format!(".hidden{n:04}")));
    let (_sharer, ticket) = sharer_of(&many);
    let (refused, _) = victim.leaves_nothing(&["get", &ticket, "-o", ".."], 5);
    assert!(refused.message().contains("1990 more"), "{refused}");
    assert!(refused.message().len() < 400, "{refused}");
}
