//! How long it takes until there is a ticket, or nothing but help.

use std::process::Command;

use anyhow::{Context, Result};

use crate::{
    args::root,
    content::Tree,
    lab::{Lab, end, one},
    measure::{Figures, Unit},
    net::Net,
    process::Running,
};

pub(super) fn hash(lab: &Lab) -> Result<()> {
    for (name, tree) in [
        ("one file of 1 GiB", lab.content.file(1024)?),
        ("1 GiB in 1,000 files", lab.content.thousand()?),
        ("10,000 files of 0.1–20 KB", lab.content.small()?),
    ] {
        let group = format!("{name}, hashed: to the first ticket");
        to_ticket(lab, &group, &tree, &["grove", "sendme"])?;
        lab.repeat("b3sum", || {
            let mut command = Command::new(root().join("target/peers/bin/b3sum"));
            command.args(tree.paths());
            let took = Running::start(command, root())?.wait()?;
            let rate = tree.bytes as f64 / took.as_secs_f64();
            let figures = Figures::seconds(took).with("that is", Unit::Rate, rate);
            Ok(one(&group, figures))
        })?;
    }
    Ok(())
}

pub(super) fn start(lab: &Lab) -> Result<()> {
    let all = ["grove", "sendme", "wormhole-rs", "rsync"];
    lab.take_turns(&all, |peer| {
        let program = peer.program().context("it is none")?;
        let mut command = Command::new(program);
        command.arg("--help");
        let took = Running::start(command, root())?.wait()?;
        Ok(one("`--help`", Figures::seconds(took)))
    })?;
    let tree = lab.content.tiny_file()?;
    to_ticket(lab, "a file of 1 KB: to the ticket", &tree, &all[..3])
}

fn to_ticket(lab: &Lab, group: &str, tree: &Tree, names: &[&str]) -> Result<()> {
    lab.take_turns(names, |peer| {
        let side = lab.side(&Net::loopback())?;
        let offer = peer.offer(tree, &side)?;
        let took = offer.took.unwrap_or_default();
        end(offer)?;
        Ok(one(group, Figures::seconds(took)))
    })
}
