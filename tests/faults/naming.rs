//! Which file a message has to name.
//!
//! The one that the call was about, as its owner knows it:
//!
//! - what is shared or placed by its path in the share, also where a folder on the way to it fails;
//! - work in the partial folder by the final name of the file that it becomes, since nobody knows numbers,
//!   and what is not about one file, or is only swept, by the destination;
//! - a copy, a hash or an outboard in the cache by that cache or a folder in it: what can be done is to
//!   make room there or to clear it, whatever the files in it are called;
//! - anything else in the home by its final name.

use std::path::{Path, PathBuf};

use crate::{
    calls::{Call, Kind},
    common::snapshot,
    scene::Place,
};

/// What names a file.
enum Names {
    /// Its path.
    Is(PathBuf),
    /// Its path, or that of something below it.
    Begins(PathBuf),
    /// Any of these folders, or what is between them: the first is below the second.
    Between(PathBuf, PathBuf),
}

impl Names {
    fn is_met_by(&self, word: &Path) -> bool {
        match self {
            Self::Is(path) => word == path,
            Self::Begins(path) => word.starts_with(path),
            Self::Between(below, above) => below.starts_with(word) && word.starts_with(above),
        }
    }
}

/// What is in a share, by paths.
#[derive(Default)]
pub(crate) struct Entries {
    /// In the order of the share.
    files: Vec<PathBuf>,
    links: Vec<PathBuf>,
}

impl Entries {
    /// The share of the folder `top`.
    pub(crate) fn of(top: &Path) -> Self {
        let mut entries = Self::default();
        for below in snapshot(top).into_keys() {
            let kind = top.join(&below).symlink_metadata().unwrap().file_type();
            let path = Path::new(top.file_name().unwrap()).join(below);
            if kind.is_file() {
                entries.files.push(path);
            } else if kind.is_symlink() {
                entries.links.push(path);
            }
        }
        // By their bytes, which paths are not compared by.
        let bytes = |path: &PathBuf| path.clone().into_os_string();
        entries.files.sort_by_key(bytes);
        entries
    }

    /// What becomes of the file `name` in the folder of a fetch, if that is about one entry.
    fn becomes(&self, name: &str) -> Vec<PathBuf> {
        if name.starts_with("link.") {
            return self.links.clone();
        }
        let number = name.split('.').next().and_then(|name| name.parse().ok());
        let file = number.and_then(|number: usize| self.files.get(number));
        file.into_iter().cloned().collect()
    }
}

/// Whether `message` names what `call` was about, in a fetch of `share`.
pub(crate) fn names(message: &str, call: &Call, place: &Place, share: &Entries) -> bool {
    let wanted = wanted(call, place, share);
    let mut words = message
        .split_whitespace()
        .map(|word| Path::new(word.trim_matches([':', ',', '(', ')'])));
    words.any(|word| wanted.iter().any(|names| names.is_met_by(word)))
}

fn wanted(call: &Call, place: &Place, share: &Entries) -> Vec<Names> {
    let dir = place.peer.path("").canonicalize().unwrap();
    let home = dir.with_file_name("home");
    // Without what stands for the folder itself at its end.
    let path: PathBuf = call.path.components().collect();
    if let Ok(below) = path.strip_prefix(dir.join(".grove-partial")) {
        let name = below.iter().nth(1).and_then(|name| name.to_str());
        let mut paths = name.map_or_else(Vec::new, |name| share.becomes(name));
        if paths.is_empty() || call.kind == Kind::Remove {
            paths.push(dir);
        }
        return paths.into_iter().map(Names::Is).collect();
    }
    let cache = home.join("cache");
    if path == cache {
        // It is made with the first folder in it.
        return vec![Names::Begins(cache)];
    }
    if path.starts_with(&cache) {
        return vec![Names::Between(path, cache)];
    }
    if path.starts_with(&home) {
        return vec![Names::Begins(final_name(path))];
    }
    match path.strip_prefix(&dir) {
        Ok(in_share) if !in_share.as_os_str().is_empty() => {
            vec![Names::Begins(in_share.to_owned())]
        }
        _ => vec![Names::Begins(path)],
    }
}

/// What a file is called once it is whole.
fn final_name(path: PathBuf) -> PathBuf {
    if path.extension().is_some_and(|ending| ending == "new") {
        // Behind the name stand a unique one and the ending.
        return path.with_extension("").with_extension("");
    }
    path
}
