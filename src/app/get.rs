//! Getting: ask what is there, plan, fetch, verify, place.

mod ask;
mod before;
mod kept;
mod made;
mod output;
mod place;
mod risky;
mod run;

use std::{io::Write, path::PathBuf, sync::Arc, time::Duration};

#[cfg(any(test, fuzzing))]
pub(crate) use kept::{decode as decode_kept, encode as encode_kept};
use tokio::{sync::Notify, task::JoinHandle};

use super::StopOnDrop;
use crate::{
    app::Context,
    content::{Hash, Ticket},
    disk::{Destination, Stop},
    events::{Failure, FailureKind},
    transfer::{fetch::Only, unix_now},
};

/// Where content goes.
pub enum Dest {
    /// Below this folder, which is made when it is missing.
    Dir(PathBuf),
    /// One file, written here in order.
    Writer(Box<dyn Write + Send>),
}

/// What to do when something else is in the way at the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnConflict {
    /// Name it and stop before anything is fetched.
    #[default]
    Stop,
    /// Replace files and links (never folders).
    Overwrite,
    /// Write the new one under another name: `a (1).txt`.
    Rename,
    /// Leave what is there, and do not fetch the new one.
    Skip,
}

/// How long nothing at all may happen before a fetch gives up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// So long.
    For(Duration),
    /// Never give up.
    Forever,
}

/// What is asked before content is fetched.
#[derive(Debug, Clone)]
pub struct Accept {
    /// A name for the share, escaped.
    pub name: String,
    /// Files that would be written.
    pub files: u64,
    /// Sum of their sizes.
    pub bytes: u64,
    /// Free bytes at the destination, where known.
    pub free: Option<u64>,
    /// Names (escaped) that programs act on by themselves, at the top level of the home folder:
    /// `.bashrc`, `.ssh`, `bin`, … Of many the first ten, and how many more.
    pub risky: Vec<String>,
}

/// Answers questions that operations have.
pub trait Decider: Send + Sync + 'static {
    /// Whether to go on. Asked only when the share is larger than [`GetOptions::ask_above`] or has
    /// risky names. May block; it is called on a thread of its own.
    fn accept(&self, question: &Accept) -> bool;
}

impl<F: Fn(&Accept) -> bool + Send + Sync + 'static> Decider for F {
    fn accept(&self, question: &Accept) -> bool {
        self(question)
    }
}

/// How to get.
pub struct GetOptions {
    /// What, and from whom.
    pub ticket: Ticket,
    /// Where to.
    pub dest: Dest,
    /// Fetch only entries that match one of these globs; everything when empty. A pattern matches a
    /// whole path within the share (with or without its top folder) or a folder above it.
    pub only: Vec<String>,
    /// What to do about other content at the destination.
    pub on_conflict: OnConflict,
    /// How long nothing may happen.
    pub wait: Wait,
    /// Read again all that is already here instead of trusting what was recorded.
    pub verify: bool,
    /// Fetch also what is larger than the free space, since much of it may be holes.
    pub sparse: bool,
    /// Refuse shares with more bytes than this.
    pub max_size: Option<u64>,
    /// Ask the decider about shares with more bytes than this.
    pub ask_above: u64,
    /// Most bytes a second to receive.
    pub limit_rate: Option<u64>,
    /// Flush every file to the disk before it gets its name. Without it small files get their names
    /// first, and all are flushed together at the end, where the system can do that (Linux).
    pub fsync: bool,
}

impl GetOptions {
    /// Fetches everything that `ticket` names into `dest`.
    #[must_use]
    pub fn new(ticket: Ticket, dest: Dest) -> Self {
        Self {
            ticket,
            dest,
            only: Vec::new(),
            on_conflict: OnConflict::Stop,
            wait: Wait::For(Duration::from_mins(10)),
            verify: false,
            sparse: false,
            max_size: None,
            ask_above: 10_000_000_000,
            limit_rate: None,
            fsync: false,
        }
    }
}

