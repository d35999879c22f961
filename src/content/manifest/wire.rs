//! The metadata blob in bytes; `docs/formats.md` has it byte by byte.
//!
//! First the `CollectionMeta` of iroh-blobs, in postcard, which every tool that speaks iroh-blobs
//! reads. Right behind it Grove's section: magic, version, length, and then raw names, the metadata
//! of the files, folders and links. Numbers are postcard's: little-endian base-128 varints, signed
//! ones in zigzag form.
//!
//! Reading is by hand and in place. Every count is only a loop bound over bytes that have to be
//! there, so a lie about one ends the loop and not the memory.

use std::{collections::HashSet, fmt::Write as _};

use super::{BadName, DirEntry, FileEntry, LinkEntry, Manifest, ManifestError, Mtime};
use crate::content::{EntryPath, Hash, Limits};

/// How the metadata blob of a collection starts.
const HEADER: &[u8; 13] = b"CollectionV0.";
/// How Grove's section starts. The first byte is no ASCII and no start of a UTF-8 character.
pub(super) const MAGIC: &[u8; 8] = b"\x93GroveM\n";
/// The version of the section that is written, and the newest that is read.
pub(super) const VERSION: u8 = 1;
/// Names that an error lists.
const BAD_NAMES: usize = 10;

/// Flags before a file's metadata: which of the three follow.
const HAS_SIZE: u8 = 1;
const HAS_MODE: u8 = 2;
const HAS_MTIME: u8 = 4;

/// Where the writer puts its bytes: into memory, or only counted.
trait Out {
    fn put(&mut self, bytes: &[u8]);

    fn varint(&mut self, mut value: u64) {
        let mut buffer = [0; 10];
        let mut len = 0;
        loop {
            // The low seven bits.
            buffer[len] = (value & 0x7F) as u8;
            value >>= 7;
            if value == 0 {
                break;
            }
            buffer[len] |= 0x80;
            len += 1;
        }
        self.put(&buffer[..=len]);
    }

    fn zigzag(&mut self, value: i64) {
        self.varint((value.cast_unsigned() << 1) ^ (value >> 63).cast_unsigned());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.varint(bytes.len() as u64);
        self.put(bytes);
    }

    fn mtime(&mut self, mtime: Mtime) {
        self.zigzag(mtime.secs);
        self.varint(u64::from(mtime.nanos));
    }
}

impl Out for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Counts.
impl Out for usize {
    fn put(&mut self, bytes: &[u8]) {
        *self += bytes.len();
    }
}

/// The size of the metadata blob.
pub(super) fn meta_len(manifest: &Manifest) -> usize {
    let stand_ins = stand_ins(manifest);
    let mut len = 0;
    put_meta(&mut len, manifest, &stand_ins);
    len
}

/// The metadata blob.
pub(super) fn encode_meta(manifest: &Manifest) -> Vec<u8> {
    let stand_ins = stand_ins(manifest);
    let mut len = 0;
    put_meta(&mut len, manifest, &stand_ins);
    let mut meta = Vec::with_capacity(len);
    put_meta(&mut meta, manifest, &stand_ins);
    meta
}

fn put_meta(out: &mut impl Out, manifest: &Manifest, stand_ins: &[(usize, String)]) {
    out.put(HEADER);
    out.varint(manifest.files.len() as u64);
    let mut replaced = stand_ins.iter().peekable();
    for (index, file) in manifest.files.iter().enumerate() {
        match replaced.next_if(|(at, _)| *at == index) {
            Some((_, stand_in)) => out.bytes(stand_in.as_bytes()),
            None => out.bytes(file.path.as_bytes()),
        }
    }
    if is_foreign(manifest) {
        return;
    }
    let mut len = 0_usize;
    put_body(&mut len, manifest, stand_ins);
    out.put(MAGIC);
    out.put(&[VERSION]);
    out.put(&(len as u64).to_le_bytes());
    put_body(out, manifest, stand_ins);
}

