//! The record of who has a place in a share with a limit, which outlives the program.
//!
//! A share that may be fetched once would otherwise be fetched once more after every crash. So a
//! place is written down and synced before its owner gets anything, and that somebody has everything
//! is written down before it counts. The form is in `docs/formats.md`. A record that is damaged is
//! never taken for an empty one. One program at a time holds it.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    content::{Hash, PeerId, escape},
    disk::{self, LockFile},
    events::{Failure, FailureKind},
};

const MAGIC: &[u8; 8] = b"GROVEGET";
const VERSION: u32 = 1;

/// Bytes before the first place, and of each.
const HEAD: usize = 8 + 4 + 32 + 8;
const PLACE: usize = 32 + 1;

/// Who has a place in a share, and whether it has everything.
pub type Places = BTreeMap<PeerId, bool>;

/// The record of one share. Locked while this is there.
#[derive(Debug)]
pub struct Record {
    path: PathBuf,
    root: Hash,
    lock: LockFile,
    before: Places,
}

impl Record {
    /// Opens the record of the share `root` in `folder`, which is made when it is missing.
    ///
    /// # Errors
    /// `Refused` when another program holds it; `LocalDisk` when it cannot be read, or is damaged.
    pub fn open(folder: &Path, root: &Hash) -> Result<Self, Failure> {
        let (path, _) = Self::paths(folder, root);
        disk::create_private_dir(folder)
            .map_err(|error| unusable(folder, &disk::reason(&error)))?;
        let lock = Self::lock(folder, root)?;
        let before = match fs::read(&path) {
            Ok(bytes) => decode(&bytes, root).map_err(|why| unusable(&path, why))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Places::new(),
            Err(error) => return Err(unusable(&path, &disk::reason(&error))),
        };
        Ok(Self {
            path,
            root: *root,
            lock,
            before,
        })
    }

    /// Removes the record of the share `root` in `folder`, in whatever state it is.
    ///
    /// # Errors
    /// `Refused` when another program holds it, and counts with it; `LocalDisk` when it cannot be removed.
    pub fn forget(folder: &Path, root: &Hash) -> Result<(), Failure> {
        if !folder.is_dir() {
            return Ok(());
        }
        let (path, _) = Self::paths(folder, root);
        let lock = Self::lock(folder, root)?;
        fs::remove_file(&path)
            .or_else(|error| match error.kind() {
                io::ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            })
            .and_then(|()| lock.remove())
            .map_err(|error| unusable(&path, &disk::reason(&error)))
    }

    fn lock(folder: &Path, root: &Hash) -> Result<LockFile, Failure> {
        let (_, lock) = Self::paths(folder, root);
        let lock = LockFile::acquire(&lock);
        let lock = lock.map_err(|error| unusable(folder, &disk::reason(&error)))?;
        lock.ok_or_else(|| {
            let message = "this is shared with a limit already, by another grove";
            Failure::new(FailureKind::Refused, message)
                .hint("stop that one, or leave out --once, --max-gets and --fresh here")
        })
    }

    fn paths(folder: &Path, root: &Hash) -> (PathBuf, PathBuf) {
        let name = root.to_hex();
        (folder.join(&name), folder.join(format!("{name}.lock")))
    }

    /// Who had a place when it was opened.
    #[must_use]
    pub fn before(&self) -> &Places {
        &self.before
    }

    /// Writes down who has a place. Returns once a power cut cannot undo it. Blocks.
    ///
    /// # Errors
    /// Those of writing.
    pub fn save(&self, places: &Places) -> io::Result<()> {
        disk::replace_synced(&self.path, &encode(places, &self.root))
    }

    /// Removes it: the share has ended by itself.
    ///
    /// # Errors
    /// Those of removing.
    pub fn remove(&self) -> io::Result<()> {
        fs::remove_file(&self.path).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        })?;
        // Somebody who opened it meanwhile and waits for the lock sees that it is gone.
        fs::remove_file(self.lock.path())
    }
}

fn unusable(path: &Path, why: &str) -> Failure {
    let path = path.to_string_lossy();
    let message = format!(
        "the record of who has this share cannot be used: {why} ({})",
        escape(&path)
    );
    Failure::new(FailureKind::LocalDisk, message)
        .hint("put it right, or count from nothing with --fresh")
}

/// What [`decode`] reads.
pub(crate) fn encode(places: &Places, root: &Hash) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD + places.len() * PLACE + 32);
    bytes.extend(MAGIC);
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend(root.as_bytes());
    bytes.extend((places.len() as u64).to_le_bytes());
    for (peer, complete) in places {
        bytes.extend(peer.as_bytes());
        bytes.push(u8::from(*complete));
    }
    let hash = blake3::hash(&bytes);
    bytes.extend(hash.as_bytes());
    bytes
}

