//! The file that says which parts of an unfinished file are there.
//!
//! All numbers are little-endian, 8 bytes each unless said.
//!
//! | field | bytes |
//! |---|---|
//! | magic `GROVEHV1` | 8 |
//! | size of the finished file | 8 |
//! | its BLAKE3 hash | 32 |
//! | number of synced ranges *s* | 8 |
//! | number of written ranges *w* | 8 |
//! | the synced ranges: first chunk, chunk behind the last | 16 × *s* |
//! | the written ranges | 16 × *w* |
//! | BLAKE3 hash of all of the above | 32 |
//!
//! *Synced* ranges were flushed to the disk before this file was written, so they are believed.
//! *Written* ones, of which the synced are a part, may have been lost by a power failure: they are
//! read and verified before they count. A file that is damaged, or about other content, says nothing.

use bao_tree::{ChunkNum, ChunkRanges};

use crate::content::Hash;

const MAGIC: &[u8; 8] = b"GROVEHV1";

/// Which chunks are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Have {
    pub(crate) synced: ChunkRanges,
    pub(crate) written: ChunkRanges,
}

impl Default for Have {
    fn default() -> Self {
        Self {
            synced: ChunkRanges::empty(),
            written: ChunkRanges::empty(),
        }
    }
}

impl Have {
    pub(crate) fn encode(&self, hash: &Hash, size: u64) -> Vec<u8> {
        let synced = self.synced.boundaries();
        let written = self.written.boundaries();
        let mut bytes = MAGIC.to_vec();
        bytes.extend(size.to_le_bytes());
        bytes.extend(hash.as_bytes());
        for ranges in [synced, written] {
            bytes.extend((ranges.len() as u64 / 2).to_le_bytes());
        }
        for boundary in synced.iter().chain(written) {
            bytes.extend(boundary.0.to_le_bytes());
        }
        let checksum = blake3::hash(&bytes);
        bytes.extend(checksum.as_bytes());
        bytes
    }

    /// Reads what [`Have::encode`] wrote about this content, whose file is `length` bytes long now.
    pub(crate) fn decode(bytes: &[u8], hash: &Hash, size: u64, length: u64) -> Option<Self> {
        let (bytes, checksum) = bytes.split_last_chunk::<32>()?;
        if blake3::hash(bytes) != *checksum {
            return None;
        }
        let (magic, rest) = bytes.split_first_chunk::<8>()?;
        let (about_size, rest) = rest.split_first_chunk::<8>()?;
        let (about_hash, rest) = rest.split_first_chunk::<32>()?;
        let about = (magic, u64::from_le_bytes(*about_size), about_hash);
        if about != (MAGIC, size, hash.as_bytes()) {
            return None;
        }
        let (words, rest) = rest.as_chunks::<8>();
        let mut words = words.iter().map(|word| u64::from_le_bytes(*word));
        let (synced, written) = (words.next()?, words.next()?);
        let mut ranges = |count: u64| {
            let count = usize::try_from(count.checked_mul(2)?).ok()?;
            let boundaries: Vec<ChunkNum> = words.by_ref().take(count).map(ChunkNum).collect();
            let complete = boundaries.len() == count;
            ChunkRanges::new(boundaries.into()).filter(|_| complete)
        };
        let have = Self {
            synced: ranges(synced)?,
            written: ranges(written)?,
        };
        let behind = ChunkRanges::from(ChunkNum::chunks(length)..);
        // Nothing cuts a file when it gets its name, so one with bytes behind its end is not one of ours.
        let fits = length <= size
            && have.written.is_disjoint(&behind)
            && have.synced.is_subset(&have.written);
        (rest.is_empty() && words.next().is_none() && fits).then_some(have)
    }
}
