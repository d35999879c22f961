//! Doing what the plan says: many requests at once, each verified as it comes.

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bao_tree::{ChunkNum, ChunkRanges};
use tokio::task::JoinSet;

use super::{
    Link, StreamError, Want,
    queue::{Large, Queue, Unit},
    request::{Memory, Taker, Wire},
};
use crate::{
    content::{EntryPath, Hash, Manifest},
    disk::{self, Destination, FileStat, Finish, PartFile, Partial, Stop},
    events::{Event, Events, Failure, FailureKind, Phase, WarningKind},
    transfer::{
        proof::{Content, Encoder, GROUP_CHUNKS},
        rate::RateLimit,
        wire::{Request, Reset},
    },
};

/// Requests under way at once. Each has the window of one stream, so that sixteen fill a link of
/// 100 ms and 1.6 Gbit/s.
const STREAMS: usize = 16;

/// How much content is gathered before it is written.
const WRITE_BYTES: usize = 512 * 1024;

/// How many small files are gathered before they are written.
const WRITE_FILES: usize = 64;

/// How often an answer that the sharer cut short without a reason is asked for again.
const TRIES: u32 = 5;

/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// Everything a fetch works with; made after the plan, run by [`Fetch::run`].
pub struct Fetch {
    /// The hash of the share.
    pub root: Hash,
    /// Offset of file number 0 within the share: 2, or 0 where the ticket names a single blob.
    pub first_offset: u64,
    /// What to fetch.
    pub wants: Vec<Want>,
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
    /// Which, and why, as a line for a person.
    pub message: String,
    /// Its size in bytes.
    pub size: u64,
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
        let queue = Queue::new(std::mem::take(&mut self.wants));
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
        let mut streams = JoinSet::new();
        for _ in 0..STREAMS {
            streams.spawn(work.clone().stream());
        }
        let result = {
            tokio::pin!(cancelled);
            let mut tick = tokio::time::interval(TELL_EVERY);
            loop {
                tokio::select! {
                    ended = streams.join_next() => match ended {
                        None => break Ok(()),
                        Some(Ok(Ok(()))) => {}
                        Some(Ok(Err(failure))) => break Err(failure),
                        Some(Err(_)) => break Err(Failure::new(
                            FailureKind::Failed,
                            "fetching failed within grove itself",
                        ).hint("run the same line again; please report it if it happens again")),
                    },
                    _ = tick.tick() => work.tell(),
                    () = &mut cancelled => break Err(Failure::new(
                        FailureKind::Interrupted,
                        "stopped",
                    ).hint("run the same line again to go on")),
                }
            }
        };
        work.stop.stop();
        streams.shutdown().await;
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
    /// Works off the queue.
    async fn stream(self: Arc<Self>) -> Result<(), Failure> {
        while let Some(unit) = self.queue.next() {
            match unit {
                Unit::Small(wants) => self.small(wants).await?,
                Unit::Piece(file, ranges) => self.piece(&file, &ranges).await?,
            }
        }
        Ok(())
    }

    /// Whether asking again makes sense after `error`, counting in `tries`; if not, the failure.
    async fn again(&self, error: StreamError, tries: &mut Tries) -> Result<(), Failure> {
        match error {
            // The link decides how long that goes on.
            StreamError::Lost => {
                // Reading notices a lost connection a moment before the connection knows it.
                tokio::time::sleep(Duration::from_millis(10)).await;
                Ok(())
            }
            StreamError::Incomplete | StreamError::Reset(Reset::Internal | Reset::Limit)
                if tries.once_more(self.wire.received.load(Ordering::Relaxed)) =>
            {
                tokio::time::sleep(Duration::from_millis(200 * u64::from(tries.count))).await;
                Ok(())
            }
            error => Err(error.into_failure()),
        }
    }

    /// Fetches small files until each is placed or cannot be had.
    async fn small(self: &Arc<Self>, mut wants: Vec<Want>) -> Result<(), Failure> {
        let mut tries = Tries::default();
        while !wants.is_empty() {
            let connection = self.wire.link.connection().await?;
            match self.small_once(&connection, &mut wants).await {
                Ok(()) => {}
                Err(StreamError::Reset(
                    reset @ (Reset::Changed(file) | Reset::Unreadable(file)),
                )) => {
                    // Asked for alone, a file may have another number at the sharer.
                    let is_it = |want: &Want| want.number == file || self.fetch.first_offset == 0;
                    match wants.iter().position(is_it) {
                        Some(at) => {
                            let want = wants.remove(at);
                            self.cannot_be_had(&want, reset);
                        }
                        None => {
                            self.again(StreamError::Reset(Reset::Internal), &mut tries)
                                .await?
                        }
                    }
                }
                Err(error) => self.again(error, &mut tries).await?,
            }
        }
        Ok(())
    }

