use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    sync::Mutex,
    time::{Duration, SystemTime},
};

use bao_tree::{BlockSize, io::outboard::PreOrderMemOutboard};
use tempfile::TempDir;

use super::*;
use crate::{
    content::Limits,
    disk::{WalkOptions, walk},
    events::FailureKind,
};

/// Content without repetition, so that swapped pieces show.
fn content(len: usize) -> Vec<u8> {
    let mut data = vec![0; len];
    blake3::Hasher::new().finalize_xof().fill(&mut data);
    data
}

fn reference(data: &[u8]) -> (Hash, Vec<u8>) {
    let outboard = PreOrderMemOutboard::create(data, BlockSize::from_chunk_log(4));
    (Hash::from(outboard.root), outboard.data)
}

const SIZES: &[usize] = &[
    0,
    1,
    1024,
    1025,
    16 * 1024 - 1,
    16 * 1024,
    16 * 1024 + 1,
    32 * 1024 + 1,
    (1 << 20) - 1,
    1 << 20,
    (1 << 20) + 1,
    (5 << 20) + 3,
    (8 << 20) + 16 * 1024 + 1,
    17 << 20,
];

#[test]
fn an_outboard_in_memory_is_that_of_bao_tree() {
    for &size in SIZES {
        let data = content(size);
        let (hash, nodes) = outboard_of(&data);
        assert_eq!(hash, Hash::from(blake3::hash(&data)), "{size}");
        assert_eq!((hash, nodes), reference(&data), "{size}");
    }
}

#[test]
fn a_file_gets_the_hash_of_blake3_and_the_outboard_of_bao_tree() {
    let dir = TempDir::new().unwrap();
    let outboards = Outboards::at(dir.path());
    for &size in SIZES {
        let data = content(size);
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&data).unwrap();
        let last = Mutex::new(0);
        let hash = hash_file(
            &file,
            size as u64,
            Some(&outboards),
            &|bytes| *last.lock().unwrap() = bytes,
            &Stop::default(),
        )
        .unwrap();
        let (expected, nodes) = reference(&data);
        assert_eq!(hash, expected, "{size}");
        assert_eq!(*last.lock().unwrap(), size as u64, "{size}");
        let plain = hash_file(&file, size as u64, None, &|_| {}, &Stop::default()).unwrap();
        assert_eq!(plain, expected, "{size}");
        let stored = fs::read(outboards.path(&hash)).ok();
        let wanted = (size as u64 >= OUTBOARD_MIN).then_some(nodes);
        assert_eq!(stored, wanted, "{size}");
        assert_eq!(
            outboards.open(&hash, size as u64).unwrap().is_some(),
            size as u64 >= OUTBOARD_MIN
        );
    }
}

#[test]
fn a_file_that_is_too_short_or_a_stop_leaves_no_outboard() {
    let dir = TempDir::new().unwrap();
    let outboards = Outboards::at(dir.path());
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&content(9 << 20)).unwrap();
    let hash = |size, stop: &Stop| hash_file(&file, size, Some(&outboards), &|_| {}, stop);
    let short = hash(20 << 20, &Stop::default()).unwrap_err();
    assert_eq!(short.kind(), io::ErrorKind::UnexpectedEof);
    let stop = Stop::default();
    stop.stop();
    let stopped = hash(9 << 20, &stop).unwrap_err();
    assert_eq!(stopped.kind(), io::ErrorKind::Interrupted);
    let left: Vec<PathBuf> = fs::read_dir(dir.path().join("outboards"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap() != "in-use")
        .collect();
    assert_eq!(left, Vec::<PathBuf>::new());
}

/// A tree with its caches, in a folder that goes with it.
struct Tree {
    dir: TempDir,
    root: PathBuf,
    cache: PathBuf,
}

