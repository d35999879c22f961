//! Remembers the hash of each file of a tree under the state the file had, so that an unchanged
//! tree is not read again.
//!
//! One file for each tree, `trees/<name>.v1`, where the name is the first 16 bytes of the BLAKE3 hash
//! of the tree's absolute path, in hexadecimal. All numbers are little-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | the magic `GROVETRE` |
//! | 4 | the version, 1 |
//! | 4 | length of the path |
//! | 8 | number of records |
//! | 16 | the start of the computer in which it was written |
//! | 8 | when content was last known to be on the disk, seconds since 1970 |
//! | … | the path of the tree |
//! | 80 each | records, by ascending device and inode, each once |
//! | 32 | BLAKE3 hash of everything before |
//!
//! A record is device (8), inode (8), size (8), seconds of mtime (8) and ctime (8), nanoseconds of
//! mtime (4) and ctime (4), and the hash (32). It is kept in memory as it is on disk and searched
//! there: 80 MB for a million files, read and checked in the time the disk takes.
//!
//! A hash is of what was read, which may have been in memory only. A power cut takes such content away and
//! leaves the time stamps, so after another start of the computer only those records count whose files
//! had last been changed when their content is known to have been on the disk: before a fetch synced it,
//! or so long before the record was written that the system did. A moment that is still to come counts
//! as none: the clock was ahead.
//!
//! A file that was cut off, damaged, or written by another version fails the check and counts as
//! empty: the tree is then hashed again. A wrong hash would need the same file with the same size and
//! time stamps to change unnoticed, see [`TreeCache::insert`].

