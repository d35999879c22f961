//! Hashing with BLAKE3 on all cores, and the hash tree of large files on the way.
//!
//! [`hash_tree`] goes through the files of a walk in two passes. Small ones are tasks of their own, as
//! many at a time as there are cores. The large ones follow one after the other, each on all cores
//! (`tree`): side by side they would only compete for the disk. A file that cannot be read, or that
//! does not hold still, is set aside with the reason; only a cache that cannot be written, or a stop,
//! ends the work.

mod tree;

use std::{
    fs::File,
    io,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use rayon::prelude::*;

use self::tree::{HashError, Job};
use super::{
    FileStat, OUTBOARD_MIN, Outboards, SourceFile, SourceRoot, Sources, Stop, TreeCache,
    outboard::NewOutboard,
    sys::{self, Root},
    throttle::Throttle,
};
use crate::{content::Hash, events::Failure};

pub use tree::outboard_of;

/// Files from this size on are hashed by all cores together. A smaller one takes a single core a few
/// milliseconds.
const PARALLEL_MIN: u64 = 8 * 1024 * 1024;

/// Where [`hash_tree`] stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HashProgress {
    /// Bytes hashed or found in the cache.
    pub bytes: u64,
    /// Files hashed or found in the cache.
    pub files: u64,
}

/// Hashes every file of `sources`, in their order. A file that the cache knows is not read. The
/// state in `sources` is brought up to date for files that changed since the walk; files that vanished
/// or became unreadable are moved to `sources.unreadable`.
///
/// `caches` holds one cache for each of `sources.roots`, in their order; a root without one is read
/// as a whole. They are saved by the caller, except when this fails: then what was hashed so far is
/// added to what they hold on disk, so that the next attempt goes on from there.
///
/// `progress` is called at most every 50 ms, from any thread, and once at the end.
///
/// # Errors
/// `LocalDisk` when the outboard of a large file cannot be written; `Interrupted` when stopped.
pub fn hash_tree(
    sources: &mut Sources,
    caches: &[TreeCache],
    outboards: &Outboards,
    progress: &(dyn Fn(HashProgress) + Sync),
    stop: &Stop,
) -> Result<Vec<Hash>, Failure> {
    let mut hashes = vec![Hash::EMPTY; sources.files.len()];
    let pass = Pass {
        roots: &sources.roots,
        folders: sources
            .roots
            .iter()
            .map(|root| Root::open(root.folder()))
            .collect(),
        caches,
        outboards,
        counter: Counter::new(progress),
        unreadable: Mutex::default(),
        stop,
    };
    let files = &mut sources.files;
    let hashed = files
        .par_iter_mut()
        .zip(&mut hashes)
        .enumerate()
        .filter(|(_, (file, _))| file.stat.size < PARALLEL_MIN)
        .try_for_each(|(index, (file, hash))| pass.file(index, file, hash))
        .and_then(|()| {
            files
                .iter_mut()
                .zip(&mut hashes)
                .enumerate()
                .filter(|(_, (file, _))| file.stat.size >= PARALLEL_MIN)
                .try_for_each(|(index, (file, hash))| pass.file(index, file, hash))
        });
    if let Err(failure) = hashed {
        for cache in caches {
            // The failure that ended the work is the one to report.
            let _ = cache.checkpoint();
        }
        return Err(failure);
    }
    pass.counter.report();
    let unreadable = pass
        .unreadable
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    let gone = sources.set_aside(unreadable);
    let mut index = 0..;
    hashes.retain(|_| !index.next().is_some_and(|index| gone.contains(&index)));
    Ok(hashes)
}

/// Hashes one open file of `size` bytes on all cores, from its beginning, and stores its outboard
/// when it is at least `OUTBOARD_MIN` long. `progress` is called at most every 50 ms, from any thread,
/// with the bytes done so far, and once at the end.
///
/// # Errors
/// Those of reading the file, `UnexpectedEof` when it is shorter than `size`, and those of writing
/// the outboard. `Interrupted` when stopped.
pub fn hash_file(
    file: &File,
    size: u64,
    outboards: Option<&Outboards>,
    progress: &(dyn Fn(u64) + Sync),
    stop: &Stop,
) -> io::Result<Hash> {
    let report = |done: HashProgress| progress(done.bytes);
    let counter = Counter::new(&report);
    let hashed = hash_open(file, size, outboards, &|bytes| counter.add(bytes), stop);
    let stored = hashed.and_then(|(hash, outboard)| store(hash, outboard).map(|()| hash));
    match stored {
        Ok(hash) => {
            counter.report();
            Ok(hash)
        }
        Err(HashError::Read(error) | HashError::Outboard(error)) => Err(error),
        Err(HashError::Stopped) => Err(io::ErrorKind::Interrupted.into()),
    }
}

/// Hashes one open file; the outboard has no name yet, so that it can still be thought better of.
fn hash_open<'a>(
    file: &File,
    size: u64,
    outboards: Option<&'a Outboards>,
    on_piece: &(dyn Fn(u64) + Sync),
    stop: &Stop,
) -> Result<(Hash, Option<NewOutboard<'a>>), HashError> {
    let outboard = match outboards {
        Some(outboards) if size >= OUTBOARD_MIN => {
            Some(outboards.create().map_err(HashError::Outboard)?)
        }
        _ => None,
    };
    let target = outboard.as_ref().map(NewOutboard::file);
    let job = Job::new(file, target, size >= PARALLEL_MIN, on_piece, stop);
    Ok((job.run(size)?, outboard))
}

