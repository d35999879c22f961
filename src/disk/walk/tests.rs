use std::{
    ffi::OsStr,
    fs,
    os::unix::{
        ffi::OsStrExt,
        fs::{PermissionsExt, symlink},
        net::UnixListener,
    },
    path::Path,
};

use rustix::fs::{CWD, Mode, mkfifoat};
use tempfile::TempDir;

use super::*;
use crate::events::FailureKind;

fn temp() -> (TempDir, PathBuf) {
    let dir = TempDir::new().unwrap();
    let path = dir.path().canonicalize().unwrap();
    (dir, path)
}

fn write(path: &Path, data: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, data).unwrap();
}

fn try_walk(paths: &[&Path], options: &WalkOptions) -> Result<Sources, Failure> {
    let paths: Vec<PathBuf> = paths.iter().map(|path| path.to_path_buf()).collect();
    walk(
        &paths,
        options,
        &Limits::DEFAULT,
        &|_, _| {},
        &Stop::default(),
    )
}

fn files(sources: &Sources) -> Vec<String> {
    sources
        .files
        .iter()
        .map(|file| file.path.to_string())
        .collect()
}

fn walked(path: &Path, options: &WalkOptions) -> Vec<String> {
    files(&try_walk(&[path], options).unwrap())
}

#[test]
fn a_tree_is_listed_with_folders_links_and_states() {
    let (_dir, at) = temp();
    let tree = at.join("tree");
    write(&tree.join("b/two words"), "12");
    write(&tree.join("b/.hidden"), "");
    write(&tree.join("a"), "1");
    fs::create_dir(tree.join("empty")).unwrap();
    symlink("../nowhere", tree.join("link")).unwrap();
    fs::set_permissions(tree.join("empty"), fs::Permissions::from_mode(0o2750)).unwrap();
    fs::set_permissions(tree.join("a"), fs::Permissions::from_mode(0o640)).unwrap();
    let sources = try_walk(&[&tree], &WalkOptions::default()).unwrap();
    assert_eq!(
        files(&sources),
        ["tree/a", "tree/b/.hidden", "tree/b/two words"]
    );
    let dirs: Vec<String> = sources
        .dirs
        .iter()
        .map(|dir| dir.path.to_string())
        .collect();
    assert_eq!(dirs, ["tree", "tree/b", "tree/empty"]);
    assert_eq!(sources.dirs[2].mode, 0o750, "without the set-group-id bit");
    assert_eq!(sources.links.len(), 1);
    assert_eq!(&*sources.links[0].target, b"../nowhere");
    let stat = sources.files[0].stat;
    assert_eq!((stat.size, stat.mode), (1, 0o640));
    assert_eq!(stat, FileStat::at(&tree.join("a")).unwrap());
    assert!(sources.left_out.is_empty() && sources.unreadable.is_empty());
}

#[test]
fn names_are_bytes() {
    let (_dir, at) = temp();
    let tree = at.join("tree");
    fs::create_dir(&tree).unwrap();
    let names: [&[u8]; 3] = [b"caf\xe9", b"two\nlines", "ünï".as_bytes()];
    for name in names {
        fs::write(tree.join(OsStr::from_bytes(name)), name).unwrap();
    }
    let sources = try_walk(&[&tree], &WalkOptions::default()).unwrap();
    let mut found: Vec<&[u8]> = sources.files.iter().map(|f| f.path.file_name()).collect();
    found.sort_unstable();
    assert_eq!(found, names);
    for file in &sources.files {
        let text = io::read_to_string(sources.open(file).unwrap());
        assert_eq!(text.is_ok(), file.path.file_name() != b"caf\xe9");
    }
}

#[test]
fn what_is_no_file_is_left_out_with_its_kind() {
    let (_dir, at) = temp();
    let tree = at.join("tree");
    write(&tree.join("file"), "1");
    mkfifoat(CWD, tree.join("fifo"), Mode::from_raw_mode(0o600)).unwrap();
    let _socket = UnixListener::bind(tree.join("socket")).unwrap();
    let sources = try_walk(&[&tree], &WalkOptions::default()).unwrap();
    assert_eq!(files(&sources), ["tree/file"]);
    let left: Vec<(&str, &str)> = sources
        .left_out
        .iter()
        .map(|left| (&*left.path, &*left.why))
        .collect();
    assert_eq!(left, [("tree/fifo", "a FIFO"), ("tree/socket", "a socket")]);
    let failure = try_walk(&[&tree.join("fifo")], &WalkOptions::default()).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Usage);
}

