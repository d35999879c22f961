//! `grove leave`

use clap::Args;

use crate::{
    app,
    cli::{args::ticket_text, json, session::Session},
    events::Failure,
};

/// Do not use a hub any more
///
/// Where it was the last one you had joined, public servers are used again. What you shared through it is then
/// not found there any more, and tickets that name its relay may not work.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  Leave the only hub you joined:
      grove leave
  Leave one of several, by the name that 'grove join' lists:
      grove leave hub.example:443")]
pub(crate) struct LeaveArgs {
    /// Its name, with or without the port, or its ticket
    ///
    /// With - it is read from standard input, with @FILE from that file.
    #[arg(value_name = "HUB")]
    words: Vec<String>,
}

pub(crate) fn run(args: &LeaveArgs, session: &Session<'_>) -> Result<u8, Failure> {
    let output = &session.output;
    let profile = session.profile()?;
    let which = if args.words.is_empty() {
        None
    } else {
        Some(ticket_text(&args.words)?)
    };
    let hub = app::leave(&profile, which.as_deref())?;
    let left = profile.hubs()?.len();
    if output.json() {
        output.object(&json::left(&hub));
    } else {
        output.say(&format!("Left the hub {}", hub.name()));
        if left == 0 {
            output.say("It was the last one: public servers are used again");
        }
    }
    Ok(0)
}
