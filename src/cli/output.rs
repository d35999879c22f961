//! The one place that prints.
//!
//! Standard output carries the result and nothing else; everything for the eye goes to standard
//! error. Who gets what:
//!
//! | | result | talk, bars | warnings | errors | events |
//! |---|---|---|---|---|---|
//! | as usual | stdout | stderr | stderr | stderr | – |
//! | `--quiet` | stdout | – | – | stderr | – |
//! | `--json` | as events | – | as events | as events | stdout |
//!
//! A reader that closes standard output has seen enough: from then on results are dropped and the
//! work goes on, so that `grove share x | head -1` keeps serving. Standard error that cannot be
//! written is ignored, since there is nobody left to tell.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use data_encoding::BASE64;
use indicatif::{MultiProgress, ProgressDrawTarget};

use crate::{
    content::escape,
    disk::reason,
    events::{Failure, FailureKind},
};

/// What the flags say about printing.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Style {
    /// One JSON object a line instead of text.
    pub(crate) json: bool,
    /// Only the result and errors.
    pub(crate) quiet: bool,
}

/// A shared handle to standard output and standard error.
#[derive(Debug, Clone)]
pub(crate) struct Output(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    style: Style,
    stdout_is_terminal: bool,
    stderr_is_terminal: bool,
    colour: bool,
    /// The reader of the result went away, or the result cannot be written.
    closed: AtomicBool,
    /// The latter.
    lost: AtomicBool,
    content_refused: AtomicBool,
    bars: MultiProgress,
}

/// How a line of talk is marked.
#[derive(Debug, Clone, Copy)]
enum Mark {
    Error,
    Hint,
    Warning,
}

impl Output {
    /// Looks at both streams and at `NO_COLOR` once.
    pub(crate) fn new(style: Style) -> Self {
        let stderr_is_terminal = io::stderr().is_terminal();
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let bars = MultiProgress::with_draw_target(if stderr_is_terminal && !dumb {
            ProgressDrawTarget::stderr_with_hz(10)
        } else {
            ProgressDrawTarget::hidden()
        });
        Self(Arc::new(Inner {
            style,
            stdout_is_terminal: io::stdout().is_terminal(),
            stderr_is_terminal,
            colour: stderr_is_terminal && !dumb && !set("NO_COLOR"),
            closed: AtomicBool::new(false),
            lost: AtomicBool::new(false),
            content_refused: AtomicBool::new(false),
            bars,
        }))
    }

    /// Whether events go to standard output.
    pub(crate) fn json(&self) -> bool {
        self.0.style.json
    }

    /// Whether only the result and errors are wanted.
    pub(crate) fn quiet(&self) -> bool {
        self.0.style.quiet
    }

    /// Whether a person reads what goes to standard output.
    pub(crate) fn stdout_is_terminal(&self) -> bool {
        self.0.stdout_is_terminal
    }

    /// Whether a person reads what goes to standard error.
    pub(crate) fn stderr_is_terminal(&self) -> bool {
        self.0.stderr_is_terminal
    }

    /// The bars at the bottom of the terminal; hidden where there is none that can show them.
    pub(crate) fn bars(&self) -> &MultiProgress {
        &self.0.bars
    }

    /// Whether content was on its way to standard output when the reader of it went away.
    pub(crate) fn content_refused(&self) -> bool {
        self.0.content_refused.load(Ordering::Relaxed)
    }

    /// A part of the result, as it is.
    pub(crate) fn data(&self, bytes: &[u8]) {
        if self.0.closed.load(Ordering::Relaxed) {
            return;
        }
        let written = self.0.bars.suspend(|| {
            let mut stdout = io::stdout().lock();
            stdout.write_all(bytes).and_then(|()| stdout.flush())
        });
        if let Err(error) = written {
            self.0.closed.store(true, Ordering::Relaxed);
            if error.kind() != io::ErrorKind::BrokenPipe {
                self.lose(&error);
            }
        }
    }

    /// Tells at once that the result cannot be written: for a share, the end may be far away.
    fn lose(&self, error: &io::Error) {
        self.0.lost.store(true, Ordering::Relaxed);
        let message = format!("standard output cannot be written: {}", reason(error));
        self.complain(&Failure::new(FailureKind::LocalDisk, message).hint("is the disk full?"));
    }

    /// The exit code of a command that ends with `code`, seen from whoever wanted the result.
    pub(crate) fn exit_code(&self, code: u8) -> u8 {
        let lost = self.0.lost.load(Ordering::Relaxed);
        if code == 0 && lost {
            return FailureKind::LocalDisk.exit_code();
        }
        code
    }

    /// A line of the result.
    pub(crate) fn line(&self, line: &str) {
        self.data(format!("{line}\n").as_bytes());
    }

    /// One JSON object as a line, with everything escaped that a terminal might act on.
    pub(crate) fn object(&self, object: &super::json::Line) {
        self.line(&escape_json(&object.to_string()));
    }

    /// The same in pieces, for what is too large to be one text.
    pub(crate) fn object_in_pieces(&self, pieces: impl Iterator<Item = String>) {
        const AT_ONCE: usize = 64 * 1024;
        let mut text = String::new();
        for piece in pieces {
            text.push_str(&escape_json(&piece));
            if text.len() >= AT_ONCE {
                self.data(text.as_bytes());
                text.clear();
            }
        }
        self.line(&text);
    }

    /// A writer for content that goes to standard output.
    pub(crate) fn content_writer(&self) -> ContentWriter {
        ContentWriter(self.clone())
    }

