//! Hubs that mean harm: their members trust them with their packets and with where others are, and with
//! nothing else.
//!
//! [`Evil`] stands in front of a real hub, under a certificate of its own, and hands on what it likes: the
//! frames that the relay sends to members are changed by what `relay` says, and questions to the
//! directory are answered by `directory`.

mod directory;
mod relay;

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use grove::content::HubTicket;
use rustls::pki_types::PrivatePkcs8KeyDer;
use sha2::{Digest as _, Sha256};
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    runtime::Runtime,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use self::{
    directory::Lie,
    relay::{Began, Mischief},
};
use crate::common::{Hub, Peer, certify};

/// What it does at the moment; nothing but honest work at first.
#[derive(Default)]
struct Plan {
    mischief: Mutex<Option<Mischief>>,
    began: Began,
    lie: Mutex<Option<Lie>>,
}

/// A hub that cannot be trusted.
pub(crate) struct Evil {
    _runtime: Runtime,
    _hub: Hub,
    plan: Arc<Plan>,
    /// What people join it with.
    ticket: String,
}

type FromMember = BufReader<tokio::io::ReadHalf<TlsStream<TcpStream>>>;
type ToMember = tokio::io::WriteHalf<TlsStream<TcpStream>>;

impl Evil {
    fn new() -> Self {
        let hub = Hub::start(&["--plain-http"]);
        let behind: SocketAddr = hub.parsed().hosts[0].parse().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let (acceptor, pin) = certified();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let ticket = HubTicket {
            hosts: vec![listener.local_addr().unwrap().to_string()],
            quic_port: None,
            pin: Some(pin),
            ..hub.parsed()
        };
        let plan = Arc::new(Plan::default());
        let shared = plan.clone();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, plan) = (acceptor.clone(), shared.clone());
                tokio::spawn(async move {
                    // Either side may have gone away.
                    _ = serve(stream, &acceptor, behind, &plan).await;
                });
            }
        });
        Self {
            _runtime: runtime,
            _hub: hub,
            plan,
            ticket: ticket.to_string(),
        }
    }

    /// From now on it does this to what it relays.
    fn turns(&self, mischief: Mischief) {
        *self.plan.mischief.lock().unwrap() = Some(mischief);
    }

    /// From now on its directory answers this.
    fn says(&self, lie: Lie) {
        *self.plan.lie.lock().unwrap() = Some(lie);
    }

    /// Somebody who joined it while it was honest.
    fn member(&self, name: &'static str) -> Peer {
        let peer = Peer::new(name).online();
        peer.grove(&["join", &self.ticket]).expect(0);
        peer
    }
}

/// A certificate for the loopback interface, and the hash of what signed it.
fn certified() -> (TlsAcceptor, [u8; 32]) {
    let made = certify("127.0.0.1");
    let (leaf, root) = (made.leaf.der().clone(), made.root.der().clone());
    let pin = Sha256::digest(&root).into();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf, root],
            PrivatePkcs8KeyDer::from(made.key.serialize_der()).into(),
        )
        .unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    (TlsAcceptor::from(Arc::new(config)), pin)
}

/// One request of a member.
async fn serve(
    stream: TcpStream,
    acceptor: &TlsAcceptor,
    hub: SocketAddr,
    plan: &Plan,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (reader, mut to_member) = tokio::io::split(acceptor.accept(stream).await?);
    let mut from_member: FromMember = BufReader::new(reader);
    let mut head = head(&mut from_member).await?;
    let lie = plan.lie.lock().unwrap().clone();
    if let (Some(lie), true) = (lie, head.starts_with(b"GET /pkarr/")) {
        return lie.answer(&mut to_member).await;
    }
    let is_relay = head.starts_with(b"GET /relay");
    if !is_relay {
        // One request for each connection, so that each is seen.
        head.truncate(head.len() - 2);
        head.extend(b"connection: close\r\n\r\n");
    }
    let hub = TcpStream::connect(hub).await?;
    hub.set_nodelay(true)?;
    let (from_hub, mut to_hub) = hub.into_split();
    to_hub.write_all(&head).await?;
    let up = tokio::spawn(async move { tokio::io::copy_buf(&mut from_member, &mut to_hub).await });
    let mut from_hub = BufReader::new(from_hub);
    let mischief = *plan.mischief.lock().unwrap();
    let done = match mischief.filter(|_| is_relay) {
        Some(mischief) => {
            mischief
                .carry(&mut from_hub, &mut to_member, &plan.began)
                .await
        }
        None => tokio::io::copy_buf(&mut from_hub, &mut to_member)
            .await
            .map(drop),
    };
    up.abort();
    done
}

/// The head of a request or an answer, with the empty line behind it.
async fn head(from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if from.read_until(b'\n', &mut head).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(head)
}