    /// Asks for `wants` once, and takes out of it what was placed.
    async fn small_once(
        self: &Arc<Self>,
        connection: &iroh::endpoint::Connection,
        wants: &mut Vec<Want>,
    ) -> Result<(), StreamError> {
        let offsets = wants.iter().map(|want| self.offset(want.number));
        let request = Request::set(self.fetch.root, offsets);
        let mut answer = self.wire.ask(connection, &request).await?;
        let mut gathered = Vec::new();
        let mut bytes = 0;
        let mut writing: Option<tokio::task::JoinHandle<Result<(), Failure>>> = None;
        let mut written = 0;
        let mut under_way = 0;
        let mut failed = None;
        for want in wants.iter() {
            let taken = async {
                let size = answer.size().await?;
                if size != want.size {
                    return Err(StreamError::Hostile(
                        "a size that is not the one announced".into(),
                    ));
                }
                let mut memory = Memory::default();
                answer
                    .blob(&want.hash, size, &ChunkRanges::all(), &mut memory)
                    .await?;
                Ok(memory.0)
            };
            match taken.await {
                Ok(content) => {
                    bytes += content.len();
                    gathered.push((want.clone(), content));
                }
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
            if bytes >= WRITE_BYTES || gathered.len() >= WRITE_FILES {
                if let Some(writing) = writing.take() {
                    joined(writing.await)?;
                    written += under_way;
                }
                under_way = gathered.len();
                bytes = 0;
                let work = self.clone();
                let files = std::mem::take(&mut gathered);
                writing = Some(tokio::task::spawn_blocking(move || work.write_small(files)));
            }
        }
        // What came is kept, also when the rest did not.
        if let Some(writing) = writing.take() {
            joined(writing.await)?;
            written += under_way;
        }
        let rest = gathered.len();
        let work = self.clone();
        joined(tokio::task::spawn_blocking(move || work.write_small(gathered)).await)?;
        wants.drain(..written + rest);
        failed.map_or(Ok(()), Err)
    }

    fn write_small(&self, files: Vec<(Want, Vec<u8>)>) -> Result<(), Failure> {
        for (want, content) in files {
            let finish = self.finish(&want);
            let Fetch {
                partial,
                destination,
                ..
            } = &self.fetch;
            let stat = partial
                .write_small(want.number, &content, destination, &want.place, &finish)
                .map_err(|error| unwritable(&want.place, &error))?;
            self.bytes_done.fetch_add(want.size, Ordering::Relaxed);
            self.is_placed(&want, stat);
        }
        Ok(())
    }

    /// Fetches a part of a large file; places it if that was the last one.
    async fn piece(
        self: &Arc<Self>,
        file: &Arc<Large>,
        ranges: &ChunkRanges,
    ) -> Result<(), Failure> {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(file.want.place.clone());
        let mut tries = Tries::default();
        loop {
            let Some(part) = self.part(file).await? else {
                return Ok(());
            };
            let missing = part.missing(ranges);
            if missing.is_empty() {
                if part.is_complete() && file.claim_finish() {
                    let (work, file, part) = (self.clone(), file.clone(), part.clone());
                    let placing = move || work.place_large(&file.want, &part);
                    joined(tokio::task::spawn_blocking(placing).await)?;
                }
                if file.is_settled() {
                    *file.part.lock().await = None;
                }
                return Ok(());
            }
            let connection = self.wire.link.connection().await?;
            match self.piece_once(&connection, file, &part, &missing).await {
                Ok(()) => {}
                Err(StreamError::Reset(reset @ (Reset::Changed(_) | Reset::Unreadable(_)))) => {
                    if file.fail() {
                        self.cannot_be_had(&file.want, reset);
                    }
                    *file.part.lock().await = None;
                    return Ok(());
                }
                Err(error) => self.again(error, &mut tries).await?,
            }
        }
    }

    /// The open partial file, unless it is finished or cannot be had.
    async fn part(self: &Arc<Self>, file: &Arc<Large>) -> Result<Option<Arc<PartFile>>, Failure> {
        let mut part = file.part.lock().await;
        if file.is_settled() {
            *part = None;
        } else if part.is_none() {
            *part = Some(Arc::new(self.open_part(file).await?));
        }
        Ok(part.clone())
    }

    async fn piece_once(
        self: &Arc<Self>,
        connection: &iroh::endpoint::Connection,
        file: &Arc<Large>,
        part: &Arc<PartFile>,
        missing: &ChunkRanges,
    ) -> Result<(), StreamError> {
        let offset = self.offset(file.want.number);
        let request = Request::ranges(self.fetch.root, offset, missing.clone());
        let mut answer = self.wire.ask(connection, &request).await?;
        let size = answer.size().await?;
        if size != file.want.size {
            return Err(StreamError::Hostile(
                "a size that is not the one announced".into(),
            ));
        }
        let mut writer = PieceWriter::new(self.clone(), part.clone(), file.want.place.clone());
        let taken = answer
            .blob(&file.want.hash, size, missing, &mut writer)
            .await;
        // What came is kept, also when the rest did not.
        writer.flush().await?;
        writer.written().await?;
        taken
    }

    /// Opens a large file, and checks what an earlier run left without waiting for the disk.
    async fn open_part(self: &Arc<Self>, file: &Arc<Large>) -> Result<PartFile, Failure> {
        let (work, file) = (self.clone(), file.clone());
        let opened = tokio::task::spawn_blocking(move || {
            let want = &file.want;
            let part = work.fetch.partial.large(want.number, &want.hash, want.size);
            let part = part.map_err(|error| unwritable(&want.place, &error))?;
            let unproven = part.take_unproven(work.fetch.verify);
            let lost = prove(&part, want, &unproven, &work.stop);
            if work.stop.is_stopped() {
                // The record of the earlier run stays as it is.
                return Err(Failure::new(FailureKind::Interrupted, "stopped"));
            }
            if lost > 0 {
                let bytes = &work.bytes_done;
                bytes.fetch_sub(lost.min(bytes.load(Ordering::Relaxed)), Ordering::Relaxed);
            }
            Ok(part)
        });
        opened.await.unwrap_or_else(|_| Err(broken()))
    }

    fn place_large(&self, want: &Want, part: &PartFile) -> Result<(), Failure> {
        let finish = self.finish(want);
        let Fetch {
            partial,
            destination,
            ..
        } = &self.fetch;
        let stat = partial
            .place_large(part, destination, &want.place, &finish)
            .map_err(|error| unwritable(&want.place, &error))?;
        self.is_placed(want, stat);
        Ok(())
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
        self.fetch.events.warn(WarningKind::Changed, &message);
        let failed = Unavailable {
            message,
            size: want.size,
        };
        self.failed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(failed);
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
        for file in self.queue.large() {
            // Not waited for: whoever holds it is still opening it, and has nothing yet.
            if let Ok(mut part) = file.part.try_lock()
                && !file.is_settled()
            {
                parts.extend(part.take());
            }
        }
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
    received: u64,
}

impl Tries {
    /// Whether to ask once more; `received` bytes have come so far, and any progress starts the
    /// count anew.
    fn once_more(&mut self, received: u64) -> bool {
        if received > self.received {
            self.received = received;
            self.count = 0;
        }
        self.count += 1;
        self.count <= TRIES
    }
}

/// Gathers verified content of a large file and writes it beside the reading.
struct PieceWriter {
    work: Arc<Work>,
    part: Arc<PartFile>,
    place: EntryPath,
    start: u64,
    content: Vec<u8>,
    /// How much of `content` is verified.
    verified: usize,
    /// Pairs of hashes that follow each other in the outboard, and the place of the first.
    pairs: Vec<(u64, Vec<u8>)>,
    writing: Option<tokio::task::JoinHandle<Result<(), Failure>>>,
}

impl PieceWriter {
    fn new(work: Arc<Work>, part: Arc<PartFile>, place: EntryPath) -> Self {
        let (content, pairs) = (Vec::with_capacity(WRITE_BYTES), Vec::new());
        Self {
            work,
            part,
            place,
            start: 0,
            content,
            verified: 0,
            pairs,
            writing: None,
        }
    }

    /// Starts to write what is verified; waits for the write before.
    async fn flush(&mut self) -> Result<(), Failure> {
        self.written().await?;
        self.content.truncate(self.verified);
        if self.content.is_empty() {
            return Ok(());
        }
        let start = self.start;
        let content = std::mem::replace(&mut self.content, Vec::with_capacity(WRITE_BYTES));
        let pairs = std::mem::take(&mut self.pairs);
        self.start += content.len() as u64;
        self.verified = 0;
        let (work, part, place) = (self.work.clone(), self.part.clone(), self.place.clone());
        self.writing = Some(tokio::task::spawn_blocking(move || {
            let write = || {
                part.write(start, &content)?;
                for (index, pairs) in &pairs {
                    part.write_pairs(*index, pairs)?;
                }
                let end = start + content.len() as u64;
                let chunks = ChunkNum(start / 1024)..ChunkNum(end.div_ceil(1024));
                part.mark(&ChunkRanges::from(chunks), content.len() as u64);
                work.bytes_done
                    .fetch_add(content.len() as u64, Ordering::Relaxed);
                part.save_if_due(&work.fetch.partial)
            };
            write().map_err(|error| unwritable(&place, &error))
        }));
        Ok(())
    }

    /// Waits until everything that was flushed is written.
    async fn written(&mut self) -> Result<(), Failure> {
        match self.writing.take() {
            Some(writing) => joined(writing.await),
            None => Ok(()),
        }
    }
}

impl Taker for PieceWriter {
    fn pair(&mut self, index: Option<u64>, pair: &[u8; 64]) {
        let Some(index) = index else { return };
        match self.pairs.last_mut() {
            Some((first, pairs)) if *first + pairs.len() as u64 / 64 == index => {
                pairs.extend_from_slice(pair);
            }
            _ => self.pairs.push((index, pair.to_vec())),
        }
    }

    async fn room(&mut self, offset: u64, size: usize) -> Result<&mut [u8], StreamError> {
        let follows = offset == self.start + self.verified as u64;
        if !follows || self.verified + size > WRITE_BYTES {
            self.flush().await?;
            self.start = offset;
        }
        self.content.resize(self.verified + size, 0);
        Ok(&mut self.content[self.verified..])
    }

    fn verified(&mut self) {
        self.verified = self.content.len();
    }
}

/// Counts what an earlier run wrote as had, as far as it proves to be the content; returns how many
/// bytes do not.
fn prove(part: &PartFile, want: &Want, unproven: &ChunkRanges, stop: &Stop) -> u64 {
    /// One attempt fails as a whole, so it covers no more than a request does.
    const AT_ONCE: u64 = 256 * GROUP_CHUNKS;
    let mut lost = 0;
    let end = ChunkNum::chunks(want.size).0;
    let boundaries = unproven.boundaries();
    for range in boundaries.chunks(2) {
        let last = range.get(1).map_or(end, |chunk| chunk.0.min(end));
        let mut start = range[0].0;
        while start < last && !stop.is_stopped() {
            let next = (start / AT_ONCE + 1).saturating_mul(AT_ONCE).min(last);
            let chunks = ChunkRanges::from(ChunkNum(start)..ChunkNum(next));
            let mut encoder = Encoder::new(Stored(part), &want.hash, want.size, &chunks);
            let mut proof = Vec::new();
            let bytes = (next * 1024).min(want.size) - start * 1024;
            let proven = loop {
                proof.clear();
                match encoder.fill(&mut proof, WRITE_BYTES) {
                    Ok(true) => break true,
                    Ok(false) => {}
                    Err(_) => break false,
                }
            };
            if proven {
                part.mark(&chunks, bytes);
            } else {
                lost += bytes;
            }
            start = next;
        }
    }
    lost
}

/// What a partial file holds, as content that can be proven.
struct Stored<'a>(&'a PartFile);

impl Content for Stored<'_> {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        disk::read_exact_at(self.0.data(), buffer, offset)
    }

    fn pair(&mut self, index: u64) -> io::Result<[u8; 64]> {
        let mut pair = [0; 64];
        let at = index.checked_mul(64).ok_or(io::ErrorKind::UnexpectedEof)?;
        disk::read_exact_at(self.0.tree(), &mut pair, at)?;
        Ok(pair)
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
        .hint("what was fetched is kept; put it right and run the same line again")
}
