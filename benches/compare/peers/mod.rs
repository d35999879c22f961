//! The contenders, each brought to do the same: offer a tree, and fetch what is offered.

mod copies;
mod grove;
mod raw;
mod sendme;
mod wormhole;

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};

pub(crate) use raw::be_raw;

use crate::{content::Tree, net::Net, process::Running};

/// Files of more bytes are not kept.
const SPACE: u64 = 32 * 1024;

/// One side of a transfer: a network, and a folder of its own that is empty at first.
pub(crate) struct Side {
    pub(crate) net: Net,
    pub(crate) home: PathBuf,
}

impl Side {
    /// Makes the folder.
    pub(crate) fn new(net: &Net, home: PathBuf) -> Result<Self> {
        fs::create_dir_all(home.join("into"))?;
        Ok(Self {
            net: net.clone(),
            home,
        })
    }

    /// Removes the folder.
    pub(crate) fn remove(self) -> Result<()> {
        Ok(fs::remove_dir_all(&self.home)?)
    }

    /// Where what is fetched shall be.
    pub(crate) fn received(&self) -> PathBuf {
        self.home.join("into")
    }
}

impl Drop for Side {
    /// Gives its space back, and leaves the files until everything is removed at the end: for minutes
    /// after files were removed, ext4 goes through all of them whenever somebody makes one, and the next
    /// contender would pay for the one before.
    fn drop(&mut self) {
        // What does not work costs space, no more.
        _ = empty(&self.home);
    }
}

/// Cuts all files below a folder that take space worth it.
fn empty(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        if about.is_dir() {
            empty(&entry.path())?;
        } else if about.is_file() && about.len() > SPACE {
            fs::File::options()
                .write(true)
                .open(entry.path())?
                .set_len(0)?;
        }
    }
    Ok(())
}

/// Something that can be fetched, until this is dropped.
pub(crate) struct Offer {
    /// What the other side is told.
    pub(crate) token: String,
    /// How long it took until there was something to tell; `None` where there is nothing like it.
    pub(crate) took: Option<Duration>,
    /// Who serves it; nobody, where it is only copied.
    pub(crate) server: Option<Running>,
    /// Who else has to run for it.
    pub(crate) helpers: Vec<Running>,
}

/// A program that can do it.
pub(crate) trait Peer {
    /// Its name in the table.
    fn name(&self) -> &'static str;

    /// What it is in full, for the head of the table.
    fn version(&self) -> String;

    /// The program itself, where it has a `--help` worth timing.
    fn program(&self) -> Option<&Path> {
        None
    }

    /// Offers a tree.
    fn offer(&self, tree: &Tree, side: &Side) -> Result<Offer>;

    /// Starts to fetch it.
    fn fetch(&self, offer: &Offer, tree: &Tree, side: &Side) -> Result<Running>;

    /// Whether what was fetched is there afterwards, with the tree's name.
    fn keeps(&self) -> bool {
        true
    }
}

/// Finds the contenders that are installed; the others with where they were looked for.
pub(crate) fn find(root: &Path) -> (Vec<Box<dyn Peer>>, Vec<String>) {
    let ours = root.join("target/peers");
    let bin = ours.join("bin");
    let mut missing = Vec::new();
    let mut peers: Vec<Box<dyn Peer>> = vec![Box::new(grove::Grove), Box::new(grove::Relayed)];
    let mut look =
        |name: &str, programs: &[PathBuf], make: &dyn Fn() -> Box<dyn Peer>| match programs
            .iter()
            .find(|program| !program.exists())
        {
            None => peers.push(make()),
            Some(none) => missing.push(format!("{name} is not there: no {}", none.display())),
        };
    let sendme = bin.join("sendme");
    look("sendme", std::slice::from_ref(&sendme), &|| {
        Box::new(sendme::Sendme(sendme.clone()))
    });
    let [wormhole, twist] = [bin.join("wormhole-rs"), ours.join("python/bin/twist")];
    look("wormhole-rs", &[wormhole.clone(), twist.clone()], &|| {
        Box::new(wormhole::Wormhole::new(wormhole.clone(), twist.clone()))
    });
    look("rsync", &["/usr/bin/rsync".into()], &|| {
        Box::new(copies::Rsync)
    });
    let ssh = ["/usr/bin/scp", "/usr/sbin/sshd"].map(PathBuf::from);
    look("scp", &ssh, &|| Box::new(copies::Scp));
    peers.push(Box::new(raw::Raw::QUIC));
    peers.push(Box::new(raw::Raw::QUIC_STREAMS));
    peers.push(Box::new(raw::Raw::TCP_STREAMS));
    peers.push(Box::new(copies::Cp));
    (peers, missing)
}

/// A path as an argument that is text.
fn text(path: &Path) -> Result<&str> {
    path.to_str().context("paths here are text")
}
