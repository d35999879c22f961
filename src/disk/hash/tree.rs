//! The BLAKE3 tree of a file, piece by piece, and its inner nodes as an outboard.
//!
//! BLAKE3 hashes a binary tree over chunks of 1 KiB: the left half of a node is the largest power of
//! two of chunks that leaves something for the right half. So pieces of 1 MiB are whole subtrees, any
//! thread can hash any of them, and only the hash of a piece (its chaining value) has to be kept to
//! go on. An outboard holds the inner nodes above groups of 16 KiB in pre-order: a node, all of its
//! left half, all of its right half. The place of each follows from sizes alone, so that every thread
//! writes its part where it belongs, and memory use does not depend on the size of the file.

use std::{
    cell::RefCell,
    fs::File,
    io,
    sync::atomic::{AtomicBool, Ordering},
};

use blake3::hazmat::{
    HasherExt, Mode, left_subtree_len, merge_subtrees_non_root, merge_subtrees_root,
};

use crate::{
    content::Hash,
    disk::{
        Outboards, Stop,
        sys::{has_holes, is_hole, read_exact_at, write_all_at},
    },
};

/// Bytes of content below one leaf of an outboard.
const GROUP: usize = 16 * 1024;

/// Bytes that one task reads and hashes. A power of two of groups, so that pieces are subtrees; small
/// enough that a buffer for each core does not count, and large enough that handing out tasks does
/// not either.
const PIECE: usize = 1024 * 1024;

/// What a hole is hashed as. Reading one would fill the memory of the system with zeros.
static ZEROS: [u8; PIECE] = [0; PIECE];

/// A root hash or a chaining value, whichever its place in the tree asks for.
type Value = [u8; 32];

/// Why a file could not be hashed.
#[derive(Debug)]
pub(super) enum HashError {
    /// Reading it failed.
    Read(io::Error),
    /// Writing its outboard failed.
    Outboard(io::Error),
    /// Somebody asked to stop.
    Stopped,
}

/// The hash of `data` and its outboard, in memory: for content that is too small to have a stored
/// one.
#[must_use]
pub fn outboard_of(data: &[u8]) -> (Hash, Vec<u8>) {
    let mut nodes = Vec::new();
    let hash = subtree(data, 0, true, &mut nodes);
    (Hash::from_bytes(hash), nodes)
}

/// Hashes a part of a file that is a subtree, and appends its inner nodes to `nodes`.
fn subtree(data: &[u8], offset: u64, is_root: bool, nodes: &mut Vec<u8>) -> Value {
    if data.len() <= GROUP {
        return whole(data, offset, is_root);
    }
    // The largest power of two that is less: what `left_subtree_len` says, for lengths in memory.
    let (left, right) = data.split_at(data.len().next_power_of_two() / 2);
    let at = nodes.len();
    nodes.extend_from_slice(&[0; 64]);
    let left_value = subtree(left, offset, false, nodes);
    let right_value = subtree(right, offset + left.len() as u64, false, nodes);
    nodes[at..at + 32].copy_from_slice(&left_value);
    nodes[at + 32..at + 64].copy_from_slice(&right_value);
    merge(&left_value, &right_value, is_root)
}

/// Hashes a part of a file that is a subtree, without its inner nodes.
fn whole(data: &[u8], offset: u64, is_root: bool) -> Value {
    if is_root {
        return *blake3::hash(data).as_bytes();
    }
    blake3::Hasher::new()
        .set_input_offset(offset)
        .update(data)
        .finalize_non_root()
}

fn merge(left: &Value, right: &Value, is_root: bool) -> Value {
    if is_root {
        *merge_subtrees_root(left, right, Mode::Hash).as_bytes()
    } else {
        merge_subtrees_non_root(left, right, Mode::Hash)
    }
}

/// Hashing one file.
pub(super) struct Job<'a> {
    file: &'a File,
    outboard: Option<&'a File>,
    parallel: bool,
    on_piece: &'a (dyn Fn(u64) + Sync),
    stop: &'a Stop,
    /// The end up to which holes are looked for. The last piece is always read, so that a file that
    /// has become shorter is noticed.
    holes_before: u64,
    /// Set when one part failed, so that the others do not go on in vain.
    failed: AtomicBool,
}

