//! `grove man`

use std::path::{Path, PathBuf};

use clap::Args;
use clap_mangen::Man;

use crate::{
    cli::{command, failure::why, json, session::Session},
    content::escape,
    events::{Failure, FailureKind},
};

/// Print a manual page
#[derive(Debug, Args)]
#[command(
    hide = true,
    after_long_help = "\
Examples:
  Read the manual of a command:
      grove man get | man -l -
  Write all pages into a folder, to install them:
      grove man --dir /usr/local/share/man/man1"
)]
pub(crate) struct ManArgs {
    /// Of which command; of Grove itself without one
    command: Vec<String>,

    /// Write all pages into this folder instead
    #[arg(long, value_name = "DIR", hide = true, conflicts_with = "command")]
    dir: Option<PathBuf>,
}

pub(crate) fn run(args: &ManArgs, session: &Session<'_>) -> Result<u8, Failure> {
    let pages = pages();
    if let Some(dir) = &args.dir {
        for (name, text) in &pages {
            write(&dir.join(format!("{name}.1")), text)?;
        }
        return Ok(0);
    }
    let wanted = std::iter::once("grove")
        .chain(args.command.iter().map(String::as_str))
        .collect::<Vec<_>>()
        .join("-");
    let Some((_, text)) = pages.iter().find(|(name, _)| *name == wanted) else {
        let wanted = escape(&wanted).replace('-', " ");
        let message = format!("there is no command {wanted}");
        return Err(Failure::new(FailureKind::Usage, message).hint("see: grove --help"));
    };
    if session.output.json() {
        session.output.object(&json::text("man", text));
    } else {
        session.output.data(text.as_bytes());
    }
    Ok(0)
}

/// The page of every command that has one, under names such as `grove-cache-list`.
fn pages() -> Vec<(String, String)> {
    let mut root = command().disable_help_subcommand(true);
    root.build();
    let mut pages = Vec::new();
    collect(&root, "grove", &mut pages);
    pages
}

fn collect(command: &clap::Command, name: &str, pages: &mut Vec<(String, String)>) {
    let page = command.clone().display_name(name);
    let mut text = Vec::new();
    Man::new(page)
        .source(concat!("grove ", env!("CARGO_PKG_VERSION")))
        .manual("Grove manual")
        .render(&mut text)
        .expect("writing into memory does not fail");
    pages.push((name.to_owned(), String::from_utf8_lossy(&text).into_owned()));
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        collect(sub, &format!("{name}-{}", sub.get_name()), pages);
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|error| {
        let shown = path.to_string_lossy();
        let message = format!("{} cannot be written: {}", escape(&shown), why(&error));
        Failure::new(FailureKind::LocalDisk, message)
            .hint("does the folder exist, and may you write there?")
    })
}
