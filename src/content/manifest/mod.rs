//! The list of what a share holds, and its form on the wire.
//!
//! A sharer makes a [`Manifest`] of what it walked and hashed, and [`Manifest::encode`]s it; a getter
//! [`Manifest::decode`]s the two blobs it was sent. Both ends hold the same rules: no two entries at
//! one place, none below a file or a link, numbers and lengths within [`Limits`]. `wire` writes the
//! bytes, `read` reads them and `survey` looks over them first, `check` has the rules between entries.

mod check;
mod error;
mod read;
mod survey;
mod wire;

use bytes::Bytes;

pub use error::{BadName, ManifestError};

use super::{EntryPath, Hash, Limits, escape_bytes};

/// Most bytes of a link's target, as of a path on Linux.
pub const TARGET_BYTES: usize = 4096;

/// A modification time: seconds since 1970 (negative before) and nanoseconds within the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mtime {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub secs: i64,
    /// Nanoseconds, less than 1,000,000,000.
    pub nanos: u32,
}

impl Mtime {
    /// The start of the year 1.
    pub const MIN: Self = Self {
        secs: -62_135_596_800,
        nanos: 0,
    };

    /// The end of the year 9999.
    pub const MAX: Self = Self {
        secs: 253_402_300_799,
        nanos: 999_999_999,
    };

    /// The nearest time from [`MIN`](Self::MIN) to [`MAX`](Self::MAX): file systems and their tools
    /// stumble over times far outside.
    #[must_use]
    pub fn clamped(self) -> Self {
        let nanos = self.nanos.min(Self::MAX.nanos);
        Self { nanos, ..self }.clamp(Self::MIN, Self::MAX)
    }
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

/// What a share holds. Each list is sorted by path, with one exception: the files of another tool's
/// collection stay in the order of their blobs, whatever that is.
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

impl Manifest {
    /// Sorts the entries and checks them against each other and `limits`. Modes are cut to their
    /// permission bits, times to the years 1 to 9999.
    ///
    /// # Errors
    /// When there is no entry, there are too many or they take too many bytes, two are at one place,
    /// one is below a file or link, or a link has no usable target.
    pub fn new(
        files: Vec<FileEntry>,
        dirs: Vec<DirEntry>,
        links: Vec<LinkEntry>,
        limits: &Limits,
    ) -> Result<Self, ManifestError> {
        let mut manifest = Self { files, dirs, links };
        manifest.files.sort_by(|a, b| a.path.cmp(&b.path));
        manifest.dirs.sort_by(|a, b| a.path.cmp(&b.path));
        manifest.links.sort_by(|a, b| a.path.cmp(&b.path));
        manifest.tidy();
        manifest.check(limits)?;
        check::check_memory(&manifest)?;
        let meta_bytes = wire::meta_len(&manifest) as u64;
        if meta_bytes > limits.meta_bytes {
            return Err(ManifestError::MetaTooLarge {
                bytes: meta_bytes,
                max: limits.meta_bytes,
            });
        }
        Ok(manifest)
    }

    /// The wire form. Deterministic: the same entries give the same bytes.
    #[must_use]
    pub fn encode(&self) -> Encoded {
        let meta = wire::encode_meta(self);
        let meta_hash = Hash::new(&meta);
        let mut hash_seq = Vec::with_capacity(32 * (self.files.len() + 1));
        hash_seq.extend_from_slice(meta_hash.as_bytes());
        for file in &self.files {
            hash_seq.extend_from_slice(file.hash.as_bytes());
        }
        Encoded {
            root: Hash::new(&hash_seq),
            hash_seq: hash_seq.into(),
            meta_hash,
            meta: meta.into(),
        }
    }

