//! Requests and codes on the wire.
//!
//! The request is that of iroh-blobs' protocol (`/iroh-bytes/4`), read and written here rather than
//! by that crate, since a request comes from a stranger: it is parsed with bounds, and nothing walks
//! over children that a share does not have. Its form, in postcard: a byte for the kind (0 is *get*,
//! the only one served), the 32 bytes of the hash, then a list of `(offset delta, spec)`. Offset 0 is
//! the blob itself, offset `i` its child `i - 1` if it is a hash sequence. A spec is a list of widths
//! in chunks of 1 KiB, alternately left out and wanted; the last one goes on for ever. The last spec
//! of the list goes on for all further children.

use std::sync::Arc;

use bao_tree::{ChunkNum, ChunkRanges};
use iroh::endpoint::VarInt;
use serde::Serialize;

use crate::content::Hash;

/// The protocol's name in the handshake.
pub const ALPN: &[u8] = b"/iroh-bytes/4";

/// Most bytes of a request; longer ones are refused unread.
pub const MAX_REQUEST: usize = 1024 * 1024;

/// Most specs and range boundaries in one request, together. A boundary costs at most one proof of
/// some 60 hashes and a spec a few bytes of memory, so this bounds what a request can cost beside the
/// content it is for. Ours stay below 2,000; a tool that resumes with every other child present needs
/// two specs for each.
pub const MAX_BOUNDARIES: usize = 65_536;

/// Stream reset: nothing by this hash is shared with this peer.
pub const RESET_NOT_SHARED: u64 = 1;
/// Stream reset: the request asks for more than is allowed.
pub const RESET_LIMIT: u64 = 2;
/// Stream reset: the request makes no sense, or the provider failed.
pub const RESET_INTERNAL: u64 = 3;
/// Stream reset: a file changed since it was shared. The number of the file is added to the code,
/// so that the getter knows which, although the reset may overtake content.
pub const RESET_CHANGED: u64 = 0x67_0000_0000;
/// Stream reset: a file cannot be read; the number of the file is added.
pub const RESET_UNREADABLE: u64 = 0x68_0000_0000;
/// How many file numbers fit above [`RESET_CHANGED`] and [`RESET_UNREADABLE`].
const RESET_FILES: u64 = 0x1_0000_0000;

/// Why a side closed the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// No reason given; iroh-blobs tools close like this when they have everything.
    Done,
    /// The getter has all that it wanted. Said by Grove only.
    Complete,
    /// The share ended.
    Stopped,
    /// The share's time is over.
    Expired,
    /// The share is for others.
    NotAllowed,
    /// Others have taken the share already (`--once`, `--max-gets`).
    Taken,
    /// Too many connections.
    Busy,
    /// The other side sent or asked something that makes no sense.
    Protocol,
    /// The getter was stopped by its user.
    Interrupted,
}

impl Close {
    const ALL: [(Self, u32, &'static str); 9] = [
        (Self::Done, 0, ""),
        (Self::Complete, 0x6700, "complete"),
        (Self::Stopped, 0x6701, "the share ended"),
        (Self::Expired, 0x6702, "the share has expired"),
        (Self::NotAllowed, 0x6703, "not shared with you"),
        (Self::Taken, 0x6704, "already fetched by somebody else"),
        (Self::Busy, 0x6705, "too many connections"),
        (Self::Protocol, 0x6706, "protocol violated"),
        (Self::Interrupted, 0x6707, "interrupted"),
    ];

    /// The code on the wire.
    #[must_use]
    pub fn code(self) -> VarInt {
        VarInt::from_u32(self.row().1)
    }

    /// A few words for people who read a trace.
    #[must_use]
    pub fn reason(self) -> &'static [u8] {
        self.row().2.as_bytes()
    }

    /// The reason behind a code; `None` for codes that Grove does not use.
    #[must_use]
    pub fn from_code(code: VarInt) -> Option<Self> {
        let code = code.into_inner();
        Self::ALL
            .iter()
            .find(|row| u64::from(row.1) == code)
            .map(|row| row.0)
    }

    fn row(self) -> (Self, u32, &'static str) {
        *Self::ALL
            .iter()
            .find(|row| row.0 == self)
            .unwrap_or(&Self::ALL[0])
    }
}

/// What a provider's reset of a stream says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reset {
    /// See [`RESET_NOT_SHARED`].
    NotShared,
    /// See [`RESET_LIMIT`].
    Limit,
    /// The file of this number changed.
    Changed(u32),
    /// The file of this number cannot be read.
    Unreadable(u32),
    /// Anything else.
    Internal,
}

