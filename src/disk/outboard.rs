//! The hash trees of large files, one file each, named by the hash.
//!
//! The form is that of iroh-blobs: for each inner node of the tree over 16 KiB chunk groups the two
//! hashes of its children, 64 bytes, in pre-order, without a length in front.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use crate::content::Hash;

/// Smaller files have no stored outboard: theirs is made again from the content when it is needed,
/// which costs less than keeping it.
pub const OUTBOARD_MIN: u64 = 1024 * 1024;

/// A folder of outboards.
#[derive(Debug, Clone)]
pub struct Outboards {
    dir: PathBuf,
}

impl Outboards {
    /// The outboards below `dir`, which is made when the first is stored.
    #[must_use]
    pub fn at(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
        }
    }

    /// Opens the outboard of the content `hash`, or `None` when there is none of the length that
    /// `size` bytes of content need.
    pub fn open(&self, hash: &Hash, size: u64) -> io::Result<Option<File>> {
        let _ = (hash, size, &self.dir);
        todo!()
    }

    /// Length of the outboard of `size` bytes of content.
    #[must_use]
    pub fn length(size: u64) -> u64 {
        size.div_ceil(16 * 1024)
            .max(1)
            .saturating_sub(1)
            .saturating_mul(64)
    }

    /// Removes the outboard of `hash`, say because it is damaged.
    pub fn remove(&self, hash: &Hash) -> io::Result<()> {
        let _ = hash;
        todo!()
    }
}
