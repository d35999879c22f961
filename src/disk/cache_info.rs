//! What is kept in a cache folder, and how to get rid of it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{outboard, spool, sys, tree_cache};

/// What is kept in a cache folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CacheInfo {
    /// One row for each remembered tree: its path, files, bytes on disk.
    pub trees: Vec<(PathBuf, u64, u64)>,
    /// Outboards and the bytes they take.
    pub outboards: (u64, u64),
    /// Copies (`--snapshot`, standard input) that nobody uses, and the bytes they take.
    pub left_behind: (u64, u64),
}

/// Looks at what is in the cache folder `dir`; nothing, when there is none.
///
/// # Errors
/// Those of reading the folder.
pub fn cache_info(dir: &Path) -> io::Result<CacheInfo> {
    let mut trees = Vec::new();
    for path in tree_files(dir)? {
        trees.extend(tree_cache::describe(&path)?);
    }
    trees.sort_unstable();
    Ok(CacheInfo {
        trees,
        outboards: outboard::sweep(dir, false)?,
        left_behind: spool::sweep(dir, false)?,
    })
}

/// Removes everything in the cache folder `dir` that no living process uses, and returns the bytes that
/// this freed. What somebody uses stays: copies that are being shared, and all outboards as long as
/// there is anybody who serves from them.
///
/// # Errors
/// Those of reading the folder and of removing.
pub fn clear_cache(dir: &Path) -> io::Result<u64> {
    let mut freed = 0;
    for path in tree_files(dir)? {
        let bytes = fs::symlink_metadata(&path).map_or(0, |metadata| metadata.len());
        sys::remove_if_there(&path)?;
        freed += bytes;
    }
    let (_, outboards) = outboard::sweep(dir, true)?;
    let (_, copies) = spool::sweep(dir, true)?;
    Ok(freed + outboards + copies)
}

/// The files of remembered trees, and unfinished ones that a kill left.
fn tree_files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(dir.join("trees")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries?.map(|entry| Ok(entry?.path())).collect(),
    }
}
