//! Sizes and numbers beyond all measure. None of them costs time, memory or disk before it is refused.

use grove::content::Hash;

use super::{
    blob::Blob,
    list::{List, sequence},
    peer::{Ask, Sharer, Store},
    victim::{DEST, MEMORY, Usage, Victim, WORK},
};
use crate::common::Running;

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// Sizes of content that does not exist.
const GIANTS: [u64; 5] = [1 << 40, (1 << 40) + 7, 1 << 62, u64::MAX - 1023, u64::MAX];

#[test]
fn content_that_does_not_exist_is_refused_for_its_size() {
    let victim = Victim::new();
    for size in GIANTS {
        let giant = Blob::giant(size);
        let sharer = Sharer::serving(Store::new([giant.clone()]));
        let ticket = sharer.ticket_for_blob(giant.hash);
        let refused = victim.refuses(&ticket, &["--yes"], 8);
        assert!(refused.message().contains("not enough space"), "{refused}");
        let refused = victim.refuses(&ticket, &["--max-size", "1G"], 5);
        assert!(refused.message().contains("--max-size"), "{refused}");
        let (listed, cost) = victim.run(&["ls", &ticket]);
        assert_eq!(
            listed.expect(0).event("listing")["entries"][0]["bytes"],
            size
        );
        assert!(cost.work < WORK && cost.memory_mib < 128);

        // The same in a share, with its size proven or only said.
        for list in [
            List::of([("a", giant.clone())]),
            List::of([("a", giant.clone())]).plain(),
        ] {
            let sharer = Sharer::serving(Store::of(&list, [giant.clone()]));
            victim.refuses(&sharer.ticket(list.root().hash), &["--yes"], 8);
        }
        // As the list itself, and as its names.
        let sharer = Sharer::serving(Store::new([giant.clone()]));
        victim.refuses(&sharer.ticket(giant.hash), &[], 6);
        let root = Blob::real(sequence(&[giant.hash, giant.hash]));
        let ticket_of = root.hash;
        let sharer = Sharer::serving(Store::new([root, giant]));
        victim.refuses(&sharer.ticket(ticket_of), &[], 6);
    }
}

#[test]
fn content_that_would_fit_but_does_not_exist_leaves_nothing() {
    let victim = Victim::new();
    for place_is_there in [false, true] {
        if place_is_there {
            // Empty folders that were there before stay.
            std::fs::create_dir_all(victim.dest("d")).unwrap();
            std::fs::create_dir_all(victim.dest("x")).unwrap();
        }
        for size in [5 * MIB, 300 * MIB, GIB] {
            let giant = Blob::giant(size);
            // Some folders are listed, some are only on the way to others.
            let list = List::of([("d/e/giant", giant.clone())])
                .folder("d", 0o700, 0)
                .folder("d/e", 0o700, 0)
                .folder("x/y/z", 0o700, 0);
            let sharer = Sharer::serving(Store::of(&list, [giant.clone()]));
            victim.refuses(&sharer.ticket(list.root().hash), &["--yes"], 6);
            let sharer = Sharer::serving(Store::new([giant.clone()]));
            victim.refuses(&sharer.ticket_for_blob(giant.hash), &["--yes"], 6);
        }
    }
}

#[test]
fn sizes_that_add_up_to_more_than_there_are_numbers() {
    let victim = Victim::new();
    let giant = Blob::giant(1 << 63);
    let said = List::of([("a", giant.clone()), ("b", giant.clone())]);
    for list in [said.clone(), said.plain()] {
        let sharer = Sharer::serving(Store::of(&list, [giant.clone()]));
        victim.refuses(&sharer.ticket(list.root().hash), &["--yes"], 6);
    }
}

