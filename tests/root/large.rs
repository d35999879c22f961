//! Many files: everything arrives, and memory stays within what is promised.
//!
//! CI takes a sample; `just large 1000000` takes the whole.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use crate::common::{Peer, Running};

/// Most files that a share may have.
const MOST_FILES: u64 = 1_048_575;

/// How many files there are.
fn number() -> u64 {
    let number = std::env::var("GROVE_TEST_FILES").map(|text| text.parse().unwrap());
    number.unwrap_or(20_000)
}

/// Long enough for the largest number on a slow computer.
fn patience() -> Duration {
    Duration::from_mins(2) + Duration::from_millis(5) * u32::try_from(number()).unwrap()
}

/// Most memory, in bytes, that either side may take.
fn memory(files: u64) -> u64 {
    (128 << 20) + 400 * files
}

/// Bytes of memory that a process has ever had at once; 0 when it is gone.
fn peak(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    kib.map_or(0, |kib| kib.parse::<u64>().unwrap() * 1024)
}

/// Runs a program to its end, which has to be a good one, and returns its peak.
fn watched(running: Running) -> u64 {
    let (most, over) = (
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let watching = {
        let (most, over, pid) = (most.clone(), over.clone(), running.pid());
        // Nothing tells of a peak but the system, and it only while the process is there.
        thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                most.fetch_max(peak(pid), Ordering::Relaxed);
                thread::sleep(Duration::from_millis(5));
            }
        })
    };
    running.end_within(patience()).expect(0);
    over.store(true, Ordering::Relaxed);
    watching.join().unwrap();
    most.load(Ordering::Relaxed)
}

/// Half of the files in one folder, the others in small ones; each with content of its own. And
/// folders with nothing in them.
fn plant(top: &Path, files: u64) {
    for folder in 0..files / 20 {
        fs::create_dir_all(top.join(format!("empty/{folder}"))).unwrap();
    }
    fs::create_dir_all(top.join("one")).unwrap();
    for number in 0..files {
        let name = format!("the file with the number {number:07}.dat");
        let path = if number % 2 == 0 {
            top.join("one").join(name)
        } else {
            let folder = top.join(format!("many/{:05}", number / 200));
            if number % 200 == 1 {
                fs::create_dir_all(&folder).unwrap();
            }
            folder.join(name)
        };
        fs::write(path, content(number)).unwrap();
    }
}

fn content(number: u64) -> Vec<u8> {
    let mut content = number.to_string().into_bytes();
    content.resize(usize::try_from(number % 1024).unwrap(), b'.');
    content
}

/// Compares file by file, since two pictures of a million files would not fit into memory.
fn assert_same(left: &Path, right: &Path) {
    let mut folders = vec![std::path::PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let names = |top: &Path| {
            let entries = fs::read_dir(top.join(&folder)).unwrap();
            let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
            names.sort_unstable();
            names
        };
        let ours = names(left);
        assert!(ours == names(right), "other names in {}", folder.display());
        for name in ours {
            let below = folder.join(name);
            if left.join(&below).is_dir() {
                folders.push(below);
            } else {
                let same = fs::read(left.join(&below)).ok() == fs::read(right.join(&below)).ok();
                assert!(same, "{}", below.display());
            }
        }
    }
}

#[test]
#[ignore = "takes minutes, see CONTRIBUTING"]
fn many_files_arrive_with_little_memory() {
    let files = number();
    let alice = Peer::new("alice");
    plant(&alice.path("p"), files);
    let mut sharing = alice.start(&["share", "p"]);
    let ready = sharing.wait_within(patience(), "a ticket", |event| {
        event["event"] == "share_ready"
    });
    let ticket = ready["ticket"].as_str().unwrap();
    assert_eq!(ready["files"].as_u64(), Some(files));

    let bob = Peer::new("bob");
    let whole = watched(bob.start_get(ticket, &["--yes"]));
    assert_same(&alice.path("p"), &bob.path("p"));
    for number in (0..files).step_by(4) {
        let name = format!("p/one/the file with the number {number:07}.dat");
        fs::remove_file(bob.path(name)).unwrap();
    }
    // Once with what is remembered about the rest, once without.
    let half = watched(bob.start_get(ticket, &["--yes"]));
    fs::remove_dir_all(bob.home().join("cache")).unwrap();
    let again = watched(bob.start_get(ticket, &["--yes"]));
    assert_same(&alice.path("p"), &bob.path("p"));

    let share = peak(sharing.pid());
    println!(
        "{files} files: share {} MiB, get {} MiB, the missing quarter {} MiB, nothing {} MiB",
        share >> 20,
        whole >> 20,
        half >> 20,
        again >> 20
    );
    for taken in [share, whole, half, again] {
        assert!(taken <= memory(files), "{taken} bytes of memory");
    }
    if files == MOST_FILES {
        sharing.interrupt().expect(130);
        alice.write("p/one more", b"");
        let refused = alice
            .start(&["share", "p"])
            .end_within(patience())
            .expect(1);
        assert!(refused.message().contains("1048575 files"), "{refused}");
        assert!(refused.all("share_ready").is_empty());
    }
}
