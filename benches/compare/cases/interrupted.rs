//! What a kill costs on the wire.

use std::time::Duration;

use anyhow::{Result, bail};

use crate::{
    content::Tree,
    lab::{Lab, end, one},
    link::{Link, Shape},
    measure::{Figures, Unit},
    peers::{Offer, Peer, Side},
};

const BOTH: [&str; 2] = ["grove", "sendme"];

/// The receiver is killed when half of the bytes have gone over a link that carries all it can, and the
/// same command again gets the rest. What was on its way at the kill counts too. Then the same without a
/// kill: what the protocols need beside the content.
pub(super) fn killed(lab: &Lab) -> Result<()> {
    let tree = lab.content.file(1024)?;
    lab.take_turns(&BOTH, |peer| {
        let (over, killed_at) = Over::killed_at_half(lab, peer, &tree)?;
        let took = over.fetch()?;
        let figures = over
            .finish()?
            .with("killed at", Unit::Times, killed_at)
            .with("second fetch", Unit::Seconds, took.as_secs_f64());
        let group = "one file of 1 GiB, killed at 50 %: bytes on the wire, of the content's";
        Ok(one(group, figures))
    })?;
    lab.take_turns(&BOTH, |peer| {
        let over = Over::start(lab, peer, &tree)?;
        over.fetch()?;
        let group = "one file of 1 GiB, not killed: bytes on the wire, of the content's";
        Ok(one(group, over.finish()?))
    })
}

/// A tree that is offered at one end of a link.
struct Over<'a> {
    peer: &'a dyn Peer,
    tree: &'a Tree,
    link: Link,
    sides: [Side; 2],
    offer: Offer,
}

impl<'a> Over<'a> {
    fn start(lab: &Lab, peer: &'a dyn Peer, tree: &'a Tree) -> Result<Self> {
        let link = Link::new(Shape::OPEN)?;
        let sides = [lab.side(link.net(0))?, lab.side(link.net(1))?];
        let offer = peer.offer(tree, &sides[0])?;
        Ok(Self {
            peer,
            tree,
            link,
            sides,
            offer,
        })
    }

    /// What went over the link so far, of the content.
    fn times(&self) -> f64 {
        self.link.bytes() as f64 / self.tree.bytes as f64
    }

    /// One whose receiver was killed, and where. It may be done before that, where it is small or whoever
    /// kills it is held up: then it begins anew.
    fn killed_at_half(lab: &Lab, peer: &'a dyn Peer, tree: &'a Tree) -> Result<(Self, f64)> {
        for _ in 0..10 {
            let over = Self::start(lab, peer, tree)?;
            if let Some(killed_at) = over.kill_at_half()? {
                return Ok((over, killed_at));
            }
            over.finish()?;
        }
        bail!("it was done before it could be killed, ten times");
    }

    /// Begins to fetch it at the other end; where it was killed, if it was.
    fn kill_at_half(&self) -> Result<Option<f64>> {
        let mut killed_at = None;
        let first = self.peer.fetch(&self.offer, self.tree, &self.sides[1])?;
        let ended = first.wait_watching(Duration::from_millis(1), |getter| {
            if killed_at.is_none() && self.times() >= 0.5 {
                getter.kill()?;
                killed_at = Some(self.times());
            }
            Ok(())
        });
        match (killed_at, ended) {
            (_, Ok(_)) => Ok(None),
            (Some(killed_at), Err(_)) => Ok(Some(killed_at)),
            (None, Err(error)) => Err(error),
        }
    }

    fn fetch(&self) -> Result<Duration> {
        self.peer
            .fetch(&self.offer, self.tree, &self.sides[1])?
            .wait()
    }

    /// What it took on the wire.
    fn finish(self) -> Result<Figures> {
        self.tree.check(&self.sides[1].received())?;
        end(self.offer)?;
        let bytes = self.link.bytes() as f64;
        let figures = Figures::new(Unit::Times, bytes / self.tree.bytes as f64);
        Ok(figures.with("in all", Unit::Bytes, bytes))
    }
}
