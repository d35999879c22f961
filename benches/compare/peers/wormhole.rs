//! wormhole-rs, with the two servers that it needs beside the sender.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use anyhow::{Context, Result};

use super::{Offer, Peer, Side, text};
use crate::{content::Tree, machine::said, net::Net, process::Running};

pub(crate) struct Wormhole {
    program: PathBuf,
    /// Runs the servers.
    twist: PathBuf,
    net: OnceLock<Net>,
}

/// Where both sides are when there is no link between them.
const HOME: &str = "10.78.0.1";

impl Wormhole {
    pub(crate) fn new(program: PathBuf, twist: PathBuf) -> Self {
        Self {
            program,
            twist,
            net: OnceLock::new(),
        }
    }

    /// It tells the other side no loopback address, so that all would go through its relay. Here both
    /// sides are in a network whose loopback interface has an address of another kind too.
    fn net<'a>(&'a self, side: &'a Side) -> Result<&'a Net> {
        if !side.net.is_loopback() {
            return Ok(&side.net);
        }
        if self.net.get().is_none() {
            let net = Net::new(HOME)?;
            net.ip(&["address", "add", &format!("{HOME}/32"), "dev", "lo"])?;
            _ = self.net.set(net);
        }
        self.net.get().context("it was just made")
    }

    fn server(&self, side: &Side, plugin: &str, port: u16) -> Result<Running> {
        let net = self.net(side)?;
        let mut command = net.command(&self.twist);
        let listen = format!("--port=tcp:{port}:interface={}", net.address);
        command.args(["--log-format=text", plugin, &listen]);
        let server = Running::start(command, &side.home)?;
        server.wait_for(|line| line.contains("starting on").then_some(()))?;
        Ok(server)
    }

    fn command(&self, net: &Net, servers: &str) -> Command {
        let mut command = net.command(&self.program);
        command
            .env("WORMHOLE_MAILBOX_URL", format!("ws://{servers}:4000/v1"))
            .env("WORMHOLE_RELAY_URL", format!("tcp://{servers}:4001"));
        command
    }
}

impl Peer for Wormhole {
    fn name(&self) -> &'static str {
        "wormhole-rs"
    }

    fn version(&self) -> String {
        said(&self.program.to_string_lossy(), &["--version"])
    }

    fn program(&self) -> Option<&Path> {
        Some(&self.program)
    }

    fn offer(&self, tree: &Tree, side: &Side) -> Result<Offer> {
        let helpers = vec![
            self.server(side, "wormhole-mailbox", 4000)?,
            self.server(side, "transitrelay", 4001)?,
        ];
        let net = self.net(side)?;
        let mut command = self.command(net, net.address);
        command.args(["send", text(&tree.path)?]);
        let server = Running::start(command, &side.home)?;
        let (code, took) = server.wait_for(|line| {
            // Where there is a clipboard, it goes on after the code.
            let code = line.split_once("code is:")?.1.split_whitespace().next()?;
            Some(code.to_owned())
        })?;
        Ok(Offer {
            token: format!("{} {code}", net.address),
            took: Some(took),
            server: Some(server),
            helpers,
        })
    }

    fn fetch(&self, offer: &Offer, _: &Tree, side: &Side) -> Result<Running> {
        let (servers, code) = offer.token.split_once(' ').context("it was made so")?;
        let mut command = self.command(self.net(side)?, servers);
        command.args(["receive", "--noconfirm", code]);
        Running::start(command, &side.received())
    }
}
