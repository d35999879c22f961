//! `grove cache`

use clap::{Args, Subcommand};

use crate::{
    app,
    cli::{json, session::Session, table},
    content::human_bytes,
    events::Failure,
};

/// Show or remove what is kept to save work
///
/// Grove remembers the hashes of what you shared, so that an unchanged folder is ready again at
/// once. Nothing of it is needed: what is removed is computed again.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  See what is kept, and how much room it takes:
      grove cache list
  Remove it:
      grove cache clear")]
pub(crate) struct CacheArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show what is kept, and how much room it takes
    List,
    /// Remove everything that no running share uses
    Clear,
}

pub(crate) fn run(args: &CacheArgs, session: &Session<'_>) -> Result<u8, Failure> {
    let output = &session.output;
    let profile = session.profile()?;
    match args.verb {
        Verb::List => {
            let info = app::cache_list(&profile)?;
            if output.json() {
                output.object(&json::cache(&info));
            } else {
                output.data(table::cache(&info).as_bytes());
            }
        }
        Verb::Clear => {
            let bytes = app::cache_clear(&profile)?;
            if output.json() {
                output.object(&json::cache_cleared(bytes));
            } else {
                output.say(&format!("Freed {}", human_bytes(bytes)));
            }
        }
    }
    Ok(0)
}
