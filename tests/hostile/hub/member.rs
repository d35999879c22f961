//! A client of a relay, by hand: HTTP, its upgrade to WebSocket, and the frames of the relay.

use std::{io, net::SocketAddr};

use iroh::SecretKey;

use super::https::Https;

/// Frames of the relay's protocol, by their first byte.
pub(super) const SERVER_CHALLENGE: u8 = 0;
pub(super) const CLIENT_AUTH: u8 = 1;
pub(super) const SERVER_CONFIRMS: u8 = 2;
pub(super) const SEND: u8 = 4;
pub(super) const RECEIVED: u8 = 6;
pub(super) const PING: u8 = 9;
pub(super) const PONG: u8 = 10;

/// Kinds of WebSocket frames.
pub(super) const BINARY: u8 = 2;

/// A connection to a relay.
pub(super) struct Member {
    https: Https,
    key: SecretKey,
}

impl Member {
    /// Comes as far as WebSocket, and has said nothing of the relay's protocol.
    pub(super) fn knock(addr: SocketAddr, token: &str, key: SecretKey) -> io::Result<Self> {
        let mut https = Https::connect(addr)?;
        let head = format!(
            "GET /relay HTTP/1.1\r\nhost: hub\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
             sec-websocket-protocol: iroh-relay-v2\r\nauthorization: Bearer {token}\r\n\r\n"
        );
        https.say(head.as_bytes())?;
        let answer = https.answer()?;
        assert_eq!(answer.status, 101, "{}", answer.head);
        Ok(Self { https, key })
    }

    /// Logs in as an honest client does.
    pub(super) fn log_in(addr: SocketAddr, token: &str, key: SecretKey) -> io::Result<Self> {
        let mut member = Self::knock(addr, token, key)?;
        let challenge = member.hear_until(SERVER_CHALLENGE)?;
        let context = "iroh-relay handshake v1 challenge signature";
        let message = blake3::derive_key(context, &challenge[1..]);
        let signature = member.key.sign(&message).to_bytes();
        let id = member.key.public();
        let auth = [&[CLIENT_AUTH][..], id.as_bytes(), &[64], &signature].concat();
        member.say(BINARY, &auth)?;
        member.hear_until(SERVER_CONFIRMS)?;
        // It is known to others when its pings are answered.
        member.say(BINARY, &[PING, 1, 2, 3, 4, 5, 6, 7, 8])?;
        member.hear_until(PONG)?;
        Ok(member)
    }

    /// Sends one WebSocket frame, complete, of a kind.
    pub(super) fn say(&mut self, kind: u8, payload: &[u8]) -> io::Result<()> {
        self.say_raw(0x80 | kind, payload.len() as u64, payload)
    }

    /// The same with any first byte, and any length claimed.
    pub(super) fn say_raw(&mut self, first: u8, len: u64, payload: &[u8]) -> io::Result<()> {
        let mut frame = vec![first];
        match len {
            0..126 => frame.push(0x80 | u8::try_from(len).unwrap()),
            126..=0xffff => {
                frame.push(0xfe);
                frame.extend(u16::try_from(len).unwrap().to_be_bytes());
            }
            _ => {
                frame.push(0xff);
                frame.extend(len.to_be_bytes());
            }
        }
        // A mask of zeros changes nothing.
        frame.extend([0; 4]);
        frame.extend(payload);
        self.https.say(&frame)
    }

    /// Sends somebody a datagram.
    pub(super) fn send(&mut self, to: &SecretKey, content: &[u8]) -> io::Result<()> {
        let id = to.public();
        self.say(
            BINARY,
            &[&[SEND][..], id.as_bytes(), &[0], content].concat(),
        )
    }

    /// The next frame of this kind, whatever comes before.
    pub(super) fn hear_until(&mut self, kind: u8) -> io::Result<Vec<u8>> {
        loop {
            let frame = self.hear()?;
            match frame.first() {
                Some(first) if *first == kind => return Ok(frame),
                Some(&PING) => self.say(BINARY, &[&[PONG], &frame[1..]].concat())?,
                _ => {}
            }
        }
    }

    /// The content of the next frame.
    fn hear(&mut self) -> io::Result<Vec<u8>> {
        let mut head = [0; 2];
        self.https.hear(&mut head)?;
        let len = match head[1] & 0x7f {
            126 => {
                let mut len = [0; 2];
                self.https.hear(&mut len)?;
                usize::from(u16::from_be_bytes(len))
            }
            127 => {
                let mut len = [0; 8];
                self.https.hear(&mut len)?;
                usize::try_from(u64::from_be_bytes(len)).unwrap()
            }
            len => usize::from(len),
        };
        let mut payload = vec![0; len];
        self.https.hear(&mut payload)?;
        if head[0] & 0xf == 8 {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(payload)
    }
}
