//! Names of the share that are one name at the destination.
//!
//! Some file systems ignore case, Unicode form, or dots and spaces at the end. What they take for one
//! is settled before anything is fetched: of two files the second gets another name with `--rename` and
//! is left out with `--skip`; all else is refused, folders always. So neither can replace the other.

use std::collections::{HashMap, HashSet};

use super::{Conflicts, Plan, in_line, look::is_free, unlookable};
use crate::{
    content::{Collision, EntryPath, FileEntry, Manifest},
    disk::{self, Destination, FileStat, Found, Partial, Place, Replace},
    events::{Failure, FailureKind},
    transfer::fetch::{Only, rename::Renamer},
};

/// Changes `plan`, which still has its wants, so that no two entries go to one place. `partial` tells
/// whether this file system folds names.
///
/// # Errors
/// `InTheWay` naming the entries that cannot both be had; `LocalDisk` when the destination cannot be
/// looked at or tried.
pub fn settle_twins(
    plan: &mut Plan,
    manifest: &Manifest,
    only: &Only,
    conflicts: Conflicts,
    destination: &Destination,
    partial: &Partial,
) -> Result<(), Failure> {
    let mut twins = manifest.folding_collisions();
    twins.retain(|both| only.matches(&both.first) && only.matches(&both.second));
    if twins.is_empty() {
        return Ok(());
    }
    let folds = partial.folds_names().map_err(|error| {
        let message = format!("cannot try names: {}", disk::reason(&error));
        Failure::new(FailureKind::LocalDisk, message)
            .hint("check the permissions of the destination, or choose another with -o")
    })?;
    if !folds {
        // A folder below may do so even where the destination does not.
        let mut are_one = Vec::with_capacity(twins.len());
        for both in &twins {
            are_one.push(is_one_file(destination, both)?);
        }
        let mut are_one = are_one.into_iter();
        twins.retain(|_| are_one.next() == Some(true));
    }
    Settling::new(plan, manifest, conflicts, destination, &twins).settle(&twins)
}

/// Whether both names lead to one file that is there.
fn is_one_file(destination: &Destination, both: &Collision) -> Result<bool, Failure> {
    let stat = |path: &EntryPath| -> Result<Option<FileStat>, Failure> {
        let place = destination.look(path);
        Ok(match place.map_err(|error| unlookable(path, &error))? {
            Place::Is(Found::File(stat) | Found::Dir(stat)) => Some(stat),
            _ => None,
        })
    };
    let first = stat(&both.first)?;
    let second = stat(&both.second)?;
    Ok(first
        .zip(second)
        .is_some_and(|(first, second)| first.is_same_file(&second)))
}

struct Settling<'a> {
    plan: &'a mut Plan,
    manifest: &'a Manifest,
    conflicts: Conflicts,
    destination: &'a Destination,
    /// The files among the twins.
    files: HashMap<&'a EntryPath, &'a FileEntry>,
    /// The links among them.
    links: HashSet<&'a EntryPath>,
    /// Those that are to go to their own places, and where in the plan the files among them are.
    wanted: HashMap<&'a EntryPath, Option<usize>>,
}

impl<'a> Settling<'a> {
    fn new(
        plan: &'a mut Plan,
        manifest: &'a Manifest,
        conflicts: Conflicts,
        destination: &'a Destination,
        twins: &[Collision],
    ) -> Self {
        let paths: HashSet<&EntryPath> = twins
            .iter()
            .flat_map(|both| [&both.first, &both.second])
            .collect();
        let files = manifest.files.iter().filter(|f| paths.contains(&f.path));
        let links = manifest.links.iter().filter(|l| paths.contains(&l.path));
        let wanted_files = plan.wants.iter().enumerate().filter_map(|(index, want)| {
            let file = manifest.files.get(want.number as usize)?;
            want.renamed.is_none().then_some((&file.path, Some(index)))
        });
        let wanted_links = plan.links.iter().filter_map(|item| {
            let link = manifest.links.get(item.number)?;
            Some((&link.path, None))
        });
        let mut wanted: HashMap<_, _> = wanted_files.chain(wanted_links).collect();
        wanted.retain(|path, _| paths.contains(path));
        Self {
            files: files.map(|file| (&file.path, file)).collect(),
            links: links.map(|link| &link.path).collect(),
            wanted,
            plan,
            manifest,
            conflicts,
            destination,
        }
    }

