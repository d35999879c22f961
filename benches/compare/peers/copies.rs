//! Yardsticks: programs that copy what they are told to, with neither hashes nor resumption by
//! themselves.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use rustix::process::geteuid;

use super::{Offer, Peer, Side, text};
use crate::{content::Tree, machine::said, net::finish, process::Running};

/// rsync from a daemon of its own: nothing is encrypted.
pub(crate) struct Rsync;

impl Peer for Rsync {
    fn name(&self) -> &'static str {
        "rsync"
    }

    fn version(&self) -> String {
        let said = said("rsync", &["--version"]);
        let words: Vec<_> = said.split_whitespace().take(3).collect();
        words.join(" ")
    }

    fn program(&self) -> Option<&Path> {
        Some(Path::new("/usr/bin/rsync"))
    }

    fn offer(&self, tree: &Tree, side: &Side) -> Result<Offer> {
        let settings = side.home.join("rsyncd.conf");
        let folder = text(tree.path.parent().context("it is in a folder")?)?;
        let module = format!("use chroot = no\n[offer]\npath = {folder}\n");
        fs::write(&settings, module)?;
        let address = side.net.address;
        let mut command = side.net.command("rsync");
        command.args([
            "--daemon",
            "--no-detach",
            "--port=8730",
            "--address",
            address,
        ]);
        command.args(["--config", text(&settings)?, "--log-file=/dev/stdout"]);
        let server = Running::start(command, &side.home)?;
        server.wait_for(|line| line.contains("listening on port").then_some(()))?;
        Ok(Offer {
            token: format!("rsync://{address}:8730/offer/{}", tree.name()),
            took: None,
            server: Some(server),
            helpers: Vec::new(),
        })
    }

    fn fetch(&self, offer: &Offer, _: &Tree, side: &Side) -> Result<Running> {
        let mut command = side.net.command("rsync");
        command.args(["--archive", &offer.token, text(&side.received())?]);
        Running::start(command, &side.home)
    }
}

/// scp from an sshd of its own.
pub(crate) struct Scp;

const SSHD: &str = "/usr/sbin/sshd";

impl Peer for Scp {
    fn name(&self) -> &'static str {
        "scp"
    }

    fn version(&self) -> String {
        "scp of OpenSSH".to_owned()
    }

    fn offer(&self, tree: &Tree, side: &Side) -> Result<Offer> {
        if geteuid().is_root() {
            // Where its processes of no rights are locked in.
            fs::create_dir_all("/run/sshd")?;
        }
        let key = side.home.join("key");
        let mut keygen = std::process::Command::new("ssh-keygen");
        keygen.args(["-q", "-t", "ed25519", "-N", "", "-f", text(&key)?]);
        finish(&mut keygen)?;
        let settings = side.home.join("sshd.conf");
        let address = side.net.address;
        let key = text(&key)?;
        fs::write(
            &settings,
            format!(
                "ListenAddress {address}\nPort 8022\nHostKey {key}\nAuthorizedKeysFile {key}.pub\n\
                 PidFile none\nStrictModes no\nPermitRootLogin yes\n\
                 Subsystem sftp internal-sftp\n"
            ),
        )?;
        let mut command = side.net.command(SSHD);
        command.args(["-D", "-e", "-f", text(&settings)?]);
        let server = Running::start(command, &side.home)?;
        server.wait_for(|line| line.contains("Server listening").then_some(()))?;
        Ok(Offer {
            token: format!("{key} {address}:{}", text(&tree.path)?),
            took: None,
            server: Some(server),
            helpers: Vec::new(),
        })
    }

    fn fetch(&self, offer: &Offer, _: &Tree, side: &Side) -> Result<Running> {
        let (key, source) = offer.token.split_once(' ').context("it was made so")?;
        let mut command = side.net.command("scp");
        command.args(["-q", "-r", "-p", "-P", "8022", "-i", key]);
        for option in [
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
            "BatchMode=yes",
        ] {
            command.args(["-o", option]);
        }
        command.args([source, text(&side.received())?]);
        Running::start(command, &side.home)
    }
}

/// What the file system allows at most.
pub(crate) struct Cp;

impl Peer for Cp {
    fn name(&self) -> &'static str {
        "cp"
    }

    fn version(&self) -> String {
        "cp (the limit of the file system)".to_owned()
    }

    fn offer(&self, _: &Tree, _: &Side) -> Result<Offer> {
        Ok(Offer {
            token: String::new(),
            took: None,
            server: None,
            helpers: Vec::new(),
        })
    }

    fn fetch(&self, _: &Offer, tree: &Tree, side: &Side) -> Result<Running> {
        let mut command = side.net.command("cp");
        command.args([
            "--archive",
            "--reflink=never",
            text(&tree.path)?,
            text(&side.received())?,
        ]);
        Running::start(command, &side.home)
    }
}