/// One file of 10 MiB under many names: little to send, and more than any disk to write.
#[test]
fn one_file_under_a_hundred_thousand_names_is_counted_as_often() {
    let victim = Victim::new();
    // So many that no disk has room for them, where that is more than a hundred thousand.
    let free = grove::disk::available_bytes(&victim.peer.path("")).unwrap();
    let names = (free / (10 * MIB) + 1).max(100_000);
    let file = Hash::new("never asked for");
    let list = List::new((0..names).map(|n| (format!("{n:07}"), file, 10 * MIB)));
    let sharer = Sharer::serving(Store::of(&list, []));
    let ticket = sharer.ticket(list.root().hash);
    let refused = victim.refuses(&ticket, &["--yes"], 8);
    assert!(refused.message().contains("not enough space"), "{refused}");
    victim.refuses(&ticket, &["--max-size", "100G"], 5);
    assert_eq!(sharer.asked(), 2, "content was never asked for");
}

#[test]
fn lists_that_are_too_long_are_refused_by_their_size() {
    let victim = Victim::new();
    let most = 32 * MIB;
    for size in [
        most + 32,
        most + 1,
        GIB,
        10 * GIB,
        1 << 62,
        u64::MAX - 31,
        // Not so many whole hashes.
        31,
        33,
        0,
    ] {
        // Said, and then as much of it as anybody takes.
        let sharer = Sharer::new(move |mut ask: Ask| async move {
            ask.say(&size.to_le_bytes()).await;
            ask.flood().await;
        });
        victim.refuses(&sharer.ticket(Hash::new("a list")), &[], 6);
        assert_eq!(sharer.asked(), 1);
    }
    // The same for the list of names.
    for size in [128 * MIB + 1, GIB, 10 * GIB, u64::MAX] {
        let root = Blob::real(sequence(&[Hash::new("names"), Hash::new("file")]));
        let ticket_of = root.hash;
        let start = root.answer(&bao_tree::ChunkRanges::all());
        let sharer = Sharer::new(move |mut ask: Ask| {
            let start = start.clone();
            async move {
                ask.say(&start).await;
                ask.say(&size.to_le_bytes()).await;
                ask.flood().await;
            }
        });
        victim.refuses(&sharer.ticket(ticket_of), &[], 6);
        assert_eq!(sharer.asked(), 1);
    }
}

/// A list as long as any may be, and real to the last byte.
#[test]
fn the_longest_lists_there_are_cost_bounded_memory() {
    let victim = Victim::new();
    // Names up to the limit that are no list.
    let names = Blob::real(vec![0x01; 128 << 20]);
    let hashes = vec![names.hash; 1 << 20];
    let root = Blob::real(sequence(&hashes));
    let ticket_of = root.hash;
    let sharer = Sharer::serving(Store::new([root, names]));
    victim.refuses(&sharer.ticket(ticket_of), &[], 6);
}

/// Lists that are right in everything but one thing at their end, and as large as they may be.
#[test]
fn large_lists_with_a_fault_at_the_end_cost_bounded_memory() {
    let victim = Victim::new();
    let file = Hash::new("never asked for");
    let long = |n: u32| format!("{n:08}{}", "x".repeat(100));
    let with_names = |names: Vec<String>| List::new(names.into_iter().map(|n| (n, file, 1)));
    let twice_the_last = |n| (0..n).chain([n - 1]).map(long).collect();
    let folders = vec!["y".repeat(254); 16].join("/");
    let deepest = |n| format!("{n:04}{}", "/d".repeat(254));
    let cases = [
        ("long", with_names(twice_the_last(900_000))),
        (
            "of another tool",
            with_names(twice_the_last(1_000_000)).plain(),
        ),
        (
            "as long as a path",
            with_names(
                (0..30_000)
                    .map(|n| format!("{n:08}/{folders}/x"))
                    .chain(["..".to_owned()])
                    .collect(),
            ),
        ),
        (
            "as deep as may be",
            with_names(
                (0..4000)
                    .map(deepest)
                    .chain([format!("9999{}", "/d".repeat(2000))])
                    .collect(),
            ),
        ),
    ];
    for (what, list) in cases {
        println!("{what}");
        let sharer = Sharer::serving(Store::of(&list, []));
        victim.refuses(&sharer.ticket(list.root().hash), &[], 6);
        assert_eq!(sharer.asked(), 1);
    }
}

