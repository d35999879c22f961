//! Two people behind every kind of network, with and without a hub between them. Networks, routers and
//! computers are namespaces of a lab that leads nowhere else.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../common/mod.rs"]
#[expect(dead_code, unused_imports, reason = "other suites use the rest")]
mod common;

mod acme;
mod cuts;
mod direct;
mod doctor;
mod hub;
mod lab;
mod pairs;
mod proxy;
mod strangers;
mod ways;
