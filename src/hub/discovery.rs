//! Address discovery: tells a client over QUIC at which address it is seen, which it needs to make a
//! direct way through a NAT.
//!
//! Nothing is given away by it, so there is no token. It takes no streams, and few connections from
//! one address; an unproven one has to prove itself where there are many. Where there is no room for one
//! more, one of the network that has most makes it ([`Crowd`]): nobody can keep it all for himself.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use iroh_relay::quic::{ALPN_QUIC_ADDR_DISC, QUIC_ADDR_DISC_CLOSE_CODE};
use noq::crypto::rustls::QuicServerConfig;
use noq::{Endpoint, EndpointConfig, IdleTimeout, TokioRuntime, TransportConfig, VarInt};
use rustls::ServerConfig;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{
    crowd::Crowd,
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
    pub(super) places: Arc<Places>,
}

/// All connections, and how many there may be.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    most_per_address: usize,
    there: Mutex<There>,
    /// Those whose address had as many as it may.
    pub(super) turned_away: Counter,
    /// Those that were ended for others.
    pub(super) made_room: Counter,
}

#[derive(Debug, Default)]
struct There {
    next: u64,
    crowd: Crowd<(IpAddr, CancellationToken)>,
    addresses: HashMap<IpAddr, usize>,
}

/// The place of one connection; free again when this is dropped.
#[derive(Debug)]
struct Place {
    places: Arc<Places>,
    number: u64,
    address: IpAddr,
    /// Cancelled when it has to make room.
    ended: CancellationToken,
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
                Ok(sockets) => {
                    let places = Places::new(MOST, MOST_PER_ADDRESS);
                    return Self::serve(sockets, &server, places, tasks);
                }
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
        places: Places,
        tasks: &mut JoinSet<()>,
    ) -> Result<Self, Failure> {
        let places = Arc::new(places);
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
            tasks.spawn(accept(endpoint.clone(), places.clone()));
            endpoints.push(endpoint);
        }
        Ok(Self {
            endpoints,
            port,
            places,
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

async fn accept(endpoint: Endpoint, places: Arc<Places>) {
    while let Some(incoming) = endpoint.accept().await {
        let ip = incoming.remote_address().ip();
        let crowded = places.clients() > PROVE_ABOVE;
        if crowded && !incoming.remote_address_validated() {
            // What cannot be sent is lost, like any packet.
            _ = incoming.retry();
            continue;
        }
        let Some(place) = Places::take(&places, ip) else {
            incoming.ignore();
            continue;
        };
        tokio::spawn(async move {
            let connected = tokio::select! {
                connected = incoming => connected,
                () = place.ended.cancelled() => return,
            };
            let Ok(connection) = connected else {
                return;
            };
            tokio::select! {
                _ = connection.closed() => {}
                () = place.ended.cancelled() => {
                    connection.close(QUIC_ADDR_DISC_CLOSE_CODE, b"others want to know, too");
                }
            }
        });
    }
}

impl Places {
    fn new(most: usize, most_per_address: usize) -> Self {
        Self {
            most,
            most_per_address,
            there: Mutex::default(),
            turned_away: Counter::default(),
            made_room: Counter::default(),
        }
    }

    /// How many there are.
    pub(super) fn clients(&self) -> usize {
        self.there().crowd.len()
    }

    /// A place for one more from `ip`, unless its address has as many as it may.
    fn take(places: &Arc<Self>, ip: IpAddr) -> Option<Place> {
        let address = network_of(ip);
        let mut there = places.there();
        let here = there.addresses.get(&address).copied().unwrap_or_default();
        if here >= places.most_per_address {
            places.turned_away.increase();
            return None;
        }
        if there.crowd.len() >= places.most
            && let Some((address, ended)) = there.crowd.make_room()
        {
            ended.cancel();
            there.forget(address);
            places.made_room.increase();
        }
        let number = there.next;
        there.next += 1;
        let ended = CancellationToken::new();
        there
            .crowd
            .insert(address, number, (address, ended.clone()));
        *there.addresses.entry(address).or_default() += 1;
        drop(there);
        Some(Place {
            places: places.clone(),
            number,
            address,
            ended,
        })
    }

    fn there(&self) -> MutexGuard<'_, There> {
        self.there.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl There {
    /// One of this address is not there any more.
    fn forget(&mut self, address: IpAddr) {
        if let Some(here) = self.addresses.get_mut(&address) {
            *here -= 1;
            if *here == 0 {
                self.addresses.remove(&address);
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut there = self.places.there();
        // Who made room is forgotten already.
        if there.crowd.remove(self.address, self.number).is_some() {
            there.forget(self.address);
        }
    }
}

#[cfg(test)]
mod tests {
    use noq::{ClientConfig, Connection, ConnectionError, crypto::rustls::QuicClientConfig};
    use rcgen::{CertifiedKey, generate_simple_self_signed};
    use rustls::{RootCertStore, pki_types::PrivatePkcs8KeyDer};

    use super::*;
    use crate::hub::certificate::provider;

    fn take(places: &Arc<Places>, ip: &str) -> Option<Place> {
        Places::take(places, ip.parse().unwrap())
    }

    #[test]
    fn one_line_does_not_take_all_places() {
        let places = Arc::new(Places::new(64, 16));
        let alice = take(&places, "2001:db8:1::1").unwrap();
        // A line with a /56 has 256 networks of its own.
        let stranger: Vec<_> = (0..256)
            .filter_map(|number| take(&places, &format!("2001:db8:2:{:x}::1", number % 8)))
            .collect();
        let bob = take(&places, "192.0.2.7").unwrap();
        let carol = take(&places, "192.0.2.8").unwrap();
        for member in [&alice, &bob, &carol] {
            assert!(!member.ended.is_cancelled());
        }
        assert_eq!(places.clients(), 64);
        let left = stranger.iter().filter(|place| !place.ended.is_cancelled());
        assert_eq!(left.count(), 61);
        drop((alice, bob, carol, stranger));
        let there = places.there();
        assert_eq!((there.crowd.len(), there.addresses.len()), (0, 0));
    }

    #[test]
    fn one_address_gets_no_more_than_its_connections() {
        let places = Arc::new(Places::new(64, 4));
        let office: Vec<_> = (0..9).map(|_| take(&places, "2001:db8:1:2::1")).collect();
        assert_eq!(office.iter().flatten().count(), 4);
        assert_eq!(places.turned_away.get(), 5);
        assert!(
            office
                .iter()
                .flatten()
                .all(|place| !place.ended.is_cancelled())
        );
        assert!(take(&places, "2001:db8:1:3::1").is_some());
    }

    /// A server with few places, and what connects to it from an address of the loopback interface.
    struct Scene {
        discovery: Discovery,
        client: ClientConfig,
        _tasks: JoinSet<()>,
    }

    impl Scene {
        fn new(places: Places) -> Self {
            let CertifiedKey { cert, signing_key } =
                generate_simple_self_signed(["hub.example".to_owned()]).unwrap();
            let versions = [&rustls::version::TLS13];
            let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
            let mut server = ServerConfig::builder_with_provider(provider())
                .with_protocol_versions(&versions)
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![cert.der().clone()], key.into())
                .unwrap();
            server.alpn_protocols = vec![ALPN_QUIC_ADDR_DISC.to_vec()];
            let server = QuicServerConfig::try_from(server).unwrap();
            let mut roots = RootCertStore::empty();
            roots.add(cert.der().clone()).unwrap();
            let mut client = rustls::ClientConfig::builder_with_provider(provider())
                .with_protocol_versions(&versions)
                .unwrap()
                .with_root_certificates(roots)
                .with_no_client_auth();
            client.alpn_protocols = vec![ALPN_QUIC_ADDR_DISC.to_vec()];
            let client = QuicClientConfig::try_from(client).unwrap();
            let mut tasks = JoinSet::new();
            let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.set_nonblocking(true).unwrap();
            let server = noq::ServerConfig::with_crypto(Arc::new(server));
            Self {
                discovery: Discovery::serve(vec![socket], &server, places, &mut tasks).unwrap(),
                client: ClientConfig::new(Arc::new(client)),
                _tasks: tasks,
            }
        }

        async fn connect(&self, ip: [u8; 4]) -> Result<(Endpoint, Connection), ConnectionError> {
            let endpoint = Endpoint::client(SocketAddr::from((ip, 0))).unwrap();
            let to = SocketAddr::from(([127, 0, 0, 1], self.discovery.port));
            let connecting = endpoint.connect_with(self.client.clone(), to, "hub.example");
            connecting
                .unwrap()
                .await
                .map(|connection| (endpoint, connection))
        }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn whoever_makes_room_is_told() {
        let scene = Scene::new(Places::new(4, 3));
        let stranger = [127, 0, 0, 2];
        let first = scene.connect(stranger).await.unwrap();
        let mut others = Vec::new();
        for ip in [[127, 0, 0, 3], stranger, stranger, [127, 0, 0, 4]] {
            others.push(scene.connect(ip).await.unwrap());
        }
        let ended = first.1.closed().await;
        assert!(
            matches!(&ended, ConnectionError::ApplicationClosed(close)
                if close.error_code == QUIC_ADDR_DISC_CLOSE_CODE),
            "{ended}"
        );
        assert!(
            others
                .iter()
                .all(|(_, there)| there.close_reason().is_none())
        );
        assert_eq!(scene.discovery.places.clients(), 4);
        scene.discovery.stop().await;
    }
}
