//! What a hub that runs says about itself.

use serde::{Deserialize, Serialize};

/// The state of a hub, for `grove hub status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The version of the program that runs.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// When it was started, in seconds since 1970.
    pub since: u64,
    /// Seconds since then.
    pub up_seconds: u64,
    /// Where it answers, the best first.
    pub hosts: Vec<String>,
    /// Where it listens.
    pub listens: Vec<String>,
    /// Whether there is a relay.
    pub relay: bool,
    /// Whether there is a directory.
    pub directory: bool,
    /// Whether everybody is let in.
    pub open: bool,
    /// The UDP port of address discovery.
    pub quic_port: Option<u16>,
    /// Where DNS is answered.
    pub dns: Option<String>,
    /// Where metrics are told.
    pub metrics: Option<String>,
    /// Endpoints connected to the relay.
    pub clients: u64,
    /// Connections to the front.
    pub connections: u64,
    /// Connections to address discovery.
    pub discovery_clients: u64,
    /// Bytes that the relay carried to clients.
    pub relayed_bytes: u64,
    /// Records in the directory.
    pub records: u64,
    /// Records that were published since the start.
    pub records_published: u64,
    /// Records that were asked for since the start.
    pub records_resolved: u64,
    /// Records that a limit refused since the start.
    pub records_refused: u64,
    /// Requests without a token, or with a wrong one, since the start.
    pub unauthorized: u64,
    /// Connections that there was no room for, since the start.
    pub turned_away: u64,
    /// The tokens, the oldest first.
    pub tokens: Vec<TokenStatus>,
}

/// A token, and who uses it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenStatus {
    /// Its name.
    pub name: String,
    /// When it was made, in seconds since 1970.
    pub made: u64,
    /// Endpoints that are connected with it.
    pub clients: u64,
}
