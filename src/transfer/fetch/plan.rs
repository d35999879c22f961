//! Settling, before the first content byte, what is fetched and where it goes.
//!
//! The plan looks at the place of every entry: what is already there with the right content is
//! left, what is missing is wanted, and anything else in the way is settled as the user said, or
//! named. Space is compared with what is left to fetch. Nothing is written while planning.

use std::{
    collections::{HashMap, HashSet},
    io,
};

use rayon::prelude::*;

use super::{Only, rename::Renamer};
use crate::{
    content::{EntryPath, FileEntry, Hash, LinkEntry, Manifest, human_bytes},
    disk::{self, Destination, FileStat, Found, Place, Stop, TreeCache},
    events::{Failure, FailureKind},
};

/// What is done about other content at the place of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflicts {
    /// They are named, and nothing is fetched.
    Stop,
    /// Files and links are replaced; folders never.
    Overwrite,
    /// The new file gets another name.
    Rename,
    /// The old one is left, and the new one not fetched.
    Skip,
}

/// How to plan.
#[derive(Debug, Clone, Copy)]
pub struct PlanOptions<'a> {
    /// Which entries.
    pub only: &'a Only,
    /// What to do about other content.
    pub conflicts: Conflicts,
    /// Whether to read files that are already there even if the cache knows them.
    pub verify: bool,
}

/// A file that is to be fetched.
#[derive(Debug, Clone)]
pub struct Want {
    /// Its number in the share.
    pub number: u32,
    /// Its content.
    pub hash: Hash,
    /// Its size in bytes.
    pub size: u64,
    /// Where it goes.
    pub place: EntryPath,
    /// Whether what is there is replaced.
    pub replace: bool,
}

/// A link that is to be made.
#[derive(Debug, Clone)]
pub struct LinkItem {
    /// Its number among the links of the share.
    pub number: usize,
    /// Whether what is there is replaced.
    pub replace: bool,
}

/// What is to be done.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Files to fetch.
    pub wants: Vec<Want>,
    /// Links to make.
    pub links: Vec<LinkItem>,
    /// Numbers of the folders that are missing.
    pub missing_dirs: Vec<u32>,
    /// Numbers of all folders that belong to what was chosen.
    pub dirs: Vec<u32>,
    /// Files chosen, and their sizes.
    pub files: u64,
    /// Sum of the sizes of the files chosen.
    pub bytes: u64,
    /// Files that are there already, and the sum of their sizes.
    pub have: (u64, u64),
    /// Entries that are left alone because something is in the way, escaped.
    pub left_alone: Vec<String>,
    /// Links that are refused because they lead out of the share, escaped.
    pub refused_links: Vec<String>,
}

impl Plan {
    /// Whether nothing is to be done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.wants.is_empty() && self.links.is_empty() && self.missing_dirs.is_empty()
    }

    /// Bytes that are to be fetched, before what an earlier run left.
    #[must_use]
    pub fn wanted_bytes(&self) -> u64 {
        self.wants
            .iter()
            .fold(0, |sum, want| sum.saturating_add(want.size))
    }
}

/// Something in the way.
struct Conflict {
    at: EntryPath,
    what: &'static str,
}

/// What was found at the place of a file.
enum State {
    Missing,
    There(FileStat),
    Other(Conflict),
}

