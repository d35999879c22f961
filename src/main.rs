//! The `grove` program. Everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    grove::cli::quiet_panics();
    grove::disk::forbid_core_dumps();
    grove::cli::run(std::env::args_os())
}
