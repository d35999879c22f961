//! The limits of the transports: as many bytes as the tree has, through nothing but connections, and
//! thrown away. Both ends are this program, started again.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use iroh::{Endpoint, EndpointAddr, EndpointId, RelayMode, endpoint::presets};

use super::{Offer, Peer, Side};
use crate::{content::Tree, process::Running};

/// A number of streams of a transport.
pub(crate) struct Raw {
    name: &'static str,
    transport: &'static str,
    streams: u64,
}

const QUIC: &str = "quic";
const TCP: &str = "tcp";
const ALPN: &[u8] = b"grove-bench-raw";
const PORT: u16 = 8999;
const BLOCK: usize = 64 * 1024;

impl Raw {
    /// What Grove's transport carries at most on a short way.
    pub(crate) const QUIC: Self = Self {
        name: "1 QUIC stream",
        transport: QUIC,
        streams: 1,
    };

    /// The same on a long way, which one stream of the usual window does not fill.
    pub(crate) const QUIC_STREAMS: Self = Self {
        name: "16 QUIC streams",
        transport: QUIC,
        streams: 16,
    };

    /// What the system's own transport carries.
    pub(crate) const TCP_STREAMS: Self = Self {
        name: "8 TCP streams",
        transport: TCP,
        streams: 8,
    };
}

impl Peer for Raw {
    fn name(&self) -> &'static str {
        self.name
    }

    fn version(&self) -> String {
        format!("{}, nothing else (the limit of the transport)", self.name)
    }

    fn offer(&self, _: &Tree, side: &Side) -> Result<Offer> {
        let mut command = side.net.command(std::env::current_exe()?);
        command.args(["--raw", "serve", self.transport, side.net.address]);
        let server = Running::start(command, &side.home)?;
        let (token, _) = server.wait_for(|line| Some(line.to_owned()))?;
        Ok(Offer {
            token,
            took: None,
            server: Some(server),
            helpers: Vec::new(),
        })
    }

    fn fetch(&self, offer: &Offer, tree: &Tree, side: &Side) -> Result<Running> {
        let mut command = side.net.command(std::env::current_exe()?);
        let each = (tree.bytes / self.streams).to_string();
        let streams = self.streams.to_string();
        command.args([
            "--raw",
            "fetch",
            self.transport,
            &offer.token,
            &streams,
            &each,
        ]);
        Running::start(command, &side.home)
    }

    fn keeps(&self) -> bool {
        false
    }
}

/// What the program does when it was started as one end of a connection.
pub(crate) fn be_raw(words: &[String]) -> Result<()> {
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    match *words {
        ["serve", TCP, address] => serve_tcp(address),
        ["fetch", TCP, token, streams, each] => fetch_tcp(token, streams.parse()?, each.parse()?),
        ["serve", QUIC, address] => runtime()?.block_on(serve_quic(address)),
        ["fetch", QUIC, token, streams, each] => {
            runtime()?.block_on(fetch_quic(token, streams.parse()?, each.parse()?))
        }
        _ => bail!("not a way to help out: {words:?}"),
    }
}

fn tell(token: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{token}")?;
    Ok(stdout.flush()?)
}

/// A connection asks for a number of bytes and gets them.
fn serve_tcp(address: &str) -> Result<()> {
    let listener = TcpListener::bind((address, PORT))?;
    tell(&listener.local_addr()?.to_string())?;
    loop {
        let (mut stream, _) = listener.accept()?;
        thread::spawn(move || -> Result<()> {
            let mut bytes = [0; 8];
            stream.read_exact(&mut bytes)?;
            let mut left = u64::from_be_bytes(bytes);
            let block = vec![0x5a; BLOCK];
            while left > 0 {
                let some = &block[..BLOCK.min(usize::try_from(left)?)];
                stream.write_all(some)?;
                left -= some.len() as u64;
            }
            Ok(())
        });
    }
}

fn fetch_tcp(token: &str, streams: u64, each: u64) -> Result<()> {
    let fetches: Vec<_> = (0..streams)
        .map(|_| {
            let token = token.to_owned();
            thread::spawn(move || -> Result<()> {
                let mut stream = TcpStream::connect(token)?;
                stream.write_all(&each.to_be_bytes())?;
                let mut left = each;
                let mut block = vec![0; BLOCK];
                while left > 0 {
                    let read = stream.read(&mut block)?;
                    ensure!(read > 0, "the connection ended early");
                    left = left.saturating_sub(read as u64);
                }
                Ok(())
            })
        })
        .collect();
    for fetch in fetches {
        let Ok(result) = fetch.join() else {
            bail!("a stream gave up");
        };
        result?;
    }
    Ok(())
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Runtime::new()?)
}

async fn endpoint(address: &str) -> Result<Endpoint> {
    let builder = Endpoint::builder(presets::Minimal)
        .relay_mode(RelayMode::Disabled)
        .alpns(vec![ALPN.to_vec()])
        .clear_ip_transports()
        .bind_addr(address.parse::<SocketAddr>()?)?;
    Ok(builder.bind().await?)
}

async fn serve_quic(address: &str) -> Result<()> {
    let endpoint = endpoint(&format!("{address}:{PORT}")).await?;
    tell(&format!("{}@{address}:{PORT}", endpoint.id()))?;
    while let Some(incoming) = endpoint.accept().await {
        let connection = incoming.await?;
        tokio::spawn(async move {
            while let Ok((mut send, mut receive)) = connection.accept_bi().await {
                tokio::spawn(async move {
                    let mut bytes = [0; 8];
                    receive.read_exact(&mut bytes).await?;
                    let mut left = u64::from_be_bytes(bytes);
                    let block = bytes::Bytes::from(vec![0x5a; BLOCK]);
                    while left > 0 {
                        let some = block.slice(..BLOCK.min(usize::try_from(left)?));
                        left -= some.len() as u64;
                        send.write_chunk(some).await?;
                    }
                    send.finish()?;
                    anyhow::Ok(())
                });
            }
        });
    }
    Ok(())
}

async fn fetch_quic(token: &str, streams: u64, each: u64) -> Result<()> {
    let endpoint = endpoint("0.0.0.0:0").await?;
    let (id, address) = token.split_once('@').context("not a token")?;
    let peer = EndpointAddr::new(id.parse::<EndpointId>()?).with_ip_addr(address.parse()?);
    let connection = endpoint.connect(peer, ALPN).await?;
    let mut fetches = tokio::task::JoinSet::new();
    for _ in 0..streams {
        let connection = connection.clone();
        fetches.spawn(async move {
            let (mut send, mut receive) = connection.open_bi().await?;
            send.write_all(&each.to_be_bytes()).await?;
            let mut got = 0;
            while let Some(chunk) = receive.read_chunk(usize::MAX).await? {
                got += chunk.len() as u64;
            }
            ensure!(got == each, "the stream ended early");
            Ok(())
        });
    }
    while let Some(result) = fetches.join_next().await {
        result??;
    }
    connection.close(0u32.into(), b"");
    // Not to wait for the other side's last word: what was asked for is here.
    _ = tokio::time::timeout(Duration::from_millis(1), endpoint.close()).await;
    Ok(())
}
