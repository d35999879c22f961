//! Grove itself, as it was built with this suite.

use std::{path::Path, process::Command};

use anyhow::{Context as _, Result};

use super::{Offer, Peer, Side};
use crate::{content::Tree, machine::said, process::Running};

const PROGRAM: &str = env!("CARGO_BIN_EXE_grove");

pub(crate) struct Grove;

impl Grove {
    fn command(side: &Side) -> Command {
        let mut command = side.net.command(PROGRAM);
        command
            .env("GROVE_HOME", side.home.join("grove"))
            .env("GROVE_OFFLINE", "1")
            .env("GROVE_NO_LAN", "1");
        command
    }
}

impl Peer for Grove {
    fn name(&self) -> &'static str {
        "grove"
    }

    fn version(&self) -> String {
        said(PROGRAM, &["--version"])
    }

    fn program(&self) -> Option<&Path> {
        Some(Path::new(PROGRAM))
    }

    fn offer(&self, tree: &Tree, side: &Side) -> Result<Offer> {
        let mut command = Self::command(side);
        command.args(["share", "--quiet"]).arg(&tree.path);
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
        let mut command = Self::command(side);
        command.args(["get", "--quiet", "--yes", &offer.token, "--output"]);
        command.arg(side.received());
        Running::start(command, &side.home)
    }
}

/// Grove where the two sides meet at a hub, and nowhere else.
pub(crate) struct Relayed;

impl Relayed {
    fn command(side: &Side, hub: &str) -> Command {
        let mut command = side.net.command(PROGRAM);
        command
            .env("GROVE_HOME", side.home.join("grove"))
            .env("GROVE_NO_LAN", "1")
            .env("GROVE_HUB", hub);
        command
    }
}

impl Peer for Relayed {
    fn name(&self) -> &'static str {
        "grove, relayed"
    }

    fn version(&self) -> String {
        "the same through its own hub".to_owned()
    }

    fn offer(&self, tree: &Tree, side: &Side) -> Result<Offer> {
        let mut command = side.net.command(PROGRAM);
        command.env("GROVE_HOME", side.home.join("hub")).args([
            "hub",
            "--quiet",
            "--bind",
            "127.0.0.1:3443",
        ]);
        let hub = Running::start(command, &side.home)?;
        let (hub_ticket, _) = hub.wait_for(|line| {
            let mut words = line.split_whitespace();
            let ticket = words.find(|word| word.starts_with("hub") && word.len() > 60);
            ticket.map(str::to_owned)
        })?;
        let mut command = Self::command(side, &hub_ticket);
        command
            .args(["share", "--quiet", "--relay-only"])
            .arg(&tree.path);
        let server = Running::start(command, &side.home)?;
        let (token, took) = server.wait_for(ticket)?;
        Ok(Offer {
            token: format!("{token} {hub_ticket}"),
            took: Some(took),
            server: Some(server),
            helpers: vec![hub],
        })
    }

    fn fetch(&self, offer: &Offer, _: &Tree, side: &Side) -> Result<Running> {
        let (ticket, hub) = offer.token.split_once(' ').context("two tickets")?;
        let mut command = Self::command(side, hub);
        command.args([
            "get",
            "--quiet",
            "--yes",
            "--relay-only",
            ticket,
            "--output",
        ]);
        command.arg(side.received());
        Running::start(command, &side.home)
    }
}

/// The ticket in a line.
pub(super) fn ticket(line: &str) -> Option<String> {
    let words = line.split_whitespace();
    let mut tickets = words.filter(|word| word.starts_with("blob") && word.len() > 60);
    tickets.next().map(str::to_owned)
}
