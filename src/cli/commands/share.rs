//! `grove share`

use std::{io, path::PathBuf};

use clap::Args;

use crate::{
    app::{Ended, ShareOptions, ShareSource, Sharing, Summary},
    cli::{
        args::{RateArgs, WaysArgs},
        output::{Output, columns},
        progress::Shows,
        session::{Running, Session},
        settings::Resolved,
        signals::STOP_WITHIN,
        table,
        units::{Span, files},
    },
    content::{PeerId, human_bytes},
    disk::WalkOptions,
    events::{Failure, FailureKind},
};

/// Share files and folders; prints a ticket and serves until Ctrl-C
///
/// The ticket on standard output is all that somebody needs to fetch what you share, so give it only
/// to those who may. Content is read from where it is; nothing is copied or uploaded. A ticket stays
/// good when you stop and share the same again.
///
/// Patterns in files named .groveignore leave things out, as .gitignore does for git.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  Share a folder with everybody who has the ticket:
      grove share photos/
  Several things at once, without temporary files:
      grove share report.pdf slides/ --exclude '*.tmp'
  One file, once, within the next two hours:
      grove share report.pdf --once --expire 2h
  The output of a program:
      tar c src | grove share - --name src.tar
  With one person alone, who printed the id with 'grove id':
      grove share report.pdf --for ID")]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(crate) struct ShareArgs {
    /// Files and folders; - shares standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// The name that standard input gets at the other side
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// Leave out what matches (may be repeated)
    ///
    /// Patterns are those of .gitignore files: '*.tmp', 'target/', '/build'.
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,

    /// Leave out what .gitignore files say
    #[arg(long)]
    gitignore: bool,

    /// Refuse when something cannot be shared
    ///
    /// Sockets, devices and the like cannot be shared. Without this they are left out and named.
    #[arg(long)]
    strict: bool,

    /// Leave out what cannot be read, instead of refusing
    ///
    /// What is left out is named, and the exit code of a share that ends by itself is 3 then.
    #[arg(long, conflicts_with = "strict")]
    skip_unreadable: bool,

    /// Share a copy, so that later changes do not matter
    ///
    /// Without it, a file that changes while it is shared is no longer served. The copy takes no
    /// room where the file system can share blocks between files.
    #[arg(long)]
    snapshot: bool,

    /// End after one complete fetch
    ///
    /// The same as --max-gets 1.
    #[arg(long, conflicts_with = "max_gets")]
    once: bool,

    /// End after this many complete fetches
    ///
    /// A place belongs to whoever begins first. Who that was is kept when the share is stopped or
    /// killed, and the same line again goes on with the count. Once a share has ended by itself, the
    /// same line begins a new one.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_gets: Option<u64>,

    /// Forget who fetched this before the share was stopped
    ///
    /// With --once and --max-gets, to count from nothing.
    #[arg(long)]
    fresh: bool,

    /// End after this time, such as 2h; the ticket says when
    #[arg(long, value_name = "TIME")]
    expire: Option<Span>,

    /// Serve only the peer with this id (may be repeated)
    ///
    /// The id is what 'grove id' prints on the other computer.
    #[arg(long = "for", value_name = "ENDPOINT-ID", value_parser = peer_id)]
    allow: Vec<PeerId>,

    #[command(flatten)]
    rate: RateArgs,

    #[command(flatten)]
    ways: WaysArgs,

    /// Print a ticket without addresses, which is shorter
    ///
    /// Whoever fetches asks a directory where this computer is: that of a hub which both joined, or the
    /// public one where neither did. Where no directory takes the address in time, the ticket is a long one.
    #[arg(long)]
    short: bool,

    /// Show the ticket as a QR code too
    #[arg(long)]
    qr: bool,

    /// Put the ticket on the clipboard too
    ///
    /// By a control sequence (OSC 52) that many terminals understand, also over ssh.
    #[arg(long)]
    copy: bool,
}

fn peer_id(text: &str) -> Result<PeerId, &'static str> {
    text.trim()
        .parse()
        .map_err(|_| "an id is the 64 letters and digits that 'grove id' prints")
}

