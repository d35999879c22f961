//! Grove and sendme, a tool that speaks iroh-blobs too, fetch from each other.
//!
//! Where sendme 0.37.1 is, `GROVE_TEST_SENDME` says; otherwise it is looked for where this puts it:
//! `cargo install sendme --version 0.37.1 --locked --root target/peers`.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../common/mod.rs"]
#[expect(dead_code, unused_imports, reason = "other suites use the rest")]
mod common;

mod sendme;
