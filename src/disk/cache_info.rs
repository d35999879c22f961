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
    /// Lists of what shares hold, kept from fetches, and the bytes they take.
    pub manifests: (u64, u64),
    /// Copies (`--snapshot`, standard input) that nobody uses, and the bytes they take.
    pub left_behind: (u64, u64),
}

/// Looks at what is in the cache folder `dir`; nothing, when there is none.
///
/// # Errors
/// Those of reading the folder.
pub fn cache_info(dir: &Path) -> io::Result<CacheInfo> {
    let mut trees = Vec::new();
    for path in files_in(&dir.join("trees"))?.0 {
        trees.extend(tree_cache::describe(&path)?);
    }
    trees.sort_unstable();
    Ok(CacheInfo {
        trees,
        outboards: outboard::sweep(dir, false)?,
        manifests: files_in(&dir.join("manifests"))?.1,
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
    for folder in ["trees", "manifests"] {
        let (files, (_, bytes)) = files_in(&dir.join(folder))?;
        files.iter().try_for_each(|path| sys::clear_away(path))?;
        freed += bytes;
    }
    let (_, outboards) = outboard::sweep(dir, true)?;
    let (_, copies) = spool::sweep(dir, true)?;
    Ok(freed + outboards + copies)
}

/// The files in a folder, also unfinished ones that a kill left, how many there are and the bytes they
/// take.
fn files_in(dir: &Path) -> io::Result<(Vec<PathBuf>, (u64, u64))> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), (0, 0))),
        entries => entries?,
    };
    let mut files = Vec::new();
    let mut bytes = 0;
    for entry in entries {
        let path = entry?.path();
        bytes += fs::symlink_metadata(&path).map_or(0, |metadata| metadata.len());
        files.push(path);
    }
    let count = files.len() as u64;
    Ok((files, (count, bytes)))
}
