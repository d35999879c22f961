//! Proofs: how content is sent so that every 16 KiB of it can be checked as they arrive.
//!
//! The form is that of bao with chunk groups of 16 KiB, as iroh-blobs sends it. For the wanted
//! ranges of a blob the BLAKE3 tree is walked in pre-order: an inner node becomes the two hashes of
//! its children (64 bytes), a chunk group becomes its bytes. The receiver knows the root's hash, so
//! it can check each node against its parent before it believes anything below it.
//!
//! Both sides walk the tree the same way. [`Encoder`] fills buffers from a [`Content`], checking what it
//! reads on the way, so that a file that changed is noticed here and not sent. [`Verifier`] checks
//! what arrives. Neither does any network input or output.

use std::io;

use bao_tree::{
    BaoTree, BlockSize, ChunkNum, ChunkRanges, TreeNode,
    iter::{BaoChunk, ResponseIter},
};
use blake3::hazmat::{self, ChainingValue, HasherExt as _, Mode};

use crate::content::Hash;

/// Bytes of a chunk group: what is verified at once.
pub const GROUP: u64 = 16 * 1024;

/// Chunks of 1 KiB in a chunk group.
pub const GROUP_CHUNKS: u64 = 16;

const BLOCK_SIZE: BlockSize = BlockSize::from_chunk_log(4);

/// Something whose content can be proven.
pub trait Content {
    /// Fills `buffer` from `offset` on.
    ///
    /// # Errors
    /// `UnexpectedEof` when the content is shorter than it was; those of reading.
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// The pair of child hashes of inner node `index` of the tree over chunk groups, in pre-order.
    ///
    /// # Errors
    /// Those of reading.
    fn pair(&mut self, index: u64) -> io::Result<[u8; 64]>;
}

impl Content for Box<dyn Content + Send> {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        (**self).read_at(offset, buffer)
    }

    fn pair(&mut self, index: u64) -> io::Result<[u8; 64]> {
        (**self).pair(index)
    }
}

/// Why a proof could not be made.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The content or the stored hashes are not what they were when it was hashed.
    #[error("the content has changed")]
    Changed,
    /// Reading failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What arrived does not match the hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("content that does not match its hash")]
pub struct Mismatch;

/// One step of a walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A pair of hashes comes: 64 bytes.
    Pair {
        /// Its place in the pre-order outboard; `None` for nodes within a chunk group.
        index: Option<u64>,
    },
    /// Content comes.
    Leaf {
        /// Where it starts, in bytes.
        offset: u64,
        /// How much, in bytes; at most [`GROUP`].
        size: usize,
    },
}

/// The walk over the part of a blob's tree that some ranges touch.
struct Walk {
    tree: BaoTree,
    steps: ResponseIter,
    /// Hashes that are known and whose nodes are still to come, the next one last.
    expected: Vec<ChainingValue>,
    current: Option<BaoChunk>,
}

impl Walk {
    fn new(hash: &Hash, size: u64, ranges: &ChunkRanges) -> Self {
        let tree = BaoTree::new(size, BLOCK_SIZE);
        let ranges = up_to_size(ranges, size);
        let steps = ResponseIter::new(tree, ranges);
        Self {
            tree,
            steps,
            expected: vec![*hash.as_bytes()],
            current: None,
        }
    }

    fn next(&mut self) -> Option<Step> {
        self.current = self.steps.next();
        Some(match self.current.as_ref()? {
            BaoChunk::Parent { node, .. } => Step::Pair {
                index: self.tree.pre_order_offset(*node),
            },
            BaoChunk::Leaf {
                start_chunk, size, ..
            } => Step::Leaf {
                offset: start_chunk.to_bytes(),
                size: *size,
            },
        })
    }

    fn node(&self) -> Option<TreeNode> {
        match self.current {
            Some(BaoChunk::Parent { node, .. }) => Some(node),
            _ => None,
        }
    }

