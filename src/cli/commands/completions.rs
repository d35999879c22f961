//! `grove completions`

use clap::Args;
use clap_complete::Shell;

use crate::{
    cli::{command, json, session::Session},
    events::Failure,
};

/// Print a script that lets a shell complete Grove's commands
#[derive(Debug, Args)]
#[command(
    hide = true,
    after_long_help = "\
Examples:
  bash, for this session:
      source <(grove completions bash)
  zsh, for good, in a folder of your fpath:
      grove completions zsh > ~/.zfunc/_grove
  fish, for good:
      grove completions fish > ~/.config/fish/completions/grove.fish"
)]
pub(crate) struct CompletionsArgs {
    /// Which shell
    #[arg(value_enum)]
    shell: Shell,
}

#[expect(clippy::unnecessary_wraps, reason = "all commands have one signature")]
pub(crate) fn run(args: &CompletionsArgs, session: &Session<'_>) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command(), "grove", &mut script);
    if session.output.json() {
        let script = String::from_utf8_lossy(&script);
        session.output.object(&json::text("completions", &script));
    } else {
        session.output.data(&script);
    }
    Ok(0)
}