/// Whether there is nothing for a section to say, as in a collection of another tool: it then has
/// none here either, and keeps its root.
fn is_foreign(manifest: &Manifest) -> bool {
    manifest.dirs.is_empty()
        && manifest.links.is_empty()
        && manifest.files.iter().all(|f| {
            let nothing = f.size.is_none() && f.mode.is_none() && f.mtime.is_none();
            nothing && std::str::from_utf8(f.path.as_bytes()).is_ok()
        })
}

fn put_body(out: &mut impl Out, manifest: &Manifest, stand_ins: &[(usize, String)]) {
    out.varint(stand_ins.len() as u64);
    for (index, _) in stand_ins {
        out.varint(*index as u64);
        out.bytes(manifest.files[*index].path.as_bytes());
    }
    for file in &manifest.files {
        let flag = |present: bool, flag: u8| if present { flag } else { 0 };
        out.put(&[flag(file.size.is_some(), HAS_SIZE)
            | flag(file.mode.is_some(), HAS_MODE)
            | flag(file.mtime.is_some(), HAS_MTIME)]);
        if let Some(size) = file.size {
            out.varint(size);
        }
        if let Some(mode) = file.mode {
            out.varint(u64::from(mode));
        }
        if let Some(mtime) = file.mtime {
            out.mtime(mtime);
        }
    }
    out.varint(manifest.dirs.len() as u64);
    for dir in &manifest.dirs {
        out.bytes(dir.path.as_bytes());
        out.varint(u64::from(dir.mode));
        out.mtime(dir.mtime);
    }
    out.varint(manifest.links.len() as u64);
    for link in &manifest.links {
        out.bytes(link.path.as_bytes());
        out.bytes(&link.target);
        out.mtime(link.mtime);
    }
}

/// For each file whose name is not UTF-8: its index, and the name other tools see. Bytes that are no
/// character become `%e9`; where that is somebody's name already, or too long, `~1` and so on ends it.
fn stand_ins(manifest: &Manifest) -> Vec<(usize, String)> {
    let is_raw = |file: &FileEntry| std::str::from_utf8(file.path.as_bytes()).is_err();
    if !manifest.files.iter().any(is_raw) {
        return Vec::new();
    }
    let mut taken: HashSet<Vec<u8>> = HashSet::new();
    for file in manifest.files.iter().filter(|f| !is_raw(f)) {
        taken.insert(file.path.as_bytes().to_vec());
    }
    let mut stand_ins = Vec::new();
    for (index, file) in manifest.files.iter().enumerate().filter(|(_, f)| is_raw(f)) {
        let plain = percent_escaped(file.path.as_bytes());
        let mut name = plain.clone();
        // Another tool that checks lengths should take the collection as well. The index is unique,
        // so trying it and the numbers after it comes to an end soon.
        let mut suffix = index;
        while EntryPath::parse(name.as_bytes()).is_err() || taken.contains(name.as_bytes()) {
            let stem: String = plain
                .chars()
                .map(|c| if c == '/' { '%' } else { c })
                .take(40)
                .collect();
            name = format!("{stem}~{suffix}");
            suffix += 1;
        }
        taken.insert(name.clone().into_bytes());
        stand_ins.push((index, name));
    }
    stand_ins
}

fn percent_escaped(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02x}");
        }
    }
    out
}

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
    bad: Vec<BadName>,
    count: u64,
}

impl Names<'_> {
    fn parse(&mut self, raw: &[u8]) -> Option<EntryPath> {
        match EntryPath::parse_within(raw, self.limits) {
            Ok(path) => Some(path),
            Err(why) => {
                self.count += 1;
                if self.bad.len() < BAD_NAMES {
                    self.bad.push(BadName::new(raw, why));
                }
                None
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
        if let Some(path) = paths.parse(raw.map_or(stand_in, |(_, raw)| raw)) {
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
        let path = paths.parse(body.bytes()?);
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
        let path = paths.parse(body.bytes()?);
        let (target, mtime) = (body.bytes()?.into(), body.mtime()?);
        if let Some(path) = path {
            manifest.links.push(LinkEntry {
                path,
                target,
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