    /// Checks the pair of the current step, and expects its children.
    fn pair(&mut self, pair: &[u8; 64]) -> Result<(), Mismatch> {
        let Some(BaoChunk::Parent {
            is_root,
            left,
            right,
            ..
        }) = self.current
        else {
            return Err(Mismatch);
        };
        let (l, r) = pair.split_at(32);
        let l: ChainingValue = l.try_into().map_err(|_| Mismatch)?;
        let r: ChainingValue = r.try_into().map_err(|_| Mismatch)?;
        let actual = if is_root {
            *hazmat::merge_subtrees_root(&l, &r, Mode::Hash).as_bytes()
        } else {
            hazmat::merge_subtrees_non_root(&l, &r, Mode::Hash)
        };
        if self.expected.pop() != Some(actual) {
            return Err(Mismatch);
        }
        if right {
            self.expected.push(r);
        }
        if left {
            self.expected.push(l);
        }
        Ok(())
    }

    /// Checks the content of the current step.
    fn leaf(&mut self, data: &[u8]) -> Result<(), Mismatch> {
        let Some(BaoChunk::Leaf {
            start_chunk,
            is_root,
            ..
        }) = self.current
        else {
            return Err(Mismatch);
        };
        let actual = subtree(start_chunk, data, is_root);
        if self.expected.pop() == Some(actual) {
            Ok(())
        } else {
            Err(Mismatch)
        }
    }
}

/// The hash of a subtree that begins at `start`.
fn subtree(start: ChunkNum, data: &[u8], is_root: bool) -> ChainingValue {
    if is_root {
        return *blake3::hash(data).as_bytes();
    }
    let mut hasher = blake3::Hasher::new();
    hasher.set_input_offset(start.to_bytes());
    hasher.update(data);
    hasher.finalize_non_root()
}

/// `ranges`, cut to a blob of `size` bytes: what lies behind the end stands for the last chunk,
/// which proves the size. The cost is that of what is within the blob, however many ranges there are
/// behind it: one request's ranges may be for a million small blobs.
fn up_to_size(ranges: &ChunkRanges, size: u64) -> ChunkRanges {
    let last = ChunkNum(ChunkNum::chunks(size).0.saturating_sub(1));
    let all = ranges.boundaries();
    let within = all.partition_point(|boundary| *boundary <= last);
    let mut boundaries: Vec<ChunkNum> = all.get(..within).unwrap_or_default().to_vec();
    // An odd number of boundaries is a range that goes on; then the last chunk is in it already.
    if within.is_multiple_of(2) && all.len() > within {
        if boundaries.last() == Some(&last) {
            boundaries.pop();
        } else {
            boundaries.push(last);
        }
    }
    ChunkRanges::new(boundaries.into()).unwrap_or_default()
}

/// Makes the proof of some ranges of one blob, piece by piece.
pub struct Encoder<C> {
    walk: Walk,
    content: C,
    trusted: bool,
    leaf_bytes: u64,
}

impl<C: Content> Encoder<C> {
    /// Proves `ranges` of `content`, which was `size` bytes long and hashed to `hash`.
    pub fn new(content: C, hash: &Hash, size: u64, ranges: &ChunkRanges) -> Self {
        Self {
            walk: Walk::new(hash, size, ranges),
            content,
            trusted: false,
            leaf_bytes: 0,
        }
    }

    /// The same for content in memory that was hashed a moment ago: it is not hashed again.
    pub fn trusted(content: C, hash: &Hash, size: u64, ranges: &ChunkRanges) -> Self {
        Self {
            trusted: true,
            ..Self::new(content, hash, size, ranges)
        }
    }

    /// Where the content comes from.
    pub fn content_mut(&mut self) -> &mut C {
        &mut self.content
    }

    /// Bytes of content, without hashes, that were appended so far.
    pub fn leaf_bytes(&self) -> u64 {
        self.leaf_bytes
    }

