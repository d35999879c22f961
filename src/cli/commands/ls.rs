//! `grove ls`

use clap::Args;
use globset::{Glob, GlobSet, GlobSetBuilder};

use crate::{
    app,
    cli::{
        args::TicketArgs,
        json,
        progress::Shows,
        session::{Running, Session},
        table,
        units::Patience,
    },
    content::{EntryPath, Manifest, escape},
    events::{Failure, FailureKind, WarningKind},
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
}

pub(crate) fn run(args: &LsArgs, session: &Session<'_>) -> Result<u8, Failure> {
    let (ticket, unused) = args.ticket.read()?;
    let only = Only::new(&args.only)?;
    let profile = session.profile()?;
    let settings = session.settings(&profile)?;
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
            output.object(&json::listing(&manifest));
        } else if args.tree {
            output.data(table::tree(&manifest).as_bytes());
        } else {
            output.data(table::listing(&manifest).as_bytes());
        }
        Ok(0)
    })
}

/// Which entries are wanted.
struct Only(Option<GlobSet>);

impl Only {
    fn new(patterns: &[String]) -> Result<Self, Failure> {
        if patterns.is_empty() {
            return Ok(Self(None));
        }
        let mut set = GlobSetBuilder::new();
        for pattern in patterns {
            set.add(Glob::new(pattern).map_err(|error| wrong(pattern, &error))?);
        }
        let set = set.build().map_err(|error| wrong("these", &error))?;
        Ok(Self(Some(set)))
    }

    fn retain(&self, manifest: &mut Manifest) {
        manifest.files.retain(|entry| self.wants(&entry.path));
        manifest.dirs.retain(|entry| self.wants(&entry.path));
        manifest.links.retain(|entry| self.wants(&entry.path));
    }

    fn wants(&self, path: &EntryPath) -> bool {
        let Some(set) = &self.0 else { return true };
        let text = String::from_utf8_lossy(path.as_bytes());
        let ends = text.match_indices('/').map(|(at, _)| at);
        let below_top = ends.clone().next().map_or(0, |at| at + 1);
        ends.chain([text.len()]).any(|end| {
            let inner = text.get(below_top..end).is_some_and(|t| set.is_match(t));
            inner || set.is_match(&text[..end])
        })
    }
}

fn wrong(pattern: &str, error: &globset::Error) -> Failure {
    let message = format!("the pattern {} is wrong: {}", escape(pattern), error.kind());
    Failure::new(FailureKind::Usage, message).hint("patterns look like 'docs/**' or '*.jpg'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_paths_and_folders_above_them() {
        for (pattern, path, wanted) in [
            ("photos/a.jpg", "photos/a.jpg", true),
            ("a.jpg", "photos/a.jpg", true),
            ("*.jpg", "photos/summer/a.jpg", true),
            ("summer", "photos/summer/a.jpg", true),
            ("photos", "photos/summer/a.jpg", true),
            ("summer/**", "photos/summer/a.jpg", true),
            ("winter", "photos/summer/a.jpg", false),
            ("*.png", "photos/summer/a.jpg", false),
            ("a.jpg", "a.jpg", true),
        ] {
            let only = Only::new(&[pattern.to_owned()]).unwrap();
            let path = EntryPath::parse(path.as_bytes()).unwrap();
            assert_eq!(only.wants(&path), wanted, "{pattern} {path}");
        }
    }

    #[test]
    fn a_wrong_pattern_is_named() {
        let failure = Only::new(&["a[".to_owned()]).err().unwrap();
        assert_eq!(failure.kind, FailureKind::Usage);
        assert!(failure.message.contains("a["), "{failure}");
    }
}
