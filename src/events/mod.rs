//! Everything that happens while Grove works, as one typed enum, and the sink it goes to.
//!
//! Operations emit [`Event`]s; progress bars, plain lines, JSON lines and tests are readers of them.
//! Numbers in events are totals, not increments, so an event that a reader drops does no harm.
//! Emitting never blocks: a reader that is slow must drop or buffer by itself.
//!
//! The module also holds [`Failure`], the one error type that reaches a person: what went wrong,
//! what to do about it, and the exit code that goes with it.

mod causes;
mod failure;

use std::{path::PathBuf, sync::Arc};

pub(crate) use causes::causes;
pub use failure::{Failure, FailureKind};

use crate::content::{EntryPath, Hash, PeerId};

/// How a peer is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Path {
    /// Straight from one computer to the other.
    Direct,
    /// Through a relay, which sees only encrypted packets.
    Relay,
}

/// What a [`Event::Progress`] counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Looking for the files to share; bytes and files found so far, no totals.
    Scan,
    /// Reading and hashing files, to share them or to see whether they are already right.
    Hash,
    /// Content going to one peer.
    Send,
    /// Content coming in.
    Fetch,
}

/// A kind of [`Event::Warning`]; the names are part of the JSON contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WarningKind {
    /// An entry was left out: a device, a socket, something that could not be read.
    LeftOut,
    /// A shared file changed since it was hashed; it is no longer served.
    Changed,
    /// Something about the network: no relay, no directory.
    Network,
    /// A request of a peer was refused.
    Refused,
    /// A mode, a time stamp or a link could not be restored.
    Metadata,
    /// Anything else.
    Other,
}

/// One thing that happened.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// A share is hashed and its ticket can be handed around.
    ShareReady {
        /// The ticket as text, `blob…`.
        ticket: String,
        /// The hash that names the whole share.
        root: Hash,
        /// A name for the share: that of its only top-level entry, or a description.
        name: String,
        /// Number of files.
        files: u64,
        /// Sum of their sizes.
        bytes: u64,
    },
    /// A peer connected.
    PeerConnected {
        /// Who.
        peer: PeerId,
        /// How.
        path: Path,
    },
    /// The path to a peer changed.
    PathChanged {
        /// Who.
        peer: PeerId,
        /// How it is reached now.
        path: Path,
    },
    /// A peer's connection ended.
    PeerGone {
        /// Who.
        peer: PeerId,
    },
    /// Where an operation stands. Totals, not increments; 0 for a total means not known yet.
    Progress {
        /// What is counted.
        phase: Phase,
        /// The peer, where the phase is [`Phase::Send`].
        peer: Option<PeerId>,
        /// Bytes done.
        bytes: u64,
        /// Bytes in all.
        total: u64,
        /// Files done.
        files: u64,
        /// Files in all.
        files_total: u64,
        /// The file that is being worked on, where one stands out.
        current: Option<EntryPath>,
    },
    /// What a ticket holds, learnt before any content is fetched.
    Offer {
        /// A name for the share.
        name: String,
        /// Number of files that will be written (after `--only`).
        files: u64,
        /// Sum of their sizes.
        bytes: u64,
    },
    /// A fetch goes on with what an earlier one left.
    Resumed {
        /// Bytes that are already here and verified.
        bytes_have: u64,
        /// Bytes in all.
        bytes_total: u64,
    },
    /// Nothing moves at the moment, and why.
    Waiting {
        /// One line for a person, such as "the other side is not reachable".
        reason: String,
        /// Which attempt comes next, from 1.
        attempt: u32,
        /// When it comes.
        retry_in_ms: u64,
    },
    /// A fetch is complete.
    Finished {
        /// The hash that names the whole share.
        root: Hash,
        /// Files that are in place now.
        files: u64,
        /// Sum of their sizes.
        bytes: u64,
        /// Content bytes that came over the network in this run.
        bytes_fetched: u64,
        /// Files that were already in place, or left alone because of `--skip`.
        skipped: u64,
        /// How long it took.
        seconds: f64,
        /// The folder everything is in; `None` when it went to standard output.
        dest: Option<PathBuf>,
    },
    /// A peer has everything it asked for.
    TransferFinished {
        /// Who.
        peer: PeerId,
        /// Content bytes sent to it.
        bytes: u64,
        /// How long it took.
        seconds: f64,
    },
    /// A peer went away, or stopped reading, before it had everything.
    TransferBroken {
        /// Who.
        peer: PeerId,
        /// Content bytes sent to it.
        bytes: u64,
        /// One line for a person.
        reason: String,
    },
    /// Something a person should know that does not stop the work.
    Warning {
        /// What kind.
        kind: WarningKind,
        /// One line; names from a peer are escaped already.
        message: String,
    },
}

/// Where events go.
pub trait Sink: Send + Sync + 'static {
    /// Takes one event. Must not block.
    fn emit(&self, event: Event);
}

impl<F: Fn(Event) + Send + Sync + 'static> Sink for F {
    fn emit(&self, event: Event) {
        self(event);
    }
}

/// A shared handle to a [`Sink`]; the default drops everything.
#[derive(Clone)]
pub struct Events(Arc<dyn Sink>);

impl Events {
    /// Sends events to `sink`.
    pub fn to(sink: impl Sink) -> Self {
        Self(Arc::new(sink))
    }

    /// Takes one event.
    pub fn emit(&self, event: Event) {
        self.0.emit(event);
    }

    /// A warning of one line.
    pub fn warn(&self, kind: WarningKind, message: impl Into<String>) {
        self.emit(Event::Warning {
            kind,
            message: message.into(),
        });
    }
}

impl Default for Events {
    fn default() -> Self {
        Self::to(|_| {})
    }
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Events")
    }
}
