//! Address discovery: tells a client over QUIC at which address it is seen, which it needs to make a
//! direct way through a NAT.
//!
//! Nothing is given away by it, so there is no token. It takes no streams, and few connections from
//! one address; an unproven one has to prove itself where there are many.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use iroh_relay::quic::{ALPN_QUIC_ADDR_DISC, QUIC_ADDR_DISC_CLOSE_CODE};
use noq::crypto::rustls::QuicServerConfig;
use noq::{Endpoint, EndpointConfig, IdleTimeout, TokioRuntime, TransportConfig, VarInt};
use rustls::ServerConfig;
use tokio::task::JoinSet;

use super::{
    listen::{self, network_of},
    metrics::Counter,
};
use crate::events::{Failure, FailureKind};

/// The port of address discovery where the front's own is taken.
const PORT: u16 = 7842;
/// Connections at once.
const MOST: usize = 8192;
/// Of them from one address.
const MOST_PER_ADDRESS: usize = 1024;
/// Above so many, whoever comes has to prove its address first.
const PROVE_ABOVE: usize = 256;
/// How long a client may be silent.
const SILENT: Duration = Duration::from_secs(45);

/// Address discovery of a hub.
#[derive(Debug)]
pub(super) struct Discovery {
    endpoints: Vec<Endpoint>,
    /// Its UDP port.
    pub(super) port: u16,
    pub(super) numbers: Arc<Numbers>,
}

/// How many there are.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    pub(super) clients: AtomicUsize,
    pub(super) turned_away: Counter,
    addresses: Mutex<HashMap<IpAddr, usize>>,
}

impl Discovery {
    /// Starts it at the addresses of `fronts`, at `port`, else at the same port or nearby. Its tasks
    /// run in `tasks`.
    ///
    /// # Errors
    /// `InTheWay` when the port that was asked for is taken.
    pub(super) fn start(
        fronts: &[SocketAddr],
        port: Option<u16>,
        config: &ServerConfig,
        tasks: &mut JoinSet<()>,
    ) -> Result<Self, Failure> {
        let mut config = config.clone();
        config.alpn_protocols = vec![ALPN_QUIC_ADDR_DISC.to_vec()];
        let crypto = QuicServerConfig::try_from(config).map_err(|error| {
            let message = format!("the certificate cannot be used for QUIC: {error}");
            Failure::new(FailureKind::Failed, message).hint("switch it off with --quic-port 0")
        })?;
        let mut server = noq::ServerConfig::with_crypto(Arc::new(crypto));
        server.transport_config(Arc::new(transport()));
        server.max_incoming(1024);
        server.migration(false);
        let front = fronts.first().map_or(PORT, SocketAddr::port);
        let ports = port.map_or_else(|| vec![front, PORT, 0], |port| vec![port]);
        let mut refused = None;
        for port in ports {
            match bind(fronts, port) {
                Ok(sockets) => return Self::serve(sockets, &server, tasks),
                Err(error) => refused = refused.or(Some((port, error))),
            }
        }
        let (port, error) = refused.unwrap_or((PORT, io::ErrorKind::AddrInUse.into()));
        let ip = fronts.first().map_or([0, 0, 0, 0].into(), SocketAddr::ip);
        Err(listen::cannot(SocketAddr::new(ip, port), &error))
    }

    fn serve(
        sockets: Vec<std::net::UdpSocket>,
        server: &noq::ServerConfig,
        tasks: &mut JoinSet<()>,
    ) -> Result<Self, Failure> {
        let numbers = Arc::<Numbers>::default();
        let mut endpoints = Vec::new();
        let mut port = 0;
        for socket in sockets {
            let endpoint = socket.local_addr().and_then(|addr| {
                port = addr.port();
                let runtime = Arc::new(TokioRuntime);
                Endpoint::new(
                    EndpointConfig::default(),
                    Some(server.clone()),
                    socket,
                    runtime,
                )
            });
            let endpoint = endpoint.map_err(|error| {
                let message = format!("address discovery does not start: {error}");
                Failure::new(FailureKind::Failed, message).hint("switch it off with --quic-port 0")
            })?;
            tasks.spawn(accept(endpoint.clone(), numbers.clone()));
            endpoints.push(endpoint);
        }
        Ok(Self {
            endpoints,
            port,
            numbers,
        })
    }

    /// Tells all clients that it ends.
    pub(super) async fn stop(&self) {
        for endpoint in &self.endpoints {
            endpoint.close(QUIC_ADDR_DISC_CLOSE_CODE, b"finished");
        }
        let idle = self.endpoints.iter().map(Endpoint::wait_idle);
        let idle = n0_future::join_all(idle);
        // Whoever does not answer is not waited for.
        _ = tokio::time::timeout(Duration::from_millis(300), idle).await;
    }
}

fn transport() -> TransportConfig {
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .receive_window(VarInt::from_u32(16 * 1024))
        .datagram_receive_buffer_size(None)
        .max_idle_timeout(IdleTimeout::try_from(SILENT).ok())
        .send_observed_address_reports(true);
    transport
}

/// A socket at each address of `fronts`, all at one port.
fn bind(fronts: &[SocketAddr], port: u16) -> io::Result<Vec<std::net::UdpSocket>> {
    let mut port = port;
    let mut sockets = Vec::new();
    for front in fronts {
        let socket = listen::udp(SocketAddr::new(front.ip(), port))?;
        port = socket.local_addr()?.port();
        sockets.push(socket);
    }
    Ok(sockets)
}

async fn accept(endpoint: Endpoint, numbers: Arc<Numbers>) {
    while let Some(incoming) = endpoint.accept().await {
        let ip = incoming.remote_address().ip();
        let crowded = numbers.clients.load(Ordering::Relaxed) > PROVE_ABOVE;
        if crowded && !incoming.remote_address_validated() {
            // What cannot be sent is lost, like any packet.
            _ = incoming.retry();
            continue;
        }
        let Some(place) = Place::take(&numbers, network_of(ip)) else {
            numbers.turned_away.increase();
            incoming.ignore();
            continue;
        };
        tokio::spawn(async move {
            let _place = place;
            if let Ok(connection) = incoming.await {
                connection.closed().await;
            }
        });
    }
}

struct Place(Arc<Numbers>, IpAddr);

impl Place {
    fn take(numbers: &Arc<Numbers>, address: IpAddr) -> Option<Self> {
        let mut addresses = numbers
            .addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let here = addresses.entry(address).or_default();
        if *here >= MOST_PER_ADDRESS || numbers.clients.load(Ordering::Relaxed) >= MOST {
            if *here == 0 {
                addresses.remove(&address);
            }
            return None;
        }
        *here += 1;
        numbers.clients.fetch_add(1, Ordering::Relaxed);
        Some(Self(numbers.clone(), address))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Self(numbers, address) = self;
        numbers.clients.fetch_sub(1, Ordering::Relaxed);
        let mut addresses = numbers
            .addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(here) = addresses.get_mut(address) {
            *here -= 1;
            if *here == 0 {
                addresses.remove(address);
            }
        }
    }
}