impl Reset {
    /// Reads the code of a reset.
    #[must_use]
    pub fn from_code(code: VarInt) -> Self {
        let file = |base: u64, code: u64| u32::try_from(code - base).unwrap_or(u32::MAX);
        match code.into_inner() {
            RESET_NOT_SHARED => Self::NotShared,
            RESET_LIMIT => Self::Limit,
            c if (RESET_CHANGED..RESET_CHANGED + RESET_FILES).contains(&c) => {
                Self::Changed(file(RESET_CHANGED, c))
            }
            c if (RESET_UNREADABLE..RESET_UNREADABLE + RESET_FILES).contains(&c) => {
                Self::Unreadable(file(RESET_UNREADABLE, c))
            }
            _ => Self::Internal,
        }
    }

    /// The code on the wire.
    #[must_use]
    pub fn code(self) -> VarInt {
        let code = match self {
            Self::NotShared => RESET_NOT_SHARED,
            Self::Limit => RESET_LIMIT,
            Self::Changed(file) => RESET_CHANGED + u64::from(file),
            Self::Unreadable(file) => RESET_UNREADABLE + u64::from(file),
            Self::Internal => RESET_INTERNAL,
        };
        VarInt::from_u64(code).unwrap_or(VarInt::from_u32(3))
    }
}

/// What a getter asks for: ranges of a blob and of its children.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The blob.
    pub hash: Hash,
    /// From which offset on which ranges are wanted, offsets increasing. The last goes on for ever.
    pub specs: Vec<(u64, ChunkRanges)>,
}

/// Why a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// It is not a *get*.
    #[error("a request of a kind that is not served")]
    Kind,
    /// It does not parse.
    #[error("a request that does not parse")]
    Malformed,
    /// It has too many ranges.
    #[error("a request with too many ranges")]
    TooManyRanges,
}

#[derive(Serialize)]
struct Wire {
    hash: [u8; 32],
    specs: Vec<(u64, Vec<u64>)>,
}

const KIND_GET: u8 = 0;

impl Request {
    /// All of one blob.
    #[must_use]
    pub fn blob(hash: Hash) -> Self {
        Self {
            hash,
            specs: vec![(0, ChunkRanges::all()), (1, ChunkRanges::empty())],
        }
    }

    /// All of the children at `offsets` (1 is the first child) of a hash sequence.
    #[must_use]
    pub fn children(hash: Hash, offsets: std::ops::Range<u64>) -> Self {
        let specs = vec![
            (offsets.start, ChunkRanges::all()),
            (offsets.end, ChunkRanges::empty()),
        ];
        Self { hash, specs }
    }

    /// All of the children at `offsets`, which increase.
    #[must_use]
    pub fn set(hash: Hash, offsets: impl Iterator<Item = u64>) -> Self {
        let mut specs: Vec<(u64, ChunkRanges)> = Vec::new();
        for offset in offsets {
            // The last spec is the end of a run; a run that goes on only moves it.
            if specs.last().is_some_and(|(end, _)| *end == offset) {
                specs.pop();
            } else {
                specs.push((offset, ChunkRanges::all()));
            }
            specs.push((offset + 1, ChunkRanges::empty()));
        }
        Self { hash, specs }
    }

    /// Some ranges of one child of a hash sequence, or of the blob itself at offset 0.
    #[must_use]
    pub fn ranges(hash: Hash, offset: u64, ranges: ChunkRanges) -> Self {
        Self {
            hash,
            specs: vec![(offset, ranges), (offset + 1, ChunkRanges::empty())],
        }
    }

    /// The last chunk of each child at `offsets`, which proves its size.
    #[must_use]
    pub fn sizes(hash: Hash, offsets: std::ops::Range<u64>) -> Self {
        let last = ChunkRanges::from(ChunkNum(u64::MAX)..);
        Self {
            hash,
            specs: vec![(offsets.start, last), (offsets.end, ChunkRanges::empty())],
        }
    }

