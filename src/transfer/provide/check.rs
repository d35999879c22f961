//! Looking again at files whose content or outboard is not what it should be.
//!
//! That takes as long as hashing the file, so it is done by one at a time, everybody else waits for
//! what it finds, and it is remembered. A file has changed only when it was read as a whole and hashed
//! to something else; whatever keeps it from being read now says nothing about it.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::Semaphore;

use super::share::{Share, Unservable};
use crate::disk::{self, FileStat, Stop};

/// After a check that could not be done, none is tried for so long.
const PAUSE: Duration = Duration::from_secs(5);

/// A file whose content still does not match after so many good checks is given up.
const CHECKS: u32 = 3;

/// What is known about files that did not match.
pub(super) struct Checks {
    files: Mutex<HashMap<u32, Known>>,
    one_at_a_time: Semaphore,
    stop: Stop,
}

#[derive(Debug, Clone, Copy, Default)]
struct Known {
    changed: bool,
    /// Checks that found the file to be what it was.
    good: u32,
    failed: Option<Instant>,
}

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The file is what it was, and has an outboard again.
    Good,
    /// It is not.
    Changed,
    /// It cannot be told now.
    Later,
}

impl Default for Checks {
    fn default() -> Self {
        Self {
            files: Mutex::default(),
            one_at_a_time: Semaphore::new(1),
            stop: Stop::default(),
        }
    }
}

impl Checks {
    /// Ends a check that is under way, and all that are to come.
    pub(super) fn stop(&self) {
        self.stop.stop();
    }

    pub(super) fn note_changed(&self, number: u32) {
        self.files().entry(number).or_default().changed = true;
    }

    pub(super) fn has_changed(&self, number: u32) -> bool {
        self.known(number).changed
    }

    /// How often file number `number` was found to be good after all. Whoever finds a mismatch tells
    /// which count it began with, so that an earlier check answers for it.
    pub(super) fn good_checks(&self, number: u32) -> u32 {
        self.known(number).good
    }

    fn known(&self, number: u32) -> Known {
        self.files().get(&number).copied().unwrap_or_default()
    }

    fn files(&self) -> MutexGuard<'_, HashMap<u32, Known>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// Looks again at file number `number`, whose outboard is lost.
    pub(super) async fn restore_outboard(self: &Arc<Self>, number: u32) -> Verdict {
        self.check(number, move |share, known| {
            let there = known.failed.is_none() && share.open_outboard(number).is_ok();
            there.then_some(Verdict::Good)
        })
        .await
    }

    /// Looks again at file number `number`, whose content did not match when it had passed `checks`
    /// checks.
    pub(super) async fn look_again(self: &Arc<Self>, number: u32, checks: u32) -> Verdict {
        self.check(number, move |_, known| match known.good {
            good if good > checks => Some(Verdict::Good),
            good if good >= CHECKS => Some(Verdict::Changed),
            _ => None,
        })
        .await
    }

    async fn check(
        self: &Arc<Self>,
        number: u32,
        known_already: impl FnOnce(&Self, Known) -> Option<Verdict> + Send + 'static,
    ) -> Verdict {
        let Ok(_turn) = self.checks.one_at_a_time.acquire().await else {
            return Verdict::Later;
        };
        let share = self.clone();
        let checked = tokio::task::spawn_blocking(move || {
            let known = share.checks.known(number);
            if known.changed {
                return Verdict::Changed;
            }
            if let Some(verdict) = known_already(&share, known) {
                if verdict == Verdict::Changed {
                    share.checks.note_changed(number);
                }
                return verdict;
            }
            if known.failed.is_some_and(|at| at.elapsed() < PAUSE) {
                return Verdict::Later;
            }
            let is_good = share.is_still_good(number);
            let mut files = share.checks.files();
            let known = files.entry(number).or_default();
            known.failed = None;
            match is_good {
                Ok(true) => {
                    known.good += 1;
                    Verdict::Good
                }
                Ok(false) => {
                    known.changed = true;
                    drop(files);
                    share.forget_if_deceived(number);
                    Verdict::Changed
                }
                Err(error) => {
                    tracing::debug!(%error, "a file cannot be checked now");
                    known.failed = Some(Instant::now());
                    Verdict::Later
                }
            }
        });
        checked.await.unwrap_or(Verdict::Later)
    }

    /// Forgets the hashes of a tree when file number `number`, which has changed, looks as it did: what
    /// is written to memory that stands for a file need not show in its times. To share it again then
    /// means to read it again.
    fn forget_if_deceived(&self, number: u32) {
        let source = self.sources.files.get(number as usize);
        let root = source.and_then(|file| self.sources.roots.get(file.root as usize));
        if let (Some(source), Some(root)) = (source, root)
            && let Ok(file) = self.sources.open(source)
            && FileStat::of(&file).is_ok_and(|stat| stat == source.stat)
            && let Err(error) = self.outboards.forget_tree(&root.path)
        {
            tracing::debug!(%error, "hashes that are wrong are still remembered");
        }
    }

    /// Whether file number `number` is what it was; its outboard is made again on the way.
    fn is_still_good(&self, number: u32) -> io::Result<bool> {
        let Some(source) = self.sources.files.get(number as usize) else {
            return Ok(false);
        };
        let file = match self.open_source(number) {
            Ok(file) => file,
            Err(Unservable::Changed(_)) => return Ok(false),
            Err(_) => return Err(io::ErrorKind::Other.into()),
        };
        let size = source.stat.size;
        if FileStat::of(&file)?.size < size {
            return Ok(false);
        }
        let hash = self.file_hash(number);
        let outboards = (size >= disk::OUTBOARD_MIN).then_some(&self.outboards);
        if outboards.is_some() {
            self.outboards.remove(&hash)?;
        }
        match disk::hash_file(&file, size, outboards, &|_| {}, &self.checks.stop) {
            Ok(again) => Ok(again == hash),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }
}
