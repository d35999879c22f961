//! From whatever went wrong to one line, a hint and an exit code.
//!
//! Three sources: a [`Failure`] of an operation, which is printed as it is; arguments that make no
//! sense, where the several lines that the argument parser prints become one and a hint; and a bug,
//! which reaches a person as "internal error" and reaches whoever set `RUST_BACKTRACE` or `GROVE_LOG`
//! in full.

use std::{ffi::OsString, io, panic, sync::Once};

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::{
    content::escape,
    disk::reason,
    events::{Failure, FailureKind},
};

/// What a wrong command line says: the parser's first paragraph as one line, its tip as the hint.
pub(crate) fn of_arguments(error: &clap::Error, args: &[OsString]) -> Failure {
    let text = error.render().to_string();
    let mut paragraphs = text.split("\n\n");
    let first = paragraphs.next().unwrap_or_default();
    let message = match error.kind() {
        ErrorKind::MissingRequiredArgument => missing(error),
        _ => one_line(first.strip_prefix("error:").unwrap_or(first)),
    };
    let hint = paragraphs
        .filter_map(|paragraph| paragraph.trim().strip_prefix("tip:"))
        .map(one_line)
        // How to pass what looks like a flag is of use to nobody who mistyped one.
        .find(|tip| !tip.starts_with("to pass"))
        .unwrap_or_else(|| format!("see: {} --help", asked_command(args)));
    Failure::new(FailureKind::Usage, escape(&message)).hint(escape(&hint))
}

/// Which arguments are missing.
fn missing(error: &clap::Error) -> String {
    let names = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::Strings(names)) => names.join(" "),
        _ => "an argument".to_owned(),
    };
    format!("{} is missing", names.trim_end_matches("..."))
}

/// `grove get` out of `grove --json get --wait soon`.
fn asked_command(args: &[OsString]) -> String {
    let root = super::command();
    let mut asked = &root;
    let mut words = String::from("grove");
    for arg in args.iter().skip(1) {
        if let Some(sub) = asked.find_subcommand(arg) {
            words = format!("{words} {}", sub.get_name());
            asked = sub;
        }
    }
    words
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Why a file that the user named cannot be used.
pub(crate) fn why(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file or folder".to_owned(),
        _ => reason(error),
    }
}

/// What a bug says to a person.
pub(crate) fn of_panic() -> Failure {
    Failure::new(FailureKind::Failed, "internal error")
        .hint("this is a bug; run it again with RUST_BACKTRACE=1 to see where, and report that")
}

/// Keeps the text of a panic away from people; whoever sets `RUST_BACKTRACE` or `GROVE_LOG` sees it
/// all. For the program itself; a library's user has own wishes about panics.
pub fn quiet_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let set = |name| std::env::var_os(name).is_some_and(|value| value != "0");
            if set("RUST_BACKTRACE") || set("GROVE_LOG") {
                usual(info);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::command;

    fn refused(line: &str) -> String {
        let args: Vec<OsString> = line.split(' ').map(Into::into).collect();
        let error = command()
            .try_get_matches_from(&args)
            .expect_err("wrong arguments");
        let failure = of_arguments(&error, &args);
        assert_eq!(failure.kind, FailureKind::Usage);
        format!("{}\n{}", failure.message, failure.hint.unwrap_or_default())
    }

    #[test]
    fn wrong_arguments_are_one_line_and_a_hint() {
        for (line, says) in [
            (
                "grove shre x",
                "unrecognized subcommand 'shre'\na similar subcommand exists: 'share'",
            ),
            (
                "grove get blobx --frobnicate",
                "unexpected argument '--frobnicate' found\nsee: grove get --help",
            ),
            ("grove share", "<PATH> is missing\nsee: grove share --help"),
            (
                "grove get blobx --overwrite --skip",
                "the argument '--overwrite' cannot be used with '--skip'\nsee: grove get --help",
            ),
            (
                "grove share x --once --max-gets 3",
                "the argument '--once' cannot be used with '--max-gets <N>'\nsee: grove share --help",
            ),
            (
                "grove get blobx --limit-rate 10X",
                "invalid value '10X' for '--limit-rate <SIZE>': the unit must be one of K, M, G, T, KB, MB, GB, TB, KiB, MiB, GiB, TiB\nsee: grove get --help",
            ),
        ] {
            assert_eq!(refused(line), says, "{line}");
        }
    }

    #[test]
    fn arguments_are_not_repeated_raw() {
        assert!(!refused("grove share x --\u{1b}[2J").contains('\u{1b}'));
    }
}
