//! What an unfinished fetch has so far: `DEST/.grove-partial/<root>/`, on the destination's own file
//! system.
//!
//! | name | what it is |
//! |---|---|
//! | `lock` | held while a fetch is at work here |
//! | `made` | which folders of the share were missing at first, so that they get their modes and times at the end; 4 bytes each, little-endian |
//! | `N.new` | a small file, number N of the share, or a copy, that is being written; worth nothing after a kill |
//! | `N.data` | a large file that is being fetched, in its final form except for the gaps |
//! | `N.tree` | its outboard, as far as it is known |
//! | `N.have` | which parts of it were verified and written, see [`have`] |
//!
//! Names are numbers, so that nothing of a stranger's naming gets in here and no name is too long.
//! A file moves to its final name when it is complete; after the last one the folder is gone.

mod copy;
mod have;
mod part;

use std::{
    fs::{File, TryLockError},
    io::{self, Read as _},
};

use bao_tree::ChunkRanges;

pub use self::{copy::CopyOf, part::PartFile};
use self::{have::Have, part::LargeNames};
use super::{
    Destination, FileStat, Stop, holes,
    sys::{self, Dir},
};
use crate::content::{EntryPath, Hash, Mtime, PARTIAL_DIR};

/// The folder of one unfinished fetch.
#[derive(Debug)]
pub struct Partial {
    dir: Dir,
    holder: Dir,
    name: String,
    _lock: File,
}

/// How a finished file is to look.
#[derive(Debug, Clone, Copy)]
pub struct Finish {
    /// Permission bits; `None` leaves what the umask gave.
    pub mode: Option<u32>,
    /// Modification time; `None` leaves now.
    pub mtime: Option<Mtime>,
    /// Whether a file that is in the way is replaced.
    pub replace: bool,
    /// Whether content is flushed to the disk before it gets its name.
    pub fsync: bool,
}

impl Finish {
    fn apply(&self, file: &File) -> io::Result<()> {
        // Whoever owns a file can read it, whatever the sharer's mode was.
        let mode = self.mode.map(|mode| (mode & 0o777) | 0o400);
        sys::finish_file(file, mode, self.mtime)?;
        if self.fsync { file.sync_all() } else { Ok(()) }
    }
}

