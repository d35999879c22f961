//! What speaks to a hub's port as any program on the internet might: a connection, TLS that believes
//! everything, HTTP by hand.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

use data_encoding::BASE64;
use rustls::{ClientConnection, StreamOwned, pki_types::ServerName};

use crate::common::any_server;

/// A bound against waiting for ever.
const PATIENCE: Duration = Duration::from_mins(1);

/// A connection that can be spoken HTTP on.
pub(super) struct Https(StreamOwned<ClientConnection, TcpStream>);

/// What came back.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A connection without TLS.
pub(super) fn plain(addr: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&addr, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

impl Https {
    /// Connects, and shakes hands.
    pub(super) fn connect(addr: SocketAddr) -> io::Result<Self> {
        let name = ServerName::from(addr.ip());
        let connection =
            ClientConnection::new(Arc::new(any_server()), name).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(connection, plain(addr)?);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Self(stream))
    }

    /// The certificate that was shown.
    pub(super) fn certificate(&self) -> Vec<u8> {
        let chain = self.0.conn.peer_certificates().unwrap();
        chain[0].to_vec()
    }

    /// Writes something, whatever it is.
    pub(super) fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)?;
        self.0.flush()
    }

    /// Reads as much as there is room for.
    pub(super) fn hear(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        self.0.read_exact(bytes)
    }

    /// Asks with a method, a path, a token and a body.
    pub(super) fn ask(
        &mut self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: &[u8],
    ) -> io::Result<Answer> {
        let token = token.map(|token| {
            let pair = BASE64.encode(format!("grove:{token}").as_bytes());
            format!("authorization: Basic {pair}\r\n")
        });
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: hub\r\ncontent-length: {}\r\n{}\r\n",
            body.len(),
            token.unwrap_or_default()
        );
        self.say(&[head.as_bytes(), body].concat())?;
        self.answer()
    }

    /// Reads one answer.
    pub(super) fn answer(&mut self) -> io::Result<Answer> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.hear(&mut byte)?;
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).map_err(io::Error::other)?;
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let is = name.eq_ignore_ascii_case("content-length");
            is.then(|| value.trim().parse().ok())?
        });
        let mut body = vec![0; length.unwrap_or(0)];
        self.0.read_exact(&mut body)?;
        Ok(Answer {
            status: status.unwrap(),
            head,
            body,
        })
    }

    /// Waits until the other side ends the connection.
    pub(super) fn is_ended(&mut self) -> bool {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Ok(_) => true,
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        }
    }
}

/// Asks once, on a connection of its own.
pub(super) fn ask(addr: SocketAddr, method: &str, path: &str, token: Option<&str>) -> Answer {
    put(addr, method, path, token, &[])
}

/// The same with a body.
pub(super) fn put(
    addr: SocketAddr,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: &[u8],
) -> Answer {
    let mut https = Https::connect(addr).unwrap();
    https.ask(method, path, token, body).unwrap()
}
