//! Logs for whoever looks for a fault: nothing by default, `-v` for what Grove does, `-vv` for the
//! network below it too, `GROVE_LOG` for a filter of one's own.

use std::io::{self, Write};

use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use super::output::Output;
use crate::{
    content::escape,
    events::{Failure, FailureKind},
};

/// Starts to log to standard error, through the same lock as the bars. Only the first call in a
/// process counts.
///
/// # Errors
/// `Usage` when `GROVE_LOG` is no filter.
pub(crate) fn start(verbose: u8, output: &Output) -> Result<(), Failure> {
    let filter = match std::env::var("GROVE_LOG") {
        Ok(filter) if !filter.is_empty() => EnvFilter::try_new(filter).map_err(|error| {
            let message = format!("GROVE_LOG is not a filter: {error}");
            Failure::new(FailureKind::Usage, message).hint("say GROVE_LOG=grove=debug, or use -v")
        })?,
        _ => match verbose {
            0 => return Ok(()),
            1 => EnvFilter::new("grove=debug"),
            _ => EnvFilter::new("debug"),
        },
    };
    // Fails when another command in this process started before, whose logger then serves this one.
    _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(Lines(output.clone()))
        .with_ansi(false)
        // Its way to complain is a print that panics when standard error is closed.
        .log_internal_errors(false)
        .try_init();
    Ok(())
}

/// Writes whole lines by way of the [`Output`].
struct Lines(Output);

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(&self.0)
    }
}

/// One record.
struct Line<'a>(&'a Output);

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // The crates below write down what peers say, such as why one closed a connection.
        let text = String::from_utf8_lossy(bytes);
        let line = text.strip_suffix('\n').unwrap_or(&text);
        self.0.talk(&format!("{}\n", escape(line)));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
