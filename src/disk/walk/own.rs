//! What is of Grove itself, secrets among it, and therefore never shared.
//!
//! Folders are known by their path without links and by device and inode, so that no other spelling, no link and
//! no mount of the same folder elsewhere leads around that. What somebody copied or linked (by a hard link)
//! out of them is a file like any other. A folder of Grove that is there and cannot be looked at ends the walk,
//! since it would not be known again.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    FileStat, WalkOptions,
    roots::{is_missing, unusable},
};
use crate::events::Failure;

/// The folders of Grove itself.
#[derive(Debug)]
pub(super) struct Own {
    folders: Vec<(PathBuf, FileStat)>,
    also: Option<fn(&Path) -> bool>,
}

/// Why a folder is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Because {
    /// It is known to be.
    Known,
    /// What is in it looks so.
    Looks,
}

impl Own {
    /// Looks at what is there.
    ///
    /// # Errors
    /// `LocalDisk` when one of the folders cannot be looked at.
    pub(super) fn of(options: &WalkOptions) -> Result<Self, Failure> {
        let mut folders = Vec::new();
        for path in &options.own {
            let found = fs::canonicalize(path);
            match found.and_then(|real| FileStat::at(&real).map(|stat| (real, stat))) {
                Ok(found) => folders.push(found),
                Err(error) if is_missing(&error) => {}
                Err(error) => return Err(unusable(path, &error)),
            }
        }
        Ok(Self {
            folders,
            also: options.own_too,
        })
    }

    /// Whether the folder at `path`, which has no link in it, is one of these.
    pub(super) fn is(&self, path: &Path, stat: &FileStat) -> Option<Because> {
        let mut folders = self.folders.iter();
        if folders.any(|(own, known)| own == path || known.is_same_file(stat)) {
            return Some(Because::Known);
        }
        let looks = self.also.is_some_and(|looks| looks(path));
        looks.then_some(Because::Looks)
    }

    /// Whether what is at `path`, which has no link in it, is one of these or within one.
    pub(super) fn holds(&self, path: &Path) -> bool {
        path.ancestors().any(|path| {
            let found = fs::symlink_metadata(path).ok();
            let folder = found.filter(fs::Metadata::is_dir);
            folder.is_some_and(|found| {
                let stat = FileStat::from_metadata(&found);
                self.is(path, &stat).is_some()
            })
        })
    }
}
