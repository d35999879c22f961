//! The verbs as operations that return handles. Nothing here knows the command line, the terminal,
//! or the environment; questions go to a [`Decider`].

mod cache;
mod doctor;
mod get;
mod hubs;
mod list;
mod share;

pub use crate::transfer::fetch::Only;
pub use cache::{cache_clear, cache_list};
pub use doctor::{
    Diagnosis, Family, Nat, OtherSide, Problem, ProblemKind, Reached, Server, ServerKind, Trouble,
    doctor,
};
pub use get::{Accept, Decider, Dest, GetOptions, Getting, Got, OnConflict, Wait};
#[cfg(any(test, fuzzing))]
pub(crate) use get::{decode_kept, encode_kept};
pub use hubs::{Joined, join, leave};
pub use list::list;
pub use share::{Ended, ShareOptions, ShareSource, Sharing, Summary};

use crate::{
    disk::Stop,
    events::{Events, Failure, FailureKind},
    node::Network,
    profile::Profile,
};

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

/// Ends blocking work when the operation that wanted it is dropped.
struct StopOnDrop(Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// What is said when a thread of ours panicked.
fn broken() -> Failure {
    Failure::new(FailureKind::Failed, "something failed within grove itself")
        .hint("run it again with -v, and please report what it says")
}