#[derive(Default)]
struct Scratch {
    data: Vec<u8>,
    nodes: Vec<u8>,
}

thread_local! {
    /// Kept from piece to piece. No work of another task can come between while it is borrowed, since
    /// nothing below [`Job::piece`] gives the thread away.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl<'a> Job<'a> {
    /// Hashes `file`; writes its outboard to `outboard` from offset 0 on, if given; uses all cores, if
    /// `parallel`; calls `on_piece` with the length of each piece that is done.
    pub(super) fn new(
        file: &'a File,
        outboard: Option<&'a File>,
        parallel: bool,
        on_piece: &'a (dyn Fn(u64) + Sync),
        stop: &'a Stop,
    ) -> Self {
        Self {
            file,
            outboard,
            parallel,
            on_piece,
            stop,
            holes_before: 0,
            failed: AtomicBool::new(false),
        }
    }

    /// Hashes the first `size` bytes.
    pub(super) fn run(mut self, size: u64) -> Result<Hash, HashError> {
        if size > PIECE as u64 && has_holes(self.file) {
            self.holes_before = size;
        }
        self.part(0, size, 0, true).map(Hash::from_bytes)
    }

    /// Hashes the subtree of `len` bytes at `offset`, whose nodes begin at `at` in the outboard.
    fn part(&self, offset: u64, len: u64, at: u64, is_root: bool) -> Result<Value, HashError> {
        if self.stop.is_stopped() || self.failed.load(Ordering::Relaxed) {
            return Err(HashError::Stopped);
        }
        let value = match usize::try_from(len) {
            Ok(len) if len <= PIECE => self.piece(offset, len, at, is_root),
            _ => self.halves(offset, len, at, is_root),
        };
        if value.is_err() {
            self.failed.store(true, Ordering::Relaxed);
        }
        value
    }

    fn halves(&self, offset: u64, len: u64, at: u64, is_root: bool) -> Result<Value, HashError> {
        let left_len = left_subtree_len(len);
        let left = || self.part(offset, left_len, at + 64, false);
        let right = || {
            let at = at + 64 + Outboards::length(left_len);
            self.part(offset + left_len, len - left_len, at, false)
        };
        let (left, right) = if self.parallel {
            match rayon::join(left, right) {
                // It gave up because of the other one, whose error is the one to report.
                (Err(HashError::Stopped), Err(error)) => (Err(error), Err(HashError::Stopped)),
                both => both,
            }
        } else {
            (left(), right())
        };
        let (left, right) = (left?, right?);
        if let Some(outboard) = self.outboard {
            let mut node = [0; 64];
            node[..32].copy_from_slice(&left);
            node[32..].copy_from_slice(&right);
            write_all_at(outboard, &node, at).map_err(HashError::Outboard)?;
        }
        Ok(merge(&left, &right, is_root))
    }

    fn piece(&self, offset: u64, len: usize, at: u64, is_root: bool) -> Result<Value, HashError> {
        SCRATCH
            .with_borrow_mut(|Scratch { data, nodes }| {
                let end = offset + len as u64;
                let data = if end < self.holes_before && is_hole(self.file, offset, len as u64) {
                    &ZEROS[..len]
                } else {
                    if data.len() < len {
                        data.resize(PIECE, 0);
                    }
                    let data = &mut data[..len];
                    read_exact_at(self.file, data, offset).map_err(HashError::Read)?;
                    data
                };
                let value = match self.outboard {
                    None => whole(data, offset, is_root),
                    Some(outboard) => {
                        nodes.clear();
                        let value = subtree(data, offset, is_root, nodes);
                        write_all_at(outboard, nodes, at).map_err(HashError::Outboard)?;
                        value
                    }
                };
                Ok(value)
            })
            .inspect(|_| (self.on_piece)(len as u64))
    }
}
