//! Power cuts: a disk of which everything is lost that was not on it yet, as a computer finds it that
//! starts again.
//!
//! `GROVE_TEST_SEED` repeats a run, `GROVE_TEST_CUTS` says how many cuts there are.

use std::{fs, path::Path};

use crate::{
    common::{
        Peer, Random, Running, Sharing, assert_same_tree, every_kind_of_entry, filler, free_port,
        link, set_mode,
    },
    lab::{Disk, number, seed},
};

const MIB: u64 = 1 << 20;

/// What makes a program believe that the computer was started again: another number of this start.
const STARTED_AGAIN: [&str; 5] = [
    "unshare",
    "--mount",
    "sh",
    "-ec",
    "cat /proc/sys/kernel/random/uuid > $HOME/boot; \
     mount --bind $HOME/boot /proc/sys/kernel/random/boot_id; exec \"$0\" \"$@\"",
];

/// A tree in which everything is that a cut could take: contents, names, folders, links, modes.
fn tree(alice: &Peer) {
    every_kind_of_entry(&alice.path("p"));
    for number in 0..150 {
        alice.write(
            &format!("p/many/{}/{number}", number % 7),
            filler(number * 300),
        );
    }
    alice.write("p/large", filler(6 << 20));
    link(&alice.path("p/link"), "large");
    set_mode(&alice.path("p/many/3/3"), 0o600);
}

/// Bob, on a computer that was started again before each line.
fn bob() -> Peer {
    Peer::new("bob").run_by(&STARTED_AGAIN)
}

#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn what_is_finished_is_on_the_disk() {
    let alice = Peer::new("alice");
    tree(&alice);
    let sharing = alice.share(&["p"]);
    for flags in [&[][..], &["--fsync"]] {
        let bob = bob();
        let disk = Disk::new(&bob.path("disk"), 64 * MIB);
        let args = [&["-o", "disk/new/and/below"], flags].concat();
        let mut getting = bob.start_get(&sharing.ticket, &args);
        getting.wait_for("finished");
        disk.cut_power();
        drop(getting);
        disk.start_again();
        assert_same_tree(&alice.path("p"), &bob.path("disk/new/and/below/p"));
        let got = bob.get(&sharing.ticket, &args).expect(0);
        assert_eq!(got.number("finished", "bytes_fetched"), 0, "{got}");
        assert!(!bob.path("disk/new/and/below/.grove-partial").exists());
    }
}

#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn power_cuts_at_any_time_do_no_harm() {
    let mut random = Random(seed());
    let cuts = number("GROVE_TEST_CUTS").unwrap_or(24);
    let alice = Peer::new("alice").at_port(free_port());
    tree(&alice);
    let total = bytes_below(&alice.path("p"));
    let sharing = alice.share(&["p"]);
    let bob = bob();
    let disk = Disk::new(&bob.path("disk"), 96 * MIB);
    let mut round = 0;
    let mut fsync = random.below(2) == 0;
    let (mut finished, mut damaged) = (0, 0);
    for cut in 0..cuts {
        let dest = format!("disk/{round}");
        let mut args = vec!["-o", &dest, "--limit-rate", "25M"];
        if fsync {
            args.push("--fsync");
        }
        let is_complete = get_and_cut(&disk, &bob, &sharing, &args, total, &mut random);
        let here = bob.path(&dest).join("p");
        let wrong = wrong_files(&alice.path("p"), &here);
        if is_complete {
            assert_same_tree(&alice.path("p"), &here);
        }
        assert!(
            !fsync || wrong.is_empty(),
            "cut {cut}, with --fsync: {wrong:?}"
        );
        damaged += wrong.len();
        // Sometimes the same line once more without any harm, else with the next cut.
        if is_complete || random.below(4) == 0 {
            let got = bob.get(&sharing.ticket, &["-o", &dest]).expect(0);
            assert_same_tree(&alice.path("p"), &here);
            assert!(
                !bob.path(&dest).join(".grove-partial").exists(),
                "cut {cut}: {got}"
            );
            fs::remove_dir_all(bob.path(&dest)).unwrap();
            round += 1;
            finished += 1;
            fsync = random.below(2) == 0;
        }
    }
    println!("{cuts} cuts: {finished} fetches finished, {damaged} unfinished files mended");
}