#[test]
fn excluded_and_ignored_entries_are_left_out() {
    let (_dir, at) = temp();
    let tree = at.join("tree");
    for name in [
        "a.log",
        "keep.log",
        "sub/b.log",
        "build/x",
        "sub/build/y",
        "z",
        "git",
    ] {
        write(&tree.join(name), "");
    }
    let exclude = WalkOptions {
        exclude: vec!["*.log".into(), "!keep.log".into(), "/build/".into()],
        ..WalkOptions::default()
    };
    assert_eq!(
        walked(&tree, &exclude),
        ["tree/git", "tree/keep.log", "tree/sub/build/y", "tree/z"]
    );
    write(&tree.join(".groveignore"), "build\n");
    write(&tree.join("sub/.groveignore"), "*.log\n");
    write(&tree.join(".gitignore"), "git\n");
    write(&tree.join(".ignore"), "z\n");
    let own_files = ["tree/.gitignore", "tree/.groveignore", "tree/.ignore"];
    let without_git = walked(&tree, &WalkOptions::default());
    assert_eq!(without_git[..3], own_files);
    assert_eq!(
        without_git[3..],
        [
            "tree/a.log",
            "tree/git",
            "tree/keep.log",
            "tree/sub/.groveignore",
            "tree/z"
        ]
    );
    let with_git = WalkOptions {
        gitignore: true,
        ..WalkOptions::default()
    };
    assert_eq!(
        walked(&tree, &with_git)[3..],
        [
            "tree/a.log",
            "tree/keep.log",
            "tree/sub/.groveignore",
            "tree/z"
        ]
    );
}

#[test]
fn patterns_above_a_root_do_not_count() {
    let (_dir, at) = temp();
    write(&at.join("tree/a"), "");
    write(&at.join(".groveignore"), "a\n");
    write(&at.join(".gitignore"), "a\n");
    let options = WalkOptions {
        gitignore: true,
        ..WalkOptions::default()
    };
    assert_eq!(walked(&at.join("tree"), &options), ["tree/a"]);
}

#[test]
fn a_wrong_pattern_is_refused_wherever_it_stands() {
    let (_dir, at) = temp();
    let tree = at.join("tree");
    write(&tree.join("a"), "");
    let options = WalkOptions {
        exclude: vec!["a{b".into()],
        ..WalkOptions::default()
    };
    let failure = try_walk(&[&tree], &options).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Usage);
    assert!(failure.message.contains("a{b"), "{failure}");
    write(&tree.join(".groveignore"), "ok\na{b\n");
    let failure = try_walk(&[&tree], &WalkOptions::default()).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Usage);
    assert!(failure.message.contains(".groveignore"), "{failure}");
    assert!(failure.message.contains("line 2"), "{failure}");
    fs::remove_file(tree.join(".groveignore")).unwrap();
    write(&tree.join(".gitignore"), "a{b\n");
    let options = WalkOptions {
        gitignore: true,
        ..WalkOptions::default()
    };
    assert_eq!(walked(&tree, &options), ["tree/.gitignore", "tree/a"]);
}

#[test]
fn unfinished_fetches_and_our_own_folders_are_passed_over() {
    let (_dir, at) = temp();
    let tree = at.join("tree");
    for name in [
        "a",
        "sub/.grove-partial/x/b",
        "home/identity",
        "other/home/c",
    ] {
        write(&tree.join(name), "");
    }
    let options = WalkOptions {
        own: vec![tree.join("sub/../home"), at.join("missing")],
        ..WalkOptions::default()
    };
    assert_eq!(walked(&tree, &options), ["tree/a", "tree/other/home/c"]);
    for name in ["home", "home/identity", "sub/../home/../home/identity"] {
        let failure = try_walk(&[&tree.join(name)], &options).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Usage, "{name}");
    }
}

#[test]
fn what_looks_like_one_of_our_own_folders_is_left_out_and_told() {
    let (_dir, at) = temp();
    let tree = at.join("tree");
    for name in ["a", "mine/secret", "mine/sub/secret", "theirs/b"] {
        write(&tree.join(name), "");
    }
    let options = WalkOptions {
        own_too: Some(|path| path.ends_with("mine")),
        ..WalkOptions::default()
    };
    let sources = try_walk(&[&tree], &options).unwrap();
    assert_eq!(files(&sources), ["tree/a", "tree/theirs/b"]);
    assert_eq!(sources.left_out[0].path, "tree/mine");
    assert_eq!(sources.left_out.len(), 1);
    for name in ["mine", "mine/secret", "mine/sub"] {
        let failure = try_walk(&[&tree.join(name)], &options).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Usage, "{name}");
    }
}

#[test]
fn roots_have_the_names_they_were_given() {
    let (_dir, at) = temp();
    write(&at.join("tree/sub/a"), "1");
    write(&at.join("file"), "2");
    symlink("tree", at.join("alias")).unwrap();
    symlink("file", at.join("pointer")).unwrap();
    let paths = ["alias", "tree/sub/..", "tree/sub", "file", "pointer"].map(|p| at.join(p));
    let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    let sources = try_walk(&paths, &WalkOptions::default()).unwrap();
    assert_eq!(
        files(&sources),
        ["alias/sub/a", "file", "pointer", "sub/a", "tree/sub/a"]
    );
    for (file, data) in sources.files.iter().zip(["1", "2", "2", "1", "1"]) {
        let text = io::read_to_string(sources.open(file).unwrap()).unwrap();
        assert_eq!(text, data, "{}", file.path);
    }
    assert!(sources.links.is_empty());
}

