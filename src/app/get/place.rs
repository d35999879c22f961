//! What is done at the destination beside the files' content: folders, links, modes and times.

use std::{collections::HashSet, io, time::SystemTime};

use crate::{
    content::{EntryPath, Manifest, PARTIAL_DIR},
    disk::{self, Destination, FileStat, Found, Partial, Place, TreeCache, Unlockable},
    events::{Events, Failure, FailureKind, WarningKind},
    profile::Profile,
    transfer::fetch::{self, Fetched, Item, Only, Plan},
};

/// Makes the folders that are missing, having noted which, so that also a later run gives them
/// their modes and times.
pub(super) fn make_folders(
    manifest: &Manifest,
    plan: &Plan,
    destination: &Destination,
    partial: &Partial,
) -> Result<(), Failure> {
    if !plan.wants.is_empty() {
        open_folders(manifest, plan, destination, partial)?;
    }
    if plan.missing_dirs.is_empty() {
        return Ok(());
    }
    partial
        .note_made(&plan.missing_dirs)
        .map_err(|error| beside(destination, &error))?;
    for number in &plan.missing_dirs {
        let Some(dir) = manifest.dirs.get(*number as usize) else {
            continue;
        };
        destination
            .make_dir(&dir.path, true)
            .map_err(|error| unmakable(&dir.path, &error))?;
    }
    Ok(())
}

/// Lets their owner write in folders again that an earlier run had finished already; this one finishes
/// them anew.
fn open_folders(
    manifest: &Manifest,
    plan: &Plan,
    destination: &Destination,
    partial: &Partial,
) -> Result<(), Failure> {
    const WRITE: u32 = 0o200;
    let made = partial.made();
    let made: HashSet<u32> = made
        .map_err(|error| beside(destination, &error))?
        .into_iter()
        .collect();
    for number in plan.dirs.iter().filter(|number| made.contains(number)) {
        let Some(dir) = manifest.dirs.get(*number as usize) else {
            continue;
        };
        if let Ok(Place::Is(Found::Dir(stat))) = destination.look(&dir.path)
            && stat.mode & WRITE == 0
        {
            destination
                .finish_dir(&dir.path, stat.mode | WRITE, stat.mtime)
                .map_err(|error| unmakable(&dir.path, &error))?;
        }
    }
    Ok(())
}

/// Notes which small files get their names without waiting for the disk, so that what a power cut
/// leaves of them is known for what it is. Large ones do wait, and an empty one has nothing to lose.
pub(super) fn note_placing(
    manifest: &Manifest,
    wants: &[Item],
    destination: &Destination,
    partial: &Partial,
) -> Result<(), Failure> {
    let is_small = |item: &&Item| {
        let size = item.size(manifest);
        size > 0 && !fetch::is_large(size) && item.renamed.is_none()
    };
    let small = wants.iter().filter(is_small);
    let numbers: Vec<u32> = small.map(|item| item.number).collect();
    partial
        .note_placing(&numbers)
        .map_err(|error| beside(destination, &error))
}

/// Makes the links, and gives the folders that were made their modes and times.
pub(super) fn finish(
    manifest: &Manifest,
    plan: &Plan,
    destination: &Destination,
    partial: &Partial,
    events: &Events,
) -> Result<(), Failure> {
    for item in &plan.links {
        let Some(link) = manifest.links.get(item.number) else {
            continue;
        };
        partial
            .place_link(link, destination, item.replace)
            .map_err(|error| unmakable(&link.path, &error))?;
    }
    let made: HashSet<u32> = partial
        .made()
        .map_err(|error| beside(destination, &error))?
        .into_iter()
        .collect();
    // From the bottom up: finishing a folder may take away the right to change it.
    for number in plan
        .dirs
        .iter()
        .rev()
        .filter(|number| made.contains(number))
    {
        let Some(dir) = manifest.dirs.get(*number as usize) else {
            continue;
        };
        if let Err(error) = destination.finish_dir(&dir.path, dir.mode, dir.mtime) {
            let reason = disk::reason(&error);
            let message = format!("mode and time of {} could not be set: {reason}", dir.path);
            events.warn(WarningKind::Metadata, message);
        }
    }
    Ok(())
}

/// Waits until all that was placed is on the disk, in one step for all of it: what is finished is to
/// outlive a power cut. Where a system cannot do that, each file was synced alone if `fsync` says so,
/// and only names are left. Says whether it is sure.
pub(super) fn sync(
    manifest: &Manifest,
    only: &Only,
    destination: &Destination,
    partial: &Partial,
    fsync: bool,
) -> Result<bool, Failure> {
    let sync = || {
        let synced = destination.sync()?;
        if fsync && !synced {
            let chosen = manifest.paths().filter(|path| only.matches(path));
            destination.sync_names(chosen)?;
        }
        Ok(synced || fsync)
    };
    let synced = partial.noting_for_all(sync());
    synced.map_err(|error| beside(destination, &error))
}

