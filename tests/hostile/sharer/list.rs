//! Lists of names by hand: with any bytes, and with numbers that lie.

use grove::content::Hash;

use super::blob::Blob;

/// The list of a share.
#[derive(Clone, Default)]
pub(crate) struct List {
    files: Vec<File>,
    /// Whether there is a section of ours behind the names.
    plain: bool,
    folders: Vec<(Vec<u8>, u64, i64)>,
    links: Vec<(Vec<u8>, Vec<u8>)>,
    /// The number of names that is claimed instead of the right one.
    claimed: Option<u64>,
    /// What stands behind everything, without counting as part of it.
    behind: Vec<u8>,
}

#[derive(Clone)]
struct File {
    name: Vec<u8>,
    hash: Hash,
    size: u64,
    mode: u64,
    mtime: (i64, u64),
}

impl List {
    /// A list of files: name, content and what is said to be its size.
    pub(crate) fn new<N: AsRef<[u8]>>(files: impl IntoIterator<Item = (N, Hash, u64)>) -> Self {
        let files = files.into_iter().map(|(name, hash, size)| File {
            name: name.as_ref().to_vec(),
            hash,
            size,
            mode: 0o644,
            mtime: (1_000_000_000, 0),
        });
        Self {
            files: files.collect(),
            ..Self::default()
        }
    }

    /// A list of these files.
    pub(crate) fn of<N: AsRef<[u8]>>(files: impl IntoIterator<Item = (N, Blob)>) -> Self {
        let files = files.into_iter();
        Self::new(files.map(|(name, blob)| (name, blob.hash, blob.size)))
    }

    /// In the order that a list has to be in.
    pub(crate) fn sorted(mut self) -> Self {
        self.files.sort_by(|a, b| a.name.cmp(&b.name));
        self.folders.sort();
        self.links.sort();
        self
    }

    /// As another tool writes it: names and nothing else.
    pub(crate) fn plain(mut self) -> Self {
        self.plain = true;
        self
    }

    /// With this mode and time for every file.
    pub(crate) fn looking(mut self, mode: u64, mtime: (i64, u64)) -> Self {
        for file in &mut self.files {
            (file.mode, file.mtime) = (mode, mtime);
        }
        self
    }

    pub(crate) fn folder(mut self, name: impl AsRef<[u8]>, mode: u64, secs: i64) -> Self {
        self.folders.push((name.as_ref().to_vec(), mode, secs));
        self
    }

    pub(crate) fn link(mut self, name: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        let (name, target) = (name.as_ref().to_vec(), target.as_ref().to_vec());
        self.links.push((name, target));
        self
    }

    /// Claiming so many names.
    pub(crate) fn claiming(mut self, names: u64) -> Self {
        self.claimed = Some(names);
        self
    }

    /// With something behind its end.
    pub(crate) fn with_behind(mut self, bytes: &[u8]) -> Self {
        self.behind = bytes.to_vec();
        self
    }

    /// The bytes of the metadata blob.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = b"CollectionV0.".to_vec();
        varint(&mut out, self.claimed.unwrap_or(self.files.len() as u64));
        for file in &self.files {
            bytes(&mut out, &file.name);
        }
        if !self.plain {
            let body = self.section();
            out.extend_from_slice(b"\x93GroveM\n\x01");
            out.extend_from_slice(&(body.len() as u64).to_le_bytes());
            out.extend_from_slice(&body);
        }
        out.extend_from_slice(&self.behind);
        out
    }

    fn section(&self) -> Vec<u8> {
        let mut out = vec![0];
        for file in &self.files {
            out.push(7);
            varint(&mut out, file.size);
            varint(&mut out, file.mode);
            time(&mut out, file.mtime);
        }
        varint(&mut out, self.folders.len() as u64);
        for (name, mode, secs) in &self.folders {
            bytes(&mut out, name);
            varint(&mut out, *mode);
            time(&mut out, (*secs, 0));
        }
        varint(&mut out, self.links.len() as u64);
        for (name, target) in &self.links {
            bytes(&mut out, name);
            bytes(&mut out, target);
            time(&mut out, (0, 0));
        }
        out
    }

    pub(crate) fn meta(&self) -> Blob {
        Blob::real(self.bytes())
    }

    /// The list of hashes.
    pub(crate) fn root(&self) -> Blob {
        let meta = Hash::new(self.bytes());
        let files = self.files.iter().map(|file| file.hash);
        let hashes: Vec<_> = [meta].into_iter().chain(files).collect();
        Blob::real(sequence(&hashes))
    }
}

/// A list of hashes.
pub(crate) fn sequence(hashes: &[Hash]) -> Vec<u8> {
    let hashes = hashes.iter().map(|hash| *hash.as_bytes());
    hashes.collect::<Vec<_>>().concat()
}

pub(crate) fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

pub(crate) fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn time(out: &mut Vec<u8>, (secs, nanos): (i64, u64)) {
    varint(out, ((secs << 1) ^ (secs >> 63)).cast_unsigned());
    varint(out, nanos);
}
