//! What a transfer needs beside time: memory, and space on the disk.

use std::{fs, path::PathBuf, process::Command, time::Duration};

use anyhow::{Context, Result};

use crate::{
    content::Tree,
    lab::{Lab, Outcome, end},
    measure::{Figures, Unit},
    net::{Net, finish},
    peers::{Peer, Side},
    process::Running,
};

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(5);

const BOTH: [&str; 2] = ["grove", "sendme"];

pub(super) fn memory(lab: &Lab) -> Result<()> {
    for (name, tree, names) in [
        (
            "one file of 1 GiB",
            lab.content.file(1024)?,
            &["grove", "sendme", "wormhole-rs"][..],
        ),
        ("10,000 files of 0.1–20 KB", lab.content.small()?, &BOTH),
        ("100,000 files of 1 KB", lab.content.many()?, &BOTH),
    ] {
        lab.take_turns(names, |peer| memory_of(lab, name, &tree, peer))?;
    }
    Ok(())
}

fn memory_of(lab: &Lab, name: &str, tree: &Tree, peer: &dyn Peer) -> Result<Outcome> {
    let net = Net::loopback();
    let sides = [lab.side(&net)?, lab.side(&net)?];
    let offer = peer.offer(tree, &sides[0])?;
    let mut most = [0, 0];
    let getter = peer.fetch(&offer, tree, &sides[1])?;
    getter.wait_watching(LOOK, |getter| {
        for (most, running) in most.iter_mut().zip([offer.server.as_ref(), Some(getter)]) {
            let now = running.and_then(Running::peak_memory);
            *most = now.unwrap_or_default().max(*most);
        }
        Ok(())
    })?;
    end(offer)?;
    let figures = |side, bytes: u64| {
        let group = format!("{name}: memory of the {side}");
        (group, Figures::new(Unit::Bytes, bytes as f64))
    };
    Ok(vec![
        figures("sharer", most[0]),
        figures("receiver", most[1]),
    ])
}

pub(super) fn disk(lab: &Lab) -> Result<()> {
    for (name, tree) in [
        ("one file of 1 GiB", lab.content.file(1024)?),
        ("10,000 files of 0.1–20 KB", lab.content.small()?),
    ] {
        lab.take_turns(&BOTH, |peer| disk_of(lab, name, &tree, peer))?;
    }
    Ok(())
}

/// Both sides have a file system of their own, in memory, so that nobody else's files count.
fn disk_of(lab: &Lab, name: &str, tree: &Tree, peer: &dyn Peer) -> Result<Outcome> {
    let net = Net::loopback();
    // Until the sides are gone.
    let disks = [Disk::new(lab.place())?, Disk::new(lab.place())?];
    let sides = [
        Side::new(&net, disks[0].0.join("side"))?,
        Side::new(&net, disks[1].0.join("side"))?,
    ];
    let offer = peer.offer(tree, &sides[0])?;
    let mut most = [disks[0].used()?, 0];
    peer.fetch(&offer, tree, &sides[1])?
        .wait_watching(LOOK, |_| {
            for (most, disk) in most.iter_mut().zip(&disks) {
                *most = disk.used()?.max(*most);
            }
            Ok(())
        })?;
    tree.check(&sides[1].received())?;
    end(offer)?;
    // What the content itself takes there, in whole blocks and with its folders.
    for side in sides {
        side.remove()?;
    }
    let content = Side::new(&net, disks[1].0.join("content"))?;
    tree.copy_part(100, &content.received())?;
    let plain = disks[1].used()?.max(1) as f64;
    drop(content);
    let share = |bytes: u64| Figures::new(Unit::Share, bytes as f64 / plain);
    Ok(vec![
        (
            format!("{name}: most disk space at the receiver, of what the content takes"),
            share(most[1]),
        ),
        (
            format!("{name}: disk space at the sharer beside the content, of what that takes"),
            share(most[0]),
        ),
    ])
}

/// A file system in memory, which is gone when this is dropped.
struct Disk(PathBuf);

impl Disk {
    fn new(at: PathBuf) -> Result<Self> {
        fs::create_dir_all(&at)?;
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", "size=90%,mode=700", "grove-bench"])
            .arg(&at);
        finish(&mut mount).context("no file system for the measurement")?;
        Ok(Self(at))
    }

    /// Bytes of its blocks in use.
    fn used(&self) -> Result<u64> {
        let now = rustix::fs::statvfs(&self.0)?;
        Ok((now.f_blocks - now.f_bfree) * now.f_frsize)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a program that was killed may still hold a file of it.
        _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}
