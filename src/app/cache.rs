//! What is kept to save work, and how to get rid of it.

use crate::{disk::CacheInfo, events::Failure, profile::Profile};

/// What the cache holds.
///
/// # Errors
/// `LocalDisk` when it cannot be read.
pub fn cache_list(profile: &Profile) -> Result<CacheInfo, Failure> {
    let _ = profile;
    todo!()
}

/// Removes everything that no running share uses, and says how many bytes that freed.
///
/// # Errors
/// `LocalDisk` when something cannot be removed.
pub fn cache_clear(profile: &Profile) -> Result<u64, Failure> {
    let _ = profile;
    todo!()
}
