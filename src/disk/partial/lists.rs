//! What is written down of a fetch beside its files, for the runs after it: which folders it made, and which
//! small files it set out to place.
//!
//! Each is a list of numbers of entries of the share, 4 bytes each, little-endian.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, Read as _},
};

use super::{Partial, sys};
use crate::disk::sys::Dir;

impl Partial {
    /// Writes down which folders of the share were missing, before they are made.
    ///
    /// # Errors
    /// Those of writing.
    pub fn note_made(&self, numbers: &[u32]) -> io::Result<()> {
        self.note(b"made", numbers).map(drop)
    }

    /// Which folders were missing when this fetch first began.
    ///
    /// # Errors
    /// Those of reading.
    pub fn made(&self) -> io::Result<Vec<u32>> {
        numbers_in(&self.dir, b"made")
    }

    /// Writes down, on the disk, which small files are about to get their names without waiting for
    /// the disk. What a power cut leaves of them is then known to be nobody else's.
    ///
    /// # Errors
    /// Those of writing and syncing.
    pub fn note_placing(&self, numbers: &[u32]) -> io::Result<()> {
        let known: HashSet<u32> = self.placing()?.into_iter().collect();
        let mut new = numbers.to_vec();
        new.retain(|number| !known.contains(number));
        if new.is_empty() && self.is_sound() {
            return Ok(());
        }
        self.noting(self.note(b"placing", &new)?.sync_all())?;
        self.noting(self.sync_names())
    }

    /// Forgets what was noted of files by [`Partial::note_placing`] that are on the disk by now; whether that
    /// was all. Where this is not done, or a power cut undoes it, they are only placed once more.
    ///
    /// # Errors
    /// Those of reading and writing.
    pub fn forget_placing(&self, are_safe: impl Fn(u32) -> bool) -> io::Result<bool> {
        let noted = self.placing()?;
        let left: Vec<u32> = noted.iter().copied().filter(|n| !are_safe(*n)).collect();
        if left.len() == noted.len() {
            return Ok(left.is_empty());
        }
        let bytes: Vec<u8> = left.iter().flat_map(|n| n.to_le_bytes()).collect();
        let file = self.dir.create_file(b"placing.new")?;
        sys::write_all_at(&file, &bytes, 0)?;
        self.noting(file.sync_all())?;
        self.dir
            .rename(b"placing.new", &self.dir, b"placing", true)?;
        Ok(left.is_empty())
    }

    /// What was noted by [`Partial::note_placing`].
    ///
    /// # Errors
    /// Those of reading.
    pub fn placing(&self) -> io::Result<Vec<u32>> {
        numbers_in(&self.dir, b"placing")
    }

    /// Appends numbers to a list of them. All of it is written, since the disk may not have taken what was
    /// there.
    fn note(&self, name: &[u8], numbers: &[u32]) -> io::Result<File> {
        let mut file = self.open_or_create(name)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        // A record that a kill cut short would shift all later ones.
        bytes.truncate(bytes.len() / 4 * 4);
        file.set_len(bytes.len() as u64)?;
        bytes.extend(numbers.iter().flat_map(|n| n.to_le_bytes()));
        sys::write_all_at(&file, &bytes, 0)?;
        Ok(file)
    }
}

/// The numbers in a list of them; none where there is no list.
pub(super) fn numbers_in(dir: &Dir, name: &[u8]) -> io::Result<Vec<u32>> {
    let mut bytes = Vec::new();
    match dir.open_file(name, false) {
        Ok(mut file) => file.read_to_end(&mut bytes)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error),
    };
    let (numbers, _) = bytes.as_chunks::<4>();
    Ok(numbers.iter().map(|n| u32::from_le_bytes(*n)).collect())
}
