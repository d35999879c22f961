//! Remembers the hash of each file of a tree under the state the file had, so that an unchanged
//! tree is not read again.

use std::path::Path;

use crate::{content::Hash, disk::FileStat, events::Failure};

/// The remembered hashes of one tree. Lookups and inserts go through a shared reference and from any
/// thread.
#[derive(Debug)]
pub struct TreeCache {}

/// What is kept in a cache folder.
#[derive(Debug, Clone, Default)]
pub struct CacheInfo {
    /// One row for each remembered tree: its path, files, bytes on disk.
    pub trees: Vec<(std::path::PathBuf, u64, u64)>,
    /// Outboards and the bytes they take.
    pub outboards: (u64, u64),
    /// Copies (`--snapshot`, standard input) that nobody uses, and the bytes they take.
    pub left_behind: (u64, u64),
}

impl TreeCache {
    /// The cache of the tree at `root` (absolute) in the cache folder `dir`. A missing or damaged
    /// cache is an empty one.
    #[must_use]
    pub fn load(dir: &Path, root: &Path) -> Self {
        let _ = (dir, root);
        todo!()
    }

    /// A cache that remembers nothing.
    #[must_use]
    pub fn none() -> Self {
        todo!()
    }

    /// The hash of a file whose state is exactly `stat`.
    #[must_use]
    pub fn get(&self, stat: &FileStat) -> Option<Hash> {
        let _ = stat;
        todo!()
    }

    /// Remembers that a file in the state `stat` has this hash. Ignored when the file was changed so
    /// recently that another change could leave the same time stamps.
    pub fn insert(&self, stat: &FileStat, hash: Hash) {
        let _ = (stat, hash);
        todo!()
    }

    /// Writes what was looked up or inserted since [`TreeCache::load`]; the rest is forgotten.
    pub fn save(&self) -> Result<(), Failure> {
        todo!()
    }
}
