//! Names that programs act on by themselves.

use std::{collections::BTreeSet, path::Path};

use crate::{
    content::{EntryPath, Manifest, escape_bytes, fold_component, shorten},
    transfer::fetch::Only,
};

/// How many names a question lists.
const NAMED: usize = 10;

/// Names in the home folder that are not hidden, but run, searched or read all the same: folders
/// for programs, and what desktops and `make` take for theirs.
const ACTED_ON: [&str; 6] = [
    "bin",
    "library",
    "appdata",
    "makefile",
    "gnumakefile",
    "start menu",
];

/// Names (escaped) among what was chosen that programs act on when they are at the top of the home
/// folder, wherever above it the destination is.
pub(super) fn risky_names(manifest: &Manifest, only: &Only, path: &Path) -> Vec<String> {
    let home = crate::profile::home_folder().and_then(|home| home.canonicalize().ok());
    let here = path.canonicalize().ok();
    let (Some(home), Some(here)) = (home, here) else {
        return Vec::new();
    };
    let Ok(way) = home.strip_prefix(&here) else {
        return Vec::new();
    };
    let way: Vec<Vec<u8>> = way
        .components()
        .map(|name| fold_component(name.as_os_str().as_encoded_bytes()))
        .collect();
    let mut names = BTreeSet::new();
    for path in manifest.paths() {
        if let Some(name) = risky(path, &way)
            && only.matches(path)
        {
            names.insert(name);
        }
    }
    let more = names.len().saturating_sub(NAMED);
    let named = names.into_iter().take(NAMED);
    let mut named: Vec<String> = named
        .map(|name| shorten(&escape_bytes(name), 60).into_owned())
        .collect();
    if more > 0 {
        named.push(format!("{more} more"));
    }
    named
}

/// The name in the home folder that `path` has at the end of `way`, if it is one of those.
fn risky<'a>(path: &'a EntryPath, way: &[Vec<u8>]) -> Option<&'a [u8]> {
    let mut components = path.components();
    for name in way {
        // As a file system may see it that ignores case: rather a question too much.
        if fold_component(components.next()?) != *name {
            return None;
        }
    }
    let name = components.next()?;
    let folded = fold_component(name);
    let is_launcher = |name: &[u8]| fold_component(name).ends_with(b".desktop");
    let on_desktop = folded == b"desktop" && components.next().is_some_and(is_launcher);
    let acted_on = ACTED_ON.iter().any(|other| folded == other.as_bytes());
    (folded.starts_with(b".") || acted_on || is_launcher(name) || on_desktop).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_acted_on_in_a_home_folder() {
        for (path, way, is) in [
            (".bashrc", "", true),
            (".ssh/authorized_keys", "", true),
            ("\u{200c}.bashrc", "", true),
            ("bin/ls", "", true),
            ("Makefile", "", true),
            ("evil.desktop", "", true),
            ("Desktop/evil.desktop", "", true),
            ("Desktop/photo.jpg", "", false),
            ("photos/.hidden", "", false),
            ("photos/bin/x", "", false),
            ("alice/.bashrc", "alice", true),
            ("home/Alice/.bashrc", "home/alice", true),
            ("bob/.bashrc", "alice", false),
            (".bashrc", "alice", false),
            ("alice", "alice", false),
        ] {
            let way = way.split('/').filter(|name| !name.is_empty());
            let way: Vec<Vec<u8>> = way.map(|name| fold_component(name.as_bytes())).collect();
            let entry = EntryPath::parse(path.as_bytes()).unwrap();
            assert_eq!(risky(&entry, &way).is_some(), is, "{path}");
        }
    }
}