    fn settle(mut self, twins: &[Collision]) -> Result<(), Failure> {
        let mut renamer = Renamer::new(self.manifest);
        renamer.take(
            self.plan
                .wants
                .iter()
                .filter_map(|want| want.renamed.as_deref()),
        );
        let mut left_out = HashSet::new();
        let mut refused = Vec::new();
        for both in twins {
            let is_file = |path| self.files.contains_key(path);
            let is_leaf = |path| is_file(path) || self.links.contains(path);
            if !is_leaf(&both.first) || !is_leaf(&both.second) {
                refused.push(both);
                continue;
            }
            // The one that gives way is one that is not there yet.
            let mut names = [&both.second, &both.first].into_iter();
            let Some(path) = names.find(|path| self.wanted.contains_key(path)) else {
                continue;
            };
            // But what is placed anew is there: it gives way only to one that is to come, too.
            if self.is_placed_anew(path) && names.all(|path| !self.wanted.contains_key(path)) {
                continue;
            }
            match self.conflicts {
                Conflicts::Skip => {
                    self.plan.left_alone.push(path.to_string());
                    left_out.insert(path.clone());
                    self.wanted.remove(path);
                }
                Conflicts::Rename if is_file(path) => {
                    if self.rename(path, &mut renamer)? {
                        left_out.insert(path.clone());
                    }
                }
                _ => refused.push(both),
            }
        }
        if !refused.is_empty() {
            return Err(self.refusal(&refused));
        }
        self.leave_out(&left_out);
        Ok(())
    }

    /// Whether what is to go to `path` is there, and is written anew for the sake of the disk.
    fn is_placed_anew(&self, path: &EntryPath) -> bool {
        let wanted = self.wanted.get(path).copied().flatten();
        let item = wanted.and_then(|index| self.plan.wants.get(index));
        item.is_some_and(|item| matches!(item.replace, Replace::State(_)))
    }

    /// Finds another name for the file at `path`; whether it is there already.
    fn rename(&mut self, path: &EntryPath, renamer: &mut Renamer<'_>) -> Result<bool, Failure> {
        let wanted = self.wanted.remove(path).flatten();
        let (Some(file), Some(index)) = (self.files.get(path), wanted) else {
            return Ok(false);
        };
        let free = |place: &EntryPath| is_free(Some(self.destination), place, file);
        let (place, is_there) = renamer.free_name(path, free)?;
        let want = &mut self.plan.wants[index];
        want.renamed = Some(Box::new(place));
        want.replace = Replace::Nothing;
        Ok(is_there)
    }

    /// Takes what is not to be fetched out of the plan; it counts as there.
    fn leave_out(&mut self, paths: &HashSet<EntryPath>) {
        let manifest = self.manifest;
        let (have, wanted_bytes) = (&mut self.plan.have, &mut self.plan.wanted_bytes);
        self.plan.wants.retain(|want| {
            let file = manifest.files.get(want.number as usize);
            let stays = file.is_none_or(|file| !paths.contains(&file.path));
            if !stays {
                let size = want.size(manifest);
                have.0 += 1;
                have.1 = have.1.saturating_add(size);
                *wanted_bytes = wanted_bytes.saturating_sub(size);
            }
            stays
        });
        self.plan.links.retain(|item| {
            let link = manifest.links.get(item.number);
            link.is_none_or(|link| !paths.contains(&link.path))
        });
    }

    fn refusal(&self, twins: &[&Collision]) -> Failure {
        let rows = twins
            .iter()
            .map(|both| format!("{} and {}", both.first, both.second))
            .collect::<Vec<_>>();
        let message = format!("{} are the same name at the destination", in_line(&rows));
        let are_files = twins.iter().all(|both| {
            self.files.contains_key(&both.first) && self.files.contains_key(&both.second)
        });
        Failure::new(FailureKind::InTheWay, message).hint(if are_files {
            "choose --rename or --skip, take one of them with --only, or another disk with -o"
        } else {
            "take one of them with --only, or choose another disk with -o"
        })
    }
}
