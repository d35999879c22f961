//! What a command works with: the person's files, the settings, the output, and for commands that
//! need the network a runtime with signals and progress.

use std::future::Future;

use super::{
    args::GlobalArgs,
    output::Output,
    progress::{Progress, Shows},
    settings::Resolved,
    signals::Signals,
};
use crate::{
    app::Context,
    disk::raise_file_limit,
    events::{Failure, FailureKind},
    profile::Profile,
};

/// Open files without which the network and the disk cannot be worked with.
const FEWEST_FILES: u64 = 32;

/// One run of one command.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    flags: &'a GlobalArgs,
    /// Where everything is printed.
    pub(crate) output: Output,
}

/// What a command with a runtime gets.
pub(crate) struct Running {
    /// For the operations.
    pub(crate) context: Context,
    /// When the user wants to end it.
    pub(crate) signals: Signals,
    /// What shows the events.
    pub(crate) progress: Progress,
}

impl<'a> Session<'a> {
    pub(crate) fn new(flags: &'a GlobalArgs, output: &Output) -> Self {
        Self {
            flags,
            output: output.clone(),
        }
    }

    /// Finds the person's files.
    ///
    /// # Errors
    /// Those of [`Profile::locate`].
    pub(crate) fn profile(&self) -> Result<Profile, Failure> {
        Profile::locate(self.flags.home.as_deref())
    }

    /// Resolves the settings, hubs and all.
    ///
    /// # Errors
    /// Those of [`Profile::settings`] and [`Profile::hubs`], and `Usage` for a hub that is none.
    pub(crate) fn settings(&self, profile: &Profile) -> Result<Resolved, Failure> {
        let env = |name: &str| std::env::var(name).ok();
        Resolved::new(self.flags, env, profile.settings()?).with_hubs(|| profile.hubs())
    }

    /// Resolves the settings for a command that says itself which hub it means.
    ///
    /// # Errors
    /// Those of [`Profile::settings`].
    pub(crate) fn settings_without_hubs(&self, profile: &Profile) -> Result<Resolved, Failure> {
        let env = |name: &str| std::env::var(name).ok();
        Ok(Resolved::new(self.flags, env, profile.settings()?))
    }

    /// Runs `work` with a runtime, signals and progress. The bars are gone when it returns, and
    /// threads that still block (a read of standard input, say) do not hold up the end.
    ///
    /// # Errors
    /// Those of `work`, and `Failed` when the system gives no threads.
    pub(crate) fn run<F, T>(
        &self,
        profile: Profile,
        settings: &Resolved,
        shows: Shows,
        work: impl FnOnce(Running) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        // Many files and connections are open at once; where this fails, fewer are.
        let limit = raise_file_limit();
        if limit < FEWEST_FILES {
            let message = format!("only {limit} files may be open at once here");
            let hint = format!("allow at least {FEWEST_FILES}, with ulimit -n");
            return Err(Failure::new(FailureKind::LocalDisk, message).hint(hint));
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| {
                let message = format!("no threads to work with: {error}");
                Failure::new(FailureKind::Failed, message)
                    .hint("raise the limit on processes (ulimit -u)")
            })?;
        let progress = Progress::start(&self.output, shows)?;
        let _shown = Finish(progress.clone());
        let events = progress.events();
        let done = runtime.block_on(async {
            let running = Running {
                context: Context {
                    profile,
                    network: settings.network.clone(),
                    events,
                },
                signals: Signals::listen()?,
                progress: progress.clone(),
            };
            work(running).await
        });
        runtime.shutdown_background();
        done
    }
}

/// Takes the bars off the screen whatever happens, so that nothing is drawn over a message.
struct Finish(Progress);

impl Drop for Finish {
    fn drop(&mut self) {
        self.0.finish();
    }
}