/// Whether everything that was ever placed here is on the disk, now that what this run placed is. Where a
/// sync failed before, what is not is left for the next run.
pub(super) fn is_all_safe(
    manifest: &Manifest,
    only: &Only,
    partial: &Partial,
    fetched: &Fetched,
) -> io::Result<bool> {
    if partial.is_sound() {
        return Ok(true);
    }
    let is_chosen = |number: u32| {
        let file = manifest.files.get(number as usize);
        file.is_some_and(|file| only.matches(&file.path))
    };
    let missing: HashSet<u32> = fetched.failed.iter().map(|file| file.number).collect();
    let is_safe = |number| is_chosen(number) && !missing.contains(&number);
    partial.forget_placing(is_safe)
}

/// Forgets the hashes that are remembered of anything in this share: the disk may not have what they are of.
pub(super) fn forget(manifest: &Manifest, destination: &Destination, profile: &Profile) {
    for top in manifest.top_level().into_iter().take(fetch::MANY_TOPS) {
        let top = EntryPath::parse(top).map(|top| destination.path().join(top.to_path()));
        let forgotten = top.map(|top| TreeCache::forget(profile.cache_dir(), &top));
        if let Ok(Err(error)) = forgotten {
            tracing::warn!(%error, "hashes are remembered that may not be right");
        }
    }
}

/// Remembers the hashes of what was placed, so that neither another fetch nor a share of it reads it
/// again. `on_disk` says whether all of it was synced.
pub(super) fn remember(
    manifest: &Manifest,
    placed: &mut [(u32, FileStat)],
    destination: &Destination,
    profile: &Profile,
    on_disk: bool,
) {
    let now = SystemTime::now();
    let top = |number: u32| {
        let file = manifest.files.get(number as usize);
        file.map(|file| file.path.top())
    };
    // Neighbours in a share are below one folder; only other tools order files in another way.
    placed.sort_unstable_by_key(|(number, _)| *number);
    let same_top = |a: &(u32, FileStat), b: &(u32, FileStat)| top(a.0) == top(b.0);
    if placed.chunk_by(same_top).count() > fetch::MANY_TOPS {
        return;
    }
    for files in placed.chunk_by(same_top) {
        let Some(top) = files.first().and_then(|(number, _)| top(*number)) else {
            continue;
        };
        let cache = cache_of(profile, destination, top);
        for (number, stat) in files {
            if let Some(file) = manifest.files.get(*number as usize) {
                cache.insert(stat, file.hash, now);
            }
        }
        if on_disk {
            cache.is_on_disk(now);
        }
        if let Err(error) = cache.checkpoint() {
            tracing::debug!(%error, "hashes are not remembered");
        }
    }
}

/// The remembered hashes of what is at `top` in the destination: those that a share of it uses.
pub(super) fn cache_of(profile: &Profile, destination: &Destination, top: &[u8]) -> TreeCache {
    match EntryPath::parse(top) {
        Ok(top) => TreeCache::load(profile.cache_dir(), &destination.path().join(top.to_path())),
        Err(_) => TreeCache::none(),
    }
}

/// What to say when the partial folder cannot be worked with.
pub(super) fn beside(destination: &Destination, error: &io::Error) -> Failure {
    let place = destination.path().to_string_lossy();
    let place = crate::content::escape(&place);
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    if let Some(Unlockable) = inner {
        let message = format!("another grove is fetching this into {place}, or was killed there");
        return Failure::new(FailureKind::InTheWay, message).hint(format!(
            "if none runs, remove the file held below {place}/{PARTIAL_DIR}; files cannot be locked there"
        ));
    }
    if error.kind() == io::ErrorKind::ResourceBusy {
        return Failure::new(
            FailureKind::InTheWay,
            format!("another grove is fetching this into {place}"),
        )
        .hint("let it finish, or choose another folder with -o");
    }
    if error.kind() == io::ErrorKind::IsADirectory {
        let message = format!("a folder is in the way in {place}/{PARTIAL_DIR}");
        return Failure::new(FailureKind::LocalDisk, message).hint(
            "remove .grove-partial there and run the same line again; what is finished stays",
        );
    }
    let message = format!("cannot write in {place}: {}", disk::reason(error));
    Failure::new(FailureKind::LocalDisk, message)
        .hint("put it right and run the same line again, or choose another folder with -o")
}

fn unmakable(path: &EntryPath, error: &io::Error) -> Failure {
    let message = format!("cannot make {path}: {}", disk::reason(error));
    Failure::new(FailureKind::LocalDisk, message)
        .hint("what was fetched is kept; put it right and run the same line again")
}
