//! What is made to fail: a line of Grove in a place made for it, and what has to hold whatever happens
//! to it.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    calls::Watch,
    common::{Entry, Peer, filler, link, set_mode, set_mtime, snapshot, write},
    naming::Entries,
    tracer::{Fault, Traced},
};

/// Somebody's files, by path.
type Files = BTreeMap<PathBuf, Entry>;

/// A line of Grove that something happens to.
pub(crate) trait Scene: Sync {
    /// A name for messages and for the seed.
    fn name(&self) -> &'static str;

    /// Somebody on whose computer it happens, and all that stood there before.
    fn place(&self) -> Place;

    /// What is fetched, if anything is.
    fn share(&self) -> Entries {
        Entries::default()
    }

    /// Runs the line.
    fn run(&self, place: &Place, fault: Fault, reading: bool) -> Traced;

    /// Panics when something is damaged.
    fn check(&self, place: &Place, ended: &Traced);

    /// Whether a line ended like this did what it is for.
    fn is_success(&self, code: Option<i32>) -> bool;

    /// Panics unless the line did all that it is for.
    fn check_done(&self, place: &Place, ended: &Traced);

    /// Runs the line once more with nothing in its way, and panics when it fails.
    fn again(&self, place: &Place) -> Traced;
}

/// Somebody on whose computer something happens.
pub(crate) struct Place {
    pub(crate) peer: Peer,
    /// What was there before, and what is not Grove's to touch.
    own: BTreeMap<PathBuf, Files>,
    /// What was there before, and may be replaced.
    pub(crate) before: Files,
}

impl Place {
    pub(crate) fn new(peer: Peer) -> Self {
        Self {
            peer,
            own: BTreeMap::new(),
            before: Files::new(),
        }
    }

    /// Notes what stands at these paths, which nobody may touch.
    pub(crate) fn keep(mut self, paths: &[&str]) -> Self {
        for path in paths {
            self.own
                .insert(path.into(), snapshot(&self.peer.path(path)));
        }
        self
    }

    pub(crate) fn check_own(&self) {
        for (path, before) in &self.own {
            let now = snapshot(&self.peer.path(path));
            assert!(now == *before, "{} was touched", path.display());
        }
    }

    /// A key is there as a whole or not at all, and for its owner alone.
    pub(crate) fn check_identity(&self) -> Option<String> {
        let path = self.peer.home().join("identity");
        let text = fs::read_to_string(&path).ok()?;
        let is_line = |line: &str| line.len() == 64 && line.bytes().all(|b| b.is_ascii_hexdigit());
        let is_key = text.lines().count() == 2 && text.lines().all(is_line);
        assert!(is_key, "half an identity: {text:?}");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        Some(text)
    }

    /// What is left of work that was broken off goes with the next run, or when the cache is cleared.
    pub(crate) fn check_leftovers(&self) {
        let left = |place: &Self| -> Vec<PathBuf> {
            let home = place.peer.home();
            let all = if home.exists() {
                snapshot(&home)
            } else {
                Files::new()
            };
            let paths = all.into_keys().filter(|path| {
                let copies = path.starts_with("cache/copies") && path != Path::new("cache/copies");
                copies || path.extension().is_some_and(|ending| ending == "new")
            });
            paths.collect()
        };
        if !left(self).is_empty() {
            self.peer.grove(&["cache", "clear"]).expect(0);
            let stays = left(self);
            assert!(stays.is_empty(), "these stay for ever: {stays:?}");
        }
    }

    pub(crate) fn watch(&self, reading: bool) -> Watch {
        let dir = self.peer.path("").parent().unwrap().canonicalize().unwrap();
        Watch {
            below: vec![dir],
            reading,
        }
    }
}

/// Copies a file or a tree with everything about it.
pub(crate) fn copy(from: &Path, to: &Path) {
    let mut command = Command::new("cp");
    command
        .args(["-a", "--sparse=always", "-T"])
        .args([from, to]);
    assert!(command.status().unwrap().success());
}

/// Files of all the sizes that are treated in a way of their own, two with the same content, links, and
/// empty folders.
pub(crate) fn reference_tree(top: &Path, large: usize) {
    for size in [0, 1, 16 << 10, (16 << 10) + 1] {
        write(&top.join(format!("sizes/{size}")), &filler(size));
    }
    write(&top.join("large"), &filler(large));
    for name in ["twins/1", "twins/2"] {
        // As much as is worth sharing blocks.
        write(&top.join(name), &filler(3 << 19));
    }
    for number in 0..24 {
        let path = format!("many/{}/{number}", number % 3);
        write(&top.join(path), &filler(50 + 300 * number));
    }
    fs::create_dir_all(top.join("empty/below")).unwrap();
    link(&top.join("link"), "large");
    link(&top.join("many/dangling"), "nothing");
    set_mode(&top.join("sizes/1"), 0o444);
    set_mode(&top.join("empty"), 0o700);
    set_mode(&top.join("many/0"), 0o555);
    set_mtime(&top.join("large"), 1_200_000_000.0);
    set_mtime(top, 1_300_000_000.0);
}
