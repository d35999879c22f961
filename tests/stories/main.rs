//! What people do with Grove, told with the real program: each test is one of them or two, on the
//! loopback interface.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../common/mod.rs"]
#[expect(dead_code, unused_imports, reason = "other suites use the rest")]
mod common;

mod bad_input;
mod cache;
mod changed;
mod conflicts;
mod damage;
mod doctor;
mod get;
mod hub;
mod hygiene;
mod join;
mod limits;
mod listing;
mod machine;
mod names;
mod resume;
mod secrets;
mod share;
mod sparse;
mod stop;
mod together;
mod verify;
