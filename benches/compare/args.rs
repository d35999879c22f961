//! What the program is told.

use std::path::{Path, PathBuf};

use clap::Parser;

/// Compares Grove with other programs and prints a table
#[derive(Parser)]
#[command(name = "compare", bin_name = "just bench")]
pub(crate) struct Args {
    /// The cases to run; all of them without any
    #[arg(value_name = "CASE")]
    pub(crate) cases: Vec<String>,

    /// How often each contender does each
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) runs: u32,

    /// How many times smaller the content is, for a quick try
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(crate) shrink: u64,

    /// Only these contenders, by their names in the table
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    pub(crate) only: Vec<String>,

    /// Says which cases there are
    #[arg(long)]
    pub(crate) list: bool,

    /// Fails when anything did
    #[arg(long)]
    pub(crate) strict: bool,

    /// What `cargo bench` says to every benchmark
    #[arg(long, hide = true)]
    pub(crate) bench: bool,

    /// Where this program shall be one end of a raw connection
    #[arg(long, hide = true, num_args = 1.., conflicts_with = "cases")]
    pub(crate) raw: Vec<String>,
}

/// The folder of the project.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where the figures go, and while it runs what is shared and fetched too.
pub(crate) fn output() -> PathBuf {
    root().join("target/bench")
}
