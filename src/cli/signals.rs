//! Signals: the first asks for an orderly end, the second ends at once.

use std::{future::Future, io, time::Duration};

use tokio::sync::watch;

use crate::events::{Failure, FailureKind};

/// How long an orderly end may take.
pub(crate) const STOP_WITHIN: Duration = Duration::from_secs(2);

/// Tells when the user wants the command to end.
#[derive(Debug, Clone)]
pub(crate) struct Signals(watch::Receiver<Option<u8>>);

impl Signals {
    /// Starts to listen for SIGINT, SIGTERM and SIGHUP. Needs the runtime.
    ///
    /// # Errors
    /// `Failed` when the system refuses.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let (sender, receiver) = watch::channel(None);
        let mut next = listener().map_err(|error| {
            let message = format!("signals cannot be received: {error}");
            Failure::new(FailureKind::Failed, message)
        })?;
        tokio::spawn(async move {
            while let Some(code) = next.recv().await {
                if sender.borrow().is_some() {
                    exit_now(code);
                }
                sender.send_replace(Some(code));
            }
        });
        Ok(Self(receiver))
    }

    /// Waits for the first signal; the exit code of a command that it ended.
    pub(crate) async fn first(&mut self) -> u8 {
        match self.0.wait_for(Option::is_some).await {
            Ok(code) => code.unwrap_or(130),
            // Nobody listens any more, so none will come.
            Err(_) => std::future::pending().await,
        }
    }

    /// Runs `work` unless a signal comes first; its exit code then.
    pub(crate) async fn unless<T>(&mut self, work: impl Future<Output = T>) -> Result<T, u8> {
        tokio::select! {
            biased;
            code = self.first() => Err(code),
            done = work => Ok(done),
        }
    }
}

#[expect(
    clippy::exit,
    reason = "whoever asks a second time does not want to wait for anything"
)]
fn exit_now(code: u8) {
    std::process::exit(i32::from(code));
}

#[cfg(unix)]
struct Listener {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: Option<tokio::signal::unix::Signal>,
    /// Never waited for. That somebody listens turns the end that a file too large for its limit
    /// would bring into an error of writing, which says which file it was.
    _too_large: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
fn listener() -> io::Result<Listener> {
    use tokio::signal::unix::{SignalKind, signal};
    let too_large = rustix::process::Signal::XFSZ.as_raw();
    let hangup = (!hangup_is_ignored()).then(|| signal(SignalKind::hangup()));
    Ok(Listener {
        interrupt: signal(SignalKind::interrupt())?,
        terminate: signal(SignalKind::terminate())?,
        hangup: hangup.transpose()?,
        _too_large: signal(SignalKind::from_raw(too_large)).ok(),
    })
}

#[cfg(unix)]
impl Listener {
    /// The exit code that goes with the next signal: 128 and its number, as shells have it.
    async fn recv(&mut self) -> Option<u8> {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            got = self.interrupt.recv() => got.map(|()| 130),
            got = self.terminate.recv() => got.map(|()| 143),
            got = hangup => got.map(|()| 129),
        }
    }
}

/// Whether this program was started with SIGHUP ignored, as `nohup` does, and is to stay when its
/// terminal goes. Only Linux tells without a system call that is unsafe.
#[cfg(unix)]
fn hangup_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // SIGHUP is signal 1, the lowest bit.
    mask.is_some_and(|mask| mask & 1 == 1)
}

#[cfg(not(unix))]
struct Listener;

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "on other systems it can fail")]
fn listener() -> io::Result<Listener> {
    Ok(Listener)
}

#[cfg(not(unix))]
impl Listener {
    async fn recv(&mut self) -> Option<u8> {
        tokio::signal::ctrl_c().await.ok().map(|()| 130)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// The only test that sends a signal: another would be the second one for this listener.
    #[tokio::test]
    async fn the_first_signal_ends_the_work_and_gives_the_exit_code() {
        let mut signals = Signals::listen().unwrap();
        assert_eq!(signals.unless(async { 7 }).await, Ok(7));
        let this = rustix::process::getpid();
        rustix::process::kill_process(this, rustix::process::Signal::TERM).unwrap();
        let endless = std::future::pending::<()>();
        assert_eq!(signals.unless(endless).await, Err(143));
        assert_eq!(signals.unless(async { 7 }).await, Err(143), "it lasts");
    }
}
