use bao_tree::io::outboard::PreOrderMemOutboard;
use iroh_blobs::protocol::ChunkRangesExt as _;
use proptest::prelude::*;

use super::*;

fn content(size: usize) -> Vec<u8> {
    (0..size)
        .map(|i| u8::try_from((i * 7 + i / 256) % 251).unwrap())
        .collect()
}

type Memory = InMemory<Vec<u8>, Vec<u8>>;

fn encoder(data: &[u8], ranges: &ChunkRanges) -> (Hash, Encoder<Memory>) {
    let outboard = PreOrderMemOutboard::create(data, BLOCK_SIZE);
    let hash = Hash::from(outboard.root);
    let memory = InMemory {
        data: data.to_vec(),
        outboard: outboard.data,
    };
    (hash, Encoder::new(memory, &hash, data.len() as u64, ranges))
}

fn proof(data: &[u8], ranges: &ChunkRanges) -> (Hash, Vec<u8>) {
    let (hash, mut encoder) = encoder(data, ranges);
    let mut out = Vec::new();
    let mut enough = 0;
    while !encoder.fill(&mut out, enough).unwrap() {
        enough += 10_000;
    }
    (hash, out)
}

/// Takes a proof as a getter does; what was verified, by offset.
fn verify(
    hash: &Hash,
    size: u64,
    ranges: &ChunkRanges,
    mut proof: &[u8],
) -> Result<Vec<(u64, Vec<u8>)>, Mismatch> {
    let mut verifier = Verifier::new(hash, size, ranges);
    let mut out = Vec::new();
    while let Some(step) = verifier.next() {
        match step {
            Step::Pair { .. } => {
                let (pair, rest) = proof.split_first_chunk().ok_or(Mismatch)?;
                verifier.pair(pair)?;
                proof = rest;
            }
            Step::Leaf { offset, size } => {
                let (data, rest) = proof.split_at_checked(size).ok_or(Mismatch)?;
                verifier.leaf(data)?;
                out.push((offset, data.to_vec()));
                proof = rest;
            }
        }
    }
    if proof.is_empty() {
        Ok(out)
    } else {
        Err(Mismatch)
    }
}

/// Sizes at the edges of chunks, chunk groups and complete trees.
const SIZES: [usize; 13] = [
    0, 1, 1023, 1024, 1025, 16_383, 16_384, 16_385, 32_768, 32_769, 49_153, 262_144, 300_001,
];

#[test]
fn whole_blobs_arrive_whole() {
    for size in SIZES {
        let data = content(size);
        let (hash, proof) = proof(&data, &ChunkRanges::all());
        assert_eq!(hash, Hash::new(&data));
        let parts = verify(&hash, size as u64, &ChunkRanges::all(), &proof).unwrap();
        let joined: Vec<u8> = parts.into_iter().flat_map(|(_, data)| data).collect();
        assert_eq!(joined, data, "size {size}");
    }
}

#[test]
fn proofs_are_those_of_bao_tree() {
    for size in SIZES {
        let data = content(size);
        let whole = ChunkRanges::all();
        for ranges in [
            whole,
            ChunkRanges::last_chunk(),
            ChunkRanges::chunks(0..1),
            ChunkRanges::chunks(3..40),
            ChunkRanges::chunks(16..32),
        ] {
            let (_, ours) = proof(&data, &ranges);
            let outboard = PreOrderMemOutboard::create(&data, BLOCK_SIZE);
            let mut theirs = Vec::new();
            bao_tree::io::sync::encode_ranges_validated(&data, &outboard, &ranges, &mut theirs)
                .unwrap();
            assert_eq!(ours, theirs, "size {size}, ranges {ranges:?}");
        }
    }
}

#[test]
fn a_flipped_bit_is_noticed_on_both_sides() {
    let data = content(100_000);
    let ranges = ChunkRanges::all();
    let (hash, good) = proof(&data, &ranges);
    for at in (0..good.len()).step_by(997) {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert_eq!(
            verify(&hash, 100_000, &ranges, &bad),
            Err(Mismatch),
            "byte {at}"
        );
    }
    for at in (0..data.len()).step_by(9_973) {
        let (_, mut encoder) = encoder(&data, &ranges);
        encoder.content.data[at] ^= 1;
        let mut out = Vec::new();
        let result = encoder.fill(&mut out, usize::MAX);
        assert!(matches!(result, Err(EncodeError::Changed)), "byte {at}");
        assert!(good.starts_with(&out), "nothing changed was handed out");
    }
}

#[test]
fn a_file_that_got_shorter_has_changed() {
    let data = content(100_000);
    let (_, mut encoder) = encoder(&data, &ChunkRanges::all());
    encoder.content.data.truncate(60_000);
    let result = encoder.fill(&mut Vec::new(), usize::MAX);
    assert!(matches!(result, Err(EncodeError::Changed)));
}

#[test]
fn a_wrong_size_is_noticed() {
    let data = content(100_000);
    let (hash, proof) = proof(&data, &ChunkRanges::all());
    for claimed in [0, 99_999, 100_001, 1 << 40, u64::MAX] {
        assert!(
            verify(&hash, claimed, &ChunkRanges::all(), &proof).is_err(),
            "{claimed}"
        );
    }
}

proptest! {
    #[test]
    fn any_ranges_arrive(
        size in 0usize..200_000,
        spans in prop::collection::vec((0u64..250, 0u64..250), 1..6),
    ) {
        let data = content(size);
        let mut ranges = ChunkRanges::empty();
        for (a, b) in spans {
            ranges |= ChunkRanges::chunks(a.min(b)..a.max(b));
        }
        let (hash, proof) = proof(&data, &ranges);
        for (offset, part) in verify(&hash, size as u64, &ranges, &proof).unwrap() {
            let start = usize::try_from(offset).unwrap();
            prop_assert_eq!(&data[start..start + part.len()], &part[..]);
        }
    }
}

proptest! {
    #[test]
    fn ranges_are_cut_as_sets_are(
        size in 0u64..40_000,
        boundaries in prop::collection::btree_set(0u64..60, 0..12),
    ) {
        let boundaries: Vec<_> = boundaries.into_iter().map(ChunkNum).collect();
        let ranges = ChunkRanges::new(boundaries.into()).unwrap();
        let last = ChunkNum(ChunkNum::chunks(size).0.saturating_sub(1));
        let tail = ChunkRanges::from(last..);
        let expected = if ranges.intersects(&tail) {
            &ranges | &tail
        } else {
            ranges.clone()
        };
        prop_assert_eq!(up_to_size(&ranges, size), expected);
    }
}
