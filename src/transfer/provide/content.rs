//! A file with a stored outboard, as content that can be proven.

use std::{fs::File, io};

use crate::{disk, transfer::proof::Content};

/// How much of an outboard is read at once: the hashes of 4 MiB of content, which is what a getter
/// asks for in one request.
const WINDOW: usize = 16 * 1024;

/// A large file and its outboard.
pub(super) struct StoredContent {
    file: File,
    outboard: File,
    window: Vec<u8>,
    window_start: u64,
}

impl StoredContent {
    pub(super) fn new(file: File, outboard: File) -> Self {
        Self {
            file,
            outboard,
            window: Vec::new(),
            window_start: 0,
        }
    }
}

impl Content for StoredContent {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        disk::read_exact_at(&self.file, buffer, offset)
    }

    fn pair(&mut self, index: u64) -> io::Result<[u8; 64]> {
        let at = index.checked_mul(64).ok_or(io::ErrorKind::UnexpectedEof)?;
        for _ in 0..2 {
            let within = at
                .checked_sub(self.window_start)
                .and_then(|n| usize::try_from(n).ok());
            let rest = within.and_then(|within| self.window.get(within..));
            if let Some(pair) = rest.and_then(|rest| rest.first_chunk::<64>()) {
                return Ok(*pair);
            }
            self.window.resize(WINDOW, 0);
            let read = disk::read_at(&self.outboard, &mut self.window, at)?;
            self.window.truncate(read);
            self.window_start = at;
        }
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}
