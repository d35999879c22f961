//! Lists what a share holds.

use std::{fs::File, io, path::PathBuf};

use crate::{
    content::{DirEntry, EntryPath, Limits, LinkEntry},
    disk::{FileStat, Stop},
    events::Failure,
};

/// What to leave out of a walk.
#[derive(Debug, Clone, Default)]
pub struct WalkOptions {
    /// Patterns as in a `.gitignore` file; what matches is left out.
    pub exclude: Vec<String>,
    /// Whether `.gitignore` files count. `.groveignore` files always do.
    pub gitignore: bool,
}

/// One path that the user named.
#[derive(Debug, Clone)]
pub struct SourceRoot {
    /// The first component of the paths of its entries.
    pub name: EntryPath,
    /// Where it is, absolute.
    pub path: PathBuf,
    /// Whether it is a single file.
    pub is_file: bool,
}

/// A file to share.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Its path within the share, the root's name first.
    pub path: EntryPath,
    /// Which of [`Sources::roots`] it is below.
    pub root: u32,
    /// Its state when it was found.
    pub stat: FileStat,
}

/// An entry that is not shared, and why.
#[derive(Debug, Clone)]
pub struct LeftOut {
    /// Where it is, escaped.
    pub path: String,
    /// One phrase: "a socket", "permission denied".
    pub why: String,
}

/// What a walk found.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The paths that the user named.
    pub roots: Vec<SourceRoot>,
    /// Files, sorted by path.
    pub files: Vec<SourceFile>,
    /// Folders.
    pub dirs: Vec<DirEntry>,
    /// Symbolic links.
    pub links: Vec<LinkEntry>,
    /// FIFOs, sockets, devices: things that cannot be shared.
    pub left_out: Vec<LeftOut>,
    /// Files and folders that could not be read.
    pub unreadable: Vec<LeftOut>,
}

impl Sources {
    /// Opens a file for reading, following no link below its root.
    pub fn open(&self, file: &SourceFile) -> io::Result<File> {
        let _ = file;
        todo!()
    }
}

/// Walks `paths` on all cores. `found` is called now and then with the files and bytes found so far.
///
/// # Errors
/// `Usage` when a path does not exist, two have the same name, or a pattern is wrong; `Interrupted`
/// when stopped; `Failed` when `limits` are exceeded.
pub fn walk(
    paths: &[PathBuf],
    options: &WalkOptions,
    limits: &Limits,
    found: &(dyn Fn(u64, u64) + Sync),
    stop: &Stop,
) -> Result<Sources, Failure> {
    let _ = (paths, options, limits, found, stop);
    todo!()
}
