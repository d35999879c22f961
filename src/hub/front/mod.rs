//! The one port that nearly everything goes through.
//!
//! A connection passes these steps, each with its own deadline: it gets a place ([`Doors`]), shakes
//! hands by TLS, and sends HTTP requests, of bounded size, which `route` answers. What it may cost
//! before it has shown a token is little and bounded; a failure of one is nobody else's.
//!
//! [`Doors`]: super::limits::Doors

mod access;
mod route;

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use iroh_relay::server::streams::MaybeTlsStream;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

#[cfg(any(test, fuzzing))]
pub(crate) use self::access::{address as address_of, token as token_of};
use self::route::Visitor;
use super::{acme::PROOF, certificate::Identity, limits::Place, listen::accept, running::Parts};

/// How long a handshake of TLS may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long the head of a request may take; an idle connection stays as long.
const HEAD: Duration = Duration::from_secs(20);
/// Most bytes of the head of a request, as of what is read at once.
const HEAD_BYTES: usize = 16 * 1024;
/// Most headers of a request.
const HEADERS: usize = 64;
/// How long the system waits before it asks whether the other side still exists.
const KEEP_ALIVE: Duration = Duration::from_mins(1);

/// Serves whoever comes to `listener`, until `ended`.
pub(super) async fn serve(
    listener: TcpListener,
    identity: Identity,
    parts: Arc<Parts>,
    ended: CancellationToken,
) {
    loop {
        let (stream, from) = tokio::select! {
            () = ended.cancelled() => return,
            accepted = accept(&listener) => accepted,
        };
        let is_proxy = parts.trusted.contains(&from.ip().to_canonical());
        let Some(place) = parts.doors.enter(from.ip(), is_proxy) else {
            continue;
        };
        let (identity, parts, ended) = (identity.clone(), parts.clone(), ended.clone());
        tokio::spawn(async move {
            let place = Arc::new(place);
            let work = connection(stream, from, &identity, parts.clone(), place.clone(), ended);
            let done = tokio::select! {
                done = work => done,
                () = parts.over.cancelled() => return,
                () = place.ended.cancelled() => Err(io::ErrorKind::TimedOut.into()),
            };
            if let Err(error) = done {
                parts.counters.broken.increase();
                tracing::debug!(%from, %error, "a connection ended");
            }
        });
    }
}

async fn connection(
    stream: TcpStream,
    from: SocketAddr,
    identity: &Identity,
    parts: Arc<Parts>,
    place: Arc<Place>,
    ended: CancellationToken,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keep_alive = socket2::TcpKeepalive::new().with_time(KEEP_ALIVE);
    SockRef::from(&stream).set_tcp_keepalive(&keep_alive)?;
    // By this the connection can be ended when it is the relay's and its client says nothing.
    let handle = Arc::new(SockRef::from(&stream).try_clone()?);
    let handshake = tokio::time::timeout(HANDSHAKE, shake_hands(stream, identity));
    let Some(stream) = handshake.await?? else {
        return Ok(());
    };
    let visitor = Arc::new(Visitor::new(from, parts, place, handle));
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let visitor = visitor.clone();
        async move { Ok::<_, Infallible>(visitor.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let done = tokio::select! {
        done = connection.as_mut() => done,
        () = ended.cancelled() => {
            // What is being answered is answered.
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    done.map_err(io::Error::other)
}

/// TLS, where it does not end at a proxy; `None` when it was the authority that is asked for
/// a certificate, which has seen by now what it wanted to.
async fn shake_hands(stream: TcpStream, identity: &Identity) -> io::Result<Option<MaybeTlsStream>> {
    let Some(config) = &identity.config else {
        return Ok(Some(MaybeTlsStream::Plain(stream)));
    };
    let stream = TlsAcceptor::from(config.clone()).accept(stream).await?;
    if stream.get_ref().1.alpn_protocol() == Some(PROOF) {
        return Ok(None);
    }
    Ok(Some(MaybeTlsStream::Tls(stream)))
}
