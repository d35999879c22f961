//! Who waits for whom when there is no room for all: whoever comes from the network that has most makes
//! room, the oldest first. So those who fill a place on purpose end one another, and somebody else's single
//! connection is the last to go.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
    net::IpAddr,
};

use super::listen::line_of;

/// Everybody who can make room, by network and by the order of coming. All it does takes as long as it
/// takes to find something in a sorted list.
#[derive(Debug)]
pub(super) struct Crowd<T> {
    /// By the numbers of their coming.
    networks: HashMap<IpAddr, BTreeMap<u64, T>>,
    /// All networks, that with most last; of equal ones that whose oldest came first.
    by_size: BTreeSet<(usize, Reverse<u64>, IpAddr)>,
    all: usize,
}

impl<T> Default for Crowd<T> {
    fn default() -> Self {
        Self {
            networks: HashMap::new(),
            by_size: BTreeSet::new(),
            all: 0,
        }
    }
}

impl<T> Crowd<T> {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.all
    }

    /// One more, from `ip`. Later ones have greater numbers.
    pub(super) fn insert(&mut self, ip: IpAddr, number: u64, one: T) {
        self.change(ip, |members| members.insert(number, one));
    }

    /// Takes out one who came from `ip`, if it is still there.
    pub(super) fn remove(&mut self, ip: IpAddr, number: u64) -> Option<T> {
        self.change(ip, |members| members.remove(&number))
    }

    /// Takes out the one whose turn it is to make room.
    pub(super) fn make_room(&mut self) -> Option<T> {
        let (_, Reverse(oldest), network) = *self.by_size.last()?;
        self.remove(network, oldest)
    }

    fn change<R>(&mut self, ip: IpAddr, change: impl FnOnce(&mut BTreeMap<u64, T>) -> R) -> R {
        let network = line_of(ip);
        let members = self.networks.entry(network).or_default();
        if let Some(rank) = rank(network, members) {
            self.by_size.remove(&rank);
        }
        self.all -= members.len();
        let result = change(members);
        self.all += members.len();
        match rank(network, members) {
            Some(rank) => _ = self.by_size.insert(rank),
            None => _ = self.networks.remove(&network),
        }
        result
    }
}

fn rank<T>(network: IpAddr, members: &BTreeMap<u64, T>) -> Option<(usize, Reverse<u64>, IpAddr)> {
    let (oldest, _) = members.first_key_value()?;
    Some((members.len(), Reverse(*oldest), network))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    #[test]
    fn whoever_has_most_makes_room_the_oldest_first() {
        let mut crowd = Crowd::default();
        for (number, from) in [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (6, 2)] {
            crowd.insert(ip(from), number, number);
        }
        // 2 has three, then 2 and 3 have two each, then one is left of each.
        let order: Vec<_> = std::iter::from_fn(|| crowd.make_room()).collect();
        assert_eq!(order, [2, 3, 4, 1, 5, 6]);
        assert_eq!(crowd.len(), 0);
        assert!(crowd.networks.is_empty() && crowd.by_size.is_empty());
    }

    #[test]
    fn who_went_is_not_counted() {
        let mut crowd = Crowd::default();
        for number in 0..10 {
            crowd.insert(ip(1), number, "many");
        }
        crowd.insert(ip(2), 10, "few");
        crowd.insert(ip(2), 11, "few");
        for number in 0..9 {
            assert_eq!(crowd.remove(ip(1), number), Some("many"));
            assert_eq!(crowd.remove(ip(1), number), None);
        }
        assert_eq!(crowd.remove(ip(3), 10), None, "somebody else's number");
        assert_eq!(crowd.make_room(), Some("few"));
        assert_eq!(crowd.len(), 2);
    }

    #[test]
    fn all_of_a_line_is_one() {
        let mut crowd = Crowd::default();
        crowd.insert("2001:db8:1::1".parse().unwrap(), 0, "member");
        for number in 1..100 {
            let ip = format!("2001:db8:2:{number:x}::1").parse().unwrap();
            crowd.insert(ip, number, "crowd");
        }
        for _ in 1..99 {
            assert_eq!(crowd.make_room(), Some("crowd"));
        }
        assert_eq!(crowd.len(), 2);
    }
}
