//! The ticket: who has a share, where they may be reached, and the hash that names it.

use std::{fmt, str::FromStr};

use iroh::EndpointAddr;
use iroh_blobs::BlobFormat;

use super::Hash;

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

/// Why a ticket was refused, before anything was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    /// Nothing but white space.
    #[error("the ticket is empty")]
    Empty,
}

impl Ticket {
    /// Reads a ticket as a person may have pasted it.
    pub fn parse(text: &str) -> Result<Self, TicketError> {
        let _ = text;
        todo!()
    }
}

impl FromStr for Ticket {
    type Err = TicketError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let _ = f;
        todo!()
    }
}
