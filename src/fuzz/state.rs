//! What Grove reads back from the disk: nothing of it is believed because Grove may have written it.

use std::path::Path;

use bao_tree::{ChunkNum, ChunkRanges};

use super::{Front, assert_told};
use crate::{
    app, cli,
    content::{Hash, Limits},
    disk,
    profile::{self, Settings},
    transfer::provide,
};

/// A record of a file under way: its size and how much of it there is (4 bytes each), and then a record.
/// It is read as it is, and once more as what stands between a right header and a right checksum.
pub fn have(bytes: &[u8]) {
    let mut front = Front(bytes);
    let (size, length) = (u64::from(front.u32()), u64::from(front.u32()));
    let hash = Hash::from_bytes([7; 32]);
    read_have(front.0, &hash, size, length);
    let header = [
        &b"GROVEHV1"[..],
        &size.to_le_bytes(),
        hash.as_bytes(),
        front.0,
    ]
    .concat();
    read_have(&sealed(header), &hash, size, length);
}

fn read_have(bytes: &[u8], hash: &Hash, size: u64, length: u64) {
    let Some(have) = disk::Have::decode(bytes, hash, size, length) else {
        return;
    };
    assert!(have.synced.is_subset(&have.written));
    let there = ChunkRanges::from(..ChunkNum::chunks(length));
    assert!(have.written.is_subset(&there), "more than there is");
    assert!(
        length <= size,
        "a file that is too long is no part of this one"
    );
    assert_eq!(have.encode(hash, size), bytes);
    for (hash, size) in [(Hash::EMPTY, size), (*hash, size + 1)] {
        assert_eq!(disk::Have::decode(bytes, &hash, size, length), None);
    }
    assert_eq!(disk::Have::decode(&bytes[1..], hash, size, length), None);
}

fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let checksum = blake3::hash(&bytes);
    bytes.extend(checksum.as_bytes());
    bytes
}

/// A record of who has a place in a share: as it is, and what stands between a right header and a right
/// checksum.
pub fn places(bytes: &[u8]) {
    let root = Hash::from_bytes([7; 32]);
    let header = [
        &b"GROVEGET"[..],
        &1_u32.to_le_bytes(),
        root.as_bytes(),
        bytes,
    ]
    .concat();
    for file in [bytes.to_vec(), sealed(header)] {
        let Ok(places) = provide::decode_places(&file, &root) else {
            continue;
        };
        let again = provide::encode_places(&places, &root);
        assert_eq!(provide::decode_places(&again, &root), Ok(places));
        assert!(provide::decode_places(&file, &Hash::EMPTY).is_err());
        assert!(provide::decode_places(&file[1..], &root).is_err());
    }
}

/// The list of hubs that were joined: all of the input.
pub fn hubs(bytes: &[u8]) {
    let Some(hubs) = profile::parse_hubs(bytes) else {
        return;
    };
    assert!(hubs.len() <= 16);
    let written = profile::hubs_text(&hubs);
    assert_eq!(profile::parse_hubs(written.as_bytes()), Some(hubs));
}

/// A cache of a tree's hashes: as it is, and with a right checksum.
pub fn tree_cache(bytes: &[u8]) {
    const ROOT: &[u8] = b"/tree";
    for file in [bytes.to_vec(), sealed(bytes.to_vec())] {
        let Some((bytes, on_disk)) = disk::tree_records(file, ROOT) else {
            continue;
        };
        let (records, rest) = bytes.as_chunks::<{ disk::TREE_RECORD }>();
        assert!(rest.is_empty());
        let header = disk::TreeHeader::new(ROOT, records.len() as u64, on_disk);
        let mut again = Vec::new();
        disk::write_tree(&mut again, &header, ROOT, records.iter())
            .expect("memory takes everything");
        let read = disk::tree_records(again.clone(), ROOT);
        assert!(read.is_some_and(|read| read == (bytes, on_disk)));
        assert_eq!(disk::tree_records(again, b"/other"), None);
    }
}

/// A manifest that was kept: as it is, under a root that it claims by itself, and with the hash of its
/// own metadata blob put where it belongs.
pub fn kept(bytes: &[u8]) {
    let limits = &Limits::DEFAULT;
    assert_eq!(app::decode_kept(bytes, &Hash::EMPTY, limits), None);
    let Some((length, rest)) = bytes.split_first_chunk::<8>() else {
        return;
    };
    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
    let Some((hash_seq, meta)) = rest.split_at_checked(length) else {
        // No root can make a manifest of it.
        assert_eq!(app::decode_kept(bytes, &Hash::new(rest), limits), None);
        return;
    };
    let mut fitting = hash_seq.to_vec();
    if let Some(first) = fitting.first_chunk_mut::<32>() {
        *first = *Hash::new(meta).as_bytes();
    }
    for hash_seq in [hash_seq, &fitting] {
        let root = Hash::new(hash_seq);
        let file = app::encode_kept(hash_seq, meta);
        if let Some(manifest) = app::decode_kept(&file, &root, limits) {
            assert_eq!(hash_seq, fitting);
            assert_eq!(manifest.files.len(), hash_seq.len() / 32 - 1);
            let cut = &file[..file.len() - 1];
            assert_eq!(app::decode_kept(cut, &root, limits), None);
        }
    }
}

/// The file of the identity: all of the input.
pub fn identity(bytes: &[u8]) {
    let Some(key) = profile::parse_identity(bytes) else {
        return;
    };
    let text = profile::identity_text(&key);
    let again = profile::parse_identity(text.as_bytes());
    assert!(again.is_some_and(|again| again.to_bytes() == key.to_bytes()));
    // No slip makes another person of it.
    for slip in (0..text.len()).filter(|at| !text.as_bytes()[*at].is_ascii_whitespace()) {
        let mut slipped = text.clone().into_bytes();
        slipped[slip] = if slipped[slip] == b'0' { b'1' } else { b'0' };
        assert!(profile::parse_identity(&slipped).is_none());
    }
}

/// `config.toml`: all of the input, as text.
pub fn config(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let settings: Settings = match profile::parse_settings(Path::new("config.toml"), &text) {
        Ok(settings) => settings,
        Err(failure) => {
            assert_told(&failure);
            assert!(
                failure.message.starts_with("config.toml, line "),
                "{failure}"
            );
            return;
        }
    };
    let resolved = cli::Resolved::new(&cli::GlobalArgs::default(), |_| None, settings.clone());
    assert_eq!(resolved.network.offline, settings.offline.unwrap_or(false));
    match resolved.limit_rate(None) {
        Ok(rate) => assert!(rate != Some(0) && rate.is_some() == settings.limit_rate.is_some()),
        Err(failure) => assert_told(&failure),
    }
    if let Err(failure) = resolved.wait(None) {
        assert_told(&failure);
    }
}
