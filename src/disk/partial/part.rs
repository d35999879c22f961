//! One large file under way.

use std::{
    fs::File,
    io::{self, Write as _},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bao_tree::{ChunkNum, ChunkRanges};

use super::{Partial, have::Have};
use crate::{
    content::Hash,
    disk::{holes, sys},
};

/// How much may be fetched before it is written down that it was: what a kill costs at most.
const SAVE_EVERY: u64 = 4 * 1024 * 1024;

/// How often content is flushed to the disk and written down as such: what a power failure costs.
const SYNC_EVERY: Duration = Duration::from_secs(10);

/// After so many bytes sooner, so that the disk is at work while the rest is on its way, and the end
/// need not wait for all of it.
const SYNC_BYTES: u64 = 128 * 1024 * 1024;

/// A large file that is being fetched. Shared by all streams that fetch parts of it.
#[derive(Debug)]
pub struct PartFile {
    data: File,
    tree: File,
    names: LargeNames,
    hash: Hash,
    size: u64,
    /// How long the file was when it was opened. Behind that, there is nothing but what is written
    /// now; before it may be whatever a power failure or somebody else left.
    found: u64,
    /// Whether the file has its final length.
    stretched: Mutex<bool>,
    /// Why a sync failed, if one did. Held by whoever waits for one.
    unsynced: Mutex<Option<io::Error>>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// What is verified and written.
    have: ChunkRanges,
    /// What is on the disk for sure, with a `have` file that says so.
    synced: ChunkRanges,
    /// What an earlier run wrote without waiting for the disk: to be verified before it counts.
    unproven: ChunkRanges,
    /// What an earlier run synced, which counts, and was not read since.
    believed: ChunkRanges,
    /// Bytes since the last record.
    unsaved: u64,
    /// Bytes since the last one that was synced.
    unsynced: u64,
    last_sync: Instant,
    /// Whether the file has its final name, and no record of it is to be written any more.
    placed: bool,
}

impl PartFile {
    /// A file of which an earlier run has `have`; `about` is the hash and size of the whole.
    pub(super) fn new(
        data: File,
        tree: File,
        names: LargeNames,
        about: (Hash, u64),
        have: Have,
    ) -> io::Result<Self> {
        let found = data.metadata()?.len();
        let state = State {
            unproven: &have.written - &have.synced,
            have: have.synced.clone(),
            believed: have.synced.clone(),
            synced: have.synced,
            unsaved: 0,
            unsynced: 0,
            last_sync: Instant::now(),
            placed: false,
        };
        Ok(Self {
            data,
            tree,
            names,
            hash: about.0,
            size: about.1,
            found,
            stretched: Mutex::default(),
            unsynced: Mutex::default(),
            state: Mutex::new(state),
        })
    }

    /// Gives the file its final name through `rename`, after which nothing is written down about it
    /// any more: other streams may be about to.
    pub(super) fn leave(&self, rename: impl FnOnce(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let mut state = self.state();
        rename(&self.names.data)?;
        state.placed = true;
        Ok(())
    }

    pub(super) fn names(&self) -> &LargeNames {
        &self.names
    }

    /// The content file.
    #[must_use]
    pub fn data(&self) -> &File {
        &self.data
    }

    /// The outboard file.
    #[must_use]
    pub fn tree(&self) -> &File {
        &self.tree
    }

    /// Chunks that are verified and written.
    #[must_use]
    pub fn have(&self) -> ChunkRanges {
        self.state().have.clone()
    }

    /// Chunks that an earlier run wrote and whose content has to be checked before it counts; with
    /// `all`, everything that an earlier run wrote. They no longer count as had.
    #[must_use]
    pub fn take_unproven(&self, all: bool) -> ChunkRanges {
        let mut state = self.state();
        let mut unproven = std::mem::take(&mut state.unproven);
        if all {
            unproven |= std::mem::take(&mut state.have);
            state.synced = ChunkRanges::empty();
            state.believed = ChunkRanges::empty();
        }
        unproven
    }

    /// Chunks that count because an earlier run synced them, and that were not read since: once the
    /// file is complete, they are to be. They are told once.
    #[must_use]
    pub fn take_believed(&self) -> ChunkRanges {
        std::mem::take(&mut self.state().believed)
    }

    /// Counts `chunks` as missing again.
    pub fn lose(&self, chunks: &ChunkRanges) {
        let mut state = self.state();
        state.have = &state.have - chunks;
        state.synced = &state.synced - chunks;
    }

    /// Chunks of `wanted` that are still missing.
    #[must_use]
    pub fn missing(&self, wanted: &ChunkRanges) -> ChunkRanges {
        wanted - &self.state().have
    }

    /// Whether everything is there.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let all = ChunkRanges::from(..ChunkNum::chunks(self.size));
        (&all - &self.state().have).is_empty()
    }

    /// Writes verified content; zeros leave holes.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write(&self, offset: u64, content: &[u8]) -> io::Result<()> {
        if !holes::write_around(&self.data, content, offset, self.found)? {
            return Ok(());
        }
        // To the final length at once: nothing is ever written behind it, so no other stream's
        // content can be cut off.
        let mut stretched = self
            .stretched
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !*stretched {
            self.data.set_len(self.size)?;
            *stretched = true;
        }
        Ok(())
    }

    /// Writes verified pairs of hashes, `index` being the place of the first in the outboard.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write_pairs(&self, index: u64, pairs: &[u8]) -> io::Result<()> {
        sys::write_all_at(&self.tree, pairs, index.saturating_mul(64))
    }

    /// Counts `chunks` as had. Call it after their content and hashes were written.
    pub fn mark(&self, chunks: &ChunkRanges, bytes: u64) {
        let mut state = self.state();
        state.have |= chunks.clone();
        state.unsaved = state.unsaved.saturating_add(bytes);
        state.unsynced = state.unsynced.saturating_add(bytes);
    }

    /// Writes down what is had, when enough has come since the last time; now and then after
    /// flushing it to the disk.
    ///
    /// # Errors
    /// Those of writing and flushing.
    pub fn save_if_due(&self, partial: &Partial) -> io::Result<()> {
        let (due, sync) = {
            let state = self.state();
            (
                state.unsaved >= SAVE_EVERY,
                state.last_sync.elapsed() >= SYNC_EVERY || state.unsynced >= SYNC_BYTES,
            )
        };
        if due || sync {
            self.save(partial, sync)
        } else {
            Ok(())
        }
    }

    /// Writes down what is had; with `sync`, flushes the content to the disk first, so that the
    /// next run can believe it without reading it.
    ///
    /// # Errors
    /// Those of writing and flushing.
    pub fn save(&self, partial: &Partial, sync: bool) -> io::Result<()> {
        let written = {
            let mut state = self.state();
            state.unsaved = 0;
            if sync {
                state.last_sync = Instant::now();
                state.unsynced = 0;
            }
            state.have.clone()
        };
        if sync {
            let synced = self.sync(|data, tree| {
                data.sync_data()?;
                tree.sync_data()
            });
            partial.noting(synced)?;
        }
        // Two streams may save at once, each with its own view; under the lock the later one wins,
        // and it has seen more.
        let mut state = self.state();
        if state.placed {
            return Ok(());
        }
        if sync {
            state.synced |= written;
        }
        let have = Have {
            synced: state.synced.clone(),
            written: state.have.clone(),
        };
        let bytes = have.encode(&self.hash, self.size);
        // What was not synced gets a name of its own: after a power cut it may be empty, and must not
        // have taken the place of what was.
        let name = if sync {
            &self.names.have
        } else {
            &self.names.more
        };
        let temporary = [&name[..], b".new"].concat();
        partial.remove_if_there(&temporary)?;
        let mut file = partial.dir.create_file(&temporary)?;
        file.write_all(&bytes)?;
        if sync {
            file.sync_all()?;
        }
        partial.dir.rename(&temporary, &partial.dir, name, true)?;
        if sync {
            partial.sync_names()?;
            partial.remove_if_there(&self.names.more)?;
        }
        Ok(())
    }

    /// Waits for the disk by `wait`, which gets the content and the outboard. When that failed once it
    /// fails from then on: the system takes what it lost for written, so another attempt would succeed.
    ///
    /// # Errors
    /// Those of waiting.
    pub(super) fn sync(&self, wait: impl FnOnce(&File, &File) -> io::Result<()>) -> io::Result<()> {
        let mut unsynced = self.unsynced.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = &*unsynced {
            return Err(sys::same_error(error));
        }
        wait(&self.data, &self.tree).inspect_err(|error| *unsynced = Some(sys::same_error(error)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the files of an unfinished large file are called.
#[derive(Debug)]
pub(super) struct LargeNames {
    pub(super) data: Vec<u8>,
    pub(super) tree: Vec<u8>,
    pub(super) have: Vec<u8>,
    pub(super) more: Vec<u8>,
}

impl LargeNames {
    pub(super) fn new(number: u32) -> Self {
        let name = |ending| format!("{number}.{ending}").into_bytes();
        Self {
            data: name("data"),
            tree: name("tree"),
            have: name("have"),
            more: name("more"),
        }
    }
}
