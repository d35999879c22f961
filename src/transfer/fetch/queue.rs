//! The work of a fetch, cut into requests.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use bao_tree::{ChunkNum, ChunkRanges};

use super::Want;
use crate::disk::PartFile;

/// Files up to this size are fetched whole into memory and written at once.
pub(super) const SMALL: u64 = 1024 * 1024;

/// How much of a large file one request asks for. Many streams fill a long link, each with the
/// window of one.
const PIECE: u64 = 4 * 1024 * 1024;

/// How many bytes of small files one request asks for, about.
const SMALL_BYTES: u64 = 1024 * 1024;

/// How many small files one request asks for at most.
const SMALL_FILES: usize = 256;

/// A large file under way.
#[derive(Debug)]
pub(super) struct Large {
    pub(super) want: Want,
    /// Opened by whoever comes first, closed when it has its name: a share may have more large
    /// files than a process may have open.
    pub(super) part: tokio::sync::Mutex<Option<Arc<PartFile>>>,
    finished: AtomicBool,
    failed: AtomicBool,
}

impl Large {
    /// Claims the right to finish the file: true for one caller only.
    pub(super) fn claim_finish(&self) -> bool {
        !self.finished.swap(true, Ordering::Relaxed)
    }

    /// Gives that right back: the file is not complete after all.
    pub(super) fn disclaim_finish(&self) {
        self.finished.store(false, Ordering::Relaxed);
    }

    /// Notes that the sharer cannot send it; true for the first caller.
    pub(super) fn fail(&self) -> bool {
        !self.failed.swap(true, Ordering::Relaxed)
    }

    /// Whether nothing more is to be asked for.
    pub(super) fn is_settled(&self) -> bool {
        self.failed.load(Ordering::Relaxed) || self.finished.load(Ordering::Relaxed)
    }
}

/// What one request asks for.
#[derive(Debug, Clone)]
pub(super) enum Unit {
    /// Small files, in the order of their numbers.
    Small(Vec<Want>),
    /// A part of a large file.
    Piece(Arc<Large>, ChunkRanges),
}

#[derive(Debug)]
enum Job {
    Small(Vec<Want>),
    Large(Arc<Large>, u64),
}

/// What is still to be asked for. Files come in the order of the share.
#[derive(Debug)]
pub(super) struct Queue {
    jobs: Mutex<VecDeque<Job>>,
    large: Vec<Arc<Large>>,
}

impl Queue {
    pub(super) fn new(wants: Vec<Want>) -> Self {
        let mut jobs = VecDeque::new();
        let mut large = Vec::new();
        let mut small: Vec<Want> = Vec::new();
        let mut bytes = 0;
        let flush = |small: &mut Vec<Want>, bytes: &mut u64, jobs: &mut VecDeque<Job>| {
            *bytes = 0;
            if !small.is_empty() {
                jobs.push_back(Job::Small(std::mem::take(small)));
            }
        };
        for want in wants {
            if want.size > SMALL {
                let part = tokio::sync::Mutex::new(None);
                let (finished, failed) = (AtomicBool::new(false), AtomicBool::new(false));
                let file = Arc::new(Large {
                    want,
                    part,
                    finished,
                    failed,
                });
                large.push(file.clone());
                jobs.push_back(Job::Large(file, 0));
                continue;
            }
            bytes += want.size;
            small.push(want);
            if bytes >= SMALL_BYTES || small.len() >= SMALL_FILES {
                flush(&mut small, &mut bytes, &mut jobs);
            }
        }
        flush(&mut small, &mut bytes, &mut jobs);
        Self {
            jobs: Mutex::new(jobs),
            large,
        }
    }

    /// What to ask for next.
    pub(super) fn next(&self) -> Option<Unit> {
        let mut jobs = self.jobs();
        loop {
            match jobs.pop_front()? {
                Job::Small(wants) => return Some(Unit::Small(wants)),
                Job::Large(file, _) if file.is_settled() => {}
                Job::Large(file, start) => {
                    let end = start.saturating_add(PIECE).min(file.want.size);
                    if end < file.want.size {
                        jobs.push_front(Job::Large(file.clone(), end));
                    }
                    let chunks = ChunkNum(start / 1024)..ChunkNum(end.div_ceil(1024));
                    return Some(Unit::Piece(file, ChunkRanges::from(chunks)));
                }
            }
        }
    }

    /// Large files, begun or not.
    pub(super) fn large(&self) -> &[Arc<Large>] {
        &self.large
    }

    fn jobs(&self) -> MutexGuard<'_, VecDeque<Job>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{EntryPath, Hash};

    fn want(number: u32, size: u64) -> Want {
        let place = EntryPath::parse(number.to_string().as_bytes()).unwrap();
        Want {
            number,
            hash: Hash::EMPTY,
            size,
            place,
            replace: false,
        }
    }

    #[test]
    fn every_byte_is_asked_for_once() {
        let sizes = [0, 5, SMALL, SMALL + 1, 3, PIECE, PIECE + 1, 10 * PIECE - 1];
        let wants = sizes
            .iter()
            .zip(0..)
            .map(|(size, number)| want(number, *size))
            .collect();
        let queue = Queue::new(wants);
        let mut asked = vec![ChunkRanges::empty(); sizes.len()];
        while let Some(unit) = queue.next() {
            match unit {
                Unit::Small(wants) => {
                    for want in wants {
                        asked[want.number as usize] =
                            ChunkRanges::from(..ChunkNum(want.size.div_ceil(1024)));
                    }
                }
                Unit::Piece(file, ranges) => {
                    let asked = &mut asked[file.want.number as usize];
                    assert!(asked.is_disjoint(&ranges));
                    *asked |= ranges;
                }
            }
        }
        for (size, asked) in sizes.iter().zip(asked) {
            assert_eq!(
                asked,
                ChunkRanges::from(..ChunkNum(size.div_ceil(1024))),
                "size {size}"
            );
        }
    }

    #[test]
    fn many_small_files_share_a_request() {
        let queue = Queue::new((0..1000).map(|number| want(number, 1000)).collect());
        let requests = std::iter::from_fn(|| queue.next()).count();
        assert_eq!(requests, 4);
    }
}
