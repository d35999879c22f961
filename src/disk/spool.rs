//! Copies that a share makes: of standard input, and of a tree for `--snapshot`.
//!
//! Each copy has a folder of its own, `copies/<name>/` in the cache folder, and beside it
//! `<name>.lock`, which stays locked as long as the copy is in use. What a kill leaves is known by its
//! lock being free, and is removed with the next share ([`clear_left_behind`]).

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs::{self, File, FileTimes},
    io::{self, Read, Seek as _, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rayon::prelude::*;

use super::{
    FileStat, SourceFile, SourceRoot, Sources, Stop,
    sys::{self, LockFile, Root},
    throttle::Throttle,
};
use crate::{
    content::{EntryPath, Mtime, escape},
    events::{Failure, FailureKind},
};

/// Bytes between two looks at the stop flag.
const STEP: u64 = 16 * 1024 * 1024;

/// Bytes that are read and written at once, where the kernel does not copy by itself.
const BUFFER: usize = 256 * 1024;

/// Standard input, as a file. Removed when dropped.
#[derive(Debug)]
pub struct Spooled {
    /// Where it is.
    pub path: PathBuf,
    _copy: CopyFolder,
}

/// Copies everything from `reader` to a file of mode 0600 named `name` in a fresh folder in the cache
/// folder `dir`. `progress` is called with the bytes copied so far, at most every 50 ms and once at the
/// end.
///
/// # Errors
/// `Usage` when `name` cannot be the name of a file in a share; `LocalDisk` when reading or writing
/// fails; `Interrupted` when stopped, which is noticed when the reader next returns.
pub fn spool(
    dir: &Path,
    name: &str,
    reader: &mut dyn Read,
    progress: &dyn Fn(u64),
    stop: &Stop,
) -> Result<Spooled, Failure> {
    let is_plain =
        EntryPath::parse(name.as_bytes()).is_ok_and(|path| path.components().count() == 1);
    if !is_plain {
        let message = format!("{} cannot be the name of a file", escape(name));
        return Err(
            Failure::new(FailureKind::Usage, message).hint("give it a plain name without /")
        );
    }
    let copy = CopyFolder::create(dir).map_err(|error| cannot_copy(dir, &error))?;
    let path = copy.path.join(name);
    let mut file = sys::create_private(&path).map_err(|error| cannot_copy(dir, &error))?;
    let throttle = Throttle::new();
    let mut buffer = vec![0; BUFFER];
    let mut bytes = 0;
    loop {
        stop.check()?;
        let count = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                let message = format!("cannot read {}: {}", escape(name), sys::reason(&error));
                return Err(Failure::new(FailureKind::LocalDisk, message)
                    .hint("check what is piped into this command"));
            }
        };
        file.write_all(&buffer[..count])
            .map_err(|error| cannot_copy(dir, &error))?;
        bytes += count as u64;
        if throttle.is_due() {
            progress(bytes);
        }
    }
    progress(bytes);
    Ok(Spooled { path, _copy: copy })
}

/// A copy of a tree. Removed when dropped.
#[derive(Debug)]
pub struct Snapshot {
    /// Where it is.
    pub path: PathBuf,
    _copy: CopyFolder,
}

/// Copies the files of `sources` below a fresh folder in the cache folder `dir`, sharing blocks where
/// the file system can, and makes `sources` point to the copies. Names, modes and times stay; what
/// cannot be read, or changes while it is copied, is moved to `sources.unreadable`. `progress` is called
/// with the bytes copied so far, at most every 50 ms, from any thread, and once at the end.
///
/// Since the copies are new files, a `TreeCache` knows none of them, and should not be told of them.
///
/// # Errors
/// `LocalDisk` when the copies cannot be written; `Interrupted` when stopped.
pub fn snapshot(
    dir: &Path,
    sources: &mut Sources,
    progress: &(dyn Fn(u64) + Sync),
    stop: &Stop,
) -> Result<Snapshot, Failure> {
    let copy = CopyFolder::create(dir).map_err(|error| cannot_copy(dir, &error))?;
    let job = Copying {
        from: &sources.roots,
        folders: sources
            .roots
            .iter()
            .map(|root| Root::open(root.folder()))
            .collect(),
        to: copied_roots(&sources.roots, &copy.path),
        bytes: AtomicU64::new(0),
        throttle: Throttle::new(),
        progress,
        stop,
    };
    let unreadable = Mutex::new(Vec::new());
    sources
        .files
        .par_iter_mut()
        .enumerate()
        .try_for_each(|(index, file)| {
            match job.file(file) {
                Ok(()) => {}
                Err(CopyError::Stopped) => stop.check()?,
                Err(CopyError::Write(error)) => return Err(cannot_copy(dir, &error)),
                Err(CopyError::Read(why)) => {
                    unreadable
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push((index, why));
                }
            }
            Ok(())
        })?;
    progress(job.bytes.into_inner());
    sources.roots = job.to;
    sources.set_aside(
        unreadable
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner),
    );
    Ok(Snapshot {
        path: copy.path.clone(),
        _copy: copy,
    })
}

