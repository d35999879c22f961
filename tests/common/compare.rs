//! Whether two trees are the same in all that Grove keeps.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    os::unix::{
        ffi::OsStrExt as _,
        fs::{MetadataExt as _, PermissionsExt as _},
    },
    path::{Path, PathBuf},
};

/// What there is to know about one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    kind: Kind,
    mode: u32,
    mtime: (i64, i64),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    File(Vec<u8>),
    Folder,
    Link(PathBuf),
    Other,
}

/// Everything at and below `top`, by path; the empty path is `top` itself.
pub(crate) fn snapshot(top: &Path) -> BTreeMap<PathBuf, Entry> {
    let mut entries = BTreeMap::new();
    take(top, PathBuf::new(), &mut entries);
    entries
}

fn take(top: &Path, below: PathBuf, entries: &mut BTreeMap<PathBuf, Entry>) {
    let path = if below.as_os_str().is_empty() {
        top.to_owned()
    } else {
        top.join(&below)
    };
    let failed = |error| panic!("{}: {error}", path.display());
    let metadata = fs::symlink_metadata(&path).unwrap_or_else(failed);
    let kind = if metadata.is_file() {
        Kind::File(fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    } else if metadata.is_symlink() {
        Kind::Link(fs::read_link(&path).unwrap())
    } else if metadata.is_dir() {
        for entry in fs::read_dir(&path).unwrap() {
            take(top, below.join(entry.unwrap().file_name()), entries);
        }
        Kind::Folder
    } else {
        Kind::Other
    };
    let mode = match kind {
        // Links have no mode that could be set.
        Kind::Link(_) => 0,
        _ => metadata.permissions().mode() & 0o7777,
    };
    let mtime = (metadata.mtime(), metadata.mtime_nsec());
    entries.insert(below, Entry { kind, mode, mtime });
}

/// Panics with what differs between two trees: names, content, modes, times, targets of links.
pub(crate) fn assert_same_tree(expected: &Path, actual: &Path) {
    let (left, right) = (snapshot(expected), snapshot(actual));
    let mut differences = String::new();
    for path in left.keys().filter(|path| !right.contains_key(*path)) {
        _ = writeln!(differences, "  missing: {}", shown(path));
    }
    for path in right.keys().filter(|path| !left.contains_key(*path)) {
        _ = writeln!(differences, "  too much: {}", shown(path));
    }
    for (path, entry) in &left {
        if let Some(other) = right.get(path).filter(|other| *other != entry) {
            let what = difference(entry, other);
            _ = writeln!(differences, "  {}: {what}", shown(path));
        }
    }
    assert!(
        differences.is_empty(),
        "{} is not {}:\n{differences}",
        actual.display(),
        expected.display()
    );
}

fn shown(path: &Path) -> String {
    if path.as_os_str().is_empty() {
        return "(the folder itself)".to_owned();
    }
    path.as_os_str().as_bytes().escape_ascii().to_string()
}

fn difference(expected: &Entry, actual: &Entry) -> String {
    let mut words = Vec::new();
    match (&expected.kind, &actual.kind) {
        (Kind::File(a), Kind::File(b)) if a.len() != b.len() => {
            words.push(format!("{} bytes instead of {}", b.len(), a.len()));
        }
        (Kind::File(a), Kind::File(b)) => {
            let at = a.iter().zip(b).position(|(a, b)| a != b);
            words.extend(at.map(|at| format!("other content from byte {at} on")));
        }
        (a, b) if a != b => words.push(
            format!("{b:?} instead of {a:?}")
                .chars()
                .take(200)
                .collect(),
        ),
        _ => {}
    }
    if expected.mode != actual.mode {
        words.push(format!(
            "mode {:o} instead of {:o}",
            actual.mode, expected.mode
        ));
    }
    if expected.mtime != actual.mtime {
        words.push(format!(
            "time {:?} instead of {:?}",
            actual.mtime, expected.mtime
        ));
    }
    words.join(", ")
}
