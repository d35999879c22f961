//! What is shared, as pure data: entry paths and their rules, manifests, tickets, limits.
//!
//! Nothing here touches a file, a socket or a clock. Everything that parses bytes of a stranger is
//! here: [`EntryPath::parse`], [`Manifest::decode`] and [`Ticket::parse`]. They never panic, never
//! allocate from a claimed number, and refuse rather than repair.

mod limits;
mod manifest;
mod path;
mod text;
mod ticket;

pub use iroh::EndpointId as PeerId;
pub use iroh_blobs::Hash;
pub use limits::Limits;
pub use manifest::{
    Collision, DirEntry, Encoded, FileEntry, LinkEntry, Manifest, ManifestError, Mtime,
};
pub use path::{EntryPath, PathError};
pub use text::{escape, human_bytes};
pub use ticket::{Ticket, TicketError};
