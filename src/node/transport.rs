//! Transport settings by role.

use std::{sync::Arc, time::Duration};

use iroh::endpoint::{QuicTransportConfig, VarInt};

use super::congestion::Congestion;

/// What an endpoint is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Answers requests of strangers.
    Provide,
    /// Asks, and takes content.
    Fetch,
}

/// A request is at most 1 MiB and most are below a kilobyte, so a stream of a requester never needs
/// more than this in flight.
const REQUEST_WINDOW: u32 = 64 * 1024;

/// All streams of one requester together.
const REQUESTS_WINDOW: u32 = 256 * 1024;

/// Streams that one requester may have open: twice what a getter uses.
const REQUESTS_AT_ONCE: u32 = 64;

/// Bytes sent and not yet acknowledged, for one connection: 100 ms of round trip at 640 Mbit/s.
const SEND_WINDOW: u64 = 8 * 1024 * 1024;

/// The QUIC default for one stream, 100 ms of round trip at 100 Mbit/s. Larger ones end the
/// connection when packets are lost (more than 1024 pieces wait to be put in order).
const CONTENT_WINDOW: u32 = 1_250_000;

/// How often a getter asks for a sign of life when nothing else comes, so that it soon notices a
/// sharer that was killed.
const SIGN_OF_LIFE: Duration = Duration::from_secs(2);

/// A peer that sends nothing at all for so long, not even an acknowledgement, is gone.
const IDLE: Duration = Duration::from_secs(30);

impl Role {
    pub(super) fn transport(self) -> QuicTransportConfig {
        let idle = IDLE.try_into().expect("30 s is a valid idle timeout");
        let builder = QuicTransportConfig::builder()
            .max_concurrent_uni_streams(VarInt::from_u32(0))
            .max_idle_timeout(Some(idle))
            .datagram_receive_buffer_size(None)
            .congestion_controller_factory(Arc::new(Congestion));
        match self {
            Self::Provide => builder
                .max_concurrent_bidi_streams(VarInt::from_u32(REQUESTS_AT_ONCE))
                .stream_receive_window(VarInt::from_u32(REQUEST_WINDOW))
                .receive_window(VarInt::from_u32(REQUESTS_WINDOW))
                .send_window(SEND_WINDOW),
            Self::Fetch => builder
                .max_concurrent_bidi_streams(VarInt::from_u32(0))
                .keep_alive_interval(SIGN_OF_LIFE)
                .stream_receive_window(VarInt::from_u32(CONTENT_WINDOW)),
        }
        .build()
    }
}
