//! What a fetch made before anything came, and taking it back when nothing did.
//!
//! A sharer who is refused, or goes away before the first byte, leaves no trace: neither empty
//! folders nor the folder for unfinished work. Only folders that are empty are ever removed.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use super::before::Prepared;
use crate::{
    content::{EntryPath, Manifest},
    disk::{Destination, Found, Place},
    transfer::fetch::Plan,
};

/// Folders that were not there before.
pub(super) struct Made {
    /// The destination, as it was named, and the uppermost folder of its path that was made.
    path: PathBuf,
    top: Option<PathBuf>,
    /// Whether no earlier run has begun with the share here.
    is_new: bool,
    /// Folders of the share that no entry of it names.
    implied: BTreeSet<EntryPath>,
}

impl Made {
    pub(super) fn new(path: &Path, top: Option<PathBuf>, is_new: bool) -> Self {
        Self {
            path: path.to_owned(),
            top,
            is_new,
            implied: BTreeSet::new(),
        }
    }

    /// Notes which folders will be made although they are not listed. No list of ours has any.
    pub(super) fn note_implied(
        &mut self,
        manifest: &Manifest,
        plan: &Plan,
        destination: &Destination,
    ) {
        let is_listed = |path: &EntryPath| {
            let found = manifest.dirs.binary_search_by(|dir| dir.path.cmp(path));
            found.is_ok()
        };
        for number in &plan.missing_dirs {
            let dir = manifest.dirs.get(*number as usize);
            let mut above = dir.and_then(|dir| dir.path.parent());
            // What is above a folder that was noted already was noted with it.
            while let Some(path) =
                above.filter(|path| !is_listed(path) && !self.implied.contains(path))
            {
                let place = destination.look(&path);
                if !matches!(place, Ok(Place::Is(Found::Nothing))) {
                    break;
                }
                above = path.parent();
                self.implied.insert(path);
            }
        }
    }
}

impl Prepared {
    /// Removes what was made for a fetch of which nothing came, as well as it goes.
    pub(super) fn take_back(&self, manifest: &Manifest, plan: &Plan) {
        let made = &self.made;
        if !made.is_new || self.partial.is_begun() {
            return;
        }
        let listed = plan.missing_dirs.iter();
        let listed = listed.filter_map(|number| manifest.dirs.get(*number as usize));
        let mut folders: Vec<&EntryPath> = listed.map(|dir| &dir.path).collect();
        folders.extend(&made.implied);
        // What is below a folder comes behind it.
        folders.sort_unstable();
        let mut is_left = false;
        for folder in folders.into_iter().rev() {
            let removed = self.destination.remove_dir(folder);
            is_left |= removed.is_err_and(|error| error.kind() != io::ErrorKind::NotFound);
        }
        if is_left {
            // Something is in it: what somebody else put there meanwhile, or what got its name just before
            // this failed. The next run has to know that the folder is still without its mode and time.
            return;
        }
        if let Err(error) = self.partial.remove(&self.destination) {
            tracing::debug!(%error, "the folder for unfinished work is left");
        }
        let Some(top) = &made.top else { return };
        for folder in made.path.ancestors() {
            if fs::remove_dir(folder).is_err() || folder == top {
                break;
            }
        }
    }
}
