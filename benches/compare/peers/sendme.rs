//! sendme, which speaks the same protocol. Without relays it has nobody to ask, and there is no way out
//! of the networks here anyway.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Offer, Peer, Side, grove::ticket, text};
use crate::{content::Tree, machine::said, process::Running};

pub(crate) struct Sendme(pub(crate) PathBuf);

impl Peer for Sendme {
    fn name(&self) -> &'static str {
        "sendme"
    }

    fn version(&self) -> String {
        said(&self.0.to_string_lossy(), &["--version"])
    }

    fn program(&self) -> Option<&Path> {
        Some(&self.0)
    }

    fn offer(&self, tree: &Tree, side: &Side) -> Result<Offer> {
        let mut command = side.net.command(&self.0);
        command.args(["send", "--relay", "disabled", "--ticket-type", "addresses"]);
        command.args(["--no-progress", text(&tree.path)?]);
        let server = Running::start(command, &side.home)?;
        let (token, took) = server.wait_for(ticket)?;
        Ok(Offer {
            token,
            took: Some(took),
            server: Some(server),
            helpers: Vec::new(),
        })
    }

    fn fetch(&self, offer: &Offer, _: &Tree, side: &Side) -> Result<Running> {
        let mut command = side.net.command(&self.0);
        command.args([
            "receive",
            "--relay",
            "disabled",
            "--no-progress",
            &offer.token,
        ]);
        Running::start(command, &side.received())
    }
}