/// Gets, cuts the power at some time, and starts again; whether the fetch was finished before.
fn get_and_cut(
    disk: &Disk,
    bob: &Peer,
    sharing: &Sharing,
    args: &[&str],
    total: u64,
    random: &mut Random,
) -> bool {
    let mut getting = bob.start_get(&sharing.ticket, args);
    let cut_at = random.below(total + total / 4);
    let reached = |getting: &mut Running, at: u64| {
        let enough = |event: &crate::common::Event| {
            let bytes = event["bytes"].as_u64();
            event["event"] == "finished" || event["phase"] == "fetch" && bytes >= Some(at)
        };
        getting.wait_until("a point to cut at", enough)["event"] == "finished"
    };
    // What a disk has written by itself by then: names only, everything, or nothing.
    let mut over = reached(&mut getting, random.below(cut_at + 1));
    match random.below(4) {
        0 => disk.sync(),
        1 | 2 => disk.commit(),
        _ => {}
    }
    over = over || reached(&mut getting, cut_at);
    if random.below(2) == 0 {
        disk.commit();
    }
    disk.cut_power();
    drop(getting);
    disk.start_again();
    over
}

/// Files that have their names and are not whole.
fn wrong_files(whole: &Path, here: &Path) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut folders = vec![here.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            let path = entry.path();
            let below = path.strip_prefix(here).unwrap();
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() {
                let (is, should) = (
                    fs::read(&path).unwrap(),
                    fs::read(whole.join(below)).unwrap(),
                );
                if is != should {
                    // Nothing may be there that was never sent.
                    let known = is.iter().zip(&should).all(|(a, b)| a == b || *a == 0);
                    assert!(known && is.len() <= should.len(), "{}", path.display());
                    wrong.push(format!("{} ({} bytes)", below.display(), is.len()));
                }
            }
        }
    }
    wrong
}

fn bytes_below(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .map(|entry| match entry.file_type().unwrap() {
            kind if kind.is_dir() => bytes_below(&entry.path()),
            kind if kind.is_file() => entry.metadata().unwrap().len(),
            _ => 0,
        })
        .sum()
}

/// Of a large file what came in the last seconds is lost, and not what came before.
#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn a_power_cut_costs_the_last_seconds() {
    let alice = Peer::new("alice");
    alice.write("large", filler(48 << 20));
    let sharing = alice.share(&["large"]);
    let bob = bob();
    let disk = Disk::new(&bob.path("disk"), 64 * MIB);
    let mut getting = bob.start_get(&sharing.ticket, &["-o", "disk", "--limit-rate", "1M"]);
    // After ten seconds what is there is put on the disk, however long that takes; then come some
    // more records that are not.
    let unfinished = bob.path("disk/.grove-partial");
    let first = getting.wait_until("a record on the disk", |_| has_synced_record(&unfinished));
    let first = first["bytes"].as_u64().unwrap_or(0);
    getting.wait_until_fetched(first + 5 * MIB);
    disk.commit();
    disk.cut_power();
    drop(getting);
    disk.start_again();
    let got = bob.get(&sharing.ticket, &["-o", "disk"]).expect(0);
    let fetched = got.number("finished", "bytes_fetched");
    // What came while the first record was put on the disk is not in it.
    let most = 48 * MIB - first.saturating_sub(4 * MIB);
    assert!(fetched < most, "{fetched} bytes fetched again: {got}");
    assert_same_tree(&alice.path("large"), &bob.path("disk/large"));
}

/// Whether there is a record of a large file whose content is on the disk.
fn has_synced_record(unfinished: &Path) -> bool {
    let inside = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files = inside(unfinished).flat_map(|fetch| inside(&fetch.path()));
    files.any(|file| file.path().extension().is_some_and(|kind| kind == "have"))
}

/// What is kept about a person and the shares: nothing that was used is forgotten, and what is
/// damaged of the rest does no harm.
#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn a_sharer_whose_power_is_cut_has_the_same_tickets() {
    let mut random = Random(seed());
    let alice = Peer::new("alice")
        .at_port(free_port())
        .run_by(&STARTED_AGAIN);
    alice.write("p/large", filler(5 << 20));
    for number in 0..40 {
        alice.write(&format!("p/{number}"), filler(number * 1000));
    }
    let disk = Disk::new(&alice.home(), 64 * MIB);
    let mut ticket = None;
    for cut in 0..6 {
        let sharing = alice.share(&["p"]);
        let first = ticket.get_or_insert_with(|| sharing.ticket.clone());
        assert_eq!(*first, sharing.ticket, "cut {cut}");
        match random.below(3) {
            0 => disk.sync(),
            1 => disk.commit(),
            _ => {}
        }
        let bob = Peer::new("bob");
        bob.get(&sharing.ticket, &[]).expect(0);
        assert_same_tree(&alice.path("p"), &bob.path("p"));
        disk.cut_power();
        drop(sharing);
        disk.start_again();
    }
}
