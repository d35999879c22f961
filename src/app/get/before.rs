//! What is done and found out at the destination before content is fetched.

use std::{
    collections::{BTreeSet, HashMap},
    path::{Path, PathBuf},
    sync::Arc,
};

use bao_tree::ChunkRanges;

use super::{made::Made, place};
use crate::{
    content::{EntryPath, Hash, Manifest, escape},
    disk::{self, Destination, Partial},
    events::{Failure, FailureKind},
    transfer::fetch::{self, Conflicts, Item, Only, Plan},
};

/// Where content is placed, and what was made for that.
pub(super) struct Prepared {
    pub(super) destination: Arc<Destination>,
    pub(super) partial: Arc<Partial>,
    pub(super) made: Made,
}

/// Opens the destination and the partial folder, settles names that are one there, and makes folders.
pub(super) fn prepare(
    manifest: &Manifest,
    plan: &mut Plan,
    only: &Only,
    conflicts: Conflicts,
    path: &Path,
    root: &Hash,
) -> Result<Prepared, Failure> {
    let (destination, top) = Destination::create(path).map_err(|error| {
        let (shown, reason) = (super::shown(path), disk::reason(&error));
        let message = format!("cannot make {shown}: {reason}");
        Failure::new(FailureKind::LocalDisk, message).hint("choose another folder with -o")
    })?;
    let is_new = Partial::peek(&destination, root).is_none();
    let partial =
        Partial::open(&destination, root).map_err(|error| place::beside(&destination, &error))?;
    let mut prepared = Prepared {
        destination: Arc::new(destination),
        partial: Arc::new(partial),
        made: Made::new(path, top, is_new),
    };
    match begin(manifest, plan, only, conflicts, &mut prepared) {
        Ok(()) => Ok(prepared),
        Err(failure) => {
            prepared.take_back(manifest, plan);
            Err(failure)
        }
    }
}

/// Makes sure that the names fit here, makes folders, and notes what is about to be placed.
fn begin(
    manifest: &Manifest,
    plan: &mut Plan,
    only: &Only,
    conflicts: Conflicts,
    prepared: &mut Prepared,
) -> Result<(), Failure> {
    let Prepared {
        destination,
        partial,
        made,
    } = prepared;
    if !partial.is_sound() && !plan.anew {
        let place = destination.path().to_string_lossy();
        let message = format!(
            "the disk did not take what another grove wrote in {} meanwhile",
            escape(&place)
        );
        return Err(Failure::new(FailureKind::LocalDisk, message).hint("run the same line again"));
    }
    fetch::settle_twins(plan, manifest, only, conflicts, destination, partial)?;
    made.note_implied(manifest, plan, destination);
    if !partial.is_sound()
        // What the system still has to tell about earlier content must not be told at the end, as if it
        // were about what is written anew.
        && let Err(error) = partial.noting_for_all(destination.sync())
    {
        tracing::debug!(%error, "the disk did not take all that was written before");
    }
    place::make_folders(manifest, plan, destination, partial)?;
    place::note_placing(manifest, &plan.wants, destination, partial)
}

/// Bytes that an earlier run left of large files that are wanted; `None` when there was none.
pub(super) fn left_by_earlier_run(
    manifest: &Manifest,
    wants: &[Item],
    path: &Path,
    root: &Hash,
) -> Option<u64> {
    let destination = Destination::open(path).ok().flatten()?;
    let Some(peek) = Partial::peek(&destination, root) else {
        if let Err(error) = Partial::remove_holder_if_empty(&destination) {
            tracing::debug!(%error, "the folder for unfinished work is left");
        }
        return None;
    };
    let large = wants
        .iter()
        .filter(|item| fetch::is_large(item.size(manifest)))
        .filter_map(|item| item.want(manifest));
    let bytes =
        large.map(|want| bytes_of(&peek.have(want.number, &want.hash, want.size), want.size));
    Some(bytes.fold(0, u64::saturating_add))
}

/// How many bytes of a file of `size` bytes `chunks` are.
fn bytes_of(chunks: &ChunkRanges, size: u64) -> u64 {
    let ranges = chunks.boundaries().chunks(2);
    let bytes = |chunk: u64| chunk.saturating_mul(1024).min(size);
    ranges
        .map(|range| range.get(1).map_or(size, |end| bytes(end.0)) - bytes(range[0].0))
        .sum()
}

/// What the top-level entries that were chosen are called at the destination.
pub(super) fn top_level(manifest: &Manifest, plan: &Plan, only: &Only) -> Vec<PathBuf> {
    let renamed = plan.wants.iter().filter_map(|item| {
        let place = item.renamed.as_ref()?;
        let is_top = place.parent().is_none();
        is_top.then(|| (item.number, place.to_path()))
    });
    let renamed: HashMap<u32, PathBuf> = renamed.collect();
    let files = manifest
        .files
        .iter()
        .zip(0u32..)
        .filter(|(file, _)| only.matches(&file.path));
    let mut tops = BTreeSet::new();
    for (file, number) in files {
        let top = renamed.get(&number).cloned().or_else(|| top_of(&file.path));
        tops.extend(top);
    }
    let others = manifest.dirs.iter().map(|dir| &dir.path);
    let others = others.chain(manifest.links.iter().map(|link| &link.path));
    tops.extend(others.filter(|path| only.matches(path)).filter_map(top_of));
    tops.into_iter().collect()
}

fn top_of(path: &EntryPath) -> Option<PathBuf> {
    EntryPath::parse(path.top()).ok().map(|top| top.to_path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_lost_since_the_plan_was_made_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let (manifest, root) = (Manifest::default(), Hash::new(b"share"));
        let destination = Destination::open(dir.path()).unwrap().unwrap();
        let other = Partial::open(&destination, &root).unwrap();
        other.note_placing(&[0]).unwrap();
        let lost = std::io::Error::from(std::io::ErrorKind::StorageFull);
        other.noting::<()>(Err(lost)).unwrap_err();
        drop(other);
        let prepare = |anew| {
            let mut plan = Plan {
                anew,
                ..Plan::default()
            };
            let only = Only::default();
            let path = dir.path();
            super::prepare(&manifest, &mut plan, &only, Conflicts::Stop, path, &root)
        };
        let failure = prepare(false).map(drop).unwrap_err();
        assert_eq!(failure.kind, FailureKind::LocalDisk);
        assert!(prepare(true).is_ok());
    }
}
