//! What an unfinished fetch has so far: `DEST/.grove-partial/<root>/`, on the destination's own file
//! system.
//!
//! | name | what it is |
//! |---|---|
//! | `lock` | locked while a fetch is at work here; see [`held`] |
//! | `held` | there while a fetch is at work and nothing can be locked |
//! | `made` | which folders of the share were missing at first, so that they get their modes and times at the end; 4 bytes each, little-endian |
//! | `N.new` | a small file, number N of the share, that is being written; worth nothing after a kill |
//! | `N.data` | a large file that is being fetched, in its final form except for the gaps |
//! | `N.tree` | its outboard, as far as it is known |
//! | `N.have` | which parts of it were verified and written, see [`have`] |
//!
//! Names are numbers, so that nothing of a stranger's naming gets in here and no name is too long.
//! A file moves to its final name when it is complete; after the last one the folder is gone.

mod have;
mod held;
mod part;

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
};

use bao_tree::ChunkRanges;

use self::{have::Have, held::Held};
pub use self::{held::Unlockable, part::PartFile};
use super::{
    Destination, FileStat,
    sys::{self, Dir},
};
use crate::content::{EntryPath, Hash, Mtime, PARTIAL_DIR};

/// The folder of one unfinished fetch.
#[derive(Debug)]
pub struct Partial {
    dir: Dir,
    holder: Dir,
    name: String,
    held: Held,
}

/// How often a folder that vanishes is made again before that counts as an error.
const TRIES: u32 = 100;

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
    /// `ResourceBusy` when another fetch is at work here, with [`Unlockable`] in it where that may also
    /// be what a kill left; those of making and opening.
    pub fn open(destination: &Destination, root: &Hash) -> io::Result<Self> {
        let mut tries = 0;
        let opened = loop {
            match Self::open_once(destination, root) {
                // Whoever had it before is just removing it.
                Err(error) if error.kind() == io::ErrorKind::NotFound && tries < TRIES => {
                    tries += 1;
                }
                other => break other?,
            }
        };
        let dir = &opened.dir;
        for left in dir.names()?.iter().filter(|name| name.ends_with(b".new")) {
            dir.remove_file(left)?;
        }
        Ok(opened)
    }

    fn open_once(destination: &Destination, root: &Hash) -> io::Result<Self> {
        let name = root.to_hex();
        let holder = open_or_make(destination.root(), PARTIAL_DIR.as_bytes())?;
        let dir = open_or_make(&holder, name.as_bytes())?;
        let held = Held::take(&dir, || holder.open_dir(name.as_bytes()))?;
        Ok(Self {
            dir,
            holder,
            name,
            held,
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
        let name = format!("{number}.new").into_bytes();
        let mut file = self.dir.create_file(&name)?;
        let placed = (|| {
            file.write_all(content)?;
            finish.apply(&file)?;
            destination.place(&self.dir, &name, entry, finish.replace)?;
            FileStat::of(&file)
        })();
        if placed.is_err() {
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
        Ok(PartFile::new(
            data,
            tree,
            names,
            (*hash, size),
            have.unwrap_or_default(),
        ))
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
        for name in self.dir.names()?.iter().filter(|name| !Held::is_by(name)) {
            self.remove_if_there(name)?;
        }
        self.held.let_go(&self.dir)?;
        match self.holder.remove_dir(self.name.as_bytes()) {
            Err(error) if is_in_use(&error) => return Ok(()),
            other => other?,
        }
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

    /// Whether the file system takes names for the same that differ in case, Unicode form, characters
    /// that do not show, or dots and spaces at the end.
    ///
    /// # Errors
    /// Those of trying.
    pub fn folds_names(&self) -> io::Result<bool> {
        let others = ["Probe.new.", "Probe.new ", "probe.NEW"];
        if self.is_one_of("Probe.new", &others)? {
            return Ok(true);
        }
        let others = [
            "Probe-e\u{301}.new",
            "probe-\u{c9}.new",
            "Probe-\u{200d}\u{e9}.new",
        ];
        // A file system that knows ASCII only has refused what is not by now.
        Ok(self.is_one_of("Probe-\u{e9}.new", &others).unwrap_or(false))
    }

    /// Whether a file `name`, which is made and removed, is found by any of the `others`.
    fn is_one_of(&self, name: &str, others: &[&str]) -> io::Result<bool> {
        drop(self.dir.create_file(name.as_bytes())?);
        // A name that cannot be looked for is not the same.
        let found = others.iter().any(|other| {
            let found = self.dir.look(other.as_bytes());
            found.is_ok_and(|found| found != sys::Found::Nothing)
        });
        self.dir.remove_file(name.as_bytes())?;
        Ok(found)
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

/// Whether a folder could not be removed because somebody has put something into it, or has taken it
/// away.
fn is_in_use(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(error.kind(), Kind::DirectoryNotEmpty | Kind::NotFound)
}

fn open_or_make(parent: &Dir, name: &[u8]) -> io::Result<Dir> {
    match parent.create_dir(name, true) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => parent.open_dir(name),
    }
}

#[derive(Debug)]
struct LargeNames {
    data: Vec<u8>,
    tree: Vec<u8>,
    have: Vec<u8>,
}

impl LargeNames {
    fn new(number: u32) -> Self {
        let name = |ending| format!("{number}.{ending}").into_bytes();
        Self {
            data: name("data"),
            tree: name("tree"),
            have: name("have"),
        }
    }
}

#[cfg(test)]
mod tests;
