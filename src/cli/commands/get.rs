//! `grove get`

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;

use crate::{
    app::{Dest, GetOptions, Getting, Got, OnConflict},
    cli::{
        args::{RateArgs, TicketArgs, WaysArgs},
        json,
        output::Output,
        progress::Shows,
        prompt::Asker,
        session::{Running, Session},
        signals::STOP_WITHIN,
        table,
        units::{Patience, Size, files},
    },
    content::{escape, human_bytes, human_time},
    events::{Event, Failure, FailureKind, WarningKind},
};

/// Fetch what a ticket names, or go on where that stopped
///
/// Whatever interrupts a fetch, the same line typed again goes on where it stopped. Everything is verified before it gets its name, and what is already in place is not fetched
/// again. What is unfinished is kept in .grove-partial at the destination until the fetch is
/// complete.
///
/// Where the other side goes away, Grove keeps trying for as long as --wait says. On a terminal you
/// are asked before more than 10 GB are fetched, or files that programs act on by themselves;
/// without a terminal large shares are fetched and such files refused. --yes answers for you.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  Fetch into the folder you are in:
      grove get blobabc…
  Into another folder:
      grove get blobabc… -o ~/Downloads
  Only a part of it:
      grove get blobabc… --only 'docs/**' --only '*.jpg'
  One file, to another program:
      grove get blobabc… -o - | tar x
  In a script, with the ticket in a file, for as long as it takes:
      grove get @ticket.txt --yes --wait forever")]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(crate) struct GetArgs {
    #[command(flatten)]
    ticket: TicketArgs,

    /// Write into this folder, or - for standard output
    ///
    /// Without it everything is written into the folder you are in. Only a single file can go to
    /// standard output.
    #[arg(
        short,
        long,
        value_name = "DIR",
        default_value = ".",
        hide_default_value = true
    )]
    output: PathBuf,

    /// Fetch only paths that match (may be repeated)
    ///
    /// A pattern matches a whole path within the share, with or without its top folder, or a folder
    /// above it: 'docs/**', '*.jpg'.
    #[arg(long, value_name = "GLOB")]
    only: Vec<String>,

    /// Replace other files that are in the way
    #[arg(long, conflicts_with_all = ["rename", "skip"])]
    overwrite: bool,

    /// Take another name where something is in the way
    #[arg(long, conflicts_with = "skip")]
    rename: bool,

    /// Leave what is in the way, do not fetch the new one
    #[arg(long)]
    skip: bool,

    /// Do not ask anything
    #[arg(short, long)]
    yes: bool,

    /// How long nothing may happen
    ///
    /// When nothing at all came for so long, such as 10m (the default), 2h or forever, Grove gives
    /// up. Until then it keeps trying, whatever happens to the connection.
    #[arg(long, value_name = "TIME", env = "GROVE_WAIT", hide_env_values = true)]
    wait: Option<Patience>,

    /// Read again what is here, instead of trusting records
    #[arg(long)]
    verify: bool,

    /// Have every file on the disk before it gets its name
    ///
    /// Otherwise they get their names first, and all are on the disk when the fetch is finished. Slow
    /// with many small files.
    #[arg(long)]
    fsync: bool,

    /// Fetch also what is larger than the free space
    ///
    /// Zeros become holes, which take no space, so a disk image of 1 TB may need little of it. When
    /// the disk is full after all, Grove stops, and the same line goes on once there is space.
    #[arg(long)]
    sparse: bool,

    /// Refuse what is larger than this, such as 20G
    #[arg(long, value_name = "SIZE")]
    max_size: Option<Size>,

    #[command(flatten)]
    rate: RateArgs,

    #[command(flatten)]
    ways: WaysArgs,
}

pub(crate) fn run(args: &GetArgs, session: &Session<'_>) -> Result<u8, Failure> {
    let output = &session.output;
    let dest = args.dest(output)?;
    let profile = session.profile()?;
    let mut settings = session.settings(&profile)?;
    settings.network.ways = args.ways.ways();
    let (ticket, unused) = args.ticket.read(&settings.network.relays())?;
    let options = GetOptions {
        only: args.only.clone(),
        on_conflict: args.on_conflict(),
        wait: settings.wait(args.wait)?,
        verify: args.verify,
        sparse: args.sparse,
        max_size: args.max_size.map(|size| size.0),
        limit_rate: settings.limit_rate(args.rate.limit_rate)?,
        fsync: args.fsync,
        ..GetOptions::new(ticket, dest)
    };
    session.run(profile, &settings, Shows::Get, |running| async move {
        let Running {
            context,
            mut signals,
            progress,
        } = running;
        for line in unused {
            context.events.warn(WarningKind::Network, line);
        }
        let asker = Arc::new(Asker::new(args.yes, output, &progress));
        let starting = Getting::start(&context, options, asker);
        let mut getting = match signals.unless(starting).await {
            Ok(started) => started?,
            Err(code) => {
                progress.finish();
                return Ok(stopped(output, code));
            }
        };
        match signals.unless(getting.wait()).await {
            Ok(got) => {
                let got = got?;
                progress.finish();
                Ok(report(output, &got))
            }
            Err(code) => {
                // What does not end in time is dropped; what is verified stays either way.
                let stopping = tokio::time::timeout(STOP_WITHIN, getting.stop()).await;
                progress.finish();
                // Nobody has to run a line again of which nothing is left to do.
                match stopping {
                    Ok(Some(got)) => Ok(report(output, &got)),
                    _ => Ok(stopped(output, code)),
                }
            }
        }
    })
}