#[test]
fn paths_that_cannot_be_shared_are_refused() {
    let (_dir, at) = temp();
    write(&at.join("one/a"), "");
    write(&at.join("two/a"), "");
    let usage = |paths: &[&Path]| {
        let failure = try_walk(paths, &WalkOptions::default()).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Usage);
        assert!(failure.hint.is_some());
        failure.message
    };
    assert!(usage(&[&at.join("missing")]).ends_with("missing does not exist"));
    assert!(usage(&[&at.join("one/a"), &at.join("two/a")]).contains("same name, a"));
    assert!(usage(&[Path::new("/")]).contains("no name"));
}

#[test]
fn what_cannot_be_looked_at_is_unreadable_and_said_once() {
    use rustix::fs::{OFlags, mkdirat, open};
    let (_dir, at) = temp();
    // A path of more than 4096 bytes can be made step by step, and then fails for everybody.
    let name = "n".repeat(200);
    let mut tree = at;
    while tree.as_os_str().len() < 3800 {
        tree.push(&name);
    }
    fs::create_dir_all(tree.join("sub")).unwrap();
    write(&tree.join("file"), "");
    let folder = open(&tree, OFlags::RDONLY, Mode::empty()).unwrap();
    let private = Mode::from_raw_mode(0o700);
    let mut path = "sub".to_owned();
    while tree.join(&path).as_os_str().len() < 4096 {
        path = format!("{path}/{name}");
        mkdirat(&folder, &path, private).unwrap();
    }
    let sources = try_walk(&[&tree], &WalkOptions::default()).unwrap();
    let path = format!("{}/{path}", sources.roots[0].name);
    let why = "the name is too long".to_owned();
    assert_eq!(
        sources.unreadable,
        [LeftOut {
            path: path.clone(),
            why
        }]
    );
    assert_eq!(files(&sources), [format!("{name}/file")]);
    assert_eq!(sources.dirs[1].path.to_string(), format!("{name}/sub"));
    assert!(sources.dirs.iter().all(|dir| dir.path.to_string() != path));
}

#[test]
fn names_that_do_not_fit_are_listed_together() {
    let (_dir, at) = temp();
    let tree = at.join("tree");
    for index in 0..13 {
        write(&tree.join(format!("deep/{index:02}/x")), "");
    }
    write(&tree.join("fine"), "");
    let limits = Limits {
        depth: 3,
        ..Limits::DEFAULT
    };
    let paths = [tree];
    let options = WalkOptions::default();
    let failure = walk(&paths, &options, &limits, &|_, _| {}, &Stop::default()).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Failed);
    assert!(
        failure
            .message
            .starts_with("13 names cannot be shared: tree/deep/0"),
        "{failure}"
    );
    assert!(failure.message.ends_with("and 3 more"), "{failure}");
    assert!(!failure.message.contains("fine"));
}

#[test]
fn a_share_that_is_too_large_is_refused() {
    let (_dir, at) = temp();
    let tree = at.join("tree");
    for name in ["a", "b", "c"] {
        write(&tree.join(name), "");
    }
    let walk_with = |files| {
        let limits = Limits {
            files,
            ..Limits::DEFAULT
        };
        let options = WalkOptions::default();
        walk(
            std::slice::from_ref(&tree),
            &options,
            &limits,
            &|_, _| {},
            &Stop::default(),
        )
    };
    assert_eq!(walk_with(3).unwrap().files.len(), 3);
    let failure = walk_with(2).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Failed);
    assert!(failure.message.contains("more than 2 files"), "{failure}");
}

#[test]
fn a_walk_reports_and_can_be_stopped() {
    let (_dir, at) = temp();
    write(&at.join("tree/a"), "123");
    let last = std::sync::Mutex::new((0, 0));
    let paths = [at.join("tree")];
    let options = WalkOptions::default();
    let found = |files, bytes| *last.lock().unwrap() = (files, bytes);
    walk(&paths, &options, &Limits::DEFAULT, &found, &Stop::default()).unwrap();
    assert_eq!(*last.lock().unwrap(), (1, 3));
    let stop = Stop::default();
    stop.stop();
    let failure = walk(&paths, &options, &Limits::DEFAULT, &found, &stop).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Interrupted);
}

#[test]
fn opening_follows_no_link_below_the_root() {
    let (_dir, at) = temp();
    write(&at.join("secret/a"), "secret");
    let tree = at.join("tree");
    write(&tree.join("sub/a"), "");
    write(&tree.join("b"), "");
    let sources = try_walk(&[&tree], &WalkOptions::default()).unwrap();
    fs::remove_dir_all(tree.join("sub")).unwrap();
    symlink(at.join("secret"), tree.join("sub")).unwrap();
    fs::remove_file(tree.join("b")).unwrap();
    symlink(at.join("secret/a"), tree.join("b")).unwrap();
    assert_eq!(files(&sources), ["tree/b", "tree/sub/a"]);
    for file in &sources.files {
        assert!(sources.open(file).is_err(), "{}", file.path);
    }
}
