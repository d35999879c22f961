//! A question by QUIC: under which address a relay sees us.
//!
//! All relays are asked from the same two sockets, one for each family of addresses, so that the
//! answers can be compared: a NAT that gives one socket several addresses keeps others from reaching
//! it directly.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use iroh::{Endpoint, RelayConfig};
use iroh_relay::quic::{QUIC_ADDR_DISC_CLOSE_CODE, QUIC_ADDR_DISC_CLOSE_REASON, QuicClient};
use n0_future::{StreamExt as _, future::zip};
use url::Url;

use super::WITHIN;

/// A family of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// What one relay says about one of our sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Over which family it was asked.
    pub family: Family,
    /// The socket on this computer that it was asked from.
    pub local: SocketAddr,
    /// Where the relay saw the packets come from; `None` when none came there, or none back.
    pub address: Option<SocketAddr>,
}

/// The sockets that relays are asked from. Where a family does not exist, neither does its socket.
#[derive(Debug, Clone)]
pub(super) struct Sockets {
    v4: Option<noq::Endpoint>,
    v6: Option<noq::Endpoint>,
}

impl Sockets {
    pub(super) fn open() -> Self {
        let open = |ip: IpAddr| noq::Endpoint::client(SocketAddr::new(ip, 0)).ok();
        Self {
            v4: open(Ipv4Addr::UNSPECIFIED.into()),
            v6: open(Ipv6Addr::UNSPECIFIED.into()),
        }
    }

    /// Asks a relay over each family that both have an address of. Empty if it does not do that.
    pub(super) async fn ask(&self, endpoint: &Endpoint, relay: &RelayConfig) -> Vec<Seen> {
        let (Some(quic), Ok(resolver)) = (&relay.quic, endpoint.dns_resolver()) else {
            return Vec::new();
        };
        let url: Url = relay.url.clone().into();
        let host = url.host_str().unwrap_or_default();
        let name = host.trim_start_matches('[').trim_end_matches(']');
        let (mut v4, mut v6) = (None, None);
        match name.parse() {
            Ok(IpAddr::V4(ip)) => v4 = Some(IpAddr::V4(ip)),
            Ok(IpAddr::V6(ip)) => v6 = Some(IpAddr::V6(ip)),
            Err(_) => {
                let (first4, first6) = zip(
                    resolver.lookup_ipv4(name, WITHIN),
                    resolver.lookup_ipv6(name, WITHIN),
                )
                .await;
                v4 = first4.ok().and_then(|mut ips| ips.next());
                v6 = first6.ok().and_then(|mut ips| ips.next());
            }
        }
        let tls = endpoint.tls_config();
        let (v4, v6) = zip(
            ask(self.v4.as_ref(), Family::V4, v4, quic.port, name, tls),
            ask(self.v6.as_ref(), Family::V6, v6, quic.port, name, tls),
        )
        .await;
        v4.into_iter().chain(v6).collect()
    }
}

async fn ask(
    socket: Option<&noq::Endpoint>,
    family: Family,
    ip: Option<IpAddr>,
    port: u16,
    name: &str,
    tls: &rustls::ClientConfig,
) -> Option<Seen> {
    let (socket, ip) = (socket?, ip?);
    let server = SocketAddr::new(ip, port);
    let local_ip = local_ip(server)?;
    let client = QuicClient::new(socket.clone(), tls.clone());
    let asking = async {
        let connecting = client.create_conn(server, name);
        let connection = connecting.await.ok()?;
        let address = connection.observed_external_addr().next().await?;
        connection.close(QUIC_ADDR_DISC_CLOSE_CODE, QUIC_ADDR_DISC_CLOSE_REASON);
        Some(address)
    };
    let answer = tokio::time::timeout(WITHIN, asking).await.ok().flatten();
    Some(Seen {
        family,
        local: SocketAddr::new(local_ip, socket.local_addr().ok()?.port()),
        address: answer.map(|at| SocketAddr::new(at.ip().to_canonical(), at.port())),
    })
}

/// The address of this computer that packets to `server` are sent from; `None` where there is no way
/// there. No packet is sent.
fn local_ip(server: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(server).ok()?;
    Some(socket.local_addr().ok()?.ip())
}
