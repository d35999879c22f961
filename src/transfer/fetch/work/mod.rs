//! Doing what the plan says: many requests at once, each verified as it comes.

mod copies;
mod piece;
mod prove;
mod small;

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use iroh::endpoint::Connection;
use tokio::task::JoinSet;

use super::{
    Item, Link, StreamError, Want, is_large,
    queue::{Queue, Unit},
    request::Wire,
};
use crate::{
    content::{EntryPath, Hash, Manifest},
    disk::{self, Destination, FileStat, Finish, PartFile, Partial, Replace, Stop},
    events::{Event, Events, Failure, FailureKind, Phase, WarningKind},
    transfer::{rate::RateLimit, wire::Reset},
};

/// Requests under way at once. Each has the window of one stream, so that sixteen fill a link of
/// 100 ms and 1.6 Gbit/s.
const STREAMS: usize = 16;

/// Bytes a second that each request gets at least where a limit is set. Credit for more is given in
/// pieces of 150 KB, and with sixteen slow requests a sharer would see nothing of any for minutes.
const SLOWEST: u64 = 16 * 1024;

/// How often an answer that the sharer cut short without a reason is asked for again.
const TRIES: u32 = 5;

/// Of how many files is told that they cannot be had; a sharer could say so of a million.
const NAMED: usize = 1000;

/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// Everything a fetch works with; made after the plan, run by [`Fetch::run`].
pub struct Fetch {
    /// The hash of the share.
    pub root: Hash,
    /// Offset of file number 0 within the share: 2, or 0 where the ticket names a single blob.
    pub first_offset: u64,
    /// What to fetch.
    pub wants: Vec<Item>,
    /// Numbers of the files that are there already, to copy from.
    pub present: Vec<u32>,
    /// The share, for modes and times.
    pub manifest: Arc<Manifest>,
    /// Where it goes.
    pub destination: Arc<Destination>,
    /// What an earlier run left.
    pub partial: Arc<Partial>,
    /// Whether to read again what an earlier run left.
    pub verify: bool,
    /// Whether to flush each file to the disk before it gets its name.
    pub fsync: bool,
    /// Most bytes a second.
    pub limit_rate: Option<u64>,
    /// Files and bytes that are in place already, and those in all, for progress.
    pub done: (u64, u64),
    /// Files and bytes in all.
    pub total: (u64, u64),
    /// Where events go.
    pub events: Events,
}

/// What a fetch did.
#[derive(Debug, Default)]
pub struct Fetched {
    /// Content bytes that came over the network.
    pub bytes: u64,
    /// Files that were placed: number and state.
    pub placed: Vec<(u32, FileStat)>,
    /// Files that the sharer could not send.
    pub failed: Vec<Unavailable>,
}

/// A file that the sharer could not send.
#[derive(Debug, Clone)]
pub struct Unavailable {
    /// Its number in the share.
    pub number: u32,
    /// Which, and why, as a line for a person.
    pub message: String,
    /// Its size in bytes.
    pub size: u64,
    /// Whether it may be had another time: it could not be read, but is not known to have changed.
    pub later: bool,
}

/// What the requests of a fetch share.
struct Work {
    fetch: Fetch,
    wire: Wire,
    queue: Queue,
    files_done: AtomicU64,
    bytes_done: AtomicU64,
    current: Mutex<Option<EntryPath>>,
    placed: Mutex<Vec<(u32, FileStat)>>,
    failed: Mutex<Vec<Unavailable>>,
    /// Ends checks of what an earlier run left.
    stop: Stop,
}

/// How many requests are under way at once.
fn streams_at(limit_rate: Option<u64>) -> usize {
    let enough = limit_rate.map_or(u64::MAX, |rate| rate / SLOWEST);
    usize::try_from(enough).unwrap_or(STREAMS).clamp(1, STREAMS)
}

