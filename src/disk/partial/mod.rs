//! What an unfinished fetch has so far: `DEST/.grove-partial/<root>/`, on the destination's own file
//! system.
//!
//! | name | what it is |
//! |---|---|
//! | `lock` | locked while a fetch is at work here; see [`held`] |
//! | `held` | there while a fetch is at work and nothing can be locked |
//! | `sound` | there until a sync fails; see [`sound`] |
//! | `placing` | which small files a fetch set out to place where nothing was, or something to be replaced |
//! | `made` | which folders of the share were missing at first, so that they get their modes and times at the end; see [`lists`] |
//! | `N.new` | a small file, number N of the share, or a copy, that is being written; worth nothing after a kill |
//! | `link.new` | a link that is being made |
//! | `N.data` | a large file that is being fetched, in its final form except for the gaps |
//! | `N.tree` | its outboard, as far as it is known |
//! | `N.have` | which parts of it were verified and written, see [`have`]; synced |
//! | `N.more` | the same, newer and not synced; `N.have` counts when a power cut damaged it |
//!
//! Names are numbers, so that nothing of a stranger's naming gets in here and no name is too long.
//! A file moves to its final name when it is complete; after the last one the folder is gone. Where that
//! takes two steps, a kill leaves both names: data with more than one is finished, somebody's, and never
//! written into.

mod copy;
mod have;
mod held;
mod lists;
mod part;
mod sound;

use std::{
    collections::HashSet,
    fs::File,
    io::{self, Read as _},
    sync::{Arc, atomic::AtomicBool},
};

use bao_tree::ChunkRanges;

#[cfg(any(test, fuzzing))]
pub(crate) use self::have::Have;
#[cfg(not(any(test, fuzzing)))]
use self::have::Have;
pub use self::{copy::CopyOf, held::Unlockable, part::PartFile};
use self::{held::Held, lists::numbers_in, part::LargeNames, sound::SOUND};
use super::{
    Destination, FileStat, Replace, Stop, holes,
    sys::{self, Dir},
};
use crate::content::{EntryPath, Hash, LinkEntry, Mtime, PARTIAL_DIR};

/// The folder of one unfinished fetch.
#[derive(Debug)]
pub struct Partial {
    dir: Dir,
    holder: Dir,
    root: Arc<Dir>,
    name: String,
    held: Held,
    /// Whether no sync has failed.
    sound: AtomicBool,
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
    /// What is replaced where something is in the way.
    pub replace: Replace,
    /// Whether content is flushed to the disk before it gets its name.
    pub fsync: bool,
}

impl Finish {
    fn apply(&self, file: &File) -> io::Result<()> {
        // Whoever owns a file can read it, whatever the sharer's mode was.
        let mode = self.mode.map(|mode| (mode & 0o777) | 0o400);
        sys::finish_file(file, mode, self.mtime)
    }
}

