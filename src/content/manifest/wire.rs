//! The metadata blob in bytes; `docs/formats.md` has it byte by byte.
//!
//! First the `CollectionMeta` of iroh-blobs, in postcard, which every tool that speaks iroh-blobs
//! reads. Right behind it Grove's section: magic, version, length, and then raw names, the metadata
//! of the files, folders and links. Numbers are postcard's: little-endian base-128 varints, signed
//! ones in zigzag form.
//!
//! This module writes; `read` reads.

use std::{
    collections::{HashMap, HashSet},
    fmt::Write as _,
};

use super::{FileEntry, Manifest, Mtime};
use crate::content::EntryPath;

/// How the metadata blob of a collection starts.
pub(super) const HEADER: &[u8; 13] = b"CollectionV0.";
/// How Grove's section starts. The first byte is no ASCII and no start of a UTF-8 character.
pub(super) const MAGIC: &[u8; 8] = b"\x93GroveM\n";
/// The version of the section that is written, and the newest that is read.
pub(super) const VERSION: u8 = 1;

/// Flags before a file's metadata: which of the three follow.
pub(super) const HAS_SIZE: u8 = 1;
pub(super) const HAS_MODE: u8 = 2;
pub(super) const HAS_MTIME: u8 = 4;

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
    // By the start of a name, the first number that nobody has tried: a tree may hold any number of
    // names that look like stand-ins, and each is to be met once.
    let mut untried: HashMap<String, usize> = HashMap::new();
    for (index, file) in manifest.files.iter().enumerate().filter(|(_, f)| is_raw(f)) {
        let plain = percent_escaped(file.path.as_bytes());
        let mut name = plain.clone();
        // Another tool that checks lengths should take the collection as well.
        while EntryPath::parse(name.as_bytes()).is_err() || taken.contains(name.as_bytes()) {
            let stem: String = plain
                .chars()
                .map(|c| if c == '/' { '%' } else { c })
                .take(40)
                .collect();
            let number = untried.entry(stem.clone()).or_default();
            let suffix = index.max(*number);
            name = format!("{stem}~{suffix}");
            *number = suffix + 1;
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
