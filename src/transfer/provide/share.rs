//! What is served: a root, its metadata, and the files it was made of.

use std::{
    collections::HashSet,
    fs::File,
    io,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;

use super::content::StoredContent;
use crate::{
    content::{Encoded, EntryPath, Hash},
    disk::{self, OUTBOARD_MIN, Outboards, Sources, Stop},
    transfer::proof::{Content, Encoder, GROUP, InMemory},
};

/// A share, ready to be served.
pub struct Share {
    root: Hash,
    hash_seq: Blob,
    meta_hash: Hash,
    meta: Blob,
    sources: Sources,
    outboards: Outboards,
    total_bytes: u64,
    changed: Mutex<HashSet<u32>>,
    /// Held while an outboard is made again, so that many requests do not do it at once.
    rebuilding: Mutex<()>,
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
}

/// A blob that is being served.
pub(super) type Served = Encoder<Box<dyn Content + Send>>;

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
            changed: Mutex::default(),
            rebuilding: Mutex::default(),
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
    pub(super) fn find(&self, hash: &Hash) -> Option<(u64, u64)> {
        if *hash == self.root {
            return Some((0, 2 + self.sources.files.len() as u64));
        }
        let mut children = self.hash_seq.data.chunks_exact(32);
        let child = children.position(|child| child == hash.as_bytes())?;
        Some((1 + child as u64, 1))
    }

    /// Opens the blob at `offset` of the share: 0 is the root, 1 the metadata, 2 the first file.
    pub(super) fn open(
        &self,
        offset: u64,
        ranges: &bao_tree::ChunkRanges,
    ) -> Result<(u64, Served), Unservable> {
        let memory = |blob: &Blob, hash: &Hash| {
            let size = blob.data.len() as u64;
            let content = InMemory {
                data: blob.data.clone(),
                outboard: blob.outboard.clone(),
            };
            (size, Encoder::trusted(boxed(content), hash, size, ranges))
        };
        match offset {
            0 => Ok(memory(&self.hash_seq, &self.root)),
            1 => Ok(memory(&self.meta, &self.meta_hash)),
            _ => {
                let number = u32::try_from(offset - 2).unwrap_or(u32::MAX);
                self.open_file(number, ranges).inspect_err(|why| {
                    if let Unservable::Changed(_) = why {
                        self.note_changed(number);
                    }
                })
            }
        }
    }

    /// Notes that file `number` is no longer what it was; says whether that is news.
    pub(super) fn note_changed(&self, number: u32) -> bool {
        self.changed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(number)
    }

    /// Looks again at a file whose content or outboard did not match. The outboard may be what is
    /// damaged; then it is made again and the file is still good.
    pub(super) fn is_still_good(&self, number: u32) -> bool {
        let Some(source) = self.sources.files.get(number as usize) else {
            return false;
        };
        let hash = self.file_hash(number);
        if source.stat.size < OUTBOARD_MIN {
            return false;
        }
        let _one_at_a_time = self
            .rebuilding
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let _ = self.outboards.remove(&hash);
        self.sources
            .open(source)
            .is_ok_and(|file| self.rebuild(&file, source.stat.size, hash))
    }

    fn open_file(
        &self,
        number: u32,
        ranges: &bao_tree::ChunkRanges,
    ) -> Result<(u64, Served), Unservable> {
        let changed = self
            .changed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&number);
        let source = self.sources.files.get(number as usize);
        let (false, Some(source)) = (changed, source) else {
            return Err(Unservable::Changed(number));
        };
        let hash = self.file_hash(number);
        let size = source.stat.size;
        let file = self
            .sources
            .open(source)
            .map_err(|error| match error.kind() {
                // Gone, or something else is there now.
                io::ErrorKind::NotFound | io::ErrorKind::InvalidInput => {
                    Unservable::Changed(number)
                }
                _ => Unservable::Unreadable(number),
            })?;
        let in_memory = size < OUTBOARD_MIN;
        let encoder = if in_memory {
            let mut data = vec![0; usize::try_from(size).unwrap_or_default()];
            disk::read_exact_at(&file, &mut data, 0).map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => Unservable::Changed(number),
                _ => Unservable::Unreadable(number),
            })?;
            if size <= GROUP {
                Encoder::new(
                    boxed(InMemory {
                        data,
                        outboard: Vec::new(),
                    }),
                    &hash,
                    size,
                    ranges,
                )
            } else {
                let (actual, outboard) = disk::outboard_of(&data);
                if actual != hash {
                    return Err(Unservable::Changed(number));
                }
                Encoder::trusted(boxed(InMemory { data, outboard }), &hash, size, ranges)
            }
        } else {
            let outboard = self.outboard(&file, size, hash, number)?;
            Encoder::new(
                boxed(StoredContent::new(file, outboard)),
                &hash,
                size,
                ranges,
            )
        };
        Ok((size, encoder))
    }

    fn outboard(
        &self,
        file: &File,
        size: u64,
        hash: Hash,
        number: u32,
    ) -> Result<File, Unservable> {
        let open = || self.outboards.open(&hash, size).ok().flatten();
        if let Some(outboard) = open() {
            return Ok(outboard);
        }
        let _one_at_a_time = self
            .rebuilding
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(outboard) = open() {
            return Ok(outboard);
        }
        if !self.rebuild(file, size, hash) {
            return Err(Unservable::Changed(number));
        }
        open().ok_or(Unservable::Unreadable(number))
    }

    /// Makes an outboard again, which the cache has lost; says whether the file is what it was.
    fn rebuild(&self, file: &File, size: u64, hash: Hash) -> bool {
        let again = disk::hash_file(file, size, Some(&self.outboards), &|_| {}, &Stop::default());
        again.is_ok_and(|again| again == hash)
    }

    fn file_hash(&self, number: u32) -> Hash {
        let start = (1 + number as usize) * 32;
        let bytes = self
            .hash_seq
            .data
            .get(start..)
            .and_then(|rest| rest.first_chunk::<32>());
        Hash::from_bytes(*bytes.unwrap_or(&[0; 32]))
    }
}

fn boxed(content: impl Content + Send + 'static) -> Box<dyn Content + Send> {
    Box::new(content)
}
