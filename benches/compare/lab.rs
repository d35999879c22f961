//! What a case works with: content, contenders that take turns, and places to put things.

use std::{
    cell::{Cell, RefCell},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use crate::{
    cases::Case,
    content::{Content, Tree},
    measure::{Figures, Report},
    net::Net,
    peers::{Offer, Peer, Side},
};

/// One for all cases.
pub(crate) struct Lab {
    scratch: PathBuf,
    pub(crate) content: Content,
    peers: Vec<Box<dyn Peer>>,
    runs: u32,
    report: RefCell<Report>,
    /// So that every folder gets a name of its own.
    number: Cell<u64>,
}

/// What a run measured, each with what it is.
pub(crate) type Outcome = Vec<(String, Figures)>;

/// One figure of what `group` says.
pub(crate) fn one(group: &str, figures: Figures) -> Outcome {
    vec![(group.to_owned(), figures)]
}

impl Lab {
    pub(crate) fn new(
        scratch: &Path,
        content: Content,
        peers: Vec<Box<dyn Peer>>,
        runs: u32,
        report: Report,
    ) -> Self {
        Self {
            scratch: scratch.to_owned(),
            content,
            peers,
            runs,
            report: RefCell::new(report),
            number: Cell::default(),
        }
    }

    /// Runs a case. What goes wrong in it becomes a note.
    pub(crate) fn run(&self, case: &Case) -> Result<()> {
        if let Err(error) = (case.run)(self) {
            self.note(case.name, &error)?;
        }
        Ok(())
    }

    pub(crate) fn into_report(self) -> Report {
        self.report.into_inner()
    }

    /// A folder that is not there yet.
    pub(crate) fn place(&self) -> PathBuf {
        self.number.set(self.number.get() + 1);
        self.scratch.join(format!("place-{}", self.number.get()))
    }

    /// A side in a network.
    pub(crate) fn side(&self, net: &Net) -> Result<Side> {
        Side::new(net, self.place())
    }

    /// Has each contender of these names `measure` what it does, one after the other, as often as there
    /// are runs. Who fails is out.
    pub(crate) fn take_turns(
        &self,
        names: &[&str],
        measure: impl Fn(&dyn Peer) -> Result<Outcome>,
    ) -> Result<()> {
        let named = |name: &&str| self.peers.iter().find(|peer| peer.name() == *name);
        let mut contenders: Vec<_> = names.iter().filter_map(named).collect();
        for _ in 0..self.runs {
            let mut failed = Vec::new();
            for peer in &contenders {
                settle();
                match measure(peer.as_ref()) {
                    Ok(outcome) => self.keep(peer.name(), outcome)?,
                    Err(error) => {
                        self.note(peer.name(), &error)?;
                        failed.push(peer.name());
                    }
                }
            }
            contenders.retain(|peer| !failed.contains(&peer.name()));
        }
        Ok(())
    }

    /// The same for a contender that is no [`Peer`].
    pub(crate) fn repeat(
        &self,
        name: &'static str,
        measure: impl Fn() -> Result<Outcome>,
    ) -> Result<()> {
        for _ in 0..self.runs {
            settle();
            match measure() {
                Ok(outcome) => self.keep(name, outcome)?,
                Err(error) => return self.note(name, &error),
            }
        }
        Ok(())
    }

    fn keep(&self, who: &'static str, outcome: Outcome) -> Result<()> {
        for (group, figures) in outcome {
            say(&format!(
                "{group}: {who}: {}",
                figures.unit.show(figures.value)
            ));
            self.report.borrow_mut().add(&group, who, figures)?;
        }
        Ok(())
    }

    fn note(&self, who: &str, error: &anyhow::Error) -> Result<()> {
        let note = format!("{who} failed: {error:#}");
        say(&note);
        self.report.borrow_mut().note(note)
    }
}

/// What one run over nothing but a network took.
pub(crate) struct Transfer {
    pub(crate) to_ticket: Option<Duration>,
    pub(crate) fetch: Duration,
}

/// Offers a tree on one side and fetches it on the other, and compares what came.
pub(crate) fn transfer(peer: &dyn Peer, tree: &Tree, sides: &[Side; 2]) -> Result<Transfer> {
    let offer = peer.offer(tree, &sides[0])?;
    let fetch = peer.fetch(&offer, tree, &sides[1])?.wait()?;
    if peer.keeps() {
        tree.check(&sides[1].received())?;
    }
    let to_ticket = offer.took;
    end(offer)?;
    Ok(Transfer { to_ticket, fetch })
}

/// Ends an offer, in the order in which its programs need each other.
pub(crate) fn end(offer: Offer) -> Result<()> {
    if let Some(server) = offer.server {
        server.interrupt().context("the server does not end")?;
    }
    drop(offer.helpers);
    Ok(())
}

/// Waits until what others wrote is on the disk, so that it costs nobody else time.
fn settle() {
    rustix::fs::sync();
}

/// Says how far it is.
#[expect(
    clippy::print_stderr,
    reason = "this is how far it is, and not the result"
)]
pub(crate) fn say(what: &str) {
    thread_local!(static BEGAN: Instant = Instant::now());
    let seconds = BEGAN.with(Instant::elapsed).as_secs();
    eprintln!("[{seconds:>5} s] {what}");
}