impl Fetch {
    /// Fetches over `link` until everything is there, `cancelled` completes, or it cannot go on.
    /// Says what was done also when it failed.
    ///
    /// # Errors
    /// `Unreachable`, `Refused`, `Unverified`, `LocalDisk`, `InTheWay`, `Interrupted`; what was
    /// verified is kept.
    pub async fn run(
        mut self,
        link: Arc<Link>,
        cancelled: impl Future<Output = ()>,
    ) -> (Fetched, Result<(), Failure>) {
        // Planning and questions may have taken long, and were not the other side's fault.
        link.progressed();
        let (wants, present) = (
            std::mem::take(&mut self.wants),
            std::mem::take(&mut self.present),
        );
        let queue = Queue::new(wants, &present, self.manifest.clone());
        let work = Arc::new(Work {
            wire: Wire {
                link,
                rate: self.limit_rate.map(RateLimit::new),
                received: AtomicU64::new(0),
            },
            queue,
            files_done: AtomicU64::new(self.done.0),
            bytes_done: AtomicU64::new(self.done.1),
            current: Mutex::default(),
            placed: Mutex::default(),
            failed: Mutex::default(),
            stop: Stop::default(),
            fetch: self,
        });
        tokio::pin!(cancelled);
        let mut result = work.work_off(cancelled.as_mut()).await;
        if result.is_ok() && work.queue.begin_copies() {
            result = work.work_off(cancelled).await;
        }
        work.tell();
        if result.is_err() {
            work.save_all().await;
        }
        let taken = |list: &Mutex<Vec<_>>| {
            std::mem::take(&mut *list.lock().unwrap_or_else(PoisonError::into_inner))
        };
        let failed =
            std::mem::take(&mut *work.failed.lock().unwrap_or_else(PoisonError::into_inner));
        let bytes = work.wire.received.load(Ordering::Relaxed);
        (
            Fetched {
                bytes,
                placed: taken(&work.placed),
                failed,
            },
            result,
        )
    }
}