/// Makes the plan for `manifest`, whose sizes are all known. `destination` is `None` when the folder
/// is not there yet. `caches` are asked for hashes of files that are there; `hashed` hears of bytes
/// read for want of them.
///
/// # Errors
/// `Usage` when nothing matches; `InTheWay` naming what is; `LocalDisk` when something cannot be
/// looked at; `Interrupted`.
pub fn make(
    manifest: &Manifest,
    destination: Option<&Destination>,
    options: PlanOptions<'_>,
    caches: &(dyn Fn(&EntryPath) -> Option<TreeCache> + Sync),
    hashed: &(dyn Fn(u64) + Sync),
    stop: &Stop,
) -> Result<Plan, Failure> {
    let chosen = Chosen::of(manifest, options.only)?;
    let mut plan = Plan::default();
    let mut conflicts = Vec::new();
    let states = look_at_files(&chosen, destination, options, caches, hashed, stop)?;
    let mut renamer = Renamer::new(manifest);
    for ((number, file), state) in chosen.files.iter().zip(states) {
        let size = file.size.unwrap_or_default();
        plan.files += 1;
        plan.bytes = plan.bytes.saturating_add(size);
        let mut want = |place: EntryPath, replace| {
            let hash = file.hash;
            plan.wants.push(Want {
                number: *number,
                hash,
                size,
                place,
                replace,
            });
        };
        match state {
            FileState::Have => {
                plan.have.0 += 1;
                plan.have.1 = plan.have.1.saturating_add(size);
            }
            FileState::Missing => want(file.path.clone(), false),
            FileState::Conflict(conflict) => {
                // Only the entry's own place can be given to it in another way.
                let own = conflict.at == file.path;
                match options.conflicts {
                    Conflicts::Overwrite if own && conflict.what != "a folder" => {
                        want(file.path.clone(), true);
                    }
                    Conflicts::Rename if own => {
                        let free = |path: &EntryPath| is_free(destination, path, file);
                        let (place, is_there) = renamer.free_name(&file.path, free)?;
                        if is_there {
                            plan.have.0 += 1;
                            plan.have.1 = plan.have.1.saturating_add(size);
                        } else {
                            want(place, false);
                        }
                    }
                    Conflicts::Skip => {
                        plan.left_alone.push(file.path.to_string());
                        plan.have.0 += 1;
                        plan.have.1 = plan.have.1.saturating_add(size);
                    }
                    _ => conflicts.push(conflict),
                }
            }
        }
    }
    plan_dirs(
        &mut plan,
        &mut conflicts,
        &chosen,
        destination,
        options.conflicts,
    )?;
    plan_links(
        &mut plan,
        &mut conflicts,
        manifest,
        &chosen,
        destination,
        options.conflicts,
    )?;
    if conflicts.is_empty() {
        Ok(plan)
    } else {
        Err(in_the_way(&conflicts))
    }
}

