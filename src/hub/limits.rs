//! Who may have how many connections, and who makes room.
//!
//! A connection is *waiting* until it has shown a token (or, where everybody is let in, is a relay's).
//! Of waiting ones there are few, in all and from one address. When one more comes, one ends: the one of
//! that address that has waited longest, or where there are too many in all, that of the network with most
//! ([`Crowd`]). So whoever opens many connections and says nothing only ends his own sooner, and whoever
//! has a token has the time to show it, from however far away. Of the others there are as many as the
//! operator allows, in all and from one address, and further ones are turned away.

use std::{
    collections::{BTreeSet, HashMap},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio_util::sync::CancellationToken;

use super::{crowd::Crowd, listen::network_of};

/// Connections that wait, in all.
const WAITING: usize = 1024;
/// Connections that wait, from one address.
const WAITING_PER_ADDRESS: usize = 384;

/// All connections.
#[derive(Debug, Clone)]
pub(super) struct Doors(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    most: usize,
    most_per_address: usize,
    next: u64,
    waiting: Crowd<Waiting>,
    addresses: HashMap<IpAddr, Counts>,
    all: usize,
    turned_away: u64,
    made_room: u64,
}

/// A connection that waits.
#[derive(Debug)]
struct Waiting {
    number: u64,
    address: IpAddr,
    ended: CancellationToken,
}

/// Those of one address.
#[derive(Debug, Default)]
struct Counts {
    all: usize,
    /// The numbers of those that wait.
    waiting: BTreeSet<u64>,
}

/// A place of one connection; free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    doors: Doors,
    number: u64,
    address: IpAddr,
    /// Cancelled when it has to make room.
    pub(super) ended: CancellationToken,
}

/// How many there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Numbers {
    pub(super) connections: usize,
    pub(super) waiting: usize,
    pub(super) turned_away: u64,
    pub(super) made_room: u64,
}

impl Doors {
    /// Room for `most` connections, `most_per_address` of them from one address.
    pub(super) fn new(most: usize, most_per_address: usize) -> Self {
        Self(Arc::new(Mutex::new(State {
            most: most.max(1),
            most_per_address: most_per_address.max(1),
            next: 0,
            waiting: Crowd::default(),
            addresses: HashMap::new(),
            all: 0,
            turned_away: 0,
            made_room: 0,
        })))
    }

    /// A place for one more from `ip`, if there is any. A proxy stands for many: what is for one address
    /// does not hold for it.
    pub(super) fn enter(&self, ip: IpAddr, is_proxy: bool) -> Option<Place> {
        let address = network_of(ip);
        let mut state = self.state();
        let counts = state.addresses.get(&address).filter(|_| !is_proxy);
        let here = counts.map_or(0, |counts| counts.all);
        let waiting_here = counts.map_or(0, |counts| counts.waiting.len());
        let oldest_here = counts.and_then(|counts| counts.waiting.first().copied());
        // Whoever waits makes room for the next, of the same address where that has too many.
        let evicted = if here >= state.most_per_address || waiting_here >= WAITING_PER_ADDRESS {
            oldest_here.and_then(|number| state.waiting.remove(address, number))
        } else if state.all >= state.most || state.waiting.len() >= WAITING {
            state.waiting.make_room()
        } else {
            None
        };
        if let Some(evicted) = evicted {
            state.evict(&evicted);
        } else if here >= state.most_per_address || state.all >= state.most {
            state.turned_away += 1;
            return None;
        }
        let number = state.next;
        state.next += 1;
        state.all += 1;
        let ended = CancellationToken::new();
        let waiting = Waiting {
            number,
            address,
            ended: ended.clone(),
        };
        state.waiting.insert(address, number, waiting);
        let counts = state.addresses.entry(address).or_default();
        counts.all += 1;
        counts.waiting.insert(number);
        drop(state);
        Some(Place {
            doors: self.clone(),
            number,
            address,
            ended,
        })
    }

