//! The work of a fetch, cut into requests.
//!
//! Content that several files have is asked for once: the first file that has it comes over the
//! network, or is there already, and the others, its *twins*, are copied from there when all that is
//! asked for has come. What cannot be copied is asked for after all.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use bao_tree::{ChunkNum, ChunkRanges};

use super::{Item, Want};
use crate::{
    content::Manifest,
    disk::{PartFile, Replace},
};

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
    fn new(want: Want) -> Self {
        Self {
            want,
            part: tokio::sync::Mutex::new(None),
            finished: AtomicBool::new(false),
            failed: AtomicBool::new(false),
        }
    }

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
    /// Files that are copied instead.
    Copies(Vec<Twin>),
}

/// A file that is to have the content of another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Twin {
    pub(super) item: Item,
    /// The other one.
    pub(super) of: Item,
}

#[derive(Debug)]
enum Job {
    Small(Vec<Item>),
    /// A large file that nobody has begun.
    Whole(Item),
    /// The rest of a large file.
    Large(Arc<Large>, u64),
    Copies(Vec<Twin>),
}

/// What is still to be asked for. Files come in the order of the share.
#[derive(Debug)]
pub(super) struct Queue {
    manifest: Arc<Manifest>,
    jobs: Mutex<VecDeque<Job>>,
    begun: Mutex<Vec<Arc<Large>>>,
    twins: Mutex<Vec<Twin>>,
}

impl Queue {
    /// Everything that `items` ask for; `present` are numbers of files that are there already.
    pub(super) fn new(items: Vec<Item>, present: &[u32], manifest: Arc<Manifest>) -> Self {
        let (items, twins) = apart(items, present, &manifest);
        let queue = Self {
            manifest,
            jobs: Mutex::default(),
            begun: Mutex::default(),
            twins: Mutex::new(twins),
        };
        queue.add(items);
        queue
    }

    /// Asks for more.
    pub(super) fn add(&self, items: Vec<Item>) {
        let mut jobs = locked(&self.jobs);
        let mut small = Vec::new();
        let mut bytes = 0;
        for item in items {
            let size = item.size(&self.manifest);
            if size > SMALL {
                jobs.push_back(Job::Whole(item));
                continue;
            }
            bytes += size;
            small.push(item);
            if bytes >= SMALL_BYTES || small.len() >= SMALL_FILES {
                bytes = 0;
                jobs.push_back(Job::Small(std::mem::take(&mut small)));
            }
        }
        if !small.is_empty() {
            jobs.push_back(Job::Small(small));
        }
    }

    /// Goes on with the files that are copied, once all others were worked off; false when there
    /// are none.
    pub(super) fn begin_copies(&self) -> bool {
        let twins = std::mem::take(&mut *locked(&self.twins));
        let mut jobs = locked(&self.jobs);
        let mut batch: Vec<Twin> = Vec::new();
        let mut bytes = 0;
        for twin in twins {
            bytes += twin.item.size(&self.manifest);
            batch.push(twin);
            if bytes >= SMALL_BYTES || batch.len() >= SMALL_FILES {
                bytes = 0;
                jobs.push_back(Job::Copies(std::mem::take(&mut batch)));
            }
        }
        if !batch.is_empty() {
            jobs.push_back(Job::Copies(batch));
        }
        !jobs.is_empty()
    }

    /// What to do next.
    pub(super) fn next(&self) -> Option<Unit> {
        let mut jobs = locked(&self.jobs);
        loop {
            let (file, start) = match jobs.pop_front()? {
                Job::Small(items) => {
                    let wants = items.iter().filter_map(|item| item.want(&self.manifest));
                    return Some(Unit::Small(wants.collect()));
                }
                Job::Copies(twins) => return Some(Unit::Copies(twins)),
                Job::Large(file, _) if file.is_settled() => continue,
                Job::Large(file, start) => (file, start),
                Job::Whole(item) => {
                    let Some(want) = item.want(&self.manifest) else {
                        continue;
                    };
                    let file = Arc::new(Large::new(want));
                    let mut begun = locked(&self.begun);
                    // One comes and at most a few go: the list stays as long as what is under way.
                    begun.retain(|file| !file.is_settled());
                    begun.push(file.clone());
                    (file, 0)
                }
            };
            let end = start.saturating_add(PIECE).min(file.want.size);
            if end < file.want.size {
                jobs.push_front(Job::Large(file.clone(), end));
            }
            let chunks = ChunkNum(start / 1024)..ChunkNum(end.div_ceil(1024));
            return Some(Unit::Piece(file, ChunkRanges::from(chunks)));
        }
    }

    /// Large files that were begun and may be unfinished.
    pub(super) fn begun(&self) -> Vec<Arc<Large>> {
        locked(&self.begun).clone()
    }
}

/// Takes those out of `items` whose content another one, or one of the files that are `present`,
/// has as well. Both come in the order of the share.
fn apart(items: Vec<Item>, present: &[u32], manifest: &Manifest) -> (Vec<Item>, Vec<Twin>) {
    let hash = |number: u32| manifest.files.get(number as usize).map(|file| &file.hash);
    // By content, and what is there already before what is not: those are numbers, these places in
    // `items`, and four bytes each is all that a million of them takes.
    let mut by_hash: Vec<u32> = (0u32..).take(items.len()).collect();
    let number = |at: u32| items[at as usize].number;
    by_hash.sort_unstable_by_key(|at| (hash(number(*at)), *at));
    let mut sources: Vec<u32> = present.to_vec();
    sources.sort_unstable_by_key(|number| (hash(*number), *number));

    // For each item the number of the one that it is copied from; its own when it is fetched.
    let mut of: Vec<u32> = items.iter().map(|item| item.number).collect();
    let mut first = None;
    for at in by_hash {
        let wanted = hash(number(at));
        // A file without content is made as fast as it is copied.
        if items[at as usize].size(manifest) == 0 {
            continue;
        }
        if first.is_none_or(|first| hash(first) != wanted) {
            let there = sources.partition_point(|source| hash(*source) < wanted);
            let there = sources.get(there).filter(|source| hash(**source) == wanted);
            first = Some(there.copied().unwrap_or(number(at)));
        }
        of[at as usize] = first.unwrap_or(number(at));
    }
    if of.iter().zip(&items).all(|(of, item)| *of == item.number) {
        return (items, Vec::new());
    }
    let own_place = |number| Item {
        number,
        replace: Replace::Nothing,
        renamed: None,
    };
    let source = |number: u32| {
        let at = items.binary_search_by_key(&number, |item| item.number);
        at.map_or_else(|_| own_place(number), |at| items[at].clone())
    };
    let twins = items
        .iter()
        .zip(&of)
        .filter(|(item, of)| **of != item.number);
    let mut twins: Vec<Twin> = twins
        .map(|(item, of)| Twin {
            item: item.clone(),
            of: source(*of),
        })
        .collect();
    // Those of one source follow each other, so that it is read once for many.
    twins.sort_by_key(|twin| (twin.of.number, twin.item.number));
    let fetched = items.into_iter().zip(of);
    let fetched = fetched.filter(|(item, of)| *of == item.number);
    (fetched.map(|(item, _)| item).collect(), twins)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
