//! Who may have a share, and how many have it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::unix_now;
use crate::{content::PeerId, transfer::wire::Close};

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
    /// Everybody who has asked for content, and whether they have it all.
    taken: Mutex<HashMap<PeerId, bool>>,
    used_up: Arc<Notify>,
}

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
        if self.policy.expires.is_some_and(|at| at <= unix_now()) {
            return Err(Close::Expired);
        }
        self.has_place(&self.taken(), peer)
    }

    /// Gives `peer` its place among those who may have content.
    pub(super) fn begin(&self, peer: &PeerId) -> Result<(), Close> {
        if self.policy.max_gets.is_none() {
            return Ok(());
        }
        let mut taken = self.taken();
        self.has_place(&taken, peer)?;
        taken.entry(*peer).or_insert(false);
        Ok(())
    }

    /// Notes that `peer` has everything.
    pub(super) fn complete(&self, peer: &PeerId) {
        let Some(max) = self.policy.max_gets else {
            return;
        };
        let mut taken = self.taken();
        let Some(done) = taken.get_mut(peer) else {
            return;
        };
        *done = true;
        if taken.values().filter(|done| **done).count() as u64 >= max {
            self.used_up.notify_one();
        }
    }

    fn has_place(&self, taken: &HashMap<PeerId, bool>, peer: &PeerId) -> Result<(), Close> {
        match (self.policy.max_gets, taken.get(peer)) {
            (None, _) | (_, Some(false)) => Ok(()),
            (Some(max), None) if (taken.len() as u64) < max => Ok(()),
            _ => Err(Close::Taken),
        }
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<PeerId, bool>> {
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