/// Who has a place in the share `root`, by a record of that.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn decode(bytes: &[u8], root: &Hash) -> Result<Places, &'static str> {
    const DAMAGED: &str = "it is damaged";
    let head = bytes.get(..HEAD).ok_or(DAMAGED)?;
    let (magic, rest) = head.split_at(8);
    let (version, rest) = rest.split_at(4);
    let (of, _) = rest.split_at(32);
    if magic != MAGIC {
        return Err(DAMAGED);
    }
    if version != VERSION.to_le_bytes() {
        return Err("it was made by a newer grove");
    }
    let (content, hash) = bytes.split_last_chunk::<32>().ok_or(DAMAGED)?;
    if content.len() < HEAD || blake3::hash(content) != *hash || of != root.as_bytes() {
        return Err(DAMAGED);
    }
    // Whoever can make that hash can write anything, so the number is only checked.
    let (records, rest) = content[HEAD..].as_chunks::<PLACE>();
    let count = content[HEAD - 8..HEAD].try_into().map(u64::from_le_bytes);
    if !rest.is_empty() || count.ok() != Some(records.len() as u64) {
        return Err(DAMAGED);
    }
    let places = records.iter().map(|record| {
        let (complete, id) = record.split_last().ok_or(DAMAGED)?;
        let id: &[u8; 32] = id.try_into().map_err(|_| DAMAGED)?;
        let peer = PeerId::from_bytes(id).map_err(|_| DAMAGED)?;
        (*complete <= 1)
            .then_some((peer, *complete == 1))
            .ok_or(DAMAGED)
    });
    let places: Places = places.collect::<Result<_, _>>()?;
    if places.len() != records.len() {
        return Err(DAMAGED);
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use iroh::SecretKey;
    use tempfile::TempDir;

    use super::*;

    fn root() -> Hash {
        Hash::new("a share")
    }

    fn places(count: u8) -> Places {
        (0..count)
            .map(|n| (SecretKey::from_bytes(&[n; 32]).public(), n % 2 == 0))
            .collect()
    }

    #[test]
    fn what_is_saved_is_there_again() {
        let dir = TempDir::new().unwrap();
        let folder = dir.path().join("shares");
        let record = Record::open(&folder, &root()).unwrap();
        assert!(record.before().is_empty());
        record.save(&places(3)).unwrap();
        record.save(&places(5)).unwrap();
        let other = Record::open(&folder, &Hash::new("another")).unwrap();
        assert!(other.before().is_empty(), "each share has its own");
        drop(record);
        let record = Record::open(&folder, &root()).unwrap();
        assert_eq!(*record.before(), places(5));
        record.remove().unwrap();
        drop(record);
        assert!(Record::open(&folder, &root()).unwrap().before().is_empty());
    }

    #[test]
    fn one_program_at_a_time() {
        let dir = TempDir::new().unwrap();
        let held = Record::open(dir.path(), &root()).unwrap();
        held.save(&places(3)).unwrap();
        let refused = Record::open(dir.path(), &root()).unwrap_err();
        assert_eq!(refused.kind, FailureKind::Refused);
        let refused = Record::forget(dir.path(), &root()).unwrap_err();
        assert_eq!(refused.kind, FailureKind::Refused);
        drop(held);
        let again = Record::open(dir.path(), &root()).unwrap();
        assert_eq!(*again.before(), places(3));
        drop(again);
        Record::forget(dir.path(), &root()).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_damaged_record_is_refused_and_never_empty() {
        let dir = TempDir::new().unwrap();
        Record::open(dir.path(), &root())
            .unwrap()
            .save(&places(4))
            .unwrap();
        let path = dir.path().join(root().to_hex());
        let good = fs::read(&path).unwrap();
        let refused = |bytes: &[u8], what: &str| {
            fs::write(&path, bytes).unwrap();
            let opened = Record::open(dir.path(), &root());
            assert_eq!(
                opened.err().map(|failure| failure.kind),
                Some(FailureKind::LocalDisk),
                "{what}"
            );
        };
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 0x10;
            refused(&bytes, &format!("byte {at} changed"));
            refused(&good[..at], &format!("cut off at {at}"));
        }
        refused(&[&good[..], &[0]].concat(), "something behind it");
        refused(
            &encode(&places(4), &Hash::new("another")),
            "of another share",
        );
        Record::forget(dir.path(), &root()).unwrap();
        assert!(Record::open(dir.path(), &root()).is_ok());
    }

    /// The example in `docs/formats.md`.
    #[test]
    fn the_form_stays() {
        let peer = SecretKey::from_bytes(&[1; 32]).public();
        let bytes = encode(&Places::from([(peer, true)]), &Hash::from_bytes([0x11; 32]));
        assert_eq!(bytes.len(), 52 + 33 + 32);
        assert_eq!(bytes[..12], *b"GROVEGET\x01\0\0\0");
        assert_eq!(bytes[12..44], [0x11; 32]);
        assert_eq!(bytes[44..52], [1, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes[52..84], *peer.as_bytes());
        assert_eq!(bytes[84], 1);
        assert_eq!(bytes[85..], *blake3::hash(&bytes[..85]).as_bytes());
    }
}