use std::{
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{FileStat, sys};
use crate::{
    content::{Hash, Mtime, escape},
    events::{Failure, FailureKind},
};

const MAGIC: &[u8; 8] = b"GROVETRE";
const VERSION: u32 = 1;
/// Magic, version, length of the path, number of records, the start of the computer, when content was on
/// the disk.
const HEADER: usize = 48;
/// What a record identifies the state by.
const STATE: usize = 48;
pub(crate) const RECORD: usize = STATE + 32;
const CHECKSUM: usize = 32;

/// Two changes within so short a time can leave the same time stamps: systems stamp with a clock that
/// ticks every 1 to 10 ms.
const CLOCK_TICK: Duration = Duration::from_millis(50);
/// The same where a file system keeps whole seconds, or every second one (FAT).
const COARSE_TICK: Duration = Duration::from_secs(2);

/// After so long a system has written what was changed. Linux begins after 30 s, laptops on battery may
/// wait ten minutes.
const WRITTEN_AFTER: Duration = Duration::from_mins(15);

pub(crate) type Record = [u8; RECORD];

/// The remembered hashes of one tree. Lookups and inserts go through a shared reference and from any
/// thread; what is inserted is found after the next [`TreeCache::load`].
#[derive(Debug)]
pub struct TreeCache {
    /// `None` remembers nothing.
    file: Option<CacheFile>,
    /// The records as they are on disk.
    loaded: Vec<u8>,
    /// One bit for each of them: whether it was looked up.
    used: Vec<AtomicU64>,
    inserted: Mutex<Vec<Record>>,
    /// When all content was on the disk, as far as it is known, in seconds since 1970.
    on_disk: AtomicI64,
}

#[derive(Debug)]
struct CacheFile {
    path: PathBuf,
    root: Vec<u8>,
}

impl TreeCache {
    /// The cache of the tree at `root` (absolute) in the cache folder `dir`. A missing or damaged
    /// cache is an empty one.
    #[must_use]
    pub fn load(dir: &Path, root: &Path) -> Self {
        let Some(root) = sys::bytes_of(root.as_os_str()) else {
            return Self::none();
        };
        let path = path_of(dir, &root);
        let loaded = fs::read(&path).ok().and_then(|bytes| records(bytes, &root));
        let (loaded, on_disk) = loaded.unwrap_or_default();
        let count = loaded.len() / RECORD;
        Self {
            file: Some(CacheFile {
                path,
                root: root.into_owned(),
            }),
            loaded,
            used: (0..count.div_ceil(64)).map(|_| AtomicU64::new(0)).collect(),
            inserted: Mutex::default(),
            on_disk: AtomicI64::new(on_disk),
        }
    }

    /// Forgets the hashes of the tree at `root`.
    ///
    /// # Errors
    /// Those of removing.
    pub fn forget(dir: &Path, root: &Path) -> io::Result<()> {
        sys::bytes_of(root.as_os_str())
            .map_or(Ok(()), |root| sys::remove_if_there(&path_of(dir, &root)))
    }

    /// A cache that remembers nothing.
    #[must_use]
    pub fn none() -> Self {
        Self {
            file: None,
            loaded: Vec::new(),
            used: Vec::new(),
            inserted: Mutex::default(),
            on_disk: AtomicI64::new(0),
        }
    }

    /// The hash of a file whose state is exactly `stat` (its mode aside).
    #[must_use]
    pub fn get(&self, stat: &FileStat) -> Option<Hash> {
        let state = state_of(stat);
        let (records, _) = self.loaded.as_chunks::<RECORD>();
        let index = records
            .binary_search_by(|record| key(record).cmp(&key(&state)))
            .ok()?;
        let (found, hash) = records[index].split_first_chunk::<STATE>()?;
        if *found != state {
            return None;
        }
        self.used[index / 64].fetch_or(1 << (index % 64), Ordering::Relaxed);
        Some(Hash::from_bytes(hash.try_into().ok()?))
    }

    /// Remembers that a file in the state `stat` has this hash. `began` is the moment before that
    /// state was looked at and reading began.
    ///
    /// Ignored when the file had been changed just before that moment: time stamps have steps, so one
    /// more change within the same step, while the file was read or later, would leave the state as it
    /// is, and the wrong hash would be remembered for ever. Ignored, too, when the system has no inode
    /// numbers, since then the state identifies nothing.
    pub fn insert(&self, stat: &FileStat, hash: Hash, began: SystemTime) {
        if self.file.is_none() || stat.ino == 0 || !is_settled(stat, began) {
            return;
        }
        let mut record = [0; RECORD];
        record[..STATE].copy_from_slice(&state_of(stat));
        record[STATE..].copy_from_slice(hash.as_bytes());
        self.inserted().push(record);
    }

    /// Notes that all content of the tree was on the disk at this moment, at least what is remembered.
    pub fn is_on_disk(&self, now: SystemTime) {
        self.on_disk.store(seconds(now), Ordering::Relaxed);
    }

    /// Writes what was looked up or inserted since [`TreeCache::load`]; the rest is forgotten: those
    /// files are gone or changed. Nothing is written when nothing changed.
    ///
    /// # Errors
    /// `LocalDisk` when the file cannot be written. The one before stays then.
    pub fn save(&self) -> Result<(), Failure> {
        self.write(false)
    }

    /// Writes what was inserted and all that was there before: for work that was broken off, which did
    /// not come to look everything up.
    ///
    /// # Errors
    /// Those of [`TreeCache::save`].
    pub fn checkpoint(&self) -> Result<(), Failure> {
        self.write(true)
    }

    fn write(&self, keep_all: bool) -> Result<(), Failure> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let (loaded, _) = self.loaded.as_chunks::<RECORD>();
        let kept = |index: usize| keep_all || self.is_used(index);
        let kept_count = (0..loaded.len()).filter(|index| kept(*index)).count();
        let mut inserted = self.inserted();
        if inserted.is_empty() && kept_count == loaded.len() {
            return Ok(());
        }
        // Several names of one file give several records. A stable sort keeps them in the order in
        // which they came, and the last is the one to believe.
        inserted.sort_by_key(|record| key(record));
        inserted.dedup_by(|later, earlier| {
            let same = key(later) == key(earlier);
            if same {
                *earlier = *later;
            }
            same
        });
        let old = loaded.iter().enumerate();
        let old = old
            .filter(|(index, _)| kept(*index))
            .map(|(_, record)| record);
        let records = || merge(old.clone(), inserted.iter());
        let written = SystemTime::now().checked_sub(WRITTEN_AFTER);
        let written = written.map_or(0, seconds);
        let on_disk = unless_to_come(self.on_disk.load(Ordering::Relaxed)).max(written);
        let header = Header::new(&file.root, records().count() as u64, on_disk);
        sys::replace(&file.path, |out| {
            write_file(out, &header, &file.root, records())
        })
        .map_err(|error| {
            let path = file.path.to_string_lossy();
            let why = sys::reason(&error);
            let message = format!("cannot write the cache {}: {why}", escape(&path));
            Failure::new(FailureKind::LocalDisk, message)
                .hint("files that were hashed now are hashed again next time")
        })
    }

    fn inserted(&self) -> std::sync::MutexGuard<'_, Vec<Record>> {
        self.inserted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_used(&self, index: usize) -> bool {
        self.used[index / 64].load(Ordering::Relaxed) >> (index % 64) & 1 == 1
    }
}