impl Work {
    /// Works off the queue with many streams, until it is empty or `cancelled` completes.
    async fn work_off(
        self: &Arc<Self>,
        mut cancelled: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<(), Failure> {
        let mut streams = JoinSet::new();
        for _ in 0..streams_at(self.fetch.limit_rate) {
            streams.spawn(self.clone().stream());
        }
        let mut tick = tokio::time::interval(TELL_EVERY);
        let result = loop {
            tokio::select! {
                ended = streams.join_next() => match ended {
                    None => return Ok(()),
                    Some(Ok(Ok(()))) => {}
                    Some(Ok(Err(failure))) => break Err(failure),
                    Some(Err(_)) => break Err(Failure::new(
                        FailureKind::Failed,
                        "fetching failed within grove itself",
                    ).hint("run the same line again; please report it if it happens again")),
                },
                _ = tick.tick() => self.tell(),
                () = &mut cancelled => break Err(Failure::new(
                    FailureKind::Interrupted,
                    "stopped",
                ).hint("run the same line again to go on")),
            }
        };
        self.stop.stop();
        streams.shutdown().await;
        result
    }

    /// Does what is next, until nothing is.
    async fn stream(self: Arc<Self>) -> Result<(), Failure> {
        while let Some(unit) = self.queue.next() {
            match unit {
                Unit::Small(wants) => self.small(wants).await?,
                Unit::Piece(file, ranges) => self.piece(&file, &ranges).await?,
                Unit::Copies(twins) => self.copies(twins).await?,
            }
        }
        Ok(())
    }

    /// Whether asking again makes sense after `error`, counting in `tries`; if not, the failure.
    /// `kept` is how much of what came is kept so far, in any unit.
    async fn again(
        &self,
        connection: &Connection,
        error: StreamError,
        tries: &mut Tries,
        kept: u64,
    ) -> Result<(), Failure> {
        match error {
            // The link decides how long that goes on.
            StreamError::Lost => {
                Link::give_up(connection);
                Ok(())
            }
            StreamError::Incomplete | StreamError::Reset(Reset::Internal | Reset::Limit)
                if tries.once_more(kept) =>
            {
                tokio::time::sleep(Duration::from_millis(200 * u64::from(tries.count))).await;
                Ok(())
            }
            error => Err(error.into_failure()),
        }
    }

    /// What to do when `want` could not be written or placed: nothing when what it is about to be is there
    /// already, which another fetch did between the plan and the lock. Where it is to be written anew,
    /// reading it says nothing about the disk.
    fn unless_there(&self, want: &Want, error: &io::Error) -> Result<FileStat, Failure> {
        if error.kind() == io::ErrorKind::AlreadyExists
            && want.replace == Replace::Nothing
            && let Ok(file) = self.fetch.destination.open_file(&want.place)
            && let Ok(stat) = FileStat::of(&file)
            && stat.size == want.size
            && disk::hash_file(&file, want.size, None, &|_| {}, &self.stop).ok() == Some(want.hash)
        {
            return Ok(stat);
        }
        Err(unwritable(&want.place, error))
    }

    fn is_placed(&self, want: &Want, stat: FileStat) {
        self.files_done.fetch_add(1, Ordering::Relaxed);
        self.placed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((want.number, stat));
    }

    fn finish(&self, want: &Want) -> Finish {
        let entry = self.fetch.manifest.files.get(want.number as usize);
        Finish {
            mode: entry.and_then(|entry| entry.mode),
            mtime: entry.and_then(|entry| entry.mtime),
            replace: want.replace,
            fsync: self.fetch.fsync,
        }
    }

    /// The same for a file that is written as a whole. Those that are not noted as being placed, so that a
    /// later run could not tell what a power cut left of them, are on the disk before they have their names.
    fn finish_whole(&self, want: &Want) -> Finish {
        let entry = self.fetch.manifest.files.get(want.number as usize);
        let has_own_name = entry.is_some_and(|entry| entry.path == want.place);
        let mut finish = self.finish(want);
        finish.fsync |= is_large(want.size) || !has_own_name;
        finish
    }

    fn cannot_be_had(&self, want: &Want, reset: Reset) {
        let place = &want.place;
        let message = if matches!(reset, Reset::Changed(_)) {
            // This content will not come any more, so what was fetched of it is of no use.
            if let Err(error) = self.fetch.partial.forget_large(want.number) {
                tracing::debug!(%error, "a part of a changed file is left");
            }
            format!("{place} changed at the sharer after it was shared")
        } else {
            format!("the sharer cannot read {place}")
        };
        let (size, later) = (want.size, matches!(reset, Reset::Unreadable(_)));
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        // The end says how many there were in all.
        if failed.len() < NAMED {
            self.fetch.events.warn(WarningKind::Changed, &message);
        }
        failed.push(Unavailable {
            number: want.number,
            message,
            size,
            later,
        });
    }

    fn offset(&self, number: u32) -> u64 {
        self.fetch.first_offset + u64::from(number)
    }

    fn tell(&self) {
        self.fetch.events.emit(Event::Progress {
            phase: Phase::Fetch,
            peer: None,
            bytes: self.bytes_done.load(Ordering::Relaxed),
            total: self.fetch.total.1,
            files: self.files_done.load(Ordering::Relaxed),
            files_total: self.fetch.total.0,
            current: self
                .current
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        });
    }

    /// Writes down what is had of files under way, as well as it goes.
    async fn save_all(self: &Arc<Self>) {
        let mut parts = Vec::new();
        for file in self.queue.begun() {
            // Not waited for: whoever holds it is still opening it, and has nothing yet.
            if let Ok(mut part) = file.part.try_lock()
                && !file.is_settled()
            {
                parts.extend(part.take());
            }
        }
        self.save(parts).await;
    }

    /// Writes down what is had of `parts`, as well as it goes.
    async fn save(self: &Arc<Self>, mut parts: Vec<Arc<PartFile>>) {
        // Where nothing is had, there is nothing to go on with another time.
        parts.retain(|part| !part.have().is_empty());
        let work = self.clone();
        let saving = tokio::task::spawn_blocking(move || {
            for part in parts {
                if let Err(error) = part.save(&work.fetch.partial, true) {
                    tracing::debug!(%error, "what was fetched could not be written down");
                }
            }
        });
        let _ = saving.await;
    }
}

/// Counts how often something was asked for in vain.
#[derive(Debug, Default)]
struct Tries {
    count: u32,
    kept: u64,
}

impl Tries {
    /// Whether to ask once more; so much is `kept` so far, and any progress starts the count anew.
    fn once_more(&mut self, kept: u64) -> bool {
        if kept > self.kept {
            self.kept = kept;
            self.count = 0;
        }
        self.count += 1;
        self.count <= TRIES
    }
}

fn joined(result: Result<Result<(), Failure>, tokio::task::JoinError>) -> Result<(), Failure> {
    result.unwrap_or_else(|_| Err(broken()))
}

fn broken() -> Failure {
    Failure::new(FailureKind::Failed, "writing failed within grove itself")
        .hint("run the same line again; please report it if it happens again")
}

/// What to say when `path` cannot be written.
pub(super) fn unwritable(path: &EntryPath, error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::AlreadyExists {
        return Failure::new(
            FailureKind::InTheWay,
            format!("in the way at the destination: {path} (it appeared meanwhile)"),
        )
        .hint("choose --overwrite, --rename or --skip, or another folder with -o");
    }
    let message = format!("cannot write {path}: {}", disk::reason(error));
    Failure::new(FailureKind::LocalDisk, message)
        .hint("what the disk took is kept; put it right and run the same line again")
}
