//! The sockets of a hub.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    time::Duration,
};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

use crate::{
    disk,
    events::{Failure, FailureKind},
};

/// The port that every network lets through.
const HTTPS: u16 = 443;
/// The port where that one may not be taken.
const ELSE: u16 = 3443;
/// How many may knock at once.
const BACKLOG: i32 = 1024;
/// How long nobody is let in after somebody could not be. Mostly there are no more files, and asking
/// again at once would only keep busy whoever is to give one back.
pub(super) const AFTER_FAILURE: Duration = Duration::from_millis(50);

/// Listens at `bind`, or where nothing is said at all addresses of the port it had `before`, else 443
/// or 3443. At least one socket, and all at the same port where none is said.
///
/// # Errors
/// `InTheWay` when a port is taken, `LocalDisk` when this user may not take it.
pub(super) fn tcp(
    bind: &[SocketAddr],
    before: Option<SocketAddr>,
) -> Result<Vec<TcpListener>, Failure> {
    if !bind.is_empty() {
        return given(bind, before);
    }
    let ports = match before.map(|addr| addr.port()) {
        // Lines to join name it.
        Some(port) => vec![port],
        None => vec![HTTPS, ELSE],
    };
    let mut refused = None;
    for port in ports {
        match everywhere(port) {
            Ok(sockets) => return Ok(sockets),
            Err(error) => refused = Some((port, error)),
        }
    }
    let (port, error) = refused.unwrap_or((ELSE, io::ErrorKind::AddrInUse.into()));
    let any = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port);
    Err(cannot(any, &error))
}

/// All of `bind`; whoever leaves the port open gets the one it had before, if it is free.
fn given(bind: &[SocketAddr], before: Option<SocketAddr>) -> Result<Vec<TcpListener>, Failure> {
    let both_families = bind.len() == 2 && bind.iter().all(|addr| addr.ip().is_unspecified());
    let mut sockets = Vec::new();
    for addr in bind {
        let again = before.filter(|_| addr.port() == 0 && bind.len() == 1);
        let again = again.map(|before| SocketAddr::new(addr.ip(), before.port()));
        let listener = match again.map(listen) {
            Some(Ok(listener)) => Ok(listener),
            _ => listen(*addr),
        };
        match listener {
            Ok(listener) => sockets.push(listener),
            // A computer without IPv6, asked for a port on all interfaces.
            Err(_) if both_families && addr.is_ipv6() && !sockets.is_empty() => {}
            Err(error) => return Err(cannot(*addr, &error)),
        }
    }
    Ok(sockets)
}

/// Both families, or the one that this computer has.
fn everywhere(port: u16) -> io::Result<Vec<TcpListener>> {
    let v4 = listen(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port));
    let v6 = listen(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port));
    let taken = |error: &io::Error| {
        let kind = error.kind();
        kind == io::ErrorKind::AddrInUse || kind == io::ErrorKind::PermissionDenied
    };
    match (v4, v6) {
        (Ok(v4), Ok(v6)) => Ok(vec![v4, v6]),
        (Ok(v4), Err(error)) if !taken(&error) => Ok(vec![v4]),
        (Err(error), Ok(v6)) if !taken(&error) => Ok(vec![v6]),
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}

/// A socket for connections.
pub(super) fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // A hub that restarts takes its port back although connections of the last run are not forgotten.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// The next connection. Whatever keeps one from being accepted ends nothing: those that are there go
/// on, and it is tried again a moment later.
pub(super) async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }
}

/// A socket for datagrams.
pub(super) fn udp(addr: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    Ok(socket.into())
}

/// That a port cannot be had, and what to do.
pub(super) fn cannot(addr: SocketAddr, error: &io::Error) -> Failure {
    let port = addr.port();
    let message = format!("cannot listen at {addr}: {}", disk::reason(error));
    let (kind, hint) = match error.kind() {
        io::ErrorKind::AddrInUse => (
            FailureKind::InTheWay,
            format!("another program has port {port}; end it, or take another with --bind"),
        ),
        io::ErrorKind::PermissionDenied => (
            FailureKind::LocalDisk,
            "ports below 1024 need a permission: see the service in contrib/, or use --bind 3443"
                .to_owned(),
        ),
        io::ErrorKind::AddrNotAvailable => (
            FailureKind::Usage,
            "this computer has no such address; leave --bind away to listen at all of them"
                .to_owned(),
        ),
        _ => (
            FailureKind::Failed,
            "take another address with --bind".to_owned(),
        ),
    };
    Failure::new(kind, message).hint(hint)
}

/// The address whose share of what there is counts: all of a home or an office in IPv6 has one.
pub(super) fn network_of(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        v4 @ IpAddr::V4(_) => v4,
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

/// The network that counts as one where there is no room for all. A line with IPv6 comes with up to 65,536
/// of those of [`network_of`]; which part of a /48 is somebody else's cannot be told from outside.
pub(super) fn line_of(ip: IpAddr) -> IpAddr {
    match network_of(ip) {
        v4 @ IpAddr::V4(_) => v4,
        IpAddr::V6(v6) => {
            let [a, b, c, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0).into()
        }
    }
}
