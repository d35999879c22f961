//! Somebody who swaps folders for links at the destination while a share is written there.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{
    blob::Blob,
    list::List,
    peer::{Sharer, Store},
    victim::{DEST, Victim},
};
use crate::common::{Random, filler};

/// Swaps folders for links to `outside` and back until it is stopped; says how often it did.
struct Swapper {
    over: Arc<AtomicBool>,
    swapping: JoinHandle<u64>,
}

impl Swapper {
    fn start(folders: Vec<PathBuf>, outside: PathBuf, mut random: Random) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let ended = over.clone();
        let swapping = thread::spawn(move || {
            let mut swaps = 0;
            while !ended.load(Ordering::Relaxed) {
                let nth = random.below(folders.len() as u64);
                let folder = &folders[usize::try_from(nth).unwrap()];
                let aside = folder.with_extension("aside");
                if fs::rename(folder, &aside).is_err() {
                    // It is not there yet: then the link is there first.
                    _ = symlink(&outside, folder);
                    spin(&mut random);
                    _ = fs::remove_file(folder);
                    continue;
                }
                swaps += u64::from(symlink(&outside, folder).is_ok());
                spin(&mut random);
                // Whatever was made at its place meanwhile makes way.
                if fs::remove_file(folder).is_err() {
                    _ = fs::remove_dir_all(folder);
                }
                _ = fs::rename(&aside, folder);
                spin(&mut random);
            }
            swaps
        });
        Self { over, swapping }
    }

    fn stop(self) -> u64 {
        self.over.store(true, Ordering::Relaxed);
        self.swapping.join().unwrap()
    }
}

/// For up to a fifth of a millisecond, so that each moment of a fetch is met by some swap.
fn spin(random: &mut Random) {
    for _ in 0..random.below(200) {
        thread::yield_now();
    }
}

fn count(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}

#[test]
fn folders_that_become_links_lead_nowhere() {
    let seed = std::env::var("GROVE_TEST_SEED").ok();
    let seed = seed
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(20_261_122);
    let secs = std::env::var("GROVE_TEST_RACE_SECS").ok();
    let secs = secs.and_then(|secs| secs.parse().ok()).unwrap_or(8);
    println!("GROVE_TEST_SEED={seed}");
    let victim = Victim::new();
    let small = Blob::real("hostile");
    let large = Blob::real(filler(1_100_000));
    let folders = ["a", "a/b", "a/b/c", "d"];
    let mut names = Vec::new();
    for folder in folders {
        names.extend((0..40).map(|n| (format!("{folder}/{n:02}"), small.clone())));
        names.push((format!("{folder}/large"), large.clone()));
    }
    let mut list = List::of(names);
    for folder in folders {
        list = list.folder(folder, 0o755, 1_000_000_000);
    }
    for folder in folders {
        list = list.link(format!("{folder}/link"), "00");
    }
    let list = list.sorted();
    let sharer = Sharer::serving(Store::of(&list, [small, large]));
    let ticket = sharer.ticket(list.root().hash);

    let outside = victim.peer.path("outside");
    fs::create_dir_all(victim.dest("")).unwrap();
    let mut swapped = folders.map(|folder| victim.dest(folder)).to_vec();
    swapped.push(victim.dest(".grove-partial"));
    let swapper = Swapper::start(swapped, outside.clone(), Random(seed));
    let began = Instant::now();
    let mut runs = 0;
    let mut whole = 0;
    while began.elapsed() < Duration::from_secs(secs) || runs < 3 {
        let flags: &[&str] = [&[][..], &["--overwrite"], &["--skip"], &["--rename"]][runs % 4];
        let words = [&["get", &ticket, "-o", DEST, "--wait", "1h"], flags].concat();
        let ended = victim.peer.grove(&words);
        assert!(
            matches!(ended.code(), Some(0 | 3 | 7 | 8)),
            "seed {seed}: {ended}"
        );
        whole += usize::from(ended.code() == Some(0));
        runs += 1;
        assert_eq!(count(&outside), 1, "seed {seed}, run {runs}: {ended}");
        if runs % 3 == 0 {
            for entry in fs::read_dir(victim.dest("")).unwrap().flatten() {
                _ = fs::remove_dir_all(entry.path());
            }
        }
    }
    let swaps = swapper.stop();
    println!("{swaps} swaps in {runs} runs, of which {whole} were whole");
    assert!(swaps > 100, "{swaps} swaps");
    victim.nothing_is_outside();
}
