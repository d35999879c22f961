//! Fetching a share from a stranger.
//!
//! The flow: a [`Link`] to the sharer that reconnects by itself; the [`listing`], fetched and
//! verified with limits; a [`Plan`] that settles every collision before the first content byte;
//! then [`Fetch`] asks for what is missing, many requests at once, verifies every chunk group before
//! it is written, and places files. [`to_writer`] does the same for one file that goes elsewhere.
//!
//! What can fail: the other side is not there (waited for, up to a limit), it refuses, what it
//! sends does not verify (nothing of that is written), or this computer's disk. What was verified
//! stays in the partial folder for the next run, whatever happens.

mod error;
mod link;
pub mod listing;
mod only;
mod plan;
mod queue;
mod rename;
mod request;
mod to_writer;
mod work;

pub use error::StreamError;
pub use link::{Link, Patience};
pub use only::Only;
pub use plan::{
    Conflicts, Item, LinkItem, MANY_TOPS, Plan, PlanOptions, Want, check_space, make as plan,
    settle_twins,
};
pub use to_writer::{Output, to_writer};
pub use work::{Fetch, Fetched, Unavailable};

/// Whether a file of `size` bytes is fetched in parts, and so can be resumed in the middle.
#[must_use]
pub fn is_large(size: u64) -> bool {
    size > queue::SMALL
}
