//! The walk itself: one visitor for each thread, whose finds are joined when it is done.

use std::{
    fs::{self, Metadata},
    io,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use ignore::{DirEntry as Found, ParallelVisitor, ParallelVisitorBuilder, WalkBuilder, WalkState};

use super::{
    FileStat, LeftOut, SourceFile, SourceRoot, Sources, Stop, WalkOptions,
    own::{Because, Own},
    patterns::{self, IGNORE_FILE, path_in, phrase},
    sys,
};
use crate::{
    content::{DirEntry, EntryPath, Limits, LinkEntry, PARTIAL_DIR, escape, shorten},
    disk::throttle::Throttle,
    events::{Failure, FailureKind},
};

/// How many names a message lists.
const LISTED: usize = 10;

/// How many characters of each it shows.
const SHOWN: usize = 160;

/// What the threads found together.
#[derive(Debug, Default)]
pub(super) struct Finds {
    pub(super) sources: Sources,
    /// Entries whose names cannot be in a share: the first ones of each thread, and how many in all.
    refused: Vec<LeftOut>,
    refused_count: u64,
    /// Whether a signal kept a folder from being listed.
    pub(super) interrupted: bool,
    /// Why the walk cannot go on.
    failure: Option<Failure>,
}

impl Finds {
    /// Refuses names that cannot be in a share.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let mut refused: Vec<&LeftOut> = self.refused.iter().collect();
        refused.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        let Some(first) = refused.first() else {
            return Ok(());
        };
        let message = if self.refused_count == 1 {
            format!("{} cannot be shared: {}", first.path, first.why)
        } else {
            let listed: Vec<String> = refused
                .iter()
                .take(LISTED)
                .map(|entry| format!("{} ({})", entry.path, entry.why))
                .collect();
            let rest = self.refused_count.saturating_sub(listed.len() as u64);
            let rest = if rest > 0 {
                format!(", and {rest} more")
            } else {
                String::new()
            };
            let count = self.refused_count;
            format!(
                "{count} names cannot be shared: {}{rest}",
                listed.join(", ")
            )
        };
        Err(Failure::new(FailureKind::Failed, message)
            .hint("rename them, or leave them out with --exclude"))
    }
}

/// Walks `roots`.
pub(super) fn visit(
    roots: &[SourceRoot],
    options: &WalkOptions,
    own: &Own,
    limits: &Limits,
    found: &(dyn Fn(u64, u64) + Sync),
    stop: &Stop,
) -> Result<Finds, Failure> {
    let shared = Shared {
        own,
        limits,
        found,
        stop,
        files: AtomicU64::new(0),
        others: AtomicU64::new(0),
        bytes: AtomicU64::new(0),
        throttle: Throttle::new(),
        ended: AtomicBool::new(false),
        interrupted: AtomicBool::new(false),
        finds: Mutex::default(),
    };
    for (index, root) in roots.iter().enumerate() {
        let walker = walker(root, options)?;
        let index = u32::try_from(index).map_err(|_| too_many("paths", u64::from(u32::MAX)))?;
        let mut builder = Builder {
            shared: &shared,
            root,
            index,
        };
        walker.build_parallel().visit(&mut builder);
        stop.check()?;
        if shared.ended.load(Ordering::Relaxed) {
            break;
        }
    }
    shared.report();
    let mut finds = shared
        .finds
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    finds.interrupted = shared.interrupted.into_inner();
    match finds.failure.take() {
        Some(failure) => Err(failure),
        None => Ok(finds),
    }
}

fn walker(root: &SourceRoot, options: &WalkOptions) -> Result<WalkBuilder, Failure> {
    let exclude = patterns::exclude(root, &options.exclude)?;
    let mut walker = WalkBuilder::new(&root.path);
    walker
        .standard_filters(false)
        .follow_links(false)
        .git_ignore(options.gitignore)
        // A tree that was copied without its `.git` is still what its author meant it to be.
        .require_git(false)
        .add_custom_ignore_filename(IGNORE_FILE)
        .filter_entry(move |entry| {
            let is_dir = entry.file_type().is_some_and(|kind| kind.is_dir());
            let is_ours = is_dir && entry.file_name() == PARTIAL_DIR;
            !is_ours && !exclude.matched(entry.path(), is_dir).is_ignore()
        });
    Ok(walker)
}

/// What all threads share.
struct Shared<'a> {
    own: &'a Own,
    limits: &'a Limits,
    found: &'a (dyn Fn(u64, u64) + Sync),
    stop: &'a Stop,
    files: AtomicU64,
    others: AtomicU64,
    bytes: AtomicU64,
    throttle: Throttle,
    ended: AtomicBool,
    interrupted: AtomicBool,
    finds: Mutex<Finds>,
}

