//! The verbs as operations that return handles. Nothing here knows the command line, the terminal,
//! or the environment; questions go to a [`Decider`].

mod cache;
mod get;
mod list;
mod share;

pub use cache::{cache_clear, cache_list};
pub use get::{Accept, Decider, Dest, GetOptions, Getting, Got, OnConflict, Wait};
pub use list::list;
pub use share::{Ended, ShareOptions, ShareSource, Sharing, Summary};

use crate::{events::Events, node::Network, profile::Profile};

/// What every operation needs.
#[derive(Debug, Clone)]
pub struct Context {
    /// The person's files.
    pub profile: Profile,
    /// Which parts of the network are used.
    pub network: Network,
    /// Where events go.
    pub events: Events,
}