    /// Help or the version: a result when it was asked for, else talk.
    pub(crate) fn help(&self, text: &clap::Error, asked: bool) {
        let coloured = if asked {
            self.0.stdout_is_terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
        } else {
            self.0.colour
        };
        let text = text.render();
        let text = if coloured {
            text.ansi().to_string()
        } else {
            text.to_string()
        };
        if asked {
            self.data(text.as_bytes());
        } else {
            self.talk(&text);
        }
    }

    /// A line of talk; nothing when the user wants none.
    pub(crate) fn say(&self, line: &str) {
        if !self.0.style.json && !self.0.style.quiet {
            self.talk(&format!("{line}\n"));
        }
    }

    /// A warning of one line.
    pub(crate) fn warn(&self, line: &str) {
        if !self.0.style.json && !self.0.style.quiet {
            let mark = self.marked(Mark::Warning);
            self.talk(&format!("{mark} {line}\n"));
        }
    }

    /// A failure: what went wrong, and what to do.
    pub(crate) fn fail(&self, failure: &Failure) {
        if self.0.style.json {
            self.object(&super::json::failure(failure, failure.kind.exit_code()));
            return;
        }
        self.complain(failure);
    }

    fn complain(&self, failure: &Failure) {
        let mut text = format!("{} {}\n", self.marked(Mark::Error), failure.message);
        if let Some(hint) = &failure.hint {
            let mark = self.marked(Mark::Hint);
            _ = writeln!(text, "{mark} {hint}");
        }
        self.talk(&text);
    }

    /// The end that the user asked for, by a signal that gives this exit code.
    pub(crate) fn stopped(&self, what: &str, then: Option<&str>, code: u8) {
        if self.0.style.json {
            let mut failure = Failure::new(FailureKind::Interrupted, what);
            failure.hint = then.map(str::to_owned);
            self.object(&super::json::failure(&failure, code));
            return;
        }
        match then {
            Some(then) => self.say(&format!("{what}; {then}")),
            None => self.say(what),
        }
    }

    /// A question, which stays on its line. Shown even when the user wants no talk.
    pub(crate) fn ask(&self, question: &str) {
        self.talk(question);
    }

    /// Text to standard error, without tearing the bars.
    pub(crate) fn talk(&self, text: &str) {
        self.0.bars.suspend(|| {
            // Nobody is left to be told when this fails.
            _ = io::stderr().lock().write_all(text.as_bytes());
        });
    }

    /// Puts `text` on the clipboard of the terminal, by the control sequence OSC 52. Returns whether
    /// there was a terminal to ask; whether it listens cannot be known.
    pub(crate) fn copy(&self, text: &str) -> bool {
        let sequence = format!("\x1b]52;c;{}\x07", BASE64.encode(text.as_bytes()));
        if self.0.stderr_is_terminal {
            self.talk(&sequence);
            return true;
        }
        let terminal = std::fs::OpenOptions::new().write(true).open("/dev/tty");
        terminal.is_ok_and(|mut terminal| terminal.write_all(sequence.as_bytes()).is_ok())
    }

    fn marked(&self, mark: Mark) -> String {
        let (word, colour) = match mark {
            Mark::Error => ("error:", "1;31"),
            Mark::Hint => ("hint:", "36"),
            Mark::Warning => ("warning:", "33"),
        };
        if self.0.colour {
            format!("\x1b[{colour}m{word}\x1b[0m")
        } else {
            word.to_owned()
        }
    }
}

/// Writes content to standard output and remembers when its reader went away.
#[derive(Debug)]
pub(crate) struct ContentWriter(Output);

impl Write for ContentWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = io::stdout().lock().write(bytes);
        if written
            .as_ref()
            .is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
        {
            self.0.0.content_refused.store(true, Ordering::Relaxed);
        }
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().lock().flush()
    }
}

/// Rewrites a serialised JSON text so that it holds no character that a terminal acts on. JSON
/// itself escapes only what is below a space; all other such characters can stand only within
/// strings, where `\u` means the same.
fn escape_json(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    let mut bytes = [0; 4];
    for c in json.chars() {
        let harmless = c.is_ascii() && c != '\x7f';
        if harmless || escape(c.encode_utf8(&mut bytes)) == *c.encode_utf8(&mut [0; 4]) {
            escaped.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                _ = write!(escaped, "\\u{unit:04x}");
            }
        }
    }
    escaped
}

/// The columns of the terminal: what `COLUMNS` says, else what the terminal says, else 80.
pub(crate) fn columns() -> usize {
    let said = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok());
    said.or_else(terminal_columns)
        .filter(|columns| *columns > 0)
        .unwrap_or(80)
}

#[cfg(unix)]
fn terminal_columns() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stderr()).ok()?;
    Some(usize::from(size.ws_col))
}

#[cfg(not(unix))]
fn terminal_columns() -> Option<usize> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_holds_nothing_a_terminal_acts_on_and_reads_back_the_same() {
        let name = "a\u{1b}[2J\u{7f}\u{9b}2J\u{202e}gpj\u{200b}.äö日本🎄";
        let value = serde_json::json!({ "name": name });
        let text = escape_json(&value.to_string());
        for hostile in ['\u{1b}', '\u{7f}', '\u{9b}', '\u{202e}', '\u{200b}'] {
            assert!(!text.contains(hostile), "{text:?}");
        }
        assert!(text.contains("äö日本🎄"), "{text}");
        let back: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(back, value);
    }
}
