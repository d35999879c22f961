//! An endpoint with our transport settings, and the paths to a peer.

use std::net::SocketAddr;

/// Which parts of the network are used.
#[derive(Debug, Clone)]
pub struct Network {
    /// Use no relay and no directory: only direct addresses and the local network.
    pub offline: bool,
    /// Find peers on the local network, and be found there (mDNS).
    pub lan: bool,
    /// Addresses to listen at; empty means any port on all interfaces.
    pub bind: Vec<SocketAddr>,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            offline: false,
            lan: true,
            bind: Vec::new(),
        }
    }
}
