//! Content with proofs: real ones, and those of content that does not exist.

use bao_tree::{BlockSize, ChunkRanges, io::outboard::PreOrderMemOutboard};
use blake3::hazmat::{HasherExt as _, Mode, merge_subtrees_non_root, merge_subtrees_root};
use grove::{
    content::Hash,
    transfer::proof::{Encoder, InMemory},
};

const GROUPS: BlockSize = BlockSize::from_chunk_log(4);

/// What a sharer sends for one hash.
#[derive(Clone)]
pub(crate) struct Blob {
    pub(crate) hash: Hash,
    /// The size that stands in front of it.
    pub(crate) size: u64,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    /// Content that exists, and its outboard.
    Real(InMemory<Vec<u8>, Vec<u8>>),
    /// The same bytes, whatever is asked for.
    Fixed(Vec<u8>),
}

impl Blob {
    /// Content that exists.
    pub(crate) fn real(data: impl Into<Vec<u8>>) -> Self {
        let data = data.into();
        let outboard = PreOrderMemOutboard::create(&data, GROUPS);
        Self {
            hash: Hash::from_bytes(*outboard.root.as_bytes()),
            size: data.len() as u64,
            kind: Kind::Real(InMemory {
                data,
                outboard: outboard.data,
            }),
        }
    }

    /// Content of any size at all, of which only the last chunk exists: all that is to the left of it
    /// in the tree is invented. The proof of its last chunk is as good as any, and so is its size.
    pub(crate) fn giant(size: u64) -> Self {
        let chunks = size.div_ceil(1024);
        let last = chunks - 1;
        let data = vec![b'x'; usize::try_from(size - last * 1024).unwrap()];
        // From the root down, what is left of the way to the last chunk.
        let mut on_the_left = Vec::new();
        let mut rest = chunks;
        while rest > 1 {
            let left = rest.next_power_of_two() / 2;
            on_the_left.push(*blake3::hash(&left.to_le_bytes()).as_bytes());
            rest -= left;
        }
        let mut hasher = blake3::Hasher::new();
        hasher.set_input_offset(last * 1024);
        let mut right = hasher.update(&data).finalize_non_root();
        let mut pairs = Vec::new();
        let mut root = None;
        for (above, left) in on_the_left.iter().enumerate().rev() {
            pairs.push([*left, right].concat());
            if above == 0 {
                root = Some(merge_subtrees_root(left, &right, Mode::Hash));
            } else {
                right = merge_subtrees_non_root(left, &right, Mode::Hash);
            }
        }
        pairs.reverse();
        let mut proof = pairs.concat();
        proof.extend_from_slice(&data);
        Self {
            hash: Hash::from_bytes(*root.unwrap().as_bytes()),
            size,
            kind: Kind::Fixed(proof),
        }
    }

    /// The same bytes for whatever is asked of it, behind this size.
    pub(crate) fn fixed(hash: Hash, size: u64, bytes: impl Into<Vec<u8>>) -> Self {
        let kind = Kind::Fixed(bytes.into());
        Self { hash, size, kind }
    }

    /// The same with another size in front.
    pub(crate) fn claiming(mut self, size: u64) -> Self {
        self.size = size;
        self
    }

    /// The children, if this is read as a list of hashes.
    pub(super) fn children(&self) -> Vec<Hash> {
        let Kind::Real(real) = &self.kind else {
            return Vec::new();
        };
        let hashes = real.data.as_chunks::<32>().0.iter();
        hashes.map(|hash| Hash::from_bytes(*hash)).collect()
    }

    /// What answers a request for `ranges` of it, with the size in front.
    pub(super) fn answer(&self, ranges: &ChunkRanges) -> Vec<u8> {
        let mut out = self.size.to_le_bytes().to_vec();
        match &self.kind {
            Kind::Fixed(bytes) => out.extend_from_slice(bytes),
            Kind::Real(real) => {
                let size = real.data.len() as u64;
                let real = InMemory {
                    data: real.data.as_slice(),
                    outboard: real.outboard.as_slice(),
                };
                let mut encoder = Encoder::trusted(real, &self.hash, size, ranges);
                assert!(encoder.fill(&mut out, usize::MAX).unwrap());
            }
        }
        out
    }
}
