//! What is at the places of files already.

use std::{collections::HashMap, io::Read as _};

use rayon::prelude::*;

use super::{Chosen, Conflict, PlanOptions, unlookable};
use crate::{
    content::{EntryPath, FileEntry},
    disk::{self, Destination, FileStat, Found, Place, Stop, TreeCache},
    events::Failure,
};

/// What was found at the place of a file.
enum State {
    Missing,
    There(FileStat),
    Other(Conflict),
}

/// With more top-level entries, a cache file for each costs more than it saves.
pub const MANY_TOPS: usize = 1000;

/// What is known about a file's place in the end.
pub(super) enum FileState {
    Have,
    Missing,
    /// An earlier run placed it, and a power cut damaged it, or the disk may not have it; this is what is in
    /// its place.
    Broken(FileStat),
    Conflict(Box<Conflict>),
}

/// How many files are looked at before those that are there are compared: what is known about a
/// place in between takes far more memory than what comes out.
const AT_ONCE: usize = 4096;

pub(super) fn look_at_files(
    chosen: &Chosen<'_>,
    destination: Option<&Destination>,
    options: PlanOptions<'_>,
    caches: &(dyn Fn(&EntryPath) -> Option<TreeCache> + Sync),
    hashed: &(dyn Fn(u64) + Sync),
    stop: &Stop,
) -> Result<Vec<FileState>, Failure> {
    let Some(destination) = destination else {
        return Ok(chosen.files.iter().map(|_| FileState::Missing).collect());
    };
    let mut known = Known {
        destination,
        verify: options.verify,
        anew: options.anew,
        load: caches,
        by_top: HashMap::new(),
        stop,
    };
    let mut settled = Vec::with_capacity(chosen.files.len());
    let mut failed = None;
    for files in chosen.files.chunks(AT_ONCE) {
        let mut states = Vec::with_capacity(files.len());
        for (_, file) in files {
            stop.check()?;
            let state = look_at(destination, file)?;
            if matches!(state, State::There(_)) {
                known.want(file.path.top());
            }
            states.push(state);
        }
        let settle = |((number, file), state): (&(u32, &FileEntry), State)| {
            stop.check()?;
            let begun = options.begun.contains(number);
            known.settle(file, begun, state, hashed)
        };
        let states: Result<Vec<_>, Failure> = files.par_iter().zip(states).map(settle).collect();
        match states {
            Ok(states) => settled.extend(states),
            Err(failure) => {
                failed = Some(failure);
                break;
            }
        }
    }
    for cache in known.by_top.values().flatten() {
        let _ = cache.checkpoint();
    }
    failed.map_or(Ok(settled), Err)
}

/// What is known about the destination.
struct Known<'a> {
    destination: &'a Destination,
    /// Whether to believe no remembered hash.
    verify: bool,
    /// Whether what an earlier run placed does not count.
    anew: bool,
    load: &'a (dyn Fn(&EntryPath) -> Option<TreeCache> + Sync),
    /// The remembered hashes, by the top-level entry.
    by_top: HashMap<&'a [u8], Option<TreeCache>>,
    stop: &'a Stop,
}

impl<'a> Known<'a> {
    fn want(&mut self, top: &'a [u8]) {
        if self.by_top.contains_key(top) || self.by_top.len() >= MANY_TOPS {
            return;
        }
        let cache = EntryPath::parse(top).ok().and_then(|top| (self.load)(&top));
        self.by_top.insert(top, cache);
    }