/// Where the cache of the tree at `root` is.
fn path_of(dir: &Path, root: &[u8]) -> PathBuf {
    let name = &blake3::hash(root).to_hex()[..32];
    dir.join("trees").join(format!("{name}.v1"))
}

/// The path of a tree, its number of records and the bytes on disk, without reading more than that.
/// `None` when it is no cache of this version.
pub(super) fn describe(path: &Path) -> io::Result<Option<(PathBuf, u64, u64)>> {
    let mut file = match fs::File::open(path) {
        // Somebody else is clearing up.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let bytes = file.metadata()?.len();
    let mut header = [0; HEADER];
    if file.read_exact(&mut header).is_err() {
        return Ok(None);
    }
    let Some(header) = Header::parse(&header) else {
        return Ok(None);
    };
    if header.file_len() != Some(bytes) {
        return Ok(None);
    }
    let mut root = vec![0; header.path_len as usize];
    file.read_exact(&mut root)?;
    Ok(Some((sys::path_of(&root)?.to_owned(), header.count, bytes)))
}

/// The records of a cache file of these bytes that count, and when content was on the disk; `None` when
/// it is not the intact cache of `root`.
pub(crate) fn records(mut bytes: Vec<u8>, root: &[u8]) -> Option<(Vec<u8>, i64)> {
    let (body, checksum) = bytes.split_last_chunk::<CHECKSUM>()?;
    if blake3::hash(body) != *checksum {
        return None;
    }
    let (header, rest) = body.split_first_chunk::<HEADER>()?;
    let mut header = Header::parse(header)?;
    header.on_disk = unless_to_come(header.on_disk);
    let path_len = header.path_len as usize;
    if header.file_len()? != bytes.len() as u64 || rest.get(..path_len)? != root {
        return None;
    }
    let end = bytes.len() - CHECKSUM;
    bytes.truncate(end);
    bytes.drain(..HEADER + path_len);
    if header.start != sys::this_start() {
        let (records, _) = bytes.as_chunks::<RECORD>();
        let was_on_disk = |record: &&Record| changed(record) < header.on_disk;
        bytes = records
            .iter()
            .filter(was_on_disk)
            .flatten()
            .copied()
            .collect();
    }
    Some((bytes, header.on_disk))
}

/// What a cache file begins with, behind magic and version.
pub(crate) struct Header {
    path_len: u32,
    count: u64,
    start: [u8; 16],
    on_disk: i64,
}

impl Header {
    /// Of a cache that is written in this start of the computer.
    pub(crate) fn new(root: &[u8], count: u64, on_disk: i64) -> Self {
        Self {
            path_len: u32::try_from(root.len()).unwrap_or(u32::MAX),
            count,
            start: sys::this_start(),
            on_disk,
        }
    }

    fn parse(header: &[u8; HEADER]) -> Option<Self> {
        let (magic, rest) = header.split_first_chunk::<8>()?;
        let (version, rest) = rest.split_first_chunk::<4>()?;
        let (path_len, rest) = rest.split_first_chunk::<4>()?;
        let (count, rest) = rest.split_first_chunk::<8>()?;
        let (start, on_disk) = rest.split_first_chunk::<16>()?;
        let known = magic == MAGIC && u32::from_le_bytes(*version) == VERSION;
        known.then_some(Self {
            path_len: u32::from_le_bytes(*path_len),
            count: u64::from_le_bytes(*count),
            start: *start,
            on_disk: i64::from_le_bytes(on_disk.try_into().ok()?),
        })
    }

    /// How long the whole file is.
    fn file_len(&self) -> Option<u64> {
        let records = self.count.checked_mul(RECORD as u64)?;
        records
            .checked_add((HEADER + CHECKSUM) as u64)?
            .checked_add(self.path_len.into())
    }
}

pub(crate) fn write_file<'a>(
    out: &mut impl Write,
    header: &Header,
    root: &[u8],
    records: impl Iterator<Item = &'a Record>,
) -> io::Result<()> {
    let mut hasher = blake3::Hasher::new();
    let mut put = |bytes: &[u8]| {
        hasher.update(bytes);
        out.write_all(bytes)
    };
    put(MAGIC)?;
    put(&VERSION.to_le_bytes())?;
    put(&header.path_len.to_le_bytes())?;
    put(&header.count.to_le_bytes())?;
    put(&header.start)?;
    put(&header.on_disk.to_le_bytes())?;
    put(root)?;
    for record in records {
        put(record)?;
    }
    out.write_all(hasher.finalize().as_bytes())
}

