//! The ticket: who has a share, where they may be reached, and the hash that names it.
//!
//! As text, a ticket is `blob` and base32, and a [`BlobTicket`](iroh_blobs::ticket::BlobTicket) to
//! every tool that knows those. Behind the bytes that such a tool reads stands Grove's section with
//! an expiry, further people who hold the content, and a checksum over everything before it.
//!
//! Reading goes in three steps: `paste` finds the ticket in what a person pasted, or says what that
//! looks like instead; `wire` takes the bytes apart; `dial` leaves out addresses that nobody should
//! contact because a stranger says so. All of it is local: a ticket that is refused costs no packet.

mod dial;
mod error;
mod paste;
mod wire;

use std::{fmt, str::FromStr};

pub use dial::{MAX_ADDRESSES, Relays, is_public, sift};
pub use error::TicketError;
use iroh::EndpointAddr;
use iroh_blobs::BlobFormat;

use super::Hash;

/// Most people a ticket names beside the sharer.
pub const MAX_OTHERS: usize = 16;

/// A ticket. As text, `blob…`: base32 of an iroh-blobs `BlobTicket` and our section behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Who shares it, and where they may be.
    pub addr: EndpointAddr,
    /// The hash of the root.
    pub hash: Hash,
    /// Whether the root is a hash sequence (a share) or a single blob.
    pub format: BlobFormat,
    /// When the share ends, in seconds since 1970.
    pub expires: Option<u64>,
    /// Others who hold the same content.
    pub others: Vec<EndpointAddr>,
}

impl Ticket {
    /// Reads a ticket as a person may have pasted it: in either case, within quotes or brackets,
    /// broken into lines, behind `grove:` or as part of a web address.
    ///
    /// Addresses that are not to be contacted on a stranger's word are left out; see
    /// [`parse_with`](Self::parse_with), which says which.
    ///
    /// # Errors
    /// When there is no ticket in `text`, it is damaged, of another kind or of a newer Grove, or it
    /// stands for an empty share.
    pub fn parse(text: &str) -> Result<Self, TicketError> {
        Self::parse_with(text, &Relays::Public).map(|(ticket, _)| ticket)
    }

    /// As [`parse`](Self::parse), with a say in which relays are taken, and with one line for a
    /// person about each thing that was left out.
    pub fn parse_with(text: &str, relays: &Relays) -> Result<(Self, Vec<String>), TicketError> {
        paste::read(text, |bytes| {
            let raw = wire::decode(bytes)?;
            if raw.hash == Hash::EMPTY {
                return Err(TicketError::EmptyShare);
            }
            Ok(dial::filter(&raw, relays))
        })
    }

    /// Whether the share has ended at `now`, in seconds since 1970.
    #[must_use]
    pub fn is_expired(&self, now: u64) -> bool {
        self.expires.is_some_and(|end| end <= now)
    }
}

impl FromStr for Ticket {
    type Err = TicketError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for Ticket {
    /// The text to hand around. Of the addresses, one relay and the direct ones have a place in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = data_encoding::BASE32_NOPAD.encode(&wire::encode(self));
        text.make_ascii_lowercase();
        write!(f, "{}{text}", paste::PREFIX)
    }
}

#[cfg(test)]
mod tests;