impl Shared<'_> {
    fn report(&self) {
        let files = self.files.load(Ordering::Relaxed);
        (self.found)(files, self.bytes.load(Ordering::Relaxed));
    }
}

struct Builder<'a> {
    shared: &'a Shared<'a>,
    root: &'a SourceRoot,
    index: u32,
}

impl<'s> ParallelVisitorBuilder<'s> for Builder<'s> {
    fn build(&mut self) -> Box<dyn ParallelVisitor + 's> {
        Box::new(Visitor {
            shared: self.shared,
            root: self.root,
            index: self.index,
            finds: Finds::default(),
            path: Vec::new(),
        })
    }
}

/// One thread's part of the walk of one root.
struct Visitor<'a> {
    shared: &'a Shared<'a>,
    root: &'a SourceRoot,
    index: u32,
    finds: Finds,
    /// Where the path of an entry is put together, kept from entry to entry.
    path: Vec<u8>,
}

impl ParallelVisitor for Visitor<'_> {
    fn visit(&mut self, found: Result<Found, ignore::Error>) -> WalkState {
        if self.shared.stop.is_stopped() {
            return WalkState::Quit;
        }
        let result = match found {
            Ok(entry) => self.entry(&entry),
            Err(error) => self.unreadable(&error).map(|()| WalkState::Continue),
        };
        if self.shared.throttle.is_due() {
            self.shared.report();
        }
        match result {
            Ok(state) => state,
            Err(failure) => {
                self.finds.failure = Some(failure);
                self.shared.ended.store(true, Ordering::Relaxed);
                WalkState::Quit
            }
        }
    }
}

