//! The command line: arguments, progress, JSON, exit codes.
//!
//! A command runs in these steps: the arguments are parsed (`args`), the settings resolved
//! (`settings`), one file of `commands` turns them into a call of [`crate::app`], a reader of
//! `progress` shows the events of that call, and what comes out becomes the result on standard
//! output and an exit code. Only `output` prints.
//!
//! Whatever fails is a [`Failure`]: one line, a hint, an exit code.

mod args;
mod commands;
mod failure;
mod json;
mod logging;
mod output;
mod progress;
mod prompt;
mod session;
mod settings;
mod signals;
mod table;
mod units;

use std::{
    ffi::OsString,
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
};

use clap::{CommandFactory, FromArgMatches, error::ErrorKind};

pub use failure::quiet_panics;
#[cfg(any(test, fuzzing))]
pub(crate) use {
    args::GlobalArgs,
    settings::Resolved,
    units::{Patience, Size, Span},
};

use self::{
    args::{Command, Grove},
    output::{Output, Style},
    session::Session,
};
use crate::events::Failure;

/// The definition of the command line, for help, manual pages and completions.
#[must_use]
pub fn command() -> clap::Command {
    Grove::command()
}

/// Runs one command line, its first word the name of the program, and says how it ended. May be
/// called several times in one process.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    let grove = match parse(&args) {
        Ok(grove) => grove,
        Err(error) => return refuse(&args, &error),
    };
    let output = Output::new(Style {
        json: grove.global.json,
        quiet: grove.global.quiet,
    });
    let done = catch_unwind(AssertUnwindSafe(|| dispatch(&grove, &output)))
        .unwrap_or_else(|_| Err(failure::of_panic()));
    ExitCode::from(match done {
        Ok(code) => output.exit_code(code),
        // Whoever read the content has enough of it, and that is why.
        Err(_) if output.content_refused() => 0,
        Err(failure) => {
            output.fail(&failure);
            failure.kind.exit_code()
        }
    })
}

fn parse(args: &[OsString]) -> Result<Grove, clap::Error> {
    Grove::from_arg_matches(&command().try_get_matches_from(args)?)
}

/// Ends a command line that was not understood, or that asked for help.
fn refuse(args: &[OsString], error: &clap::Error) -> ExitCode {
    let json = args.iter().any(|arg| arg == "--json");
    let output = Output::new(Style { json, quiet: false });
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            output.help(error, true);
            ExitCode::from(output.exit_code(0))
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand if !json => {
            output.help(error, false);
            ExitCode::from(2)
        }
        _ => {
            let failure = failure::of_arguments(error, args);
            output.fail(&failure);
            ExitCode::from(failure.kind.exit_code())
        }
    }
}

/// Runs the command; its exit code.
fn dispatch(grove: &Grove, output: &Output) -> Result<u8, Failure> {
    logging::start(grove.global.verbose, output)?;
    let session = Session::new(&grove.global, output);
    match &grove.command {
        Command::Share(args) => commands::share::run(args, &session),
        Command::Get(args) => commands::get::run(args, &session),
        Command::Ls(args) => commands::ls::run(args, &session),
        Command::Doctor(args) => commands::doctor::run(args, &session),
        Command::Hub(args) => commands::hub::run(args, &session),
        Command::Id(args) => commands::id::run(args, &session),
        Command::Join(args) => commands::join::run(args, &session),
        Command::Leave(args) => commands::leave::run(args, &session),
        Command::Cache(args) => commands::cache::run(args, &session),
        Command::Completions(args) => commands::completions::run(args, &session),
        Command::Man(args) => commands::man::run(args, &session),
    }
}
