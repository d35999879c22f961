//! A lock that a process holds by having a file open, so that it ends with the process, however
//! that ends.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
};

use super::{FileStat, create_private, platform};

/// A file that is locked for this process alone. The lock ends when this is dropped or the process
/// ends; the file stays, unless [`LockFile::remove`] is called.
#[derive(Debug)]
pub struct LockFile {
    file: File,
    path: PathBuf,
}

impl LockFile {
    /// Locks the file at `path`, which is created (private) when it is missing. `None` when it is
    /// locked already, by another process or by this one. Never waits.
    ///
    /// # Errors
    /// Those of creating or opening the file, and of locking: not every network file system can.
    pub fn acquire(path: &Path) -> io::Result<Option<Self>> {
        loop {
            let file = match create_private(path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    let mut options = OpenOptions::new();
                    options.read(true).write(true);
                    platform::refuse_links(&mut options);
                    match options.open(path) {
                        Ok(file) => file,
                        Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                        Err(error) => return Err(error),
                    }
                }
                Err(error) => return Err(error),
            };
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
            // Between opening and locking, the holder before us may have removed the file: then we
            // hold a file without a name, and the next one to come would lock another.
            if is_at(&file, path)? {
                return Ok(Some(Self {
                    file,
                    path: path.to_owned(),
                }));
            }
        }
    }

    /// The locked file. What it holds is up to the owner of the lock.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the file, then unlocks it.
    pub fn remove(self) -> io::Result<()> {
        super::remove_if_there(&self.path)
    }
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    match FileStat::at(path) {
        // Without inode numbers, a name is the best that can be asked for.
        Ok(stat) => Ok(stat.ino == 0 || stat.is_same_file(&FileStat::of(file)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
