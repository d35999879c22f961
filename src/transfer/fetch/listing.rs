//! What a ticket names: the manifest, fetched and verified with limits.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bao_tree::{ChunkNum, ChunkRanges};
use iroh_blobs::BlobFormat;

use super::{
    Link, StreamError,
    request::{Memory, Wire},
};
use crate::{
    content::{EntryPath, FileEntry, Hash, Limits, Manifest},
    events::{Failure, FailureKind},
    transfer::wire::{Request, Reset},
};

/// A verified manifest and the bytes it was read from.
#[derive(Debug, Clone)]
pub struct Listing {
    /// What is shared.
    pub manifest: Manifest,
    /// The hash sequence and the metadata blob, to be kept; empty for a single blob and for
    /// collections that do not say sizes, which have to be asked for anew.
    pub raw: Option<(Vec<u8>, Vec<u8>)>,
}

/// Fetches the manifest of the share `root`, with sizes also where the collection does not say them.
/// A single blob becomes one file named by its hash.
///
/// # Errors
/// `Unreachable` or `Refused`, see [`Link::connection`]; `Unverified` when what comes is not a share.
pub async fn fetch(
    link: Arc<Link>,
    root: Hash,
    format: BlobFormat,
    limits: &Limits,
) -> Result<Listing, Failure> {
    let wire = Wire {
        link,
        rate: None,
        received: AtomicU64::new(0),
    };
    with_retries(&wire, root, format, limits).await
}

/// How often an answer that was cut short is asked for again.
const TRIES: u32 = 4;

async fn with_retries(
    wire: &Wire,
    root: Hash,
    format: BlobFormat,
    limits: &Limits,
) -> Result<Listing, Failure> {
    let mut tries = 0;
    let mut lost = 0;
    loop {
        let connection = wire.link.connection().await?;
        let result = match format {
            BlobFormat::HashSeq => collection(wire, &connection, root, limits).await,
            BlobFormat::Raw => single(wire, &connection, root).await,
        };
        match result {
            Ok(listing) => return Ok(listing),
            Err(StreamError::Lost) => {
                // A list starts again from its beginning, so what came of it is no progress; but a
                // slow link that was lost while it came gets a few more chances.
                if wire.received.swap(0, Ordering::Relaxed) > 0 && lost < TRIES {
                    lost += 1;
                    wire.link.progressed();
                }
            }
            Err(StreamError::Incomplete | StreamError::Reset(Reset::Internal)) if tries < TRIES => {
                tries += 1;
            }
            Err(error) => return Err(error.into_failure()),
        }
        Link::give_up(&connection);
    }
}

async fn collection(
    wire: &Wire,
    connection: &iroh::endpoint::Connection,
    root: Hash,
    limits: &Limits,
) -> Result<Listing, StreamError> {
    let request = Request {
        hash: root,
        specs: vec![(0, ChunkRanges::all()), (2, ChunkRanges::empty())],
    };
    let mut answer = wire.ask(connection, &request).await?;
    let most = (limits.files + 1).saturating_mul(32);
    let hash_seq = answer.in_memory(&root, most, "a list of hashes").await?;
    let first = hash_seq
        .first_chunk::<32>()
        .filter(|_| hash_seq.len().is_multiple_of(32));
    let Some(meta_hash) = first.map(|bytes| Hash::from_bytes(*bytes)) else {
        return Err(StreamError::Hostile(
            "something that is not a share".to_owned(),
        ));
    };
    let meta = answer
        .in_memory(&meta_hash, limits.meta_bytes, "a list of names")
        .await?;
    let decoded = {
        let limits = *limits;
        tokio::task::spawn_blocking(move || {
            (Manifest::decode(&hash_seq, &meta, &limits), hash_seq, meta)
        })
        .await
    };
    let Ok((decoded, hash_seq, meta)) = decoded else {
        return Err(StreamError::Hostile(
            "a list of names that cannot be read".to_owned(),
        ));
    };
    let mut manifest = decoded.map_err(|error| {
        Failure::new(
            FailureKind::Unverified,
            format!("this share is refused: {error}"),
        )
        .hint("nothing was fetched; tell the sharer")
    })?;
    if manifest.files.iter().all(|file| file.size.is_some()) {
        return Ok(Listing {
            manifest,
            raw: Some((hash_seq, meta)),
        });
    }
    sizes(wire, connection, root, &mut manifest).await?;
    Ok(Listing {
        manifest,
        raw: None,
    })
}

/// Asks for the last chunk of each file, which proves its size.
async fn sizes(
    wire: &Wire,
    connection: &iroh::endpoint::Connection,
    root: Hash,
    manifest: &mut Manifest,
) -> Result<(), StreamError> {
    let last = ChunkRanges::from(ChunkNum(u64::MAX)..);
    let request = Request::sizes(root, 2..2 + manifest.files.len() as u64);
    let mut answer = wire.ask(connection, &request).await?;
    let mut total = 0u64;
    for file in &mut manifest.files {
        let size = answer.size().await?;
        answer
            .blob(&file.hash, size, &last, &mut Memory::default())
            .await?;
        total = total
            .checked_add(size)
            .ok_or_else(|| StreamError::Hostile("sizes beyond all measure".to_owned()))?;
        file.size = Some(size);
    }
    Ok(())
}

async fn single(
    wire: &Wire,
    connection: &iroh::endpoint::Connection,
    hash: Hash,
) -> Result<Listing, StreamError> {
    let last = ChunkRanges::from(ChunkNum(u64::MAX)..);
    let mut answer = wire
        .ask(connection, &Request::ranges(hash, 0, last.clone()))
        .await?;
    let size = answer.size().await?;
    answer
        .blob(&hash, size, &last, &mut Memory::default())
        .await?;
    let path = EntryPath::parse(hash.to_hex().as_bytes())
        .map_err(|error| StreamError::Hostile(error.to_string()))?;
    let file = FileEntry {
        path,
        hash,
        size: Some(size),
        mode: None,
        mtime: None,
    };
    Ok(Listing {
        manifest: Manifest {
            files: vec![file],
            ..Manifest::default()
        },
        raw: None,
    })
}
