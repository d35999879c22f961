//! Long and lossy ways.

use std::time::Duration;

use anyhow::Result;

use crate::{
    content::Tree,
    lab::{Lab, one, transfer},
    link::{Link, Shape},
    measure::{Figures, Unit},
};

const STREAMS: [&str; 2] = ["8 TCP streams", "16 QUIC streams"];
const ALL: [&str; 7] = [
    "grove",
    "sendme",
    "wormhole-rs",
    "rsync",
    "scp",
    STREAMS[0],
    STREAMS[1],
];

/// What it carries when it does nothing to what it carries: far above what the other two ask of it.
pub(super) fn link(lab: &Lab) -> Result<()> {
    let group = "the link itself, neither slowed nor lossy: 1 GiB";
    over(lab, group, Shape::OPEN, &*lab.content.file(1024)?, &STREAMS)
}

pub(super) fn long(lab: &Lab) -> Result<()> {
    let shape = Shape {
        rate: Some(500_000_000),
        delay: Duration::from_millis(50),
        loss: 0.0,
    };
    let group = "256 MiB over 100 ms round trip, 500 Mbit/s: the fetch";
    over(lab, group, shape, &*lab.content.file(256)?, &ALL)
}

pub(super) fn lossy(lab: &Lab) -> Result<()> {
    let shape = Shape {
        rate: Some(500_000_000),
        delay: Duration::from_millis(25),
        loss: 0.01,
    };
    let group = "16 MiB over 50 ms round trip, 1 % loss: the fetch";
    over(lab, group, shape, &*lab.content.file(16)?, &ALL)
}

fn over(lab: &Lab, group: &str, shape: Shape, tree: &Tree, names: &[&str]) -> Result<()> {
    lab.take_turns(names, |peer| {
        let link = Link::new(shape)?;
        let sides = [lab.side(link.net(0))?, lab.side(link.net(1))?];
        let took = transfer(peer, tree, &sides)?.fetch.as_secs_f64();
        let figures = Figures::new(Unit::Seconds, took)
            .with("rate", Unit::Rate, tree.bytes as f64 / took)
            .with(
                "link, of a core",
                Unit::Share,
                link.busy().as_secs_f64() / took,
            );
        Ok(one(group, figures))
    })
}
