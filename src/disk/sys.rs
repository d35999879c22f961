//! Everything that differs between systems, in one place.

use std::{fs::File, io, path::Path};

use crate::content::Mtime;

/// What identifies one state of a file: when all of it is the same, so is the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileStat {
    /// The device it is on.
    pub dev: u64,
    /// Its inode number there.
    pub ino: u64,
    /// Its size in bytes.
    pub size: u64,
    /// When its content was last changed.
    pub mtime: Mtime,
    /// When anything about it was last changed (on systems without, the same as `mtime`).
    pub ctime: Mtime,
    /// Permission bits, at most `0o7777`.
    pub mode: u32,
}

impl FileStat {
    /// Of an open file.
    pub fn of(file: &File) -> io::Result<Self> {
        let _ = file;
        todo!()
    }
}

/// Opens the regular file at `relative` beneath the folder `root` for reading, following no link on
/// the way and not blocking on a FIFO.
pub(crate) fn open_beneath(root: &Path, relative: &Path) -> io::Result<File> {
    let _ = (root, relative);
    todo!()
}
