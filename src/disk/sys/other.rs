//! The side of `sys` for systems that are not Unix, Windows above all. Weaker in two ways: links on
//! the way to a file are looked for before it is opened, not while; and files have no inode number,
//! so that hashes are not remembered (a `FileStat` with `ino` 0 identifies nothing).

use std::{
    borrow::Cow,
    ffi::OsStr,
    fs::{self, File, FileType, Metadata, OpenOptions},
    io,
    path::{Component, Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use super::FileStat;
use crate::content::Mtime;

pub(super) fn stat_of(metadata: &Metadata) -> FileStat {
    let mtime = metadata
        .modified()
        .map_or(Mtime { secs: 0, nanos: 0 }, time);
    let mode = match (metadata.is_dir(), metadata.permissions().readonly()) {
        (true, _) => 0o755,
        (false, false) => 0o644,
        (false, true) => 0o444,
    };
    FileStat {
        dev: 0,
        ino: 0,
        size: metadata.len(),
        mtime,
        ctime: mtime,
        mode,
    }
}

fn time(time: SystemTime) -> Mtime {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => Mtime {
            secs: since.as_secs().try_into().unwrap_or(i64::MAX),
            nanos: since.subsec_nanos(),
        },
        Err(before) => {
            let before = before.duration();
            let secs: i64 = before.as_secs().try_into().unwrap_or(i64::MAX);
            match before.subsec_nanos() {
                0 => Mtime {
                    secs: -secs,
                    nanos: 0,
                },
                nanos => Mtime {
                    secs: -secs - 1,
                    nanos: 1_000_000_000 - nanos,
                },
            }
        }
    }
}

/// A folder that files are opened beneath.
#[derive(Debug)]
pub(crate) struct Root(PathBuf);

impl Root {
    /// Remembers the folder `path`.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(path.to_owned()))
    }

    /// Opens the regular file at `relative`; see [`super::open_beneath`].
    pub(crate) fn open_file(&self, relative: &Path) -> io::Result<File> {
        let mut path = self.0.clone();
        let mut any = false;
        for component in relative.components() {
            let Component::Normal(name) = component else {
                return Err(io::ErrorKind::InvalidInput.into());
            };
            path.push(name);
            any = true;
            if fs::symlink_metadata(&path)?.file_type().is_symlink() {
                return Err(io::Error::other("a symbolic link is in the way"));
            }
        }
        if !any || !fs::symlink_metadata(&path)?.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "not a regular file",
            ));
        }
        File::open(path)
    }
}

/// What to call a file that cannot be shared; `None` for files, folders and links.
pub(crate) fn special_kind(kind: FileType) -> Option<&'static str> {
    let usual = kind.is_file() || kind.is_dir() || kind.is_symlink();
    (!usual).then_some("not a regular file")
}

/// The bytes of a name or path as a share holds them; `None` where that cannot be.
pub(crate) fn bytes_of(name: &OsStr) -> Option<Cow<'_, [u8]>> {
    let name = name.to_str()?;
    if name.contains('\\') {
        Some(Cow::Owned(name.replace('\\', "/").into_bytes()))
    } else {
        Some(Cow::Borrowed(name.as_bytes()))
    }
}

/// The path that [`bytes_of`] was made of.
pub(crate) fn path_of(bytes: &[u8]) -> io::Result<&Path> {
    std::str::from_utf8(bytes)
        .map(Path::new)
        .map_err(|_| io::ErrorKind::InvalidInput.into())
}

/// Whether a file takes less room than its length; it is not known here.
pub(crate) fn has_holes(_: &File) -> bool {
    false
}

/// Whether a part of a file is in a hole; it is not known here.
pub(crate) fn is_hole(_: &File, _: u64, _: u64) -> bool {
    false
}

/// Reads some bytes from `offset` on; 0 at the end.
#[cfg(windows)]
pub fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    use std::os::windows::fs::FileExt;
    match file.seek_read(buffer, offset) {
        // What Windows says when reading begins behind the end (ERROR_HANDLE_EOF).
        Err(error) if error.raw_os_error() == Some(38) => Ok(0),
        other => other,
    }
}

/// Writes all of `buffer` from `offset` on.
#[cfg(windows)]
pub fn write_all_at(file: &File, mut buffer: &[u8], mut offset: u64) -> io::Result<()> {
    use std::os::windows::fs::FileExt;
    while !buffer.is_empty() {
        let count = file.seek_write(buffer, offset)?;
        if count == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        buffer = &buffer[count..];
        offset += count as u64;
    }
    Ok(())
}

pub(super) fn make_private(_: &mut OpenOptions) {
    // The profile folder of a Windows user is private by inheritance.
}

pub(super) fn refuse_links(_: &mut OpenOptions) {}

pub(super) fn tighten(_: &File) -> io::Result<()> {
    Ok(())
}

pub(super) fn is_link_in_the_way(_: &io::Error) -> bool {
    false
}

pub(super) fn is_too_many_files(_: &io::Error) -> bool {
    false
}

pub(super) fn create_private_dir(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

pub(super) fn is_of_another_user(_: &Path) -> bool {
    false
}

pub(super) fn is_of_one_user(_: &fs::Metadata, _: &fs::Metadata) -> bool {
    true
}

pub(super) fn is_surely_readable(_: &fs::Metadata) -> bool {
    false
}

/// Bytes that this user can still write on the file system of `path`.
///
/// # Errors
/// Those of asking the system; `Unsupported` where it cannot be asked.
pub fn available_bytes(_: &Path) -> io::Result<u64> {
    Err(io::ErrorKind::Unsupported.into())
}

/// There is no such limit here.
pub fn raise_file_limit() -> u64 {
    u64::MAX
}

/// Makes sure that a name in the folder of `path` outlasts a power cut, where folders can be synced.
#[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
pub(crate) fn sync_folder_of(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Crashes are the system's to record here, and nothing is changed about that.
pub fn forbid_core_dumps() {}

/// Whether a process of this number runs on this computer; true where it cannot be asked.
#[must_use]
pub fn process_alive(_: u32) -> bool {
    true
}
