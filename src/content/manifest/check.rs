//! What the entries of a manifest owe each other: no two at one place, none below a file or link.

use std::{cmp::Ordering, collections::HashMap, hash::BuildHasher as _};

use super::{Collision, Manifest, ManifestError};
use crate::content::{EntryPath, Limits, fold::fold_component};

/// One of the three lists, by a running number over all of them.
#[derive(Clone, Copy)]
struct Entry<'a> {
    path: &'a EntryPath,
    /// Whether other entries may lie below it.
    is_dir: bool,
}

fn entry(manifest: &Manifest, index: u32) -> Entry<'_> {
    let index = index as usize;
    let (files, dirs) = (manifest.files.len(), manifest.dirs.len());
    if let Some(file) = manifest.files.get(index) {
        let path = &file.path;
        return Entry {
            path,
            is_dir: false,
        };
    }
    match manifest.dirs.get(index - files) {
        Some(dir) => Entry {
            path: &dir.path,
            is_dir: true,
        },
        None => Entry {
            path: &manifest.links[index - files - dirs].path,
            is_dir: false,
        },
    }
}

/// The order in which a folder comes right before all that is below it: as of bytes, but `/` sorts
/// before every other byte.
fn tree_order(a: &EntryPath, b: &EntryPath) -> Ordering {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let rank = |byte: u8| if byte == b'/' { 0 } else { byte };
    match a.iter().zip(b).position(|(x, y)| x != y) {
        Some(at) => rank(a[at]).cmp(&rank(b[at])),
        None => a.len().cmp(&b.len()),
    }
}

/// The numbers of all entries in tree order. The lists must be within limits that fit in 32 bits.
fn in_tree_order(manifest: &Manifest) -> Vec<u32> {
    let all = manifest.files.len() + manifest.dirs.len() + manifest.links.len();
    let mut order: Vec<u32> = (0..u32::try_from(all).unwrap_or(u32::MAX)).collect();
    // The lists are nearly in this order already, and this sort makes use of that.
    order.sort_by(|a, b| tree_order(entry(manifest, *a).path, entry(manifest, *b).path));
    order
}

/// Length of the longest common prefix of `a` and `b` that consists of whole components of both.
fn common_folder(a: &[u8], b: &[u8]) -> usize {
    let mut folder = 0;
    for (at, (x, y)) in a.iter().zip(b).enumerate() {
        if x != y {
            return folder;
        }
        if *x == b'/' {
            folder = at;
        }
    }
    let len = a.len().min(b.len());
    let ends = |path: &[u8]| path.get(len).is_none_or(|byte| *byte == b'/');
    if ends(a) && ends(b) { len } else { folder }
}

/// Checks the entries against each other: in one pass, since in tree order whatever is wrong is
/// wrong between neighbours.
pub(super) fn check_entries(manifest: &Manifest, limits: &Limits) -> Result<(), ManifestError> {
    let mut folders = manifest.links.len() as u64;
    let mut before: Option<Entry<'_>> = None;
    for index in in_tree_order(manifest) {
        let now = entry(manifest, index);
        let mut shared = 0;
        if let Some(before) = before {
            if before.path == now.path {
                return Err(ManifestError::Duplicate {
                    path: now.path.clone(),
                });
            }
            if !before.is_dir && now.path.starts_with(before.path) {
                return Err(ManifestError::Below {
                    path: now.path.clone(),
                    above: before.path.clone(),
                });
            }
            shared = common_folder(before.path.as_bytes(), now.path.as_bytes());
        }
        // Folders that no entry names count as well: each would have to be made.
        let new = &now.path.as_bytes()[shared..];
        let slashes = new.iter().skip(1).filter(|b| **b == b'/').count();
        folders += slashes as u64 + u64::from(now.is_dir);
        if folders > limits.others {
            return Err(ManifestError::TooManyFolders { max: limits.others });
        }
        before = Some(now);
    }
    Ok(())
}

/// See [`Manifest::folding_collisions`].
///
/// Walks the tree in order and gives every place (entry or implied folder) the hash of its folded
/// path. Two places with one hash are compared in full, so a chance match is not reported.
pub(super) fn folding_collisions(manifest: &Manifest) -> Vec<Collision> {
    let hasher = std::collections::hash_map::RandomState::new();
    // Hash of the folded path → entry and number of its bytes.
    let mut places: HashMap<u64, (u32, u16)> = HashMap::new();
    // For the path at hand: where each component ends, and the hash up to there.
    let mut stack: Vec<(usize, u64)> = Vec::new();
    let mut collisions = Vec::new();
    let mut before: &[u8] = &[];
    for index in in_tree_order(manifest) {
        let path = entry(manifest, index).path;
        let bytes = path.as_bytes();
        let shared = common_folder(before, bytes);
        stack.retain(|(end, _)| *end <= shared);
        let mut start = if shared == 0 { 0 } else { shared + 1 };
        while start < bytes.len() {
            let end = bytes[start..]
                .iter()
                .position(|b| *b == b'/')
                .map_or(bytes.len(), |len| start + len);
            let above = stack.last().map_or(0, |(_, hash)| *hash);
            let hash = hasher.hash_one((above, fold_component(&bytes[start..end])));
            stack.push((end, hash));
            // Paths are at most 4096 bytes.
            let place = (index, u16::try_from(end).unwrap_or(u16::MAX));
            if let Some(&(other, len)) = places.get(&hash) {
                let first = entry(manifest, other).path.prefix(usize::from(len));
                let second = path.prefix(end);
                // Below two folders that collide everything may; the folders say it all.
                if first.parent() == second.parent() && folds_alike(&first, &second) {
                    collisions.push(Collision { first, second });
                }
            } else {
                places.insert(hash, place);
            }
            start = end + 1;
        }
        before = bytes;
    }
    collisions
}

fn folds_alike(a: &EntryPath, b: &EntryPath) -> bool {
    a.components()
        .map(fold_component)
        .eq(b.components().map(fold_component))
}
