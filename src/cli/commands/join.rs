//! `grove join`

use clap::Args;

use crate::{
    app,
    cli::{
        args::ticket_text,
        json,
        progress::Shows,
        session::{Running, Session},
        table,
    },
    content::{HubTicket, human_time},
    events::{Failure, FailureKind, WarningKind},
    node::clocks_apart,
};

/// Use a hub instead of public servers; or list those joined
///
/// A hub is a relay and a directory that somebody runs for a group, with 'grove hub'. The line that it prints
/// is all you need. It is tried first: whether it answers, is the one that the line means, and lets you in.
/// From then on every command uses its relay and its directory, and no public one. You may join several.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  Join the hub whose line you were given:
      grove join hubabc…
  The same, without its token in the list of processes:
      grove join @line.txt
  List the hubs you joined:
      grove join
  Use one for one command only:
      grove get blobabc… --hub @line.txt
  Use the public servers once, although you joined a hub:
      grove get blobabc… --hub public")]
pub(crate) struct JoinArgs {
    /// The ticket of the hub, - for standard input, or @FILE
    #[arg(value_name = "HUB")]
    words: Vec<String>,
}

pub(crate) fn run(args: &JoinArgs, session: &Session<'_>) -> Result<u8, Failure> {
    let output = &session.output;
    let profile = session.profile()?;
    if args.words.is_empty() {
        let hubs = profile.hubs()?;
        if output.json() {
            output.object(&json::hubs(&hubs));
        } else if hubs.is_empty() {
            output.say("You have joined no hub; public servers are used");
        } else {
            output.data(table::hubs(&hubs).as_bytes());
        }
        return Ok(0);
    }
    let text = ticket_text(&args.words)?;
    let hub = HubTicket::parse(&text)
        .map_err(|error| Failure::new(FailureKind::Usage, error.to_string()).hint(error.hint()))?;
    // What is set for other commands does not matter: only this hub is contacted.
    let settings = session.settings_without_hubs(&profile)?;
    if settings.network.offline {
        return Err(
            Failure::new(FailureKind::Usage, "a hub cannot be tried offline")
                .hint("leave out --offline, GROVE_OFFLINE and offline in config.toml"),
        );
    }
    session.run(profile, &settings, Shows::Get, |running| async move {
        let Running {
            context,
            mut signals,
            progress,
        } = running;
        let joining = Box::pin(app::join(&context.profile, &hub));
        let joined = match signals.unless(joining).await {
            Ok(joined) => joined?,
            Err(code) => {
                progress.finish();
                output.stopped("Stopped", None, code);
                return Ok(code);
            }
        };
        let apart = |ahead| clocks_apart(&joined.hub.name(), ahead);
        if let Some(line) = joined.check.ahead.and_then(apart) {
            context.events.warn(WarningKind::Network, line);
        }
        progress.finish();
        if output.json() {
            output.object(&json::joined(&joined));
        } else {
            let again = if joined.again { " again" } else { "" };
            let took = human_time(joined.check.took.as_secs_f64());
            output.say(&format!(
                "Joined the hub {}{again}: {}, answered in {took}",
                joined.hub.name(),
                table::roles(&joined.hub),
            ));
            output.say("All commands use it now, and no public servers");
        }
        Ok(0)
    })
}