fn stopped(output: &Output, code: u8) -> u8 {
    output.stopped("Stopped", Some("run the same line again to go on"), code);
    code
}

impl GetArgs {
    fn dest(&self, output: &Output) -> Result<Dest, Failure> {
        if self.output.as_os_str() != "-" {
            return Ok(Dest::Dir(self.output.clone()));
        }
        let usage =
            |message: &str, hint: &str| Err(Failure::new(FailureKind::Usage, message).hint(hint));
        if output.json() {
            return usage(
                "--json and -o - both want standard output",
                "write into a folder: -o DIR",
            );
        }
        if output.stdout_is_terminal() {
            return usage(
                "content from another computer could do anything to this terminal",
                "send it on: -o - > FILE, or -o - | less",
            );
        }
        Ok(Dest::Writer(Box::new(output.content_writer())))
    }

    fn on_conflict(&self) -> OnConflict {
        match (self.overwrite, self.rename, self.skip) {
            (true, _, _) => OnConflict::Overwrite,
            (_, true, _) => OnConflict::Rename,
            (_, _, true) => OnConflict::Skip,
            _ => OnConflict::Stop,
        }
    }
}

/// Says what was done, and where it is on standard output.
fn report(output: &Output, got: &Got) -> u8 {
    output.say(&done_line(got));
    // On a screen that shows both, the line above has said it.
    let said = output.stdout_is_terminal() && output.stderr_is_terminal() && !output.quiet();
    if let (Some(dest), false) = (&got.dest, output.json() || said) {
        for path in places(dest, &got.top) {
            write_path(output, &path);
        }
    }
    if got.left_alone.is_empty() && got.failed.is_empty() {
        return 0;
    }
    if !got.failed.is_empty() {
        // Each was named when it was noticed.
        let count = got.failed.len();
        let entries = if count == 1 {
            "1 entry".to_owned()
        } else {
            format!("{count} entries")
        };
        output.warn(&format!(
            "incomplete: {entries} could not be had, see above"
        ));
    }
    if got.left_alone.is_empty() {
        return FailureKind::Partial.exit_code();
    }
    if output.json() {
        for name in &got.left_alone {
            let warning = Event::Warning {
                kind: WarningKind::LeftOut,
                message: format!("left alone: {name}"),
            };
            output.object(&json::event(&warning));
        }
    }
    let names = got.left_alone.iter().cloned();
    for line in table::short_list(names, |number| format!("{number} left alone:")) {
        output.warn(&line);
    }
    FailureKind::Partial.exit_code()
}

/// `Done: 214 files, 1.4 GB in 12 s → ./photos`
fn done_line(got: &Got) -> String {
    let what = format!("{}, {}", files(got.files), human_bytes(got.bytes));
    let place = got.dest.as_deref().map(|dest| {
        let places = places(dest, &got.top);
        let place = match places.as_slice() {
            [only] => only,
            _ => dest,
        };
        format!(" → {}", escape(&place.to_string_lossy()))
    });
    let place = place.unwrap_or_default();
    if got.already_complete {
        return format!("Already complete: {what}{place}");
    }
    format!("Done: {what} in {}{place}", human_time(got.seconds))
}

/// Where the top-level entries are.
fn places(dest: &Path, top: &[PathBuf]) -> Vec<PathBuf> {
    top.iter().map(|name| dest.join(name)).collect()
}

/// A path as a result: byte for byte to a program, escaped to a person.
fn write_path(output: &Output, path: &Path) {
    if output.stdout_is_terminal() {
        output.line(&escape(&path.to_string_lossy()));
        return;
    }
    let mut line = path.as_os_str().as_encoded_bytes().to_vec();
    line.push(b'\n');
    output.data(&line);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::Hash;

    fn got() -> Got {
        Got {
            root: Hash::EMPTY,
            files: 214,
            bytes: 1_400_000_000,
            bytes_fetched: 1_400_000_000,
            skipped: 0,
            already_complete: false,
            left_alone: Vec::new(),
            failed: Vec::new(),
            seconds: 12.2,
            dest: Some(PathBuf::from(".")),
            top: vec!["photos".into()],
        }
    }

    #[test]
    fn the_end_says_what_and_where() {
        assert_eq!(
            done_line(&got()),
            "Done: 214 files, 1.4 GB in 12 s → ./photos"
        );
        let complete = Got {
            already_complete: true,
            ..got()
        };
        assert_eq!(
            done_line(&complete),
            "Already complete: 214 files, 1.4 GB → ./photos"
        );
        let several = Got {
            top: vec!["a".into(), "b".into()],
            dest: Some(PathBuf::from("in")),
            ..got()
        };
        assert_eq!(done_line(&several), "Done: 214 files, 1.4 GB in 12 s → in");
        let piped = Got {
            dest: None,
            files: 1,
            ..got()
        };
        assert_eq!(done_line(&piped), "Done: 1 file, 1.4 GB in 12 s");
    }
}
