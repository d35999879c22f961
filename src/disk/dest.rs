//! Writing below one folder, and never outside it.
//!
//! A [`Destination`] holds a handle on the folder that the user named. Every folder below it is
//! opened one component at a time and never through a link, and every file gets its name by a rename
//! within such handles. So whatever happens to the tree meanwhile, nothing is written elsewhere.

use std::{
    collections::{HashMap, HashSet},
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::sys::{self, Dir, Found};
use crate::content::{EntryPath, Mtime};

/// Folder handles that are kept open, where the process may have a thousand open files. Entries come
/// sorted, so few folders are in use at a time.
const OPEN_DIRS: u64 = 64;

/// A folder that entries are placed in.
#[derive(Debug)]
pub struct Destination {
    root: Arc<Dir>,
    path: PathBuf,
    open: Mutex<HashMap<EntryPath, Arc<Dir>>>,
    most_open: u64,
}

/// What is at the place of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// This.
    Is(Found),
    /// Something above it is not a folder: where, and what it is.
    Blocked(EntryPath, &'static str),
}

/// What is replaced by what is placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replace {
    /// Nothing: it is an error when something is there.
    Nothing,
    /// A file that is still in the state of this [`FileStat::mark`].
    ///
    /// [`FileStat::mark`]: super::FileStat::mark
    State(u32),
    /// Whatever is there, but for folders.
    Anything,
}

