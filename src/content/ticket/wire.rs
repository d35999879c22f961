//! A ticket in bytes; `docs/formats.md` has them one by one.

use std::net::SocketAddr;

use iroh::{EndpointAddr, EndpointId};
use iroh_blobs::{BlobFormat, ticket::BlobTicket};
use iroh_tickets::Ticket as _;
use serde::{Deserialize, Serialize};

use super::{Ticket, TicketError};
use crate::content::Hash;

/// How Grove's section starts. The first byte has its high bit set, so that no text starts so.
pub(super) const MAGIC: &[u8; 4] = b"\xC7Grv";
/// The version of the section that is written, and the newest that is read.
pub(super) const VERSION: u8 = 1;
/// Bytes of the checksum at the end. It guards against slips, not against malice: who can make a
/// ticket can make its checksum.
const CHECKSUM: usize = 8;
/// What the checksum is derived under, so that it is no hash of anything else.
const CONTEXT: &str = "grove 2026 ticket checksum v1";

/// A ticket as it was written, before anything is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RawTicket<'a> {
    pub(super) node: Node<'a>,
    pub(super) hash: Hash,
    pub(super) format: BlobFormat,
    pub(super) expires: Option<u64>,
    pub(super) others: Vec<Node<'a>>,
}

/// The bytes of a `BlobTicket`: an enum of one variant, so that postcard writes a discriminator.
#[derive(Deserialize)]
enum WireTicket<'a> {
    #[serde(borrow)]
    Variant0(WireTicket0<'a>),
}

#[derive(Deserialize)]
struct WireTicket0<'a> {
    #[serde(borrow)]
    node: Node<'a>,
    format: BlobFormat,
    hash: Hash,
}

/// A peer and its addresses. The relay stays text until it is known to be short enough and wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Node<'a> {
    pub(super) id: EndpointId,
    pub(super) relay: Option<&'a str>,
    pub(super) direct: Vec<SocketAddr>,
}

/// What stands in our section between version and checksum. Later versions of it may append; what
/// they append is skipped.
#[derive(Serialize, Deserialize)]
struct Section<'a> {
    expires: Option<u64>,
    #[serde(borrow)]
    others: Vec<Node<'a>>,
}

impl<'a> Node<'a> {
    fn of(addr: &'a EndpointAddr) -> Self {
        Self {
            id: addr.id,
            relay: addr.relay_urls().next().map(|url| url.as_str()),
            direct: addr.ip_addrs().copied().collect(),
        }
    }
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM] {
    let hash = blake3::derive_key(CONTEXT, bytes);
    std::array::from_fn(|i| hash[i])
}

pub(super) fn encode(ticket: &Ticket) -> Vec<u8> {
    // By the type that other tools read it with.
    let mut bytes = BlobTicket::new(ticket.addr.clone(), ticket.hash, ticket.format).encode_bytes();
    bytes.extend_from_slice(MAGIC);
    bytes.push(VERSION);
    let section = Section {
        expires: ticket.expires,
        others: ticket.others.iter().map(Node::of).collect(),
    };
    let section =
        postcard::to_stdvec(&section).expect("numbers, texts and lists of them fit in memory");
    bytes.extend_from_slice(&section);
    let checksum = checksum(&bytes);
    bytes.extend_from_slice(&checksum);
    bytes
}

pub(super) fn decode(bytes: &[u8]) -> Result<RawTicket<'_>, TicketError> {
    let damaged = |_| TicketError::Damaged;
    let (WireTicket::Variant0(ticket), rest) =
        postcard::take_from_bytes::<WireTicket<'_>>(bytes).map_err(damaged)?;
    let mut raw = RawTicket {
        node: ticket.node,
        hash: ticket.hash,
        format: ticket.format,
        expires: None,
        others: Vec::new(),
    };
    if rest.is_empty() {
        // A ticket of another tool.
        return Ok(raw);
    }
    // The checksum ends the ticket in every version, so damage is told from news.
    let (covered, sum) = bytes
        .split_last_chunk::<CHECKSUM>()
        .ok_or(TicketError::Damaged)?;
    let section = rest
        .len()
        .checked_sub(CHECKSUM)
        .and_then(|len| rest[..len].strip_prefix(MAGIC))
        .ok_or(TicketError::Damaged)?;
    if checksum(covered) != *sum {
        return Err(TicketError::Damaged);
    }
    let (version, body) = section.split_first().ok_or(TicketError::Damaged)?;
    if *version > VERSION {
        return Err(TicketError::Newer { version: *version });
    }
    let (section, _later_fields) =
        postcard::take_from_bytes::<Section<'_>>(body).map_err(damaged)?;
    raw.expires = section.expires;
    raw.others = section.others;
    Ok(raw)
}
