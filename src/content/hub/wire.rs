//! A hub's ticket in bytes; `docs/formats.md` has them one by one.

use serde::{Deserialize, Serialize};

use super::{HostPort, HubTicket, HubTicketError, MAX_HUB_HOSTS};

/// The version that is written, and the newest that is read. It is the first byte.
pub(super) const VERSION: u8 = 1;
/// Bytes of the checksum at the end. It guards against slips, not against malice.
const CHECKSUM: usize = 8;
/// What the checksum is derived under, so that it is no hash of anything else.
const CONTEXT: &str = "grove 2026 hub ticket checksum v1";

/// The bits of what a hub does. Others are of later programs and skipped.
const RELAY: u32 = 1;
const DIRECTORY: u32 = 2;

/// What stands between version and checksum. Later programs may append; what they append is skipped.
#[derive(Serialize, Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    hosts: Vec<&'a str>,
    quic_port: Option<u16>,
    roles: u32,
    pin: Option<[u8; 32]>,
    token: Option<&'a str>,
}

pub(super) fn checksum(bytes: &[u8]) -> [u8; CHECKSUM] {
    let hash = blake3::derive_key(CONTEXT, bytes);
    std::array::from_fn(|i| hash[i])
}

pub(super) fn encode(ticket: &HubTicket) -> Vec<u8> {
    let role = |bit, has| if has { bit } else { 0 };
    let body = Body {
        hosts: ticket.hosts.iter().map(String::as_str).collect(),
        quic_port: ticket.quic_port,
        roles: role(RELAY, ticket.relay) | role(DIRECTORY, ticket.directory),
        pin: ticket.pin,
        token: ticket.token.as_deref(),
    };
    let mut bytes = vec![VERSION];
    bytes.extend(
        postcard::to_stdvec(&body).expect("numbers, texts and lists of them fit in memory"),
    );
    let checksum = checksum(&bytes);
    bytes.extend_from_slice(&checksum);
    bytes
}

pub(super) fn decode(bytes: &[u8]) -> Result<HubTicket, HubTicketError> {
    // The checksum ends the ticket in every version, so damage is told from news.
    let (covered, sum) = bytes
        .split_last_chunk::<CHECKSUM>()
        .ok_or(HubTicketError::Damaged)?;
    if checksum(covered) != *sum {
        return Err(HubTicketError::Damaged);
    }
    let (version, body) = covered.split_first().ok_or(HubTicketError::Damaged)?;
    if *version != VERSION {
        return Err(HubTicketError::Newer { version: *version });
    }
    let (body, _later_fields) =
        postcard::take_from_bytes::<Body<'_>>(body).map_err(|_| HubTicketError::Damaged)?;
    if !(1..=MAX_HUB_HOSTS).contains(&body.hosts.len()) {
        return Err(HubTicketError::NoHost);
    }
    let hosts = body.hosts.iter().map(|host| {
        let host: HostPort = host.parse().map_err(|_| HubTicketError::NoHost)?;
        Ok(host.to_string())
    });
    if body.token.is_some_and(|token| !HubTicket::is_token(token)) {
        return Err(HubTicketError::BadToken);
    }
    Ok(HubTicket {
        hosts: hosts.collect::<Result<_, _>>()?,
        quic_port: body.quic_port.filter(|port| *port != 0),
        relay: body.roles & RELAY != 0,
        directory: body.roles & DIRECTORY != 0,
        pin: body.pin,
        token: body.token.map(str::to_owned),
    })
}
