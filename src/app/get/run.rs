//! A fetch from beginning to end.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use iroh_blobs::BlobFormat;
use tokio::sync::Notify;

use super::{
    Decider, Dest, GetOptions, Got, OnConflict, Wait,
    before::{Prepared, left_by_earlier_run, prepare, top_level},
    kept, place,
};
use crate::{
    app::{Context, broken},
    content::{EntryPath, Limits, Manifest, Ticket},
    disk::{self, Destination, Partial, Stop},
    events::{Event, Failure, FailureKind, Phase, WarningKind},
    node::{Node, Role},
    transfer::{
        fetch::{
            self, Conflicts, Fetch, Fetched, Item, Link, Only, Plan, PlanOptions,
            listing::{self, Listing},
        },
        wire::{ALPN, Close},
    },
};

/// Everything a fetch was told.
pub(super) struct Job {
    pub(super) context: Context,
    pub(super) options: Told,
    pub(super) only: Arc<Only>,
    pub(super) decider: Arc<dyn Decider>,
    pub(super) cancel: Arc<Notify>,
    pub(super) stop: Stop,
}

/// [`GetOptions`] without the destination, which has an owner of its own.
pub(super) struct Told {
    pub(super) ticket: Ticket,
    pub(super) on_conflict: OnConflict,
    pub(super) wait: Wait,
    pub(super) verify: bool,
    pub(super) sparse: bool,
    pub(super) max_size: Option<u64>,
    pub(super) ask_above: u64,
    pub(super) limit_rate: Option<u64>,
    pub(super) fsync: bool,
}

impl Told {
    /// Takes the options apart.
    pub(super) fn of(options: GetOptions) -> (Self, Dest) {
        let told = Self {
            ticket: options.ticket,
            on_conflict: options.on_conflict,
            wait: options.wait,
            verify: options.verify,
            sparse: options.sparse,
            max_size: options.max_size,
            ask_above: options.ask_above,
            limit_rate: options.limit_rate,
            fsync: options.fsync,
        };
        (told, options.dest)
    }
}

/// A manifest, and the link it came over, if it came over one.
pub(super) struct Offered {
    pub(super) manifest: Arc<Manifest>,
    pub(super) link: Option<Arc<Link>>,
}

impl Job {
    pub(super) async fn run(self, dest: Dest) -> Result<Got, Failure> {
        let began = Instant::now();
        let offered = self.offer().await?;
        let mut got = match dest {
            Dest::Dir(path) => self.to_folder(offered, &path).await?,
            Dest::Writer(output) => self.to_output(offered, output).await?,
        };
        got.seconds = began.elapsed().as_secs_f64();
        self.context.events.emit(Event::Finished {
            root: got.root,
            files: got.files,
            bytes: got.bytes,
            bytes_fetched: got.bytes_fetched,
            skipped: got.skipped,
            seconds: got.seconds,
            dest: got.dest.clone(),
        });
        Ok(got)
    }

    /// Finds out what the ticket names.
    async fn offer(&self) -> Result<Offered, Failure> {
        let ticket = &self.options.ticket;
        let limits = Limits::DEFAULT;
        if ticket.format == BlobFormat::HashSeq {
            let (profile, root) = (self.context.profile.clone(), ticket.hash);
            let kept = tokio::task::spawn_blocking(move || kept::find(&profile, &root, &limits));
            if let Ok(Some(manifest)) = kept.await {
                return Ok(Offered {
                    manifest: Arc::new(manifest),
                    link: None,
                });
            }
        }
        let link = self.link().await?;
        let fetching = listing::fetch(link.clone(), ticket.hash, ticket.format, &limits);
        let listing = tokio::select! {
            fetched = fetching => fetched,
            () = self.cancel.notified() => Err(interrupted()),
        };
        let listing = match listing {
            Ok(listing) => listing,
            Err(failure) => {
                link.close(closing(&failure)).await;
                return Err(failure);
            }
        };
        kept::keep(&self.context.profile, &ticket.hash, &listing);
        let Listing { manifest, .. } = listing;
        Ok(Offered {
            manifest: Arc::new(manifest),
            link: Some(link),
        })
    }

    pub(super) async fn link(&self) -> Result<Arc<Link>, Failure> {
        let secret = self.context.profile.secret_key()?;
        let node = Node::bind(secret, &self.context.network, Role::Fetch, ALPN).await?;
        let patience = match self.options.wait {
            Wait::For(time) => Some(time),
            Wait::Forever => None,
        };
        Ok(Arc::new(Link::new(
            node,
            &self.options.ticket.addr,
            patience,
            self.context.events.clone(),
        )))
    }

    /// Fetches into a folder.
    async fn to_folder(&self, offered: Offered, path: &Path) -> Result<Got, Failure> {
        let Offered { manifest, mut link } = offered;
        let result = self.planned_and_placed(&manifest, &mut link, path).await;
        if let Some(link) = link {
            let why = match &result {
                Ok(got) if got.failed.is_empty() => Close::Complete,
                Ok(_) => Close::Done,
                Err(failure) => closing(failure),
            };
            link.close(why).await;
        }
        result
    }

