//! The benchmark suite: Grove beside other programs, as whole processes, in one run on one machine.
//!
//! `cargo bench --bench compare -- [CASE…]`, or `just bench`, which installs the other programs first.
//! docs/performance.md says what the cases are and what came out.
//!
//! The program starts itself again in namespaces of its own ([`outside`]): a network without any way
//! out, so that nothing asks public servers; processes that all end with it, however it ends; mounts
//! that nobody else sees. In there ([`inside`]) each case lets its contenders take turns, so that noise
//! hits all alike. Long and lossy ways are made by a [`link`] between two networks.
//!
//! What a contender fails at becomes a note below the table, and the rest goes on.

#![cfg(target_os = "linux")]

mod args;
mod cases;
mod content;
mod inside;
mod lab;
mod link;
mod machine;
mod measure;
mod net;
mod outside;
mod peers;
mod process;
mod table;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser as _;

fn main() -> Result<ExitCode> {
    let args = args::Args::parse();
    if !args.raw.is_empty() {
        peers::be_raw(&args.raw)?;
    } else if args.list {
        inside::list();
    } else {
        let cases = inside::chosen(&args.cases)?;
        match outside::scratch() {
            Some(scratch) => inside::run(&args, &cases, &scratch)?,
            None => return outside::run(),
        }
    }
    Ok(ExitCode::SUCCESS)
}
