//! Copies that a share makes: of standard input, and of a tree for `--snapshot`.

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use crate::{
    disk::{Sources, Stop},
    events::Failure,
};

/// Standard input, as a file. Removed when dropped.
#[derive(Debug)]
pub struct Spooled {
    /// Where it is.
    pub path: PathBuf,
}

/// Copies everything from `reader` to a file of mode 0600 named `name` in a fresh folder below `dir`.
pub fn spool(
    dir: &Path,
    name: &str,
    reader: &mut dyn Read,
    progress: &dyn Fn(u64),
    stop: &Stop,
) -> Result<Spooled, Failure> {
    let _ = (dir, name, reader, progress, stop);
    todo!()
}

/// A copy of a tree. Removed when dropped.
#[derive(Debug)]
pub struct Snapshot {
    /// Where it is.
    pub path: PathBuf,
}

/// Copies the files of `sources` below a fresh folder in `dir`, sharing blocks where the file system
/// can, and makes `sources` point to the copies.
pub fn snapshot(
    dir: &Path,
    sources: &mut Sources,
    progress: &(dyn Fn(u64) + Sync),
    stop: &Stop,
) -> Result<Snapshot, Failure> {
    let _ = (dir, sources, progress, stop);
    todo!()
}
