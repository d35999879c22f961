//! Starts the program again where it can do no harm, and leaves nothing behind.
//!
//! The inner one is the first process of its own process namespace, so that the system ends all it
//! started when it ends; networks and mounts go with the processes. What it wrote is one folder, which
//! is removed here, also after Ctrl-C.

use std::{
    env,
    process::{Command, ExitCode, ExitStatus},
};

use anyhow::{Context, Result, anyhow};
use rustix::process::{Pid, Signal, geteuid, kill_process};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::output;

/// Tells the inner program which folder it may fill.
const SCRATCH: &str = "GROVE_BENCH_SCRATCH";

/// The folder to fill, in the inner program.
pub(crate) fn scratch() -> Option<std::path::PathBuf> {
    env::var_os(SCRATCH).map(Into::into)
}

/// Runs the inner program to its end.
pub(crate) fn run() -> Result<ExitCode> {
    std::fs::create_dir_all(output())?;
    let scratch = tempfile::Builder::new()
        .prefix("scratch-")
        .tempdir_in(output())?;
    let mut command = Command::new("unshare");
    command.args([
        "--net",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount",
        "--mount-proc",
    ]);
    if !geteuid().is_root() {
        command.arg("--map-root-user");
    }
    command
        .arg("--")
        .arg(env::current_exe()?)
        .args(env::args_os().skip(1));
    command.env(SCRATCH, scratch.path());
    let runtime = tokio::runtime::Runtime::new()?;
    let ended = runtime.block_on(to_its_end(command))?;
    scratch.close().context("something is left behind")?;
    Ok(match ended {
        Some(status) if status.success() => ExitCode::SUCCESS,
        Some(_) => ExitCode::FAILURE,
        None => ExitCode::from(130),
    })
}

/// `None` after a signal.
async fn to_its_end(mut command: Command) -> Result<Option<ExitStatus>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut child = command.spawn().context("unshare does not start")?;
    let pid = Pid::from_child(&child);
    let mut end = tokio::task::spawn_blocking(move || child.wait());
    tokio::select! {
        status = &mut end => return Ok(Some(status??)),
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    kill_process(pid, Signal::KILL).map_err(|error| anyhow!("it does not end: {error}"))?;
    end.await??;
    Ok(None)
}
