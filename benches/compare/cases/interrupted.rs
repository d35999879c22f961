//! What a kill costs on the wire.

use std::time::Duration;

use anyhow::{Result, bail};

use crate::{
    lab::{Lab, end, one},
    link::{Link, Shape},
    measure::{Figures, Unit},
};

/// The receiver is killed when half of the bytes have gone over a link that carries all it can, and the
/// same command again gets the rest. What was on its way at the kill counts too.
pub(super) fn killed(lab: &Lab) -> Result<()> {
    let tree = lab.content.file(1024)?;
    lab.take_turns(&["grove", "sendme"], |peer| {
        let link = Link::new(Shape::OPEN)?;
        let sides = [lab.side(link.net(0))?, lab.side(link.net(1))?];
        let offer = peer.offer(&tree, &sides[0])?;
        let mut killed_at = None;
        let first = peer.fetch(&offer, &tree, &sides[1])?;
        let ended = first.wait_watching(Duration::from_millis(1), |getter| {
            if killed_at.is_none() && link.bytes() >= tree.bytes / 2 {
                getter.kill()?;
                killed_at = Some(link.bytes());
            }
            Ok(())
        });
        let (Some(killed_at), Err(_)) = (killed_at, ended) else {
            bail!("it was done before it could be killed");
        };
        let took = peer.fetch(&offer, &tree, &sides[1])?.wait()?;
        tree.check(&sides[1].received())?;
        end(offer)?;
        let size = tree.bytes as f64;
        let figures = Figures::new(Unit::Times, link.bytes() as f64 / size)
            .with("killed at", Unit::Times, killed_at as f64 / size)
            .with("in all", Unit::Bytes, link.bytes() as f64)
            .with("second fetch", Unit::Seconds, took.as_secs_f64());
        let group = "one file of 1 GiB, killed at 50 %: bytes on the wire, of the content's";
        Ok(one(group, figures))
    })
}
