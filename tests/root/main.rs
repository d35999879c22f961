//! What takes the rights of root to provoke, or minutes: full and read-only disks, networks that are
//! cut or not there, kills at random, power cuts,
//! people without rights, little memory.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../common/mod.rs"]
#[expect(dead_code, unused_imports, reason = "other suites use the rest")]
mod common;

mod clocks;
mod crowd;
mod destinations;
mod disks;
mod folding;
mod kills;
mod lab;
mod large;
mod names;
mod networks;
mod power;
mod rights;
mod service;
