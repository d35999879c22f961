use tempfile::TempDir;

use super::*;

fn stat(ino: u64) -> FileStat {
    let time = Mtime {
        secs: 1000,
        nanos: 5,
    };
    FileStat {
        dev: 7,
        ino,
        size: ino * 3,
        mtime: time,
        ctime: time,
        mode: 0o644,
    }
}

fn hash(ino: u64) -> Hash {
    Hash::new(ino.to_le_bytes())
}

fn later() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(2000)
}

fn filled(dir: &Path, inodes: impl Iterator<Item = u64>) {
    let cache = TreeCache::load(dir, Path::new("/tree"));
    for ino in inodes {
        cache.insert(&stat(ino), hash(ino), later());
    }
    cache.save().unwrap();
}

fn file_in(dir: &Path) -> PathBuf {
    let mut files = fs::read_dir(dir.join("trees")).unwrap();
    let path = files.next().unwrap().unwrap().path();
    assert!(files.next().is_none(), "one tree, one file");
    path
}

#[test]
fn what_was_inserted_is_found_after_a_save() {
    let dir = TempDir::new().unwrap();
    // Not in order, and one of them twice.
    filled(dir.path(), (1..=300).rev().chain([5]));
    let cache = TreeCache::load(dir.path(), Path::new("/tree"));
    for ino in 1..=300 {
        assert_eq!(cache.get(&stat(ino)), Some(hash(ino)));
    }
    assert_eq!(cache.get(&stat(301)), None);
    let other = TreeCache::load(dir.path(), Path::new("/tree2"));
    assert_eq!(other.get(&stat(1)), None);
    let file = file_in(dir.path());
    let described = describe(&file).unwrap();
    let bytes = fs::metadata(&file).unwrap().len();
    assert_eq!(described, Some((PathBuf::from("/tree"), 300, bytes)));
}

#[test]
fn every_part_of_the_state_counts() {
    let dir = TempDir::new().unwrap();
    filled(dir.path(), 1..=1);
    let cache = TreeCache::load(dir.path(), Path::new("/tree"));
    let good = stat(1);
    let time = Mtime {
        secs: 1000,
        nanos: 6,
    };
    for changed in [
        FileStat { dev: 8, ..good },
        FileStat { ino: 2, ..good },
        FileStat { size: 4, ..good },
        FileStat {
            mtime: time,
            ..good
        },
        FileStat {
            ctime: time,
            ..good
        },
    ] {
        assert_eq!(cache.get(&changed), None, "{changed:?}");
    }
    assert_eq!(cache.get(&FileStat { mode: 0, ..good }), Some(hash(1)));
}

#[test]
fn a_later_insert_replaces_an_earlier_one() {
    let dir = TempDir::new().unwrap();
    filled(dir.path(), 1..=3);
    let cache = TreeCache::load(dir.path(), Path::new("/tree"));
    assert!(cache.get(&stat(1)).is_some() && cache.get(&stat(3)).is_some());
    let changed = FileStat {
        size: 99,
        ..stat(2)
    };
    cache.insert(&changed, hash(98), later());
    cache.insert(&changed, hash(99), later());
    cache.save().unwrap();
    let cache = TreeCache::load(dir.path(), Path::new("/tree"));
    assert_eq!(cache.get(&changed), Some(hash(99)));
    assert_eq!(cache.get(&stat(2)), None);
    assert_eq!(cache.get(&stat(1)), Some(hash(1)));
    assert_eq!(cache.get(&stat(3)), Some(hash(3)));
}

#[test]
fn a_save_forgets_what_was_not_looked_up_and_a_checkpoint_does_not() {
    let dir = TempDir::new().unwrap();
    filled(dir.path(), 1..=3);
    let cache = TreeCache::load(dir.path(), Path::new("/tree"));
    assert!(cache.get(&stat(2)).is_some());
    cache.checkpoint().unwrap();
    assert_eq!(describe(&file_in(dir.path())).unwrap().unwrap().1, 3);
    cache.save().unwrap();
    assert_eq!(describe(&file_in(dir.path())).unwrap().unwrap().1, 1);
}

#[test]
fn nothing_is_written_when_nothing_changed() {
    let dir = TempDir::new().unwrap();
    filled(dir.path(), 1..=3);
    let before = FileStat::at(&file_in(dir.path())).unwrap();
    let cache = TreeCache::load(dir.path(), Path::new("/tree"));
    for ino in 1..=3 {
        assert!(cache.get(&stat(ino)).is_some());
    }
    cache.save().unwrap();
    assert_eq!(FileStat::at(&file_in(dir.path())).unwrap(), before);
}

#[test]
fn a_damaged_file_is_an_empty_cache() {
    let dir = TempDir::new().unwrap();
    filled(dir.path(), 1..=3);
    let file = file_in(dir.path());
    let good = fs::read(&file).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(&file, &bad).unwrap();
        let cache = TreeCache::load(dir.path(), Path::new("/tree"));
        assert_eq!(cache.get(&stat(2)), None, "bit flipped in byte {at}");
        fs::write(&file, &good[..at]).unwrap();
        let cache = TreeCache::load(dir.path(), Path::new("/tree"));
        assert_eq!(cache.get(&stat(2)), None, "cut off at {at}");
    }
    filled(dir.path(), 1..=3);
    let cache = TreeCache::load(dir.path(), Path::new("/tree"));
    assert_eq!(cache.get(&stat(2)), Some(hash(2)), "and is written anew");
}