    /// How many there are now.
    pub(super) fn numbers(&self) -> Numbers {
        let state = self.state();
        Numbers {
            connections: state.all,
            waiting: state.waiting.len(),
            turned_away: state.turned_away,
            made_room: state.made_room,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Tells one that is taken out of those that wait to end. Its place is free when it has.
    fn evict(&mut self, waiting: &Waiting) {
        waiting.ended.cancel();
        self.made_room += 1;
        if let Some(counts) = self.addresses.get_mut(&waiting.address) {
            counts.waiting.remove(&waiting.number);
        }
    }
}

impl Place {
    /// Which it is, of all there ever were.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// From now on it belongs to somebody who is let in, and need not make room for anybody.
    pub(super) fn settle(&self) {
        let mut state = self.doors.state();
        if state.waiting.remove(self.address, self.number).is_some()
            && let Some(counts) = state.addresses.get_mut(&self.address)
        {
            counts.waiting.remove(&self.number);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.settle();
        let mut state = self.doors.state();
        state.all -= 1;
        if let Some(counts) = state.addresses.get_mut(&self.address) {
            counts.all -= 1;
            if counts.all == 0 {
                state.addresses.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    #[test]
    fn who_is_let_in_stays_and_who_waits_makes_room() {
        let doors = Doors::new(10, 4);
        let settled: Vec<_> = (0..3).map(|_| doors.enter(ip(1), false).unwrap()).collect();
        settled.iter().for_each(Place::settle);
        let waits = doors.enter(ip(1), false).unwrap();
        let next = doors.enter(ip(1), false).unwrap();
        assert!(waits.ended.is_cancelled());
        next.settle();
        assert!(
            doors.enter(ip(1), false).is_none(),
            "nobody is left to make room"
        );
        assert!(settled.iter().all(|place| !place.ended.is_cancelled()));
        assert!(
            doors.enter(ip(2), false).is_some(),
            "somebody else has room"
        );
    }

    #[test]
    fn a_crowd_at_one_address_ends_its_own_only() {
        let doors = Doors::new(100_000, 100_000);
        let other = doors.enter(ip(2), false).unwrap();
        let crowd: Vec<_> = (0..5000)
            .map(|_| doors.enter(ip(1), false).unwrap())
            .collect();
        assert!(!other.ended.is_cancelled());
        let waiting = crowd.iter().filter(|place| !place.ended.is_cancelled());
        assert_eq!(waiting.count(), WAITING_PER_ADDRESS);
        drop((crowd, other));
        let state = doors.state();
        assert_eq!(
            (state.all, state.addresses.len(), state.waiting.len()),
            (0, 0, 0)
        );
    }

    #[test]
    fn crowds_at_a_few_addresses_end_their_own_only() {
        let doors = Doors::new(100_000, 100_000);
        let far_away = doors.enter(ip(9), false).unwrap();
        let crowd: Vec<_> = [1, 2, 3]
            .repeat(1000)
            .into_iter()
            .map(|last| doors.enter(ip(last), false).unwrap())
            .collect();
        assert!(!far_away.ended.is_cancelled());
        assert_eq!(doors.numbers().waiting, WAITING);
        // A line with IPv6 has as many networks as there are connections.
        let networks: Vec<_> = (0..3000_u16)
            .map(|number| {
                let ip = IpAddr::from([0x2001, 0xdb8, 7, number, 0, 0, 0, 1]);
                doors.enter(ip, false).unwrap()
            })
            .collect();
        assert!(!far_away.ended.is_cancelled());
        assert_eq!(doors.numbers().waiting, WAITING);
        // Each of the four has about a quarter.
        let left = crowd.iter().filter(|place| !place.ended.is_cancelled());
        assert!((760..775).contains(&left.count()));
        drop((far_away, crowd, networks));
        let state = doors.state();
        assert_eq!(
            (state.all, state.addresses.len(), state.waiting.len()),
            (0, 0, 0)
        );
    }

    #[test]
    fn a_proxy_stands_for_many() {
        let doors = Doors::new(5000, 10);
        let members: Vec<_> = (0..3000)
            .map(|_| doors.enter(ip(1), true).unwrap())
            .inspect(Place::settle)
            .collect();
        assert!(members.iter().all(|place| !place.ended.is_cancelled()));
        assert!(doors.enter(ip(2), false).is_some());
    }

    #[test]
    fn crowds_at_many_addresses_leave_who_is_let_in() {
        let doors = Doors::new(2000, 1000);
        let alice = doors.enter(ip(1), false).unwrap();
        alice.settle();
        let crowd: Vec<_> = (0..250_u8)
            .flat_map(|last| (0..20).map(move |_| last))
            .map(|last| doors.enter([198, 51, 100, last].into(), false))
            .collect();
        assert!(!alice.ended.is_cancelled());
        assert!(
            crowd.iter().all(Option::is_some),
            "the first of them made room"
        );
    }
}