fn store(hash: Hash, outboard: Option<NewOutboard>) -> Result<(), HashError> {
    outboard.map_or(Ok(()), |new| new.store(&hash).map_err(HashError::Outboard))
}

/// What the threads of one [`hash_tree`] share.
struct Pass<'a> {
    roots: &'a [SourceRoot],
    folders: Vec<io::Result<Root>>,
    caches: &'a [TreeCache],
    outboards: &'a Outboards,
    counter: Counter<'a>,
    /// The files that could not be hashed, by index, and why.
    unreadable: Mutex<Vec<(usize, String)>>,
    stop: &'a Stop,
}

impl Pass<'_> {
    /// Hashes one file, or sets it aside.
    fn file(&self, index: usize, file: &mut SourceFile, hash: &mut Hash) -> Result<(), Failure> {
        self.stop.check()?;
        let cache = self.caches.get(file.root as usize);
        if let Some(known) = cache.and_then(|cache| cache.get(&file.stat))
            && self.can_serve(&known, file.stat.size)
        {
            *hash = known;
            self.counter.add(file.stat.size);
            self.counter.file_done();
            return Ok(());
        }
        match self.read(file, cache)? {
            Ok(found) => {
                *hash = found;
                self.counter.file_done();
            }
            Err(why) => {
                let mut unreadable = self
                    .unreadable
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                unreadable.push((index, why));
            }
        }
        Ok(())
    }

    /// Whether what is needed to serve the file is there, without reading the file.
    fn can_serve(&self, hash: &Hash, size: u64) -> bool {
        size < OUTBOARD_MIN || matches!(self.outboards.open(hash, size), Ok(Some(_)))
    }

    /// Reads one file. The inner error is why it could not be: the work goes on without it.
    fn read(
        &self,
        file: &mut SourceFile,
        cache: Option<&TreeCache>,
    ) -> Result<Result<Hash, String>, Failure> {
        // A file that is being written is given a second chance, no more: it may never hold still. A log that
        // only grows is then taken as it was: what was there at first was read once, and serving checks it.
        for may_grow in [false, true] {
            let counted = AtomicU64::new(0);
            let count = |bytes| {
                counted.fetch_add(bytes, Ordering::Relaxed);
                self.counter.add(bytes);
            };
            match self.read_once(file, may_grow, cache, &count) {
                Ok(Some(hash)) => return Ok(Ok(hash)),
                Ok(None) => {}
                Err(HashError::Read(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {}
                Err(HashError::Read(error)) => {
                    self.counter.take_back(counted.into_inner());
                    return Ok(Err(sys::reason(&error)));
                }
                Err(HashError::Outboard(error)) => return Err(self.outboards.failure(&error)),
                Err(HashError::Stopped) => {
                    self.stop.check()?;
                }
            }
            self.counter.take_back(counted.into_inner());
        }
        Ok(Err("it changed while it was read".to_owned()))
    }

    /// Reads one file; `None` when it was changed meanwhile, other than by growing where it `may_grow`.
    fn read_once(
        &self,
        file: &mut SourceFile,
        may_grow: bool,
        cache: Option<&TreeCache>,
        count: &(dyn Fn(u64) + Sync),
    ) -> Result<Option<Hash>, HashError> {
        let began = SystemTime::now();
        let open = self.open(file).map_err(HashError::Read)?;
        let before = FileStat::of(&open).map_err(HashError::Read)?;
        let (hash, outboard) =
            hash_open(&open, before.size, Some(self.outboards), count, self.stop)?;
        let after = FileStat::of(&open).map_err(HashError::Read)?;
        let grew = after.size > before.size;
        if after != before && !(may_grow && grew) {
            return Ok(None);
        }
        store(hash, outboard)?;
        file.stat = before;
        if after == before
            && let Some(cache) = cache
        {
            cache.insert(&before, hash, began);
        }
        Ok(Some(hash))
    }

    fn open(&self, file: &SourceFile) -> io::Result<File> {
        let index = file.root as usize;
        let (Some(root), Some(folder)) = (self.roots.get(index), self.folders.get(index)) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let folder = folder.as_ref().map_err(sys::same_error)?;
        folder.open_file(file.relative(root)?)
    }
}

/// Counts what is done and reports it now and then.
struct Counter<'a> {
    bytes: AtomicU64,
    files: AtomicU64,
    throttle: Throttle,
    progress: &'a (dyn Fn(HashProgress) + Sync),
}

impl<'a> Counter<'a> {
    fn new(progress: &'a (dyn Fn(HashProgress) + Sync)) -> Self {
        Self {
            bytes: AtomicU64::new(0),
            files: AtomicU64::new(0),
            throttle: Throttle::new(),
            progress,
        }
    }

    fn add(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if self.throttle.is_due() {
            self.report();
        }
    }

    /// For bytes that have to be read again.
    fn take_back(&self, bytes: u64) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn file_done(&self) {
        self.files.fetch_add(1, Ordering::Relaxed);
    }

    fn report(&self) {
        (self.progress)(HashProgress {
            bytes: self.bytes.load(Ordering::Relaxed),
            files: self.files.load(Ordering::Relaxed),
        });
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
