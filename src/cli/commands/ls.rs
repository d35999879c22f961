//! `grove ls`

use clap::Args;

use crate::{
    app::{self, Only},
    cli::{
        args::{TicketArgs, WaysArgs},
        json,
        progress::Shows,
        session::{Running, Session},
        table,
        units::Patience,
    },
    events::{Failure, WarningKind},
};

/// List what a ticket names, without fetching it
///
/// Shows size, date (UTC) and name of every file, and the sum. Only the list crosses the network.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  See what a ticket holds:
      grove ls blobabc…
  The same as a tree:
      grove ls blobabc… --tree
  Only the photographs:
      grove ls blobabc… --only '*.jpg'")]
pub(crate) struct LsArgs {
    #[command(flatten)]
    ticket: TicketArgs,

    /// Show folders and what is in them as a tree
    #[arg(long, conflicts_with = "json")]
    tree: bool,

    /// List only paths that match (may be repeated)
    ///
    /// A pattern matches a whole path within the share, with or without its top folder, or a folder
    /// above it: 'docs/**', '*.jpg'.
    #[arg(long, value_name = "GLOB")]
    only: Vec<String>,

    /// How long nothing may happen
    ///
    /// When nothing at all came for so long, such as 10m (the default), 2h or forever, Grove gives
    /// up.
    #[arg(long, value_name = "TIME", env = "GROVE_WAIT", hide_env_values = true)]
    wait: Option<Patience>,

    #[command(flatten)]
    ways: WaysArgs,
}

pub(crate) fn run(args: &LsArgs, session: &Session<'_>) -> Result<u8, Failure> {
    let only = Only::parse(&args.only)?;
    let profile = session.profile()?;
    let mut settings = session.settings(&profile)?;
    settings.network.ways = args.ways.ways();
    let (ticket, unused) = args.ticket.read(&settings.network.relays())?;
    let wait = settings.wait(args.wait)?;
    let output = &session.output;
    session.run(profile, &settings, Shows::Get, |running| async move {
        let Running {
            context,
            mut signals,
            progress,
        } = running;
        for line in unused {
            context.events.warn(WarningKind::Network, line);
        }
        let listing = Box::pin(app::list(&context, &ticket, wait));
        let mut manifest = match signals.unless(listing).await {
            Ok(listed) => listed?,
            Err(code) => {
                progress.finish();
                output.stopped("Stopped", None, code);
                return Ok(code);
            }
        };
        only.retain(&mut manifest);
        progress.finish();
        if output.json() {
            output.object_in_pieces(json::listing(&manifest));
        } else if args.tree {
            output.data(table::tree(&manifest).as_bytes());
        } else {
            output.data(table::listing(&manifest).as_bytes());
        }
        Ok(0)
    })
}
