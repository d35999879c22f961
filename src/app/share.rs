//! Sharing: walk, hash, hand out a ticket, serve.

mod prepare;

use std::{io::Read, path::PathBuf, time::Duration};

use iroh_blobs::BlobFormat;
use tokio::time::Instant;

use self::prepare::Prepared;
use super::StopOnDrop;
use crate::{
    app::Context,
    content::{Hash, PeerId, Ticket},
    disk::{LeftOut, Stop, WalkOptions},
    events::{Event, Failure, WarningKind},
    node::{Node, Role},
    transfer::{
        provide::{Policy, Provider, Share},
        unix_now,
        wire::{ALPN, Close},
    },
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
pub struct Sharing {
    ticket: Ticket,
    summary: Summary,
    provider: Provider,
    expires: Option<Instant>,
    /// Copies that are being served.
    _copies: prepare::Copies,
}

impl Sharing {
    /// Walks, hashes, starts to serve; returns once the ticket is ready and `ShareReady` is emitted.
    /// Dropping the future stops the work.
    ///
    /// # Errors
    /// `Usage`: a path that does not exist. `Partial`: `strict`, and something cannot be shared.
    /// `LocalDisk`: something cannot be read. `Failed`: too large, or no socket.
    pub async fn start(context: &Context, options: ShareOptions) -> Result<Self, Failure> {
        let (limit_rate, expire) = (options.limit_rate, options.expire);
        let (allow, max_gets) = (options.allow.clone(), options.max_gets);
        // An identity that cannot be read is said before hours of hashing, not after.
        context.profile.secret_key()?;
        let stop = StopOnDrop(Stop::default());
        let prepared = {
            let (context, stop) = (context.clone(), stop.0.clone());
            tokio::task::spawn_blocking(move || prepare::prepare(&context, options, &stop))
        };
        let prepared = prepared.await.unwrap_or_else(|_| Err(super::broken()))?;
        let root = prepared.encoded.root;
        let secret = context.profile.share_key(&root)?;
        let node = Node::bind(secret, &context.network, Role::Provide, ALPN).await?;
        let address = node.address().await;
        let Prepared {
            encoded,
            sources,
            outboards,
            summary,
            copies,
        } = prepared;
        for left_out in &summary.left_out {
            let message = format!("{} is left out: {}", left_out.path, left_out.why);
            context.events.warn(WarningKind::LeftOut, message);
        }
        // The time begins with the ticket, however long the hashing took.
        let expires = expire.map(|time| unix_now().saturating_add(time.as_secs()));
        let policy = Policy {
            allow,
            max_gets,
            expires,
        };
        let ticket = Ticket {
            addr: address,
            hash: encoded.root,
            format: BlobFormat::HashSeq,
            expires: policy.expires,
            others: Vec::new(),
        };
        let share = Share::new(encoded, sources, outboards);
        let provider = Provider::start(node, share, policy, limit_rate, context.events.clone());
        context.events.emit(Event::ShareReady {
            ticket: ticket.to_string(),
            root: summary.root,
            name: summary.name.clone(),
            files: summary.files,
            bytes: summary.bytes,
        });
        let expires = expire.and_then(|time| Instant::now().checked_add(time));
        Ok(Self {
            ticket,
            summary,
            provider,
            expires,
            _copies: copies,
        })
    }

    /// The ticket to hand around.
    #[must_use]
    pub fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    /// What is being shared.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Waits until the share ends by itself; without a limit it never does.
    pub async fn wait(&mut self) -> Ended {
        let expired = async {
            match self.expires {
                Some(moment) => tokio::time::sleep_until(moment).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.provider.used_up() => Ended::MaxGets,
            () = expired => Ended::Expired,
        }
    }

    /// Ends the share: tells peers, closes connections. Takes at most 2 seconds.
    pub async fn stop(self) {
        let expired = self.expires.is_some_and(|moment| moment <= Instant::now());
        let why = if expired {
            Close::Expired
        } else {
            Close::Stopped
        };
        self.provider.stop(why).await;
    }
}