    /// The wire form.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut offset = 0;
        let mut specs = Vec::with_capacity(self.specs.len());
        for (at, ranges) in &self.specs {
            let mut last = 0;
            let widths = ranges.boundaries().iter().map(|boundary| {
                let width = boundary.0 - last;
                last = boundary.0;
                width
            });
            specs.push((at - offset, widths.collect()));
            offset = *at;
        }
        let mut bytes = vec![KIND_GET];
        let wire = Wire {
            hash: *self.hash.as_bytes(),
            specs,
        };
        bytes.extend(postcard::to_stdvec(&wire).unwrap_or_default());
        bytes
    }

    /// Whether `bytes`, of which more may follow, can become a request of the kind that is served.
    #[must_use]
    pub fn may_be(bytes: &[u8]) -> bool {
        bytes.first().is_none_or(|kind| *kind == KIND_GET)
    }

    /// Reads the wire form of a stranger's request.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, RequestError> {
        let (kind, rest) = bytes.split_first().ok_or(RequestError::Malformed)?;
        if *kind != KIND_GET {
            return Err(RequestError::Kind);
        }
        let mut reader = Reader(rest);
        let hash = reader.hash()?;
        let count = reader.varint()?;
        // Counted before anything is kept: a spec takes two bytes on the wire and far more here.
        let mut parts = count;
        let mut offset = 0u64;
        let mut specs: Vec<(u64, ChunkRanges)> = Vec::new();
        for i in 0..count {
            if parts > MAX_BOUNDARIES as u64 {
                return Err(RequestError::TooManyRanges);
            }
            let delta = reader.varint()?;
            if i > 0 && delta == 0 {
                return Err(RequestError::Malformed);
            }
            offset = offset.checked_add(delta).ok_or(RequestError::Malformed)?;
            let widths = reader.varint()?;
            parts = parts.saturating_add(widths);
            if parts > MAX_BOUNDARIES as u64 {
                return Err(RequestError::TooManyRanges);
            }
            specs.push((offset, reader.ranges(widths)?));
        }
        if !reader.0.is_empty() {
            return Err(RequestError::Malformed);
        }
        Ok(Self { hash, specs })
    }

    /// The offsets below `count` for which something is wanted, with the ranges. Costs nothing for
    /// offsets for which nothing is.
    #[must_use]
    pub fn into_wanted(self, count: u64) -> Wanted {
        let at = self.specs.first().map_or(0, |(offset, _)| *offset);
        let total = self.specs.iter().map(|(_, r)| r.boundaries().len()).sum();
        let mut boundaries = Vec::with_capacity(total);
        let mut specs = Vec::with_capacity(self.specs.len());
        for (offset, ranges) in self.specs {
            boundaries.extend_from_slice(ranges.boundaries());
            specs.push((offset, boundaries.len()));
        }
        Wanted {
            specs,
            boundaries,
            spec: 0,
            at,
            count,
            current: None,
        }
    }
}

/// The offsets that a request wants something of; made by [`Request::into_wanted`]. It takes 16 bytes
/// for each spec and 8 for each boundary.
#[derive(Debug)]
pub struct Wanted {
    /// Where a spec begins to count, and where its boundaries end within `boundaries`.
    specs: Vec<(u64, usize)>,
    boundaries: Vec<ChunkNum>,
    spec: usize,
    at: u64,
    count: u64,
    /// The ranges of the current spec, shared by all children that it is for.
    current: Option<Arc<ChunkRanges>>,
}

impl Wanted {
    /// Whether anything at `offset` or behind it is wanted.
    #[must_use]
    pub fn reaches(&self, offset: u64) -> bool {
        (0..self.specs.len()).any(|spec| {
            let start = self.specs[spec].0;
            let end = self.end_of(spec).unwrap_or(u64::MAX).min(self.count);
            !self.boundaries_of(spec).is_empty() && start < end && end > offset
        })
    }

    /// Bytes of memory that it takes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.specs.len() * 16 + self.boundaries.len() * 8
    }

    /// The offset at which spec number `spec` stops to count; `None` for the last.
    fn end_of(&self, spec: usize) -> Option<u64> {
        self.specs.get(spec + 1).map(|(offset, _)| *offset)
    }

    fn boundaries_of(&self, spec: usize) -> &[ChunkNum] {
        let end = self.specs.get(spec).map_or(0, |(_, end)| *end);
        let before = spec.checked_sub(1).and_then(|spec| self.specs.get(spec));
        let start = before.map_or(0, |(_, end)| *end);
        self.boundaries.get(start..end).unwrap_or_default()
    }
}

