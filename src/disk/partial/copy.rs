//! Content of a file that is at the destination already, for another one that is to have the same.

use std::{fs::File, io};

use crate::{
    content::{EntryPath, Hash},
    disk::{Stop, hash_file, holes, sys::read_at},
};

/// How much is read at once.
const STEP: usize = 1024 * 1024;

/// Which file a copy is to be.
#[derive(Debug, Clone, Copy)]
pub struct CopyOf<'a> {
    /// Its number in the share.
    pub number: u32,
    /// Its content.
    pub hash: &'a Hash,
    /// Its size in bytes.
    pub size: u64,
    /// Where it goes.
    pub place: &'a EntryPath,
}

/// Makes `copy`, which is empty, a copy of `source`, and says whether that is `size` bytes with this
/// hash. What was hashed is what was written: a change of `source` meanwhile cannot slip through. It
/// is not right, either, when it cannot be read.
pub(super) fn content(
    source: &File,
    copy: &File,
    size: u64,
    hash: &Hash,
    copied: &dyn Fn(u64),
    stop: &Stop,
) -> io::Result<bool> {
    if !source
        .metadata()
        .is_ok_and(|metadata| metadata.len() == size)
    {
        return Ok(false);
    }
    // A file system that shares blocks needs none of it written; for little files asking costs more.
    if size > STEP as u64 && reflink_copy::reflink_file(source, copy).is_ok() {
        let length = copy.metadata()?.len();
        return match hash_file(copy, size, None, &|_| {}, stop) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            hashed => {
                copied(size);
                Ok(length == size && hashed.is_ok_and(|found| found == *hash))
            }
        };
    }
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; usize::try_from(size).map_or(STEP, |size| size.clamp(1, STEP))];
    let mut done = 0;
    let mut left_out = false;
    while done < size {
        if stop.is_stopped() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let most = usize::try_from(size - done).map_or(STEP, |rest| rest.min(buffer.len()));
        let count = match read_at(source, &mut buffer[..most], done) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Ok(0) | Err(_) => return Ok(false),
            Ok(count) => count,
        };
        let content = &buffer[..count];
        hasher.update(content);
        left_out |= holes::write_around(copy, content, done, 0)?;
        done += count as u64;
        copied(count as u64);
    }
    if left_out {
        copy.set_len(size)?;
    }
    Ok(hasher.finalize().as_bytes() == hash.as_bytes())
}