/// The same roots, each in a numbered folder of its own.
fn copied_roots(roots: &[SourceRoot], copy: &Path) -> Vec<SourceRoot> {
    let copied = |(index, root): (usize, &SourceRoot)| {
        let folder = copy.join(index.to_string());
        let path = match root.path.file_name() {
            Some(name) if root.is_file => folder.join(name),
            _ => folder,
        };
        SourceRoot {
            path,
            ..root.clone()
        }
    };
    roots.iter().enumerate().map(copied).collect()
}

enum CopyError {
    Read(String),
    Write(io::Error),
    Stopped,
}

fn unread(error: &io::Error) -> CopyError {
    CopyError::Read(sys::reason(error))
}

struct Copying<'a> {
    from: &'a [SourceRoot],
    folders: Vec<io::Result<Root>>,
    to: Vec<SourceRoot>,
    bytes: AtomicU64,
    throttle: Throttle,
    progress: &'a (dyn Fn(u64) + Sync),
    stop: &'a Stop,
}

impl Copying<'_> {
    fn file(&self, file: &mut SourceFile) -> Result<(), CopyError> {
        let index = file.root as usize;
        let relative = file
            .relative(&self.from[index])
            .map_err(|error| unread(&error))?;
        let target = self.to[index].folder().join(relative);
        if let Some(parent) = target.parent() {
            sys::create_private_dir(parent).map_err(CopyError::Write)?;
        }
        for _ in 0..2 {
            let folder = self.folders[index].as_ref().map_err(unread)?;
            let source = folder.open_file(relative).map_err(|error| unread(&error))?;
            let before = FileStat::of(&source).map_err(|error| unread(&error))?;
            let copy = sys::create_private(&target).map_err(CopyError::Write)?;
            let copied = self.content(&source, &copy, before.size)?;
            let after = FileStat::of(&source).map_err(|error| unread(&error))?;
            if copied == before.size && before == after {
                file.stat = finish(&copy, &before).map_err(CopyError::Write)?;
                return Ok(());
            }
            self.bytes.fetch_sub(copied, Ordering::Relaxed);
            sys::remove_if_there(&target).map_err(CopyError::Write)?;
        }
        Err(CopyError::Read("it changed while it was copied".to_owned()))
    }

    /// Copies up to `size` bytes and returns how many there were.
    fn content(&self, source: &File, copy: &File, size: u64) -> Result<u64, CopyError> {
        if reflink_copy::reflink_file(source, copy).is_ok() {
            self.add(size);
            return Ok(copy.metadata().map_err(CopyError::Write)?.len().min(size));
        }
        let mut done = 0;
        while done < size {
            if self.stop.is_stopped() {
                return Err(CopyError::Stopped);
            }
            let step = STEP.min(size - done);
            match io::copy(&mut source.take(step), &mut &*copy) {
                Ok(0) => break,
                Ok(_) => {}
                // By a signal, after some of it: both files stand where it goes on.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // The kernel reads and writes in one call, and its error may be of either side.
                // Whichever of two calls fails in its place says whose it is.
                Err(_) => {
                    if by_hand(source, copy)? == 0 {
                        break;
                    }
                }
            }
            let now = (&*copy).stream_position().map_err(CopyError::Write)?;
            self.add(now - done);
            done = now;
        }
        Ok(done)
    }

    fn add(&self, bytes: u64) {
        let all = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if self.throttle.is_due() {
            (self.progress)(all);
        }
    }
}

/// Copies some bytes from where `copy` stands, and returns how many; 0 at the end of `source`.
fn by_hand(mut source: &File, mut copy: &File) -> Result<usize, CopyError> {
    let at = copy.stream_position().map_err(CopyError::Write)?;
    // What was read and then could not be written is read again.
    (source.seek(SeekFrom::Start(at))).map_err(|error| unread(&error))?;
    let mut buffer = vec![0; BUFFER];
    let count = loop {
        match source.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => break other.map_err(|error| unread(&error))?,
        }
    };
    copy.write_all(&buffer[..count]).map_err(CopyError::Write)?;
    Ok(count)
}