/// Folders and links up to the limits.
#[test]
fn many_folders_and_links_cost_bounded_memory() {
    let victim = Victim::new();
    let file = Hash::new("never asked for");
    let mut list = List::new([("zz/file", file, 1)]);
    for n in 0..500_000 {
        list = list.folder(format!("{n:07}"), 0o755, 0);
    }
    for n in 0..548_576 {
        list = list.link(format!("x{n:07}"), "0000000");
    }
    let too_many = list.clone().link("y", "x");
    let fault = list.link("../y", "x");
    for list in [too_many, fault] {
        let sharer = Sharer::serving(Store::of(&list, []));
        victim.refuses(&sharer.ticket(list.root().hash), &[], 6);
    }
}

/// Folders deep below others that the list does not name: all of them are made, and few are kept in mind.
#[test]
fn folders_below_unnamed_ones_cost_bounded_memory() {
    const FOLDERS: usize = 5_000;
    let deep = ["a"; 250].join("/");
    let names = (0..FOLDERS).map(|n| format!("{deep}/{n:05}"));
    let list = names.fold(List::new::<&str>([]), |list, name| {
        list.folder(name, 0o755, 0)
    });
    let sharer = Sharer::serving(Store::of(&list, []));
    let ticket = sharer.ticket(list.root().hash);
    let victim = Victim::new();
    let (ended, cost) = victim.run(&["get", &ticket, "-o", DEST, "--yes"]);
    let ended = ended.expect(0);
    let made = std::fs::read_dir(victim.dest(&deep)).unwrap().count();
    assert_eq!(made, FOLDERS, "{ended}");
    assert!(cost.memory_mib <= MEMORY, "{} MiB", cost.memory_mib);
    victim.nothing_is_outside();
}

/// Many files are fine, a million too; only the disk is too small for what they say to be.
#[test]
fn many_honest_names_are_listed_and_refused_for_their_size() {
    let names = std::env::var("GROVE_TEST_NAMES").ok();
    let names = names.and_then(|n| n.parse().ok()).unwrap_or(200_000);
    // What is refused only for its size is an honest list until then: 400 bytes a file.
    let most = 128 + names * 400 / MIB;
    let last = format!("file {:07}", names - 1);
    let victim = Victim::new();
    let file = Hash::new("never asked for");
    let list =
        List::new((0..names).map(|n| (format!("folder {:03}/file {n:07}", n / 1000), file, GIB)));
    let sharer = Sharer::serving(Store::of(&list, []));
    let ticket = sharer.ticket(list.root().hash);
    let words = ["get", &ticket, "-o", DEST, "--yes"];
    let (refused, cost) = victim.leaves_nothing(&words, 8);
    assert!(refused.message().contains("not enough space"), "{refused}");
    println!("{} MiB in {} ms", cost.memory_mib, cost.work.as_millis());
    assert!(cost.memory_mib <= most, "{} MiB", cost.memory_mib);
    for flags in [&[][..], &["--json"]] {
        let mut command = victim.peer.command(&[flags, &["ls", &ticket]].concat());
        command.stderr(std::process::Stdio::null());
        let into = std::fs::File::create(victim.peer.path("listed")).unwrap();
        let running = Running::start_into("victim", command, into);
        let usage = Usage::of(&running);
        running.end().expect(0);
        let (memory, _) = usage.most();
        println!("{flags:?} {memory} MiB");
        assert!(memory <= most, "{flags:?} {memory} MiB");
        let text = std::fs::read_to_string(victim.peer.path("listed")).unwrap();
        assert!(text.matches(&last).count() == 1, "{flags:?}");
    }
}