impl Tree {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let dir = TempDir::new().unwrap();
        let root = dir.path().canonicalize().unwrap().join("tree");
        fs::create_dir(&root).unwrap();
        for (name, data) in files {
            fs::write(root.join(name), data).unwrap();
        }
        let cache = dir.path().join("cache");
        Self { dir, root, cache }
    }

    fn walk(&self) -> Sources {
        let paths = [self.root.clone()];
        let options = WalkOptions::default();
        walk(
            &paths,
            &options,
            &Limits::DEFAULT,
            &|_, _| {},
            &Stop::default(),
        )
        .unwrap()
    }

    fn hash(&self, sources: &mut Sources) -> Vec<Hash> {
        let cache = TreeCache::load(&self.cache, &self.root);
        let outboards = Outboards::at(&self.cache);
        let caches = [cache];
        let hashes = hash_tree(sources, &caches, &outboards, &|_| {}, &Stop::default()).unwrap();
        caches[0].save().unwrap();
        hashes
    }

    /// Puts the hashes of all files into the cache, as a run long after the last change would.
    fn remember(&self) -> (Sources, Vec<Hash>) {
        let mut sources = self.walk();
        let hashes = self.hash(&mut sources);
        let cache = TreeCache::load(&self.cache, &self.root);
        let later = SystemTime::now() + Duration::from_mins(1);
        for (file, hash) in sources.files.iter().zip(&hashes) {
            cache.insert(&file.stat, *hash, later);
        }
        cache.save().unwrap();
        (sources, hashes)
    }
}

#[test]
fn a_tree_is_hashed_in_order_and_reported_to_the_end() {
    let large = content(9 << 20);
    let tree = Tree::new(&[("b", b"two"), ("a", &large), ("c", b"")]);
    let mut sources = tree.walk();
    let last = Mutex::new(HashProgress::default());
    let hashes = hash_tree(
        &mut sources,
        &[],
        &Outboards::at(&tree.cache),
        &|done| *last.lock().unwrap() = done,
        &Stop::default(),
    )
    .unwrap();
    let expected: Vec<Hash> = [&large[..], b"two", b""].map(Hash::new).to_vec();
    assert_eq!(hashes, expected);
    let done = *last.lock().unwrap();
    assert_eq!((done.files, done.bytes), (3, large.len() as u64 + 3));
}

#[test]
fn what_the_cache_knows_is_not_read() {
    let tree = Tree::new(&[("small", b"abc"), ("large", &content(2 << 20))]);
    let (mut sources, hashes) = tree.remember();
    // Nothing is left to read.
    fs::remove_dir_all(&tree.root).unwrap();
    assert_eq!(tree.hash(&mut sources), hashes);
    assert_eq!(sources.unreadable, []);
}

#[test]
fn a_large_file_without_its_outboard_is_read_again() {
    let tree = Tree::new(&[("large", &content(2 << 20))]);
    let (mut sources, hashes) = tree.remember();
    let outboards = Outboards::at(&tree.cache);
    outboards.remove(&hashes[0]).unwrap();
    assert_eq!(tree.hash(&mut sources), hashes);
    assert!(outboards.open(&hashes[0], 2 << 20).unwrap().is_some());
}

#[test]
fn a_change_that_keeps_size_and_mtime_is_noticed() {
    let tree = Tree::new(&[("file", b"before")]);
    let (sources, _) = tree.remember();
    let path = tree.root.join("file");
    let old = fs::metadata(&path).unwrap().modified().unwrap();
    // The clock of a file system ticks; a change within the tick of the first would not show.
    while FileStat::at(&path).unwrap().ctime == sources.files[0].stat.ctime {
        fs::write(&path, b"behind").unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(old).unwrap();
    }
    let mut again = tree.walk();
    assert_eq!(again.files[0].stat.mtime, sources.files[0].stat.mtime);
    assert_eq!(tree.hash(&mut again), [Hash::new(b"behind")]);
}

