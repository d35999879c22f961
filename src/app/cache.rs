//! What is kept to save work, and how to get rid of it.

use std::io;

use crate::{
    content::escape,
    disk::{self, CacheInfo},
    events::{Failure, FailureKind},
    profile::Profile,
};

/// What the cache holds.
///
/// # Errors
/// `LocalDisk` when it cannot be read.
pub fn cache_list(profile: &Profile) -> Result<CacheInfo, Failure> {
    disk::cache_info(profile.cache_dir()).map_err(|error| failure("read", profile, &error))
}

/// Removes everything that no running share uses, and says how many bytes that freed.
///
/// # Errors
/// `LocalDisk` when something cannot be removed.
pub fn cache_clear(profile: &Profile) -> Result<u64, Failure> {
    disk::clear_cache(profile.cache_dir()).map_err(|error| failure("clear", profile, &error))
}

fn failure(verb: &str, profile: &Profile, error: &io::Error) -> Failure {
    let dir = profile.cache_dir().to_string_lossy();
    let message = format!(
        "cannot {verb} the cache {}: {}",
        escape(&dir),
        disk::reason(error)
    );
    Failure::new(FailureKind::LocalDisk, message)
        .hint("check the permissions of that folder; everything in it may be deleted")
}
