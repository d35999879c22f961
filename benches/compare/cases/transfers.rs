//! Whole transfers over loopback: from the command to the ticket, and from there to everything in
//! place.

use anyhow::Result;

use crate::{
    content::Tree,
    lab::{Lab, one, transfer},
    measure::{Figures, Unit},
    net::Net,
};

/// wormhole-rs hands a folder over as an archive, so it is there for single files only.
const ALL: [&str; 5] = ["grove", "sendme", "rsync", "scp", "cp"];

pub(super) fn file(lab: &Lab) -> Result<()> {
    let names = [&ALL[..], &["wormhole-rs", "1 QUIC stream"]].concat();
    over_loopback(lab, "one file of 1 GiB", &*lab.content.file(1024)?, &names)
}

pub(super) fn small(lab: &Lab) -> Result<()> {
    over_loopback(
        lab,
        "10,000 files of 0.1–20 KB",
        &*lab.content.small()?,
        &ALL,
    )
}

pub(super) fn many(lab: &Lab) -> Result<()> {
    over_loopback(lab, "100,000 files of 1 KB", &*lab.content.many()?, &ALL)
}

pub(super) fn deep(lab: &Lab) -> Result<()> {
    over_loopback(
        lab,
        "6,000 files, 60 folders deep",
        &*lab.content.deep()?,
        &ALL,
    )
}

/// Between two sides that can only meet at a relay: their own hub, on the same machine.
pub(super) fn relayed(lab: &Lab) -> Result<()> {
    let names = ["grove", "grove, relayed"];
    over_loopback(
        lab,
        "256 MiB through a relay",
        &*lab.content.file(256)?,
        &names,
    )
}

fn over_loopback(lab: &Lab, group: &str, tree: &Tree, names: &[&str]) -> Result<()> {
    let net = Net::loopback();
    lab.take_turns(names, |peer| {
        let sides = [lab.side(&net)?, lab.side(&net)?];
        let took = transfer(peer, tree, &sides)?;
        let all = took.to_ticket.unwrap_or_default() + took.fetch;
        let mut figures = Figures::seconds(all);
        if let Some(to_ticket) = took.to_ticket {
            figures = figures
                .with("to the ticket", Unit::Seconds, to_ticket.as_secs_f64())
                .with("fetch", Unit::Seconds, took.fetch.as_secs_f64());
        }
        Ok(one(group, figures))
    })
}
