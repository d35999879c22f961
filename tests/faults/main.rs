//! Whatever system call a kill or an error of the disk comes at, nothing is damaged, and the same line
//! typed again finishes the work.
//!
//! A line of Grove is run again and again, each time with something done to it at another of its
//! calls that are about files. `GROVE_TEST_POINTS` says how many calls of each line are tried, `all` of
//! them or so many, or which one (`@17`); `GROVE_TEST_SEED` repeats a choice.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../common/mod.rs"]
#[expect(dead_code, unused_imports, reason = "other suites use the rest")]
mod common;

mod calls;
mod copies;
mod errors;
mod get;
mod kills;
mod naming;
mod scene;
mod serve;
mod share;
mod sweep;
mod sync;
mod tracer;
