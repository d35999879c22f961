//! Whether another node can be reached, and how.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use iroh::{
    EndpointAddr, TransportAddr,
    endpoint::{Connection, ConnectionError, VarInt},
};
use n0_future::StreamExt as _;

use crate::{
    events::Path,
    node::{Node, current_path},
};

/// How long the other side has to answer at all.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);

/// How long a connection through a relay has to become a direct one.
const DIRECT_WITHIN: Duration = Duration::from_secs(5);

/// How long the other side has to say that it does not want us, and the round trip to settle.
const SETTLES_WITHIN: Duration = Duration::from_millis(300);

/// How the other side is reached.
#[derive(Debug, Clone)]
pub struct Reached {
    /// Directly, or through a relay.
    pub path: Path,
    /// Where it is: an address, or that of the relay.
    pub at: String,
    /// The round trip.
    pub round_trip: Duration,
    /// How long it took until there was a connection.
    pub connected_after: Duration,
    /// With which code the other side ended the connection by itself.
    pub ended: Option<VarInt>,
}

/// What came of the attempt.
#[derive(Debug, Clone)]
pub enum Met {
    /// It answers.
    Yes(Reached),
    /// Nobody answers at any address that is known.
    Silent {
        /// The direct addresses that were given beforehand.
        addresses: Vec<SocketAddr>,
        /// The relays that were given beforehand, for people to read.
        relays: Vec<String>,
    },
}

impl Node {
    /// Connects to `address`, speaking `alpn`, and looks how that works. Nothing is asked for.
    pub async fn reach(&self, address: &EndpointAddr, alpn: &[u8]) -> Met {
        let start = Instant::now();
        let endpoint = self.endpoint();
        let connecting = endpoint.connect(address.clone(), alpn);
        let connection = match tokio::time::timeout(ANSWERS_WITHIN, connecting).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => {
                tracing::debug!(%error, "the other side does not answer");
                return silent(address);
            }
            Err(_) => return silent(address),
        };
        let connected_after = start.elapsed();
        wait_for_direct(&connection).await;
        // Not to wait for anything: there is nothing to hear from a peer that has nothing against us.
        let closed = tokio::time::timeout(SETTLES_WITHIN, connection.closed()).await;
        let ended = match closed {
            Ok(ConnectionError::ApplicationClosed(close)) => Some(close.error_code),
            _ => None,
        };
        let reached = look(&connection, connected_after, ended);
        connection.close(VarInt::from_u32(0), b"");
        Met::Yes(reached)
    }
}

/// Waits until the connection is direct, is over, or time is up.
async fn wait_for_direct(connection: &Connection) {
    let direct = async {
        let mut paths = connection.paths_stream();
        while current_path(connection) != Some(Path::Direct) && paths.next().await.is_some() {}
    };
    let waiting = tokio::time::timeout(DIRECT_WITHIN, direct);
    tokio::select! {
        _ = waiting => {}
        _ = connection.closed() => {}
    }
}

fn look(connection: &Connection, connected_after: Duration, ended: Option<VarInt>) -> Reached {
    let paths = connection.paths();
    let chosen = paths.iter().find(iroh::endpoint::Path::is_selected);
    let chosen = chosen.or_else(|| paths.iter().next());
    let path = match &chosen {
        Some(path) if path.is_relay() => Path::Relay,
        _ => Path::Direct,
    };
    let at = chosen.as_ref().map(|path| match path.remote_addr() {
        TransportAddr::Ip(addr) => addr.to_string(),
        TransportAddr::Relay(url) => super::web::shown(&url.clone().into()),
        _ => String::new(),
    });
    Reached {
        path,
        at: at.unwrap_or_default(),
        round_trip: chosen.map(|path| path.rtt()).unwrap_or_default(),
        connected_after,
        ended,
    }
}

fn silent(address: &EndpointAddr) -> Met {
    let relays = address
        .relay_urls()
        .map(|url| super::web::shown(&url.clone().into()));
    Met::Silent {
        addresses: address.ip_addrs().copied().collect(),
        relays: relays.collect(),
    }
}
