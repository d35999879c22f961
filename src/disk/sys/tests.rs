use std::os::unix::fs::symlink;

use rustix::fs::{CWD, Mode, mkfifoat};
use tempfile::TempDir;

use super::*;

#[test]
fn files_are_opened_beneath_a_folder_only() {
    let dir = TempDir::new().unwrap();
    let root = dir.path().join("root");
    fs::create_dir_all(root.join("a/b")).unwrap();
    fs::write(root.join("a/b/file"), b"1").unwrap();
    fs::write(dir.path().join("outside"), b"2").unwrap();
    symlink("b", root.join("a/link")).unwrap();
    symlink("file", root.join("a/b/link")).unwrap();
    mkfifoat(CWD, root.join("fifo"), Mode::from_raw_mode(0o600)).unwrap();
    let open = Root::open(&root).unwrap();
    let inside = open.open_file(Path::new("a/b/file")).unwrap();
    assert_eq!(io::read_to_string(inside).unwrap(), "1");
    assert!(open.open_stepwise(Path::new("a/b/file")).is_ok());
    let outside = dir.path().join("outside");
    for bad in [
        "../outside",
        "a/../../outside",
        outside.to_str().unwrap(),
        "",
        ".",
        "a",
        "fifo",
        "missing",
        "a/link/file",
        "a/b/link",
        "a/b/file/x",
    ] {
        assert!(open.open_file(Path::new(bad)).is_err(), "{bad}");
        assert!(open_beneath(&root, Path::new(bad)).is_err(), "{bad}");
    }
    for link in ["a/link/file", "a/b/link", "../outside"] {
        assert!(open.open_stepwise(Path::new(link)).is_err(), "{link}");
    }
}

#[test]
fn reading_and_writing_at_an_offset_is_all_or_an_error() {
    let file = tempfile::tempfile().unwrap();
    write_all_at(&file, b"hello", 3).unwrap();
    let mut buffer = [0; 5];
    read_exact_at(&file, &mut buffer, 3).unwrap();
    assert_eq!(&buffer, b"hello");
    let short = read_exact_at(&file, &mut buffer, 4).unwrap_err();
    assert_eq!(short.kind(), io::ErrorKind::UnexpectedEof);
    assert_eq!(reason(&short), "it is shorter than it was");
}

#[test]
fn one_holds_a_lock_until_it_is_dropped() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("lock");
    let lock = LockFile::acquire(&path).unwrap().unwrap();
    assert!(LockFile::acquire(&path).unwrap().is_none());
    drop(lock);
    let lock = LockFile::acquire(&path).unwrap().unwrap();
    lock.remove().unwrap();
    assert!(!path.exists());
}

#[test]
fn a_file_is_replaced_as_a_whole_or_not_at_all() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("new/file");
    replace(&path, |out| out.write_all(b"one")).unwrap();
    let failed = replace(&path, |out| {
        out.write_all(b"half of tw")?;
        Err(io::Error::other("no more"))
    });
    assert!(failed.is_err());
    assert_eq!(fs::read(&path).unwrap(), b"one");
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    assert_eq!(FileStat::at(&path).unwrap().mode, 0o600);
}

#[test]
fn a_private_file_is_always_new() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("link");
    symlink("nowhere", &path).unwrap();
    let error = create_private(&path).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
}

#[test]
fn the_system_answers() {
    assert!(process_alive(process::id()));
    assert!(!process_alive(0) && !process_alive(u32::MAX));
    assert!(available_bytes(Path::new("/")).is_ok());
    assert!(available_bytes(Path::new("/does/not/exist")).is_err());
    let limit = raise_file_limit();
    assert_eq!(raise_file_limit(), limit);
}
