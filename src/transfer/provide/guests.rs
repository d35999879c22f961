//! Who may have a share, and how many have it.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::record::{Places, Record};
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
    /// Where it is written down who has a place, if it is to outlast this program.
    pub record: Option<Arc<Record>>,
    /// Not after this moment, in seconds since 1970.
    pub expires: Option<u64>,
}

/// Keeps a [`Policy`].
pub(super) struct Guests {
    policy: Policy,
    /// Everybody who has asked for content.
    taken: Mutex<HashMap<PeerId, Taken>>,
    /// The turn of whoever changes the record.
    recording: tokio::sync::Mutex<()>,
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
        let before = policy.record.iter().flat_map(|record| record.before());
        let taken = before.map(|(peer, complete)| {
            let taken = Taken {
                complete: *complete,
                bytes: 0,
            };
            (*peer, taken)
        });
        let guests = Self {
            taken: Mutex::new(taken.collect()),
            recording: tokio::sync::Mutex::default(),
            policy,
            used_up,
        };
        guests.notice_the_end(&guests.taken());
        guests
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

    /// Gives `peer` its place among those who may have content, if it has none yet. It has it once
    /// it is written down.
    ///
    /// # Errors
    /// Why it gets none; or why that could not be written down.
    pub(super) async fn begin(&self, peer: &PeerId) -> Result<(), NoPlace> {
        self.is_open()?;
        {
            let mut taken = self.taken();
            self.has_place(&taken, peer)?;
            if taken.contains_key(peer) {
                return Ok(());
            }
            if self.policy.record.is_none() {
                if self.policy.max_gets.is_some() || taken.len() < REMEMBERED {
                    taken.entry(*peer).or_default();
                }
                return Ok(());
            }
        }
        let _turn = self.recording.lock().await;
        let places = {
            let taken = self.taken();
            self.has_place(&taken, peer)?;
            let mut places = places(&taken);
            places.entry(*peer).or_insert(false);
            places
        };
        self.record(places).await.map_err(NoPlace::NotRecorded)?;
        self.taken().entry(*peer).or_default();
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
    ///
    /// # Errors
    /// Those of writing it down. It is noted all the same, for as long as this program runs.
    pub(super) async fn complete(&self, peer: &PeerId) -> io::Result<()> {
        let _turn = self.recording.lock().await;
        let places = {
            let mut taken = self.taken();
            let Some(of_peer) = taken.get_mut(peer) else {
                return Ok(());
            };
            // Whoever fetches it again, where that is allowed, starts from nothing.
            of_peer.bytes = 0;
            of_peer.complete = true;
            places(&taken)
        };
        let recorded = self.record(places).await;
        self.notice_the_end(&self.taken());
        recorded
    }

    /// Whether everybody for whom there is a place has everything.
    fn notice_the_end(&self, taken: &HashMap<PeerId, Taken>) {
        let complete = taken.values().filter(|taken| taken.complete).count() as u64;
        if self.policy.max_gets.is_some_and(|max| complete >= max) {
            self.used_up.notify_one();
        }
    }

    async fn record(&self, places: Places) -> io::Result<()> {
        let Some(record) = self.policy.record.clone() else {
            return Ok(());
        };
        let saved = tokio::task::spawn_blocking(move || record.save(&places));
        saved
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))
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

/// Why somebody has no place.
#[derive(Debug)]
pub(super) enum NoPlace {
    /// There is none.
    Refused(Close),
    /// It could not be written down.
    NotRecorded(io::Error),
}

impl From<Close> for NoPlace {
    fn from(why: Close) -> Self {
        Self::Refused(why)
    }
}

fn places(taken: &HashMap<PeerId, Taken>) -> Places {
    taken
        .iter()
        .map(|(peer, taken)| (*peer, taken.complete))
        .collect()
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

    impl Guests {
        async fn began(&self, peer: &PeerId) -> Result<(), Close> {
            self.begin(peer).await.map_err(|why| match why {
                NoPlace::Refused(why) => why,
                NoPlace::NotRecorded(error) => panic!("{error}"),
            })
        }
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

    #[tokio::test]
    async fn nobody_is_admitted_after_the_end() {
        let guests = guests(Policy {
            expires: Some(1),
            ..Policy::default()
        });
        assert_eq!(guests.admit(&peer(1)), Err(Close::Expired));
        assert_eq!(
            guests.began(&peer(1)).await,
            Err(Close::Expired),
            "nor served on a connection that is still there"
        );
    }

    #[tokio::test]
    async fn a_place_belongs_to_whoever_began() {
        let guests = guests(Policy {
            max_gets: Some(2),
            ..Policy::default()
        });
        assert_eq!(guests.admit(&peer(3)), Ok(()));
        assert_eq!(guests.began(&peer(1)).await, Ok(()));
        assert_eq!(guests.began(&peer(2)).await, Ok(()));
        assert_eq!(
            guests.began(&peer(3)).await,
            Err(Close::Taken),
            "places are for two"
        );
        assert_eq!(
            guests.began(&peer(1)).await,
            Ok(()),
            "the first may come back"
        );
        guests.complete(&peer(1)).await.unwrap();
        assert_eq!(
            guests.admit(&peer(1)),
            Err(Close::Taken),
            "but not fetch it twice"
        );
        assert_eq!(guests.admit(&peer(3)), Err(Close::Taken));
    }

    #[tokio::test]
    async fn what_was_sent_adds_up_over_connections() {
        let guests = guests(Policy::default());
        guests.began(&peer(1)).await.unwrap();
        assert_eq!(guests.sent(&peer(1), 10), 10);
        assert_eq!(guests.sent(&peer(1), 5), 15);
        guests.complete(&peer(1)).await.unwrap();
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
        guests.complete(&peer(9)).await.unwrap();
        guests.began(&peer(1)).await.unwrap();
        guests.complete(&peer(1)).await.unwrap();
        used_up.notified().await;
    }

    fn limited(max_gets: u64, folder: &std::path::Path) -> (Guests, Arc<Notify>) {
        let used_up = Arc::new(Notify::new());
        let record = Record::open(folder, &crate::content::Hash::new("a share")).unwrap();
        let policy = Policy {
            max_gets: Some(max_gets),
            record: Some(Arc::new(record)),
            ..Policy::default()
        };
        (Guests::new(policy, used_up.clone()), used_up)
    }

    #[tokio::test]
    async fn places_outlast_the_program() {
        let dir = tempfile::tempdir().unwrap();
        let (guests, _) = limited(2, dir.path());
        guests.began(&peer(1)).await.unwrap();
        guests.began(&peer(2)).await.unwrap();
        guests.complete(&peer(1)).await.unwrap();
        drop(guests);
        let (guests, used_up) = limited(2, dir.path());
        assert_eq!(guests.admit(&peer(1)), Err(Close::Taken), "it has it");
        assert_eq!(guests.admit(&peer(3)), Err(Close::Taken), "no place left");
        assert_eq!(guests.began(&peer(2)).await, Ok(()), "it may resume");
        guests.complete(&peer(2)).await.unwrap();
        used_up.notified().await;
        drop(guests);
        let (_guests, used_up) = limited(2, dir.path());
        used_up.notified().await;
    }

    #[tokio::test]
    async fn there_is_no_place_that_was_not_written_down() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("shares");
        let (guests, _) = limited(2, &folder);
        std::fs::remove_dir_all(&folder).unwrap();
        std::fs::write(&folder, "in the way").unwrap();
        let refused = guests.begin(&peer(1)).await;
        assert!(matches!(refused, Err(NoPlace::NotRecorded(_))));
        std::fs::remove_file(&folder).unwrap();
        assert_eq!(guests.began(&peer(1)).await, Ok(()));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn fifty_at_once_get_as_many_places_as_there_are() {
        let dir = tempfile::tempdir().unwrap();
        let (guests, _) = limited(3, dir.path());
        let guests = Arc::new(guests);
        let mut all = tokio::task::JoinSet::new();
        for n in 0..50 {
            let guests = guests.clone();
            all.spawn(async move { guests.began(&peer(n)).await.is_ok() });
        }
        let began = all.join_all().await;
        assert_eq!(began.iter().filter(|began| **began).count(), 3);
    }
}
