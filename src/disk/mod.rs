//! Careful file work: walking a tree, hashing it, the hash cache, and writing below one directory
//! handle. Nothing here knows the network.
//!
//! Reading side: [`walk`] lists what a share holds, [`hash_tree`] hashes it on all cores with the
//! help of a [`TreeCache`], [`Outboards`] keeps the hash trees of large files so that any part of
//! them can be proven without reading the rest. Everything that differs between systems is in
//! `sys`.

mod cache_info;
mod dest;
mod hash;
mod holes;
mod outboard;
mod partial;
mod spool;
mod stop;
pub(crate) mod sys;
mod throttle;
mod tree_cache;
mod walk;

pub use cache_info::{CacheInfo, cache_info, clear_cache};
pub use dest::{Destination, Place, Replace};
pub use hash::{HashProgress, hash_file, hash_tree, outboard_of};
pub use outboard::{OUTBOARD_MIN, Outboards};
#[cfg(any(test, fuzzing))]
pub(crate) use partial::Have;
pub use partial::{CopyOf, Finish, PartFile, Partial, Peek, Unlockable};
pub use spool::{Snapshot, Spooled, clear_left_behind, snapshot, spool};
pub use stop::Stop;
pub use sys::{
    FileStat, Found, LockFile, available_bytes, create_private, create_private_dir,
    forbid_core_dumps, process_alive, raise_file_limit, read_at, read_exact_at, reason,
    replace_private, replace_synced, write_all_at,
};
pub(crate) use sys::{is_of_another_user, is_of_one_user};
pub use tree_cache::TreeCache;
#[cfg(any(test, fuzzing))]
pub(crate) use tree_cache::{
    Header as TreeHeader, RECORD as TREE_RECORD, records as tree_records, write_file as write_tree,
};
#[cfg(any(test, fuzzing))]
pub(crate) use walk::exclude;
pub use walk::{LeftOut, SourceFile, SourceRoot, Sources, WalkOptions, walk};
