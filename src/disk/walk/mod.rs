//! Lists what a share holds.
//!
//! Each path that the user named becomes a root with a name of its own (`roots`). The threads of the
//! walk each collect what they see (`visit`); afterwards their lists are joined and sorted, so that the
//! same tree always gives the same list. What has a name that cannot be in a share, or is more than a
//! share may hold, ends the walk: better before a ticket than half-way through a fetch. What cannot be
//! read or is no file is listed instead, for the caller to decide.

mod own;
mod patterns;
mod roots;
mod visit;

#[cfg(any(test, fuzzing))]
pub(crate) use self::patterns::exclude;
use std::{
    collections::BTreeSet,
    fs::File,
    io,
    path::{Path, PathBuf},
};

use rayon::slice::ParallelSliceMut;

use self::own::Own;
use super::{FileStat, Stop, sys};
use crate::{
    content::{DirEntry, EntryPath, Limits, LinkEntry},
    events::Failure,
};

/// What to leave out of a walk.
#[derive(Debug, Clone, Default)]
pub struct WalkOptions {
    /// Patterns as in a `.gitignore` file; what matches is left out.
    pub exclude: Vec<String>,
    /// Whether `.gitignore` files count. `.groveignore` files always do.
    pub gitignore: bool,
    /// Folders of Grove itself: they are passed over, wherever they turn up, and neither they nor anything in
    /// them can be shared, however it is named.
    pub own: Vec<PathBuf>,
    /// Says of a folder whether it looks like one of Grove's that is not among `own`. It is left out, which is
    /// told, and cannot be shared, either.
    pub own_too: Option<fn(&Path) -> bool>,
}

/// One path that the user named.
#[derive(Debug, Clone)]
pub struct SourceRoot {
    /// The first component of the paths of its entries.
    pub name: EntryPath,
    /// Where it is, absolute, without links.
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
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// Folders, sorted by path.
    pub dirs: Vec<DirEntry>,
    /// Symbolic links, sorted by path.
    pub links: Vec<LinkEntry>,
    /// FIFOs, sockets, devices and the like: things that cannot be shared.
    pub left_out: Vec<LeftOut>,
    /// Files and folders that could not be read.
    pub unreadable: Vec<LeftOut>,
}

impl SourceFile {
    /// Where it is beneath the folder that its root is, or, when the root is a single file, beneath the
    /// folder of that file.
    pub(super) fn relative<'a>(&'a self, root: &'a SourceRoot) -> io::Result<&'a Path> {
        if root.is_file {
            let name = root.path.file_name().ok_or(io::ErrorKind::NotFound)?;
            return Ok(name.as_ref());
        }
        let bytes = self.path.as_bytes();
        let prefix = root.name.as_bytes().len() + 1;
        sys::path_of(bytes.get(prefix..).unwrap_or_default())
    }
}

impl SourceRoot {
    /// The folder that its files are opened beneath.
    pub(super) fn folder(&self) -> &Path {
        if self.is_file {
            // An absolute path of a file has a parent.
            self.path.parent().unwrap_or(&self.path)
        } else {
            &self.path
        }
    }
}

impl Sources {
    /// Opens a file for reading, following no link below its root.
    ///
    /// # Errors
    /// `NotFound` when it is gone, `InvalidInput` when something else than a file is there now; those of
    /// opening.
    pub fn open(&self, file: &SourceFile) -> io::Result<File> {
        let root = self.roots.get(file.root as usize);
        let root = root.ok_or(io::ErrorKind::NotFound)?;
        sys::open_beneath(root.folder(), file.relative(root)?)
    }

    /// Moves files that turned out unreadable, given by index and with the reason, out of the list.
    /// Returns the indexes.
    pub(super) fn set_aside(&mut self, mut unreadable: Vec<(usize, String)>) -> BTreeSet<usize> {
        let gone = unreadable
            .iter()
            .map(|(index, _)| *index)
            .collect::<BTreeSet<_>>();
        unreadable.sort_unstable();
        for (index, why) in unreadable {
            let path = self.files[index].path.to_string();
            self.unreadable.push(LeftOut { path, why });
        }
        let mut index = 0..;
        self.files
            .retain(|_| !index.next().is_some_and(|index| gone.contains(&index)));
        gone
    }
}

/// Walks `paths` on all cores. `found` is called at most every 50 ms, from any thread, with the files
/// and bytes found so far, and once at the end.
///
/// # Errors
/// `Usage` when a path does not exist or is of Grove itself, two have the same name, or a pattern is wrong; `LocalDisk` when
/// a path cannot be looked at; `Interrupted` when stopped; `Failed` when a name cannot be in a share, or
/// `limits` are exceeded.
pub fn walk(
    paths: &[PathBuf],
    options: &WalkOptions,
    limits: &Limits,
    found: &(dyn Fn(u64, u64) + Sync),
    stop: &Stop,
) -> Result<Sources, Failure> {
    let own = Own::of(options)?;
    let roots = roots::resolve(paths, &own)?;
    let mut finds = visit::visit(&roots, options, &own, limits, found, stop)?;
    if finds.interrupted {
        // Network file systems let signals interrupt listing, and the walker does not try again.
        finds = visit::visit(&roots, options, &own, limits, found, stop)?;
    }
    finds.check()?;
    let mut sources = finds.sources;
    sources.roots = roots;
    sources
        .files
        .par_sort_unstable_by(|a, b| a.path.cmp(&b.path));
    sources.dirs.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    sources.links.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    sources
        .left_out
        .sort_unstable_by(|a, b| a.path.cmp(&b.path));
    sources
        .unreadable
        .sort_unstable_by(|a, b| a.path.cmp(&b.path));
    // A folder that cannot be looked at cannot be listed, either; that is one thing to tell.
    sources.unreadable.dedup_by(|a, b| a.path == b.path);
    drop_unreadable_dirs(&mut sources);
    Ok(sources)
}

/// Folders that could not be listed are not shared as empty ones.
fn drop_unreadable_dirs(sources: &mut Sources) {
    if sources.unreadable.is_empty() {
        return;
    }
    let unreadable: BTreeSet<&str> = sources.unreadable.iter().map(|one| &*one.path).collect();
    sources
        .dirs
        .retain(|dir| !unreadable.contains(&*dir.path.to_string()));
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
