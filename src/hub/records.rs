//! How much the directory keeps for whom.
//!
//! A record is one endpoint's, and stays for seven days after it was last published. Counted is who
//! has published how many, by the network that the connection came from, and how often: an office
//! behind one address publishes many at once, and somebody who fills the disk has to do it slowly and
//! only up to a point.

use std::{
    collections::HashMap,
    net::IpAddr,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use redb::{Database, ReadableDatabase as _, ReadableTable as _, TableDefinition};

use super::{listen::network_of, options::Limits};

/// How long a record stays after it was published.
pub(super) const STAYS: Duration = Duration::from_hours(7 * 24);
/// The table of iroh-dns-server that has a row for each record.
const TABLE: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("signed-packets-1");
/// Addresses whose rate is remembered. Beyond, those are forgotten that have all of theirs again.
const REMEMBERED: usize = 10_000;

/// What was published.
#[derive(Debug)]
pub(super) struct Records {
    limits: Limits,
    state: Mutex<State>,
    refused: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    /// Who published it (unknown when that was before this start), and when last.
    known: HashMap<[u8; 32], (Option<IpAddr>, Instant)>,
    addresses: HashMap<IpAddr, Address>,
    swept: Option<Instant>,
}

#[derive(Debug)]
struct Address {
    records: usize,
    /// How many it may publish now, as of `at`.
    left: f64,
    at: Instant,
}

/// Why something is not published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    /// The address has published too often; so many seconds until it may again.
    TooOften(u64),
    /// The address has as many records as it may.
    Address,
    /// The directory has.
    Directory,
}

impl Records {
    /// Those that the last run left in the database at `path`. An unreadable one is the directory's
    /// business.
    pub(super) fn new(limits: &Limits, path: &Path) -> Self {
        let mut state = State::default();
        let now = Instant::now();
        for key in kept(path).unwrap_or_default() {
            state.known.insert(key, (None, now));
        }
        Self {
            limits: limits.clone(),
            state: Mutex::new(state),
            refused: AtomicU64::new(0),
        }
    }

    /// Notes that `ip` publishes the record of `key`.
    ///
    /// # Errors
    /// [`Full`] when it may not.
    pub(super) fn publish(&self, key: [u8; 32], ip: IpAddr) -> Result<(), Full> {
        let published = self.publish_at(key, network_of(ip), Instant::now());
        if published.is_err() {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        published
    }

    fn publish_at(&self, key: [u8; 32], from: IpAddr, now: Instant) -> Result<(), Full> {
        let limits = &self.limits;
        let burst = f64::from(limits.puts_per_address.max(1));
        let per_second = burst / 60.0;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.sweep(now, per_second, burst);
        let records = state.known.len();
        let owner = state.known.get(&key).map(|(owner, _)| *owner);
        let address = state.addresses.entry(from).or_insert(Address {
            records: 0,
            left: burst,
            at: now,
        });
        let since = now.saturating_duration_since(address.at).as_secs_f64();
        address.left = (address.left + since * per_second).min(burst);
        address.at = now;
        if address.left < 1.0 {
            let wait = ((1.0 - address.left) / per_second).ceil();
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "at most 60"
            )]
            return Err(Full::TooOften(wait as u64));
        }
        address.left -= 1.0;
        if owner != Some(Some(from)) {
            if owner.is_none() && records >= limits.records {
                return Err(Full::Directory);
            }
            if address.records >= limits.records_per_address {
                return Err(Full::Address);
            }
            address.records += 1;
            if let Some(Some(before)) = owner {
                state.take_from(before);
            }
        }
        state.known.insert(key, (Some(from), now));
        Ok(())
    }

    /// How many there are, and how many were refused since the start.
    pub(super) fn numbers(&self) -> (usize, u64) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.known.len(), self.refused.load(Ordering::Relaxed))
    }
}

impl State {
    fn take_from(&mut self, address: IpAddr) {
        if let Some(address) = self.addresses.get_mut(&address) {
            address.records = address.records.saturating_sub(1);
        }
    }

    /// Forgets, once a minute, records that nobody publishes any more, and addresses that have none
    /// and may do everything again.
    fn sweep(&mut self, now: Instant, per_second: f64, burst: f64) {
        let since = |at: Instant| now.saturating_duration_since(at);
        let is_due = self
            .swept
            .is_none_or(|at| since(at) > Duration::from_mins(1));
        if !is_due && self.addresses.len() < REMEMBERED {
            return;
        }
        self.swept = Some(now);
        let mut gone = Vec::new();
        self.known.retain(|_, (owner, at)| {
            let stays = since(*at) < STAYS;
            if !stays {
                gone.extend(*owner);
            }
            stays
        });
        for owner in gone {
            self.take_from(owner);
        }
        self.addresses.retain(|_, address| {
            let left = address.left + since(address.at).as_secs_f64() * per_second;
            address.records > 0 || left < burst
        });
    }
}

/// The keys in the database of the directory, while nobody else has it open.
fn kept(path: &Path) -> Option<Vec<[u8; 32]>> {
    if !path.exists() {
        return None;
    }
    let database = Database::open(path).ok()?;
    let table = database.begin_read().ok()?.open_table(TABLE).ok()?;
    let rows = table.iter().ok()?;
    Some(rows.flatten().map(|(key, _)| *key.value()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(limits: &Limits) -> Records {
        Records::new(limits, Path::new("/nowhere"))
    }

    fn key(number: u32) -> [u8; 32] {
        *blake3::hash(&number.to_le_bytes()).as_bytes()
    }

    const OFFICE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    #[test]
    fn an_office_publishes_at_once_and_a_flood_does_not() {
        let records = records(&Limits::default());
        let now = Instant::now();
        let may = (0..100_000).filter(|n| records.publish_at(key(*n), OFFICE, now).is_ok());
        assert_eq!(may.count(), 1200);
        assert_eq!(records.publish_at(key(0), HOME, now), Ok(()));
        let later = now + Duration::from_secs(1);
        let may = (0..100).filter(|n| records.publish_at(key(*n), OFFICE, later).is_ok());
        assert_eq!(may.count(), 20);
    }

    #[test]
    fn places_are_counted_and_free_again_when_nobody_publishes() {
        let records = records(&Limits {
            records: 3,
            records_per_address: 2,
            ..Limits::default()
        });
        let now = Instant::now();
        assert_eq!(records.publish_at(key(1), OFFICE, now), Ok(()));
        assert_eq!(records.publish_at(key(2), OFFICE, now), Ok(()));
        assert_eq!(records.publish_at(key(3), OFFICE, now), Err(Full::Address));
        assert_eq!(records.publish_at(key(1), OFFICE, now), Ok(()), "its own");
        assert_eq!(
            records.publish_at(key(1), HOME, now),
            Ok(()),
            "it went home"
        );
        assert_eq!(records.publish_at(key(3), OFFICE, now), Ok(()));
        assert_eq!(records.publish_at(key(4), HOME, now), Err(Full::Directory));
        let later = now + STAYS + Duration::from_mins(2);
        assert_eq!(records.publish_at(key(4), HOME, later), Ok(()));
        assert_eq!(records.numbers().0, 1);
    }
}
