//! `grove hub`

mod run;
mod status;
mod token;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::{
    cli::{session::Session, table},
    content::Mtime,
    events::{Failure, FailureKind},
    hub::Folder,
};

/// Run a relay and a directory for your team
///
/// Members find each other through the directory, and where no direct way exists between two of them,
/// the relay carries what they send: end-to-end encrypted, so that the hub never sees content. It
/// needs no settings: it makes a certificate and a token of its own, and prints the line that members
/// join with as soon as it answers. Whoever does not have that line gets nothing from it.
///
/// Settings are read from hub.toml in the data folder; each key there is a flag here, which counts
/// before it.
#[derive(Debug, Args)]
#[command(
    subcommand_precedence_over_arg = true,
    after_long_help = "\
Examples:
  Run a hub; hand around the line that it prints:
      grove hub
  Under a name, with a certificate that everybody knows:
      grove hub --domain hub.example.org
  On a computer behind a router that forwards port 443 to it:
      grove hub --public-addr 203.0.113.7
  A line to join for one person, who can be shut out again alone:
      grove hub token add alice
      grove hub token remove alice
  How it is doing:
      grove hub status"
)]
pub(crate) struct HubArgs {
    /// Keep the hub's files here
    ///
    /// Without it, in the folder hub among Grove's own.
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "GROVE_HUB_DATA",
        hide_env_values = true
    )]
    data: Option<PathBuf>,

    #[command(subcommand)]
    verb: Option<Verb>,

    #[command(flatten)]
    run: run::RunArgs,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Token(token::TokenArgs),
    Status(status::StatusArgs),
}

pub(crate) fn run(args: &HubArgs, session: &Session<'_>) -> Result<u8, Failure> {
    let profile = session.profile()?;
    let folder = match &args.data {
        Some(data) => Folder::at(data)?,
        None => Folder::at(&profile.data_dir().join("hub"))?,
    };
    if args.verb.is_some() && args.run != run::RunArgs::default() {
        let message = "flags for running a hub mean nothing here";
        return Err(Failure::new(FailureKind::Usage, message)
            .hint("they belong to grove hub without another word behind it"));
    }
    match &args.verb {
        None => run::run(&args.run, folder, profile, session),
        Some(Verb::Token(args)) => token::run(args, &folder, &session.output),
        Some(Verb::Status(args)) => status::run(args, &folder, &session.output),
    }
}

/// No hub runs with this folder.
fn not_running() -> Failure {
    Failure::new(
        FailureKind::Unreachable,
        "no hub is running with this folder",
    )
    .hint("start it with grove hub, or name its folder with --data")
}

/// A date and a time, in UTC, of seconds since 1970.
fn date(secs: u64) -> String {
    let secs = i64::try_from(secs).unwrap_or(i64::MAX);
    table::date(Mtime { secs, nanos: 0 })
}
