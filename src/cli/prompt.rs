//! Asks the person at the terminal.

use std::{
    fmt::Write as _,
    fs::File,
    io::{self, BufRead, BufReader, IsTerminal, Read},
};

use super::{output::Output, progress::Progress, units::files};
use crate::{
    app::{Accept, Decider},
    content::human_bytes,
};

/// Longest answer that is read.
const ANSWER_MAX: u64 = 1024;

/// Answers the questions of an operation: `--yes`, or the person, or what is safe.
#[derive(Debug)]
pub(crate) struct Asker {
    yes: bool,
    output: Output,
    progress: Progress,
}

impl Asker {
    pub(crate) fn new(yes: bool, output: &Output, progress: &Progress) -> Self {
        Self {
            yes,
            output: output.clone(),
            progress: progress.clone(),
        }
    }
}

impl Decider for Asker {
    fn accept(&self, question: &Accept) -> bool {
        if self.yes {
            return true;
        }
        let terminal = (self.output.stderr_is_terminal() && !self.output.json())
            .then(terminal)
            .flatten();
        let Some(terminal) = terminal else {
            // Nobody to ask. A large share is what was asked for; files that programs act on by
            // themselves are a trap until somebody says otherwise.
            return question.risky.is_empty();
        };
        self.progress.hide(true);
        self.output.ask(&text(question));
        let agreed = agrees(terminal);
        self.progress.hide(false);
        agreed
    }
}

/// What is asked, with the cursor behind it.
fn text(question: &Accept) -> String {
    let mut text = format!(
        "{}: {}, {}",
        question.name,
        files(question.files),
        human_bytes(question.bytes)
    );
    if let Some(free) = question.free {
        _ = write!(text, "; {} are free", human_bytes(free));
    }
    text.push('\n');
    if !question.risky.is_empty() {
        let names = question.risky.join(", ");
        _ = writeln!(text, "Programs act on these files by themselves: {names}");
    }
    text + "Fetch it? [y/N] "
}

/// Where the person answers: standard input, or the terminal itself when that is taken.
fn terminal() -> Option<Box<dyn Read>> {
    if io::stdin().is_terminal() {
        return Some(Box::new(io::stdin()));
    }
    let terminal = File::open("/dev/tty").ok()?;
    Some(Box::new(terminal))
}

/// Whether the next line says yes. No answer is a no.
fn agrees(from: impl Read) -> bool {
    let mut answer = String::new();
    let read = BufReader::new(from.take(ANSWER_MAX)).read_line(&mut answer);
    let answer = answer.trim().to_ascii_lowercase();
    read.is_ok() && matches!(answer.as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question() -> Accept {
        Accept {
            name: "photos".into(),
            files: 214,
            bytes: 12_000_000_000,
            free: Some(500_000_000_000),
            risky: Vec::new(),
        }
    }

    #[test]
    fn the_question_says_what_it_is_about() {
        assert_eq!(
            text(&question()),
            "photos: 214 files, 12 GB; 500 GB are free\nFetch it? [y/N] "
        );
        let risky = Accept {
            free: None,
            risky: vec![".bashrc".into(), ".ssh".into()],
            ..question()
        };
        assert_eq!(
            text(&risky),
            "photos: 214 files, 12 GB\n\
             Programs act on these files by themselves: .bashrc, .ssh\n\
             Fetch it? [y/N] "
        );
    }

    #[test]
    fn only_yes_is_yes() {
        for (answer, yes) in [
            ("y\n", true),
            (" YES \n", true),
            ("y", true),
            ("\n", false),
            ("", false),
            ("n\n", false),
            ("yesterday\n", false),
        ] {
            assert_eq!(agrees(answer.as_bytes()), yes, "{answer:?}");
        }
    }
}
