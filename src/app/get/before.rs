//! What is done and found out at the destination before content is fetched.

use std::{
    collections::{BTreeSet, HashMap},
    path::{Path, PathBuf},
    sync::Arc,
};

use bao_tree::ChunkRanges;

use super::place;
use crate::{
    content::{EntryPath, Hash, Manifest, escape},
    disk::{self, Destination, Partial},
    events::{Failure, FailureKind},
    transfer::fetch::{self, Item, Only, Plan},
};

/// Opens the destination and the partial folder, and makes folders.
pub(super) fn prepare(
    manifest: &Manifest,
    plan: &Plan,
    only: &Only,
    path: &Path,
    root: &Hash,
) -> Result<(Arc<Destination>, Arc<Partial>), Failure> {
    let (destination, _) = Destination::create(path).map_err(|error| {
        let shown = path.to_string_lossy();
        let message = format!("cannot make {}: {}", escape(&shown), disk::reason(&error));
        Failure::new(FailureKind::LocalDisk, message).hint("choose another folder with -o")
    })?;
    let partial =
        Partial::open(&destination, root).map_err(|error| place::beside(&destination, &error))?;
    let collisions = manifest.folding_collisions();
    let chosen = |path: &EntryPath| only.matches(path);
    let both = collisions
        .iter()
        .find(|both| chosen(&both.first) && chosen(&both.second));
    if let Some(both) = both
        && partial
            .folds_names()
            .map_err(|error| place::beside(&destination, &error))?
    {
        let message = format!("{} and {} are the same name here", both.first, both.second);
        let _ = partial.remove_unless_begun(&destination);
        return Err(Failure::new(FailureKind::InTheWay, message)
            .hint("take one of them with --only, or choose a file system that tells them apart"));
    }
    place::make_folders(manifest, plan, &destination, &partial)?;
    Ok((Arc::new(destination), Arc::new(partial)))
}

/// Bytes that an earlier run left of large files that are wanted; `None` when there was none.
pub(super) fn left_by_earlier_run(
    manifest: &Manifest,
    wants: &[Item],
    path: &Path,
    root: &Hash,
) -> Option<u64> {
    let destination = Destination::open(path).ok().flatten()?;
    let peek = Partial::peek(&destination, root)?;
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

/// Names that programs act on by themselves when they are at the top of a home folder.
pub(super) fn risky_names(manifest: &Manifest, path: &Path) -> Vec<String> {
    let home = crate::profile::home_folder().and_then(|home| home.canonicalize().ok());
    let here = path.canonicalize().ok();
    if home.is_none() || home != here {
        return Vec::new();
    }
    let hidden = manifest
        .top_level()
        .into_iter()
        .filter(|top| top.starts_with(b"."));
    hidden
        .map(|top| escape(&String::from_utf8_lossy(top)).into_owned())
        .collect()
}
