//! Reads the metadata blob: by hand and in place.
//!
//! Every count in it is only a loop bound over bytes that have to be there, so a lie about one ends
//! the loop and takes no memory.

use super::{
    BadName, DirEntry, FileEntry, LinkEntry, Manifest, ManifestError, Mtime,
    check::Budget,
    wire::{HAS_MODE, HAS_MTIME, HAS_SIZE, HEADER, MAGIC, VERSION},
};
use crate::content::{EntryPath, Hash, Limits};

/// Names that an error lists.
const BAD_NAMES: usize = 10;

/// Reads bytes from the front. Running out is an error, and so is a number beyond 64 bits.
#[derive(Clone)]
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, len: u64) -> Result<&'a [u8], ManifestError> {
        let split = usize::try_from(len)
            .ok()
            .and_then(|len| self.0.split_at_checked(len));
        let (taken, rest) = split.ok_or(SHORT)?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, ManifestError> {
        let (first, rest) = self.0.split_first().ok_or(SHORT)?;
        self.0 = rest;
        Ok(*first)
    }

    fn varint(&mut self) -> Result<u64, ManifestError> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7F);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(ManifestError::Damaged("a number is too large"))
    }

    fn small(&mut self) -> Result<u32, ManifestError> {
        u32::try_from(self.varint()?).map_err(|_| ManifestError::Damaged("a number is too large"))
    }

    fn zigzag(&mut self) -> Result<i64, ManifestError> {
        let value = self.varint()?;
        Ok((value >> 1).cast_signed() ^ -((value & 1).cast_signed()))
    }

    fn bytes(&mut self) -> Result<&'a [u8], ManifestError> {
        let len = self.varint()?;
        self.take(len)
    }

    fn mtime(&mut self) -> Result<Mtime, ManifestError> {
        Ok(Mtime {
            secs: self.zigzag()?,
            nanos: self.small()?,
        })
    }
}

const SHORT: ManifestError = ManifestError::Damaged("it ends too early");

/// Makes paths of names, and keeps those that are refused for one error at the end.
struct Names<'l> {
    limits: &'l Limits,
    budget: Budget,
    bad: Vec<BadName>,
    count: u64,
}

impl Names<'_> {
    /// The path of an entry of type `T`, or nothing if it is refused.
    fn parse<T>(&mut self, raw: &[u8]) -> Result<Option<EntryPath>, ManifestError> {
        match EntryPath::parse_within(raw, self.limits) {
            Ok(path) => {
                self.budget.spend::<T>(raw.len())?;
                Ok(Some(path))
            }
            Err(why) => {
                self.count += 1;
                if self.bad.len() < BAD_NAMES {
                    self.bad.push(BadName::new(raw, why));
                }
                Ok(None)
            }
        }
    }

    fn finish(self) -> Result<(), ManifestError> {
        match self.count {
            0 => Ok(()),
            count => Err(ManifestError::Names {
                names: self.bad,
                count,
            }),
        }
    }
}

/// Reads both blobs. What the entries owe each other is not checked here.
pub(super) fn decode(
    hash_seq: &[u8],
    meta: &[u8],
    limits: &Limits,
) -> Result<Manifest, ManifestError> {
    let (hashes, rest) = hash_seq.as_chunks::<32>();
    let [_meta_hash, hashes @ ..] = hashes else {
        return Err(ManifestError::Damaged("it has no hashes"));
    };
    if !rest.is_empty() {
        return Err(ManifestError::Damaged("a hash is cut off"));
    }
    if hashes.len() as u64 > limits.files {
        return Err(ManifestError::TooManyFiles { max: limits.files });
    }
    if meta.len() as u64 > limits.meta_bytes {
        return Err(ManifestError::MetaTooLarge {
            bytes: meta.len() as u64,
            max: limits.meta_bytes,
        });
    }
    let mut names = Input(
        meta.strip_prefix(HEADER)
            .ok_or(ManifestError::Damaged("it is not a collection"))?,
    );
    let count = names.varint()?;
    if count != hashes.len() as u64 {
        return Err(ManifestError::Mismatch {
            names: count,
            hashes: hashes.len() as u64,
        });
    }
    // The section is behind the names, and what it says belongs to each name: two readers go side
    // by side, so that nothing has to be kept in between.
    let mut behind = names.clone();
    for _ in hashes {
        let name = behind.bytes()?;
        if std::str::from_utf8(name).is_err() {
            return Err(ManifestError::Damaged("a name is not UTF-8"));
        }
    }
    decode_entries(hashes, names, section(behind)?, limits)
}

