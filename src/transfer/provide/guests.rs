//! Who may have a share, and how many have it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::{
    content::PeerId,
    transfer::{unix_now, wire::Close},
};

/// Who may have a share.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Only these; everybody who has the ticket when empty.
    pub allow: Vec<PeerId>,
    /// So many people at most. A person who has begun keeps their place, so that they can resume;
    /// nobody else gets it.
    pub max_gets: Option<u64>,
    /// Not after this moment, in seconds since 1970.
    pub expires: Option<u64>,
}

/// Keeps a [`Policy`].
pub(super) struct Guests {
    policy: Policy,
    /// Everybody who has asked for content.
    taken: Mutex<HashMap<PeerId, Taken>>,
    used_up: Arc<Notify>,
}

/// What one peer has had.
#[derive(Debug, Clone, Copy, Default)]
struct Taken {
    complete: bool,
    /// Bytes of content sent over all connections of this run.
    bytes: u64,
}

/// Peers whose bytes are added up when nothing else says whether they have a place.
const REMEMBERED: usize = 16 * 1024;

impl Guests {
    pub(super) fn new(policy: Policy, used_up: Arc<Notify>) -> Self {
        Self {
            policy,
            taken: Mutex::default(),
            used_up,
        }
    }

    /// Whether `peer` may connect at all.
    pub(super) fn admit(&self, peer: &PeerId) -> Result<(), Close> {
        if !self.policy.allow.is_empty() && !self.policy.allow.contains(peer) {
            return Err(Close::NotAllowed);
        }
        self.is_open()?;
        self.has_place(&self.taken(), peer)
    }

    /// Whether the share's time is not over yet. The clock of the wall decides: it goes on while the
    /// computer sleeps, and connections may survive that.
    pub(super) fn is_open(&self) -> Result<(), Close> {
        match self.policy.expires {
            Some(at) if at <= unix_now() => Err(Close::Expired),
            _ => Ok(()),
        }
    }

    /// Gives `peer` its place among those who may have content.
    pub(super) fn begin(&self, peer: &PeerId) -> Result<(), Close> {
        self.is_open()?;
        let mut taken = self.taken();
        self.has_place(&taken, peer)?;
        if self.policy.max_gets.is_some() || taken.len() < REMEMBERED {
            taken.entry(*peer).or_default();
        }
        Ok(())
    }

    /// Adds bytes of content that were sent to `peer` over a connection that ended; returns all that
    /// it was sent.
    pub(super) fn sent(&self, peer: &PeerId, bytes: u64) -> u64 {
        let mut taken = self.taken();
        let Some(of_peer) = taken.get_mut(peer) else {
            return bytes;
        };
        of_peer.bytes = of_peer.bytes.saturating_add(bytes);
        of_peer.bytes
    }

    /// Notes that `peer` has everything.
    pub(super) fn complete(&self, peer: &PeerId) {
        let mut taken = self.taken();
        let Some(of_peer) = taken.get_mut(peer) else {
            return;
        };
        // Whoever fetches it again, where that is allowed, starts from nothing.
        of_peer.bytes = 0;
        of_peer.complete = true;
        let complete = taken.values().filter(|taken| taken.complete).count() as u64;
        if self.policy.max_gets.is_some_and(|max| complete >= max) {
            self.used_up.notify_one();
        }
    }

    fn has_place(&self, taken: &HashMap<PeerId, Taken>, peer: &PeerId) -> Result<(), Close> {
        let complete = taken.get(peer).map(|taken| taken.complete);
        match (self.policy.max_gets, complete) {
            (None, _) | (_, Some(false)) => Ok(()),
            (Some(max), None) if (taken.len() as u64) < max => Ok(()),
            _ => Err(Close::Taken),
        }
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<PeerId, Taken>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use iroh::SecretKey;

    use super::*;

    fn peer(n: u8) -> PeerId {
        SecretKey::from_bytes(&[n; 32]).public()
    }

    fn guests(policy: Policy) -> Guests {
        Guests::new(policy, Arc::new(Notify::new()))
    }

    #[test]
    fn only_those_who_are_named_are_admitted() {
        let guests = guests(Policy {
            allow: vec![peer(1)],
            ..Policy::default()
        });
        assert_eq!(guests.admit(&peer(1)), Ok(()));
        assert_eq!(guests.admit(&peer(2)), Err(Close::NotAllowed));
    }

    #[test]
    fn nobody_is_admitted_after_the_end() {
        let guests = guests(Policy {
            expires: Some(1),
            ..Policy::default()
        });
        assert_eq!(guests.admit(&peer(1)), Err(Close::Expired));
        assert_eq!(
            guests.begin(&peer(1)),
            Err(Close::Expired),
            "nor served on a connection that is still there"
        );
    }

    #[test]
    fn a_place_belongs_to_whoever_began() {
        let guests = guests(Policy {
            max_gets: Some(2),
            ..Policy::default()
        });
        assert_eq!(guests.admit(&peer(3)), Ok(()));
        assert_eq!(guests.begin(&peer(1)), Ok(()));
        assert_eq!(guests.begin(&peer(2)), Ok(()));
        assert_eq!(
            guests.begin(&peer(3)),
            Err(Close::Taken),
            "places are for two"
        );
        assert_eq!(guests.begin(&peer(1)), Ok(()), "the first may come back");
        guests.complete(&peer(1));
        assert_eq!(
            guests.admit(&peer(1)),
            Err(Close::Taken),
            "but not fetch it twice"
        );
        assert_eq!(guests.admit(&peer(3)), Err(Close::Taken));
    }

    #[test]
    fn what_was_sent_adds_up_over_connections() {
        let guests = guests(Policy::default());
        guests.begin(&peer(1)).unwrap();
        assert_eq!(guests.sent(&peer(1), 10), 10);
        assert_eq!(guests.sent(&peer(1), 5), 15);
        guests.complete(&peer(1));
        assert_eq!(
            guests.sent(&peer(1), 7),
            7,
            "a second fetch is counted anew"
        );
    }

    #[tokio::test]
    async fn the_share_is_used_up_once_all_have_it() {
        let used_up = Arc::new(Notify::new());
        let guests = Guests::new(
            Policy {
                max_gets: Some(1),
                ..Policy::default()
            },
            used_up.clone(),
        );
        guests.complete(&peer(9));
        guests.begin(&peer(1)).unwrap();
        guests.complete(&peer(1));
        used_up.notified().await;
    }
}
