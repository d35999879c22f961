//! A handle on a folder, for systems other than Unix: by `cap-std`, whose operations stay beneath
//! the folder they were opened on. Modes do not exist here; modification times of folders and links
//! are left alone.

use std::{fs::File, io, path::Path};

use cap_std::{ambient_authority, fs};

use super::{FileStat, dir::Found};
use crate::content::Mtime;

/// An open folder. Names are single components, so nothing that is done through it leads outside it.
#[derive(Debug)]
pub(crate) struct Dir(fs::Dir);

impl Dir {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(fs::Dir::open_ambient_dir(path, ambient_authority())?))
    }

    pub(crate) fn open_dir(&self, name: &[u8]) -> io::Result<Self> {
        let name = single(name)?;
        if self.0.symlink_metadata(name)?.is_symlink() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Self(self.0.open_dir(name)?))
    }

    pub(crate) fn look(&self, name: &[u8]) -> io::Result<Found> {
        let name = single(name)?;
        let metadata = match self.0.symlink_metadata(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
            metadata => metadata?,
        };
        let stat = || stat_of(&metadata);
        Ok(if metadata.is_file() {
            Found::File(stat())
        } else if metadata.is_dir() {
            Found::Dir(stat())
        } else if metadata.is_symlink() {
            let target = self.0.read_link_contents(name)?;
            Found::Link(
                target
                    .to_string_lossy()
                    .replace('\\', "/")
                    .into_bytes()
                    .into(),
            )
        } else {
            Found::Special("a device")
        })
    }

    /// Here that cannot be told.
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as on Unix")]
    pub(crate) fn has_two_names(&self, _name: &[u8]) -> io::Result<bool> {
        Ok(false)
    }

    pub(crate) fn create_dir(&self, name: &[u8], _private: bool) -> io::Result<()> {
        self.0.create_dir(single(name)?)
    }

    pub(crate) fn create_file(&self, name: &[u8]) -> io::Result<File> {
        let mut options = fs::OpenOptions::new();
        options.read(true).write(true).create_new(true);
        Ok(self.0.open_with(single(name)?, &options)?.into_std())
    }

    pub(crate) fn open_file(&self, name: &[u8], write: bool) -> io::Result<File> {
        let name = single(name)?;
        if !self.0.symlink_metadata(name)?.is_file() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut options = fs::OpenOptions::new();
        options.read(true).write(write);
        Ok(self.0.open_with(name, &options)?.into_std())
    }

    pub(crate) fn remove_file(&self, name: &[u8]) -> io::Result<()> {
        self.0.remove_file(single(name)?)
    }

    pub(crate) fn remove_dir(&self, name: &[u8]) -> io::Result<()> {
        self.0.remove_dir(single(name)?)
    }

    pub(crate) fn rename(
        &self,
        name: &[u8],
        to: &Self,
        to_name: &[u8],
        replace: bool,
    ) -> io::Result<()> {
        let (name, to_name) = (single(name)?, single(to_name)?);
        if !replace {
            // A hard link is refused when something is there.
            match self.0.hard_link(name, &to.0, to_name) {
                Ok(()) => return self.0.remove_file(name),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
                Err(_) if to.0.symlink_metadata(to_name).is_ok() => {
                    return Err(io::ErrorKind::AlreadyExists.into());
                }
                Err(_) => {}
            }
        }
        self.0.rename(name, &to.0, to_name)
    }

    pub(crate) fn symlink(&self, _target: &[u8], _name: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn set_mtime(&self, _name: &[u8], _mtime: Mtime) -> io::Result<()> {
        Ok(())
    }

    pub(crate) fn finish_dir(&self, _name: &[u8], _mode: u32, _mtime: Mtime) -> io::Result<()> {
        Ok(())
    }

    pub(crate) fn names(&self) -> io::Result<Vec<Vec<u8>>> {
        let mut names = Vec::new();
        for entry in self.0.entries()? {
            names.push(
                entry?
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
                    .into_bytes(),
            );
        }
        Ok(names)
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    /// `false`: there is no way to ask for it here.
    pub(crate) fn sync_file_system(&self) -> io::Result<bool> {
        Ok(false)
    }
}

/// Sets the modification time of an open file.
pub(crate) fn finish_file(file: &File, _mode: Option<u32>, mtime: Option<Mtime>) -> io::Result<()> {
    use std::time::{Duration, SystemTime};
    let Some(mtime) = mtime else { return Ok(()) };
    let Ok(secs) = u64::try_from(mtime.secs) else {
        return Ok(());
    };
    match SystemTime::UNIX_EPOCH.checked_add(Duration::new(secs, mtime.nanos)) {
        Some(time) => file.set_modified(time),
        None => Ok(()),
    }
}

fn single(name: &[u8]) -> io::Result<&str> {
    let text = std::str::from_utf8(name).map_err(|_| io::ErrorKind::InvalidInput)?;
    if matches!(text, "" | "." | "..") || text.contains(['/', '\\', ':']) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok(text)
}

fn stat_of(metadata: &fs::Metadata) -> FileStat {
    let mtime = metadata
        .modified()
        .ok()
        .map(cap_std::time::SystemTime::into_std);
    let since = mtime.and_then(|t| t.duration_since(std::time::SystemTime::UNIX_EPOCH).ok());
    let since = since.unwrap_or_default();
    let mtime = Mtime {
        secs: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        nanos: since.subsec_nanos(),
    };
    FileStat {
        dev: 0,
        ino: 0,
        size: metadata.len(),
        mtime,
        ctime: mtime,
        mode: 0o644,
    }
}