    async fn planned_and_placed(
        &self,
        manifest: &Arc<Manifest>,
        link: &mut Option<Arc<Link>>,
        path: &Path,
    ) -> Result<Got, Failure> {
        let mut plan = self.plan(manifest, path).await?;
        self.context.events.emit(Event::Offer {
            name: manifest.name(),
            files: plan.files,
            bytes: plan.bytes,
        });
        let root = self.options.ticket.hash;
        let looking = {
            // The list goes there and back: of a million files a copy is large.
            let (wants, path) = (std::mem::take(&mut plan.wants), path.to_owned());
            let manifest = manifest.clone();
            tokio::task::spawn_blocking(move || {
                let left = left_by_earlier_run(&manifest, &wants, &path, &root);
                (wants, left)
            })
        };
        let unfinished;
        (plan.wants, unfinished) = looking.await.map_err(|_| broken())?;
        self.may_go_on(manifest, &plan, unfinished.unwrap_or(0), path)
            .await?;
        self.warn_of_links(&plan.refused_links);
        if plan.is_empty() && unfinished.is_none() {
            let top = top_level(manifest, &plan, &self.only);
            return Ok(self.got(&plan, path, top, Fetched::default(), true));
        }
        if let Some(had) = unfinished {
            self.context.events.emit(Event::Resumed {
                bytes_have: had.saturating_add(plan.have.1),
                bytes_total: plan.bytes,
            });
        }
        if link.is_none() && !plan.wants.is_empty() {
            *link = Some(self.link().await?);
        }
        let prepared;
        (plan, prepared) = self.prepare(manifest, plan, path).await?;
        let top = top_level(manifest, &plan, &self.only);
        let wants = std::mem::take(&mut plan.wants);
        let plan = Arc::new(plan);
        let fetched = self
            .place(
                manifest,
                &plan,
                wants,
                unfinished.unwrap_or(0),
                prepared,
                link.clone(),
            )
            .await?;
        Ok(self.got(&plan, path, top, fetched, false))
    }

    /// Names links that are left out; not all of a million.
    fn warn_of_links(&self, refused: &[String]) {
        const NAMED: usize = 100;
        let warn = |message| self.context.events.warn(WarningKind::LeftOut, message);
        for link in refused.iter().take(NAMED) {
            warn(format!("{link} is left out: it is a link out of the share"));
        }
        if let more @ 1.. = refused.len().saturating_sub(NAMED) {
            warn(format!("{more} more links out of the share are left out"));
        }
    }

    async fn plan(&self, manifest: &Arc<Manifest>, path: &Path) -> Result<Plan, Failure> {
        let (manifest, only) = (manifest.clone(), self.only.clone());
        let (profile, events) = (self.context.profile.clone(), self.context.events.clone());
        let (path, stop) = (path.to_owned(), self.stop.clone());
        let (verify, conflicts) = (self.options.verify, self.conflicts());
        let root = self.options.ticket.hash;
        let planning = tokio::task::spawn_blocking(move || {
            let destination = Destination::open(&path).map_err(|error| {
                let (shown, reason) = (super::shown(&path), disk::reason(&error));
                let message = format!("cannot open {shown}: {reason}");
                Failure::new(FailureKind::LocalDisk, message).hint("choose another folder with -o")
            })?;
            let peek = destination.as_ref();
            let peek = peek.and_then(|destination| Partial::peek(destination, &root));
            let options = PlanOptions {
                only: &only,
                conflicts,
                verify,
                anew: peek.as_ref().is_some_and(|peek| !peek.is_sound()),
                begun: &peek.map(|peek| peek.placing()).unwrap_or_default(),
            };
            let caches = |top: &EntryPath| {
                destination
                    .as_ref()
                    .map(|dest| place::cache_of(&profile, dest, top.as_bytes()))
            };
            let hashed = |bytes| {
                events.emit(Event::Progress {
                    phase: Phase::Hash,
                    peer: None,
                    bytes,
                    total: 0,
                    files: 0,
                    files_total: 0,
                    current: None,
                });
            };
            fetch::plan(
                &manifest,
                destination.as_ref(),
                options,
                &caches,
                &hashed,
                &stop,
            )
        });
        planning.await.unwrap_or_else(|_| Err(broken()))
    }

    fn conflicts(&self) -> Conflicts {
        match self.options.on_conflict {
            OnConflict::Stop => Conflicts::Stop,
            OnConflict::Overwrite => Conflicts::Overwrite,
            OnConflict::Rename => Conflicts::Rename,
            OnConflict::Skip => Conflicts::Skip,
        }
    }

