//! Large files: many requests for parts of one, written where they belong as they come.

use std::sync::{Arc, PoisonError, atomic::Ordering};

use bao_tree::{ChunkNum, ChunkRanges};

use super::{Fetch, Tries, Work, broken, joined, prove::prove, unwritable};
use crate::{
    content::EntryPath,
    disk::PartFile,
    events::{Failure, FailureKind},
    transfer::{
        fetch::{StreamError, Want, queue::Large, request::Taker},
        wire::{Request, Reset},
    },
};

/// How much content is gathered before it is written.
const WRITE_BYTES: usize = 512 * 1024;

impl Work {
    /// Fetches a part of a large file; places it if that was the last one.
    pub(super) async fn piece(
        self: &Arc<Self>,
        file: &Arc<Large>,
        ranges: &ChunkRanges,
    ) -> Result<(), Failure> {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(file.want.place.clone());
        let mut tries = Tries::default();
        let mut ranges = ranges.clone();
        loop {
            let Some(part) = self.part(file).await? else {
                return Ok(());
            };
            let missing = part.missing(&ranges);
            if missing.is_empty() {
                if part.is_complete() && file.claim_finish() {
                    let (work, want, part) = (self.clone(), file.want.clone(), part.clone());
                    let finishing = move || work.finish_large(&want, &part);
                    let finished = tokio::task::spawn_blocking(finishing).await;
                    if !finished.unwrap_or_else(|_| Err(broken()))? {
                        file.disclaim_finish();
                        ranges = ChunkRanges::from(..ChunkNum::chunks(file.want.size));
                        continue;
                    }
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
                    if matches!(reset, Reset::Unreadable(_)) {
                        // The sharer may be able to read it another time. Each request that fails does
                        // this, so that the last one writes down what all of them brought.
                        self.save(vec![part]).await;
                    }
                    return Ok(());
                }
                Err(error) => {
                    let kept = self.bytes_done.load(Ordering::Relaxed);
                    self.again(&connection, error, &mut tries, kept).await?;
                }
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
            if lost.bytes > 0 {
                // No older record, which says more, may come back after a power cut.
                let saved = part.save(&work.fetch.partial, true);
                saved.map_err(|error| unwritable(&want.place, &error))?;
            }
            work.take_back(lost.bytes);
            Ok(part)
        });
        opened.await.unwrap_or_else(|_| Err(broken()))
    }

    /// Counts bytes that were there and are not.
    fn take_back(&self, lost: u64) {
        let bytes = &self.bytes_done;
        bytes.fetch_sub(lost.min(bytes.load(Ordering::Relaxed)), Ordering::Relaxed);
    }

    /// Places a complete file; `false` when parts of it that an earlier run left prove to be damaged,
    /// and are missing again.
    fn finish_large(&self, want: &Want, part: &PartFile) -> Result<bool, Failure> {
        let believed = part.take_believed();
        if !believed.is_empty() {
            let save = |sync| part.save(&self.fetch.partial, sync);
            save(false).map_err(|error| unwritable(&want.place, &error))?;
            let lost = prove(part, want, &believed, &self.stop);
            if self.stop.is_stopped() {
                return Err(Failure::new(FailureKind::Interrupted, "stopped"));
            }
            if lost.bytes > 0 {
                part.lose(&lost.chunks);
                self.take_back(lost.bytes);
                save(true).map_err(|error| unwritable(&want.place, &error))?;
                return Ok(false);
            }
        }
        self.place_large(want, part)?;
        Ok(true)
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
            .or_else(|error| self.unless_there(want, &error))?;
        self.is_placed(want, stat);
        Ok(())
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
