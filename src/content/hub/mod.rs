//! The ticket of a hub: where it answers, what it does, by what it is known, and the word that lets one in.
//!
//! As text it is `hub` and base32, which `grove join` takes. It is read as carefully as a ticket for
//! content: found in what a person pasted, with limits on everything, and refused as a whole when a
//! single character is wrong. `docs/formats.md` has its bytes.
//!
//! It holds a secret, the token. Its `Debug` leaves that out; its `Display` is the ticket itself.

mod error;
mod host;
mod wire;

use std::{fmt, str::FromStr};

pub use error::HubTicketError;
pub use host::{HostPort, HostPortError};

use super::paste::{self, NotFound};

/// How the text starts.
const PREFIX: &str = "hub";

/// Most places that a hub's ticket names.
pub const MAX_HUB_HOSTS: usize = 8;

/// Most bytes of a token.
const TOKEN_BYTES: usize = 128;

/// Where a hub is and what lets one in. As text, `hub…`.
#[derive(Clone, PartialEq, Eq)]
pub struct HubTicket {
    /// Where it answers HTTPS: `name:port` or `address:port`, 1 to [`MAX_HUB_HOSTS`], the best first.
    /// Each is a [`HostPort`].
    pub hosts: Vec<String>,
    /// The UDP port of QUIC address discovery, where it has one.
    pub quic_port: Option<u16>,
    /// Whether it relays.
    pub relay: bool,
    /// Whether it has a directory.
    pub directory: bool,
    /// SHA-256 of its own certificate authority (DER); `None` where it has an ordinary certificate.
    pub pin: Option<[u8; 32]>,
    /// What it lets one in by; `None` where it is open to everybody. See [`HubTicket::is_token`].
    pub token: Option<String>,
}

impl HubTicket {
    /// Reads the ticket as a person may have pasted it: in either case, within quotes or brackets,
    /// broken into lines, behind `grove join`.
    ///
    /// # Errors
    /// When there is no such ticket in `text`, or it is damaged, of a newer Grove, names no place where a
    /// hub could be, or something that cannot be a token.
    pub fn parse(text: &str) -> Result<Self, HubTicketError> {
        let decode = |bytes: &[u8]| {
            wire::decode(bytes)
                .map_err(|why| Some(why).filter(|why| *why != HubTicketError::Damaged))
        };
        paste::find(text, PREFIX, decode).map_err(|why| match why {
            NotFound::TooLong => HubTicketError::TooLong,
            NotFound::Empty => HubTicketError::Empty,
            NotFound::Several => HubTicketError::Several,
            NotFound::Refused(why) => why,
            NotFound::Nothing(clean) => error::what_is_it(&clean.text),
        })
    }

    /// The places where it answers, taken apart; what is none is left out.
    pub fn places(&self) -> impl Iterator<Item = HostPort> {
        self.hosts.iter().filter_map(|host| host.parse().ok())
    }

    /// What a person calls it: the first place where it answers.
    #[must_use]
    pub fn name(&self) -> String {
        self.hosts.first().cloned().unwrap_or_default()
    }

    /// Whether both are one hub: of the same certificate authority, or called the same, because it was set
    /// up anew.
    #[must_use]
    pub fn is_same_hub(&self, other: &Self) -> bool {
        (self.pin.is_some() && self.pin == other.pin) || self.name() == other.name()
    }

    /// Whether `text` can be a token: 1 to 128 ASCII characters that are visible. So it fits a header
    /// and a line as it is.
    #[must_use]
    pub fn is_token(text: &str) -> bool {
        (1..=TOKEN_BYTES).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
    }
}

impl FromStr for HubTicket {
    type Err = HubTicketError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for HubTicket {
    /// The text to hand around, token and all.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = data_encoding::BASE32_NOPAD.encode(&wire::encode(self));
        text.make_ascii_lowercase();
        write!(f, "{PREFIX}{text}")
    }
}

impl fmt::Debug for HubTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubTicket")
            .field("hosts", &self.hosts)
            .field("quic_port", &self.quic_port)
            .field("relay", &self.relay)
            .field("directory", &self.directory)
            .field(
                "pin",
                &self.pin.map(|pin| data_encoding::HEXLOWER.encode(&pin)),
            )
            .field("token", &self.token.as_ref().map(|_| "…"))
            .finish()
    }
}

#[cfg(test)]
mod tests;
