//! Sharing: walk, hash, hand out a ticket, serve.

mod prepare;

use std::{io::Read, path::PathBuf, sync::Arc, time::Duration};

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
        provide::{self, Policy, Provider, Record, Share},
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
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
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
    /// End after so many complete fetches. Who has begun and who has everything is written down, so
    /// that the count goes on when the same is shared again after this program was stopped.
    pub max_gets: Option<u64>,
    /// Count from nothing, whatever was written down.
    pub fresh: bool,
    /// End after this time; the ticket says when.
    pub expire: Option<Duration>,
    /// Serve only these peers; everybody with the ticket when empty.
    pub allow: Vec<PeerId>,
    /// Hand out a ticket without addresses, for whoever uses the same directory.
    pub short: bool,
    /// Most bytes a second to send, over all peers.
    pub limit_rate: Option<u64>,
    /// How much is put up with from strangers.
    pub limits: provide::Limits,
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
            fresh: false,
            expire: None,
            allow: Vec::new(),
            short: false,
            limit_rate: None,
            limits: provide::Limits::default(),
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
    /// Who has a place, where that is limited.
    record: Option<Arc<Record>>,
    max_gets: Option<u64>,
    /// Whether it ended by itself, so that the next one begins from nothing.
    ended: bool,
    /// Copies that are being served.
    _copies: prepare::Copies,
}

impl Sharing {
    /// Walks, hashes, starts to serve; returns once the ticket is ready and `ShareReady` is emitted.
    /// Dropping the future stops the work.
    ///
    /// # Errors
    /// `Usage`: a path that does not exist. `Partial`: `strict`, and something cannot be shared.
    /// `LocalDisk`: something cannot be read, or the record of who has this share is damaged.
    /// `Refused`: the same is shared with a limit by another program. `Failed`: too large, or no socket.
    pub async fn start(context: &Context, options: ShareOptions) -> Result<Self, Failure> {
        let (limit_rate, expire) = (options.limit_rate, options.expire);
        let (allow, max_gets) = (options.allow.clone(), options.max_gets);
        let (fresh, short, limits) = (options.fresh, options.short, options.limits.clone());
        // An identity that cannot be read is said before hours of hashing, not after.
        context.profile.secret_key()?;
        let stop = StopOnDrop(Stop::default());
        let prepared = {
            let (context, stop) = (context.clone(), stop.0.clone());
            tokio::task::spawn_blocking(move || prepare::prepare(&context, options, &stop))
        };
        let prepared = prepared.await.unwrap_or_else(|_| Err(super::broken()))?;
        let root = prepared.encoded.root;
        let shares = context.profile.shares_dir();
        if fresh {
            Record::forget(&shares, &root)?;
        }
        let record = max_gets.map(|_| Record::open(&shares, &root).map(Arc::new));
        let record = record.transpose()?;
        let secret = context.profile.share_key(&root)?;
        let node = Node::bind(secret, &context.network, Role::Provide, ALPN).await?;
        let mut address = node.address().await;
        if short && node.is_findable().await {
            address.addrs.clear();
        } else if short {
            let message = "no directory has this share yet, so the ticket is a long one";
            context.events.warn(WarningKind::Network, message);
        }
        node.has_asked().await;
        for trouble in node.troubles() {
            context.events.warn(WarningKind::Network, trouble);
        }
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
            record: record.clone(),
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
        let events = context.events.clone();
        let provider = Provider::start(node, share, policy, limit_rate, events, limits);
        let expires = expire.and_then(|time| Instant::now().checked_add(time));
        let sharing = Self {
            ticket,
            summary,
            provider,
            expires,
            record,
            max_gets,
            ended: false,
            _copies: copies,
        };
        if !sharing.was_used_up() {
            let summary = &sharing.summary;
            context.events.emit(Event::ShareReady {
                ticket: sharing.ticket.to_string(),
                root: summary.root,
                name: summary.name.clone(),
                files: summary.files,
                bytes: summary.bytes,
            });
        }
        Ok(sharing)
    }

    /// How many had everything when this began, and how many had begun and not ended: more than
    /// none when a share with a limit goes on.
    #[must_use]
    pub fn before(&self) -> (u64, u64) {
        let places = self
            .record
            .iter()
            .flat_map(|record| record.before().values());
        let complete = places.clone().filter(|complete| **complete).count() as u64;
        (complete, places.count() as u64 - complete)
    }

    /// Whether everybody who may have this had it when this began, so that it ends at once: the
    /// program was killed just before its end.
    #[must_use]
    pub fn was_used_up(&self) -> bool {
        self.max_gets.is_some_and(|max| self.before().0 >= max)
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
        let why = tokio::select! {
            () = self.provider.used_up() => Ended::MaxGets,
            () = expired => Ended::Expired,
        };
        self.ended = true;
        why
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
        if self.ended
            && let Some(record) = &self.record
            && let Err(error) = record.remove()
        {
            // The next one ends at once, and then removes it.
            tracing::debug!(%error, "the record stays");
        }
    }
}
