//! What the entries of a manifest owe each other: no two at one place, none below a file or link.

use std::{cmp::Ordering, collections::HashMap, hash::BuildHasher as _};

use super::{Collision, DirEntry, FileEntry, LinkEntry, Manifest, ManifestError};
use crate::content::{EntryPath, Limits, fold::fold_component};

/// Most memory, in bytes, that the entries of one manifest may take. Each limit alone stays below;
/// this one is for a share that comes close to all of them at once.
const MEMORY: usize = 256 * 1024 * 1024;

/// Keeps count of the memory that entries take.
pub(super) struct Budget(usize);

impl Budget {
    pub(super) fn new() -> Self {
        Self(MEMORY)
    }

    /// Counts an entry of type `T` with a path, or another allocation, of `bytes`.
    pub(super) fn spend<T>(&mut self, bytes: usize) -> Result<(), ManifestError> {
        // About what an allocator adds to a path, and what sorting takes for an entry.
        const BESIDE: usize = 16 + 12;
        let cost = size_of::<T>() + BESIDE + bytes;
        self.0 = self.0.checked_sub(cost).ok_or(ManifestError::TooLarge)?;
        Ok(())
    }
}

/// Checks that the entries together take a bearable amount of memory.
pub(super) fn check_memory(manifest: &Manifest) -> Result<(), ManifestError> {
    let mut budget = Budget::new();
    for file in &manifest.files {
        budget.spend::<FileEntry>(file.path.as_bytes().len())?;
    }
    for dir in &manifest.dirs {
        budget.spend::<DirEntry>(dir.path.as_bytes().len())?;
    }
    for link in &manifest.links {
        budget.spend::<LinkEntry>(link.path.as_bytes().len())?;
        budget.spend::<()>(link.target.len())?;
    }
    Ok(())
}

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
pub(super) fn tree_order(a: &[u8], b: &[u8]) -> Ordering {
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
    let path = |index: &u32| entry(manifest, *index).path.as_bytes();
    // The lists are nearly in this order already, and this sort makes use of that.
    order.sort_by(|a, b| tree_order(path(a), path(b)));
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

/// Checks the entries of `manifest` against each other.
pub(super) fn check_entries(manifest: &Manifest, limits: &Limits) -> Result<(), ManifestError> {
    let order = in_tree_order(manifest);
    let entries = order.iter().map(|index| {
        let entry = entry(manifest, *index);
        (entry.path.as_bytes(), entry.is_dir)
    });
    check_neighbours(entries, manifest.links.len() as u64, limits)
}

/// Checks entries against each other: paths, and whether others may lie below them, in tree order.
/// One pass is enough, since in this order whatever is wrong is wrong between neighbours.
pub(super) fn check_neighbours<'a>(
    entries: impl Iterator<Item = (&'a [u8], bool)>,
    links: u64,
    limits: &Limits,
) -> Result<(), ManifestError> {
    let name = |path: &[u8]| {
        let path = EntryPath::parse_within(path, limits);
        path.map_err(|_| ManifestError::Damaged("a name is not allowed"))
    };
    let mut folders = links;
    let mut before: Option<(&[u8], bool)> = None;
    for (path, is_dir) in entries {
        let mut shared = 0;
        if let Some((above, above_is_dir)) = before {
            if above == path {
                return Err(ManifestError::Duplicate { path: name(path)? });
            }
            let rest = path.strip_prefix(above);
            if !above_is_dir && rest.is_some_and(|rest| rest.starts_with(b"/")) {
                return Err(ManifestError::Below {
                    path: name(path)?,
                    above: name(above)?,
                });
            }
            shared = common_folder(above, path);
        }
        // Folders that no entry names count as well: each would have to be made.
        let slashes = path[shared..].iter().skip(1).filter(|b| **b == b'/');
        folders += slashes.count() as u64 + u64::from(is_dir);
        if folders > limits.others {
            return Err(ManifestError::TooManyFolders { max: limits.others });
        }
        before = Some((path, is_dir));
    }
    Ok(())
}

/// See [`Manifest::folding_collisions`].
///
/// Walks the tree in order and gives every place (entry or implied folder) the hash of its folded
/// path. What is below a folder that collides with an earlier one is kept apart from what is below
/// that one, since the two folders already say it all.
pub(super) fn folding_collisions(manifest: &Manifest) -> Vec<Collision> {
    let hasher = std::collections::hash_map::RandomState::new();
    // Hash of the folded path → entry and number of its bytes.
    let mut places: HashMap<u64, (u32, u16)> = HashMap::with_capacity(manifest.len());
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
            let component = &bytes[start..end];
            let mut hash = hasher.hash_one((above, fold_component(component)));
            if let Some(&(other, len)) = places.get(&hash) {
                let first = entry(manifest, other).path.prefix(usize::from(len));
                let second = path.prefix(end);
                if is_collision(&first, &second) {
                    collisions.push(Collision { first, second });
                    // What is below has no part in the first folder: it is told apart by bytes.
                    hash = hasher.hash_one((hash, component));
                }
            } else {
                // Paths are at most 4096 bytes.
                places.insert(hash, (index, u16::try_from(end).unwrap_or(u16::MAX)));
            }
            stack.push((end, hash));
            start = end + 1;
        }
        before = bytes;
    }
    collisions
}

/// Whether two places whose hashes match really are one; hashes may match by chance.
fn is_collision(first: &EntryPath, second: &EntryPath) -> bool {
    let fold = |path: &EntryPath| fold_component(path.file_name());
    first.parent() == second.parent() && fold(first) == fold(second)
}