impl Visitor<'_> {
    /// Takes note of an entry; whether to go on, into it if it is a folder.
    fn entry(&mut self, entry: &Found) -> Result<WalkState, Failure> {
        if let Some(error) = entry.error() {
            patterns::check(error)?;
        }
        let metadata = fs::symlink_metadata(entry.path());
        let folder = metadata.as_ref().ok().filter(|found| found.is_dir());
        let own = folder.and_then(|found| {
            let stat = FileStat::from_metadata(found);
            self.shared.own.is(entry.path(), &stat)
        });
        if own == Some(Because::Known) {
            return Ok(WalkState::Skip);
        }
        let Some(path) = self.entry_path(entry.path()) else {
            return Ok(WalkState::Continue);
        };
        if own.is_some() {
            let (path, why) = (
                path.to_string(),
                "where Grove keeps its own files".to_owned(),
            );
            self.finds.sources.left_out.push(LeftOut { path, why });
            return Ok(WalkState::Skip);
        }
        match metadata {
            Ok(metadata) => self.sort_in(entry.path(), path, &metadata)?,
            Err(error) => self.put_unreadable(&path, &error),
        }
        Ok(WalkState::Continue)
    }

    /// Puts an entry where it belongs. Its kind is taken from `metadata`: it may have become another
    /// since its folder was read.
    fn sort_in(&mut self, at: &Path, path: EntryPath, metadata: &Metadata) -> Result<(), Failure> {
        let kind = metadata.file_type();
        let stat = FileStat::from_metadata(metadata);
        if kind.is_file() {
            if let Some(error) = self.closed_to_us(at, metadata) {
                self.put_unreadable(&path, &error);
                return Ok(());
            }
            count(&self.shared.files, self.shared.limits.files, "files")?;
            self.shared.bytes.fetch_add(stat.size, Ordering::Relaxed);
            self.finds.sources.files.push(SourceFile {
                path,
                root: self.index,
                stat,
            });
        } else if kind.is_dir() {
            count(
                &self.shared.others,
                self.shared.limits.others,
                "folders and links",
            )?;
            self.finds.sources.dirs.push(DirEntry {
                path,
                mode: stat.mode & 0o777,
                mtime: stat.mtime,
            });
        } else if kind.is_symlink() {
            count(
                &self.shared.others,
                self.shared.limits.others,
                "folders and links",
            )?;
            let target = fs::read_link(at).and_then(|target| {
                let bytes = sys::bytes_of(target.as_os_str());
                bytes
                    .map(Into::into)
                    .ok_or_else(|| io::ErrorKind::InvalidData.into())
            });
            match target {
                Ok(target) => self.finds.sources.links.push(LinkEntry {
                    path,
                    target,
                    mtime: stat.mtime,
                }),
                Err(error) => self.put_unreadable(&path, &error),
            }
        } else {
            let why = sys::special_kind(kind).unwrap_or("not a regular file");
            self.finds.sources.left_out.push(LeftOut {
                path: path.to_string(),
                why: why.to_owned(),
            });
        }
        Ok(())
    }

    /// Why a file cannot be read, where its permissions are to blame: known now, it is told together with
    /// the folders that cannot be listed, and before hours of hashing. Anything else shows when it is hashed.
    fn closed_to_us(&self, at: &Path, metadata: &Metadata) -> Option<io::Error> {
        if sys::is_surely_readable(metadata) {
            return None;
        }
        let folder = self.root.folder();
        let opened = sys::open_beneath(folder, at.strip_prefix(folder).ok()?);
        opened
            .err()
            .filter(|error| error.kind() == io::ErrorKind::PermissionDenied)
    }

    /// The path of an entry within the share, or `None` when it was refused.
    fn entry_path(&mut self, at: &Path) -> Option<EntryPath> {
        self.path.clear();
        self.path.extend_from_slice(self.root.name.as_bytes());
        let relative = at.strip_prefix(&self.root.path).unwrap_or(at);
        if !relative.as_os_str().is_empty() {
            let Some(bytes) = sys::bytes_of(relative.as_os_str()) else {
                self.refuse(
                    &relative.to_string_lossy(),
                    "its name is not Unicode".to_owned(),
                );
                return None;
            };
            self.path.push(b'/');
            self.path.extend_from_slice(&bytes);
        }
        let limits = self.shared.limits;
        let why = match EntryPath::parse(&self.path) {
            Ok(_) if self.path.len() > limits.path_bytes => {
                format!("longer than {} bytes", limits.path_bytes)
            }
            Ok(path) if path.components().count() > limits.depth => {
                format!("more than {} folders deep", limits.depth)
            }
            Ok(path) => return Some(path),
            Err(error) => error.to_string(),
        };
        let shown = String::from_utf8_lossy(&self.path).into_owned();
        self.refuse(&shown, why);
        None
    }

    fn refuse(&mut self, path: &str, why: String) {
        self.finds.refused_count += 1;
        if self.finds.refused.len() < LISTED {
            let path = shorten(&escape(path), SHOWN).into_owned();
            self.finds.refused.push(LeftOut { path, why });
        }
    }

    /// What the walker could not read: mostly a folder, which it has handed over as an entry before.
    fn unreadable(&mut self, error: &ignore::Error) -> Result<(), Failure> {
        let Some(at) = path_in(error) else {
            let message = format!("cannot walk {}: {}", self.root.name, phrase(error));
            return Err(Failure::new(FailureKind::LocalDisk, message));
        };
        let io = error.io_error().map_or_else(
            || io::Error::other(phrase(error)),
            |io| {
                io.raw_os_error()
                    .map_or_else(|| io.kind().into(), io::Error::from_raw_os_error)
            },
        );
        if io.kind() == io::ErrorKind::Interrupted {
            self.shared.interrupted.store(true, Ordering::Relaxed);
        }
        if let Some(path) = self.entry_path(at) {
            self.put_unreadable(&path, &io);
        }
        Ok(())
    }

    fn put_unreadable(&mut self, path: &EntryPath, error: &io::Error) {
        let (path, why) = (path.to_string(), sys::reason(error));
        self.finds.sources.unreadable.push(LeftOut { path, why });
    }
}

impl Drop for Visitor<'_> {
    /// Hands over what this thread found.
    fn drop(&mut self) {
        let mut all = self
            .shared
            .finds
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mine = &mut self.finds;
        all.sources.files.append(&mut mine.sources.files);
        all.sources.dirs.append(&mut mine.sources.dirs);
        all.sources.links.append(&mut mine.sources.links);
        all.sources.left_out.append(&mut mine.sources.left_out);
        all.sources.unreadable.append(&mut mine.sources.unreadable);
        all.refused.append(&mut mine.refused);
        all.refused_count += mine.refused_count;
        all.failure = all.failure.take().or(mine.failure.take());
    }
}

fn count(counter: &AtomicU64, limit: u64, what: &str) -> Result<(), Failure> {
    if counter.fetch_add(1, Ordering::Relaxed) < limit {
        Ok(())
    } else {
        Err(too_many(what, limit))
    }
}

fn too_many(what: &str, limit: u64) -> Failure {
    Failure::new(
        FailureKind::Failed,
        format!("more than {limit} {what} do not fit in one share"),
    )
    .hint(
        "share the folders one by one, pack them into an archive, or leave some out with --exclude",
    )
}