#[test]
fn files_that_vanished_or_became_something_else_are_set_aside() {
    let tree = Tree::new(&[("a", b"a"), ("b", b"b"), ("c", b"c"), ("d", b"d")]);
    let mut sources = tree.walk();
    fs::remove_file(tree.root.join("a")).unwrap();
    fs::remove_file(tree.root.join("c")).unwrap();
    std::os::unix::fs::symlink("b", tree.root.join("c")).unwrap();
    fs::write(tree.root.join("d"), b"longer").unwrap();
    let hashes = tree.hash(&mut sources);
    assert_eq!(hashes, [Hash::new(b"b"), Hash::new(b"longer")]);
    let names: Vec<String> = sources.files.iter().map(|f| f.path.to_string()).collect();
    assert_eq!(names, ["tree/b", "tree/d"]);
    assert_eq!(sources.files[1].stat.size, 6);
    let reasons: Vec<(&str, &str)> = sources
        .unreadable
        .iter()
        .map(|left| (&*left.path, &*left.why))
        .collect();
    let expected = [
        ("tree/a", "it is gone"),
        ("tree/c", "a symbolic link is in the way"),
    ];
    assert_eq!(reasons, expected);
}

#[test]
fn a_stop_ends_it_and_keeps_what_was_remembered() {
    let tree = Tree::new(&[("a", b"a"), ("b", b"b")]);
    let (mut sources, hashes) = tree.remember();
    let stop = Stop::default();
    stop.stop();
    let caches = [TreeCache::load(&tree.cache, &tree.root)];
    let outboards = Outboards::at(&tree.cache);
    let failure = hash_tree(&mut sources, &caches, &outboards, &|_| {}, &stop).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Interrupted);
    let cache = TreeCache::load(&tree.cache, &tree.root);
    assert_eq!(cache.get(&sources.files[1].stat), Some(hashes[1]));
}

#[test]
fn a_cache_that_cannot_be_written_ends_it_with_a_hint() {
    let tree = Tree::new(&[("large", &content(1 << 20))]);
    let blocked = tree.dir.path().join("blocked");
    fs::write(&blocked, b"a file where the folder should be").unwrap();
    let outboards = Outboards::at(&blocked);
    let mut sources = tree.walk();
    let failure = hash_tree(&mut sources, &[], &outboards, &|_| {}, &Stop::default()).unwrap_err();
    assert_eq!(failure.kind, FailureKind::LocalDisk);
    assert!(failure.message.contains("blocked"), "{failure}");
    assert!(failure.hint.is_some());
}

#[test]
fn an_outboard_is_adopted_and_one_of_a_wrong_length_is_none() {
    let dir = TempDir::new().unwrap();
    let outboards = Outboards::at(dir.path());
    let (hash, nodes) = outboard_of(&content(2 << 20));
    let from: &Path = &dir.path().join("elsewhere");
    fs::write(from, &nodes).unwrap();
    outboards.adopt(&hash, from).unwrap();
    assert!(!from.exists());
    assert!(outboards.open(&hash, 2 << 20).unwrap().is_some());
    assert!(outboards.open(&hash, 3 << 20).unwrap().is_none());
}

#[test]
fn a_hole_is_hashed_as_the_zeros_that_it_reads_as() {
    use std::os::unix::fs::FileExt as _;
    let dir = TempDir::new().unwrap();
    let outboards = Outboards::at(dir.path());
    let size = (12 << 20) + 5;
    for data_at in [None, Some(0), Some((5 << 20) + 7), Some(size - 3)] {
        let file = tempfile::tempfile().unwrap();
        file.set_len(size).unwrap();
        let mut whole = vec![0; usize::try_from(size).unwrap()];
        if let Some(at) = data_at {
            file.write_all_at(b"abc", at).unwrap();
            let at = usize::try_from(at).unwrap();
            whole[at..at + 3].copy_from_slice(b"abc");
        }
        let stop = Stop::default();
        let hash = hash_file(&file, size, Some(&outboards), &|_| {}, &stop).unwrap();
        let (expected, nodes) = reference(&whole);
        assert_eq!(hash, expected, "{data_at:?}");
        assert_eq!(
            fs::read(outboards.path(&hash)).unwrap(),
            nodes,
            "{data_at:?}"
        );
        let short = hash_file(&file, size + (4 << 20), None, &|_| {}, &stop).unwrap_err();
        assert_eq!(short.kind(), io::ErrorKind::UnexpectedEof, "{data_at:?}");
    }
}
