//! The list of what a share holds, and its form on the wire.

use bytes::Bytes;

use super::{EntryPath, Hash, Limits};

/// A modification time: seconds since 1970 (negative before) and nanoseconds within the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mtime {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub secs: i64,
    /// Nanoseconds, less than 1,000,000,000.
    pub nanos: u32,
}

/// A file of a share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// Where it goes.
    pub path: EntryPath,
    /// The BLAKE3 hash of its content.
    pub hash: Hash,
    /// Its size in bytes; `None` in a collection of another tool, which does not say.
    pub size: Option<u64>,
    /// Permission bits (at most `0o777`); `None` in a collection of another tool.
    pub mode: Option<u32>,
    /// When it was last changed; `None` in a collection of another tool.
    pub mtime: Option<Mtime>,
}

/// A folder of a share: every folder, so that modes, times and empty folders are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirEntry {
    /// Where it goes.
    pub path: EntryPath,
    /// Permission bits (at most `0o777`).
    pub mode: u32,
    /// When it was last changed.
    pub mtime: Mtime,
}

/// A symbolic link of a share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkEntry {
    /// Where it goes.
    pub path: EntryPath,
    /// What it points to, as it was read: bytes, not checked.
    pub target: Box<[u8]>,
    /// When it was last changed.
    pub mtime: Mtime,
}

/// What a share holds. Each list is sorted by path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    /// Files, in the order of their blobs: file `i` is child `i + 1` of the hash sequence (child 0
    /// is the metadata blob).
    pub files: Vec<FileEntry>,
    /// Folders.
    pub dirs: Vec<DirEntry>,
    /// Symbolic links.
    pub links: Vec<LinkEntry>,
}

/// A manifest in its wire form.
#[derive(Debug, Clone)]
pub struct Encoded {
    /// The hash that names the share: that of `hash_seq`.
    pub root: Hash,
    /// The hash sequence: 32 bytes for the metadata blob, then 32 for each file.
    pub hash_seq: Bytes,
    /// The hash of `meta`.
    pub meta_hash: Hash,
    /// The metadata blob: an iroh-blobs `CollectionMeta` and our section.
    pub meta: Bytes,
}

/// Two entries that would land on the same file where the file system folds case or Unicode forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collision {
    /// The first of the two.
    pub first: EntryPath,
    /// The second.
    pub second: EntryPath,
}

/// Why a manifest was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// The share holds nothing.
    #[error("the share is empty")]
    Empty,
}

impl Manifest {
    /// Sorts the entries and checks them against each other and `limits`.
    pub fn new(
        files: Vec<FileEntry>,
        dirs: Vec<DirEntry>,
        links: Vec<LinkEntry>,
        limits: &Limits,
    ) -> Result<Self, ManifestError> {
        let _ = (files, dirs, links, limits);
        todo!()
    }

    /// The wire form. Deterministic.
    #[must_use]
    pub fn encode(&self) -> Encoded {
        todo!()
    }

    /// Reads the wire form. The caller has verified both blobs against their hashes.
    pub fn decode(hash_seq: &[u8], meta: &[u8], limits: &Limits) -> Result<Self, ManifestError> {
        let _ = (hash_seq, meta, limits);
        todo!()
    }

    /// Sum of the known sizes; saturates.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.files
            .iter()
            .filter_map(|f| f.size)
            .fold(0, u64::saturating_add)
    }

    /// A name for a person: that of the only top-level entry, or "N entries".
    #[must_use]
    pub fn name(&self) -> String {
        todo!()
    }

    /// Pairs of entries (files, folders, links, and the folders that paths imply) that differ but
    /// fold to the same name on a file system that ignores case, Unicode form or both.
    #[must_use]
    pub fn folding_collisions(&self) -> Vec<Collision> {
        todo!()
    }
}
