//! A file of a share, as content that can be proven.
//!
//! Files are open only while a batch is made: between batches a peer decides how long it takes, and
//! open files are few.

use std::{fs::File, io, sync::Arc};

use super::share::{Share, Unservable};
use crate::{
    disk,
    transfer::proof::{Content, InMemory},
};

/// How much of an outboard is read at once: the hashes of 1 MiB of content, a batch.
const WINDOW: usize = 4 * 1024;

/// Where the content of a blob that is being served comes from.
pub(super) enum Source {
    /// It is in memory for as long as the share, or for one batch.
    Memory(InMemory<bytes::Bytes, Arc<[u8]>>),
    /// It is read as it is needed.
    File(FileContent),
}

/// A file and its outboard.
pub(super) struct FileContent {
    share: Arc<Share>,
    number: u32,
    file: Option<File>,
    /// `None` when the outboard is one of the stored ones.
    small_outboard: Option<Vec<u8>>,
    outboard: Option<File>,
    window: Vec<u8>,
    window_start: u64,
    failed: Option<Unservable>,
}

impl Source {
    /// Closes files until they are needed again.
    pub(super) fn park(&mut self) {
        if let Self::File(content) = self {
            content.file = None;
            content.outboard = None;
            content.window = Vec::new();
        }
    }

    /// Why reading failed, when it is known better than by the error.
    pub(super) fn failure(&mut self) -> Option<Unservable> {
        match self {
            Self::Memory(_) => None,
            Self::File(content) => content.failed.take(),
        }
    }
}

impl Content for Source {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        match self {
            Self::Memory(content) => content.read_at(offset, buffer),
            Self::File(content) => disk::read_exact_at(content.file()?, buffer, offset),
        }
    }

    fn pair(&mut self, index: u64) -> io::Result<[u8; 64]> {
        match self {
            Self::Memory(content) => content.pair(index),
            Self::File(content) => content.pair(index),
        }
    }
}

impl FileContent {
    /// File number `number`, open already. Its outboard is `small_outboard` or the stored one.
    pub(super) fn new(
        share: Arc<Share>,
        number: u32,
        file: File,
        small_outboard: Option<Vec<u8>>,
    ) -> Self {
        Self {
            share,
            number,
            file: Some(file),
            small_outboard,
            outboard: None,
            window: Vec::new(),
            window_start: 0,
            failed: None,
        }
    }

    fn file(&mut self) -> io::Result<&File> {
        if self.file.is_none() {
            let file = self.share.open_source(self.number);
            self.file = Some(file.map_err(|why| self.fail(why))?);
        }
        self.file
            .as_ref()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn pair(&mut self, index: u64) -> io::Result<[u8; 64]> {
        let at = index.checked_mul(64).ok_or(io::ErrorKind::UnexpectedEof)?;
        if let Some(outboard) = &self.small_outboard {
            let start = usize::try_from(at).unwrap_or(usize::MAX);
            let pair = outboard.get(start..).and_then(|rest| rest.first_chunk());
            return pair
                .copied()
                .ok_or_else(|| io::ErrorKind::UnexpectedEof.into());
        }
        for _ in 0..2 {
            let within = at
                .checked_sub(self.window_start)
                .and_then(|n| usize::try_from(n).ok());
            let rest = within.and_then(|within| self.window.get(within..));
            if let Some(pair) = rest.and_then(|rest| rest.first_chunk::<64>()) {
                return Ok(*pair);
            }
            self.read_window(at)?;
        }
        Err(io::ErrorKind::UnexpectedEof.into())
    }

    fn read_window(&mut self, at: u64) -> io::Result<()> {
        let outboard = match self.outboard.take() {
            Some(outboard) => outboard,
            None => self
                .share
                .open_outboard(self.number)
                .map_err(|why| self.fail(why))?,
        };
        self.window.resize(WINDOW, 0);
        let read = disk::read_at(&outboard, &mut self.window, at)?;
        self.window.truncate(read);
        self.window_start = at;
        self.outboard = Some(outboard);
        Ok(())
    }

    fn fail(&mut self, why: Unservable) -> io::Error {
        self.failed = Some(why);
        io::ErrorKind::Other.into()
    }
}
