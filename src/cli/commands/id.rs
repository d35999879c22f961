//! `grove id`

use clap::Args;

use crate::{
    cli::{json, session::Session},
    events::Failure,
};

/// Print the id that peers know you by
///
/// The id is the public half of a key that is made once and kept in your Grove folder. Give it to
/// somebody who wants to share with you alone.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  Print your id:
      grove id
  Somebody who has it can share with you and nobody else:
      grove share report.pdf --for ID")]
pub(crate) struct IdArgs {}

pub(crate) fn run(_args: &IdArgs, session: &Session<'_>) -> Result<u8, Failure> {
    let id = session.profile()?.peer_id()?;
    if session.output.json() {
        session.output.object(&json::id(&id));
    } else {
        session.output.line(&id.to_string());
    }
    Ok(0)
}
