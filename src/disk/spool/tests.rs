use tempfile::TempDir;

use super::*;
use crate::{
    content::Limits,
    disk::{WalkOptions, cache_info, clear_cache, walk},
};

fn spooled(dir: &Path, mut data: &[u8]) -> Spooled {
    spool(dir, "stdin.txt", &mut data, &|_| {}, &Stop::default()).unwrap()
}

/// Makes a copy as a killed process would leave it: the lock ends with its process.
fn left_behind(dir: &Path, data: &[u8]) -> PathBuf {
    let mut copy = CopyFolder::create(dir).unwrap();
    let path = copy.path.join("file");
    fs::write(&path, data).unwrap();
    copy.lock = None;
    std::mem::forget(copy);
    path
}

fn sources(path: &Path) -> Sources {
    let options = WalkOptions::default();
    walk(
        &[path.to_owned()],
        &options,
        &Limits::DEFAULT,
        &|_, _| {},
        &Stop::default(),
    )
    .unwrap()
}

#[cfg(unix)]
#[test]
fn standard_input_becomes_a_private_file_that_goes_with_its_handle() {
    let dir = TempDir::new().unwrap();
    let spooled = spooled(dir.path(), b"hello");
    assert_eq!(fs::read(&spooled.path).unwrap(), b"hello");
    assert_eq!(spooled.path.file_name().unwrap(), "stdin.txt");
    assert_eq!(FileStat::at(&spooled.path).unwrap().mode, 0o600);
    drop(spooled);
    assert_eq!(fs::read_dir(dir.path().join("copies")).unwrap().count(), 0);
}

#[test]
fn a_name_must_be_plain_and_a_stop_leaves_nothing() {
    let dir = TempDir::new().unwrap();
    for name in ["", "a/b", "..", "/a"] {
        let result = spool(
            dir.path(),
            name,
            &mut io::empty(),
            &|_| {},
            &Stop::default(),
        );
        assert_eq!(result.unwrap_err().kind, FailureKind::Usage, "{name}");
    }
    let stop = Stop::default();
    stop.stop();
    let result = spool(dir.path(), "a", &mut io::repeat(1), &|_| {}, &stop);
    assert_eq!(result.unwrap_err().kind, FailureKind::Interrupted);
    assert_eq!(fs::read_dir(dir.path().join("copies")).unwrap().count(), 0);
}

#[test]
fn what_a_kill_leaves_goes_with_the_next_share_and_what_is_in_use_stays() {
    let dir = TempDir::new().unwrap();
    let used = spooled(dir.path(), b"used");
    let left = left_behind(dir.path(), b"left");
    assert_eq!(cache_info(dir.path()).unwrap().left_behind, (1, 4));
    clear_left_behind(dir.path());
    assert!(!left.exists() && used.path.exists());
    assert_eq!(cache_info(dir.path()).unwrap().left_behind, (0, 0));
}

#[test]
fn a_snapshot_stays_what_it_was() {
    let dir = TempDir::new().unwrap();
    let tree = dir.path().join("tree");
    fs::create_dir_all(tree.join("sub")).unwrap();
    fs::write(tree.join("sub/a"), b"before").unwrap();
    fs::write(tree.join("b"), b"").unwrap();
    let old = UNIX_EPOCH + Duration::from_nanos(1_234_567_890_123_456_700);
    File::options()
        .write(true)
        .open(tree.join("sub/a"))
        .unwrap()
        .set_modified(old)
        .unwrap();
    let mut sources = sources(&tree);
    let original = sources.clone();
    let cache = dir.path().join("cache");
    let snapshot = snapshot(&cache, &mut sources, &|_| {}, &Stop::default()).unwrap();
    fs::write(tree.join("sub/a"), b"after").unwrap();
    fs::remove_file(tree.join("b")).unwrap();
    for ((file, before), data) in sources
        .files
        .iter()
        .zip(&original.files)
        .zip(["", "before"])
    {
        assert_eq!(file.path, before.path);
        assert_eq!(file.stat.mtime, before.stat.mtime);
        assert_eq!(file.stat.mode & 0o777, before.stat.mode & 0o777);
        let open = sources.open(file).unwrap();
        assert_eq!(FileStat::of(&open).unwrap(), file.stat);
        assert_eq!(io::read_to_string(open).unwrap(), data);
    }
    let path = snapshot.path.clone();
    drop(snapshot);
    assert!(!path.exists());
}

#[test]
fn a_snapshot_sets_aside_what_vanished_and_takes_single_files() {
    let dir = TempDir::new().unwrap();
    let tree = dir.path().join("tree");
    fs::create_dir(&tree).unwrap();
    fs::write(tree.join("a"), b"a").unwrap();
    fs::write(tree.join("b"), b"b").unwrap();
    let cache = dir.path().join("cache");
    let mut both = sources(&tree);
    let mut single = sources(&tree.join("b"));
    fs::remove_file(tree.join("a")).unwrap();
    let _one = snapshot(&cache, &mut both, &|_| {}, &Stop::default()).unwrap();
    assert_eq!(both.files.len(), 1);
    assert_eq!(both.unreadable.len(), 1);
    assert_eq!(both.unreadable[0].path, "tree/a");
    let _two = snapshot(&cache, &mut single, &|_| {}, &Stop::default()).unwrap();
    fs::remove_dir_all(&tree).unwrap();
    let open = single.open(&single.files[0]).unwrap();
    assert_eq!(io::read_to_string(open).unwrap(), "b");
}

#[test]
fn clearing_removes_all_that_nobody_uses_and_says_how_much() {
    use crate::{
        content::Hash,
        disk::{Outboards, TreeCache},
    };
    let dir = TempDir::new().unwrap();
    let stat = FileStat {
        dev: 1,
        ino: 1,
        size: 0,
        mtime: Mtime { secs: 0, nanos: 1 },
        ctime: Mtime { secs: 0, nanos: 1 },
        mode: 0,
    };
    let tree = TreeCache::load(dir.path(), Path::new("/tree"));
    tree.insert(&stat, Hash::EMPTY, SystemTime::now());
    tree.save().unwrap();
    let nodes = dir.path().join("nodes");
    fs::write(&nodes, [0; 64]).unwrap();
    let outboards = Outboards::at(dir.path());
    outboards.adopt(&Hash::EMPTY, &nodes).unwrap();
    left_behind(dir.path(), b"12345");
    let info = cache_info(dir.path()).unwrap();
    let (path, files, tree_bytes) = info.trees[0].clone();
    assert_eq!((path.as_path(), files), (Path::new("/tree"), 1));
    assert_eq!((info.outboards, info.left_behind), ((1, 64), (1, 5)));
    // Somebody serves from the outboard.
    assert_eq!(clear_cache(dir.path()).unwrap(), tree_bytes + 5);
    assert!(outboards.open(&Hash::EMPTY, 32 * 1024).unwrap().is_some());
    drop(outboards);
    assert_eq!(clear_cache(dir.path()).unwrap(), 64);
    assert_eq!(
        cache_info(dir.path()).unwrap(),
        cache_info(Path::new("/nowhere")).unwrap()
    );
}
