//! Who is at work in a partial folder: one fetch at a time.
//!
//! Two at once would not merely disturb each other. One that begins a file cuts it to nothing, while the
//! other goes on to believe what it wrote. So where nothing can be locked, a file that is made and removed
//! stands for the lock; only, after a kill it is the user who has to say that nobody is at work.

use std::{
    fs::{File, TryLockError},
    io,
    sync::atomic::{AtomicBool, Ordering},
};

use crate::disk::{
    FileStat,
    sys::{Dir, Found},
};

/// What is locked.
const LOCK: &[u8] = b"lock";

/// What is made where nothing can be locked.
const HELD: &[u8] = b"held";

/// The right to work in a folder, until this is dropped.
#[derive(Debug)]
pub(super) enum Held {
    /// By a lock, which ends with the process however that ends.
    Locked {
        /// Open for as long as the lock is wanted.
        _file: File,
    },
    /// By a file in this folder, unless it was let go.
    Made(Dir, AtomicBool),
}

impl Held {
    /// Takes the folder `dir`. `again` opens the same folder once more.
    ///
    /// # Errors
    /// `ResourceBusy` when another process has it; `NotFound` when it was removed meanwhile, and is to
    /// be made anew; those of making a file.
    pub(super) fn take(dir: &Dir, again: impl FnOnce() -> io::Result<Dir>) -> io::Result<Self> {
        let file = match dir.create_file(LOCK) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                dir.open_file(LOCK, true)?
            }
            other => other?,
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::ResourceBusy.into()),
            Err(TryLockError::Error(error)) => {
                tracing::debug!(%error, "nothing can be locked here");
                let again = again()?;
                return match dir.create_file(HELD) {
                    Ok(_) => Ok(Self::Made(again, AtomicBool::new(true))),
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                        Err(io::Error::new(io::ErrorKind::ResourceBusy, Unlockable))
                    }
                    Err(error) => Err(error),
                };
            }
        }
        // Whoever had the folder before may have removed it between opening and locking.
        match dir.look(LOCK)? {
            Found::File(stat) if stat.ino == 0 || stat.is_same_file(&FileStat::of(&file)?) => {
                Ok(Self::Locked { _file: file })
            }
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Whether a file of this name stands for the right to work here.
    pub(super) fn is_by(name: &[u8]) -> bool {
        [LOCK, HELD].contains(&name)
    }

    /// Removes what keeps others out of the folder `dir`, which has nothing else in it any more. From
    /// then on one may come in.
    ///
    /// # Errors
    /// Those of removing.
    pub(super) fn let_go(&self, dir: &Dir) -> io::Result<()> {
        let last = match self {
            Self::Locked { .. } => [HELD, LOCK],
            Self::Made(_, made) => {
                made.store(false, Ordering::Relaxed);
                [LOCK, HELD]
            }
        };
        for name in last {
            match dir.remove_file(name) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Self::Made(dir, made) = self
            && *made.get_mut()
        {
            // What stays is told about by the next run.
            let _ = dir.remove_file(HELD);
        }
    }
}

/// A fetch is at work where nothing can be locked, or was killed there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("another fetch is at work, or was killed")]
pub struct Unlockable;
