//! Everything that differs between systems, in one place, and the few file operations that the rest
//! of the layer is careful about: opening without following links, reading and writing at an
//! offset, private files, replacing a file as a whole, locks.
//!
//! `unix` is complete. `other` does the same with what the standard library offers elsewhere, and
//! says where that is weaker.

mod dir;
#[cfg(not(unix))]
mod dir_other;
#[cfg(unix)]
mod dir_unix;
mod lock;
#[cfg(not(unix))]
mod other;
#[cfg(unix)]
mod unix;

use std::{
    fs::{self, File, OpenOptions},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io::{self, BufWriter, Write},
    path::Path,
    process,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

#[cfg(not(unix))]
pub(crate) use dir_other::{Dir, finish_file};
#[cfg(unix)]
pub(crate) use dir_unix::{Dir, finish_file};

#[cfg(not(unix))]
use other as platform;
#[cfg(unix)]
use unix as platform;

use crate::content::Mtime;

pub use dir::Found;
pub use lock::LockFile;
pub(crate) use platform::{Root, bytes_of, has_holes, is_hole, path_of, special_kind};
pub use platform::{
    available_bytes, forbid_core_dumps, process_alive, raise_file_limit, read_at, write_all_at,
};

/// What identifies one state of a file: when all of it is the same, so is the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileStat {
    /// The device it is on.
    pub dev: u64,
    /// Its inode number there; 0 where the system has none, and then the state identifies nothing.
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
        Ok(Self::from_metadata(&file.metadata()?))
    }

    /// Of whatever is at `path`; of a symbolic link itself, not of what it points to.
    pub fn at(path: &Path) -> io::Result<Self> {
        Ok(Self::from_metadata(&fs::symlink_metadata(path)?))
    }

    /// From what the system said about a file.
    #[must_use]
    pub fn from_metadata(metadata: &fs::Metadata) -> Self {
        platform::stat_of(metadata)
    }

    /// Whether both are states of the same file.
    #[must_use]
    pub fn is_same_file(&self, other: &Self) -> bool {
        self.ino != 0 && self.ino == other.ino && self.dev == other.dev
    }

    /// A number that is another one for nearly every other state, in this run of the program.
    #[must_use]
    pub fn mark(&self) -> u32 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        (hasher.finish() >> 32) as u32
    }
}

/// Opens the regular file at `relative` beneath the folder `root` for reading, following no link on
/// the way and not blocking on a FIFO.
///
/// # Errors
/// `InvalidInput` when `relative` is not made of plain names, or what is there is no regular file;
/// those of opening otherwise. A link on the way is an error, too.
pub(crate) fn open_beneath(root: &Path, relative: &Path) -> io::Result<File> {
    Root::open(root)?.open_file(relative)
}

/// Fills `buffer` from `offset` on.
///
/// # Errors
/// `UnexpectedEof` when the file ends before; those of reading.
pub fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    let mut done = 0;
    while done < buffer.len() {
        match read_at(file, &mut buffer[done..], offset + done as u64) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Creates a file that only its owner may read (mode 0600 under any umask that allows it), for
/// reading and writing.
///
/// # Errors
/// `AlreadyExists` when something, even a dangling link, has that name; those of creating.
pub fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    platform::make_private(&mut options);
    options.open(path)
}

/// Takes away everybody else's permissions on a file of ours; does nothing where there are none.
///
/// # Errors
/// Those of changing permissions: the file is somebody else's, or the file system is read-only.
pub(crate) fn tighten(file: &File) -> io::Result<()> {
    platform::tighten(file)
}

/// Creates a folder that only its owner may enter (mode 0700), and the ones above it; nothing
/// happens to those that exist.
pub fn create_private_dir(path: &Path) -> io::Result<()> {
    platform::create_private_dir(path)
}

/// Whether what is at `path` belongs to another user than this process runs as: files that it makes
/// there are then not its owner's. `false` where there is nothing, and where the system has no such notion.
pub(crate) fn is_of_another_user(path: &Path) -> bool {
    platform::is_of_another_user(path)
}

/// Whether the folder and the file, which is in it, are of one user, and the file is closed to all others: what
/// Grove keeps for itself is. `true` where the system has no such notion.
pub(crate) fn is_of_one_user(folder: &fs::Metadata, file: &fs::Metadata) -> bool {
    platform::is_of_one_user(folder, file)
}

/// Whether the mode of a file alone says that this process may read it, which is so for nearly all files of
/// one's own. Where it does not, opening the file tells. Access control lists may still know better.
pub(crate) fn is_surely_readable(metadata: &fs::Metadata) -> bool {
    platform::is_surely_readable(metadata)
}