/// Gives a copy the time and mode of its original, and returns its state.
fn finish(copy: &File, original: &FileStat) -> io::Result<FileStat> {
    copy.set_times(FileTimes::new().set_modified(system_time(original.mtime)))?;
    set_mode(copy, original.mode)?;
    FileStat::of(copy)
}

#[cfg(unix)]
fn set_mode(copy: &File, mode: u32) -> io::Result<()> {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt};
    // It lies in a private folder, so that nobody else gets at it; and it has to stay readable.
    copy.set_permissions(Permissions::from_mode(mode & 0o777 | 0o400))
}

#[cfg(not(unix))]
fn set_mode(_: &File, _: u32) -> io::Result<()> {
    Ok(())
}

fn system_time(time: Mtime) -> SystemTime {
    let secs = Duration::from_secs(time.secs.unsigned_abs());
    let whole = if time.secs < 0 {
        UNIX_EPOCH.checked_sub(secs)
    } else {
        UNIX_EPOCH.checked_add(secs)
    };
    let nanos = Duration::from_nanos(time.nanos.into());
    whole
        .and_then(|whole| whole.checked_add(nanos))
        .unwrap_or(UNIX_EPOCH)
}

fn cannot_copy(dir: &Path, error: &io::Error) -> Failure {
    let dir = dir.to_string_lossy();
    let message = format!(
        "cannot make a copy in {}: {}",
        escape(&dir),
        sys::reason(error)
    );
    Failure::new(FailureKind::LocalDisk, message)
        .hint("make room there, or keep Grove's files elsewhere with GROVE_HOME")
}

/// Removes the copies in the cache folder `dir` that no living process uses. What cannot be removed now
/// stays for the next time.
pub fn clear_left_behind(dir: &Path) {
    if let Err(error) = sweep(dir, true) {
        tracing::debug!(%error, "copies that nobody uses stay");
    }
}

/// The folder of one copy. Removed when dropped.
#[derive(Debug)]
struct CopyFolder {
    path: PathBuf,
    lock: Option<LockFile>,
}

impl CopyFolder {
    /// Makes a fresh one in the cache folder `dir`.
    fn create(dir: &Path) -> io::Result<Self> {
        let copies = dir.join("copies");
        sys::create_private_dir(&copies)?;
        // The lock comes first: a folder without one is taken for left behind. Whoever sweeps may hold it
        // for a moment, and removes it then.
        let (path, lock) = loop {
            let path = copies.join(sys::unique());
            if let Some(lock) = LockFile::acquire(&lock_of(&path))? {
                break (path, Some(lock));
            }
        };
        let copy = Self { path, lock };
        sys::create_private_dir(&copy.path)?;
        Ok(copy)
    }
}

impl Drop for CopyFolder {
    fn drop(&mut self) {
        // What stays is removed by the next sweep.
        let _ = fs::remove_dir_all(&self.path);
        if let Some(lock) = self.lock.take() {
            let _ = lock.remove();
        }
    }
}

fn lock_of(path: &Path) -> PathBuf {
    path.with_extension("lock")
}

/// The copies below the cache folder `dir` that no living process uses, and their bytes. With `remove`,
/// they are removed.
pub(super) fn sweep(dir: &Path, remove: bool) -> io::Result<(u64, u64)> {
    let copies = dir.join("copies");
    let entries = match fs::read_dir(&copies) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((0, 0)),
        other => other?,
    };
    let mut names: BTreeSet<OsString> = BTreeSet::new();
    for entry in entries {
        let name = PathBuf::from(entry?.file_name());
        names.extend(name.file_stem().map(OsString::from));
    }
    let mut count = 0;
    let mut bytes = 0;
    for name in names {
        let path = copies.join(name);
        let Some(lock) = LockFile::acquire(&lock_of(&path))? else {
            continue;
        };
        if path.is_dir() {
            count += 1;
            bytes += bytes_below(&path)?;
            if remove {
                fs::remove_dir_all(&path)?;
            }
        }
        if remove || !path.is_dir() {
            lock.remove()?;
        }
    }
    Ok((count, bytes))
}

fn bytes_below(dir: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        bytes += if entry.file_type()?.is_dir() {
            bytes_below(&entry.path())?
        } else {
            entry.metadata()?.len()
        };
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
