//! Reads the metadata blob: by hand and in place.
//!
//! Every count in it is only a loop bound over bytes that have to be there, so a lie about one ends
//! the loop and takes no memory. Everything is read twice: first by a [`Survey`], which finds whatever
//! is wrong and keeps 8 bytes an entry, then into entries. So what is refused has not cost much more
//! memory than its bytes.

use super::{
    DirEntry, FileEntry, LinkEntry, Manifest, ManifestError, Mtime,
    survey::Survey,
    wire::{HAS_MODE, HAS_MTIME, HAS_SIZE, HEADER, MAGIC, VERSION},
};
use crate::content::{EntryPath, Hash, Limits};

/// Reads bytes from the front. Running out is an error, and so is a number beyond 64 bits.
#[derive(Clone, Default)]
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

/// Takes the entries of a list, one by one. Names are as they were sent.
pub(super) trait Taker<'a> {
    fn file(
        &mut self,
        name: &'a [u8],
        hash: &[u8; 32],
        metadata: FileMetadata,
    ) -> Result<(), ManifestError>;

    fn dir(&mut self, name: &'a [u8], mode: u32, mtime: Mtime) -> Result<(), ManifestError>;

    fn link(&mut self, name: &'a [u8], target: &'a [u8], mtime: Mtime)
    -> Result<(), ManifestError>;
}

/// Makes entries of what was surveyed before.
struct Build<'l> {
    manifest: Manifest,
    limits: &'l Limits,
}

impl Build<'_> {
    fn path(&self, name: &[u8]) -> Result<EntryPath, ManifestError> {
        let path = EntryPath::parse_within(name, self.limits);
        path.map_err(|_| ManifestError::Damaged("a name is not allowed"))
    }
}

impl<'a> Taker<'a> for Build<'_> {
    fn file(
        &mut self,
        name: &'a [u8],
        hash: &[u8; 32],
        (size, mode, mtime): FileMetadata,
    ) -> Result<(), ManifestError> {
        let path = self.path(name)?;
        self.manifest.files.push(FileEntry {
            path,
            hash: Hash::from_bytes(*hash),
            size,
            mode,
            mtime,
        });
        Ok(())
    }

    fn dir(&mut self, name: &'a [u8], mode: u32, mtime: Mtime) -> Result<(), ManifestError> {
        let path = self.path(name)?;
        self.manifest.dirs.push(DirEntry { path, mode, mtime });
        Ok(())
    }

    fn link(
        &mut self,
        name: &'a [u8],
        target: &'a [u8],
        mtime: Mtime,
    ) -> Result<(), ManifestError> {
        let path = self.path(name)?;
        self.manifest.links.push(LinkEntry {
            path,
            target: target.into(),
            mtime,
        });
        Ok(())
    }
}

/// Reads both blobs, and checks what the entries owe each other.
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
    let section = section(behind)?;
    let mut survey = Survey::new(meta, limits);
    entries(hashes, names.clone(), section.clone(), limits, &mut survey)?;
    survey.finish(section.is_some())?;
    let mut build = Build {
        manifest: Manifest::default(),
        limits,
    };
    // As many as there are hashes, and those are here.
    build.manifest.files.reserve_exact(hashes.len());
    entries(hashes, names, section, limits, &mut build)?;
    Ok(build.manifest)
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

/// Hands every entry to `taker`: files, folders, links.
fn entries<'a>(
    hashes: &[[u8; 32]],
    mut names: Input<'a>,
    mut body: Option<Input<'a>>,
    limits: &Limits,
    taker: &mut impl Taker<'a>,
) -> Result<(), ManifestError> {
    let mut raw_names = match &mut body {
        Some(body) => RawNames::skip(body, hashes.len() as u64)?,
        None => RawNames::default(),
    };
    for (index, hash) in (0_u64..).zip(hashes) {
        let stand_in = names.bytes()?;
        let name = raw_names.of(index)?.unwrap_or(stand_in);
        let metadata = match &mut body {
            Some(body) => file_metadata(body)?,
            None => (None, None, None),
        };
        taker.file(name, hash, metadata)?;
    }
    match &mut body {
        Some(body) => others(body, limits, taker),
        None => Ok(()),
    }
}

/// The names that are not UTF-8, by the index of their files. They too are read where they are.
#[derive(Default)]
struct RawNames<'a> {
    left: u64,
    input: Input<'a>,
    next: Option<(u64, &'a [u8])>,
}

impl<'a> RawNames<'a> {
    /// Checks the raw names at the start of `body`, and goes on behind them.
    fn skip(body: &mut Input<'a>, files: u64) -> Result<Self, ManifestError> {
        let count = body.varint()?;
        let mut raw_names = Self {
            left: count,
            input: body.clone(),
            next: None,
        };
        let mut before = None;
        for _ in 0..count {
            let index = body.varint()?;
            if before >= Some(index) || index >= files {
                return Err(ManifestError::Damaged("a raw name belongs to no file"));
            }
            before = Some(index);
            if std::str::from_utf8(body.bytes()?).is_ok() {
                // Else a share could show one name here and another one in other tools.
                return Err(ManifestError::Damaged("a raw name is not needed"));
            }
        }
        raw_names.advance()?;
        Ok(raw_names)
    }

    fn advance(&mut self) -> Result<(), ManifestError> {
        self.next = None;
        if let Some(left) = self.left.checked_sub(1) {
            self.left = left;
            self.next = Some((self.input.varint()?, self.input.bytes()?));
        }
        Ok(())
    }

    /// The raw name of file number `index`, if it has one; asked for each file in turn.
    fn of(&mut self, index: u64) -> Result<Option<&'a [u8]>, ManifestError> {
        match self.next {
            Some((at, raw)) if at == index => {
                self.advance()?;
                Ok(Some(raw))
            }
            _ => Ok(None),
        }
    }
}

/// Size, mode and time of a file, as far as they are said.
pub(super) type FileMetadata = (Option<u64>, Option<u32>, Option<Mtime>);

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
fn others<'a>(
    body: &mut Input<'a>,
    limits: &Limits,
    taker: &mut impl Taker<'a>,
) -> Result<(), ManifestError> {
    let dirs = body.varint()?;
    let too_many = ManifestError::TooManyFolders { max: limits.others };
    if dirs > limits.others {
        return Err(too_many);
    }
    for _ in 0..dirs {
        let name = body.bytes()?;
        taker.dir(name, body.small()?, body.mtime()?)?;
    }
    let links = body.varint()?;
    if links > limits.others - dirs {
        return Err(too_many);
    }
    for _ in 0..links {
        let (name, target) = (body.bytes()?, body.bytes()?);
        taker.link(name, target, body.mtime()?)?;
    }
    Ok(())
}
