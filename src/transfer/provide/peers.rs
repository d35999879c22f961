//! The connections that are open, so that no peer holds all of them, nor many that take nothing.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use iroh::endpoint::Connection;

use super::{
    Limits,
    guest::Guest,
    pace::{Standing, who_makes_room},
};
use crate::{content::PeerId, transfer::wire::Close};

/// The open connections.
#[derive(Default)]
pub(super) struct Peers(Mutex<State>);

#[derive(Default)]
struct State {
    next: u64,
    open: HashMap<u64, Open>,
    of_peer: HashMap<PeerId, usize>,
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
    /// Gives `connection` a place. When all are taken, one makes room, see [`who_makes_room`], or this
    /// one has to come back later. Of those of one peer, one makes room that seems to be gone.
    pub(super) fn enter(
        &self,
        connection: &Connection,
        guest: &Arc<Guest>,
        limits: &Limits,
    ) -> Result<Place<'_>, Close> {
        let mut state = self.state();
        if state.of(&guest.peer) >= limits.connections_of_one {
            let silent = state.silent(&guest.peer, limits).ok_or(Close::Busy)?;
            if let Some(open) = state.remove(silent) {
                open.guest
                    .close(&open.connection, Close::Done, "the connection was lost");
            }
        }
        if state.open.len() >= limits.connections {
            let chosen = who_makes_room(state.standings(), limits).ok_or(Close::Busy)?;
            if let Some(open) = state.remove(chosen) {
                open.guest
                    .close(&open.connection, Close::Busy, "it made room for others");
            }
        }
        let number = state.next;
        state.next += 1;
        *state.of_peer.entry(guest.peer).or_default() += 1;
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
        self.of_peer.get(peer).copied().unwrap_or_default()
    }

    /// The connection of `peer` from which nothing came for longest, if that is long enough.
    fn silent(&self, peer: &PeerId, limits: &Limits) -> Option<u64> {
        let own = self.open.iter().filter(|(_, o)| o.guest.peer == *peer);
        let silence = own.map(|(number, open)| (open.guest.silent(), *number));
        let (silent, number) = silence.max()?;
        (silent >= limits.silent).then_some(number)
    }

    fn standings(&self) -> impl Iterator<Item = (u64, Standing)> + Clone {
        self.open.iter().map(|(number, open)| {
            let standing = Standing {
                age: open.guest.age(),
                lately: open.guest.lately(),
                siblings: self.of(&open.guest.peer).saturating_sub(1),
            };
            (*number, standing)
        })
    }

    fn remove(&mut self, number: u64) -> Option<Open> {
        let open = self.open.remove(&number)?;
        if let Some(count) = self.of_peer.get_mut(&open.guest.peer) {
            *count -= 1;
            if *count == 0 {
                self.of_peer.remove(&open.guest.peer);
            }
        }
        Some(open)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.peers.state().remove(self.number);
    }
}