impl Partial {
    /// Opens the folder for the share `root` in `destination`, making it when it is missing. What a
    /// kill left half-written is swept.
    ///
    /// # Errors
    /// `ResourceBusy` when another fetch is at work here; those of making and opening.
    pub fn open(destination: &Destination, root: &Hash) -> io::Result<Self> {
        let name = root.to_hex();
        let holder = open_or_make(destination.root(), PARTIAL_DIR.as_bytes())?;
        let dir = open_or_make(&holder, name.as_bytes())?;
        let lock = match dir.create_file(b"lock") {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                dir.open_file(b"lock", true)?
            }
            other => other?,
        };
        match lock.try_lock() {
            // Where the file system knows no locks, two fetches at once are the user's to avoid.
            Ok(()) | Err(TryLockError::Error(_)) => {}
            Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::ResourceBusy.into()),
        }
        for left in dir.names()?.iter().filter(|name| name.ends_with(b".new")) {
            dir.remove_file(left)?;
        }
        Ok(Self {
            dir,
            holder,
            name,
            _lock: lock,
        })
    }

    /// A look at unfinished work of the share `root` in `destination`, if there is any.
    #[must_use]
    pub fn peek(destination: &Destination, root: &Hash) -> Option<Peek> {
        let holder = destination.root().open_dir(PARTIAL_DIR.as_bytes());
        holder
            .and_then(|holder| holder.open_dir(root.to_hex().as_bytes()))
            .ok()
            .map(Peek)
    }

    /// Writes a whole small file under its final name.
    ///
    /// # Errors
    /// `AlreadyExists` when something is in the way; those of writing. Nothing is left behind.
    pub fn write_small(
        &self,
        number: u32,
        content: &[u8],
        destination: &Destination,
        entry: &EntryPath,
        finish: &Finish,
    ) -> io::Result<FileStat> {
        self.write_whole(number, destination, entry, finish, |file| {
            if holes::write_around(file, content, 0, 0)? {
                file.set_len(content.len() as u64)?;
            }
            Ok(true)
        })
        .and_then(|placed| placed.ok_or_else(|| io::ErrorKind::Other.into()))
    }

    /// Writes a whole file under its final name that has the content of `source`: `size` bytes with
    /// this hash. `None`, and nothing is written, when `source` has other content by now. `copied`
    /// hears of bytes as they are copied.
    ///
    /// # Errors
    /// `AlreadyExists` when something is in the way; `Interrupted` when stopped; those of reading
    /// and writing. Nothing is left behind.
    pub fn write_copy(
        &self,
        source: &File,
        about: (&CopyOf<'_>, &Finish),
        destination: &Destination,
        copied: &dyn Fn(u64),
        stop: &Stop,
    ) -> io::Result<Option<FileStat>> {
        let (copy, finish) = about;
        let placed = self.write_whole(copy.number, destination, copy.place, finish, |file| {
            copy::content(source, file, copy.size, copy.hash, copied, stop)
        })?;
        if placed.is_some() {
            // A part of it that an earlier run fetched.
            self.forget_large(copy.number)?;
        }
        Ok(placed)
    }

    /// Writes a file of its own, which gets its final name when `write` says that it is right.
    fn write_whole(
        &self,
        number: u32,
        destination: &Destination,
        entry: &EntryPath,
        finish: &Finish,
        write: impl FnOnce(&File) -> io::Result<bool>,
    ) -> io::Result<Option<FileStat>> {
        let name = format!("{number}.new").into_bytes();
        let file = self.dir.create_file(&name)?;
        let placed = (|| {
            if !write(&file)? {
                return Ok(None);
            }
            finish.apply(&file)?;
            destination.place(&self.dir, &name, entry, finish.replace)?;
            FileStat::of(&file).map(Some)
        })();
        if !matches!(placed, Ok(Some(_))) {
            // The first error is the one to report.
            let _ = self.dir.remove_file(&name);
        }
        placed
    }

    /// Opens or begins a large file.
    ///
    /// # Errors
    /// Those of opening and making.
    pub fn large(&self, number: u32, hash: &Hash, size: u64) -> io::Result<PartFile> {
        let names = LargeNames::new(number);
        let have = have_of(&self.dir, &names, hash, size);
        if have.is_none() {
            // A record that does not fit this data must not come to fit it while it grows.
            self.remove_if_there(&names.have)?;
        }
        let data = self.open_or_create(&names.data)?;
        let tree = self.open_or_create(&names.tree)?;
        if have.is_none() {
            data.set_len(0)?;
            tree.set_len(0)?;
        }
        PartFile::new(data, tree, names, (*hash, size), have.unwrap_or_default())
    }

    /// Which parts of a large file an earlier run has written, in chunks; nothing when it was not
    /// begun.
    #[must_use]
    pub fn have(&self, number: u32, hash: &Hash, size: u64) -> ChunkRanges {
        let have = have_of(&self.dir, &LargeNames::new(number), hash, size);
        have.unwrap_or_default().written
    }

    /// Forgets what was fetched of a large file, which the sharer cannot send any more.
    ///
    /// # Errors
    /// Those of removing.
    pub fn forget_large(&self, number: u32) -> io::Result<()> {
        let names = LargeNames::new(number);
        self.remove_if_there(&names.have)?;
        self.remove_if_there(&names.data)?;
        self.remove_if_there(&names.tree)
    }

    /// Writes down which folders of the share were missing, before they are made.
    ///
    /// # Errors
    /// Those of writing.
    pub fn note_made(&self, numbers: &[u32]) -> io::Result<()> {
        let mut file = self.open_or_create(b"made")?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        // A record that a kill cut short would shift all later ones.
        file.set_len(bytes.len() as u64 / 4 * 4)?;
        let new: Vec<u8> = numbers
            .iter()
            .flat_map(|number| number.to_le_bytes())
            .collect();
        sys::write_all_at(&file, &new, bytes.len() as u64 / 4 * 4)
    }

    /// Which folders were missing when this fetch first began.
    ///
    /// # Errors
    /// Those of reading.
    pub fn made(&self) -> io::Result<Vec<u32>> {
        let mut bytes = Vec::new();
        match self.dir.open_file(b"made", false) {
            Ok(mut file) => file.read_to_end(&mut bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        Ok(bytes
            .as_chunks::<4>()
            .0
            .iter()
            .map(|bytes| u32::from_le_bytes(*bytes))
            .collect())
    }

    /// Moves a large file to its final name and forgets what was kept about it.
    ///
    /// # Errors
    /// `AlreadyExists` when something is in the way; those of moving. What was fetched is kept.
    pub fn place_large(
        &self,
        part: &PartFile,
        destination: &Destination,
        entry: &EntryPath,
        finish: &Finish,
    ) -> io::Result<FileStat> {
        finish.apply(part.data())?;
        part.leave(|name| destination.place(&self.dir, name, entry, finish.replace))?;
        let stat = FileStat::of(part.data())?;
        self.remove_if_there(&part.names().have)?;
        self.remove_if_there(&part.names().tree)?;
        Ok(stat)
    }

    /// Removes the folder with everything in it, after the last file.
    ///
    /// # Errors
    /// Those of removing.
    pub fn remove(&self, destination: &Destination) -> io::Result<()> {
        for name in self.dir.names()? {
            self.dir.remove_file(&name)?;
        }
        self.holder.remove_dir(self.name.as_bytes())?;
        // Another share may have its own folder in there.
        let _ = destination.root().remove_dir(PARTIAL_DIR.as_bytes());
        Ok(())
    }

    /// Removes the folder, unless a large file in it was begun and may be finished another time.
    ///
    /// # Errors
    /// Those of removing.
    pub fn remove_unless_begun(&self, destination: &Destination) -> io::Result<()> {
        if self
            .dir
            .names()?
            .iter()
            .any(|name| name.ends_with(b".have"))
        {
            return Ok(());
        }
        self.remove(destination)
    }

    /// Whether the file system takes names for the same that differ in case or Unicode form only.
    ///
    /// # Errors
    /// Those of trying.
    pub fn folds_names(&self) -> io::Result<bool> {
        let name = "Probe-\u{e9}.new".as_bytes();
        drop(self.dir.create_file(name)?);
        let mut folds = false;
        for other in ["probe-\u{e9}.new", "Probe-e\u{301}.new"] {
            folds |= self.dir.look(other.as_bytes())? != sys::Found::Nothing;
        }
        self.dir.remove_file(name)?;
        Ok(folds)
    }

    fn open_or_create(&self, name: &[u8]) -> io::Result<File> {
        match self.dir.open_file(name, true) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.dir.create_file(name),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                // It was given its final mode, and then a kill came before its final name.
                sys::finish_file(&self.dir.open_file(name, false)?, Some(0o600), None)?;
                self.dir.open_file(name, true)
            }
            other => other,
        }
    }

    fn remove_if_there(&self, name: &[u8]) -> io::Result<()> {
        match self.dir.remove_file(name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Unfinished work, looked at without disturbing a fetch that may be at it.
#[derive(Debug)]
pub struct Peek(Dir);

impl Peek {
    /// The same as [`Partial::have`].
    #[must_use]
    pub fn have(&self, number: u32, hash: &Hash, size: u64) -> ChunkRanges {
        have_of(&self.0, &LargeNames::new(number), hash, size)
            .unwrap_or_default()
            .written
    }
}

/// The record of a large file, if there is one that fits its data.
fn have_of(dir: &Dir, names: &LargeNames, hash: &Hash, size: u64) -> Option<Have> {
    let length = match dir.look(&names.data) {
        Ok(sys::Found::File(stat)) => stat.size,
        _ => return None,
    };
    let mut bytes = Vec::new();
    dir.open_file(&names.have, false)
        .ok()?
        .read_to_end(&mut bytes)
        .ok()?;
    Have::decode(&bytes, hash, size, length)
}

fn open_or_make(parent: &Dir, name: &[u8]) -> io::Result<Dir> {
    match parent.create_dir(name, true) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => parent.open_dir(name),
    }
}

#[cfg(test)]
mod tests;