/// The body of Grove's section, if there is one.
fn section(mut input: Input<'_>) -> Result<Option<Input<'_>>, ManifestError> {
    let Some(rest) = input.0.strip_prefix(MAGIC) else {
        return Ok(None);
    };
    input.0 = rest;
    let version = input.byte()?;
    if version == 0 {
        return Err(ManifestError::Damaged("version 0 was never used"));
    }
    if version > VERSION {
        return Err(ManifestError::Newer { version });
    }
    let len = input
        .take(8)?
        .iter()
        .rev()
        .fold(0, |n, b| n << 8 | u64::from(*b));
    if len != input.0.len() as u64 {
        return Err(ManifestError::Damaged("its length is wrong"));
    }
    Ok(Some(input))
}

fn decode_entries(
    hashes: &[[u8; 32]],
    mut names: Input<'_>,
    mut body: Option<Input<'_>>,
    limits: &Limits,
) -> Result<Manifest, ManifestError> {
    let mut paths = Names {
        limits,
        budget: Budget::new(),
        bad: Vec::new(),
        count: 0,
    };
    let raw_names = match &mut body {
        Some(body) => raw_names(body, hashes.len() as u64)?,
        None => Vec::new(),
    };
    let mut raw_names = raw_names.into_iter().peekable();
    let mut manifest = Manifest::default();
    // As many as there are hashes, and those are here.
    manifest.files.reserve_exact(hashes.len());
    for (index, hash) in (0_u64..).zip(hashes) {
        let stand_in = names.bytes()?;
        let raw = raw_names.next_if(|(at, _)| *at == index);
        let (size, mode, mtime) = match &mut body {
            Some(body) => file_metadata(body)?,
            None => (None, None, None),
        };
        if let Some(path) = paths.parse::<FileEntry>(raw.map_or(stand_in, |(_, raw)| raw))? {
            manifest.files.push(FileEntry {
                path,
                hash: Hash::from_bytes(*hash),
                size,
                mode,
                mtime,
            });
        }
    }
    if let Some(body) = &mut body {
        others(body, &mut manifest, &mut paths)?;
    }
    paths.finish()?;
    if body.is_some() && !is_sorted(&manifest) {
        return Err(ManifestError::Damaged("its entries are not in order"));
    }
    Ok(manifest)
}

/// The names that are not UTF-8, by the index of their files.
fn raw_names<'a>(body: &mut Input<'a>, files: u64) -> Result<Vec<(u64, &'a [u8])>, ManifestError> {
    let mut raw_names: Vec<(u64, &[u8])> = Vec::new();
    for _ in 0..body.varint()? {
        let index = body.varint()?;
        let in_order = raw_names.last().is_none_or(|(before, _)| *before < index);
        if !in_order || index >= files {
            return Err(ManifestError::Damaged("a raw name belongs to no file"));
        }
        let raw = body.bytes()?;
        if std::str::from_utf8(raw).is_ok() {
            // Else a share could show one name here and another one in other tools.
            return Err(ManifestError::Damaged("a raw name is not needed"));
        }
        raw_names.push((index, raw));
    }
    Ok(raw_names)
}

type FileMetadata = (Option<u64>, Option<u32>, Option<Mtime>);

fn file_metadata(body: &mut Input<'_>) -> Result<FileMetadata, ManifestError> {
    let flags = body.byte()?;
    if flags & !(HAS_SIZE | HAS_MODE | HAS_MTIME) != 0 {
        return Err(ManifestError::Damaged("a file has unknown flags"));
    }
    let has = |flag| flags & flag != 0;
    let size = has(HAS_SIZE).then(|| body.varint()).transpose()?;
    let mode = has(HAS_MODE).then(|| body.small()).transpose()?;
    let mtime = has(HAS_MTIME).then(|| body.mtime()).transpose()?;
    Ok((size, mode, mtime))
}

/// Folders and links.
fn others(
    body: &mut Input<'_>,
    manifest: &mut Manifest,
    paths: &mut Names<'_>,
) -> Result<(), ManifestError> {
    let limits = paths.limits;
    let dirs = body.varint()?;
    let too_many = ManifestError::TooManyFolders { max: limits.others };
    if dirs > limits.others {
        return Err(too_many);
    }
    for _ in 0..dirs {
        let path = paths.parse::<DirEntry>(body.bytes()?)?;
        let (mode, mtime) = (body.small()?, body.mtime()?);
        if let Some(path) = path {
            manifest.dirs.push(DirEntry { path, mode, mtime });
        }
    }
    let links = body.varint()?;
    if links > limits.others - dirs {
        return Err(too_many);
    }
    for _ in 0..links {
        let path = paths.parse::<LinkEntry>(body.bytes()?)?;
        let (target, mtime) = (body.bytes()?, body.mtime()?);
        if let Some(path) = path {
            paths.budget.spend::<()>(target.len())?;
            manifest.links.push(LinkEntry {
                path,
                target: target.into(),
                mtime,
            });
        }
    }
    Ok(())
}

fn is_sorted(manifest: &Manifest) -> bool {
    manifest.files.is_sorted_by_key(|f| &f.path)
        && manifest.dirs.is_sorted_by_key(|d| &d.path)
        && manifest.links.is_sorted_by_key(|l| &l.path)
}
