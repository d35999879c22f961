//! The hash trees of large files, one file each, named by the hash.
//!
//! The form is that of iroh-blobs: for each inner node of the tree over 16 KiB chunk groups the two
//! hashes of its children, 64 bytes, in pre-order, without a length in front (bao-tree's
//! `PreOrderOutboard` with a block size of 16 KiB). The outboard of the content `abcd…` is
//! `outboards/ab/abcd….obao4`, four letters of base 16 after the other.
//!
//! An outboard is proven each time it is used, since the content is sent together with its nodes, so
//! nothing here is synced to the disk: a damaged one is removed and made again.
//!
//! One process may clear the folder while others serve from it. So whoever opens or stores an outboard
//! holds a shared lock on `outboards/in-use` from then on, and clearing needs it alone.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use super::{TreeCache, sys};
use crate::{
    content::{Hash, escape},
    events::{Failure, FailureKind},
};

/// Smaller files have no stored outboard: theirs is made again from the content when it is needed,
/// which costs less than keeping it.
pub const OUTBOARD_MIN: u64 = 1024 * 1024;

/// The outboards of a cache folder. As long as it or a clone of it lives, none that was opened or
/// stored through it is cleared away.
#[derive(Debug, Clone)]
pub struct Outboards {
    dir: PathBuf,
    /// Holds the shared lock. `None` inside when the file system has no locks.
    in_use: Arc<OnceLock<Option<File>>>,
}

impl Outboards {
    /// The outboards in the cache folder `dir`, below `dir/outboards`, which is made when the first is
    /// stored.
    #[must_use]
    pub fn at(dir: &Path) -> Self {
        Self {
            dir: dir.join("outboards"),
            in_use: Arc::default(),
        }
    }

    /// Opens the outboard of the content `hash`, or `None` when there is none of the length that
    /// `size` bytes of content need.
    pub fn open(&self, hash: &Hash, size: u64) -> io::Result<Option<File>> {
        let path = self.path(hash);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        self.hold();
        let fits = file.metadata()?.len() == Self::length(size);
        Ok(fits.then_some(file))
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
        sys::remove_if_there(&self.path(hash))
    }

    /// Forgets the remembered hashes of the tree at `root`, which are kept in the same cache folder.
    ///
    /// # Errors
    /// Those of removing.
    pub fn forget_tree(&self, root: &Path) -> io::Result<()> {
        let cache = self.dir.parent().unwrap_or(&self.dir);
        TreeCache::forget(cache, root)
    }

    /// Moves the file at `from` to where the outboard of `hash` belongs, for tests that make outboards
    /// of their own.
    #[cfg(test)]
    pub(super) fn adopt(&self, hash: &Hash, from: &Path) -> io::Result<()> {
        let path = self.path(hash);
        self.make_room(&path)?;
        fs::rename(from, &path)
    }

    /// Where the outboard of `hash` is, or would be.
    #[must_use]
    pub fn path(&self, hash: &Hash) -> PathBuf {
        let hex = hash.to_hex();
        self.dir.join(&hex[..2]).join(format!("{hex}.obao4"))
    }

    /// Starts an outboard of content whose hash is not known yet.
    pub(super) fn create(&self) -> io::Result<NewOutboard<'_>> {
        sys::create_private_dir(&self.dir)?;
        self.hold();
        let path = self.dir.join(format!("{}.new", sys::unique()));
        Ok(NewOutboard {
            outboards: self,
            file: sys::create_private(&path)?,
            path: Some(path),
        })
    }

    /// What to tell when an outboard cannot be written.
    pub(super) fn failure(&self, error: &io::Error) -> Failure {
        let dir = self.dir.to_string_lossy();
        let message = format!(
            "cannot write to the cache {}: {}",
            escape(&dir),
            sys::reason(error)
        );
        Failure::new(FailureKind::LocalDisk, message)
            .hint("make room there, run `grove cache clear`, or keep Grove's files elsewhere with GROVE_HOME")
    }

    fn make_room(&self, path: &Path) -> io::Result<()> {
        sys::create_private_dir(path.parent().unwrap_or(&self.dir))?;
        self.hold();
        Ok(())
    }

    /// Keeps others from clearing the folder. It waits for one that is at it.
    fn hold(&self) {
        self.in_use.get_or_init(|| {
            let file = open_lock(&self.dir).ok()?;
            file.lock_shared().ok()?;
            Some(file)
        });
    }
}

/// The file whose lock says that outboards are in use.
fn open_lock(dir: &Path) -> io::Result<File> {
    let path = dir.join("in-use");
    match sys::create_private(&path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            OpenOptions::new().read(true).write(true).open(path)
        }
        other => other,
    }
}

/// The outboards and their bytes below the cache folder `dir`. With `remove`, those that no living
/// process uses are removed, and only they are counted.
pub(super) fn sweep(dir: &Path, remove: bool) -> io::Result<(u64, u64)> {
    let dir = dir.join("outboards");
    if !dir.is_dir() {
        return Ok((0, 0));
    }
    if dir.join("in-use").is_dir() && remove {
        // Nobody can lock that.
        sys::clear_away(&dir.join("in-use"))?;
    }
    let lock = if remove { Some(open_lock(&dir)?) } else { None };
    if lock.as_ref().is_some_and(|lock| lock.try_lock().is_err()) {
        return Ok((0, 0));
    }
    let mut count = 0;
    let mut bytes = 0;
    for entry in fs::read_dir(&dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            for outboard in fs::read_dir(entry.path())? {
                let outboard = outboard?;
                count += 1;
                bytes += outboard.metadata()?.len();
                if remove {
                    sys::clear_away(&outboard.path())?;
                }
            }
        } else if entry.path().extension().is_some_and(|e| e == "new") && remove {
            // With the lock held, nobody is making one: a kill left it.
            bytes += entry.metadata()?.len();
            sys::remove_if_there(&entry.path())?;
        }
    }
    Ok((count, bytes))
}

/// An outboard that is being made. Removed when it is dropped before it is stored.
#[derive(Debug)]
pub(super) struct NewOutboard<'a> {
    outboards: &'a Outboards,
    file: File,
    /// `None` once it is stored.
    path: Option<PathBuf>,
}

impl NewOutboard<'_> {
    /// Where its nodes go.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Gives it its name.
    pub(super) fn store(mut self, hash: &Hash) -> io::Result<()> {
        let target = self.outboards.path(hash);
        self.outboards.make_room(&target)?;
        if let Some(path) = &self.path {
            fs::rename(path, target)?;
            self.path = None;
        }
        Ok(())
    }
}

impl Drop for NewOutboard<'_> {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // What stays is removed by the next sweep.
            let _ = fs::remove_file(path);
        }
    }
}
