//! Peers that have a ticket, or at least an address, and mean harm. After each of them, and while they
//! are there, an honest one gets everything.

mod counting;
mod crowd;
mod elsewhere;
mod files;
mod handshakes;
mod in_process;
mod patience;
mod requests;
mod stranger;
mod watch;

use std::path::Path;

use grove::{app::Context, events::Events, node::Network, profile::Profile};

/// Somebody with a home below `place`, in this process.
fn person(place: &Path, name: &str, events: Events) -> Context {
    Context {
        profile: Profile::locate(Some(&place.join(name))).unwrap(),
        network: Network {
            offline: true,
            lan: false,
            bind: vec!["127.0.0.1:0".parse().unwrap()],
            ..Network::default()
        },
        events,
    }
}
