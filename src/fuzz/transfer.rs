//! What comes over the network beside the list of files: requests, codes, proofs.

use std::{ops::Range, sync::LazyLock};

use bao_tree::{ChunkNum, ChunkRanges};
use iroh::endpoint::VarInt;
use iroh_blobs::protocol::Request as TheirRequest;

use super::{Front, assert_showable};
use crate::{
    content::Hash,
    transfer::{
        proof::{Content as _, EncodeError, Encoder, GROUP, InMemory, Mismatch, Step, Verifier},
        wire::{Close, MAX_BOUNDARIES, Request, Reset},
    },
};

/// A request, behind the number of children there are (2 bytes).
pub fn request(bytes: &[u8]) {
    let mut front = Front(bytes);
    let count = u64::from(front.u16());
    let request = match Request::decode(front.0) {
        Ok(request) => request,
        Err(error) => return assert_showable(&error.to_string()),
    };
    let boundaries = |request: &Request| -> usize {
        let each = request
            .specs
            .iter()
            .map(|(_, ranges)| ranges.boundaries().len());
        each.sum()
    };
    let parts = request.specs.len() + boundaries(&request);
    assert!(parts <= MAX_BOUNDARIES);
    assert!(request.specs.is_sorted_by(|one, next| one.0 < next.0));
    assert_eq!(Request::decode(&request.encode()).as_ref(), Ok(&request));

    let wanted = request.clone().into_wanted(count);
    assert!(wanted.memory() <= 16 * MAX_BOUNDARIES);
    let probe = count / 2;
    let reaches = wanted.reaches(probe);
    let all: Vec<(u64, ChunkRanges)> = wanted.map(|(at, ranges)| (at, (*ranges).clone())).collect();
    assert!(all.is_sorted_by(|one, next| one.0 < next.0));
    assert!(
        all.iter()
            .all(|(at, ranges)| *at < count && !ranges.is_empty())
    );
    assert_eq!(reaches, all.iter().any(|(at, _)| *at >= probe));

    // The same as iroh-blobs reads of it, which refuses some more: requests that say a thing twice.
    let Ok(TheirRequest::Get(theirs)) = postcard::from_bytes(front.0) else {
        return;
    };
    assert_eq!(theirs.hash, request.hash);
    let theirs = (0..count).zip(theirs.ranges.iter_infinite());
    let theirs = theirs.filter(|(_, ranges)| !ranges.is_empty());
    assert!(theirs.map(|(at, ranges)| (at, ranges.clone())).eq(all));
}

/// Codes by which streams and connections end: 8 bytes each.
pub fn codes(bytes: &[u8]) {
    let mut front = Front(bytes);
    while !front.0.is_empty() {
        let Ok(code) = VarInt::from_u64(front.u64()) else {
            continue;
        };
        if let Some(close) = Close::from_code(code) {
            assert_eq!(close.code(), code);
            assert!(close.reason().is_ascii());
        }
        match Reset::from_code(code) {
            Reset::Internal => {}
            reset => assert_eq!(reset.code(), code),
        }
    }
}

/// Content of some size, with its outboard.
struct Blob {
    data: Vec<u8>,
    outboard: Vec<u8>,
    hash: Hash,
}

/// One of each shape that a tree can have near its edges.
static BLOBS: LazyLock<Vec<Blob>> = LazyLock::new(|| {
    const SIZES: [usize; 14] = [
        0, 1, 1024, 1025, 16_383, 16_384, 16_385, 17_408, 32_768, 32_769, 49_152, 65_537, 81_920,
        100_000,
    ];
    let blob = |size: usize| {
        let bytes = (0..size).map(|at| ((at * 7 + at / 256) % 251).to_le_bytes()[0]);
        let data: Vec<u8> = bytes.collect();
        let block = bao_tree::BlockSize::from_chunk_log(4);
        let made = bao_tree::io::outboard::PreOrderMemOutboard::create(&data, block);
        Blob {
            data,
            outboard: made.data,
            hash: made.root.into(),
        }
    };
    SIZES.map(blob).into()
});

impl Blob {
    /// The one that the first byte chooses.
    fn choose(front: &mut Front<'_>) -> &'static Self {
        &BLOBS[usize::from(front.u8()) % BLOBS.len()]
    }

    fn size(&self) -> u64 {
        self.data.len() as u64
    }

    /// The proof that a sharer would send who takes the blob for one of `size` bytes.
    fn proof(&self, size: u64, ranges: &ChunkRanges) -> Result<Vec<u8>, EncodeError> {
        let content = InMemory {
            data: &self.data,
            outboard: &self.outboard,
        };
        all_of(Encoder::new(content, &self.hash, size, ranges))
    }
}

/// Everything that an encoder gives, taken in small pieces.
fn all_of<D: AsRef<[u8]>, O: AsRef<[u8]>>(
    mut encoder: Encoder<InMemory<D, O>>,
) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::new();
    let mut enough = 0;
    while !encoder.fill(&mut out, enough)? {
        enough = out.len() + 20_000;
    }
    Ok(out)
}

