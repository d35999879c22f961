//! What is of Grove itself, secrets among it, and therefore never shared.
//!
//! Folders are known by their path without links and by device and inode, so that no other spelling, no link and
//! no mount of the same folder elsewhere leads around that. What somebody copied or linked (by a hard link)
//! out of them is a file like any other. Nothing here can fail: a folder that cannot be looked at cannot be
//! shared, either.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{FileStat, WalkOptions};

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
    pub(super) fn of(options: &WalkOptions) -> Self {
        let known = |path: &PathBuf| {
            let real = fs::canonicalize(path).ok()?;
            let stat = FileStat::at(&real).ok()?;
            Some((real, stat))
        };
        Self {
            folders: options.own.iter().filter_map(known).collect(),
            also: options.own_too,
        }
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