/// What a fetch did.
#[derive(Debug, Clone)]
pub struct Got {
    /// The hash of the whole share.
    pub root: Hash,
    /// Files that are in place now.
    pub files: u64,
    /// Sum of their sizes.
    pub bytes: u64,
    /// Content bytes that came over the network in this run.
    pub bytes_fetched: u64,
    /// Files that were already in place, or left alone.
    pub skipped: u64,
    /// Whether nothing had to be done at all.
    pub already_complete: bool,
    /// Entries that were left alone because of [`OnConflict::Skip`], escaped.
    pub left_alone: Vec<String>,
    /// How long it took.
    pub seconds: f64,
    /// The folder everything is in.
    pub dest: Option<PathBuf>,
    /// Entries that could not be had, escaped, with the reason.
    pub failed: Vec<String>,
    /// What the top-level entries are called there.
    pub top: Vec<PathBuf>,
}

/// A fetch under way. Dropping it stops it at once; what is verified stays for the next run.
pub struct Getting {
    running: JoinHandle<Result<Got, Failure>>,
    cancel: Arc<Notify>,
    stop: StopOnDrop,
}

impl Getting {
    /// Starts to fetch. Everything that can be checked without the network is checked first.
    ///
    /// # Errors
    /// `Usage`: a wrong pattern, one's own ticket. `Refused`: an expired ticket. `InTheWay`: the
    /// destination is a file. `LocalDisk`: it cannot be opened.
    pub async fn start(
        context: &Context,
        options: GetOptions,
        decider: Arc<dyn Decider>,
    ) -> Result<Self, Failure> {
        let only = Only::parse(&options.only)?;
        let checked = {
            let (context, ticket) = (context.clone(), options.ticket.clone());
            let folder = match &options.dest {
                Dest::Dir(path) => Some(path.clone()),
                Dest::Writer(_) => None,
            };
            tokio::task::spawn_blocking(move || {
                check_ticket(&context, &ticket)?;
                folder.map_or(Ok(()), |path| check_destination(&path))
            })
        };
        checked.await.unwrap_or_else(|_| Err(super::broken()))?;
        let cancel = Arc::new(Notify::new());
        let stop = StopOnDrop(Stop::default());
        let (options, dest) = run::Told::of(options);
        let job = run::Job {
            context: context.clone(),
            options,
            only: Arc::new(only),
            decider,
            cancel: cancel.clone(),
            stop: stop.0.clone(),
        };
        Ok(Self {
            running: tokio::spawn(job.run(dest)),
            cancel,
            stop,
        })
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// `Unreachable`: nothing happened for as long as it may. `Refused`: by the sharer, the decider
    /// or a limit. `Unverified`: hostile content. `InTheWay`, `LocalDisk`: as named.
    pub async fn wait(&mut self) -> Result<Got, Failure> {
        (&mut self.running)
            .await
            .unwrap_or_else(|_| Err(super::broken()))
    }

    /// Stops, and keeps what is verified for the next run. Takes at most 2 seconds. Returns what was
    /// got if everything was there before it could be stopped.
    pub async fn stop(mut self) -> Option<Got> {
        self.stop.0.stop();
        self.cancel.notify_one();
        let ended = tokio::time::timeout(Duration::from_secs(2), &mut self.running).await;
        ended.ok()?.ok()?.ok()
    }
}

impl Drop for Getting {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// Refuses tickets that make no sense to follow.
fn check_ticket(context: &Context, ticket: &Ticket) -> Result<(), Failure> {
    if ticket.is_expired(unix_now()) {
        return Err(
            Failure::new(FailureKind::Refused, "this ticket has expired")
                .hint("ask the sharer for a new one; or is the clock of this computer wrong?"),
        );
    }
    if context.profile.share_key(&ticket.hash)?.public() == ticket.addr.id {
        return Err(Failure::new(FailureKind::Usage, "this is your own share")
            .hint("send the ticket to somebody else; their line is the same"));
    }
    Ok(())
}

/// A destination as a person is told of it, who may not have named any.
fn shown(path: &std::path::Path) -> String {
    let absolute = std::path::absolute(path).ok().filter(|_| path == ".");
    let path = absolute.as_deref().unwrap_or(path);
    crate::content::escape(&path.to_string_lossy()).into_owned()
}

fn check_destination(path: &std::path::Path) -> Result<(), Failure> {
    let shown = shown(path);
    match Destination::open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => Err(Failure::new(
            FailureKind::InTheWay,
            format!("{shown} is not a folder"),
        )
        .hint("choose a folder with -o; one that is missing is made")),
        Err(error) => {
            let reason = crate::disk::reason(&error);
            Err(Failure::new(
                FailureKind::LocalDisk,
                format!("cannot open {shown}: {reason}"),
            )
            .hint("choose another folder with -o"))
        }
    }
}