/// The entries that were chosen.
struct Chosen<'a> {
    files: Vec<(u32, &'a FileEntry)>,
    dirs: Vec<(u32, &'a EntryPath)>,
    links: Vec<(usize, &'a LinkEntry)>,
}

impl<'a> Chosen<'a> {
    fn of(manifest: &'a Manifest, only: &Only) -> Result<Self, Failure> {
        let number = |i: usize| u32::try_from(i).unwrap_or(u32::MAX);
        let files: Vec<_> = manifest
            .files
            .iter()
            .enumerate()
            .filter(|(_, file)| only.matches(&file.path))
            .map(|(i, file)| (number(i), file))
            .collect();
        let links: Vec<_> = manifest
            .links
            .iter()
            .enumerate()
            .filter(|(_, link)| only.matches(&link.path))
            .collect();
        let mut above = HashSet::new();
        if !only.is_all() {
            let paths = files.iter().map(|(_, file)| &file.path);
            for path in paths.chain(links.iter().map(|(_, link)| &link.path)) {
                let mut parent = path.parent();
                while let Some(path) = parent {
                    parent = path.parent();
                    if !above.insert(path) {
                        break;
                    }
                }
            }
        }
        let dirs: Vec<_> = manifest
            .dirs
            .iter()
            .enumerate()
            .filter(|(_, dir)| only.matches(&dir.path) || above.contains(&dir.path))
            .map(|(i, dir)| (number(i), &dir.path))
            .collect();
        if files.is_empty() && links.is_empty() && dirs.is_empty() {
            return Err(
                Failure::new(FailureKind::Usage, "nothing in this share matches --only")
                    .hint("`grove ls` shows what there is"),
            );
        }
        Ok(Self { files, dirs, links })
    }
}

/// With more top-level entries, a cache file for each costs more than it saves.
const MANY_TOPS: usize = 1000;

/// What is known about a file's place in the end.
enum FileState {
    Have,
    Missing,
    Conflict(Conflict),
}

fn look_at_files(
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
    let mut states = Vec::with_capacity(chosen.files.len());
    for (_, file) in &chosen.files {
        stop.check()?;
        states.push(look_at(destination, file)?);
    }
    let mut tops: HashSet<&[u8]> = HashSet::new();
    for ((_, file), state) in chosen.files.iter().zip(&states) {
        if matches!(state, State::There(_)) {
            tops.insert(file.path.top());
        }
    }
    if tops.len() > MANY_TOPS {
        tops.clear();
    }
    let caches: HashMap<&[u8], TreeCache> = tops
        .into_iter()
        .filter_map(|top| {
            EntryPath::parse(top)
                .ok()
                .and_then(|path| caches(&path))
                .map(|c| (top, c))
        })
        .collect();
    let settle = |((_, file), state): (&(u32, &FileEntry), State)| {
        stop.check()?;
        Ok(match state {
            State::Missing => FileState::Missing,
            State::Other(conflict) => FileState::Conflict(conflict),
            State::There(stat) => {
                let cache = caches.get(file.path.top());
                let known = cache
                    .filter(|_| !options.verify)
                    .and_then(|cache| cache.get(&stat));
                let same = match known {
                    Some(hash) => hash == file.hash,
                    None => has_content(destination, &file.path, file, cache, hashed, stop)?,
                };
                if same {
                    FileState::Have
                } else {
                    let at = file.path.clone();
                    FileState::Conflict(Conflict {
                        at,
                        what: "a file with other content",
                    })
                }
            }
        })
    };
    let settled: Result<Vec<_>, Failure> =
        chosen.files.par_iter().zip(states).map(settle).collect();
    for cache in caches.values() {
        let _ = cache.checkpoint();
    }
    settled
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
        Place::Is(Found::File(stat)) if Some(stat.size) == file.size => Ok(State::There(stat)),
        Place::Is(Found::File(_)) => other(&file.path, "a file with other content"),
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

/// Whether a file may get another name: `Some(false)` when nothing is there, `Some(true)` when it is
/// there already, with the same content.
fn is_free(
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

fn plan_dirs(
    plan: &mut Plan,
    conflicts: &mut Vec<Conflict>,
    chosen: &Chosen<'_>,
    destination: Option<&Destination>,
    on_conflict: Conflicts,
) -> Result<(), Failure> {
    for (number, path) in &chosen.dirs {
        let place = match destination {
            None => Place::Is(Found::Nothing),
            Some(destination) => destination
                .look(path)
                .map_err(|error| unlookable(path, &error))?,
        };
        let conflict = match place {
            Place::Is(Found::Nothing) => {
                plan.missing_dirs.push(*number);
                plan.dirs.push(*number);
                continue;
            }
            Place::Is(Found::Dir(_)) => {
                plan.dirs.push(*number);
                continue;
            }
            Place::Is(found) => Conflict {
                at: (*path).clone(),
                what: found.what(),
            },
            Place::Blocked(at, what) => Conflict { at, what },
        };
        if on_conflict == Conflicts::Skip {
            plan.left_alone.push(path.to_string());
        } else {
            conflicts.push(conflict);
        }
    }
    Ok(())
}

fn plan_links(
    plan: &mut Plan,
    conflicts: &mut Vec<Conflict>,
    manifest: &Manifest,
    chosen: &Chosen<'_>,
    destination: Option<&Destination>,
    on_conflict: Conflicts,
) -> Result<(), Failure> {
    let tops: HashSet<&[u8]> = manifest.top_level().into_iter().collect();
    for (number, link) in &chosen.links {
        let number = *number;
        let inside = match stays_inside(link, &tops) {
            None => false,
            // What is left alone may itself be a link, and lead on from here.
            Some(target) if on_conflict == Conflicts::Skip => {
                !is_behind_link(destination, &target)?
            }
            Some(_) => true,
        };
        if !inside {
            plan.refused_links.push(link.path.to_string());
            continue;
        }
        let place = match destination {
            None => Place::Is(Found::Nothing),
            Some(destination) => destination
                .look(&link.path)
                .map_err(|error| unlookable(&link.path, &error))?,
        };
        let conflict = match place {
            Place::Is(Found::Nothing) => {
                plan.links.push(LinkItem {
                    number,
                    replace: false,
                });
                continue;
            }
            Place::Is(Found::Link(target)) if target == link.target => continue,
            Place::Is(found) => Conflict {
                at: link.path.clone(),
                what: found.what(),
            },
            Place::Blocked(at, what) => Conflict { at, what },
        };
        match on_conflict {
            Conflicts::Overwrite if conflict.at == link.path && conflict.what != "a folder" => {
                plan.links.push(LinkItem {
                    number,
                    replace: true,
                });
            }
            // A link has no content to lose: another name would only point elsewhere.
            Conflicts::Skip => plan.left_alone.push(link.path.to_string()),
            _ => conflicts.push(conflict),
        }
    }
    Ok(())
}

/// Whether a link can lead only to what the share itself brings.
///
/// It must be relative, and may go up only at its beginning and not above the destination: the
/// folders above a link are real ones, while behind a name there may be another link, and going up
/// from there leads who knows where. What it arrives at, which is returned, must begin with a name of
/// the share.
fn stays_inside(link: &LinkEntry, tops: &HashSet<&[u8]>) -> Option<EntryPath> {
    let target = &link.target;
    if target.starts_with(b"/") {
        return None;
    }
    let mut at: Vec<&[u8]> = link.path.components().collect();
    at.pop();
    let mut went_down = false;
    for component in target.split(|byte| *byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." => {
                if went_down || at.pop().is_none() {
                    return None;
                }
            }
            name => {
                went_down = true;
                at.push(name);
            }
        }
    }
    let is_ours = at.first().is_some_and(|top| tops.contains(top));
    EntryPath::parse(&at.join(&b'/')).ok().filter(|_| is_ours)
}

/// Whether there is a link at `target`, or above it, at the destination.
fn is_behind_link(destination: Option<&Destination>, target: &EntryPath) -> Result<bool, Failure> {
    let Some(destination) = destination else {
        return Ok(false);
    };
    let place = destination
        .look(target)
        .map_err(|error| unlookable(target, &error))?;
    Ok(matches!(
        place,
        Place::Is(Found::Link(_)) | Place::Blocked(..)
    ))
}

fn unlookable(path: &EntryPath, error: &io::Error) -> Failure {
    let message = format!("cannot look at {path}: {}", disk::reason(error));
    Failure::new(FailureKind::LocalDisk, message)
        .hint("check the permissions of the destination, or choose another with -o")
}

/// Names what is in the way; folders that block several entries once.
fn in_the_way(conflicts: &[Conflict]) -> Failure {
    const NAMED: usize = 10;
    let mut seen = HashSet::new();
    let rows: Vec<String> = conflicts
        .iter()
        .filter(|conflict| seen.insert(&conflict.at))
        .map(|conflict| format!("{} ({})", conflict.at, conflict.what))
        .collect();
    let mut named = rows
        .iter()
        .take(NAMED)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if rows.len() > NAMED {
        named = format!("{named} and {} more", rows.len() - NAMED);
    }
    Failure::new(
        FailureKind::InTheWay,
        format!("in the way at the destination: {named}"),
    )
    .hint("choose --overwrite, --rename or --skip, or another folder with -o")
}

/// Compares free space with what is left to fetch.
///
/// # Errors
/// `LocalDisk` when it does not fit.
pub fn check_space(needed: u64, free: Option<u64>) -> Result<(), Failure> {
    // Checksums of what is under way take one part in 256.
    let with_overhead = needed.saturating_add(needed / 200);
    match free {
        Some(free) if free < with_overhead => Err(Failure::new(
            FailureKind::LocalDisk,
            format!(
                "not enough space: {} needed, {} free",
                human_bytes(with_overhead),
                human_bytes(free)
            ),
        )
        .hint("make space and run the same line again, take a part with --only, or choose -o")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
