//! Whether the disk took what was written, as far as the system says so.
//!
//! A system tells once that content could not be brought to the disk. From then on it takes what it has
//! in memory for what the disk has: the next sync has nothing to do, and who reads finds nothing
//! wrong, until the memory is needed elsewhere. So what is not known to have been synced has to be written anew
//! after a sync that failed, whatever it reads as.
//!
//! The next run hears of that by a file that is *not* there: the folder has it from the beginning on,
//! and it is removed when a sync fails. Making one then might fail, too, for want of room.

use std::{io, sync::atomic::Ordering};

use super::Partial;
use crate::disk::sys::{Dir, Found};

/// There as long as no sync has failed.
pub(super) const SOUND: &[u8] = b"sound";

impl Partial {
    /// Whether no sync has failed since the folder was made. If not, what was placed without waiting for
    /// the disk ([`Partial::note_placing`]) is to be placed anew.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.sound.load(Ordering::Relaxed)
    }

    /// Passes on what waiting for the disk came to, having noted it if it failed.
    ///
    /// # Errors
    /// That one.
    pub fn noting<T>(&self, synced: io::Result<T>) -> io::Result<T> {
        if synced.is_err() {
            self.sound.store(false, Ordering::Relaxed);
            if let Err(error) = self.remove_if_there(SOUND) {
                tracing::debug!(%error, "the next run will not know that a sync failed");
            }
        }
        synced
    }

    /// The same for waiting for a whole file system: nobody is told again, so it is noted for all fetches that
    /// have a folder beside this one, too.
    ///
    /// # Errors
    /// That one.
    pub fn noting_for_all<T>(&self, synced: io::Result<T>) -> io::Result<T> {
        if synced.is_err()
            && let Err(error) = self.note_for_others()
        {
            tracing::debug!(%error, "the next run of another fetch will not know that a sync failed");
        }
        self.noting(synced)
    }

    /// Tells as many as it can; the first error is returned.
    fn note_for_others(&self) -> io::Result<()> {
        let mut told = Ok(());
        for name in self.holder.names()? {
            if name == self.name.as_bytes() || !matches!(self.holder.look(&name), Ok(Found::Dir(_)))
            {
                continue;
            }
            let other = self.holder.open_dir(&name);
            if let Err(error) = other.and_then(|other| other.remove_file(SOUND))
                && error.kind() != io::ErrorKind::NotFound
            {
                told = told.and(Err(error));
            }
        }
        told
    }
}

/// Whether a folder says that no sync has failed.
///
/// # Errors
/// Those of looking.
pub(super) fn is_noted(dir: &Dir) -> io::Result<bool> {
    Ok(matches!(dir.look(SOUND)?, Found::File(_)))
}
