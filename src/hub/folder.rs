//! The data folder of a hub: what is in it, and that one hub at a time has it.
//!
//! | name | what it is |
//! |---|---|
//! | `hub.toml` | settings, written by the operator |
//! | `tokens.toml` | who is let in; secret |
//! | `authority.pem` | the certificate authority, its key and its certificate; secret |
//! | `place.toml` | under which addresses and ports clients know the hub |
//! | `records/` | the records of the directory |
//! | `acme/` | account and certificate from an authority that is asked by ACME; secret |
//! | `control` | how commands on this computer reach the hub that runs; secret |
//! | `lock` | held by the hub that runs |

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use crate::{
    content::escape,
    disk::{self, LockFile},
    events::{Failure, FailureKind},
};

/// A data folder.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder at `path`; it need not exist yet.
    ///
    /// # Errors
    /// `LocalDisk` when the working folder is unknown and `path` is relative.
    pub fn at(path: &Path) -> Result<Self, Failure> {
        let path = std::path::absolute(path).map_err(|error| {
            let message = format!("cannot use {}: {}", shown(path), disk::reason(&error));
            Failure::new(FailureKind::LocalDisk, message).hint("give --data a full path")
        })?;
        Ok(Self(path))
    }

    /// Whether a folder looks like one that a hub has, or had: its secrets are to stay there, wherever it is.
    /// Nobody can make that of a folder of somebody else's.
    #[must_use]
    pub fn looks_like(path: &Path) -> bool {
        let folder = Self(path.to_owned());
        let file = |path: PathBuf| path.symlink_metadata().ok().filter(fs::Metadata::is_file);
        // Nearly all folders of other people are out with the first.
        let (Some(tokens), Ok(own)) = (file(folder.tokens()), path.symlink_metadata()) else {
            return false;
        };
        let others = [folder.place(), folder.authority(), folder.lock_file()];
        disk::is_of_one_user(&own, &tokens) && others.into_iter().any(|path| file(path).is_some())
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> PathBuf {
        self.0.join("hub.toml")
    }

    pub(super) fn tokens(&self) -> PathBuf {
        self.0.join("tokens.toml")
    }

    pub(super) fn authority(&self) -> PathBuf {
        self.0.join("authority.pem")
    }

    pub(super) fn place(&self) -> PathBuf {
        self.0.join("place.toml")
    }

    pub(super) fn records(&self) -> PathBuf {
        self.0.join("records")
    }

    pub(super) fn acme(&self) -> PathBuf {
        self.0.join("acme")
    }

    pub(super) fn control(&self) -> PathBuf {
        self.0.join("control")
    }

    fn lock_file(&self) -> PathBuf {
        self.0.join("lock")
    }

    /// Makes the folder where it is missing, and takes it for this process until the lock is dropped. From
    /// then on nobody is led to where the hub before was asked, if that was killed.
    ///
    /// # Errors
    /// `InTheWay` when a hub has it already; `LocalDisk` when it cannot be made or written.
    pub(super) fn lock(&self) -> Result<LockFile, Failure> {
        disk::create_private_dir(&self.0).map_err(|error| self.failure("make", &self.0, &error))?;
        let path = self.lock_file();
        let lock = LockFile::acquire(&path).map_err(|error| self.failure("lock", &path, &error))?;
        let lock = lock.ok_or_else(|| {
            let message = format!("another hub is running with {}", shown(&self.0));
            Failure::new(FailureKind::InTheWay, message).hint(
                "see it with grove hub status; a second hub needs a folder of its own, --data",
            )
        })?;
        let left = self.control();
        match fs::remove_file(&left) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(self.failure("remove", &left, &error))
            }
            _ => Ok(lock),
        }
    }

    /// Whether somebody has the folder now. Makes and changes nothing: what asks may be root, whose files
    /// the hub could not use.
    ///
    /// # Errors
    /// `LocalDisk` when that cannot be known.
    pub(super) fn is_locked(&self) -> Result<bool, Failure> {
        let path = self.lock_file();
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(self.failure("read", &path, &error)),
        };
        // Several who look do not take one another for a hub.
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(self.failure("lock", &path, &error)),
        }
    }

    /// Whether files that this process makes there can be read by the hub, which runs as the owner of the
    /// folder. Those of root could not, and the hub would not start any more.
    ///
    /// # Errors
    /// `LocalDisk` when the folder is somebody else's.
    pub(super) fn check_owner(&self) -> Result<(), Failure> {
        if disk::is_of_another_user(&self.0) {
            let folder = shown(&self.0);
            let message = format!("no hub is running with {folder}, which is another user's");
            return Err(Failure::new(FailureKind::LocalDisk, message)
                .hint("start the hub first, or do this as the user that it runs as"));
        }
        Ok(())
    }

    /// What cannot be done with one of its files, and why.
    pub(super) fn failure(&self, verb: &str, path: &Path, error: &io::Error) -> Failure {
        let message = format!("cannot {verb} {}: {}", shown(path), disk::reason(error));
        Failure::new(FailureKind::LocalDisk, message).hint(format!(
            "the hub needs a folder of its own that it may write; {} can be another with --data",
            shown(&self.0)
        ))
    }
}

/// A path as it may be printed.
pub(super) fn shown(path: &Path) -> String {
    escape(&path.to_string_lossy()).into_owned()
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_folder_of_a_hub_has_secrets_and_no_other_looks_like_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, mode: u32| {
            let path = dir.path().join(name);
            fs::write(&path, "").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        };
        let looks = || Folder::looks_like(dir.path());
        assert!(!looks());
        file("tokens.toml", 0o600);
        assert!(!looks(), "more programs have tokens");
        file("lock", 0o644);
        assert!(looks());
        file("tokens.toml", 0o644);
        assert!(!looks(), "these are no secrets");
    }
}