/// Up to eight boundaries, which are small numbers but for one in sixteen.
fn ranges(front: &mut Front<'_>) -> ChunkRanges {
    let mut at = 0_u64;
    let mut boundaries = Vec::new();
    for _ in 0..front.u8() % 8 {
        let width = u64::from(front.u8());
        let width = if width >= 0xF0 { front.u64() } else { width };
        at = at.saturating_add(width.max(1));
        if boundaries.last() != Some(&ChunkNum(at)) {
            boundaries.push(ChunkNum(at));
        }
    }
    ChunkRanges::new(boundaries.into()).unwrap_or_else(ChunkRanges::all)
}

/// A proof from a stranger: which blob, which ranges, what size is claimed, and then either changes to
/// the honest proof or all of its bytes.
pub fn proof(bytes: &[u8]) {
    let mut front = Front(bytes);
    let blob = Blob::choose(&mut front);
    let ranges = ranges(&mut front);
    let kind = front.u8();
    let size = if kind & 1 == 0 {
        blob.size()
    } else {
        front.u64()
    };
    let honest = blob.proof(size, &ranges);
    if size == blob.size() {
        let honest = honest.as_deref().expect("an honest proof");
        let taken = take(blob, size, &ranges, honest);
        assert_eq!(taken, Ok(honest.len()), "an honest proof is taken");
    }
    let honest = honest.unwrap_or_default();
    let sent = if kind & 2 == 0 {
        changed(&honest, &mut front)
    } else {
        front.0.to_vec()
    };
    if let Ok(used) = take(blob, size, &ranges, &sent) {
        assert_eq!(sent[..used], honest, "only the honest proof is taken");
        let last = ChunkNum::chunks(size).0.saturating_sub(1);
        let proves_size = !ranges.is_disjoint(&ChunkRanges::from(ChunkNum(last)..));
        assert!(
            !proves_size || size == blob.size(),
            "a wrong size was proven"
        );
    }
}

/// `honest` with some bytes changed, and cut off or longer.
fn changed(honest: &[u8], front: &mut Front<'_>) -> Vec<u8> {
    let mut sent = honest.to_vec();
    let length = front.u8();
    if length >= 0xC0 {
        sent.truncate(sent.len() * usize::from(length - 0xC0) / 64);
    } else if length >= 0x80 {
        sent.extend(std::iter::repeat_n(length, usize::from(length)));
    }
    while !front.0.is_empty() && !sent.is_empty() {
        let at = front.u32() as usize % sent.len();
        sent[at] ^= front.u8();
    }
    sent
}

/// Takes a proof as a getter does; how many bytes of it were used. What is verified is content of `blob`.
fn take(blob: &Blob, size: u64, ranges: &ChunkRanges, proof: &[u8]) -> Result<usize, Mismatch> {
    let mut verifier = Verifier::new(&blob.hash, size, ranges);
    let mut rest = proof;
    let mut steps = 0;
    let mut leaves: Vec<Range<u64>> = Vec::new();
    while let Some(step) = verifier.next() {
        steps += 1;
        // Each step but a few at the edges of a range is for content that came.
        assert!(steps <= 4 * (proof.len() / 64 + 1), "steps without end");
        match step {
            Step::Pair { .. } => {
                let (pair, behind) = rest.split_first_chunk().ok_or(Mismatch)?;
                verifier.pair(pair)?;
                rest = behind;
            }
            Step::Leaf { offset, size } => {
                assert!(size as u64 <= GROUP);
                let (data, behind) = rest.split_at_checked(size).ok_or(Mismatch)?;
                verifier.leaf(data)?;
                let start = usize::try_from(offset).expect("content that exists");
                assert_eq!(
                    blob.data.get(start..start + size),
                    Some(data),
                    "forged content"
                );
                leaves.push(offset..offset + size as u64);
                rest = behind;
            }
        }
    }
    assert!(leaves.is_sorted_by(|one, next| one.end <= next.start));
    for chunk in (0..ChunkNum::chunks(blob.size()).0).filter(|n| ranges.contains(&ChunkNum(*n))) {
        let inside = |leaf: &Range<u64>| leaf.start <= chunk * 1024 && chunk * 1024 <= leaf.end;
        assert!(
            size != blob.size() || leaves.iter().any(inside),
            "chunk {chunk} did not come"
        );
    }
    Ok(proof.len() - rest.len())
}

/// Content and an outboard that were changed on the sharer's disk: which blob, which ranges, whether
/// the content is what is changed, and the changes. What is sent all the same is the honest proof.
pub fn outboard(bytes: &[u8]) {
    let mut front = Front(bytes);
    let blob = Blob::choose(&mut front);
    let ranges = ranges(&mut front);
    let honest = blob.proof(blob.size(), &ranges).expect("an honest proof");
    let (data, outboard) = if front.u8() & 1 == 0 {
        (blob.data.clone(), changed(&blob.outboard, &mut front))
    } else {
        (changed(&blob.data, &mut front), blob.outboard.clone())
    };
    let mut content = InMemory { data, outboard };
    let beyond = content.pair(front.u64()).err().map(|error| error.kind());
    assert!(beyond.is_none_or(|kind| kind == std::io::ErrorKind::UnexpectedEof));
    match all_of(Encoder::new(content, &blob.hash, blob.size(), &ranges)) {
        Ok(sent) => assert_eq!(sent, honest, "damage was sent"),
        Err(EncodeError::Changed) => {}
        Err(EncodeError::Io(error)) => assert_showable(&error.to_string()),
    }
}