impl Partial {
    /// Opens the folder for the share `root` in `destination`, making it when it is missing. What a
    /// kill left half-written is swept.
    ///
    /// # Errors
    /// `ResourceBusy` when another fetch is at work here, with [`Unlockable`] in it where that may also
    /// be what a kill left; `IsADirectory` when there is a folder in it, which is not Grove's; those of
    /// making and opening.
    pub fn open(destination: &Destination, root: &Hash) -> io::Result<Self> {
        let mut tries = 0;
        let mut opened = loop {
            match Self::open_once(destination, root) {
                // Whoever had it before is just removing it.
                Err(error) if error.kind() == io::ErrorKind::NotFound && tries < TRIES => {
                    tries += 1;
                }
                other => break other?,
            }
        };
        let dir = &opened.dir;
        let mut is_new = true;
        for name in dir.names()? {
            if name.ends_with(b".new") {
                dir.remove_file(&name)?;
            } else if matches!(dir.look(&name), Ok(sys::Found::Dir(_))) {
                return Err(io::ErrorKind::IsADirectory.into());
            } else {
                is_new &= Held::is_by(&name);
            }
        }
        if is_new {
            dir.create_file(SOUND)?;
        }
        opened.sound = sound::is_noted(dir)?.into();
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
            root: destination.root().clone(),
            name,
            held,
            sound: AtomicBool::new(false),
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
            if finish.fsync {
                self.noting(file.sync_all())?;
            }
            destination.place(&self.dir, &name, entry, finish.replace)?;
            FileStat::of(&file).map(Some)
        })();
        if !matches!(placed, Ok(Some(_))) {
            // The first error is the one to report.
            let _ = self.dir.remove_file(&name);
        }
        placed
    }

    /// Makes a symbolic link, complete with its time, under its final name.
    ///
    /// # Errors
    /// `AlreadyExists` when something is in the way; those of making. Nothing is left behind.
    pub fn place_link(
        &self,
        link: &LinkEntry,
        destination: &Destination,
        replace: Replace,
    ) -> io::Result<()> {
        let name = b"link.new";
        self.dir.symlink(&link.target, name)?;
        let placed = (self.dir.set_mtime(name, link.mtime))
            .and_then(|()| destination.place(&self.dir, name, &link.path, replace));
        if placed.is_err() {
            // The first error is the one to report.
            let _ = self.dir.remove_file(name);
        }
        placed
    }

    /// Opens or begins a large file.
    ///
    /// # Errors
    /// Those of opening and making.
    pub fn large(&self, number: u32, hash: &Hash, size: u64) -> io::Result<PartFile> {
        let names = LargeNames::new(number);
        // It is placed already, and somebody may have made another file of it since.
        if self.dir.has_two_names(&names.data)? {
            self.forget_large(number)?;
        }
        let have = have_of(&self.dir, &names, (hash, size), self.is_sound());
        if have.is_none() {
            // A record that does not fit this data must not come to fit it while it grows.
            self.remove_if_there(&names.have)?;
            self.remove_if_there(&names.more)?;
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
        let names = LargeNames::new(number);
        let have = have_of(&self.dir, &names, (hash, size), self.is_sound());
        have.unwrap_or_default().written
    }

    /// Forgets what was fetched of a large file, which the sharer cannot send any more.
    ///
    /// # Errors
    /// Those of removing.
    pub fn forget_large(&self, number: u32) -> io::Result<()> {
        let names = LargeNames::new(number);
        self.remove_if_there(&names.have)?;
        self.remove_if_there(&names.more)?;
        self.remove_if_there(&names.data)?;
        self.remove_if_there(&names.tree)
    }

    /// Waits until the names in the folder, and its own, are on the disk.
    fn sync_names(&self) -> io::Result<()> {
        self.dir.sync()?;
        self.holder.sync()?;
        self.root.sync()
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
        // Always: what a power cut takes out of the middle of a large file would only be found by
        // reading all of it, and be fetched again as a whole.
        let synced = part.sync(|data, _| {
            if finish.fsync {
                data.sync_all()
            } else {
                data.sync_data()
            }
        });
        self.noting(synced)?;
        part.leave(|name| destination.place(&self.dir, name, entry, finish.replace))?;
        let stat = FileStat::of(part.data())?;
        for name in [&part.names().have, &part.names().more, &part.names().tree] {
            self.remove_if_there(name)?;
        }
        Ok(stat)
    }

    /// Removes the folder with everything in it, after the last file.
    ///
    /// # Errors
    /// Those of removing.
    pub fn remove(&self, destination: &Destination) -> io::Result<()> {
        let stays = |name: &[u8]| Held::is_by(name) || name == SOUND;
        for name in self.dir.names()?.iter().filter(|name| !stays(name)) {
            self.remove_if_there(name)?;
        }
        // Behind the lists: without it, all that is in them would have to be placed anew.
        self.remove_if_there(SOUND)?;
        self.held.let_go(&self.dir)?;
        match self.holder.remove_dir(self.name.as_bytes()) {
            Err(error) if is_in_use(&error) => return Ok(()),
            other => other?,
        }
        Self::remove_holder_if_empty(destination)
    }

    /// Whether a large file was begun that another run may finish. Also when that is not known.
    #[must_use]
    pub fn is_begun(&self) -> bool {
        self.has_begun().unwrap_or(true)
    }

    fn has_begun(&self) -> io::Result<bool> {
        let names = self.dir.names()?;
        let has = |stem: &[u8], ending: &[u8]| names.contains(&[stem, ending].concat());
        // Data without a record is worth nothing, and so is a record that a kill left when the file has
        // its final name already.
        for name in &names {
            if let Some(stem) = name.strip_suffix(b".data")
                && (has(stem, b".have") || has(stem, b".more"))
                && !self.dir.has_two_names(name)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Removes the folder, unless a large file in it was begun and may be finished another time.
    ///
    /// # Errors
    /// Those of looking into it and of removing.
    pub fn remove_unless_begun(&self, destination: &Destination) -> io::Result<()> {
        if self.has_begun()? {
            return Ok(());
        }
        self.remove(destination)
    }

    /// Removes the folder that those of all fetches are in, if it is there and empty: a kill may come
    /// just before that is done.
    ///
    /// # Errors
    /// Those of removing.
    pub fn remove_holder_if_empty(destination: &Destination) -> io::Result<()> {
        match destination.root().remove_dir(PARTIAL_DIR.as_bytes()) {
            // Another share may have its own folder in there.
            Err(error) if error.kind() != io::ErrorKind::NotFound && !is_in_use(&error) => {
                Err(error)
            }
            _ => Ok(()),
        }
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
                let Ok(file) = self.dir.open_file(name, false) else {
                    return Err(error);
                };
                sys::finish_file(&file, Some(0o600), None)?;
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
        let names = LargeNames::new(number);
        let have = have_of(&self.0, &names, (hash, size), self.is_sound());
        have.unwrap_or_default().written
    }

    /// The same as [`Partial::is_sound`]; where that cannot be seen, it is not believed.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        sound::is_noted(&self.0).unwrap_or(false)
    }

    /// Numbers of the small files that fetches set out to place here, see
    /// [`Partial::note_placing`].
    #[must_use]
    pub fn placing(&self) -> HashSet<u32> {
        let numbers = numbers_in(&self.0, b"placing").unwrap_or_default();
        numbers.into_iter().collect()
    }
}

/// The record of a large file of this hash and size, if there is one that fits its data and says that
/// something is there: the newer one, or else the one that was synced. Unless the folder is `sound`, only
/// what was synced counts.
fn have_of(dir: &Dir, names: &LargeNames, (hash, size): (&Hash, u64), sound: bool) -> Option<Have> {
    let length = match dir.look(&names.data) {
        Ok(sys::Found::File(stat)) if !dir.has_two_names(&names.data).ok()? => stat.size,
        _ => return None,
    };
    let mut have = [&names.more, &names.have].into_iter().find_map(|name| {
        let mut bytes = Vec::new();
        let mut file = dir.open_file(name, false).ok()?;
        file.read_to_end(&mut bytes).ok()?;
        Have::decode(&bytes, hash, size, length)
    })?;
    if !sound {
        have.written = have.synced.clone();
    }
    (!have.written.is_empty()).then_some(have)
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

#[cfg(test)]
mod tests;
