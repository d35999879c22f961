//! Moving content between peers, on the wire protocol of iroh-blobs.
//!
//! A *provider* ([`provide`]) serves shares straight from the files they were made of. A *getter*
//! ([`fetch`]) asks for what it lacks, verifies every chunk group against the hash in the ticket
//! before it is written, and places files. Any tool that speaks iroh-blobs can be on the other side.
//!
//! One request is one QUIC stream: the getter sends which ranges of which blobs it wants
//! ([`wire`]), the provider answers with a proof ([`proof`]): for each blob its size in 8 bytes, then
//! in pre-order the inner nodes of the BLAKE3 tree that the ranges touch (64 bytes each) and the
//! chunk groups themselves. A provider that cannot go on resets the stream with a code that says why.

pub mod fetch;
pub mod proof;
pub mod provide;
pub mod rate;
pub mod wire;

use std::time::SystemTime;

/// Seconds since 1970 by this computer's clock; 0 before.
pub(crate) fn unix_now() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |d| d.as_secs())
}
