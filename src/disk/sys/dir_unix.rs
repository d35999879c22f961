//! A handle on a folder, the Unix side.

use std::{
    ffi::OsStr,
    fs::File,
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
};

use rustix::{
    fs::{AtFlags, FileType, Mode, OFlags, RenameFlags, Timespec, Timestamps},
    io::{Errno, retry_on_intr},
};

use super::{FileStat, dir::Found};
use crate::content::Mtime;

/// An open folder. Names are single components, so nothing that is done through it leads outside it.
#[derive(Debug)]
pub(crate) struct Dir(OwnedFd);

const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

impl Dir {
    /// Opens the folder at `path`; links in `path` are followed, since the user named it.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let open = || rustix::fs::open(path, FOLDER, Mode::empty());
        Ok(Self(retry_on_intr(open)?))
    }

    /// Opens a folder in this one; a link is an error.
    pub(crate) fn open_dir(&self, name: &[u8]) -> io::Result<Self> {
        let name = single(name)?;
        Ok(Self(self.open_any(name, FOLDER | OFlags::NOFOLLOW)?))
    }

    /// What `name` is, without following it.
    pub(crate) fn look(&self, name: &[u8]) -> io::Result<Found> {
        let name = single(name)?;
        let stat = match rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(Found::Nothing),
            Err(error) => return Err(error.into()),
        };
        Ok(match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Found::File(stat_of(&stat)),
            FileType::Directory => Found::Dir(stat_of(&stat)),
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(&self.0, name, Vec::new())?;
                Found::Link(target.into_bytes().into())
            }
            FileType::Fifo => Found::Special("a FIFO"),
            FileType::Socket => Found::Special("a socket"),
            _ => Found::Special("a device"),
        })
    }

    /// Whether the file `name` has another name as well.
    pub(crate) fn has_two_names(&self, name: &[u8]) -> io::Result<bool> {
        match rustix::fs::statat(&self.0, single(name)?, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(stat.st_nlink > 1),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes a folder that only its owner may enter, or that the umask leaves open.
    pub(crate) fn create_dir(&self, name: &[u8], private: bool) -> io::Result<()> {
        let mode = if private { 0o700 } else { 0o777 };
        Ok(rustix::fs::mkdirat(
            &self.0,
            single(name)?,
            Mode::from_raw_mode(mode),
        )?)
    }

    /// Makes a file that must not exist yet, for reading and writing; the umask applies.
    pub(crate) fn create_file(&self, name: &[u8]) -> io::Result<File> {
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(self.open_any(single(name)?, flags)?.into())
    }

    /// Opens an existing regular file; a link is an error.
    pub(crate) fn open_file(&self, name: &[u8], write: bool) -> io::Result<File> {
        let access = if write { OFlags::RDWR } else { OFlags::RDONLY };
        let flags = access | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file: File = self.open_any(single(name)?, flags)?.into();
        if file.metadata()?.is_file() {
            Ok(file)
        } else {
            Err(io::ErrorKind::InvalidInput.into())
        }
    }

    /// Removes a file or a link.
    pub(crate) fn remove_file(&self, name: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(
            &self.0,
            single(name)?,
            AtFlags::empty(),
        )?)
    }

    /// Removes an empty folder.
    pub(crate) fn remove_dir(&self, name: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(
            &self.0,
            single(name)?,
            AtFlags::REMOVEDIR,
        )?)
    }

    /// Moves `name` to `to_name` in `to`. Unless `replace`, it is an error (`AlreadyExists`) when
    /// something is there.
    pub(crate) fn rename(
        &self,
        name: &[u8],
        to: &Self,
        to_name: &[u8],
        replace: bool,
    ) -> io::Result<()> {
        let (name, to_name) = (single(name)?, single(to_name)?);
        if replace {
            return Ok(rustix::fs::renameat(&self.0, name, &to.0, to_name)?);
        }
        match rename_no_replace(&self.0, name, &to.0, to_name) {
            // File systems that cannot do it in one step: a link is refused when something is
            // there, too. A kill in between leaves both names, see `has_two_names`.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                rustix::fs::linkat(&self.0, name, &to.0, to_name, AtFlags::empty())?;
                Ok(rustix::fs::unlinkat(&self.0, name, AtFlags::empty())?)
            }
            other => Ok(other?),
        }
    }

    /// Makes a symbolic link that must not exist yet.
    pub(crate) fn symlink(&self, target: &[u8], name: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::symlinkat(
            OsStr::from_bytes(target),
            &self.0,
            single(name)?,
        )?)
    }

    /// Sets the modification time of `name`, which may be a link.
    pub(crate) fn set_mtime(&self, name: &[u8], mtime: Mtime) -> io::Result<()> {
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        Ok(rustix::fs::utimensat(
            &self.0,
            single(name)?,
            &times(mtime),
            flags,
        )?)
    }

    /// Sets mode and modification time of the folder `name`.
    pub(crate) fn finish_dir(&self, name: &[u8], mode: u32, mtime: Mtime) -> io::Result<()> {
        let dir = self.open_dir(name)?;
        rustix::fs::fchmod(&dir.0, Mode::from_raw_mode(mode))?;
        Ok(rustix::fs::futimens(&dir.0, &times(mtime))?)
    }

    /// The names in this folder.
    pub(crate) fn names(&self) -> io::Result<Vec<Vec<u8>>> {
        let mut names = Vec::new();
        for entry in retry_on_intr(|| rustix::fs::Dir::read_from(&self.0))? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(name.to_vec());
            }
        }
        Ok(names)
    }

    /// Waits until the names in this folder are on the disk, where the file system can be asked.
    pub(crate) fn sync(&self) -> io::Result<()> {
        where_it_can(retry_on_intr(|| rustix::fs::fsync(&self.0)))
    }

    /// Waits until everything on the file system of this folder is on the disk: content, names, modes
    /// and times. `false` where a system cannot be asked for that.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(crate) fn sync_file_system(&self) -> io::Result<bool> {
        match retry_on_intr(|| rustix::fs::syncfs(&self.0)) {
            // Before Linux 2.6.39, or forbidden by a sandbox that does not know the call.
            Err(Errno::NOSYS) => Ok(false),
            synced => where_it_can(synced).map(|()| true),
        }
    }

    /// See above.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as above")]
    pub(crate) fn sync_file_system(&self) -> io::Result<bool> {
        Ok(false)
    }

    /// Opens what is there, or makes a file that the umask applies to. Network file systems let
    /// signals interrupt this.
    fn open_any(&self, name: &OsStr, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        let mode = Mode::from_raw_mode(0o666);
        retry_on_intr(|| rustix::fs::openat(&self.0, name, flags, mode))
    }
}

