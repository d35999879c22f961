//! The connections that are open, so that no peer holds all of them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use iroh::endpoint::Connection;

use super::{Limits, connection::Guest};
use crate::{content::PeerId, transfer::wire::Close};

/// A connection on which nothing has moved for so long makes room for a new one.
const EVICT_AFTER: Duration = Duration::from_secs(20);

/// The open connections.
#[derive(Default)]
pub(super) struct Peers(Mutex<State>);

#[derive(Default)]
struct State {
    next: u64,
    open: HashMap<u64, Open>,
}

struct Open {
    connection: Connection,
    guest: Arc<Guest>,
}

/// A place among the open connections; given back when dropped.
pub(super) struct Place<'a> {
    peers: &'a Peers,
    number: u64,
}

impl Peers {
    /// Gives `connection` a place. When all are taken, the connection on which nothing has moved for
    /// longest ends, if that is a while.
    pub(super) fn enter(
        &self,
        connection: &Connection,
        guest: &Arc<Guest>,
        limits: &Limits,
    ) -> Result<Place<'_>, Close> {
        let mut state = self.state();
        if state.of(&guest.peer) >= limits.connections_of_one {
            return Err(Close::Busy);
        }
        if state.open.len() >= limits.connections {
            let idlest = state.open.iter().max_by_key(|(_, open)| open.guest.idle());
            let idlest = idlest
                .filter(|(_, open)| open.guest.idle() >= EVICT_AFTER)
                .map(|(number, _)| *number)
                .ok_or(Close::Busy)?;
            if let Some(open) = state.open.remove(&idlest) {
                open.guest
                    .close(&open.connection, Close::Busy, "it made room for others");
            }
        }
        let number = state.next;
        state.next += 1;
        let open = Open {
            connection: connection.clone(),
            guest: guest.clone(),
        };
        state.open.insert(number, open);
        Ok(Place {
            peers: self,
            number,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn of(&self, peer: &PeerId) -> usize {
        let theirs = self.open.values().filter(|open| open.guest.peer == *peer);
        theirs.count()
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.peers.state().open.remove(&self.number);
    }
}
