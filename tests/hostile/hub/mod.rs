//! Members of a hub who mean harm: they have a token, and send what no client would. That costs them
//! their own connection; the hub runs on, small, and serves the others.

mod frames;
#[path = "../../stories/hub/https.rs"]
#[expect(dead_code, reason = "other suites use the rest")]
mod https;
mod member;
mod names;
