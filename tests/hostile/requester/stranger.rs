//! A stranger: somebody who speaks QUIC without iroh, so that it can do what iroh would not, and be
//! hundreds of people at once for little memory.

use std::{net::SocketAddr, sync::Arc};

use grove::{
    content::{Hash, Ticket},
    transfer::wire::{ALPN, Reset},
};
use noq::{
    ClientConfig, Connection, ConnectionError, Endpoint, EndpointConfig, ReadError, ReadToEndError,
    RecvStream, SendStream, TokioRuntime, TransportConfig, VarInt,
    crypto::rustls::QuicClientConfig,
};
use rustls::{
    client::AlwaysResolvesClientRawPublicKeys,
    crypto::ring,
    pki_types::{CertificateDer, PrivatePkcs8KeyDer},
    sign::CertifiedKey,
};

use crate::common::Anybody;

/// Where a share is served, and what it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    pub(super) address: SocketAddr,
    pub(super) root: Hash,
}

impl Target {
    pub(super) fn of(ticket: &str) -> Self {
        let ticket: Ticket = ticket.parse().unwrap();
        Self {
            address: *ticket.addr.ip_addrs().next().unwrap(),
            root: ticket.hash,
        }
    }
}

/// How a stranger behaves.
#[derive(Debug, Clone)]
pub(super) struct Manner {
    /// Bytes that it takes of each stream without reading them.
    pub(super) window: u32,
    /// The protocols that it claims to speak.
    pub(super) protocols: Vec<Vec<u8>>,
    /// Whether it claims to look for direct paths, as iroh does.
    pub(super) looks_for_paths: bool,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            window: 64 * 1024,
            protocols: vec![ALPN.to_vec()],
            looks_for_paths: false,
        }
    }
}

/// A socket from which any number of people connect.
#[derive(Debug, Clone)]
pub(super) struct Stranger(Endpoint);

impl Stranger {
    /// At an address of the loopback interface.
    pub(super) fn at(ip: [u8; 4]) -> Self {
        let socket = std::net::UdpSocket::bind(SocketAddr::from((ip, 0))).unwrap();
        let runtime = Arc::new(TokioRuntime);
        Self(Endpoint::new(EndpointConfig::default(), None, socket, runtime).unwrap())
    }

    /// Connects as person number `who`.
    pub(super) async fn connect(
        &self,
        target: Target,
        who: u64,
        manner: &Manner,
    ) -> Result<Connection, ConnectionError> {
        self.begin(target.address, who, manner).await
    }

    /// Begins to connect; what comes of it is up to who holds the result.
    pub(super) fn begin(&self, address: SocketAddr, who: u64, manner: &Manner) -> noq::Connecting {
        let config = config(who, manner);
        self.0.connect_with(config, address, "nobody").unwrap()
    }

    /// Connects as person number `who`, as somebody honest would.
    pub(super) async fn arrive(&self, target: Target, who: u64) -> Connection {
        let connection = self.connect(target, who, &Manner::default()).await;
        connection.unwrap()
    }

    /// Whether all connections are gone, also for the endpoint.
    pub(super) async fn forget(&self) {
        self.0.close(VarInt::from_u32(0), b"");
        self.0.wait_idle().await;
    }
}

fn seed(who: u64) -> [u8; 32] {
    let mut seed = [0x5a; 32];
    seed[..8].copy_from_slice(&who.to_le_bytes());
    seed
}

/// The id of person number `who`.
pub(super) fn id(who: u64) -> [u8; 32] {
    *iroh::SecretKey::from_bytes(&seed(who)).public().as_bytes()
}

fn config(who: u64, manner: &Manner) -> ClientConfig {
    // An Ed25519 key in the form of RFC 8410.
    let mut document = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20".to_vec();
    document.extend(seed(who));
    let key = ring::sign::any_eddsa_type(&PrivatePkcs8KeyDer::from(document)).unwrap();
    let public = key.public_key().unwrap();
    let public = CertificateDer::from(public.as_ref().to_vec());
    let key = Arc::new(CertifiedKey::new(vec![public], key));
    let provider = Arc::new(ring::default_provider());
    let mut crypto = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody { by_key: true }))
        .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(key)));
    crypto.alpn_protocols.clone_from(&manner.protocols);
    crypto.enable_sni = false;
    let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(crypto).unwrap()));
    let mut transport = TransportConfig::default();
    transport
        .stream_receive_window(manner.window.into())
        .keep_alive_interval(Some(std::time::Duration::from_secs(5)));
    if manner.looks_for_paths {
        transport
            .max_concurrent_multipath_paths(13)
            .max_remote_nat_traversal_addresses(32);
    }
    config.transport_config(Arc::new(transport));
    config
}

/// Sends `bytes` as a whole request, and reads nothing of the answer.
pub(super) async fn request(
    connection: &Connection,
    bytes: &[u8],
) -> Result<(SendStream, RecvStream), ConnectionError> {
    let (mut send, recv) = connection.open_bi().await?;
    // A provider that refuses early stops the stream.
    let _ = send.write_all(bytes).await;
    let _ = send.finish();
    Ok((send, recv))
}

/// What a request of these bytes is answered with: a length, or why not; `Err(None)` when the
/// connection ended.
pub(super) async fn ask(connection: &Connection, bytes: &[u8]) -> Result<usize, Option<Reset>> {
    let (_send, mut recv) = request(connection, bytes).await.map_err(|_| None)?;
    match recv.read_to_end(64 << 20).await {
        Ok(answer) => Ok(answer.len()),
        Err(ReadToEndError::Read(ReadError::Reset(code))) => {
            let code = iroh::endpoint::VarInt::from_u64(code.into_inner()).unwrap();
            Err(Some(Reset::from_code(code)))
        }
        Err(_) => Err(None),
    }
}