    /// Reads the wire form. The caller has verified both blobs against their hashes.
    ///
    /// Takes memory in proportion to the bytes that are there, never to a number they claim.
    ///
    /// # Errors
    /// As [`new`](Self::new), and when the bytes are no collection, their counts do not agree, a name
    /// is not allowed, or Grove's section is damaged or of a newer version.
    pub fn decode(hash_seq: &[u8], meta: &[u8], limits: &Limits) -> Result<Self, ManifestError> {
        let mut manifest = read::decode(hash_seq, meta, limits)?;
        manifest.tidy();
        Ok(manifest)
    }

    /// Sum of the known sizes; saturates.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.files
            .iter()
            .filter_map(|f| f.size)
            .fold(0, u64::saturating_add)
    }

    /// Number of entries: files, folders and links.
    #[must_use]
    pub fn len(&self) -> usize {
        self.files.len() + self.dirs.len() + self.links.len()
    }

    /// Whether there is no entry at all; never so in a manifest that was checked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The paths of all entries: files, then folders, then links.
    pub fn paths(&self) -> impl Iterator<Item = &EntryPath> {
        let files = self.files.iter().map(|f| &f.path);
        let dirs = self.dirs.iter().map(|d| &d.path);
        let links = self.links.iter().map(|l| &l.path);
        files.chain(dirs).chain(links)
    }

    /// The names at the top level, raw, sorted, each once.
    #[must_use]
    pub fn top_level(&self) -> Vec<&[u8]> {
        let mut names: Vec<&[u8]> = Vec::new();
        for path in self.paths() {
            let top = path.top();
            // Neighbours mostly share their top, so the list stays short before it is sorted.
            if names.last() != Some(&top) {
                names.push(top);
            }
        }
        names.sort_unstable();
        names.dedup();
        names
    }

    /// A name for a person: that of the only top-level entry, escaped, or "N entries".
    #[must_use]
    pub fn name(&self) -> String {
        match self.top_level().as_slice() {
            [only] => escape_bytes(only).into_owned(),
            several => format!("{} entries", several.len()),
        }
    }

    /// Pairs of entries (files, folders, links, and the folders that paths imply) that differ but
    /// fold to the same name on a file system that ignores case, Unicode form or both. The first of
    /// a group is paired with each of the others; what lies below two folders that collide is not
    /// listed again. In tree order.
    #[must_use]
    pub fn folding_collisions(&self) -> Vec<Collision> {
        check::folding_collisions(self)
    }

    /// Cuts modes and times to what is sane, without a word: no tree gets worse by it.
    fn tidy(&mut self) {
        for file in &mut self.files {
            file.mode = file.mode.map(|mode| mode & MODE_MASK);
            file.mtime = file.mtime.map(Mtime::clamped);
        }
        for dir in &mut self.dirs {
            dir.mode &= MODE_MASK;
            dir.mtime = dir.mtime.clamped();
        }
        for link in &mut self.links {
            link.mtime = link.mtime.clamped();
        }
    }

    fn check(&self, limits: &Limits) -> Result<(), ManifestError> {
        if self.is_empty() {
            return Err(ManifestError::Empty);
        }
        if self.files.len() as u64 > limits.files {
            return Err(ManifestError::TooManyFiles { max: limits.files });
        }
        if (self.dirs.len() + self.links.len()) as u64 > limits.others {
            return Err(ManifestError::TooManyFolders { max: limits.others });
        }
        let mut total: u64 = 0;
        for size in self.files.iter().filter_map(|f| f.size) {
            total = total.checked_add(size).ok_or(ManifestError::SizeOverflow)?;
        }
        for link in &self.links {
            if !is_target(&link.target) {
                let path = link.path.clone();
                return Err(ManifestError::BadTarget { path });
            }
        }
        check::check_entries(self, limits)
    }
}

/// The permission bits that a manifest carries: no set-id and no sticky bit.
const MODE_MASK: u32 = 0o777;

fn is_target(target: &[u8]) -> bool {
    !target.is_empty() && target.len() <= TARGET_BYTES && !target.contains(&0)
}

#[cfg(test)]
mod tests;