pub(crate) fn run(args: &ShareArgs, session: &Session<'_>) -> Result<u8, Failure> {
    let source = args.source()?;
    let profile = session.profile()?;
    let mut settings = session.settings(&profile)?;
    settings.network.ways = args.ways.ways();
    let options = args.options(source, &settings)?;
    let output = &session.output;
    session.run(profile, &settings, Shows::Share, |running| async move {
        let Running {
            context,
            mut signals,
            progress,
        } = running;
        let starting = Box::pin(Sharing::start(&context, options));
        let mut sharing = match signals.unless(starting).await {
            Ok(started) => started?,
            Err(code) => {
                progress.finish();
                return Ok(stopped(output, code));
            }
        };
        progress.settle();
        let was_used_up = sharing.was_used_up();
        if !was_used_up {
            args.announce(output, &sharing);
        }
        let (sharing_before, _) = sharing.before();
        let missing = left_out(sharing.summary());
        let ended = signals.unless(sharing.wait()).await;
        // A share that does not end in time is dropped, which ends it at once.
        _ = tokio::time::timeout(STOP_WITHIN, sharing.stop()).await;
        progress.finish();
        Ok(match ended {
            Ok(Ended::MaxGets) if was_used_up => {
                let gets = sharing_before;
                let why = format!(
                    "fetched as often as it may be ({gets}), just before it was stopped; \
                     the same line again shares it anew"
                );
                over(output, &why, &missing)
            }
            Ok(Ended::MaxGets) => over(output, "fetched as often as it may be", &missing),
            Ok(Ended::Expired) => over(output, "the time is over", &missing),
            Err(code) => stopped(output, code),
        })
    })
}

fn stopped(output: &Output, code: u8) -> u8 {
    output.stopped("Stopped", None, code);
    code
}

/// Says why the share ended by itself, and what was not in it: that it was told before the ticket may be
/// days ago.
fn over(output: &Output, why: &str, missing: &[String]) -> u8 {
    output.say(&format!("Ended: {why}"));
    if missing.is_empty() {
        return 0;
    }
    for line in missing {
        output.warn(&format!("incomplete: {line}"));
    }
    FailureKind::Partial.exit_code()
}

impl ShareArgs {
    fn source(&self) -> Result<ShareSource, Failure> {
        let usage =
            |message: &str, hint: &str| Err(Failure::new(FailureKind::Usage, message).hint(hint));
        let stdin = self.paths.iter().any(|path| path.as_os_str() == "-");
        if !stdin {
            return match &self.name {
                None => Ok(ShareSource::Paths(self.paths.clone())),
                Some(_) => usage(
                    "--name is for standard input only",
                    "files and folders are shared under their own names",
                ),
            };
        }
        if self.paths.len() > 1 {
            return usage(
                "standard input cannot be shared together with paths",
                "share them one after the other, or name a folder ./- like this",
            );
        }
        Ok(ShareSource::Reader {
            name: self.name.clone().unwrap_or_else(|| "stdin".to_owned()),
            reader: Box::new(io::stdin()),
        })
    }

    fn options(&self, source: ShareSource, settings: &Resolved) -> Result<ShareOptions, Failure> {
        Ok(ShareOptions {
            walk: WalkOptions {
                exclude: self.exclude.clone(),
                gitignore: self.gitignore,
                ..WalkOptions::default()
            },
            strict: self.strict,
            skip_unreadable: self.skip_unreadable,
            snapshot: self.snapshot,
            max_gets: if self.once { Some(1) } else { self.max_gets },
            fresh: self.fresh,
            expire: self.expire.map(|span| span.0),
            allow: self.allow.clone(),
            short: self.short,
            limit_rate: settings.limit_rate(self.rate.limit_rate)?,
            ..ShareOptions::new(source)
        })
    }

    /// Says what is shared and how to fetch it, the ticket alone on standard output.
    fn announce(&self, output: &Output, sharing: &Sharing) {
        let ticket = sharing.ticket().to_string();
        let summary = sharing.summary();
        for line in left_out(summary) {
            output.warn(&line);
        }
        output.say(&format!(
            "Sharing {}: {}, {}",
            summary.name,
            files(summary.files),
            human_bytes(summary.bytes)
        ));
        output.say(if output.stdout_is_terminal() {
            "To fetch it, run grove get with this ticket:"
        } else {
            "To fetch it, run grove get with the ticket on standard output"
        });
        if !output.json() {
            output.line(&ticket);
        }
        if self.qr {
            match table::qr(&ticket, columns()) {
                Some(code) => output.say(&code),
                None => output.warn("the terminal is too narrow to show the ticket as a QR code"),
            }
        }
        if self.copy {
            if output.copy(&ticket) {
                output.say("The ticket is on the clipboard, if the terminal allows that");
            } else {
                output.warn("there is no terminal to ask for the clipboard");
            }
        }
        let (complete, begun) = sharing.before();
        if complete + begun > 0 {
            output.say(&format!(
                "Going on with the count: {complete} fetched it before, {begun} more began"
            ));
        }
        output.say("Serving until Ctrl-C");
    }
}

fn left_out(summary: &Summary) -> Vec<String> {
    let names = summary
        .left_out
        .iter()
        .map(|entry| format!("{} ({})", entry.path, entry.why));
    table::short_list(names, |number| format!("{number} left out:"))
}
