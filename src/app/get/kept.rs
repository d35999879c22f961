//! The manifest of a fetch, kept beside the caches, so that a fetch that is complete, or planned
//! before, needs no network to know it.
//!
//! One file for each share, named by its root: the length of the hash sequence (8 bytes,
//! little-endian), the hash sequence, the metadata blob. Both are verified against the root when they
//! are read, so a damaged file is as good as none.

use std::{fs, path::PathBuf};

use crate::{
    content::{Hash, Limits, Manifest},
    disk,
    profile::Profile,
    transfer::fetch::listing::Listing,
};

/// Larger manifests are fetched again instead.
const LARGEST: usize = 16 * 1024 * 1024;

/// Keeps the manifest of `root`, as well as it goes.
pub(super) fn keep(profile: &Profile, root: &Hash, listing: &Listing) {
    let Some((hash_seq, meta)) = &listing.raw else {
        return;
    };
    if hash_seq.len() + meta.len() > LARGEST {
        return;
    }
    let bytes = encode(hash_seq, meta);
    if let Err(error) = disk::replace_private(&path(profile, root), &bytes) {
        tracing::debug!(%error, "the list of files is not kept");
    }
}

/// The manifest of `root`, if it was kept.
pub(super) fn find(profile: &Profile, root: &Hash, limits: &Limits) -> Option<Manifest> {
    decode(&fs::read(path(profile, root)).ok()?, root, limits)
}

pub(crate) fn encode(hash_seq: &[u8], meta: &[u8]) -> Vec<u8> {
    let length = (hash_seq.len() as u64).to_le_bytes();
    [&length[..], hash_seq, meta].concat()
}

/// What a file holds, if it is the manifest of `root`.
pub(crate) fn decode(bytes: &[u8], root: &Hash, limits: &Limits) -> Option<Manifest> {
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    let (hash_seq, meta) = rest.split_at_checked(length)?;
    let meta_hash = hash_seq.first_chunk::<32>()?;
    if Hash::new(hash_seq) != *root || Hash::new(meta).as_bytes() != meta_hash {
        return None;
    }
    Manifest::decode(hash_seq, meta, limits).ok()
}

fn path(profile: &Profile, root: &Hash) -> PathBuf {
    profile.cache_dir().join("manifests").join(root.to_hex())
}