impl Destination {
    /// Opens the folder at `path`; `None` when there is nothing there.
    ///
    /// # Errors
    /// `NotADirectory` when it is something else; those of opening.
    pub fn open(path: &Path) -> io::Result<Option<Self>> {
        match Dir::open(path) {
            Ok(root) => Ok(Some(Self {
                root: Arc::new(root),
                path: std::path::absolute(path)?,
                open: Mutex::default(),
                most_open: (sys::raise_file_limit() / 16).min(OPEN_DIRS),
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // A dangling link is something, too.
                match fs::symlink_metadata(path) {
                    Ok(_) => Err(io::ErrorKind::NotADirectory.into()),
                    Err(_) => Ok(None),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Makes the folder at `path`, and those above it, where they are missing. Also returns the
    /// uppermost folder that was made, to be able to take it back.
    ///
    /// # Errors
    /// Those of creating and opening.
    pub fn create(path: &Path) -> io::Result<(Self, Option<PathBuf>)> {
        let mut missing = Vec::new();
        for folder in path.ancestors().filter(|path| !path.as_os_str().is_empty()) {
            // What cannot be looked at is not missing, and not ours to take back.
            if folder.try_exists()? {
                break;
            }
            missing.push(folder);
        }
        for folder in missing.iter().rev() {
            match fs::create_dir(folder) {
                // Somebody else made it meanwhile; opening tells whether it is a folder.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => made?,
            }
        }
        let made = missing.last().map(|path| (*path).to_owned());
        let opened = Self::open(path)?;
        Ok((opened.ok_or(io::ErrorKind::NotFound)?, made))
    }

    /// Where it is, absolute.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn root(&self) -> &Arc<Dir> {
        &self.root
    }

    /// What is at the place of an entry, without following any link.
    ///
    /// # Errors
    /// Those of looking.
    pub fn look(&self, entry: &EntryPath) -> io::Result<Place> {
        let mut above = Vec::new();
        let mut parent = entry.parent();
        while let Some(path) = parent {
            parent = path.parent();
            above.push(path);
        }
        let mut dir = self.root.clone();
        for path in above.into_iter().rev() {
            if let Some(open) = self.opened().get(&path).cloned() {
                dir = open;
                continue;
            }
            match dir.look(path.file_name())? {
                Found::Nothing => return Ok(Place::Is(Found::Nothing)),
                Found::Dir(_) => dir = self.remember(path.clone(), dir.open_dir(path.file_name())?),
                other => return Ok(Place::Blocked(path, other.what())),
            }
        }
        Ok(Place::Is(dir.look(entry.file_name())?))
    }

    /// Makes the folder `entry`, and those above it; says whether it was missing.
    ///
    /// # Errors
    /// Those of making, `NotADirectory` when something else is there.
    pub fn make_dir(&self, entry: &EntryPath, private: bool) -> io::Result<bool> {
        let parent = self.parent(entry)?;
        match parent.create_dir(entry.file_name(), private) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                match parent.look(entry.file_name())? {
                    Found::Dir(_) => Ok(false),
                    _ => Err(io::ErrorKind::NotADirectory.into()),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Opens a file for reading.
    ///
    /// # Errors
    /// Those of opening; `InvalidInput` when it is no regular file.
    pub fn open_file(&self, entry: &EntryPath) -> io::Result<fs::File> {
        self.parent(entry)?.open_file(entry.file_name(), false)
    }

    /// Moves the file or link `name` in `from` to the place of `entry`, whose folder is made when it is
    /// missing.
    ///
    /// # Errors
    /// `AlreadyExists` when something is there and not to be replaced; those of moving.
    pub(super) fn place(
        &self,
        from: &Dir,
        name: &[u8],
        entry: &EntryPath,
        replace: Replace,
    ) -> io::Result<()> {
        let (parent, to) = (self.parent(entry)?, entry.file_name());
        let replaced = match replace {
            Replace::Nothing => false,
            Replace::Anything => true,
            Replace::State(mark) => match parent.look(to)? {
                Found::File(stat) if stat.mark() == mark => true,
                Found::Nothing => false,
                _ => return Err(io::ErrorKind::AlreadyExists.into()),
            },
        };
        from.rename(name, &parent, to, replaced)
    }

    /// Gives a folder its mode (its owner can always enter it) and modification time.
    ///
    /// # Errors
    /// Those of changing it.
    pub fn finish_dir(&self, entry: &EntryPath, mode: u32, mtime: Mtime) -> io::Result<()> {
        self.opened().remove(entry);
        self.parent(entry)?
            .finish_dir(entry.file_name(), mode | 0o500, mtime)
    }

    /// Removes the folder `entry` if it is empty.
    ///
    /// # Errors
    /// Those of removing, also when it is not empty.
    pub fn remove_dir(&self, entry: &EntryPath) -> io::Result<()> {
        let name = entry.file_name();
        let parent = match entry.parent() {
            None => self.root.clone(),
            // Never made for this.
            Some(above) => match self.opened().get(&above).cloned() {
                Some(open) => open,
                None => self.open_below(&above)?,
            },
        };
        self.opened().remove(entry);
        parent.remove_dir(name)
    }

    /// Opens the folder `entry`, which has to be there.
    fn open_below(&self, entry: &EntryPath) -> io::Result<Arc<Dir>> {
        let mut dir = self.root.clone();
        for name in entry.components() {
            dir = Arc::new(dir.open_dir(name)?);
        }
        Ok(dir)
    }

    /// Waits until everything on the file system of the destination is on the disk; says whether the
    /// system can be asked for that. If not, [`Destination::sync_names`] does a part of it.
    ///
    /// # Errors
    /// Those of writing what was not yet on the disk.
    pub fn sync(&self) -> io::Result<bool> {
        self.root.sync_file_system()
    }

    /// Waits until the names of `entries` are on the disk, and those of the folders above them, the
    /// destination and what it is in included. What is not there has no name to wait for.
    ///
    /// # Errors
    /// Those of opening and syncing folders.
    pub fn sync_names<'a>(&self, entries: impl Iterator<Item = &'a EntryPath>) -> io::Result<()> {
        let mut seen = HashSet::new();
        for entry in entries {
            let mut above = entry.parent();
            while let Some(folder) = above {
                above = folder.parent();
                if seen.contains(&folder) {
                    break;
                }
                if let Place::Is(Found::Dir(_)) = self.look(&folder)? {
                    self.open_below(&folder)?.sync()?;
                }
                seen.insert(folder);
            }
        }
        self.root.sync()?;
        // Who may not open a folder has not made it, either.
        let above = self.path.ancestors().skip(1);
        above
            .filter_map(|path| Dir::open(path).ok())
            .try_for_each(|dir| dir.sync())
    }

    /// The folder that `entry` is in, made where it is missing.
    fn parent(&self, entry: &EntryPath) -> io::Result<Arc<Dir>> {
        let Some(path) = entry.parent() else {
            return Ok(self.root.clone());
        };
        if let Some(open) = self.opened().get(&path).cloned() {
            return Ok(open);
        }
        let above = self.parent(&path)?;
        let dir = match above.open_dir(path.file_name()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                match above.create_dir(path.file_name(), false) {
                    Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                        return Err(error);
                    }
                    _ => above.open_dir(path.file_name())?,
                }
            }
            other => other?,
        };
        Ok(self.remember(path, dir))
    }

    fn remember(&self, path: EntryPath, dir: Dir) -> Arc<Dir> {
        let dir = Arc::new(dir);
        let mut open = self.opened();
        if open.len() as u64 >= self.most_open {
            open.clear();
        }
        open.insert(path, dir.clone());
        dir
    }

    fn opened(&self) -> MutexGuard<'_, HashMap<EntryPath, Arc<Dir>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
