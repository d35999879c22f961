//! How much a provider puts up with.

use std::time::Duration;

/// How much a provider puts up with. The defaults are meant for strangers on the internet.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections served at once. When all are there, one of them makes room for a new one, see
    /// `provide::peers`.
    pub connections: usize,
    /// Connections of one peer at once.
    pub connections_of_one: usize,
    /// When they are all there, one from which nothing came for so long makes room: a getter asks for a
    /// sign of life every 2 s, and one that was killed says nothing any more.
    pub silent: Duration,
    /// How long a new connection is left in peace, so that it can begin to take content.
    pub settle: Duration,
    /// Who took at least so many bytes lately keeps its place for a [`Limits::turn`].
    pub enough: u64,
    /// How long a connection that takes enough is left in peace while others wait for a place.
    pub turn: Duration,
    /// Handshakes under way at once.
    pub handshakes: usize,
    /// Handshakes a second, over all addresses.
    pub handshakes_a_second: f64,
    /// Handshakes a second from one address, when there are many in all.
    pub handshakes_a_second_of_one: f64,
    /// How long a peer may take for the handshake.
    pub handshake_within: Duration,
    /// How long a peer may take to send a request.
    pub request_within: Duration,
    /// How long a refused request counts as one that is worked on, so that a peer is refused a few
    /// times a second and not thousands of times.
    pub refused_for: Duration,
    /// How long a peer may be connected without asking anything.
    pub idle: Duration,
    /// How long nothing at all may move on a connection while something is to be sent. A receiver of
    /// ours that is held to a low rate asks for less at once, so that it is not silent for so long.
    pub stalled: Duration,
    /// Room for content that is under way, in bytes, that all connections share. Each has 1 MiB of
    /// its own beside it.
    pub room: usize,
    /// While less than half of the room is left, who holds some of it and took less than this lately
    /// is dropped once it had the time to (see [`Limits::stalled`]).
    pub enough_when_short: u64,
    /// Batches of content made at once. Each keeps a thread and up to four files open; more than there
    /// are processors only help where disks are slow.
    pub batches: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            connections_of_one: 8,
            silent: Duration::from_secs(3),
            settle: Duration::from_secs(3),
            enough: 256 * 1024,
            turn: Duration::from_mins(1),
            handshakes: 128,
            handshakes_a_second: 200.0,
            handshakes_a_second_of_one: 20.0,
            handshake_within: Duration::from_secs(10),
            request_within: Duration::from_secs(10),
            refused_for: Duration::from_secs(1),
            idle: Duration::from_mins(2),
            // So that who never took anything is gone within a minute.
            stalled: Duration::from_secs(45),
            room: 256 * 1024 * 1024,
            enough_when_short: 64 * 1024,
            batches: 16,
        }
    }
}
