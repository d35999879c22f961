//! What is shared, as pure data: entry paths and their rules, manifests, tickets, limits.
//!
//! Nothing here touches a file, a socket or a clock. Everything that parses bytes of a stranger is
//! here: [`EntryPath::parse`], [`Manifest::decode`], [`Ticket::parse`] and [`HubTicket::parse`]. They never panic, never
//! allocate from a claimed number, and refuse rather than repair.

mod fold;
mod hub;
mod limits;
mod manifest;
mod paste;
mod path;
mod text;
mod ticket;

pub(crate) use fold::fold_component;
pub use hub::{HostPort, HostPortError, HubTicket, HubTicketError, MAX_HUB_HOSTS};
pub use iroh::EndpointId as PeerId;
pub use iroh_blobs::Hash;
pub use limits::Limits;
pub use manifest::{
    BadName, Collision, DirEntry, Encoded, FileEntry, LinkEntry, Manifest, ManifestError, Mtime,
    TARGET_BYTES,
};
pub use paste::MAX_TICKET_TEXT;
pub use path::{EntryPath, PARTIAL_DIR, PathError};
pub use text::{escape, escape_bytes, human_bytes, human_time, shorten};
pub use ticket::{MAX_ADDRESSES, MAX_OTHERS, Relays, Ticket, TicketError, is_public, sift};