impl Iterator for Wanted {
    type Item = (u64, Arc<ChunkRanges>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.specs.get(self.spec)?;
            let next = self.end_of(self.spec);
            let end = next.unwrap_or(u64::MAX).min(self.count);
            if self.boundaries_of(self.spec).is_empty() || self.at >= end {
                self.spec += 1;
                self.current = None;
                self.at = next?;
                continue;
            }
            let at = self.at;
            self.at += 1;
            let ranges = if let Some(ranges) = &self.current {
                ranges.clone()
            } else {
                let boundaries = self.boundaries_of(self.spec).into();
                let ranges = ChunkRanges::new(boundaries).unwrap_or_default();
                self.current.insert(Arc::new(ranges)).clone()
            };
            return Some((at, ranges));
        }
    }
}

/// Reads postcard's form from a stranger, nothing of which is believed.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn hash(&mut self) -> Result<Hash, RequestError> {
        let (hash, rest) = self.0.split_first_chunk().ok_or(RequestError::Malformed)?;
        self.0 = rest;
        Ok(Hash::from_bytes(*hash))
    }

    /// Seven bits in a byte, the lowest first, the top bit for "more"; at most 64 bits.
    fn varint(&mut self) -> Result<u64, RequestError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first().ok_or(RequestError::Malformed)?;
            self.0 = rest;
            let bits = u64::from(byte & 0x7f);
            if (bits << shift) >> shift != bits {
                return Err(RequestError::Malformed);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(RequestError::Malformed)
    }

    /// `count` widths, which were counted against the limit before.
    fn ranges(&mut self, count: u64) -> Result<ChunkRanges, RequestError> {
        let mut boundaries = Vec::new();
        let mut at = 0u64;
        for i in 0..count {
            let width = self.varint()?;
            if i > 0 && width == 0 {
                return Err(RequestError::Malformed);
            }
            at = at.checked_add(width).ok_or(RequestError::Malformed)?;
            boundaries.push(ChunkNum(at));
        }
        ChunkRanges::new(boundaries.into()).ok_or(RequestError::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use iroh_blobs::protocol::{ChunkRangesExt as _, GetRequest, Request as Theirs};
    use proptest::prelude::*;

    use super::*;

    fn hash() -> Hash {
        Hash::new(b"some content")
    }

    #[test]
    fn requests_are_those_of_iroh_blobs() {
        let ours = Request::children(hash(), 2..5);
        let theirs = GetRequest::builder()
            .child(1, ChunkRanges::all())
            .child(2, ChunkRanges::all())
            .child(3, ChunkRanges::all())
            .build(hash());
        let bytes = postcard::to_stdvec(&Theirs::Get(theirs)).unwrap();
        assert_eq!(ours.encode(), bytes);
        assert_eq!(Request::decode(&bytes).unwrap(), ours);
    }

    #[test]
    fn a_request_for_sizes_is_that_of_iroh_blobs() {
        let theirs = GetRequest::new(
            hash(),
            iroh_blobs::protocol::ChunkRangesSeq::verified_child_sizes(),
        );
        let bytes = postcard::to_stdvec(&Theirs::Get(theirs)).unwrap();
        let ours = Request::decode(&bytes).unwrap();
        let wanted: Vec<_> = ours.into_wanted(4).collect();
        let last = Arc::new(ChunkRanges::last_chunk());
        assert_eq!(
            wanted,
            vec![
                (0, Arc::new(ChunkRanges::all())),
                (1, last.clone()),
                (2, last.clone()),
                (3, last)
            ]
        );
    }

    #[test]
    fn a_set_asks_for_each_and_nothing_else() {
        let request = Request::set(hash(), [2, 3, 4, 7, 9, 10].into_iter());
        assert_eq!(request.specs.len(), 6);
        let again = Request::decode(&request.encode()).unwrap();
        let wanted: Vec<_> = again.into_wanted(100).map(|(offset, _)| offset).collect();
        assert_eq!(wanted, [2, 3, 4, 7, 9, 10]);
    }

    #[test]
    fn an_offset_far_away_costs_nothing() {
        let far = Request {
            hash: hash(),
            specs: vec![(u64::MAX - 1, ChunkRanges::all())],
        };
        assert_eq!(far.into_wanted(1000).count(), 0);
        let open = Request {
            hash: hash(),
            specs: vec![(3, ChunkRanges::all())],
        };
        assert_eq!(
            open.into_wanted(5)
                .map(|(offset, _)| offset)
                .collect::<Vec<_>>(),
            [3, 4]
        );
    }

    #[test]
    fn other_kinds_and_garbage_are_refused() {
        let good = Request::blob(hash()).encode();
        for kind in 1..=255 {
            let mut bytes = good.clone();
            bytes[0] = kind;
            assert_eq!(
                Request::decode(&bytes),
                Err(RequestError::Kind),
                "kind {kind}"
            );
        }
        for end in 0..good.len() {
            assert_eq!(Request::decode(&good[..end]), Err(RequestError::Malformed));
        }
        let mut longer = good;
        longer.push(0);
        assert_eq!(Request::decode(&longer), Err(RequestError::Malformed));
    }

    #[test]
    fn too_many_ranges_are_refused() {
        let widths = vec![1u64; MAX_BOUNDARIES + 1];
        let wire = Wire {
            hash: [7; 32],
            specs: vec![(0, widths)],
        };
        let mut bytes = vec![KIND_GET];
        bytes.extend(postcard::to_stdvec(&wire).unwrap());
        assert_eq!(Request::decode(&bytes), Err(RequestError::TooManyRanges));
    }

    #[test]
    fn specs_without_ranges_are_counted_too() {
        let specs = |count: usize| {
            let wire = Wire {
                hash: [7; 32],
                specs: (0..count).map(|_| (1, Vec::new())).collect(),
            };
            let mut bytes = vec![KIND_GET];
            bytes.extend(postcard::to_stdvec(&wire).unwrap());
            Request::decode(&bytes)
        };
        assert!(specs(MAX_BOUNDARIES).is_ok());
        assert_eq!(specs(MAX_BOUNDARIES + 1), Err(RequestError::TooManyRanges));
    }

    #[test]
    fn a_count_that_nothing_follows_is_refused() {
        for count in [1u64, 60_000, u64::MAX] {
            let mut bytes = vec![KIND_GET];
            bytes.extend([7; 32]);
            bytes.extend(postcard::to_stdvec(&count).unwrap());
            assert!(Request::decode(&bytes).is_err(), "{count} specs announced");
        }
        let mut bytes = vec![KIND_GET];
        bytes.extend([7; 32]);
        bytes.extend([0xff; 11]);
        assert_eq!(Request::decode(&bytes), Err(RequestError::Malformed));
    }

    #[test]
    fn children_share_their_ranges() {
        let request = Request {
            hash: hash(),
            specs: vec![(1, ranges(&[1, 2, 3, 4]))],
        };
        let mut wanted = request.into_wanted(1000);
        let (_, first) = wanted.next().unwrap();
        assert!(wanted.all(|(_, ranges)| Arc::ptr_eq(&first, &ranges)));
    }

    /// Other versions of Grove know these numbers; they are in `docs/formats.md`.
    #[test]
    fn codes_keep_their_numbers() {
        let close = |close: Close| close.code().into_inner();
        let all = Close::ALL.map(|(close, ..)| close);
        assert_eq!(
            all.map(close),
            [
                0, 0x6700, 0x6701, 0x6702, 0x6703, 0x6704, 0x6705, 0x6706, 0x6707
            ]
        );
        let reset = |reset: Reset| reset.code().into_inner();
        assert_eq!(reset(Reset::NotShared), 1);
        assert_eq!(reset(Reset::Limit), 2);
        assert_eq!(reset(Reset::Internal), 3);
        assert_eq!(reset(Reset::Changed(5)), 0x67_0000_0005);
        assert_eq!(reset(Reset::Unreadable(5)), 0x68_0000_0005);
    }

    #[test]
    fn codes_come_back_as_they_went() {
        for (close, ..) in Close::ALL {
            assert_eq!(Close::from_code(close.code()), Some(close));
        }
        for reset in [
            Reset::NotShared,
            Reset::Limit,
            Reset::Internal,
            Reset::Changed(0),
            Reset::Changed(u32::MAX),
            Reset::Unreadable(17),
        ] {
            assert_eq!(Reset::from_code(reset.code()), reset);
        }
    }

    /// The ranges of some widths.
    fn ranges(widths: &[u64]) -> ChunkRanges {
        let mut at = 0;
        let boundaries = widths.iter().map(|width| {
            at += width;
            ChunkNum(at)
        });
        ChunkRanges::new(boundaries.collect()).unwrap()
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(request) = Request::decode(&bytes) {
                prop_assert!(request.into_wanted(100).count() <= 100);
            }
        }

        #[test]
        fn what_is_written_is_read(
            start in 0u64..1000,
            widths in prop::collection::vec(1u64..1_000_000, 0..40),
        ) {
            let ranges = ranges(&widths);
            let request = Request::ranges(hash(), start, ranges.clone());
            if !ranges.is_empty() {
                prop_assert_eq!(Request::decode(&request.encode()).unwrap(), request);
            }
        }
    }
}
