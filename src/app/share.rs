//! Sharing: walk, hash, hand out a ticket, serve.

use std::{io::Read, path::PathBuf, time::Duration};

use crate::{
    app::Context,
    content::{Hash, PeerId, Ticket},
    disk::{LeftOut, WalkOptions},
    events::Failure,
};

/// What to share.
pub enum ShareSource {
    /// Files and folders.
    Paths(Vec<PathBuf>),
    /// Everything that can be read here, as one file.
    Reader {
        /// The name of the file.
        name: String,
        /// Where the content comes from. Read on a thread of its own.
        reader: Box<dyn Read + Send>,
    },
}

/// How to share.
pub struct ShareOptions {
    /// What to share.
    pub source: ShareSource,
    /// What to leave out.
    pub walk: WalkOptions,
    /// Refuse (kind `Partial`) when something cannot be shared, instead of leaving it out.
    pub strict: bool,
    /// Leave out what cannot be read instead of refusing (kind `LocalDisk`).
    pub skip_unreadable: bool,
    /// Share a copy, so that later changes do not matter.
    pub snapshot: bool,
    /// End after so many complete fetches.
    pub max_gets: Option<u64>,
    /// End after this time; the ticket says when.
    pub expire: Option<Duration>,
    /// Serve only these peers; everybody with the ticket when empty.
    pub allow: Vec<PeerId>,
    /// Most bytes a second to send, over all peers.
    pub limit_rate: Option<u64>,
}

impl ShareOptions {
    /// Shares `source` with everybody who has the ticket, until stopped.
    #[must_use]
    pub fn new(source: ShareSource) -> Self {
        Self {
            source,
            walk: WalkOptions::default(),
            strict: false,
            skip_unreadable: false,
            snapshot: false,
            max_gets: None,
            expire: None,
            allow: Vec::new(),
            limit_rate: None,
        }
    }
}

/// What is being shared.
#[derive(Debug, Clone)]
pub struct Summary {
    /// A name for a person.
    pub name: String,
    /// The hash of the whole.
    pub root: Hash,
    /// Number of files.
    pub files: u64,
    /// Sum of their sizes.
    pub bytes: u64,
    /// What was left out, and why.
    pub left_out: Vec<LeftOut>,
}

/// Why a share ended by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was fetched as often as it may be.
    MaxGets,
    /// Its time is over.
    Expired,
}

/// A share that is being served. Dropping it ends it at once.
pub struct Sharing {}

impl Sharing {
    /// Walks, hashes, starts to serve; returns once the ticket is ready and `ShareReady` is emitted.
    /// Dropping the future stops the work.
    ///
    /// # Errors
    /// `Usage`: a path that does not exist. `Partial`: `strict`, and something cannot be shared.
    /// `LocalDisk`: something cannot be read. `Failed`: too large, or no socket.
    pub async fn start(context: &Context, options: ShareOptions) -> Result<Self, Failure> {
        let _ = (context, options);
        todo!()
    }

    /// The ticket to hand around.
    #[must_use]
    pub fn ticket(&self) -> &Ticket {
        todo!()
    }

    /// What is being shared.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        todo!()
    }

    /// Waits until the share ends by itself; without a limit it never does.
    pub async fn wait(&mut self) -> Ended {
        todo!()
    }

    /// Ends the share: tells peers, closes connections. Takes at most 2 seconds.
    pub async fn stop(self) {
        todo!()
    }
}