    /// Opens the destination for what the plan says, and settles what only shows there.
    async fn prepare(
        &self,
        manifest: &Arc<Manifest>,
        mut plan: Plan,
        path: &Path,
    ) -> Result<(Plan, Prepared), Failure> {
        let (manifest, only) = (manifest.clone(), self.only.clone());
        let (root, conflicts) = (self.options.ticket.hash, self.conflicts());
        let path = path.to_owned();
        let preparing = tokio::task::spawn_blocking(move || {
            let prepared = prepare(&manifest, &mut plan, &only, conflicts, &path, &root)?;
            Ok((plan, prepared))
        });
        preparing.await.unwrap_or_else(|_| Err(broken()))
    }

    /// Does what the plan says; `had` bytes of it were left by an earlier run.
    async fn place(
        &self,
        manifest: &Arc<Manifest>,
        plan: &Arc<Plan>,
        wants: Vec<Item>,
        had: u64,
        prepared: Prepared,
        link: Option<Arc<Link>>,
    ) -> Result<Fetched, Failure> {
        let root = self.options.ticket.hash;
        let (mut fetched, result) = match link {
            Some(link) if !wants.is_empty() => {
                let fetch = Fetch {
                    root,
                    first_offset: self.first_offset(),
                    wants,
                    present: plan.present.clone(),
                    manifest: manifest.clone(),
                    destination: prepared.destination.clone(),
                    partial: prepared.partial.clone(),
                    verify: self.options.verify,
                    fsync: self.options.fsync,
                    limit_rate: self.options.limit_rate,
                    done: (plan.have.0, plan.have.1.saturating_add(had)),
                    total: (plan.files, plan.bytes),
                    events: self.context.events.clone(),
                };
                fetch.run(link, self.cancel.notified()).await
            }
            _ => (Fetched::default(), Ok(())),
        };
        let finishing = {
            let (manifest, plan) = (manifest.clone(), plan.clone());
            let (events, fsync) = (self.context.events.clone(), self.options.fsync);
            let (profile, only) = (self.context.profile.clone(), self.only.clone());
            tokio::task::spawn_blocking(move || {
                let (destination, partial) = (&prepared.destination, &prepared.partial);
                if result.is_err() && fetched.placed.is_empty() {
                    prepared.take_back(&manifest, &plan);
                }
                let placed = result
                    .and_then(|()| place::finish(&manifest, &plan, destination, partial, &events));
                let sync = || place::sync(&manifest, &only, destination, partial, fsync);
                let synced = placed.is_ok().then(sync).transpose();
                let on_disk = matches!(synced, Ok(Some(true)));
                // Also what an interrupted fetch placed need not be read again by the next run, unless the
                // disk may not have it: then it may be right in memory alone, and is gone from there any time.
                if on_disk || partial.is_sound() {
                    place::remember(
                        &manifest,
                        &mut fetched.placed,
                        destination,
                        &profile,
                        on_disk,
                    );
                } else {
                    place::forget(&manifest, destination, &profile);
                }
                placed?;
                synced?;
                // The run that gets the rest has to know which folders were made for it, and what else
                // is not known to be on the disk.
                let goes_on = fetched.failed.iter().any(|file| file.later);
                let is_whole = place::is_all_safe(&manifest, &only, partial, &fetched);
                let is_whole = is_whole.map_err(|error| place::beside(destination, &error))?;
                if is_whole && (!goes_on || fetched.placed.is_empty()) {
                    partial
                        .remove_unless_begun(destination)
                        .map_err(|error| place::beside(destination, &error))?;
                }
                Ok(fetched)
            })
        };
        finishing.await.unwrap_or_else(|_| Err(broken()))
    }

    /// Where file number 0 is in the hash sequence: behind the root and the metadata, or alone.
    pub(super) fn first_offset(&self) -> u64 {
        match self.options.ticket.format {
            BlobFormat::HashSeq => 2,
            BlobFormat::Raw => 0,
        }
    }

    fn got(
        &self,
        plan: &Plan,
        path: &Path,
        top: Vec<PathBuf>,
        fetched: Fetched,
        already_complete: bool,
    ) -> Got {
        let refused = plan.refused_links.iter();
        let refused = refused.map(|link| format!("{link} is a link out of the share"));
        let missing: u64 = fetched.failed.iter().map(|file| file.size).sum();
        Got {
            root: self.options.ticket.hash,
            files: plan.files.saturating_sub(fetched.failed.len() as u64),
            bytes: plan.bytes.saturating_sub(missing),
            bytes_fetched: fetched.bytes,
            skipped: plan.have.0,
            already_complete,
            left_alone: plan.left_alone.clone(),
            failed: fetched
                .failed
                .into_iter()
                .map(|file| file.message)
                .chain(refused)
                .collect(),
            seconds: 0.0,
            dest: Some(path.to_owned()),
            top,
        }
    }
}

/// What the sharer is told when a fetch ends this way.
pub(super) fn closing(failure: &Failure) -> Close {
    match failure.kind {
        FailureKind::Interrupted => Close::Interrupted,
        FailureKind::Unverified => Close::Protocol,
        _ => Close::Done,
    }
}

pub(super) fn interrupted() -> Failure {
    Failure::new(FailureKind::Interrupted, "stopped").hint("run the same line again to go on")
}