#[test]
fn a_file_changed_just_before_it_was_read_is_not_remembered() {
    let dir = TempDir::new().unwrap();
    let at = |nanos, millis: u64| {
        let ctime = Mtime { secs: 1000, nanos };
        let began = UNIX_EPOCH + Duration::from_millis(1_000_000 + millis);
        is_settled(
            &FileStat {
                mtime: ctime,
                ctime,
                ..stat(1)
            },
            began,
        )
    };
    assert!(!at(5_000_000, 6) && !at(5_000_000, 54) && at(5_000_000, 56));
    assert!(!at(5_000_000, 0), "the clock of the file system is ahead");
    assert!(!at(0, 1900) && at(0, 2100), "whole seconds");
    let cache = TreeCache::load(dir.path(), Path::new("/tree"));
    cache.insert(&stat(1), hash(1), UNIX_EPOCH + Duration::from_secs(1000));
    cache.insert(&FileStat { ino: 0, ..stat(1) }, hash(1), later());
    cache.save().unwrap();
    assert!(
        !dir.path().join("trees").exists(),
        "nothing was worth writing"
    );
}

/// A file that was last changed so long ago.
fn changed(ino: u64, ago: Duration) -> FileStat {
    let ctime = Mtime {
        secs: seconds(SystemTime::now() - ago),
        nanos: 1,
    };
    FileStat { ctime, ..stat(ino) }
}

const HOUR: Duration = Duration::from_hours(1);

/// Changes what a cache file says, and its checksum.
fn rewrite(dir: &Path, change: impl FnOnce(&mut [u8])) {
    let path = file_in(dir);
    let mut bytes = fs::read(&path).unwrap();
    change(&mut bytes);
    let end = bytes.len() - CHECKSUM;
    let checksum = blake3::hash(&bytes[..end]);
    bytes[end..].copy_from_slice(checksum.as_bytes());
    fs::write(path, bytes).unwrap();
}

/// As if it had been written in another start of the computer.
fn start_again(dir: &Path) {
    rewrite(dir, |bytes| bytes[24] ^= 1);
}

#[test]
fn after_another_start_only_what_was_on_the_disk_counts() {
    let dir = TempDir::new().unwrap();
    let now = SystemTime::now();
    let (old, fresh) = (changed(1, HOUR), changed(2, Duration::from_secs(2)));
    let write = |synced| {
        let cache = TreeCache::load(dir.path(), Path::new("/tree"));
        for file in [old, fresh] {
            cache.insert(&file, hash(file.ino), now);
        }
        if synced {
            cache.is_on_disk(now);
        }
        cache.save().unwrap();
    };
    let known = || {
        let cache = TreeCache::load(dir.path(), Path::new("/tree"));
        [old, fresh].map(|file| cache.get(&file).is_some())
    };
    write(false);
    assert_eq!(known(), [true, true]);
    start_again(dir.path());
    assert_eq!(known(), [true, false], "a power cut may have taken it");
    write(true);
    start_again(dir.path());
    assert_eq!(known(), [true, true]);
}

#[test]
fn a_clock_that_was_ahead_vouches_for_nothing() {
    let dir = TempDir::new().unwrap();
    let now = SystemTime::now();
    let (old, fresh) = (changed(1, HOUR), changed(2, Duration::from_secs(2)));
    let known = || {
        let cache = TreeCache::load(dir.path(), Path::new("/tree"));
        [old, fresh].map(|file| cache.get(&file).is_some())
    };
    let insert = |files: &[FileStat], on_disk: &[SystemTime]| {
        let cache = TreeCache::load(dir.path(), Path::new("/tree"));
        for file in files {
            cache.insert(file, hash(file.ino), now);
        }
        for moment in on_disk {
            cache.is_on_disk(*moment);
        }
        cache.checkpoint().unwrap();
    };
    // It was set right while the program ran.
    insert(&[old, fresh], &[now + HOUR]);
    start_again(dir.path());
    assert_eq!(known(), [true, false]);
    insert(&[old, fresh], &[now + HOUR, now]);
    start_again(dir.path());
    assert_eq!(
        known(),
        [true, true],
        "the last sync is the one that counts"
    );

    // It was set right later.
    let told = (seconds(now + HOUR)).to_le_bytes();
    rewrite(dir.path(), |bytes| bytes[40..48].copy_from_slice(&told));
    assert_eq!(known(), [false, false], "in another start");
    insert(&[old], &[]);
    rewrite(dir.path(), |bytes| bytes[40..48].copy_from_slice(&told));
    insert(&[fresh], &[]);
    start_again(dir.path());
    assert_eq!(known(), [true, false], "it is not passed on");
}

#[test]
fn a_cache_that_remembers_nothing_does_so() {
    let cache = TreeCache::none();
    cache.insert(&stat(1), hash(1), later());
    assert_eq!(cache.get(&stat(1)), None);
    cache.save().unwrap();
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_it() {
    let dir = TempDir::new().unwrap();
    filled(dir.path(), 1..=1);
    let file = file_in(dir.path());
    assert_eq!(FileStat::at(&file).unwrap().mode, 0o600);
    assert_eq!(FileStat::at(file.parent().unwrap()).unwrap().mode, 0o700);
}
