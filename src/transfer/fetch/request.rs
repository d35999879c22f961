//! Asking for something, and taking the answer as it comes.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bao_tree::ChunkRanges;
use iroh::endpoint::{Connection, RecvStream};

use super::{Link, StreamError};
use crate::{
    content::Hash,
    transfer::{
        proof::{Step, Verifier},
        rate::RateLimit,
        wire::Request,
    },
};

/// What all answers of a fetch have in common.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) link: Arc<Link>,
    pub(super) rate: Option<RateLimit>,
    /// Bytes of content that came over the network.
    pub(super) received: AtomicU64,
}

/// The answer to one request.
pub(super) struct Answer<'a> {
    wire: &'a Wire,
    connection: &'a Connection,
    recv: RecvStream,
}

/// Takes verified pieces of one blob.
pub(super) trait Taker {
    /// A pair of hashes, and its place in the outboard if it has one.
    fn pair(&mut self, index: Option<u64>, pair: &[u8; 64]);

    /// Room for `size` bytes of content at `offset`. The bytes are dropped again when they do not
    /// verify.
    ///
    /// # Errors
    /// Those of making room, say by writing what came before.
    fn room(
        &mut self,
        offset: u64,
        size: usize,
    ) -> impl Future<Output = Result<&mut [u8], StreamError>> + Send;

    /// The bytes in the room that was given last are verified.
    fn verified(&mut self);

    /// Whether what is verified stays when the rest does not come. Only that is progress: else a
    /// sharer who sends the same beginning again and again would be waited for for ever.
    fn keeps(&self) -> bool {
        true
    }
}

impl Wire {
    /// Sends `request` on a stream of its own.
    pub(super) async fn ask<'a>(
        &'a self,
        connection: &'a Connection,
        request: &Request,
    ) -> Result<Answer<'a>, StreamError> {
        let bytes = request.encode();
        let asking = async {
            let (mut send, recv) = connection.open_bi().await?;
            send.write_all(&bytes).await?;
            send.finish().map_err(|_| StreamError::Lost)?;
            Ok::<_, StreamError>(recv)
        };
        let recv = self.link.patiently(connection, asking).await?;
        Ok(Answer {
            wire: self,
            connection,
            recv,
        })
    }
}

impl Answer<'_> {
    /// The size that stands in front of a blob: what the sender claims.
    pub(super) async fn size(&mut self) -> Result<u64, StreamError> {
        let mut size = [0; 8];
        self.exact(&mut size).await?;
        Ok(u64::from_le_bytes(size))
    }

    /// Takes `ranges` of the blob `hash`, whose size was read and found acceptable.
    pub(super) async fn blob(
        &mut self,
        hash: &Hash,
        size: u64,
        ranges: &ChunkRanges,
        taker: &mut (impl Taker + Send),
    ) -> Result<(), StreamError> {
        let mut verifier = Verifier::new(hash, size, ranges);
        while let Some(step) = verifier.next() {
            match step {
                Step::Pair { index } => {
                    let mut pair = [0; 64];
                    self.exact(&mut pair).await?;
                    verifier.pair(&pair)?;
                    taker.pair(index, &pair);
                }
                Step::Leaf { offset, size } => {
                    if let Some(rate) = &self.wire.rate {
                        rate.take(size).await;
                    }
                    let room = taker.room(offset, size).await?;
                    self.exact(room).await?;
                    verifier.leaf(room)?;
                    taker.verified();
                    if taker.keeps() {
                        self.wire.link.progressed();
                    }
                    self.wire.received.fetch_add(size as u64, Ordering::Relaxed);
                }
            }
        }
        Ok(())
    }

    /// Takes all of the blob `hash`, at most `max` bytes, into memory.
    pub(super) async fn in_memory(
        &mut self,
        hash: &Hash,
        max: u64,
        what: &str,
    ) -> Result<Vec<u8>, StreamError> {
        let size = self.size().await?;
        if size > max {
            return Err(StreamError::Hostile(format!("{what} that is too large")));
        }
        let mut memory = Memory::default();
        self.blob(hash, size, &ChunkRanges::all(), &mut memory)
            .await?;
        Ok(memory.0)
    }

    async fn exact(&mut self, buffer: &mut [u8]) -> Result<(), StreamError> {
        let reading = self.recv.read_exact(buffer);
        self.wire.link.patiently(self.connection, reading).await?;
        self.wire.link.heard();
        Ok(())
    }
}

/// How much room is made at once for a blob in memory, at most.
const GROW_BYTES: usize = 8 * 1024 * 1024;

/// Keeps a blob in memory. Grows with what is verified, never from a claim.
#[derive(Debug, Default)]
pub(super) struct Memory(pub(super) Vec<u8>);

impl Taker for Memory {
    fn pair(&mut self, _: Option<u64>, _: &[u8; 64]) {}

    async fn room(&mut self, _: u64, size: usize) -> Result<&mut [u8], StreamError> {
        let start = self.0.len();
        if self.0.capacity() < start + size {
            // Doubling would ask for three times a large list while it moves.
            self.0.reserve_exact(size + (start / 4).min(GROW_BYTES));
        }
        self.0.resize(start + size, 0);
        Ok(&mut self.0[start..])
    }

    fn verified(&mut self) {}

    fn keeps(&self) -> bool {
        false
    }
}