/// Replaces the file at `path` as a whole, or not at all: `write` fills a new file beside it, which
/// then takes its name. The folder is made when it is missing, the file is private. Not synced: after
/// a power failure the file may be empty, so its reader must be able to tell.
pub(crate) fn replace(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> io::Result<()> {
    replace_by(path, write, |_| Ok(()))
}

/// Replaces the file at `path` by `content` as a whole, or not at all, and returns once a power cut
/// cannot undo it. The folder is made when it is missing, both are private.
///
/// # Errors
/// Those of making, writing, syncing and renaming. The old content may then still be replaced after
/// a power cut, or not.
pub fn replace_synced(path: &Path, content: &[u8]) -> io::Result<()> {
    replace_by(path, |writer| writer.write_all(content), File::sync_all)?;
    platform::sync_folder_of(path)?;
    // It may have been made a moment ago.
    path.parent().map_or(Ok(()), platform::sync_folder_of)
}

fn replace_by(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
    finish: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<()> {
    if let Some(dir) = path.parent() {
        create_private_dir(dir)?;
    }
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.new", unique()));
    let temporary = Path::new(&temporary);
    let file = create_private(temporary)?;
    let written = (|| {
        let mut writer = BufWriter::with_capacity(256 * 1024, &file);
        write(&mut writer)?;
        writer.flush()?;
        drop(writer);
        finish(&file)?;
        fs::rename(temporary, path)
    })();
    if written.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(temporary);
    }
    written
}

/// Replaces the file at `path` by `content` as a whole, or not at all. The folder is made when it is
/// missing, both are private. Not synced.
///
/// # Errors
/// Those of making, writing and renaming.
pub fn replace_private(path: &Path, content: &[u8]) -> io::Result<()> {
    replace(path, |writer| writer.write_all(content))
}

/// Removes a file; it is no error when there is none.
pub(crate) fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes whatever is at `path`, where only files of ours belong; it is no error when there is nothing.
pub(crate) fn clear_away(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        _ => remove_if_there(path),
    }
}

/// A name that nothing else has: the process, the moment, and a count within the process.
pub(crate) fn unique() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let count = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{}-{:x}-{count}", process::id(), since.as_nanos())
}

/// Tells this start of the computer from all others. Where the system does not say, each process takes
/// itself for one.
pub(crate) fn this_start() -> [u8; 16] {
    static START: OnceLock<[u8; 16]> = OnceLock::new();
    *START.get_or_init(|| {
        let said = fs::read("/proc/sys/kernel/random/boot_id");
        let said = said.unwrap_or_else(|_| unique().into_bytes());
        let mut start = [0; 16];
        start.copy_from_slice(&blake3::hash(&said).as_bytes()[..16]);
        start
    })
}

/// Whether [`unique`] may have made this name.
pub(crate) fn is_unique(name: &str) -> bool {
    let mut parts = name.split('-');
    let mut number = || {
        let part = parts.next();
        part.is_some_and(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    number() && number() && number() && parts.next().is_none()
}

/// The same error of the system once more; errors cannot be cloned.
pub(crate) fn same_error(error: &io::Error) -> io::Error {
    let number = error.raw_os_error();
    number.map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
}

/// What went wrong, as a phrase for a person: "permission denied", "the disk is full".
#[must_use]
pub fn reason(error: &io::Error) -> String {
    use io::ErrorKind as Kind;
    let phrase = match error.kind() {
        Kind::PermissionDenied => "permission denied",
        Kind::NotFound => "it is gone",
        Kind::StorageFull => "the disk is full",
        Kind::FileTooLarge => "files may not be so large here",
        Kind::QuotaExceeded => "the disk quota is used up",
        Kind::ReadOnlyFilesystem => "the file system is read-only",
        Kind::NotADirectory => "not a folder",
        Kind::IsADirectory => "a folder",
        _ if platform::is_too_many_files(error) => "too many files are open (ulimit -n)",
        _ if platform::is_link_in_the_way(error) => "a symbolic link is in the way",
        Kind::UnexpectedEof => "it is shorter than it was",
        Kind::InvalidFilename => "the name is too long",
        Kind::StaleNetworkFileHandle => "the network file system lost it",
        _ => {
            let text = error.to_string();
            let text = text.split(" (os error").next().unwrap_or_default();
            return crate::content::escape(text).into_owned();
        }
    };
    phrase.to_owned()
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
