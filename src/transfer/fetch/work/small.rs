//! Small files: many in one request, whole in memory, written in batches.

use std::sync::{Arc, atomic::Ordering};

use bao_tree::ChunkRanges;

use super::{Fetch, Tries, Work, joined};
use crate::{
    events::Failure,
    transfer::{
        fetch::{StreamError, Want, request::Memory},
        wire::{Request, Reset},
    },
};

/// How much content is gathered before it is written.
const WRITE_BYTES: usize = 512 * 1024;

/// How many files are gathered before they are written.
const WRITE_FILES: usize = 64;

impl Work {
    /// Fetches small files until each is placed or cannot be had.
    pub(super) async fn small(self: &Arc<Self>, mut wants: Vec<Want>) -> Result<(), Failure> {
        let mut tries = Tries::default();
        let all = wants.len();
        while !wants.is_empty() {
            let connection = self.wire.link.connection().await?;
            let result = self.small_once(&connection, &mut wants).await;
            // Of a file that did not come whole nothing is kept.
            let kept = (all - wants.len()) as u64;
            match result {
                Ok(()) => {}
                Err(StreamError::Reset(
                    reset @ (Reset::Changed(file) | Reset::Unreadable(file)),
                )) => {
                    // Asked for alone, a file may have another number at the sharer.
                    let is_it = |want: &Want| want.number == file || self.fetch.first_offset == 0;
                    if let Some(at) = wants.iter().position(is_it) {
                        let want = wants.remove(at);
                        self.cannot_be_had(&want, reset);
                    } else {
                        let error = StreamError::Reset(Reset::Internal);
                        self.again(&connection, error, &mut tries, kept).await?;
                    }
                }
                Err(error) => self.again(&connection, error, &mut tries, kept).await?,
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
                    self.wire.link.progressed();
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
            let finish = self.finish_whole(&want);
            let Fetch {
                partial,
                destination,
                ..
            } = &self.fetch;
            let stat = partial
                .write_small(want.number, &content, destination, &want.place, &finish)
                .or_else(|error| self.unless_there(&want, &error))?;
            self.bytes_done.fetch_add(want.size, Ordering::Relaxed);
            self.is_placed(&want, stat);
        }
        Ok(())
    }
}
