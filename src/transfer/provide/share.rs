//! What is served: a root, its metadata, and the files it was made of.

use std::{fs::File, io, sync::Arc};

use bao_tree::ChunkRanges;
use bytes::Bytes;
use tokio::sync::OnceCell;

use super::{
    check::Checks,
    content::{FileContent, Source},
};
use crate::{
    content::{Encoded, EntryPath, Hash},
    disk::{self, OUTBOARD_MIN, Outboards, Sources},
    transfer::proof::{Encoder, GROUP, InMemory},
};

/// A share, ready to be served.
pub struct Share {
    root: Hash,
    hash_seq: Blob,
    meta_hash: Hash,
    meta: Blob,
    pub(super) sources: Sources,
    pub(super) outboards: Outboards,
    total_bytes: u64,
    /// The children by their hash, made when a child is first asked for by it.
    index: OnceCell<Vec<u32>>,
    pub(super) checks: Checks,
}

impl std::fmt::Debug for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Share")
            .field("root", &self.root)
            .field("files", &self.sources.files.len())
            .finish_non_exhaustive()
    }
}

/// A blob in memory. Cheap to clone.
#[derive(Clone)]
struct Blob {
    data: Bytes,
    outboard: Arc<[u8]>,
}

impl Blob {
    fn new(data: Bytes) -> Self {
        let (_, outboard) = disk::outboard_of(&data);
        Self {
            data,
            outboard: outboard.into(),
        }
    }
}

/// Why a blob cannot be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unservable {
    /// The file is not what it was.
    Changed(u32),
    /// The file cannot be read.
    Unreadable(u32),
    /// Its outboard is not in the cache.
    NoOutboard(u32),
    /// Something is short at the moment: files, memory, room on the disk of the cache.
    Later,
}

/// A blob that is being served.
pub(super) type Served = Encoder<Source>;

/// A blob that was opened, or why it was not.
pub(super) enum Opened {
    /// Its size, how to prove it, and the bytes that were read for that.
    Blob(u64, Served, u64),
    /// It fits into an empty batch, but not into what is left of this one.
    NextBatch,
}

impl Share {
    /// Serves `encoded` with the content of `sources`, whose files are in the order of the manifest.
    #[must_use]
    pub fn new(encoded: Encoded, sources: Sources, outboards: Outboards) -> Self {
        let total_bytes = sources
            .files
            .iter()
            .fold(0u64, |sum, file| sum.saturating_add(file.stat.size));
        Self {
            root: encoded.root,
            hash_seq: Blob::new(encoded.hash_seq),
            meta_hash: encoded.meta_hash,
            meta: Blob::new(encoded.meta),
            sources,
            outboards,
            total_bytes,
            index: OnceCell::new(),
            checks: Checks::default(),
        }
    }

    /// Sum of the sizes of all files.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// The path of file number `file`.
    pub(super) fn path(&self, file: u32) -> Option<&EntryPath> {
        self.sources.files.get(file as usize).map(|file| &file.path)
    }

    /// How many blobs a request for `hash` may ask for, and the offset of the first of them in the
    /// whole share: the root with its children, or a single child. `None` when nothing by this hash
    /// is shared.
    pub(super) async fn find(self: &Arc<Self>, hash: &Hash) -> Option<(u64, u64)> {
        if *hash == self.root {
            return Some((0, 2 + self.sources.files.len() as u64));
        }
        let share = self.clone();
        let index = self.index.get_or_init(async || {
            let sorted = tokio::task::spawn_blocking(move || share.sorted()).await;
            sorted.unwrap_or_default()
        });
        let index = index.await;
        let before = index.partition_point(|child| self.child(*child) < *hash.as_bytes());
        let child = *index.get(before)?;
        (self.child(child) == *hash.as_bytes()).then_some((1 + u64::from(child), 1))
    }

    /// The numbers of all children, in the order of their hashes.
    fn sorted(&self) -> Vec<u32> {
        let count = u32::try_from(self.hash_seq.data.len() / 32).unwrap_or(u32::MAX);
        let mut index: Vec<u32> = (0..count).collect();
        index.sort_unstable_by_key(|child| (self.child(*child), *child));
        index
    }

    /// Opens the blob at `offset` of the share, for a batch of which `left` bytes of `capacity` are
    /// left: 0 is the root, 1 the metadata, 2 the first file.
    pub(super) fn open(
        self: &Arc<Self>,
        offset: u64,
        ranges: &ChunkRanges,
        left: usize,
        capacity: usize,
    ) -> Result<Opened, Unservable> {
        let memory = |blob: &Blob, hash: &Hash| {
            let size = blob.data.len() as u64;
            let content = Source::Memory(InMemory {
                data: blob.data.clone(),
                outboard: blob.outboard.clone(),
            });
            Ok(Opened::Blob(
                size,
                Encoder::trusted(content, hash, size, ranges),
                0,
            ))
        };
        match offset {
            0 => memory(&self.hash_seq, &self.root),
            1 => memory(&self.meta, &self.meta_hash),
            _ => {
                let number = u32::try_from(offset - 2).unwrap_or(u32::MAX);
                self.open_file(number, ranges, left, capacity)
                    .inspect_err(|why| {
                        if let Unservable::Changed(_) = why {
                            self.checks.note_changed(number);
                        }
                    })
            }
        }
    }