    /// Compares what is at the place of `file` with it; `begun` says whether an earlier run set out to
    /// place it.
    fn settle(
        &self,
        file: &FileEntry,
        begun: bool,
        state: State,
        hashed: &(dyn Fn(u64) + Sync),
    ) -> Result<FileState, Failure> {
        let stat = match state {
            State::Missing => return Ok(FileState::Missing),
            State::Other(conflict) => return Ok(FileState::Conflict(Box::new(conflict))),
            State::There(stat) => stat,
        };
        let (place, destination) = (&file.path, self.destination);
        // What the disk may not have is not worth remembering, either.
        let cache = self.by_top.get(place.top()).and_then(Option::as_ref);
        let cache = cache.filter(|_| !(begun && self.anew));
        let remembered = cache
            .filter(|_| !self.verify)
            .and_then(|cache| cache.get(&stat));
        let same = match remembered {
            _ if Some(stat.size) != file.size => false,
            Some(hash) => hash == file.hash,
            None => has_content(destination, place, file, cache, hashed, self.stop)?,
        };
        Ok(if same && !(begun && self.anew) {
            FileState::Have
        } else if same || begun && is_leftover(destination, file, &stat)? {
            FileState::Broken(stat)
        } else {
            FileState::Conflict(Box::new(Conflict {
                at: place.clone(),
                what: "a file with other content",
            }))
        })
    }
}

fn look_at(destination: &Destination, file: &FileEntry) -> Result<State, Failure> {
    let other = |at: &EntryPath, what| {
        Ok(State::Other(Conflict {
            at: at.clone(),
            what,
        }))
    };
    match destination
        .look(&file.path)
        .map_err(|error| unlookable(&file.path, &error))?
    {
        Place::Is(Found::Nothing) => Ok(State::Missing),
        Place::Is(Found::File(stat)) => Ok(State::There(stat)),
        Place::Is(found) => other(&file.path, found.what()),
        Place::Blocked(at, what) => other(&at, what),
    }
}

/// Whether the file at `place` has the content of `file`, by reading it.
fn has_content(
    destination: &Destination,
    place: &EntryPath,
    file: &FileEntry,
    cache: Option<&TreeCache>,
    hashed: &(dyn Fn(u64) + Sync),
    stop: &Stop,
) -> Result<bool, Failure> {
    let began = std::time::SystemTime::now();
    let read = || {
        let open = destination.open_file(place)?;
        let stat = FileStat::of(&open)?;
        if Some(stat.size) != file.size {
            return Ok(false);
        }
        let hash = disk::hash_file(&open, stat.size, None, hashed, stop)?;
        if let Some(cache) = cache {
            cache.insert(&stat, hash, began);
        }
        Ok(hash == file.hash)
    };
    match read() {
        Ok(same) => Ok(same),
        Err(error) => {
            stop.check()?;
            Err(unlookable(place, &error))
        }
    }
}

/// Whether what is in the place of `file`, which an earlier run set out to place, is what a power cut
/// left of it: nothing, or nothing but zeros, or not touched by anybody since it got its time. So what
/// somebody wrote meanwhile is not taken for it.
fn is_leftover(
    destination: &Destination,
    file: &FileEntry,
    stat: &FileStat,
) -> Result<bool, Failure> {
    if stat.size > file.size.unwrap_or_default() {
        return Ok(false);
    }
    if stat.size == 0 || file.mtime == Some(stat.mtime) {
        return Ok(true);
    }
    let read = || {
        // No longer than a small file is.
        let mut content = Vec::new();
        destination
            .open_file(&file.path)?
            .read_to_end(&mut content)?;
        Ok(content.iter().all(|byte| *byte == 0))
    };
    read().map_err(|error| unlookable(&file.path, &error))
}

/// Whether a file may get another name: `Some(false)` when nothing is there, `Some(true)` when it is
/// there already, with the same content.
pub(super) fn is_free(
    destination: Option<&Destination>,
    path: &EntryPath,
    file: &FileEntry,
) -> Result<Option<bool>, Failure> {
    let Some(destination) = destination else {
        return Ok(Some(false));
    };
    match destination
        .look(path)
        .map_err(|error| unlookable(path, &error))?
    {
        Place::Is(Found::Nothing) => Ok(Some(false)),
        Place::Is(Found::File(stat)) if Some(stat.size) == file.size => {
            let same = has_content(destination, path, file, None, &|_| {}, &Stop::default())?;
            Ok(same.then_some(true))
        }
        _ => Ok(None),
    }
}
