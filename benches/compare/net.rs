//! Networks that have no way out, and programs in them.

use std::{
    process::{Child, Command, Stdio},
    sync::Arc,
};

use anyhow::{Context, Result, ensure};

/// A network that a program can run in.
#[derive(Clone)]
pub(crate) struct Net {
    /// What keeps it; `None` for the network that this process is in.
    keeper: Option<Arc<Keeper>>,
    /// The address that servers in it listen at.
    pub(crate) address: &'static str,
}

/// A process that does nothing but be in a network, which ends with it.
struct Keeper(Child);

impl Drop for Keeper {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

impl Net {
    /// The one that this process is in, which has loopback alone.
    pub(crate) fn loopback() -> Self {
        Self {
            keeper: None,
            address: "127.0.0.1",
        }
    }

    /// Whether it is the one that this process is in.
    pub(crate) fn is_loopback(&self) -> bool {
        self.keeper.is_none()
    }

    /// A new one, that has loopback too; `address` is the one it is going to have.
    pub(crate) fn new(address: &'static str) -> Result<Self> {
        let mut child = Command::new("unshare")
            .args([
                "--net",
                "--",
                "sh",
                "-c",
                "ip link set lo up && echo && exec sleep infinity",
            ])
            .stdout(Stdio::piped())
            .spawn()
            .context("unshare does not start")?;
        let mut ready = [0];
        let stdout = child.stdout.take();
        let keeper = Some(Arc::new(Keeper(child)));
        let mut stdout = stdout.context("unshare says nothing")?;
        std::io::Read::read_exact(&mut stdout, &mut ready).context("no network can be made")?;
        Ok(Self { keeper, address })
    }

    /// A command that runs this program here.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let Some(keeper) = &self.keeper else {
            return Command::new(program);
        };
        let mut command = Command::new("nsenter");
        command.arg("--target").arg(keeper.0.id().to_string());
        command.args(["--net", "--"]).arg(program);
        command
    }

    /// Takes over a device of the network that this process is in.
    pub(crate) fn adopt(&self, device: &str) -> Result<()> {
        let keeper = self.keeper.as_ref().context("it is there already")?;
        ip(&["link", "set", device, "netns", &keeper.0.id().to_string()])
    }

    /// Runs `ip` here.
    pub(crate) fn ip(&self, args: &[&str]) -> Result<()> {
        finish(self.command("ip").args(args))
    }
}

/// Runs `ip` in the network that this process is in.
pub(crate) fn ip(args: &[&str]) -> Result<()> {
    finish(Command::new("ip").args(args))
}

/// Runs a command to its end, which has to be a good one.
pub(crate) fn finish(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .with_context(|| format!("{program} does not start"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} failed: {}", said.trim());
    Ok(())
}