    fn open_file(
        self: &Arc<Self>,
        number: u32,
        ranges: &ChunkRanges,
        left: usize,
        capacity: usize,
    ) -> Result<Opened, Unservable> {
        let source = self.sources.files.get(number as usize);
        let (false, Some(source)) = (self.checks.has_changed(number), source) else {
            return Err(Unservable::Changed(number));
        };
        let hash = self.file_hash(number);
        let size = source.stat.size;
        if size >= OUTBOARD_MIN {
            let file = self.open_source(number)?;
            // Opened once before anything is sent, so that a lost one can still be made again.
            self.open_outboard(number)?;
            let content = Source::File(FileContent::new(self.clone(), number, file, None));
            let encoder = Encoder::new(content, &hash, size, ranges);
            return Ok(Opened::Blob(size, encoder, 0));
        }
        let length = usize::try_from(size).unwrap_or(usize::MAX);
        // With its hashes, also those within chunk groups.
        let needed = length + length / 8 + 1024;
        let fits = needed <= left || size <= GROUP;
        if !fits && left < capacity && needed <= capacity {
            return Ok(Opened::NextBatch);
        }
        let file = self.open_source(number)?;
        let mut data = vec![0; length];
        disk::read_exact_at(&file, &mut data, 0).map_err(|error| unreadable(number, &error))?;
        if size <= GROUP {
            let content = Source::Memory(InMemory {
                data: data.into(),
                outboard: Arc::default(),
            });
            return Ok(Opened::Blob(
                size,
                Encoder::new(content, &hash, size, ranges),
                0,
            ));
        }
        let (actual, outboard) = disk::outboard_of(&data);
        if actual != hash {
            return Err(Unservable::Changed(number));
        }
        let encoder = if fits {
            let content = Source::Memory(InMemory {
                data: data.into(),
                outboard: outboard.into(),
            });
            Encoder::trusted(content, &hash, size, ranges)
        } else {
            // It would be held while the peer takes its time; so it is read again, and proven again.
            let content = FileContent::new(self.clone(), number, file, Some(outboard));
            Encoder::new(Source::File(content), &hash, size, ranges)
        };
        Ok(Opened::Blob(size, encoder, size))
    }

    /// Opens file number `number`.
    pub(super) fn open_source(&self, number: u32) -> Result<File, Unservable> {
        let source = self.sources.files.get(number as usize);
        let source = source.ok_or(Unservable::Changed(number))?;
        self.sources
            .open(source)
            .map_err(|error| unreadable(number, &error))
    }

    /// Opens the stored outboard of file number `number`.
    pub(super) fn open_outboard(&self, number: u32) -> Result<File, Unservable> {
        let size = self.sources.files.get(number as usize);
        let size = size.map_or(0, |source| source.stat.size);
        // Whatever keeps it from being opened, the file itself is none the worse.
        let opened = self.outboards.open(&self.file_hash(number), size);
        opened
            .map_err(|_| Unservable::Later)?
            .ok_or(Unservable::NoOutboard(number))
    }

    fn child(&self, child: u32) -> [u8; 32] {
        let rest = self.hash_seq.data.get(child as usize * 32..);
        let hash = rest.and_then(|rest| rest.first_chunk::<32>());
        *hash.unwrap_or(&[0; 32])
    }

    pub(super) fn file_hash(&self, number: u32) -> Hash {
        Hash::from_bytes(self.child(number.saturating_add(1)))
    }
}

/// What a failure to open or read file number `number` means.
pub(super) fn unreadable(number: u32, error: &io::Error) -> Unservable {
    match error.kind() {
        _ if is_shortage(error) => Unservable::Later,
        // Gone, or something else is there now, or it is shorter.
        io::ErrorKind::NotFound
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::InvalidInput
        | io::ErrorKind::UnexpectedEof => Unservable::Changed(number),
        _ => Unservable::Unreadable(number),
    }
}

/// Whether an error says something about this computer at this moment, not about the file.
fn is_shortage(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        use rustix::io::Errno;
        let short = [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::NOBUFS];
        if Errno::from_io_error(error).is_some_and(|errno| short.contains(&errno)) {
            return true;
        }
    }
    matches!(
        error.kind(),
        io::ErrorKind::OutOfMemory
            | io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::Interrupted
            | io::ErrorKind::WouldBlock
    )
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn a_shortage_says_nothing_about_a_file() {
        use rustix::io::Errno;
        for errno in [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::NOSPC] {
            assert_eq!(unreadable(3, &errno.into()), Unservable::Later, "{errno}");
        }
        assert_eq!(unreadable(3, &Errno::NOENT.into()), Unservable::Changed(3));
        assert_eq!(
            unreadable(3, &Errno::ACCESS.into()),
            Unservable::Unreadable(3)
        );
    }
}