    /// Appends to `out` until it holds at least `enough` bytes or the proof is complete; says
    /// whether it is. On an error `out` is as it was before the step that failed.
    ///
    /// # Errors
    /// See [`EncodeError`].
    pub fn fill(&mut self, out: &mut Vec<u8>, enough: usize) -> Result<bool, EncodeError> {
        while out.len() < enough {
            let Some(step) = self.walk.next() else {
                return Ok(true);
            };
            let start = out.len();
            let checked = match step {
                Step::Pair { index } => {
                    let pair = match index {
                        Some(index) => self.content.pair(index)?,
                        None => self.pair_within_group()?,
                    };
                    out.extend_from_slice(&pair);
                    if self.trusted {
                        Ok(())
                    } else {
                        self.walk.pair(&pair)
                    }
                }
                Step::Leaf { offset, size } => {
                    out.resize(start + size, 0);
                    match self.content.read_at(offset, &mut out[start..]) {
                        Ok(()) => {
                            self.leaf_bytes += size as u64;
                            if self.trusted {
                                Ok(())
                            } else {
                                self.walk.leaf(&out[start..])
                            }
                        }
                        Err(error) => {
                            out.truncate(start);
                            return Err(match error.kind() {
                                io::ErrorKind::UnexpectedEof => EncodeError::Changed,
                                _ => error.into(),
                            });
                        }
                    }
                }
            };
            if checked.is_err() {
                out.truncate(start);
                return Err(EncodeError::Changed);
            }
        }
        Ok(false)
    }

    /// Hashes below chunk groups are not stored; they are made from the content.
    fn pair_within_group(&mut self) -> Result<[u8; 64], EncodeError> {
        let node = self.walk.node().ok_or(EncodeError::Changed)?;
        let chunks = node.chunk_range();
        let start = chunks.start.to_bytes();
        let end = chunks.end.to_bytes().min(self.walk.tree.size());
        let length = end.checked_sub(start).and_then(|n| usize::try_from(n).ok());
        let mut data = vec![0; length.ok_or(EncodeError::Changed)?];
        self.content.read_at(start, &mut data)?;
        let middle = usize::try_from(node.mid().to_bytes() - start).unwrap_or(usize::MAX);
        let (left, right) = data.split_at_checked(middle).ok_or(EncodeError::Changed)?;
        let mut pair = [0; 64];
        pair[..32].copy_from_slice(&subtree(chunks.start, left, false));
        pair[32..].copy_from_slice(&subtree(node.mid(), right, false));
        Ok(pair)
    }
}

/// Checks a proof of some ranges of one blob, step by step: [`Verifier::next`] says what comes, then
/// [`Verifier::pair`] or [`Verifier::leaf`] takes it.
pub struct Verifier {
    walk: Walk,
}

impl Verifier {
    /// Expects `ranges` of the blob `hash`, which the sender claims to be `size` bytes long.
    #[must_use]
    pub fn new(hash: &Hash, size: u64, ranges: &ChunkRanges) -> Self {
        Self {
            walk: Walk::new(hash, size, ranges),
        }
    }

    /// What comes next; `None` when the proof is complete.
    #[expect(
        clippy::should_implement_trait,
        reason = "each step must be answered before the next"
    )]
    pub fn next(&mut self) -> Option<Step> {
        self.walk.next()
    }

    /// Takes the pair that [`Verifier::next`] announced.
    ///
    /// # Errors
    /// [`Mismatch`] when it does not belong to the blob.
    pub fn pair(&mut self, pair: &[u8; 64]) -> Result<(), Mismatch> {
        self.walk.pair(pair)
    }

    /// Takes the content that [`Verifier::next`] announced.
    ///
    /// # Errors
    /// [`Mismatch`] when it does not belong to the blob.
    pub fn leaf(&mut self, data: &[u8]) -> Result<(), Mismatch> {
        self.walk.leaf(data)
    }
}

/// Content in memory, with its outboard.
#[derive(Debug, Clone)]
pub struct InMemory<D, O> {
    /// The bytes.
    pub data: D,
    /// The pre-order outboard.
    pub outboard: O,
}

impl<D: AsRef<[u8]>, O: AsRef<[u8]>> Content for InMemory<D, O> {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let data = self.data.as_ref();
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let range = data.get(start..).and_then(|rest| rest.get(..buffer.len()));
        buffer.copy_from_slice(range.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn pair(&mut self, index: u64) -> io::Result<[u8; 64]> {
        let start = usize::try_from(index).ok().and_then(|i| i.checked_mul(64));
        let rest = start.and_then(|start| self.outboard.as_ref().get(start..));
        let pair = rest.and_then(|rest| rest.first_chunk::<64>());
        pair.copied()
            .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

#[cfg(test)]
mod tests;