/// Both in order; where both have a file, the one in `new`.
fn merge<'a>(
    old: impl Iterator<Item = &'a Record>,
    new: impl Iterator<Item = &'a Record>,
) -> impl Iterator<Item = &'a Record> {
    let (mut old, mut new) = (old.peekable(), new.peekable());
    std::iter::from_fn(move || {
        if let Some(next) = new.peek() {
            match old.next_if(|record| key(*record) <= key(*next)) {
                Some(record) if key(record) != key(*next) => Some(record),
                _ => new.next(),
            }
        } else {
            old.next()
        }
    })
}

/// What a record, or the state at its beginning, is sorted by.
fn key(record: &[u8]) -> (u64, u64) {
    let number = |at: usize| {
        let bytes = record.get(at..at + 8).and_then(|b| b.try_into().ok());
        u64::from_le_bytes(bytes.unwrap_or_default())
    };
    (number(0), number(8))
}

/// When the file of a record had last been changed, in seconds since 1970.
fn changed(record: &Record) -> i64 {
    let bytes = record.get(32..40).and_then(|bytes| bytes.try_into().ok());
    bytes.map_or(i64::MAX, i64::from_le_bytes)
}

/// A moment in seconds since 1970, or 0 if it is still to come: it was told by a clock that was ahead, and would
/// vouch for content that is written from now on.
fn unless_to_come(moment: i64) -> i64 {
    if moment > seconds(SystemTime::now()) {
        0
    } else {
        moment
    }
}

/// Seconds since 1970.
fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs().try_into().unwrap_or(i64::MAX)
}

fn state_of(stat: &FileStat) -> [u8; STATE] {
    let mut state = [0; STATE];
    state[..8].copy_from_slice(&stat.dev.to_le_bytes());
    state[8..16].copy_from_slice(&stat.ino.to_le_bytes());
    state[16..24].copy_from_slice(&stat.size.to_le_bytes());
    state[24..32].copy_from_slice(&stat.mtime.secs.to_le_bytes());
    state[32..40].copy_from_slice(&stat.ctime.secs.to_le_bytes());
    state[40..44].copy_from_slice(&stat.mtime.nanos.to_le_bytes());
    state[44..].copy_from_slice(&stat.ctime.nanos.to_le_bytes());
    state
}

/// Whether any later change of the file shows in its time stamps. The one that counts is `ctime`: every
/// change sets it and nobody can set it back, while `mtime` may lie in the future for good.
fn is_settled(stat: &FileStat, began: SystemTime) -> bool {
    let coarse = stat.mtime.nanos == 0 && stat.ctime.nanos == 0;
    let tick = if coarse { COARSE_TICK } else { CLOCK_TICK };
    let Ok(latest) = began
        .duration_since(UNIX_EPOCH)
        .map(|since| since.saturating_sub(tick))
    else {
        return false;
    };
    let latest = Mtime {
        secs: latest.as_secs().try_into().unwrap_or(i64::MAX),
        nanos: latest.subsec_nanos(),
    };
    stat.ctime < latest
}

#[cfg(test)]
mod tests;
