//! Looking again at what an earlier run wrote: at once where it did not wait for the disk, and before
//! the file gets its name where it did, since anything may have happened to it in between.

use std::io;

use bao_tree::{ChunkNum, ChunkRanges};

use crate::{
    disk::{self, PartFile, Stop},
    transfer::{
        fetch::Want,
        proof::{Content, Encoder, GROUP_CHUNKS},
    },
};

/// How much of a proof is made at once.
const PROOF_BYTES: usize = 512 * 1024;

/// What an earlier run wrote and what does not prove to be the content.
pub(super) struct Lost {
    pub(super) chunks: ChunkRanges,
    pub(super) bytes: u64,
}

/// Counts what an earlier run wrote as had, as far as it proves to be the content; returns what does
/// not.
pub(super) fn prove(part: &PartFile, want: &Want, unproven: &ChunkRanges, stop: &Stop) -> Lost {
    /// One attempt fails as a whole, so it covers no more than a request does.
    const AT_ONCE: u64 = 256 * GROUP_CHUNKS;
    let mut lost = Lost {
        chunks: ChunkRanges::empty(),
        bytes: 0,
    };
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
                match encoder.fill(&mut proof, PROOF_BYTES) {
                    Ok(true) => break true,
                    Ok(false) => {}
                    Err(_) => break false,
                }
            };
            if proven {
                part.mark(&chunks, bytes);
            } else {
                lost.chunks |= chunks;
                lost.bytes += bytes;
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