/// File systems that know nothing of syncing have nothing to wait for.
fn where_it_can(synced: Result<(), Errno>) -> io::Result<()> {
    match synced {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => Ok(()),
        other => Ok(other?),
    }
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn rename_no_replace(
    from: impl AsFd,
    name: &OsStr,
    to: impl AsFd,
    to_name: &OsStr,
) -> Result<(), Errno> {
    rustix::fs::renameat_with(from, name, to, to_name, RenameFlags::NOREPLACE)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn rename_no_replace(_: impl AsFd, _: &OsStr, _: impl AsFd, _: &OsStr) -> Result<(), Errno> {
    Err(Errno::NOSYS)
}

/// Sets mode (where given) and modification time (where given) of an open file.
pub(crate) fn finish_file(file: &File, mode: Option<u32>, mtime: Option<Mtime>) -> io::Result<()> {
    if let Some(mode) = mode {
        rustix::fs::fchmod(file, Mode::from_raw_mode(mode))?;
    }
    if let Some(mtime) = mtime {
        rustix::fs::futimens(file, &times(mtime))?;
    }
    Ok(())
}

fn times(mtime: Mtime) -> Timestamps {
    let omit = Timespec {
        tv_sec: 0,
        tv_nsec: rustix::fs::UTIME_OMIT,
    };
    let mtime = Timespec {
        tv_sec: mtime.secs,
        tv_nsec: mtime.nanos.into(),
    };
    Timestamps {
        last_access: omit,
        last_modification: mtime,
    }
}

/// Refuses names that would lead somewhere else.
fn single(name: &[u8]) -> io::Result<&OsStr> {
    if name.is_empty() || name == b"." || name == b".." || name.contains(&b'/') {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok(OsStr::from_bytes(name))
}

#[expect(
    clippy::unnecessary_cast,
    clippy::cast_sign_loss,
    reason = "the width and sign of these fields differ between systems"
)]
fn stat_of(stat: &rustix::fs::Stat) -> FileStat {
    let time = |secs: i64, nanos: u64| Mtime {
        secs,
        nanos: u32::try_from(nanos).unwrap_or_default().min(999_999_999),
    };
    FileStat {
        dev: stat.st_dev as u64,
        ino: stat.st_ino as u64,
        size: stat.st_size as u64,
        mtime: time(stat.st_mtime as i64, stat.st_mtime_nsec as u64),
        ctime: time(stat.st_ctime as i64, stat.st_ctime_nsec as u64),
        mode: stat.st_mode as u32 & 0o7777,
    }
}
