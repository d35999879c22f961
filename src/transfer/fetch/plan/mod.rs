//! Settling, before the first content byte, what is fetched and where it goes.
//!
//! The plan looks at the place of every entry: what is already there with the right content is
//! left, what is missing is wanted, and anything else in the way is settled as the user said, or
//! named. Space is compared with what is left to fetch. Nothing is written while planning.

mod links;
mod look;
mod twins;

use std::{collections::HashSet, io};

use self::{
    links::plan_links,
    look::{FileState, is_free, look_at_files},
};
pub use self::{look::MANY_TOPS, twins::settle_twins};
use super::{Only, rename::Renamer};
use crate::{
    content::{EntryPath, FileEntry, Hash, LinkEntry, Manifest, human_bytes},
    disk::{self, Destination, Found, Place, Replace, Stop, TreeCache},
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
    /// Numbers of the files that an earlier run set out to place where nothing of anybody else's was.
    pub begun: &'a HashSet<u32>,
    /// Whether these are placed anew, also where they read as what they are to be: the disk may not
    /// have them.
    pub anew: bool,
}

/// A file that is to be fetched, in as few bytes as it takes: there may be a million.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its number in the share.
    pub number: u32,
    /// What is replaced of what is there.
    pub replace: Replace,
    /// Where it goes instead of its own place.
    pub renamed: Option<Box<EntryPath>>,
}

impl Item {
    /// All that is to be known about it; `None` when `manifest` is of another share.
    #[must_use]
    pub fn want(&self, manifest: &Manifest) -> Option<Want> {
        let file = manifest.files.get(self.number as usize)?;
        Some(Want {
            number: self.number,
            hash: file.hash,
            size: file.size.unwrap_or_default(),
            place: self.renamed.as_deref().unwrap_or(&file.path).clone(),
            replace: self.replace,
        })
    }

    /// Its size in bytes.
    #[must_use]
    pub fn size(&self, manifest: &Manifest) -> u64 {
        let file = manifest.files.get(self.number as usize);
        file.and_then(|file| file.size).unwrap_or_default()
    }
}

/// A file that is to be fetched now.
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
    /// What is replaced of what is there.
    pub replace: Replace,
}

/// A link that is to be made.
#[derive(Debug, Clone)]
pub struct LinkItem {
    /// Its number among the links of the share.
    pub number: usize,
    /// What is replaced of what is there.
    pub replace: Replace,
}

/// What is to be done.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// [`PlanOptions::anew`], as it was when the plan was made.
    pub anew: bool,
    /// Files to fetch.
    pub wants: Vec<Item>,
    /// Sum of their sizes, without what is in place of files that are placed anew; before what an earlier
    /// run left of others.
    pub wanted_bytes: u64,
    /// Numbers of the files that are there already, under their own names.
    pub present: Vec<u32>,
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
}

/// Something in the way.
struct Conflict {
    at: EntryPath,
    what: &'static str,
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
    let mut plan = Plan {
        anew: options.anew,
        ..Plan::default()
    };
    let mut conflicts = Vec::new();
    let states = look_at_files(&chosen, destination, options, caches, hashed, stop)?;
    let mut renamer = Renamer::new(manifest);
    for ((number, file), state) in chosen.files.iter().zip(states) {
        let size = file.size.unwrap_or_default();
        plan.files += 1;
        plan.bytes = plan.bytes.saturating_add(size);
        let mut want = |renamed: Option<EntryPath>, replace: Replace, there: u64| {
            let more = size.saturating_sub(there);
            plan.wanted_bytes = plan.wanted_bytes.saturating_add(more);
            plan.wants.push(Item {
                number: *number,
                replace,
                renamed: renamed.map(Box::new),
            });
        };
        match state {
            FileState::Have => {
                plan.present.push(*number);
                plan.have.0 += 1;
                plan.have.1 = plan.have.1.saturating_add(size);
            }
            FileState::Missing => want(None, Replace::Nothing, 0),
            // What somebody makes of it until then is theirs.
            FileState::Broken(stat) => want(None, Replace::State(stat.mark()), stat.size),
            FileState::Conflict(conflict) => {
                // Only the entry's own place can be given to it in another way.
                let own = conflict.at == file.path;
                match options.conflicts {
                    Conflicts::Overwrite if own && conflict.what != "a folder" => {
                        want(None, Replace::Anything, 0);
                    }
                    Conflicts::Rename if own => {
                        let free = |path: &EntryPath| is_free(destination, path, file);
                        let (place, is_there) = renamer.free_name(&file.path, free)?;
                        if is_there {
                            plan.have.0 += 1;
                            plan.have.1 = plan.have.1.saturating_add(size);
                        } else {
                            want(Some(place), Replace::Nothing, 0);
                        }
                    }
                    Conflicts::Skip => {
                        plan.left_alone.push(file.path.to_string());
                        plan.have.0 += 1;
                        plan.have.1 = plan.have.1.saturating_add(size);
                    }
                    _ => conflicts.push(*conflict),
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

fn unlookable(path: &EntryPath, error: &io::Error) -> Failure {
    let message = format!("cannot look at {path}: {}", disk::reason(error));
    Failure::new(FailureKind::LocalDisk, message)
        .hint("check the permissions of the destination, or choose another with -o")
}

/// Names what is in the way; folders that block several entries once.
fn in_the_way(conflicts: &[Conflict]) -> Failure {
    let mut seen = HashSet::new();
    let rows: Vec<String> = conflicts
        .iter()
        .filter(|conflict| seen.insert(&conflict.at))
        .map(|conflict| format!("{} ({})", conflict.at, conflict.what))
        .collect();
    let message = format!("in the way at the destination: {}", in_line(&rows));
    Failure::new(FailureKind::InTheWay, message)
        .hint("choose --overwrite, --rename or --skip, or another folder with -o")
}

/// A list for one line: the first ten, and how many more.
fn in_line(rows: &[String]) -> String {
    const NAMED: usize = 10;
    let named = rows[..rows.len().min(NAMED)].join(", ");
    match rows.len().checked_sub(NAMED) {
        None | Some(0) => named,
        Some(more) => format!("{named} and {more} more"),
    }
}

/// Compares free space with what is left to fetch. Of content that is `sparse`, only what has to be kept
/// about it counts: how much of it is holes, only its bytes tell.
///
/// # Errors
/// `LocalDisk` when it does not fit.
pub fn check_space(needed: u64, sparse: bool, free: Option<u64>) -> Result<(), Failure> {
    // Checksums of what is under way take one part in 256.
    let overhead = needed / 200;
    let with_overhead = overhead.saturating_add(if sparse { 0 } else { needed });
    match free {
        Some(free) if free < with_overhead => Err(Failure::new(
            FailureKind::LocalDisk,
            format!(
                "not enough space: {} needed, {} free",
                human_bytes(with_overhead),
                human_bytes(free)
            ),
        )
        .hint(
            "make space and run the same line again, take a part with --only, choose -o, or say \
             --sparse if most of it is holes",
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
